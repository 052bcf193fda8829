package sink

import (
	"slices"
	"strings"
)

// The search through the model's states, and what must hold at the end of every run.

// found is what a search has come to.
type found struct {
	states, steps, ends int
	seen                [kinds]bool
	breach              breach
	way                 []string // the shortest one to the breach
}

// search visits every state that can be reached, the nearest first. It stops at the first promise that is broken, but for
// those that are waived.
func (m *model) search(waived ...breach) found {
	var f found
	w := newWalk(m.start())
	for i := 0; i < len(w.states) && f.breach == kept; i++ {
		s := w.states[i]
		if m.over(&s) {
			f.ends++
			if m.missing(&s) != 0 && !slices.Contains(waived, lost) {
				f.breach, f.way = lost, append(m.tell(w, i), m.lament(lost, &s, event{}))
			}
		}
		m.next(&s, func(e event, t state, b breach) {
			if f.breach != kept {
				return
			}
			f.steps++
			f.seen[e.kind] = true
			if b != kept && !slices.Contains(waived, b) {
				f.breach, f.way = b, append(m.tell(w, i), m.sentence(e, &s, &t), m.lament(b, &t, e))
				return
			}
			w.reach(t, i, e)
		})
	}
	f.states = len(w.states)
	return f
}

// walk is what a search has seen: each state once, with the event that led to it first.
type walk struct {
	states []state
	from   []int32 // index of the state before
	by     []event
	known  map[state]struct{}
}

func newWalk(start state) *walk {
	return &walk{states: []state{start}, from: []int32{-1}, by: []event{{}}, known: map[state]struct{}{start: {}}}
}

func (w *walk) reach(s state, from int, by event) {
	if _, ok := w.known[s]; ok {
		return
	}
	w.known[s] = struct{}{}
	w.states, w.from, w.by = append(w.states, s), append(w.from, int32(from)), append(w.by, by)
}

// tell is the way to a state, a sentence a step.
func (m *model) tell(w *walk, at int) (lines []string) {
	for ; w.from[at] >= 0; at = int(w.from[at]) {
		lines = append(lines, m.sentence(w.by[at], &w.states[w.from[at]], &w.states[at]))
	}
	slices.Reverse(lines)
	return lines
}

// over reports whether everything is committed and nobody is at work.
func (m *model) over(s *state) bool {
	for p, n := range m.size {
		l := &s.lanes[p][live]
		if int(s.committed[p]) < n || int(l.done) < n || l.phase != idle || s.lanes[p][zombie].phase != gone {
			return false
		}
	}
	return true
}

// missing are the records that are lost in a state in which all is over. What the policy wants to come out must stand in
// the output, or all that it shows must stand there in other flags.
func (m *model) missing(s *state) (b bits) {
	shown := ""
	for id, what := range m.shown {
		if s.out>>id&1 != 0 {
			shown += what
		}
	}
	for r, line := range m.log {
		if s.under[r] == unread {
			continue
		}
		p := s.under[r] - 1
		stands := s.out>>m.id[r][p]&1 != 0
		hidden := len(m.asks[r][p]) > 0 && strings.Trim(line.shows, shown) != ""
		if !stands && (line.spoilt || hidden) {
			b |= bit(r)
		}
	}
	return b
}
