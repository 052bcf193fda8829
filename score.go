package onside

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"

	"onside/internal/classify"
)

// Verdict is what was decided about one event: none, remind or review, and the categories that it was decided for.
type Verdict struct {
	Action     string
	Categories []string
}

// Counts are reviews right and wrong. A positive is an event, or a group of split evidence, that is labelled review.
type Counts struct {
	TP, FP, FN, TN int
}

// Precision is the part of the reviews that was right; 0 where there was none.
func (c Counts) Precision() float64 { return ratio(c.TP, c.TP+c.FP) }

// Recall is the part of the positives that was found; 0 where there was none.
func (c Counts) Recall() float64 { return ratio(c.TP, c.TP+c.FN) }

// F1 is the harmonic mean of precision and recall.
func (c Counts) F1() float64 { return ratio(2*c.TP, 2*c.TP+c.FP+c.FN) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// MarshalJSON gives the counts with the figures that follow from them.
func (c Counts) MarshalJSON() ([]byte, error) { return json.Marshal(c.figures()) }

type figures struct {
	TP        int     `json:"tp"`
	FP        int     `json:"fp"`
	FN        int     `json:"fn"`
	TN        int     `json:"tn"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

func (c Counts) figures() figures {
	return figures{TP: c.TP, FP: c.FP, FN: c.FN, TN: c.TN, Precision: c.Precision(), Recall: c.Recall(), F1: c.F1()}
}

// Slice is the score of a part of the events.
type Slice struct {
	Name string
	Counts
}

// MarshalJSON gives the slice as one flat object.
func (s Slice) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name string `json:"name"`
		figures
	}{s.Name, s.figures()})
}

// Reminders are the figures of the events labelled remind, and of reminders where none was wanted.
type Reminders struct {
	Found    int `json:"found"` // answered remind or review
	Of       int `json:"of"`
	AsReview int `json:"as_review"`
	OnNone   int `json:"on_none"`
}

// Pairs are groups of conversations that differ in a detail: a group is told apart when the last message of each of its
// conversations is answered review just where it is labelled so. Groups whose last messages all bear one label do not count.
type Pairs struct {
	Apart int `json:"apart"`
	Of    int `json:"of"`
}

// Miss is a positive that was not found, or a review where none was wanted.
type Miss struct {
	False   bool // the review was wrong; otherwise it is missing
	Event   Event
	Verdict Verdict
}

// Report is the score of verdicts against labels.
//
// It counts as testdata/corpus/score.py does: a group of split evidence is one positive, found when any of its messages is answered review,
// and its parts count nowhere else; reminders are counted apart. In ByCategory a positive is found when it is answered review and the category is
// named, and a category that is named for a review which the label does not give counts as false; in the other slices a positive
// is found when it is answered review. A disguise has no false positives: innocent text has none.
type Report struct {
	Events        int       `json:"events"`
	Missing       int       `json:"missing"` // events without a verdict, counted as none
	Review        Counts    `json:"review"`
	Remind        Reminders `json:"remind"`
	ByCategory    []Slice   `json:"by_category"`
	ByObfuscation []Slice   `json:"by_obfuscation"` // most frequent first; "(plain)" for evidence in the open
	ByLanguage    []Slice   `json:"by_language"`
	ByIntent      []Slice   `json:"by_intent"` // "(none)" for innocent talk without one
	ByFile        []Slice   `json:"by_file"`
	ByLength      []Slice   `json:"by_length"` // characters of the message
	Pairs         Pairs     `json:"pairs"`
	Misses        []Miss    `json:"-"` // in the order of the events
}

// Score compares verdicts, by event id, with the labels of the events.
func Score(events []Event, verdicts map[string]Verdict) *Report {
	s := scorer{
		verdicts: verdicts, groups: groups(events), done: map[group]bool{},
		category: table{}, obfuscation: table{}, language: table{}, intent: table{}, file: table{}, length: table{},
	}
	s.report.Events = len(events)
	for i := range events {
		s.score(&events[i])
	}
	s.report.Pairs = s.pairs(events)
	return s.result()
}

// group names split evidence.
type group struct{ conversation, name string }

func groups(events []Event) map[group][]string {
	ids := map[group][]string{}
	for i := range events {
		if e := &events[i]; e.Label.Group != "" {
			g := group{e.ConversationID, e.Label.Group}
			ids[g] = append(ids[g], e.EventID)
		}
	}
	return ids
}

type scorer struct {
	verdicts map[string]Verdict
	groups   map[group][]string // event ids
	done     map[group]bool
	report   Report

	category, obfuscation, language, intent, file, length table
}

func (s *scorer) score(e *Event) {
	v, ok := s.verdicts[e.EventID]
	if !ok {
		s.report.Missing++
	}
	switch e.Label.Action {
	case "part":
	case "review":
		s.positive(e, v)
	case "remind":
		s.reminder(e, v)
	default:
		s.negative(e, v)
	}
}

func (s *scorer) positive(e *Event, v Verdict) {
	parts := []Verdict{v}
	if e.Label.Group != "" {
		g := group{e.ConversationID, e.Label.Group}
		if s.done[g] {
			return
		}
		s.done[g] = true
		parts = parts[:0]
		for _, id := range s.groups[g] {
			parts = append(parts, s.verdicts[id])
		}
	}
	hit, named := merge(parts)
	outcome := Counts{FN: 1}
	if hit {
		outcome = Counts{TP: 1}
	} else {
		s.miss(false, e, v)
	}
	s.count(e, outcome)
	s.categories(e.Label.Categories, hit, named)
	for _, o := range e.Label.Obfuscation {
		s.obfuscation.add(o, outcome)
	}
	if len(e.Label.Obfuscation) == 0 {
		s.obfuscation.add("(plain)", outcome)
	}
}

// merge is the verdict on evidence that is spread over messages.
func merge(parts []Verdict) (review bool, categories []string) {
	for _, v := range parts {
		review = review || v.Action == "review"
		categories = append(categories, v.Categories...)
	}
	return review, categories
}

func (s *scorer) categories(want []string, hit bool, named []string) {
	for _, c := range want {
		if hit && slices.Contains(named, c) {
			s.category.add(c, Counts{TP: 1})
		} else {
			s.category.add(c, Counts{FN: 1})
		}
	}
	if hit {
		s.unwanted(want, named)
	}
}

func (s *scorer) unwanted(want, named []string) {
	slices.Sort(named)
	for _, c := range slices.Compact(named) {
		if !slices.Contains(want, c) {
			s.category.add(c, Counts{FP: 1})
		}
	}
}

func (s *scorer) reminder(e *Event, v Verdict) {
	r := &s.report.Remind
	r.Of++
	switch v.Action {
	case "remind":
		r.Found++
	case "review":
		r.Found++
		r.AsReview++
		s.unwanted(e.Label.Categories, slices.Clone(v.Categories))
	}
}

func (s *scorer) negative(e *Event, v Verdict) {
	switch v.Action {
	case "review":
		s.count(e, Counts{FP: 1})
		s.unwanted(nil, slices.Clone(v.Categories))
		s.miss(true, e, v)
	case "remind":
		s.report.Remind.OnNone++
		s.count(e, Counts{TN: 1})
	default:
		s.count(e, Counts{TN: 1})
	}
}

func (s *scorer) count(e *Event, c Counts) {
	s.report.Review.add(c)
	s.language.add(cmp.Or(e.Lang, "(none)"), c)
	s.intent.add(cmp.Or(e.Label.Intent, "(none)"), c)
	s.file.add(e.File, c)
	s.length.add(lengthClass(e.Text), c)
}

func (s *scorer) miss(wrong bool, e *Event, v Verdict) {
	s.report.Misses = append(s.report.Misses, Miss{False: wrong, Event: *e, Verdict: v})
}

func (s *scorer) result() *Report {
	r := &s.report
	r.ByCategory = s.category.sorted(byCategory)
	r.ByObfuscation = s.obfuscation.sorted(func(a, b Slice) int { return cmp.Compare(b.TP+b.FN, a.TP+a.FN) })
	r.ByLanguage = s.language.sorted(nil)
	r.ByIntent = s.intent.sorted(nil)
	r.ByFile = s.file.sorted(nil)
	r.ByLength = s.length.sorted(func(a, b Slice) int {
		return cmp.Compare(slices.Index(lengthNames, a.Name), slices.Index(lengthNames, b.Name))
	})
	return r
}

func (s *scorer) pairs(events []Event) Pairs {
	type outcome struct{ review, none, wrong bool }
	outcomes := map[string]outcome{}
	for i := range events {
		e := &events[i]
		pair := Pair(e.ConversationID)
		if pair == e.ConversationID || i+1 < len(events) && events[i+1].ConversationID == e.ConversationID {
			continue
		}
		o, review := outcomes[pair], e.Label.Action == "review"
		o.review, o.none = o.review || review, o.none || !review
		o.wrong = o.wrong || review != (s.verdicts[e.EventID].Action == "review")
		outcomes[pair] = o
	}
	var p Pairs
	for _, o := range outcomes {
		if o.review && o.none {
			p.Of++
			if !o.wrong {
				p.Apart++
			}
		}
	}
	return p
}

func byCategory(a, b Slice) int {
	x, _ := classify.ParseCategory(a.Name)
	y, _ := classify.ParseCategory(b.Name)
	return cmp.Compare(x, y)
}

var lengthNames = []string{"1-20", "21-60", "61-140", "141-400", "401-"}

func lengthClass(text string) string {
	switch n := utf8.RuneCountInString(text); {
	case n <= 20:
		return lengthNames[0]
	case n <= 60:
		return lengthNames[1]
	case n <= 140:
		return lengthNames[2]
	case n <= 400:
		return lengthNames[3]
	}
	return lengthNames[4]
}

// table holds the counts of one dimension by name.
type table map[string]Counts

func (t table) add(name string, c Counts) {
	sum := t[name]
	sum.add(c)
	t[name] = sum
}

// sorted are the slices of the table in order, those that are equal by name.
func (t table) sorted(order func(a, b Slice) int) []Slice {
	out := make([]Slice, 0, len(t))
	for _, name := range slices.Sorted(maps.Keys(t)) {
		out = append(out, Slice{Name: name, Counts: t[name]})
	}
	if order != nil {
		slices.SortStableFunc(out, order)
	}
	return out
}

func (c *Counts) add(o Counts) {
	c.TP += o.TP
	c.FP += o.FP
	c.FN += o.FN
	c.TN += o.TN
}
