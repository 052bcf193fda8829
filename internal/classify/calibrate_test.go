package classify

import (
	"math"
	"testing"
)

// TestReliability calibrates answers that are right three times in four and sees that their probability says so.
func TestReliability(t *testing.T) {
	var examples []Example
	var unseen []Unseen
	for i := range 4000 {
		yes := i%2 == 0
		e := Example{Label: Label{Action: "none"}}
		if yes == (i%8 < 6) { // right in six of eight
			e.Action = "review"
		}
		z := float32(-1)
		if yes {
			z = 1
		}
		examples, unseen = append(examples, e), append(unseen, Unseen{z})
	}
	c := Calibrate(examples, unseen)
	bins := c.Reliability(examples, unseen)
	total := 0
	for _, b := range bins {
		total += b.Messages
		if b.Messages == 0 {
			continue
		}
		if share := float64(b.Reviews) / float64(b.Messages); math.Abs(share-b.Mean) > 0.05 {
			t.Errorf("%d messages were given %.3f on average, and %.3f of them are reviews", b.Messages, b.Mean, share)
		}
	}
	if total != len(examples) {
		t.Errorf("%d messages in the bins, want %d", total, len(examples))
	}
	exempted := []Example{{Message: Message{SenderRole: "system"}, Label: Label{Action: "none"}}, {Label: Label{Action: "part"}}}
	if got := c.Reliability(exempted, make([]Unseen, 2)); got != [10]Bin{} {
		t.Errorf("what teaches nothing is counted: %+v", got)
	}
}
