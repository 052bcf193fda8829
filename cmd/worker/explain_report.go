package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"onside/internal/classify"
	"onside/internal/policy"
	"onside/internal/sink"
)

func newReport(q *inquest) *report {
	m, e := q.message(), q.explanation
	r := &report{
		Event: reportEvent{
			EventID: m.EventID, ConversationID: m.ConversationID, MessageID: m.MessageID, Role: m.SenderRole, Stage: m.Stage.String(),
			Text: m.Text, Deleted: e.Deleted, Exempt: e.Exempt, Earlier: len(q.talk) - 1,
		},
		Gate:   newGate(m.Text, &e.Glance),
		Folded: reportFolded{Text: e.Folded, Changes: []reportChange{}},
		Review: newOdds(e.Review), Remind: newOdds(e.Remind), Reader: e.Reader.String(), Second: newSecond(q),
		Model: q.model.Version(), Policy: q.policy.Version(),
	}
	r.read(q)
	r.find(q)
	r.quote(q)
	r.Before, r.After = r.notes(q, e.Before), r.notes(q, e.After)
	r.Open, r.OpenAfter = list(e.Open, reportStandingOf), list(e.OpenAfter, reportStandingOf)
	r.decide(q)
	r.Flips = list(q.flips.found, func(f flip) reportFlip { return newFlip(q, &f) })
	r.Unmoved, r.Cut = append([]string{}, q.flips.unmoved...), q.flips.cut
	return r
}

// list is a JSON list: empty, never null.
func list[A, B any](from []A, one func(A) B) []B {
	out := make([]B, len(from))
	for i, a := range from {
		out[i] = one(a)
	}
	return out
}

func newGate(text string, g *classify.Glance) reportGate {
	return reportGate{LetGo: g.LetGo, Kept: g.Why, Doubt: rounded(g.Doubt, 2), reportPlace: placeOf(text, g.Span)}
}

// newSecond is nil for a message that the second reader had nothing to do with.
func newSecond(q *inquest) *reportSecond {
	m, e := q.message(), q.explanation
	o := &e.Second
	if e.Reader == classify.First && !o.Skipped {
		return nil
	}
	words := list(e.WeighSecond(m), func(w classify.WordPush) reportWordPush {
		return reportWordPush{placeOf(m.Text, w.Span), rounded(w.Review, 2), rounded(w.Remind, 2)}
	})
	strength := func(w reportWordPush) float64 { return max(math.Abs(w.Review), math.Abs(w.Remind)) }
	slices.SortStableFunc(words, func(a, b reportWordPush) int { return cmp.Compare(strength(b), strength(a)) })
	return &reportSecond{
		Skipped: o.Skipped, Earlier: o.Earlier, FirstReview: newOdds(o.FirstReview), FirstRemind: newOdds(o.FirstRemind),
		Review: newOdds(o.Review), Remind: newOdds(o.Remind), Words: words,
	}
}

func newOdds(o classify.Odds) reportOdds {
	return reportOdds{Score: rounded(o.Score, 3), LogOdds: rounded(o.LogOdds, 2)}
}

func placeOf(text string, s classify.Span) reportPlace {
	return reportPlace{Start: s.Start, End: s.End, Text: text[s.Start:s.End]}
}

// read is what was made of the text.
func (r *report) read(q *inquest) {
	m, e := q.message(), q.explanation
	r.Folded.Changes = list(e.Changes, func(c classify.Change) reportChange {
		return reportChange{c.Start, c.End, m.Text[c.Start:c.End], c.FoldedAt, c.FoldedEnd, c.To}
	})
	r.Evidence = list(e.Readings, func(x classify.Reading) reportReading {
		return reportReading{
			Kind: x.Kind, Normalized: x.Normalized, DecodedBy: append([]string{}, x.DecodedBy...), Spans: spansOf(m, x.Spans),
			Confidence: rounded(x.Confidence, 2), Placeholder: x.Placeholder, Fragment: x.Fragment, Tool: x.Tool,
		}
	})
	r.Tools = list(e.Tools, func(t classify.NamedTool) reportTool {
		return reportTool{t.Name, t.Kind, t.Strong, placeOf(m.Text, t.Span)}
	})
	r.Concepts = list(e.Concepts, func(c classify.NamedConcept) reportConcept { return reportConcept{c.Name, placeOf(m.Text, c.Span)} })
}

func spansOf(m *classify.Message, spans []classify.Span) []verdictSpan {
	return newVerdictFinding(m, &classify.Finding{Spans: spans}, sink.Full).Spans
}

