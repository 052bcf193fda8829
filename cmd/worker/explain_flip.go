package main

import (
	"cmp"
	"slices"
	"strings"

	"onside/internal/classify"
	"onside/internal/policy"
)

// flip is a change with which the decision would have been another one.
type flip struct {
	kind    string          // words, earlier or stage
	words   []classify.Span // that are left out of the message
	whole   bool            // they are the whole message
	earlier []int           // messages of the conversation that are left out
	stage   classify.Stage  // of the contract instead
	action  policy.Action   // what it would be
	odds    classify.Odds   // of the action, or where it is none, of the one that was
}

// The kinds of change.
const (
	flipWords   = "words"
	flipEarlier = "earlier"
	flipStage   = "stage"
)

// size is how many things are left out.
func (f *flip) size() int { return len(f.words) + len(f.earlier) }

// retrial decides the message again after changes: something left out, or another stage. It serves one goroutine.
type retrial struct {
	*inquest
	prior  *classify.Talk   // before the message
	talks  []*classify.Talk // before each of the last messages before it, as many as a state remembers
	first  int              // of those
	result classify.Result
	spent  int  // bytes that were read
	cut    bool // a search was given up for that
}

// flipBudget is how many bytes a search may read: about half a second.
const flipBudget = 4 << 20

// rereadSpends is how many bytes the first reader reads while the second reads one message.
const rereadSpends = 12 << 10

// fewThings is how many things are left out where leaving out all of them changes nothing.
const fewThings = 3

// mostPieces is into how many pieces a message is cut at most; those of a long one are runs of words.
const mostPieces = 200

// verdictAgain is what a retrial came to.
type verdictAgain struct {
	action         policy.Action
	review, remind classify.Odds
}

// search looks for the smallest change of each kind: of what was said, the smaller first, then of the stage.
func (t *retrial) search() (f flips) {
	m := t.message()
	if m.Kind == classify.Deleted || t.explanation.Exempt {
		return f
	}
	t.remember()
	f.add(flipWords, t.fewerWords())
	if len(t.talk) > 1 {
		f.add(flipEarlier, t.fewerMessages())
	}
	slices.SortStableFunc(f.found, func(a, b flip) int { return cmp.Compare(a.size(), b.size()) })
	f.add(flipStage, t.otherStage())
	f.cut = t.cut
	return f
}

// flips are what a search found.
type flips struct {
	found   []flip
	unmoved []string // the kinds of change of which none was found that flips the decision
	cut     bool     // the search ended before everything was tried
}

func (f *flips) add(kind string, found *flip) {
	if found == nil {
		f.unmoved = append(f.unmoved, kind)
		return
	}
	f.found = append(f.found, *found)
}

// remember folds the conversation and keeps the states in between.
func (t *retrial) remember() {
	n := len(t.talk) - 1
	t.first = max(0, n-classify.Window)
	j := newJudge(t.model, t.policy, 1)
	for i := range t.talk {
		if i >= t.first {
			t.talks = append(t.talks, j.before(&t.talk[i]))
		}
		if i < n {
			j.decide(&t.talk[i])
		}
	}
	t.prior = t.talks[n-t.first]
}

// judge decides a changed message after a changed conversation.
func (t *retrial) judge(m *classify.Message, prior *classify.Talk) verdictAgain {
	t.spent += len(m.Text) + 64
	t.model.ClassifyWith(m, &prior.State, prior.Earlier(), &t.result)
	if t.result.Reader == classify.Second {
		t.spent += rereadSpends
	}
	v := verdictAgain{action: t.policy.Decide(m, t.result.Findings).Action}
	v.review, v.remind = t.model.Odds(m, &t.result)
	return v
}

func (t *retrial) otherStage() *flip {
	for s := classify.PreContract; s <= classify.Ended; s++ {
		m := *t.message()
		if m.Stage == s {
			continue
		}
		m.Stage = s
		if v := t.judge(&m, t.prior); v.action != t.decision.Action {
			return t.flip(flip{kind: flipStage, stage: s}, v)
		}
	}
	return nil
}

func (t *retrial) flip(f flip, v verdictAgain) *flip {
	f.action, f.odds = v.action, oddsOf(v.action, v.review, v.remind)
	if v.action == policy.None {
		f.odds = oddsOf(t.decision.Action, v.review, v.remind)
	}
	return &f
}

// fewerWords leaves out words of the message.
func (t *retrial) fewerWords() *flip {
	pieces := runs(t.explanation.Words)
	out, v, ok := t.leaveOut(len(pieces), func(out []int) verdictAgain {
		m := *t.message()
		m.Text = withoutPieces(m.Text, pieces, out)
		return t.judge(&m, t.prior)
	})
	if !ok {
		return nil
	}
	f := flip{kind: flipWords, whole: len(out) == len(pieces)}
	for _, i := range out {
		f.words = append(f.words, pieces[i])
	}
	return t.flip(f, v)
}

