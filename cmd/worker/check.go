package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"onside/internal/policy"
)

func (c *cli) checkCommand() *cobra.Command {
	var flags configFlags
	var showPolicy, showConfig, connect bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check configuration and policy, and with --connect Kafka and Redis",
		Long: "check reads configuration and policy as run does and prints every fault with its line and column. With --connect it\n" +
			"also asks Kafka for the topics and Redis for what claims need, and says what to do about what is missing.",
		Example: "  worker check --config worker.yaml --connect\n  worker check --print-config > worker.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if showConfig {
				return printConfig(c.out)
			}
			if showPolicy {
				_, err := c.out.Write(policy.Default().Source())
				return err
			}
			s, err := flags.load(cmd.Flags(), c.env)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.out, "ok    configuration %s\nok    policy %s, version %s\n", named(flags.file), named(s.Policy), s.policy.Version())
			if connect {
				return checkConnections(cmd.Context(), s, c.out)
			}
			return nil
		},
	}
	flags.register(cmd.Flags(), "brokers", "group", "redis", "policy", "second-reader")
	cmd.Flags().BoolVar(&showPolicy, "print-policy", false, "print the policy in the binary and exit")
	cmd.Flags().BoolVar(&showConfig, "print-config", false, "print every setting with its default and exit")
	cmd.Flags().BoolVar(&connect, "connect", false, "also check Kafka and Redis")
	cmd.MarkFlagsMutuallyExclusive("print-policy", "print-config", "connect")
	return cmd
}

func named(file string) string {
	if file == "" {
		return "(default)"
	}
	return file
}

// checkConnections prints a line for everything that run needs from its neighbours. The error says how much is missing.
func checkConnections(ctx context.Context, s *setup, w io.Writer) error {
	findings := append(checkKafka(ctx, s), checkRedis(ctx, s)...)
	bad := 0
	for _, f := range findings {
		fmt.Fprintf(w, "%-5s %s\n", f.grade, f.text)
		if f.grade == gradeFail {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks failed", bad, len(findings))
	}
	return nil
}

// checkFinding is one line of worker check --connect.
type checkFinding struct{ grade, text string }

const (
	gradeOK   = "ok"
	gradeWarn = "warn"
	gradeFail = "FAIL"
)

func finding(grade, format string, args ...any) checkFinding {
	return checkFinding{grade, fmt.Sprintf(format, args...)}
}
