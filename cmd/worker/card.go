package main

import (
	"slices"
	"strings"

	"onside"
	"onside/internal/sink"
)

// card shows a flag as a reviewer wants it: what it is about, who said it and when, the words with the evidence
// marked, what was said before where the evidence began there, and why it was raised.
type card struct {
	flag    *sink.Flag
	message func(id string) *onside.Event // nil where there is none
	style   style
	width   int
	edge    string // drawn before every line, in the colour of the severity
}

// labelWidth is the column that says what a line is: the longest role and a gap.
const labelWidth = 12

// quoteLines is how many lines of a message are shown at most.
const quoteLines = 3

func (c *card) String() string {
	lines := c.head()
	for _, id := range c.evidenceMessages() {
		if m := c.message(id); m != nil {
			lines = append(lines, c.quote(m)...)
		}
	}
	lines = append(lines, c.why()...)
	look := severityLook(c.flag.Severity)
	for i, l := range lines {
		lines[i] = strings.TrimRight(c.style.paint(look, c.edge)+l, " ") + "\n"
	}
	return strings.Join(lines, "")
}

func severityLook(severity string) string {
	switch severity {
	case "high":
		return red
	case "medium":
		return yellow
	}
	return cyan
}

// head is severity, categories and acts, and where the message stands: on the right, or in a line of its own.
func (c *card) head() []string {
	var categories, acts []string
	for _, f := range c.flag.Findings {
		categories, acts = addNew(categories, f.Category), addNew(acts, f.Act)
	}
	severity := strings.ToUpper(c.flag.Severity)
	what, how := strings.Join(categories, " "), strings.Join(acts, ", ")
	where := c.flag.Event.EventID + " · " + stageWords(c.flag.Event.Stage)
	if c.flag.Event.Lang != "" {
		where += " · " + c.flag.Event.Lang
	}
	left := pad(severity, labelWidth) + what + "  " + how
	gap := c.room() + labelWidth - textWidth(left) - textWidth(where)
	painted := c.style.paint(bold+";"+severityLook(c.flag.Severity), pad(severity, labelWidth)) +
		c.style.paint(bold, what) + "  " + c.style.paint(green, how)
	if gap < 2 {
		return []string{painted, strings.Repeat(" ", labelWidth) + c.style.paint(dim, where)}
	}
	return []string{painted + strings.Repeat(" ", gap) + c.style.paint(dim, where)}
}

func addNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func stageWords(stage string) string {
	switch stage {
	case "pre_contract":
		return "before the contract"
	case "ended":
		return "after the contract"
	}
	return "contract " + stage
}

// evidenceMessages are the messages that hold evidence, oldest first; the flagged one is the last.
func (c *card) evidenceMessages() []string {
	var ids []string
	for _, f := range c.flag.Findings {
		for _, s := range f.Spans {
			if s.MessageID != c.flag.Event.MessageID {
				ids = addNew(ids, s.MessageID)
			}
		}
	}
	slices.Sort(ids)
	return append(ids, c.flag.Event.MessageID)
}

func (c *card) quote(m *onside.Event) []string {
	look := ""
	if m.MessageID != c.flag.Event.MessageID {
		look = dim
	}
	cells := excerpt(cellsOf(m.Text, c.marks(m.MessageID)), quoteLines*c.room()-8)
	label := c.style.paint(dim, pad(m.SenderRole, labelWidth))
	var out []string
	for _, l := range wrap(cells, c.room()) {
		out = append(out, label+c.style.line(l, look))
		label = strings.Repeat(" ", labelWidth)
	}
	return out
}

// marks says which bytes of a message are evidence.
func (c *card) marks(id string) func(i int) bool {
	var spans []sink.Span
	for _, f := range c.flag.Findings {
		for _, s := range f.Spans {
			if s.MessageID == id {
				spans = append(spans, s)
			}
		}
	}
	return func(i int) bool {
		return slices.ContainsFunc(spans, func(s sink.Span) bool { return s.Start <= i && i < s.End })
	}
}

func (c *card) why() []string {
	none := func(int) bool { return false }
	label, out := c.style.paint(dim, pad("why", labelWidth)), []string(nil)
	for _, l := range wrap(cellsOf(c.flag.Reason, none), c.room()) {
		out = append(out, label+c.style.line(l, ""))
		label = strings.Repeat(" ", labelWidth)
	}
	var decoders []string
	for _, f := range c.flag.Findings {
		for _, d := range f.DecodedBy {
			decoders = addNew(decoders, d)
		}
	}
	if len(decoders) > 0 {
		seen := cellsOf(strings.Join(decoders, ", "), none)
		for _, l := range wrap(seen, c.room()) {
			out = append(out, c.style.paint(dim, pad("disguise", labelWidth))+c.style.line(l, dim))
		}
	}
	return out
}

// room is the columns behind the edge and the label.
func (c *card) room() int { return max(20, c.width-labelWidth-textWidth(c.edge)) }

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-textWidth(s))) }
