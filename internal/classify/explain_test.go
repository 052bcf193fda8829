package classify

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// shipped is the classifier in the binary, loaded once.
var shipped = sync.OnceValue(Default)

// explained are conversations of many kinds, the client's line first.
var explained = [][]string{
	{"add me on telegram @foo_dev"},
	{"hello"},
	{""},
	{"ｗｈａｔsapp me on nine two three, zero zero 12\u200b34567", "ok"},
	{"can you fix my tap?", "where can I ring you?", "my number starts 07911", "ok, and then?", "234 567"},
	{"do you have whatsapp?", "yep"},
	{"加我微信 abc123 好吗？", "好的", "โทรหาฉัน 081 234 5678"},
	{"pay me by PayPal at a.b@example.com and we both save the fee", "no thanks, I'd rather stay here."},
	{"one two three four five six seven eight nine ten eleven twelve " + strings.Repeat("call me, pay me, mail me! ", 8)},
}

// eachExplained explains every message of the conversations with what was said before it.
func eachExplained(t *testing.T, check func(t *testing.T, m *Message, prior *State, e *Explanation)) {
	c := shipped()
	for _, lines := range explained {
		var s State
		for i, text := range lines {
			who := []string{"client", "freelancer"}[i%2]
			m := &Message{MessageID: "m", SenderID: who, SenderRole: who, Stage: Stage(i % 2), Text: text, Offset: int64(i)}
			e := c.Explain(m, &s, nil)
			check(t, m, &s, e)
			s.Fold(e.Signal)
		}
	}
}

func TestExplainIsClassify(t *testing.T) {
	eachExplained(t, func(t *testing.T, m *Message, prior *State, e *Explanation) {
		var res Result
		before := slices.Clone(prior.signals)
		shipped().ClassifyWith(m, prior, nil, &res)
		if diff := cmp.Diff(res.Findings, e.Findings); diff != "" {
			t.Errorf("%q: findings (-classify +explain):\n%s", m.Text, diff)
		}
		if diff := cmp.Diff(res.Signal, e.Signal); diff != "" {
			t.Errorf("%q: signal (-classify +explain):\n%s", m.Text, diff)
		}
		e.Weigh()
		if diff := cmp.Diff(before, prior.signals); diff != "" {
			t.Errorf("%q: the state was changed (-before +after):\n%s", m.Text, diff)
		}
	})
}

// TestScratchRemembersNothing reads a split number with memory that a number of another country went through: what is
// read before must not decide whose number it is.
func TestScratchRemembersNothing(t *testing.T) {
	c := shipped()
	read := func(res *Result) Result {
		var s State
		for i, text := range []string{"14 foot no frost", "7500 firm", "7200 cash"} {
			c.Classify(&Message{MessageID: "m", SenderID: "f", Text: text, Offset: int64(i)}, &s, res)
			s.Fold(res.Signal)
		}
		return *res
	}
	want := read(new(Result))
	used := new(Result)
	c.Classify(&Message{Text: "اتصل على صفر خمسة صفر واحد اثنين ثلاثة اربعة خمسة ستة سبعة"}, &State{}, used)
	got := read(used)
	if diff := cmp.Diff(want.Findings, got.Findings); diff != "" || want.split.normalized != got.split.normalized {
		t.Errorf("%q, after another number %q; findings (-first +then):\n%s", want.split.normalized, got.split.normalized, diff)
	}
}

// TestAskingAgainIsAsking leaves nothing out: the answer must be that of the first reader to the last bit.
func TestAskingAgainIsAsking(t *testing.T) {
	eachExplained(t, func(t *testing.T, m *Message, _ *State, e *Explanation) {
		again := asking{e: e}
		wantReview, wantRemind := e.Review, e.Remind
		if e.Reader == Second {
			wantReview, wantRemind = e.Second.FirstReview, e.Second.FirstRemind
		}
		if review, remind := again.without(aspect{}); review != wantReview.LogOdds || remind != wantRemind.LogOdds {
			t.Errorf("%q: asked again %v and %v, at first %v and %v", m.Text, review, remind, wantReview.LogOdds, wantRemind.LogOdds)
		}
		if p := 1 / (1 + math.Exp(-e.Review.LogOdds)); math.Abs(p-e.Review.Score) > 1e-5 {
			t.Errorf("%q: log-odds %v are a score of %v, not %v", m.Text, e.Review.LogOdds, p, e.Review.Score)
		}
	})
}

