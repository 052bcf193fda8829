package classify

import (
	"fmt"
)

// Note is a signal as people read it.
type Note struct {
	Offset   int64
	Who      string   // sender, other or platform: seen from the message that is explained
	Facts    []string // what stood in it
	Fragment string   // a piece of evidence, while a later message may still complete it
	Recalled string   // which memory the explained message has of it: other_last, own_last, older; empty for none
}

// remember describes a state before a message and after it. Everything that a state holds is described here: what is
// added to State belongs into Note, or beside it.
func (e *Explanation) remember(prior *State, sig *Signal) {
	e.Before, e.Open = prior.describe(sig.Sender), standings(prior.Dialog(), sig.Sender)
	at := precede(prior.signals, sig.Sender)
	for k, i := range at {
		if i >= 0 {
			e.Before[i].Recalled = [...]string{"other_last", "own_last", "older"}[min(k, 2)]
		}
	}
	var next State
	for _, g := range prior.signals {
		next.Fold(g)
	}
	next.Fold(*sig)
	e.After, e.OpenAfter = next.describe(sig.Sender), standings(next.Dialog(), sig.Sender)
}

// Standing is where a topic stands that was brought up.
type Standing struct {
	Topic, Status string
	By            string // who moved it last: sender or other, seen from the message that is explained
	Moves, Age    int    // how often it was moved, and how many messages ago
}

// standings describes the topics that are not quiet.
func standings(d Dialog, sender uint16) (out []Standing) {
	for t, m := range d.Matters {
		if m.Status == Quiet {
			continue
		}
		by := "other"
		if m.By == sender {
			by = "sender"
		}
		out = append(out, Standing{Topic(t).String(), m.Status.String(), by, int(m.Moves), int(m.Age)})
	}
	return out
}

func (s *State) describe(sender uint16) []Note {
	out := make([]Note, len(s.signals))
	for i := range s.signals {
		g := &s.signals[i]
		out[i] = Note{Offset: g.Offset, Who: "other", Facts: g.Facts.Names()}
		switch {
		case g.Facts&FactSystem != 0:
			out[i].Who = "platform"
		case g.Sender == sender:
			out[i].Who = "sender"
		}
	}
	for i := len(out) - 1; i >= 0 && i > len(out)-fragmentWindow; i-- {
		if s.signals[i].Facts&FactPhone != 0 {
			break // as in assemble
		}
		out[i].Fragment = s.signals[i].Fragment
	}
	return out
}

var factNames = [...]string{
	"phone", "email", "handle", "contact_link", "meeting_link", "payment_id", "fragment", "placeholder", "work_link",
	"messenger", "pay_tool", "meet_tool", "question", "system", "disguise", "complete", "defer",
}

// Names are the facts' names, in the order of their bits.
func (f Facts) Names() []string {
	var out []string
	for b := range 32 {
		if f>>b&1 == 1 {
			out = append(out, factName(b))
		}
	}
	return out
}

func factName(bit int) string {
	if bit < len(factNames) {
		return factNames[bit]
	}
	return fmt.Sprintf("fact_%d", bit)
}
