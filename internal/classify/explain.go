package classify

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Explanation lays open how one message came to its findings. What it says was read off a call of Classify, and Weigh
// asks the same network again: nothing here judges by itself. It does not change; Weigh may be called concurrently.
type Explanation struct {
	Findings []Finding // those of Classify
	Signal   Signal    // that of Classify
	Deleted  bool      // a deletion: nothing was read
	Exempt   bool      // written by the platform: read, but never judged
	Glance   Glance    // where it let the message go, the rest says how it would have been read

	Folded   string         // the text as everything else reads it
	Changes  []Change       // where folding changed more than the case of ASCII letters, in the order of the text
	Readings []Reading      // what the decoders read, in the order of the text; a number completed by this message comes last
	Tools    []NamedTool    // in the order of the text
	Concepts []NamedConcept // in the order of the text
	Words    []Span         // what the text is made of: words, signs, and evidence as a whole; they do not overlap

	Review Odds // that a person should look; outside pre_contract, that it is payment around the platform
	Remind Odds
	Reader Reader  // whose odds these are
	Second Opinion // where that is Second; and Skipped

	Before, After   []Note // the conversation's state before the message and with it
	Open, OpenAfter []Standing

	classifier *Classifier
	signals    []Signal
	res        *Result
	head       int // of Review
}

// Odds is how sure the network is of one outcome: Score is the logistic function of LogOdds, up to rounding.
type Odds struct {
	LogOdds float64 // calibrated
	Score   float64 // 0..1
}

// Change is a stretch that folding changed.
type Change struct {
	Span             // of the original text
	To        string // what it became; empty where it went
	FoldedAt  int    // where To stands in the folded text
	FoldedEnd int
}

// Reading is what a decoder read: evidence of a contact, a link or a payment id.
type Reading struct {
	Kind        string // phone, email, handle, contact_link, meeting_link, work_link, link, payment_id
	Normalized  string // the canonical form
	DecodedBy   []string
	Spans       []Span  // one, but for evidence that was split over messages
	Confidence  float64 // 0..1, before the words around it are considered
	Placeholder bool    // test data, no contact
	Fragment    bool    // a part that another message may complete
	Tool        string  // the tool that the handle, link or id belongs to; may be empty
}

// NamedTool is a messenger, network or provider that the message names.
type NamedTool struct {
	Name, Kind string // kind: messaging, meeting, payment, mail, social, own
	Strong     bool   // beyond doubt; false for ordinary words such as signal
	Span       Span
}

// NamedConcept is an idea that words of some language name.
type NamedConcept struct {
	Name string
	Span Span
}

// Explain classifies the message as ClassifyWith does, and says how it came to that. prior is the state of the
// conversation strictly before the message; it is not changed.
func (c *Classifier) Explain(m *Message, prior *State, earlier []Earlier) *Explanation {
	res := new(Result)
	c.ClassifyWith(m, prior, earlier, res)
	e := &Explanation{Findings: res.Findings, Signal: res.Signal, Reader: res.Reader, classifier: c, signals: prior.signals, res: res}
	e.remember(prior, &res.Signal)
	if m.Kind == Deleted {
		e.Deleted = true
		return e
	}
	e.Exempt = exempt(m.SenderRole)
	if !e.Exempt {
		e.Glance = c.model.gate.explain(m, prior.signals)
	}
	if e.Glance.LetGo {
		c.read(m, prior, res)
	}
	e.head = reviewHead(m.Stage)
	e.Review, e.Remind = c.Odds(m, res)
	e.Second = c.opinion(m, res)
	v := &res.view
	e.Folded, e.Changes = string(v.f.text), v.f.changes()
	e.Readings, e.Tools, e.Concepts = res.readings(), v.namedTools(), v.namedConcepts(c.reader.lexicon)
	e.Words = v.pieces()
	return e
}

// Odds are those of review and remind for the message that res was filled with last, which was no deletion. Outside
// pre_contract review is about payment, and nothing is reminded of.
func (c *Classifier) Odds(m *Message, res *Result) (review, remind Odds) {
	return c.model.calib.odds(&res.heads, reviewHead(m.Stage)), c.model.calib.odds(&res.heads, headRemind)
}

