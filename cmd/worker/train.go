package main

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"sync"

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
	examples := onside.Examples(events)
	unseen, err := heldOut(examples)
	if err != nil {
		return nil, err
	}
	return classify.Train(examples, classify.Calibrate(examples, unseen))
}

// heldOut is what models say of each example that were fitted on the other folds.
func heldOut(examples []classify.Example) ([]classify.Unseen, error) {
	var parts [folds][]classify.Unseen
	err := eachFold(func(k int) (err error) {
		parts[k], err = classify.HoldOut(examples, func(conversation string) bool { return foldOf(conversation) == k })
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]classify.Unseen, len(examples))
	for i := range examples {
		out[i] = parts[foldOf(examples[i].ConversationID)][i]
	}
	return out, nil
}

// eachFold works on the folds side by side, as many at once as there are processors.
func eachFold(work func(k int) error) error {
	var errs [folds]error
	var joined sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for k := range folds {
		joined.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			errs[k] = work(k)
		})
	}
	joined.Wait()
	return errors.Join(errs[:]...)
}

// foldOf puts a conversation into a fold; minimal pairs stay together.
func foldOf(conversation string) int {
	return int(crc32.ChecksumIEEE([]byte(onside.Pair(conversation))) % folds)
}
