package main

import (
	"bytes"
	"encoding/json"
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
	var out, split, second string
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
			if second != "" {
				return c.writeSecond(second, events)
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
	cmd.Flags().StringVar(&second, "second", "", "`file` to write, instead, what tools/train needs for the second reader: what the first one makes of messages that it has not seen")
	cmd.MarkFlagsOneRequired("out", "second")
	cmd.MarkFlagsMutuallyExclusive("out", "second")
	return cmd
}

// schooling is a line for tools/train: a message, its label, and what a model made of it that had not seen its conversation.
type schooling struct {
	Conversation string       `json:"conv"`
	File         string       `json:"file"`
	Tune         bool         `json:"tune"`
	Stage        string       `json:"stage"`
	Role         string       `json:"role"`
	Sender       string       `json:"sender"`
	Text         string       `json:"text"`
	Label        onside.Label `json:"label"`
	Heads        []float32    `json:"z"`
	Known        []float32    `json:"known"`
	Target       []*float32   `json:"t"` // null where the label says nothing
	Opens        bool         `json:"doubt"`
	LetGo        bool         `json:"gone"`
}

func (c *cli) writeSecond(name string, events []onside.Event) (err error) {
	tune := map[string]bool{}
	_, held := onside.Split(events)
	for i := range held {
		tune[held[i].ConversationID] = true
	}
	lines := make([][]byte, len(events))
	err = eachHeldOut(onside.Examples(events), func(i int, g *classify.Guess) {
		e := &events[i]
		s := schooling{
			Conversation: e.ConversationID, File: e.File, Tune: tune[e.ConversationID], Stage: e.Stage.String(), Role: e.SenderRole, Sender: e.SenderID,
			Text: e.Text, Label: e.Label, Heads: g.Heads, Known: g.Known, Target: make([]*float32, len(g.Target)), Opens: g.Opens, LetGo: g.LetGo,
		}
		for k, t := range g.Target {
			if t == t {
				s.Target[k] = &t
			}
		}
		b, err := json.Marshal(s)
		if err != nil {
			panic("worker: a message is no JSON: " + err.Error())
		}
		lines[i] = append(b, '\n')
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, bytes.Join(lines, nil), 0o644); err != nil {
		return fmt.Errorf("write what the second reader learns from: %w", err)
	}
	_, err = fmt.Fprintf(c.out, "%s: %d messages\n", name, len(lines))
	return err
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
	out := make([]classify.Unseen, len(examples))
	err := eachHeldOut(examples, func(i int, g *classify.Guess) { out[i] = g.Unseen })
	return out, err
}

// eachHeldOut tells what a model fitted on the other folds makes of each example; of several at once, but of none twice.
func eachHeldOut(examples []classify.Example, told func(i int, g *classify.Guess)) error {
	return eachFold(func(k int) error {
		return classify.HoldOut(examples, func(conversation string) bool { return foldOf(conversation) == k }, told)
	})
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
