package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
)

func (c *cli) evalCommand() *cobra.Command {
	var flags configFlags
	var split, modelFile string
	var misses int
	var asJSON, cross bool
	var share float64
	var attack mutationFlags
	cmd := &cobra.Command{
		Use:   "eval [FILE...]",
		Short: "Score the classifier and policy against labelled conversations",
		Long: "eval classifies labelled events and prints precision, recall and F1 of the reviews by category, obfuscation,\n" +
			"language, intent, file and length. A FILE is JSON Lines of events with a \"label\", or conversations in the compact\n" +
			"format where its name ends in .txt. Without FILE the corpus in the binary is used.\n\n" +
			"With --mutations it takes contacts that stand in the open, writes them in every disguise, and says which get through, and how often\n" +
			"innocent numbers that are written so come out as reviews.",
		Example: "  worker eval --split all --cross-validate\n  worker eval --misses 20 my-labelled.jsonl\n  worker eval --mutations --benign chat.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			events, err := labelled(args, split)
			if err != nil {
				return err
			}
			s, err := flags.load(cmd.Flags(), c.env)
			if err != nil {
				return err
			}
			if s.model, err = s.withModel(modelFile); err != nil {
				return err
			}
			if len(args) == 0 && modelFile == "" && !cross {
				fmt.Fprintln(c.err, "note: the models in the binary were fitted on this corpus, the second reader on its train part. For figures on text that they have not seen:\n"+
					"  worker train --split train --out held-out.model && worker eval --model held-out.model\n"+
					"  worker eval --cross-validate    for the first reader alone")
			}
			if share <= 0 || share > 1 {
				return fail(exitUsage, fmt.Errorf("--share: %v is not above 0 and at most 1", share))
			}
			if attack.on {
				return c.evalMutations(s, events, &attack, misses, asJSON)
			}
			report, err := score(s, events, cross, share)
			if err != nil {
				return err
			}
			if asJSON {
				return c.reportJSON(report, s.model, s.policy)
			}
			if err := report.WriteTable(c.out); err != nil || misses == 0 {
				return err
			}
			fmt.Fprintln(c.out)
			return report.WriteMisses(c.out, misses)
		},
	}
	cmd.Flags().StringVar(&split, "split", "tune", "`part` of the embedded corpus: train, tune or all")
	flags.register(cmd.Flags(), "policy", "second-reader")
	cmd.Flags().StringVar(&modelFile, "model", "", "model `file` (default: the one in the binary)")
	cmd.Flags().BoolVar(&cross, "cross-validate", false, "judge each conversation by a model fitted on the others; takes minutes")
	cmd.Flags().Float64Var(&share, "share", 1, "with --cross-validate: fit on this `part` of the conversations only, for a learning curve")
	attack.register(cmd)
	cmd.Flags().IntVar(&misses, "misses", 0, "also print the first `n` wrong answers")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the figures as one JSON object")
	return cmd
}

// withModel is the configured classifier, with the first reader's model from a file; that in the binary where path is empty.
func (s *setup) withModel(path string) (*classify.Classifier, error) {
	if path == "" {
		return s.model, nil
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	m, err := classify.ParseModel(file)
	if err != nil {
		return nil, fail(exitData, fmt.Errorf("%s: %w", path, err))
	}
	return s.model.WithFirst(m), nil
}

// score judges the events by the model, or by models that have not seen their conversations.
func score(s *setup, events []onside.Event, cross bool, share float64) (*onside.Report, error) {
	if !cross {
		return onside.Score(events, decideAll(s.model, s.policy, events)), nil
	}
	verdicts, err := crossValidated(s.model, s.policy, events, share)
	if err != nil {
		return nil, err
	}
	return onside.Score(events, verdicts), nil
}

func labelled(files []string, split string) ([]onside.Event, error) {
	if len(files) == 0 {
		return embedded(split)
	}
	var r onside.Reader
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read labelled events: %w", err)
		}
		if filepath.Ext(name) == ".txt" {
			r.Compact(name, string(src))
		} else {
			r.JSONL(name, string(src))
		}
	}
	events, err := r.Events()
	if err != nil {
		return nil, fail(exitData, fmt.Errorf("read labelled events:\n%w", err))
	}
	return events, nil
}

func embedded(split string) ([]onside.Event, error) {
	events, err := onside.Corpus()
	if err != nil {
		return nil, err
	}
	train, tune := onside.Split(events)
	switch split {
	case "train":
		return train, nil
	case "tune":
		return tune, nil
	case "all":
		return events, nil
	}
	return nil, fail(exitUsage, fmt.Errorf("--split: %q is not one of train, tune, all", split))
}

// decideAll gives the verdicts on events in order, by event id.
func decideAll(model *classify.Classifier, p *policy.Policy, events []onside.Event) map[string]onside.Verdict {
	j := newJudge(model, p, len(events))
	out := make(map[string]onside.Verdict, len(events))
	for i := range events {
		out[events[i].EventID] = verdictOf(j.decide(&events[i].Message))
	}
	return out
}

func verdictOf(d policy.Decision) onside.Verdict {
	return onside.Verdict{Action: d.Action.String(), Categories: categories(d.Findings)}
}

// categories names those of the findings, each once, in their order.
func categories(findings []classify.Finding) []string {
	out := make([]string, 0, len(findings))
	var seen [classify.NumCategories]bool
	for i := range findings {
		if c := findings[i].Category; !seen[c] {
			seen[c] = true
			out = append(out, c.String())
		}
	}
	return out
}

func (c *cli) reportJSON(r *onside.Report, model *classify.Classifier, p *policy.Policy) error {
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Model  string `json:"model"`
		Policy string `json:"policy"`
		*onside.Report
	}{model.Version(), p.Version(), r})
}