// reviewHead is the head that decides in a stage whether a person should look.
func reviewHead(s Stage) int {
	if s == PreContract {
		return headReview
	}
	return headPayment
}

// odds is what of is the logistic function of, with it.
func (c *calibration) odds(z *[numHeads]float32, head int) Odds {
	p := c[head-headReview]
	return oddsOf(p.Slope*z[head] + p.Shift)
}

func oddsOf(z float32) Odds { return Odds{LogOdds: float64(z), Score: float64(sigmoid(z))} }

// Likely is the network's own probability for a category of findings, whatever the message as a whole is worth.
func (e *Explanation) Likely(c Category) float64 { return float64(sigmoid(e.res.heads[c])) }

// changes lists where folding changed more than the case of ASCII letters. Neighbouring changes are one.
func (f *folded) changes() []Change {
	var out []Change
	add := func(start, end, i, j int) {
		to := string(f.text[i:j])
		if lowerASCII(f.src[start:end]) == to {
			return
		}
		if n := len(out); n > 0 && out[n-1].End == start {
			last := &out[n-1]
			last.End, last.FoldedEnd, last.To = end, j, last.To+to
			return
		}
		out = append(out, Change{Span{Start: start, End: end}, to, i, j})
	}
	if len(f.src) > 0 && f.at[0] > 0 { // what was dropped before the first character
		add(0, int(f.at[0]), 0, 0)
	}
	for i := 0; i < len(f.text); {
		j := i + 1
		for j < len(f.text) && f.at[j] == f.at[i] {
			j++
		}
		add(int(f.at[i]), int(f.at[j]), i, j)
		i = j
	}
	return out
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// readings is the evidence of the message, and what it completed.
func (res *Result) readings() []Reading {
	var out []Reading
	for _, e := range res.view.evidence {
		out = append(out, Reading{
			Kind: name(evidenceNames[:], int(e.kind)), Normalized: e.normalized, DecodedBy: e.by, Spans: []Span{{Start: e.start, End: e.end}},
			Confidence: float64(e.confidence), Placeholder: e.placeholder, Fragment: e.fragment, Tool: e.tool,
		})
	}
	if s := res.split; s.normalized != "" {
		out = append(out, Reading{Kind: evidenceNames[s.kind], Normalized: s.normalized, DecodedBy: []string{"split"}, Spans: s.spans, Confidence: 1})
	}
	return out
}

// evidenceNames are the kinds of evidence, without the article that their concepts have.
var evidenceNames = func() (names [numKinds]string) {
	for i, n := range kindConcepts {
		_, names[i], _ = strings.Cut(n, "_")
	}
	return names
}()

func (d *view) namedTools() []NamedTool {
	var out []NamedTool
	for _, t := range d.tools {
		kind := strings.TrimPrefix(name(toolConcepts[:], int(t.tool.kind)), "tool_")
		out = append(out, NamedTool{t.tool.name, kind, t.strong, t.span})
	}
	return out
}

func (d *view) namedConcepts(lex *lexicon) []NamedConcept {
	var out []NamedConcept
	for _, h := range d.hits {
		out = append(out, NamedConcept{lex.names[h.concept], d.stretch(h.start, h.end)})
	}
	return out
}

// pieces are the tokens in the original text. What one piece of evidence covers, or one character, is one piece.
func (d *view) pieces() []Span {
	var all []Span
	for _, t := range d.tokens {
		all = append(all, d.f.span(t.start, t.end))
	}
	for _, e := range d.evidence {
		all = append(all, Span{Start: e.start, End: e.end})
	}
	slices.SortStableFunc(all, func(a, b Span) int { return a.Start - b.Start })
	var out []Span
	for _, s := range all {
		if n := len(out); n > 0 && s.Start < out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		out = append(out, s)
	}
	return out
}

// stretch is where the tokens [i, j) stand in the original text; a concept of evidence in an empty place may lie
// behind the last token.
func (d *view) stretch(i, j int) Span {
	j = min(j, len(d.tokens))
	if i >= j {
		return Span{Start: len(d.f.src), End: len(d.f.src)}
	}
	return d.f.span(d.tokens[i].start, d.tokens[j-1].end)
}
