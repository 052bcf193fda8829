package classify

import "strings"

// Talk is a conversation that is held in memory, texts and all: what the messages so far have left, for the next one. The zero Talk is a
// conversation in which nothing was said.
type Talk struct {
	State State

	earlier [EarlierMessages]Earlier // newest first
	n       int
}

// Next reads the next message of a talk and adds it. A copy of it is kept.
func (c *Classifier) Next(m *Message, t *Talk, res *Result) {
	c.ClassifyWith(m, &t.State, t.Earlier(), res)
	t.State.Fold(res.Signal)
	copy(t.earlier[1:], t.earlier[:])
	e := m.Earlier()
	e.SenderRole, e.Text = strings.Clone(e.SenderRole), strings.Clone(e.Text)
	t.earlier[0], t.n = e, min(t.n+1, EarlierMessages)
}

// Earlier are the messages that precede the next one, newest first. They are valid until it is added.
func (t *Talk) Earlier() []Earlier { return t.earlier[:t.n] }

// Clone is a talk that goes on by itself.
func (t *Talk) Clone() *Talk {
	other := *t
	other.State.signals = append([]Signal(nil), t.State.signals...)
	return &other
}
