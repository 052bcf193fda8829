package classify

import (
	"math"
	"testing"
)

func TestTanh(t *testing.T) {
	for x := float32(-12); x <= 12; x += 1.0 / 64 {
		if got, want := tanh(x), math.Tanh(float64(x)); math.Abs(float64(got)-want) > 1e-6 {
			t.Errorf("tanh(%v) = %v, want %v", x, got, want)
		}
	}
}

// A message meets the other party's last memory, its sender's own last, and no more than olderMemories before them.
func TestPrecedents(t *testing.T) {
	const me, other = 1, 2
	said := func(who ...uint16) (signals []Signal) {
		for _, w := range who {
			signals = append(signals, Signal{Sender: w})
		}
		return signals
	}
	for _, c := range []struct {
		signals []Signal
		want    precedents
	}{
		{nil, precedents{-1, -1, -1, -1, -1, -1}},
		{said(other), precedents{0, -1, -1, -1, -1, -1}},
		{said(me, other, me, other), precedents{3, 2, 1, 0, -1, -1}},
		{said(other, other, other, other, other, other, other), precedents{6, -1, 5, 4, 3, 2}},
		{append(said(other), Signal{Sender: 3, Facts: FactSystem}), precedents{0, -1, -1, -1, -1, -1}},
	} {
		if got := precede(c.signals, me); got != c.want {
			t.Errorf("%d signals: %v, want %v", len(c.signals), got, c.want)
		}
	}
}