// TestEverythingSeenHasAName leaves out all parts together, and wants nothing to be left.
func TestEverythingSeenHasAName(t *testing.T) {
	eachExplained(t, func(t *testing.T, m *Message, prior *State, e *Explanation) {
		var all aspect
		for _, p := range e.parts() {
			all.rows, all.known, all.signals = append(all.rows, p.rows...), append(all.known, p.known...), append(all.signals, p.signals...)
			if p.family == FamilyRest || p.name == toldBesides {
				t.Errorf("%q: %s has %d features and %d numbers that have no name", m.Text, p.family, len(p.rows), len(p.known))
			}
		}
		slices.Sort(all.rows)
		again := asking{e: e}
		again.without(all)
		if n := len(again.res.scene.feats); n > 0 {
			t.Errorf("%q: %d features are no part", m.Text, n)
		}
		if again.res.scene.known != [numKnown]float32{} {
			t.Errorf("%q: what the network is told is no part: %v", m.Text, again.res.scene.known)
		}
		if s := &again.res.scene; s.other != (memory{}) || s.own != (memory{}) || s.older != (memory{}) {
			t.Errorf("%q: memories are no part", m.Text)
		}
	})
}

func TestWeighNamesWhatPushes(t *testing.T) {
	e := shipped().Explain(&Message{SenderRole: "client", Text: "add me on telegram @foo_dev"}, &State{}, nil)
	pushes := e.Weigh()
	for _, want := range []struct{ family, name string }{
		{FamilyConcepts, ""}, {FamilyFacts, ""}, {FamilyFacts, "messenger"}, {FamilyFacts, "handle"}, {FamilyConcepts, "adding me"},
		{FamilyWords, "add me"}, {FamilySpelling, "telegram"}, {FamilyTools, "telegram"}, {FamilySetting, "stage"},
	} {
		if !slices.ContainsFunc(pushes, func(p Push) bool { return p.Family == want.family && p.Name == want.name }) {
			t.Errorf("no push of %s %q", want.family, want.name)
		}
	}
	single := slices.IndexFunc(pushes, func(p Push) bool { return p.Name != "" })
	for _, part := range [][]Push{pushes[:single], pushes[single:]} {
		if !slices.IsSortedFunc(part, func(a, b Push) int { return int(math.Copysign(1, b.strength()-a.strength())) }) {
			t.Errorf("not the strongest first: %v", part)
		}
	}
	if i := slices.IndexFunc(pushes[single:], func(p Push) bool { return p.Name == "" }); i >= 0 {
		t.Error("a family stands among the single things")
	}
}

// TestWeighIsBounded explains a message that no person writes.
func TestWeighIsBounded(t *testing.T) {
	e := shipped().Explain(&Message{Text: strings.Join(longText(3000), " ")}, &State{}, nil)
	pushes := e.Weigh()
	if len(pushes) > maxPushes+2*numKnown {
		t.Errorf("%d pushes", len(pushes))
	}
	if !slices.ContainsFunc(pushes, func(p Push) bool { return p.Family == FamilyRest }) {
		t.Error("nothing is said of the rest of the message")
	}
}

// longText is so many words, few of them alike.
func longText(n int) []string {
	seed := strings.Fields("please call mail pay send write meet join add find move take give show our my your their new old first last green blue")
	words := make([]string, n)
	for i := range words {
		words[i] = seed[i%len(seed)] + seed[i/len(seed)%len(seed)]
		if i%2 == 0 {
			words[i] = seed[i*7%len(seed)]
		}
	}
	return words
}

func TestExplainTellsWhatIsNotJudged(t *testing.T) {
	c := shipped()
	e := c.Explain(&Message{SenderRole: "system", Text: "call us on +44 7911 234567"}, &State{}, nil)
	if !e.Exempt || len(e.Findings) > 0 || len(e.Readings) != 1 {
		t.Errorf("the platform's message: exempt %v, findings %v, readings %v", e.Exempt, e.Findings, e.Readings)
	}
	e = c.Explain(&Message{Kind: Deleted, Text: "call us"}, &State{}, nil)
	if !e.Deleted || e.Weigh() != nil || e.Folded != "" {
		t.Errorf("a deletion: %+v", e)
	}
}