// find is what was found, and what pushed the network there.
func (r *report) find(q *inquest) {
	m, e := q.message(), q.explanation
	r.Findings = list(e.Findings, func(f classify.Finding) reportFinding {
		return reportFinding{newVerdictFinding(m, &f, sink.Full), rounded(e.Likely(f.Category), 3)}
	})
	r.Pushes = list(e.Weigh(), func(p classify.Push) reportPush {
		return reportPush{p.Family, p.Name, rounded(p.Review, 2), rounded(p.Remind, 2)}
	})
}

// quote collects what the spans of the findings stand in.
func (r *report) quote(q *inquest) {
	for i := range q.talk {
		m := &q.talk[i]
		var spans []verdictSpan
		for _, f := range r.Findings {
			for _, s := range f.Spans {
				if s.MessageID == m.MessageID {
					spans = append(spans, s)
				}
			}
		}
		if spans != nil || i == len(q.talk)-1 {
			r.quoted = append(r.quoted, quotation{m.SenderRole, m.Text, spans})
		}
	}
}

func (r *report) notes(q *inquest, notes []classify.Note) []reportNote {
	return list(notes, func(n classify.Note) reportNote {
		out := reportNote{Who: n.Who, Facts: append([]string{}, n.Facts...), Fragment: n.Fragment, Recalled: n.Recalled}
		if i := slices.IndexFunc(q.talk, func(m classify.Message) bool { return m.Offset == n.Offset }); i >= 0 {
			out.MessageID, out.Role = q.talk[i].MessageID, q.talk[i].SenderRole
		}
		return out
	})
}

func (r *report) decide(q *inquest) {
	d := &q.decision
	r.Decision = reportDecision{Action: d.Action.String()}
	if d.Action != policy.None {
		r.Decision.Rule, r.Decision.Severity, r.Decision.Reason = d.Rule, d.Severity.String(), d.Reason
	}
	r.Decision.Trials = list(q.trials, func(t policy.Trial) reportTrial {
		if t.Rule == d.Rule && t.Miss == "" {
			r.Decision.MinScore = t.MinScore
		}
		f := &q.explanation.Findings[t.Finding]
		return reportTrial{t.Rule, t.Action.String(), t.MinScore, f.Category.String(), f.Act.String(), rounded(f.Score, 3), string(t.Miss)}
	})
}

func newFlip(q *inquest, f *flip) reportFlip {
	m := q.message()
	out := reportFlip{Kind: f.kind, Whole: f.whole, Action: f.action.String(), Score: rounded(f.odds.Score, 3)}
	if f.kind == flipStage {
		out.Stage = f.stage.String()
	}
	for _, s := range f.words {
		out.Without = append(out.Without, reportWithout{m.MessageID, m.SenderRole, placeOf(m.Text, s)})
	}
	for _, i := range f.earlier {
		e := &q.talk[i]
		out.Without = append(out.Without, reportWithout{e.MessageID, e.SenderRole, placeOf(e.Text, classify.Span{End: len(e.Text)})})
	}
	out.Words = out.say()
	return out
}

// say is the flip as a sentence.
func (f *reportFlip) say() string {
	would := fmt.Sprintf("it would be %s (score %.2f)", f.Action, f.Score)
	switch {
	case f.Kind == flipStage:
		return fmt.Sprintf("in stage %s %s", f.Stage, would)
	case f.Whole:
		return fmt.Sprintf("nothing smaller than the whole message: without it, %s", would)
	}
	var what []string
	for i, w := range f.Without {
		if i == mostSaid {
			what = append(what, fmt.Sprintf("%d more", len(f.Without)-i))
			break
		}
		quoted := "`" + short(w.Text, 40) + "`"
		if f.Kind == flipEarlier {
			quoted = fmt.Sprintf("the earlier %s of the %s", quoted, someone(w.Role))
		}
		what = append(what, quoted)
	}
	return fmt.Sprintf("without %s %s", enumerate(what), would)
}

// enumerate is "a, b and c".
func enumerate(list []string) string {
	last := len(list) - 1
	if last < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:last], ", ") + " and " + list[last]
}

const mostSaid = 6

// short is the beginning of a text, of at most room columns, fit for a line of a terminal.
func short(text string, room int) string {
	cells := cellsOf(text, plainly)
	if widthOf(cells) <= room {
		room++ // no ellipsis
	}
	var b strings.Builder
	used := 1 // the ellipsis
	for _, c := range cells {
		if used += c.width; used > room {
			return b.String() + "…"
		}
		b.WriteString(c.text)
	}
	return b.String()
}
