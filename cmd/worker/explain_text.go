package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"onside/internal/classify"
)

// reportText writes a report for people. What the messages say is shown as cellsOf makes it safe.
type reportText struct {
	r     *report
	style style
	width int
	out   strings.Builder
}

func newReportText(r *report, s style, width int) string {
	t := &reportText{r: r, style: s, width: width}
	t.message()
	if !r.Event.Deleted {
		t.gate()
		t.folded()
		t.decoded()
		t.named()
		t.found()
		t.second()
	}
	t.state()
	t.decision()
	if !r.Event.Deleted && !r.Event.Exempt {
		t.flips()
	}
	return t.out.String()
}

// line writes cells in the column behind the label, wrapped.
func (t *reportText) line(label string, cells []cell, look string) {
	for i, l := range wrap(cells, max(20, t.width-labelWidth)) {
		if i > 0 {
			label = ""
		}
		text := t.style.paint(dim, pad(label, labelWidth)) + t.style.line(l, look)
		t.out.WriteString(strings.TrimRight(text, " ") + "\n")
	}
}

func (t *reportText) say(label, format string, args ...any) {
	t.line(label, cellsOf(fmt.Sprintf(format, args...), plainly), "")
}

func plainly(int) bool { return false }

// list writes one line an item; the label stands before the first.
func (t *reportText) list(label string, items []string, none string) {
	if len(items) == 0 && none != "" {
		items = []string{none}
	}
	for _, item := range items {
		t.say(label, "%s", item)
		label = ""
	}
}

func (t *reportText) message() {
	e := &t.r.Event
	where := e.EventID + " · " + stageWords(e.Stage)
	switch {
	case e.Earlier == 1:
		where += " · after 1 message"
	case e.Earlier > 1:
		where += fmt.Sprintf(" · after %d messages", e.Earlier)
	}
	t.line("message", cellsOf(where, plainly), dim)
	for i, q := range t.r.quoted {
		look := ""
		if i < len(t.r.quoted)-1 {
			look = dim
		}
		t.line(someone(q.role), cellsOf(q.text, func(at int) bool {
			return slices.ContainsFunc(q.spans, func(s verdictSpan) bool { return s.Start <= at && at < s.End })
		}), look)
	}
	if e.Deleted {
		t.say("", "a deletion: nothing was read")
	}
	if e.Exempt {
		t.say("", "the platform's own words: read, never judged")
	}
}

// someone is the role, or a word where the event has none.
func someone(role string) string { return cmp.Or(role, "someone") }

// gate says whether the message was let go at a glance, and what would have kept it.
func (t *reportText) gate() {
	g := &t.r.Gate
	text := short(g.Text, 30)
	switch g.Kept {
	case classify.GlanceSign:
		t.say("gate", "kept for `%s` at %d–%d, which it does not read", text, g.Start, g.End)
	case classify.GlanceUnknown:
		t.say("gate", "kept for words that it does not know, such as `%s`", text)
	case classify.GlanceWords:
		t.say("gate", "kept for what it says, most of all `%s`; log-odds %+.2f", text, g.Doubt)
	case classify.GlanceState:
		t.say("gate", "kept for what was said before; log-odds %+.2f", g.Doubt)
	}
	if !g.LetGo {
		return
	}
	t.say("gate", "let go at a glance, log-odds %+.2f; `%s` speaks most against it. Nothing more was read; what follows is what a reading would have come to", g.Doubt, text)
}

func (t *reportText) folded() {
	f := &t.r.Folded
	if len(f.Changes) == 0 {
		t.say("folded", "nothing but capitals")
		return
	}
	t.say("folded", "%s", f.Text)
	t.list("", list(f.Changes, func(c reportChange) string {
		to := "gone"
		if c.To != "" {
			to = fmt.Sprintf("`%s` at %d–%d", c.To, c.FoldedStart, c.FoldedEnd)
		}
		return fmt.Sprintf("  bytes %d–%d `%s` → %s", c.Start, c.End, visible(c.From), to)
	}), "")
}