func TestExplainReadsTheState(t *testing.T) {
	c := shipped()
	var s State
	var e *Explanation
	for i, m := range []Message{
		{SenderID: "a", SenderRole: "client", Text: "what is your number?"},
		{SenderID: "b", SenderRole: "freelancer", Text: "it starts 07911"},
		{SenderID: "p", SenderRole: "system", Text: "Never share your number."},
		{SenderID: "b", SenderRole: "freelancer", Text: "234 567"},
	} {
		m.Offset, m.MessageID = int64(10+i), "m"
		e = c.Explain(&m, &s, nil)
		s.Fold(e.Signal)
	}
	want := []Note{
		{Offset: 10, Who: "other", Facts: []string{"question"}, Recalled: "other_last"},
		{Offset: 11, Who: "sender", Facts: []string{"fragment"}, Fragment: "07911", Recalled: "own_last"},
		{Offset: 12, Who: "platform", Facts: []string{"system"}},
	}
	if diff := cmp.Diff(want, e.Before); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	if n := len(e.After); n != 4 || e.After[3].Offset != 13 || !slices.Contains(e.After[3].Facts, "complete") || e.After[0].Recalled != "" {
		t.Errorf("after: %+v", e.After)
	}
	last := e.Readings[len(e.Readings)-1]
	if last.Normalized != "+447911234567" || len(last.Spans) != 2 || last.DecodedBy[0] != "split" {
		t.Errorf("the number that was put together: %+v", last)
	}
}

func TestFactsHaveNames(t *testing.T) {
	names := Facts(1<<numFacts - 1).Names()
	if len(names) != numFacts || len(factNames) != numFacts {
		t.Errorf("%d names for %d facts", len(factNames), numFacts)
	}
	for i, n := range names {
		if n == "" || slices.Contains(names[:i], n) {
			t.Errorf("fact %d is called %q", i, n)
		}
	}
}

func TestChangesOfFolding(t *testing.T) {
	change := func(start, end int, to string, a, b int) Change {
		return Change{Span{Start: start, End: end}, to, a, b}
	}
	for text, want := range map[string][]Change{
		"Add ME":            nil,
		"":                  nil,
		"1\u200b2":          {change(0, 4, "1", 0, 1)},
		"\u200bhi":          {change(0, 3, "", 0, 0)},
		"\u200b":            {change(0, 3, "", 0, 0)},
		"a ｂｃ d":            {change(2, 8, "bc", 2, 4)},
		"call ０７９ or ４":     {change(5, 14, "079", 5, 8), change(18, 21, "4", 12, 13)},
		"whаtsapp":          {change(2, 4, "a", 2, 3)}, // a Cyrillic а
		"ﬁne":               {change(0, 3, "fi", 0, 2)},
		"STRASSE É":         {change(8, 10, "é", 8, 10)},
		"no change: привет": nil,
	} {
		t.Run(text, func(t *testing.T) {
			var f folded
			f.fold(text)
			if diff := cmp.Diff(want, f.changes()); diff != "" {
				t.Errorf("changes of %q to %q (-want +got):\n%s", text, f.text, diff)
			}
		})
	}
}

// TestChangesAreAllThatFoldingDoes makes the folded text of the original and the changes alone.
func TestChangesAreAllThatFoldingDoes(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, text string) {
		var f folded
		f.fold(text)
		var b strings.Builder
		at := 0
		for _, c := range f.changes() {
			b.WriteString(lowerASCII(text[at:c.Start]))
			if b.Len() != c.FoldedAt {
				t.Fatalf("%q: change %+v stands at %d of %q", text, c, b.Len(), f.text)
			}
			b.WriteString(c.To)
			at = c.End
		}
		b.WriteString(lowerASCII(text[at:]))
		if b.String() != string(f.text) {
			t.Fatalf("%q: the changes make %q of it, folding %q", text, b.String(), f.text)
		}
	}
	for _, lines := range explained {
		for _, text := range lines {
			check(t, text)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		alphabet := []rune("aB1 @.аеоｗ０①ﬁée\u0301\u200b\u20e3\ufe0f٣۴๓😀微")
		check(t, string(rapid.SliceOfN(rapid.SampledFrom(alphabet), 0, 24).Draw(t, "text")))
	})
}

// TestPiecesCoverWhatIsThere wants pieces in order, apart, and nothing but white space and invisible characters between them.
func TestPiecesCoverWhatIsThere(t *testing.T) {
	eachExplained(t, func(t *testing.T, m *Message, _ *State, e *Explanation) {
		at := 0
		for _, s := range e.Words {
			if s.Start < at || s.End <= s.Start {
				t.Errorf("%q: %v overlap", m.Text, e.Words)
			}
			if between := strings.TrimSpace(m.Text[at:s.Start]); between != "" {
				t.Errorf("%q: %q is no piece", m.Text, between)
			}
			at = s.End
		}
	})
}
