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

// TestQuality trains the first reader on the train part of the corpus, as the shipped second reader was, judges the tune part by the two together, by the
// first alone and with all read again, and compares the figures with the golden files.
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
	classifier := shipped.WithFirst(model)
	compareQuality(t, "testdata/golden/quality.txt", tune, classifier)
	compareQuality(t, "testdata/golden/quality-first.txt", tune, classifier.Rereading(classify.RereadNone))
	compareQuality(t, "testdata/golden/quality-always.txt", tune, classifier.Rereading(classify.RereadAll))
}

func compareQuality(t *testing.T, golden string, events []Event, c *classify.Classifier) {
	t.Helper()
	var got strings.Builder
	if err := Score(events, judged(c, events)).WriteTable(&got); err != nil {
		t.Fatal(err)
	}
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
		t.Errorf("%s: quality changed; if it is meant to: go test -run TestQuality -update . (-want +got):\n%s", golden, diff)
	}
}

// judged are the verdicts of classifier and default policy, each message with what was said before it.
func judged(c *classify.Classifier, events []Event) map[string]Verdict {
	var res classify.Result
	talks := map[string]*classify.Talk{}
	p := policy.Default()
	out := make(map[string]Verdict, len(events))
	for i := range events {
		m := &events[i].Message
		if talks[m.ConversationID] == nil {
			talks[m.ConversationID] = new(classify.Talk)
		}
		c.Next(m, talks[m.ConversationID], &res)
		d := p.Decide(m, res.Findings)
		v := Verdict{Action: d.Action.String()}
		for _, f := range d.Findings {
			v.Categories = append(v.Categories, f.Category.String())
		}
		out[m.EventID] = v
	}
	return out
}
