package classify

import "math"

// What the network is told besides words: numKnown numbers between -1 and 1.
const (
	numFacts = 16
	numKnown = 5*numFacts + 12
)

// know sets what is known about the message and what was said before it.
func (s *scene) know(m *Message, words int, facts Facts, signals []Signal, sender uint16) {
	var said [4]Facts // by the other party last, by the sender last, by the other before, by the sender before
	gap, turns, running := 0, 0, true
	for i := len(signals) - 1; i >= 0; i-- {
		g := &signals[i]
		if g.Facts&FactSystem != 0 {
			continue
		}
		turns++
		who := 0
		if g.Sender == sender {
			who = 1
			if running {
				gap++
			}
		} else {
			running = false
		}
		if said[who]&seen == 0 {
			said[who] = g.Facts | seen
		} else if turns <= 10 {
			said[who+2] |= g.Facts
		}
	}
	k := s.known[:0]
	for _, f := range [...]Facts{facts, said[0], said[1], said[2], said[3]} {
		for b := range numFacts {
			k = append(k, float32(f>>b&1))
		}
	}
	is := func(b bool) float32 {
		if b {
			return 1
		}
		return 0
	}
	k = append(k,
		is(m.Stage == PreContract), is(m.Stage == Active), is(m.SenderRole == "client"),
		is(said[0] == 0), is(gap == 0), float32(min(gap, 4))/4,
		is(turns == 0), float32(math.Log1p(float64(turns)))/5,
		is(words <= 2), is(words <= 6), is(words >= 25), float32(math.Log1p(float64(words)))/5)
	copy(s.known[:], k)
}

// seen marks a party that has said something, whatever it was.
const seen Facts = 1 << 31