// fewerMessages leaves out messages before it.
func (t *retrial) fewerMessages() *flip {
	n := len(t.talk) - 1 - t.first
	out, v, ok := t.leaveOut(n, func(out []int) verdictAgain { return t.judge(t.message(), t.without(out)) })
	if !ok {
		return nil
	}
	f := flip{kind: flipEarlier}
	for _, i := range out {
		f.earlier = append(f.earlier, t.first+i)
	}
	return t.flip(f, v)
}

// without is the state before the message if those of the remembered messages, ascending, had not been sent.
func (t *retrial) without(out []int) *classify.Talk {
	talk := t.talks[out[0]].Clone()
	for i := out[0]; t.first+i < len(t.talk)-1; i++ {
		if _, gone := slices.BinarySearch(out, i); gone {
			continue
		}
		t.spent += len(t.talk[t.first+i].Text) + 64
		t.model.Next(&t.talk[t.first+i], talk, &t.result)
	}
	return talk
}

// leaveOut looks for a small set of n things whose absence gives another decision: one thing, if one is enough; else
// always one more, that which brings the decision closest to its end; in the end, those that were not needed come back.
// Where the absence of all things changes nothing, it looks no further than a few. The set is ascending, and not always
// the smallest that there is.
func (t *retrial) leaveOut(n int, judge func(out []int) verdictAgain) (out []int, v verdictAgain, ok bool) {
	t.spent = 0
	most := n
	if n > fewThings && judge(upTo(n)).action == t.decision.Action {
		most = fewThings
	}
	for len(out) < most && t.spent < flipBudget {
		out, v = t.oneMore(n, out, judge)
		if v.action != t.decision.Action {
			out, v = t.putBack(out, v, judge)
			return out, v, true
		}
	}
	t.cut = t.cut || t.spent >= flipBudget
	return nil, v, false
}

// oneMore leaves out one more of n things: one that flips the decision, where there is one; of several, that which leads
// furthest away from it.
func (t *retrial) oneMore(n int, out []int, judge func(out []int) verdictAgain) (best []int, v verdictAgain) {
	for i := range n {
		if slices.Contains(out, i) || best != nil && t.spent >= flipBudget {
			continue
		}
		more := with(out, i)
		w := judge(more)
		was, is := v.action != t.decision.Action, w.action != t.decision.Action
		if best == nil || is && !was || is == was && t.further(w, v) {
			best, v = more, w
		}
	}
	return best, v
}

// further says whether a leads further away from the decision than b.
func (t *retrial) further(a, b verdictAgain) bool {
	switch t.decision.Action {
	case policy.Review:
		return a.review.LogOdds < b.review.LogOdds
	case policy.Remind:
		return a.remind.LogOdds < b.remind.LogOdds
	}
	return max(a.review.LogOdds, a.remind.LogOdds) > max(b.review.LogOdds, b.remind.LogOdds)
}

// putBack takes from a set whose absence flips the decision what is not needed for it.
func (t *retrial) putBack(out []int, v verdictAgain, judge func(out []int) verdictAgain) ([]int, verdictAgain) {
	for _, i := range slices.Clone(out) {
		if len(out) == 1 || t.spent >= flipBudget {
			break
		}
		less := slices.DeleteFunc(slices.Clone(out), func(k int) bool { return k == i })
		if w := judge(less); w.action != t.decision.Action {
			out, v = less, w
		}
	}
	return out, v
}

// upTo are the numbers below n.
func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// with is an ascending list with one more.
func with(list []int, i int) []int {
	at, _ := slices.BinarySearch(list, i)
	return slices.Insert(slices.Clone(list), at, i)
}

// runs are the words, or runs of them where there are too many to leave out one by one.
func runs(words []classify.Span) []classify.Span {
	n := (len(words) + mostPieces - 1) / mostPieces
	if n <= 1 {
		return words
	}
	var out []classify.Span
	for run := range slices.Chunk(words, n) {
		out = append(out, classify.Span{Start: run[0].Start, End: run[len(run)-1].End})
	}
	return out
}

// withoutPieces is the text without some of its pieces, and with one space where they stood between two.
func withoutPieces(text string, pieces []classify.Span, out []int) string {
	var b strings.Builder
	at := 0
	for _, i := range out {
		b.WriteString(text[at:pieces[i].Start])
		at = pieces[i].End
		if kept := b.String(); at < len(text) && text[at] == ' ' && (kept == "" || kept[len(kept)-1] == ' ') {
			at++
		}
	}
	b.WriteString(text[at:])
	return b.String()
}
