//go:build !race

// Training is one goroutine of arithmetic: under the race detector it takes ten times as long and proves nothing more.

package onside

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onside/internal/classify"
	"onside/internal/policy"
)

// TestQuality trains on the train part of the corpus, judges the tune part, and compares the figures with the golden file.
func TestQuality(t *testing.T) {
	events, err := Corpus()
	if err != nil {
		t.Fatal(err)
	}
	train, tune := Split(events)
	shipped := classify.Default()
	model, err := classify.Train(Examples(train), shipped.Calibration())
	if err != nil {
		t.Fatal(err)
	}
	classifier, err := classify.New(model)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := Score(tune, judged(classifier, tune)).WriteTable(&got); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/golden/quality.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("quality changed; if it is meant to: go test -run TestQuality -update . (-want +got):\n%s", diff)
	}
}

// judged are the verdicts of classifier and default policy, each message with what was said before it.
func judged(c *classify.Classifier, events []Event) map[string]Verdict {
	var res classify.Result
	states := map[string]*classify.State{}
	p := policy.Default()
	out := make(map[string]Verdict, len(events))
	for i := range events {
		m := &events[i].Message
		s := states[m.ConversationID]
		if s == nil {
			s = new(classify.State)
			states[m.ConversationID] = s
		}
		c.Classify(m, s, &res)
		s.Fold(res.Signal)
		d := p.Decide(m, res.Findings)
		v := Verdict{Action: d.Action.String()}
		for _, f := range d.Findings {
			v.Categories = append(v.Categories, f.Category.String())
		}
		out[m.EventID] = v
	}
	return out
}
