package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"onside/internal/source"
)

func (c *cli) classifyCommand() *cobra.Command {
	var flags configFlags
	var strict bool
	opt := verdictOptions{workers: runtime.GOMAXPROCS(0)}
	cmd := &cobra.Command{
		Use:   "classify",
		Short: "Read events as JSON Lines, write one verdict a line",
		Long: "classify reads one event a line from standard input and writes one verdict a line, in the same order. Messages of\n" +
			"a conversation build on each other in the order of the input. A line that is no event gives a verdict with an\n" +
			"\"error\" code. No Kafka, no Redis; memory stays bounded however long the input is.",
		Example: "  worker classify < events.jsonl > verdicts.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := flags.load(cmd.Flags(), c.env)
			if err != nil {
				return err
			}
			opt.model, opt.policy, opt.mapping, opt.evidence = s.model, s.policy, source.Mapping(s.Events), s.evidence
			opt.maxLine = int(s.Kafka.MaxRecordBytes)
			sum, err := writeVerdicts(c.in, c.out, opt)
			if err != nil {
				return err
			}
			return c.reportBadLines(sum, strict)
		},
	}
	f := cmd.Flags()
	flags.register(f, "policy", "second-reader", "evidence")
	f.IntVar(&opt.conversations, "conversations", 100_000, "how many conversations are remembered; the longest silent are forgotten")
	f.BoolVar(&strict, "strict", false, "exit with 65 when a line was no event")
	return cmd
}

// reportBadLines says on standard error how many lines were no events, and which came first.
func (c *cli) reportBadLines(s verdictSummary, strict bool) error {
	if s.bad == 0 {
		return nil
	}
	first := make([]string, len(s.first))
	for i, b := range s.first {
		first[i] = fmt.Sprintf("line %d: %s", b.number, b.code)
	}
	more := ""
	if s.bad > len(first) {
		more = ", …"
	}
	err := fmt.Errorf("%d of %d lines are no events (%s%s)", s.bad, s.lines, strings.Join(first, ", "), more)
	if strict {
		return fail(exitData, err)
	}
	fmt.Fprintf(c.err, "worker: %v\n", err)
	return nil
}
