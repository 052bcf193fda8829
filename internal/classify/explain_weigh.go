package classify

import (
	"cmp"
	"math"
	"slices"
)

// Push is something that the network saw of a message, or a whole family of it, and how far it moved the outcome: the
// log-odds with it less the log-odds without it and nothing else changed. Pushes do not add up: what two things say
// together is in both, and what either would have said alone is in neither.
type Push struct {
	Family string // see the families below
	Name   string // the words, concept or fact; empty for the whole family
	Review float64
	Remind float64
}

// The families of what the network sees.
const (
	FamilyWords    = "words"    // one to three words in a row, the first and last word, the whole of a short message
	FamilySpelling = "spelling" // the letters of a word
	FamilyConcepts = "concepts" // concepts near each other, in their order
	FamilyTools    = "tools"
	FamilyFacts    = "facts"   // what detectors are sure of in the message
	FamilyEarlier  = "earlier" // the same of earlier messages
	FamilyMemory   = "memory"  // what earlier messages left behind
	FamilySetting  = "setting" // stage, role, place in the conversation, length
	FamilyRest     = "rest"    // of a message so long that not all of it is named
)

const (
	maxNamed  = 400  // tokens and concepts of a message whose features are named
	maxPushes = 1000 // single things that are left out, those of the most weight first
)

// Weigh asks the network again without each thing that it saw of the message, and without each family of them. The
// families come first, then the single things; both with the strongest push first.
func (e *Explanation) Weigh() []Push {
	if e.Deleted {
		return nil
	}
	again := asking{e: e}
	review, remind := again.without(aspect{})
	push := func(parts []aspect) []Push {
		out := make([]Push, len(parts))
		for i, p := range parts {
			a, b := again.without(p)
			out[i] = Push{p.family, p.name, review - a, remind - b}
		}
		slices.SortStableFunc(out, func(a, b Push) int { return cmp.Compare(b.strength(), a.strength()) })
		return out
	}
	parts := e.parts()
	return append(push(families(parts)), push(e.heaviest(parts))...)
}

func (p Push) strength() float64 { return max(math.Abs(p.Review), math.Abs(p.Remind)) }

// asking is the scratch memory for asking the network about an explained message with something left out.
type asking struct {
	e   *Explanation
	res Result
}

// aspect is something that can be left out of a scene.
type aspect struct {
	family, name string
	rows         []int32 // of the model's vocabulary, ascending
	known        []int   // places in scene.known
	signals      []int   // whose memories are lost
}

// without are the log-odds of review and remind for the scene less the aspect. The network is asked as Classify asks it.
func (a *asking) without(p aspect) (review, remind float64) {
	e, s := a.e, &a.res.scene
	s.known, s.feats = e.res.scene.known, s.feats[:0]
	for _, f := range e.res.scene.feats {
		if _, out := slices.BinarySearch(p.rows, f.row); !out {
			s.feats = append(s.feats, f)
		}
	}
	for _, k := range p.known {
		s.known[k] = 0
	}
	signals := e.signals
	if len(p.signals) > 0 {
		signals = slices.Clone(signals)
		for _, i := range p.signals {
			signals[i].Memory = [minds][netMemory]int8{}
		}
	}
	a.res.Signal.Sender, a.res.Signal.Facts = e.Signal.Sender, e.Signal.Facts
	e.classifier.ask(signals, &a.res)
	c := &e.classifier.model.calib
	return c.odds(&a.res.heads, e.head).LogOdds, c.odds(&a.res.heads, headRemind).LogOdds
}

// families joins parts by their family, in the order in which these first come.
func families(parts []aspect) []aspect {
	var out []aspect
	for _, p := range parts {
		i := slices.IndexFunc(out, func(f aspect) bool { return f.family == p.family })
		if i < 0 {
			i, out = len(out), append(out, aspect{family: p.family})
		}
		f := &out[i]
		f.rows, f.known, f.signals = append(f.rows, p.rows...), append(f.known, p.known...), append(f.signals, p.signals...)
	}
	for i := range out {
		slices.Sort(out[i].rows)
	}
	return out
}

// heaviest are the parts that weigh most, where there are too many: what the network is told weighs nothing on this
// scale, and is kept.
func (e *Explanation) heaviest(parts []aspect) []aspect {
	if len(parts) <= maxPushes {
		return parts
	}
	value := map[int32]float32{}
	for _, f := range e.res.scene.feats {
		value[f.row] = f.val
	}
	weight := func(p aspect) (sum float32) {
		for _, row := range p.rows {
			sum += value[row]
		}
		return sum
	}
	told := slices.IndexFunc(parts, func(p aspect) bool { return len(p.rows) == 0 })
	felt := parts[:told]
	slices.SortStableFunc(felt, func(a, b aspect) int { return cmp.Compare(weight(b), weight(a)) })
	return slices.Concat(felt[:maxPushes], parts[told:])
}

