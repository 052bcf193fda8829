package classify

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// turn is what a test lets one of two parties do.
type turn struct {
	who   uint16
	act   Act
	topic Topic
}

func (t turn) signal(offset int) Signal {
	g := Signal{Offset: int64(offset), Sender: t.who}
	act := t.act
	if act == Defer {
		act, g.Facts = Refuse, FactDefer
	}
	g.Said[saidAct+int(act)], g.Said[saidTopic+int(t.topic)] = certain, certain
	return g
}

func TestDialog(t *testing.T) {
	const a, b = 1, 2
	for _, c := range []struct {
		name  string
		turns []turn
		topic Topic
		want  Matter
	}{
		{"nothing said", nil, TopicContact, Matter{}},
		{"asked", []turn{{a, Request, TopicContact}}, TopicContact, Matter{Status: Asked, By: a, Moves: 1}},
		{"whatsapp? yep", []turn{{a, Propose, TopicChannel}, {b, Comply, TopicChannel}}, TopicChannel, Matter{Status: Agreed, By: b, Moves: 2}},
		{"your mail? it is …", []turn{{a, Request, TopicContact}, {b, Comply, TopicContact}}, TopicContact, Matter{Status: Given, By: b, Moves: 2}},
		{"a number, added you", []turn{{a, Share, TopicContact}, {b, Comply, TopicContact}}, TopicContact, Matter{Status: Agreed, By: b, Moves: 2}},
		{"a number, ends 02 sorry", []turn{{a, Share, TopicContact}, {a, Share, TopicContact}}, TopicContact, Matter{Status: Given, By: a, Moves: 2}},
		{"cash? no", []turn{{a, Propose, TopicPayment}, {b, Refuse, TopicContact}}, TopicPayment, Matter{Status: Refused, By: b, Moves: 2}},
		{"cash? no, come on", []turn{{a, Propose, TopicPayment}, {b, Refuse, TopicPayment}, {a, Propose, TopicPayment}}, TopicPayment, Matter{Status: Pushed, By: a, Moves: 3}},
		{"cash? no. ok then", []turn{{a, Propose, TopicPayment}, {b, Refuse, TopicPayment}, {a, Propose, TopicPayment}, {b, Comply, TopicPayment}}, TopicPayment, Matter{Status: Agreed, By: b, Moves: 4}},
		{"slack? once hired", []turn{{a, Propose, TopicChannel}, {b, Defer, TopicChannel}}, TopicChannel, Matter{Status: Deferred, By: b, Moves: 2}},
		{"forget it", []turn{{a, Propose, TopicChannel}, {a, Refuse, TopicChannel}}, TopicChannel, Matter{Status: Quiet, By: a, Moves: 2}},
		{"discussing moves nothing", []turn{{a, Discuss, TopicPayment}}, TopicPayment, Matter{}},
		{"another topic only grows older", []turn{{a, Propose, TopicPayment}, {b, Request, TopicContact}, {a, Share, TopicContact}}, TopicPayment, Matter{Status: Offered, By: a, Moves: 1, Age: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s State
			for i, turn := range c.turns {
				s.Fold(turn.signal(i))
			}
			if got := s.Dialog().Matters[c.topic]; got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

// TestDialogNobody is about the sender whose shortened id is the zero of By.
func TestDialogNobody(t *testing.T) {
	var s State
	s.Fold(turn{0, Request, TopicContact}.signal(0))
	s.Fold(turn{0, Request, TopicContact}.signal(1))
	if got, want := s.Dialog().Matters[TopicContact], (Matter{Status: Asked, Moves: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestDialogReminded(t *testing.T) {
	var s State
	for i, want := range []uint8{0, 1, 2, 3, 1} {
		g := turn{1, Discuss, TopicContact}.signal(i)
		if want == 1 {
			g.Facts = FactSystem
		}
		s.Fold(g)
		if got := s.Dialog().Reminded; got != want {
			t.Errorf("after message %d: %d, want %d", i, got, want)
		}
	}
}

// TestTransitionsReach shows that each status can be come to and left.
func TestTransitionsReach(t *testing.T) {
	reached := map[Status]bool{Quiet: true}
	for todo := []Status{Quiet}; len(todo) > 0; todo = todo[1:] {
		row := &transitions[todo[0]]
		for _, to := range append(slices.Clone(row.own[:]), row.other[:]...) {
			if !reached[to] {
				reached[to] = true
				todo = append(todo, to)
			}
		}
	}
	for s := range numStatuses {
		if !reached[s] {
			t.Errorf("no way leads to %s", s)
		}
		if row := &transitions[s]; row.own == row.other && row.own == (statuses{s, s, s, s, s, s, s}) {
			t.Errorf("no way leads out of %s", s)
		}
	}
}

// TestDrawing holds the drawing in the docs to the table.
func TestDrawing(t *testing.T) {
	doc, err := os.ReadFile("../../docs/QUALITY.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := drawing(); !strings.Contains(string(doc), want) {
		t.Errorf("docs/QUALITY.md does not hold the state machine as it is:\n%s", want)
	}
}

func drawing() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> quiet\n")
	for from := range numStatuses {
		for to := range numStatuses {
			if acts := leads(from, to); from != to && acts != "" {
				fmt.Fprintf(&b, "    %s --> %s: %s\n", from, to, acts)
			}
		}
	}
	b.WriteString("```\n")
	return b.String()
}

// leads names the acts that lead from one status to another, those of one party only with who does them.
func leads(from, to Status) string {
	var acts []string
	for a := range Defer + 1 {
		own, other := transitions[from].own[a] == to, transitions[from].other[a] == to
		switch {
		case own && other:
			acts = append(acts, a.String())
		case own:
			acts = append(acts, "own "+a.String())
		case other:
			acts = append(acts, "other's "+a.String())
		}
	}
	return strings.Join(acts, ", ")
}
