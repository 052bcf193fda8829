package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"onside/internal/classify"
	"onside/internal/source"
)

// explainOptions are the flags of worker explain.
type explainOptions struct {
	text, stage, role string
	message           string // id
	modelFile         string
	json              bool
}

func (c *cli) explainCommand() *cobra.Command {
	var flags configFlags
	var opt explainOptions
	cmd := &cobra.Command{
		Use:   "explain (--text TEXT | FILE)",
		Short: "Show how one message came to its decision, and what would change it",
		Long: "explain judges one message exactly as run does and lays open the whole way: the text as it is read, what the decoders\n" +
			"found, what pushed the score up and down, what the conversation had left behind, the rule that decided, and the smallest\n" +
			"change that would flip the decision. A FILE is JSON Lines of events, or conversations in the compact format where its name\n" +
			"ends in .txt or it begins with #; - is standard input; it is read into memory. The message is shown as it is, contacts\n" +
			"included. What a thing pushes is the log-odds with it less the log-odds without it; pushes do not add up.",
		Example: "  worker explain --text 'add me on telegram @foo' --role client\n  worker explain events.jsonl --message m-7\n" +
			"  worker explain --json conversation.txt | jq .flips",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opt.check(args, cmd.Flags().Changed); err != nil {
				return fail(exitUsage, err)
			}
			s, err := flags.load(cmd.Flags(), c.env)
			if err != nil {
				return err
			}
			if opt.modelFile != "" {
				if s.model, err = s.withModel(opt.modelFile); err != nil {
					return err
				}
			}
			talk, err := c.talk(&opt, args, s)
			if err != nil {
				return err
			}
			return c.explain(newReport(investigate(s.model, s.policy, talk)), opt.json)
		},
	}
	f := cmd.Flags()
	flags.register(f, "policy", "second-reader")
	f.StringVar(&opt.text, "text", "", "explain this `text`, said to open a conversation")
	f.StringVar(&opt.stage, "stage", "pre_contract", "`stage` of the contract with --text: pre_contract, active or ended")
	f.StringVar(&opt.role, "role", "client", "`role` of the sender with --text")
	f.StringVar(&opt.message, "message", "", "`id` of the message or event in FILE (default: the last one)")
	f.StringVar(&opt.modelFile, "model", "", "model `file` (default: the one in the binary)")
	f.BoolVar(&opt.json, "json", false, "print one JSON object")
	return cmd
}

// check finds what does not go together.
func (o *explainOptions) check(args []string, given func(flag string) bool) error {
	inline := given("text")
	for _, f := range []string{"stage", "role"} {
		if given(f) && !inline {
			return fmt.Errorf("--%s goes with --text: the events of a FILE have their own", f)
		}
	}
	switch {
	case inline && len(args) > 0:
		return errors.New("give --text or FILE, not both")
	case !inline && len(args) == 0:
		return errors.New("nothing to explain: give --text or FILE; - is standard input")
	case inline && given("message"):
		return errors.New("--message goes with FILE")
	case given("message") && o.message == "":
		return errors.New("--message is empty")
	case inline && o.text == "":
		return errors.New("--text is empty")
	case !utf8.ValidString(o.text):
		return errors.New("--text is not valid UTF-8")
	}
	if _, ok := classify.ParseStage(o.stage); !ok {
		return fmt.Errorf("--stage: %q is not one of pre_contract, active, ended", o.stage)
	}
	return nil
}

// talk is the conversation up to the message that is to be explained.
func (c *cli) talk(o *explainOptions, args []string, s *setup) ([]classify.Message, error) {
	if len(args) == 0 {
		stage, _ := classify.ParseStage(o.stage)
		return []classify.Message{{
			EventID: "text", ConversationID: "text", MessageID: "text", SenderID: o.role, SenderRole: o.role, Stage: stage, Text: o.text,
		}}, nil
	}
	r := talkReader{message: o.message, mapping: source.Mapping(s.Events), maxLine: int(s.Kafka.MaxRecordBytes)}
	talk, err := r.readFile(args[0], c.in)
	return talk, errors.Join(c.reportBadLines(r.sum, false), err)
}

func (c *cli) explain(r *report, asJSON bool) error {
	if !asJSON {
		style, columns, _ := dress(c.out, c.env)
		_, err := fmt.Fprint(c.out, newReportText(r, style, min(columns(), 120)))
		return err
	}
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