// visible writes characters that nobody sees as their code points.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if columns(r) == 0 {
			fmt.Fprintf(&b, "<U+%04X>", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (t *reportText) decoded() {
	t.list("decoded", list(t.r.Evidence, func(x reportReading) string {
		s := fmt.Sprintf("%s `%s` at %s", x.Kind, x.Normalized, t.places(x.Spans))
		if x.Tool != "" {
			s += " of " + x.Tool
		}
		if len(x.DecodedBy) > 0 {
			s += ", by " + strings.Join(x.DecodedBy, ", ")
		}
		switch {
		case x.Placeholder:
			return s + "; a placeholder"
		case x.Fragment:
			return s + "; a fragment"
		}
		return s + fmt.Sprintf("; confidence %.2f", x.Confidence)
	}), "no evidence of a contact, a link or a payment id")
}

// places are spans as bytes, with the message where it is another one.
func (t *reportText) places(spans []verdictSpan) string {
	return strings.Join(list(spans, func(s verdictSpan) string {
		if s.MessageID != t.r.Event.MessageID {
			return fmt.Sprintf("%s:%d–%d", s.MessageID, s.Start, s.End)
		}
		return fmt.Sprintf("%d–%d", s.Start, s.End)
	}), " + ")
}

func (t *reportText) named() {
	t.list("tools", list(t.r.Tools, func(x reportTool) string {
		s := fmt.Sprintf("%s (%s) at %d–%d `%s`", x.Name, x.Kind, x.Start, x.End, x.Text)
		if !x.Strong {
			s += "; also an ordinary word"
		}
		return s
	}), "none named")
	concepts := strings.Join(list(t.r.Concepts, func(x reportConcept) string { return fmt.Sprintf("%s `%s`", x.Name, short(x.Text, 30)) }), ", ")
	if concepts == "" {
		concepts = "none named"
	}
	t.say("concepts", "%s", concepts)
}

func (t *reportText) found() {
	t.list("findings", list(t.r.Findings, func(f reportFinding) string {
		return fmt.Sprintf("%-22s %-8s %.2f  at %s; the category alone %.2f", f.Category, f.Act, f.Score, t.places(f.Spans), f.Likely)
	}), "none: nothing is as likely as 0.05")
	what, odds, of := "review", t.r.Review, func(p reportPush) float64 { return p.Review }
	if t.isRemind() {
		what, odds, of = "remind", t.r.Remind, func(p reportPush) float64 { return p.Remind }
	}
	by := ""
	if s := t.r.Second; s != nil && !s.Skipped {
		by, odds = " by the first reader", s.FirstReview
		if t.isRemind() {
			odds = s.FirstRemind
		}
	}
	t.say("score", "%s %.2f, log-odds %+.2f%s; what each thing adds while all else stays:", what, odds.Score, odds.LogOdds, by)
	var families, up, down []string
	for _, p := range t.sorted(of) {
		x := of(p)
		switch said := fmt.Sprintf("%+.2f %s", x, p.Family); {
		case math.Abs(x) < faintPush:
		case p.Name == "":
			families = append(families, said)
		case x > 0:
			up = append(up, said+" `"+short(p.Name, 40)+"`")
		default:
			down = append(down, said+" `"+short(p.Name, 40)+"`")
		}
	}
	t.say("  together", "%s", strings.Join(families, ", "))
	t.list("  up", up[:min(len(up), mostPushes)], "nothing")
	t.list("  down", down[:min(len(down), mostPushes)], "nothing")
}

// second says what the second reader made of it, and which words moved it.
func (t *reportText) second() {
	s := t.r.Second
	switch {
	case s == nil:
		return
	case s.Skipped:
		t.say("second", "in doubt, but so many messages of this conversation were that the second reader did not read it")
		return
	}
	what, own, both, of := "review", s.Review, t.r.Review, func(w reportWordPush) float64 { return w.Review }
	if t.isRemind() {
		what, own, both, of = "remind", s.Remind, t.r.Remind, func(w reportWordPush) float64 { return w.Remind }
	}
	with := "alone"
	switch s.Earlier {
	case 0:
	case 1:
		with = "with the message before it"
	default:
		with = fmt.Sprintf("with the %d messages before it", s.Earlier)
	}
	t.say("second", "in doubt, so it was read again, %s: %s %.2f; together %.2f, log-odds %+.2f", with, what, own.Score, both.Score, both.LogOdds)
	var words []string
	for _, w := range s.Words {
		if x := of(w); math.Abs(x) >= faintPush && len(words) < mostPushes {
			words = append(words, fmt.Sprintf("%+.2f `%s`", x, short(w.Text, 40)))
		}
	}
	t.say("  words", "%s", cmp.Or(strings.Join(words, ", "), "none by itself"))
}

const (
	faintPush  = 0.05 // log-odds that are not worth a line
	mostPushes = 8
)

// sorted are the pushes by their strength for one outcome.
func (t *reportText) sorted(of func(reportPush) float64) []reportPush {
	out := slices.Clone(t.r.Pushes)
	slices.SortStableFunc(out, func(a, b reportPush) int {
		return int(math.Round(100 * (math.Abs(of(b)) - math.Abs(of(a)))))
	})
	return out
}

// isRemind says whether the message is about a reminder rather than a review.
func (t *reportText) isRemind() bool {
	return t.r.Decision.Action == "remind" || t.r.Decision.Action == "none" && t.r.Remind.Score > t.r.Review.Score
}

func (t *reportText) state() {
	var carried []string
	for _, n := range t.r.Before {
		if n.Recalled != "" || n.Fragment != "" {
			carried = append(carried, t.note(&n))
		}
	}
	if quiet := len(t.r.Before) - len(carried); quiet > 0 {
		carried = append([]string{fmt.Sprintf("%d earlier of which only the facts count", quiet)}, carried...)
	}
	t.list("before", carried, "nothing was said")
	t.list("open", list(t.r.Open, reportStanding.String), "no topic")
	if n := len(t.r.After); n > 0 {
		t.list("after", []string{t.note(&t.r.After[n-1])}, "")
		t.list("open", list(t.r.OpenAfter, reportStanding.String), "no topic")
	}
}

var recalled = map[string]string{
	"other_last": "remembered as the other party's last", "own_last": "remembered as the sender's last", "older": "remembered faintly",
}

// note is a signal as a line: whose it is, what stood in it, what is carried on.
func (t *reportText) note(n *reportNote) string {
	facts := "no facts"
	if len(n.Facts) > 0 {
		facts = strings.Join(n.Facts, ", ")
	}
	s := fmt.Sprintf("%s %s: %s", someone(n.Role), n.MessageID, facts)
	if n.Fragment != "" {
		s += fmt.Sprintf("; the piece %s waits for the rest", n.Fragment)
	}
	if n.Recalled != "" {
		s += "; " + recalled[n.Recalled]
	}
	return s
}

func (t *reportText) decision() {
	d := &t.r.Decision
	if d.Action != "none" {
		for _, x := range d.Trials {
			if x.Rule == d.Rule && x.Miss == "" {
				t.say("decision", "%s (%s): %s", d.Action, d.Severity, x.String())
				break
			}
		}
		t.say("", "%s", d.Reason)
		return
	}
	t.list("decision", list(d.Trials, func(x reportTrial) string { return "none: " + x.String() }),
		"none: nothing was found that a rule could be about")
}

// String says what the rule was held against, and whether it applies.
func (x *reportTrial) String() string {
	return fmt.Sprintf("%s %s %.2f, %s %s", x.Category, x.Act, x.Score, x.Rule, x.why())
}

func (x *reportTrial) why() string {
	switch x.Miss {
	case "stage":
		return "is not for this stage"
	case "act":
		return "is not for this act"
	case "own_tool":
		return "does not count the platform's own tools"
	case "role":
		return "does not judge this role"
	}
	return fmt.Sprintf("from %.2f on", x.MinScore)
}

func (t *reportText) flips() {
	lines := list(t.r.Flips, func(f reportFlip) string { return f.Words })
	if len(t.r.Unmoved) > 0 {
		less := "nothing found with " + strings.Join(list(t.r.Unmoved, func(kind string) string { return unmoved[kind] }), ", or with ")
		if t.r.Cut {
			less += "; the search was cut short"
		}
		lines = append(lines, less)
	}
	t.list("flip", lines, "")
}

var unmoved = map[string]string{flipWords: "fewer words", flipEarlier: "fewer earlier messages", flipStage: "another stage"}
