package classify

import "math"

// What the network is told besides words: numKnown numbers between -1 and 1.
const (
	numFacts     = 17
	numSetting   = 14
	topicNumbers = 2*int(numStatuses) + 2
	numOpen      = int(numTopics)*topicNumbers + 2
	numHeard     = 4 * numSaid
	numKnown     = (5*numFacts + numSetting + numOpen + numHeard + 3) &^ 3 // whole blocks, see kernel.go
)

// know sets what is known about the message and what was said before it.
func (s *scene) know(m *Message, words int, facts Facts, signals []Signal, sender uint16) {
	h := hear(signals, sender)
	k := s.known[:0]
	for _, f := range [...]Facts{facts, h.facts[0], h.facts[1], h.facts[2], h.facts[3]} {
		for b := range numFacts {
			k = append(k, float32(f>>b&1))
		}
	}
	k = append(k,
		is(m.Stage == PreContract), is(m.Stage == Active), is(m.SenderRole == "client"),
		is(h.facts[0] == 0), is(h.gap == 0), float32(min(h.gap, 4))/4,
		is(h.turns == 0), float32(math.Log1p(float64(h.turns)))/5,
		is(words <= 2), is(words <= 6), is(words >= 25), float32(math.Log1p(float64(words)))/5,
		h.pieces[0], h.pieces[1])
	k = knownDialog(k, follow(signals), sender)
	for _, said := range h.said {
		for _, p := range said {
			k = append(k, float32(p)/certain)
		}
	}
	copy(s.known[:], k)
}

func is(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// seen marks a party that has said something, whatever it was.
const seen Facts = 1 << 31

// heard is what the parties said before a message.
type heard struct {
	facts [4]Facts // by the other party last, by the sender last, by the other before, by the sender before
	said  [4]Said  // likewise; of those before, the newest
	gap   int      // messages by the sender since the other party spoke
	turns int

	pieces [2]float32 // how likely the other party, and the sender, left a piece of evidence among the last messages
}

func hear(signals []Signal, sender uint16) (h heard) {
	running := true
	var spoke [2]int
	for i := len(signals) - 1; i >= 0; i-- {
		g := &signals[i]
		if g.Facts&FactSystem != 0 {
			continue
		}
		h.turns++
		who := 0
		if g.Sender == sender {
			who = 1
			if running {
				h.gap++
			}
		} else {
			running = false
		}
		if i > len(signals)-fragmentWindow {
			h.pieces[who] = max(h.pieces[who], float32(g.Said[saidPart])/certain)
		}
		if spoke[who] < 2 {
			h.said[2*spoke[who]+who] = g.Said
		}
		if spoke[who] == 0 {
			h.facts[who] = g.Facts | seen
		} else if h.turns <= 10 {
			h.facts[who+2] |= g.Facts
		}
		spoke[who]++
	}
	return h
}

// knownDialog appends where each topic stands, seen from the sender, and whether the platform has spoken.
func knownDialog(k []float32, d Dialog, sender uint16) []float32 {
	for t := range d.Matters {
		m := &d.Matters[t]
		var stands [2 * numStatuses]float32 // moved last by the other party; by the sender
		if m.Status != Quiet {
			at := m.Status
			if m.By == sender {
				at += numStatuses
			}
			stands[at] = 1
		}
		k = append(k, stands[:]...)
		k = append(k, 1/(1+float32(m.Age)), float32(min(m.Moves, 4))/4)
	}
	return append(k, is(d.Reminded == 1), is(d.Reminded > 0))
}
