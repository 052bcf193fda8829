package main

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
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
			m, bins, err := trained(events)
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
			return writeReliability(c.out, bins)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`file` to write the model to")
	cmd.Flags().StringVar(&split, "split", "all", "`part` of the embedded corpus: train, tune or all")
	if err := cmd.MarkFlagRequired("out"); err != nil {
		panic("worker: " + err.Error())
	}
	return cmd
}

// writeReliability prints what messages before the contract were given by models that had not seen them, and what they were.
func writeReliability(w io.Writer, bins [10]classify.Bin) error {
	fmt.Fprintf(w, "\n%-11s  %8s  %6s  %7s\n", "probability", "messages", "given", "reviews")
	for i, b := range bins {
		reviews := "-"
		if b.Messages > 0 {
			reviews = fmt.Sprintf("%.3f", float64(b.Reviews)/float64(b.Messages))
		}
		if _, err := fmt.Fprintf(w, "%.1f to %.1f   %8d  %6.3f  %7s\n", float64(i)/10, float64(i+1)/10, b.Messages, b.Mean, reviews); err != nil {
			return fmt.Errorf("write reliability: %w", err)
		}
	}
	return nil
}

// trained is a calibrated model of the events, and how reliable its calibration is.
func trained(events []onside.Event) (*classify.Model, [10]classify.Bin, error) {
	examples := onside.Examples(events)
	unseen, err := heldOut(examples)
	if err != nil {
		return nil, [10]classify.Bin{}, err
	}
	c := classify.Calibrate(examples, unseen)
	m, err := classify.Train(examples, c)
	return m, c.Reliability(examples, unseen), err
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