// parts are all single things in the scene: what it is made of, each with a name.
func (e *Explanation) parts() []aspect {
	n := namer{e: e, nameless: map[int32]bool{}}
	for _, f := range e.res.scene.feats {
		n.nameless[f.row] = true
	}
	n.spelling() // first: a character gram may belong to several words
	n.words()
	n.concepts()
	n.tools()
	n.rest()
	n.known()
	n.memories()
	return n.parts
}

// namer finds out what the features of a scene stand for. It asks the functions that make features what they make of
// parts of the message, smaller parts first: what a part makes, and the scene has, is named after it.
type namer struct {
	e        *Explanation
	nameless map[int32]bool
	parts    []aspect
}

func (n *namer) add(p aspect) { n.parts = append(n.parts, p) }

// features are the rows of those grams that the scene has and nothing smaller has given a name.
func (n *namer) features(family, name string, grams []gram) {
	var rows []int32
	for _, g := range grams {
		if row := n.e.classifier.model.row(g); row >= 0 && n.nameless[row] {
			rows = append(rows, row)
		}
	}
	n.named(aspect{family: family, name: name, rows: rows})
}

// named adds a part whose features have a name from now on. A thing that stands twice in the message is one.
func (n *namer) named(p aspect) {
	if len(p.rows) == 0 {
		return
	}
	for _, row := range p.rows {
		delete(n.nameless, row)
	}
	slices.Sort(p.rows)
	p.rows = slices.Compact(p.rows)
	n.add(p)
}

func (n *namer) tokens() []token {
	t := n.e.res.view.tokens
	return t[:min(len(t), maxNamed)]
}

// text is how the message writes the tokens [i, j).
func (n *namer) text(i, j int) string {
	v := &n.e.res.view
	s := v.stretch(i, j)
	return v.f.src[s.Start:s.End]
}

func (n *namer) words() {
	toks := n.tokens()
	widths := []int{1, 2, 3}
	if len(toks) > 3 {
		widths = append(widths, len(toks)) // the whole of a short message
	}
	for _, w := range widths {
		for i := 0; i+w <= len(toks); i++ {
			n.features(FamilyWords, n.text(i, i+w), wordGrams(toks[i:i+w], nil))
		}
	}
}

// spelling names the character grams of each word, which may share some, and those of scripts without words.
func (n *namer) spelling() {
	toks, text := n.tokens(), n.e.res.view.f.text
	seen := map[uint64]bool{}
	named := map[int32]bool{}
	for i, t := range toks {
		if t.kind != wordToken || seen[t.hash] {
			continue
		}
		seen[t.hash] = true
		p := aspect{family: FamilySpelling, name: n.text(i, i+1)}
		for _, g := range charGrams(text, toks[i:i+1], nil) {
			if row := n.e.classifier.model.row(g); row >= 0 && n.nameless[row] {
				p.rows, named[row] = append(p.rows, row), true
			}
		}
		if len(p.rows) > 0 {
			slices.Sort(p.rows)
			p.rows = slices.Compact(p.rows)
			n.add(p)
		}
	}
	for row := range named {
		delete(n.nameless, row)
	}
	for w := 2; w <= 4; w++ {
		for i := 0; i+w <= len(toks); i++ {
			if toks[i].kind == glyphToken {
				n.features(FamilySpelling, n.text(i, i+w), charGrams(text, toks[i:i+w], nil))
			}
		}
	}
}

func (n *namer) concepts() {
	hits := n.e.res.view.hits
	hits = hits[:min(len(hits), maxNamed)]
	names := n.e.classifier.reader.lexicon.names
	const near = 24 // hits: more than conceptGrams looks over
	for i, a := range hits {
		n.features(FamilyConcepts, names[a.concept], conceptGrams(hits[i:i+1], 1, nil))
	}
	for i, a := range hits {
		for _, b := range hits[i+1 : min(len(hits), i+near)] {
			n.features(FamilyConcepts, names[a.concept]+" "+names[b.concept], conceptGrams([]conceptHit{a, b}, 2, nil))
		}
	}
	for i, a := range hits {
		for j := i + 1; j < min(len(hits), i+near); j++ {
			for _, c := range hits[j+1 : min(len(hits), j+near)] {
				b := hits[j]
				n.features(FamilyConcepts, names[a.concept]+" "+names[b.concept]+" "+names[c.concept], conceptGrams([]conceptHit{a, b, c}, 3, nil))
			}
		}
	}
}

func (n *namer) tools() {
	for _, t := range n.e.res.view.tools {
		n.features(FamilyTools, t.tool.name, []gram{seedTool.with(hashString(t.tool.name))})
	}
}

// rest is what nothing above has named.
func (n *namer) rest() {
	p := aspect{family: FamilyRest, name: "all that is not named"}
	for row := range n.nameless {
		p.rows = append(p.rows, row)
	}
	n.named(p)
}
