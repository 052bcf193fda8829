package main

import (
	"fmt"
	"hash/crc32"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"onside"
	"onside/internal/classify"
)

// folds is how many parts the conversations are divided into for calibration and cross-validation.
const folds = 5

func (c *cli) trainCommand() *cobra.Command {
	var out, split string
	cmd := &cobra.Command{
		Use:   "train [FILE...]",
		Short: "Fit a model to labelled conversations",
		Long: "train fits the classifier's model and calibrates it by cross-validation over conversations. The same files give the same\n" +
			"model. A FILE is as for eval; without FILE the corpus in the binary is used. It takes a few minutes.",
		Example: "  worker train --out internal/classify/model/default.model\n  worker train --split train --out held-out.model && worker eval --model held-out.model",
		RunE: func(_ *cobra.Command, args []string) error {
			events, err := labelled(args, split)
			if err != nil {
				return err
			}
			m, err := trained(events)
			if err != nil {
				return err
			}
			file, err := m.MarshalBinary()
			if err != nil {
				return err
			}
			if err := os.WriteFile(out, file, 0o644); err != nil {
				return fmt.Errorf("write model: %w", err)
			}
			fmt.Fprintf(c.out, "%s: model %s, %d bytes, from %d messages\n", out, m.Version(), len(file), len(events))
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`file` to write the model to")
	cmd.Flags().StringVar(&split, "split", "all", "`part` of the embedded corpus: train, tune or all")
	if err := cmd.MarkFlagRequired("out"); err != nil {
		panic("worker: " + err.Error())
	}
	return cmd
}

// trained is a calibrated model of the events.
func trained(events []onside.Event) (*classify.Model, error) {
	examples, err := examplesOf(events)
	if err != nil {
		return nil, err
	}
	calibration, err := classify.Calibrate(examples, folds, foldOf)
	if err != nil {
		return nil, err
	}
	return classify.Train(examples, calibration)
}

// examplesOf turns labelled events into what a model learns from.
func examplesOf(events []onside.Event) ([]classify.Example, error) {
	out := make([]classify.Example, len(events))
	for i, e := range events {
		out[i] = classify.Example{Message: e.Message, Label: classify.Label{Action: e.Label.Action}}
		for _, name := range e.Label.Categories {
			cat, ok := classify.ParseCategory(name)
			if !ok {
				return nil, fail(exitData, fmt.Errorf("%s:%d: unknown category %q", e.File, e.Line, name))
			}
			out[i].Categories = append(out[i].Categories, cat)
		}
		out[i].Act, out[i].HasAct = classify.ParseAct(e.Label.Intent)
	}
	return out, nil
}

// foldOf puts a conversation into a fold; the ids of minimal pairs differ in their last letter only and stay together.
func foldOf(conversation string) int {
	if strings.HasPrefix(conversation, "d18-") {
		conversation = strings.TrimRight(conversation, "abc")
	}
	return int(crc32.ChecksumIEEE([]byte(conversation)) % folds)
}
