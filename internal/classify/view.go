package classify

import (
	"bytes"
	"slices"
	"sort"
	"unicode/utf8"
)

// view is what one pass over a message yields: its folded text, evidence, tokens, and concepts, of which the grams are made that
// the model weighs. It is scratch memory: reuse it.
type view struct {
	f        folded
	scratch  scratchEvidence
	evidence []evidence
	tools    []toolHit
	entities []entity
	tokens   []token
	hits     []conceptHit
	facts    Facts
	words    []gram // scratch: of tokens, concepts, evidence and tools; a gram may stand in it more than once
	chars    []gram // scratch: of characters, likewise
	rows     rowSet // scratch
}

// toolHit is a tool that the message names.
type toolHit struct {
	tool       tool
	strong     bool // beyond doubt; false for ordinary words such as signal
	start, end int  // bytes of the folded text
	span       Span // of the original
}

// reader turns messages into views. It is immutable.
type reader struct {
	extract *extractor
	lexicon *lexicon
	tools   [toolOwn + 1][2]concept // concept of a tool's kind, weak and strong
	kinds   [numKinds]concept
	bogus   concept    // placeholder data
	later   [2]concept // after, contract: what may be once there is one
	piece   concept    // a piece of split evidence
}

var toolConcepts = [...]string{"tool_messaging", "tool_meeting", "tool_payment", "tool_mail", "tool_social", "tool_own"}

var kindConcepts = [numKinds]string{"a_phone", "an_email", "a_handle", "a_contact_link", "a_meeting_link", "a_work_link", "a_link", "a_payment_id"}

func newReader() (*reader, error) {
	x, err := newExtractor()
	if err != nil {
		return nil, err
	}
	lex, err := loadLexicon()
	if err != nil {
		return nil, err
	}
	r := &reader{extract: x, lexicon: lex}
	for i, n := range toolConcepts {
		r.tools[i] = [2]concept{lex.concept(n + "?"), lex.concept(n)}
	}
	for i, n := range kindConcepts {
		r.kinds[i] = lex.concept(n)
	}
	r.later = [2]concept{lex.concept("after"), lex.concept("contract")}
	r.bogus, r.piece = lex.concept("a_placeholder"), lex.concept("a_piece")
	return r, nil
}

// read fills d with the view of text.
func (r *reader) read(text string, d *view) {
	d.f.fold(text)
	d.evidence = r.extract.find(&d.f, &d.scratch, d.evidence[:0])
	d.tools = r.extract.namedTools(&d.scratch, d.tools[:0])
	d.entities = d.places(d.entities[:0])
	d.tokens = tokenize(&d.f, d.entities, d.tokens[:0])
	d.hits = r.lexicon.find(d.f.text, d.tokens, d.hits[:0])
	d.hits = r.named(d, d.hits)
	d.facts = d.known()
	if d.follows(r.later[0], r.later[1]) {
		d.facts |= FactDefer
	}
}

// wordGrams are the grams of up to n tokens and of as many concepts, from the one at on; with the first come those of the text's ends and of tools.
func (d *view) wordGrams(at, n int) []gram {
	toks, hits := d.tokens[min(at, len(d.tokens)):], d.hits[min(at, len(d.hits)):]
	dst := rowGrams(toks[:min(n+2, len(toks))], d.words[:0])
	if at == 0 {
		dst = endGrams(d.tokens, dst)
		for _, t := range d.tools {
			dst = append(dst, seedTool.with(hashString(t.tool.name)))
		}
	}
	d.words = conceptGrams(hits, n, dst)
	return d.words
}

// charGrams are the grams of the characters of up to n tokens, and perhaps of three more, from the one at on.
func (d *view) charGrams(at, n int) []gram {
	toks := d.tokens[min(at, len(d.tokens)):]
	d.chars = charGrams(d.f.text, toks[:min(n+3, len(toks))], d.chars[:0])
	return d.chars
}

// places turns the evidence that stands in one place into entities, which are read as one token each.
func (d *view) places(dst []entity) []entity {
	for _, e := range d.evidence {
		if e.fragment || e.confidence < 0.3 {
			continue
		}
		a, b := d.f.find(e.start), d.f.find(e.end)
		if n := len(dst); n > 0 && a < dst[n-1].end {
			continue
		}
		name := uint32(e.kind)
		if e.placeholder {
			name = uint32(numKinds)
		}
		dst = append(dst, entity{a, b, name})
	}
	return dst
}

// find is the first folded byte that comes from the original byte i or later.
func (f *folded) find(i int) int {
	return sort.Search(len(f.text), func(k int) bool { return int(f.at[k]) >= i })
}

// named adds the concepts of evidence and tools to those of words, in the order of the text.
func (r *reader) named(d *view, hits []conceptHit) []conceptHit {
	if len(d.evidence)+len(d.tools) == 0 {
		return hits // in order
	}
	for _, e := range d.evidence {
		c := r.kinds[e.kind]
		switch {
		case e.placeholder:
			c = r.bogus
		case e.fragment || e.confidence < 0.3:
			c = r.piece
		}
		hits = append(hits, d.hit(c, d.f.find(e.start), d.f.find(e.end)))
	}
	for _, t := range d.tools {
		strong := 0
		if t.strong {
			strong = 1
		}
		hits = append(hits, d.hit(r.tools[t.tool.kind][strong], t.start, t.end))
	}
	slices.SortStableFunc(hits, func(a, b conceptHit) int { return a.start - b.start })
	return hits
}

// hit places a concept at the tokens that cover the folded bytes [a, b).
func (d *view) hit(c concept, a, b int) conceptHit {
	i := sort.Search(len(d.tokens), func(k int) bool { return d.tokens[k].end > a })
	j := i
	for j < len(d.tokens) && d.tokens[j].start < b {
		j++
	}
	return conceptHit{c, i, max(j, i+1)}
}

// follows tells whether concept b stands within five tokens after concept a, or before it.
func (d *view) follows(a, b concept) bool {
	last := -6
	was := a
	for _, h := range d.hits {
		if h.concept != a && h.concept != b {
			continue
		}
		if h.concept != was && h.start-last <= 5 {
			return true
		}
		was, last = h.concept, h.end
	}
	return false
}

// known sums up what detectors are sure of.
func (d *view) known() Facts {
	var k Facts
	for _, e := range d.evidence {
		switch {
		case e.placeholder:
			k |= FactPlaceholder
		case e.fragment:
			k |= FactFragment
		case e.confidence >= 0.5:
			k |= kindFacts[e.kind]
		}
		if len(e.by) > 0 {
			k |= FactDisguise
		}
	}
	for _, t := range d.tools {
		if t.strong {
			k |= toolFacts[t.tool.kind]
		}
	}
	if d.asks() {
		k |= FactQuestion
	}
	return k
}

// asks reports whether a question mark stands in the message outside evidence.
func (d *view) asks() bool {
	if d.f.pure && bytes.IndexByte(d.f.text, '?') < 0 {
		return false
	}
	for i := range d.tokens {
		if t := &d.tokens[i]; t.kind == markToken && isQuestion(d.f.text[t.start:t.end]) {
			return true
		}
	}
	return false
}

var kindFacts = [numKinds]Facts{FactPhone, FactEmail, FactHandle, FactContactLink, FactMeetingLink, FactWorkLink, 0, FactPaymentID}

var toolFacts = [...]Facts{FactMessenger, FactMeetTool, FactPayTool, 0, FactMessenger, 0}

func isQuestion(mark []byte) bool {
	r, _ := utf8.DecodeRune(mark)
	return r == '?' || r == '？' || r == '؟' || r == ';' && len(mark) > 1
}

// namedTools appends the tools that the text names, in its order.
func (x *extractor) namedTools(s *scratchEvidence, dst []toolHit) []toolHit {
	if s.sc.has&anyTool == 0 {
		return dst
	}
	for i := range s.red {
		p := &s.red[i]
		if x.has[p.list]&anyTool == 0 {
			continue
		}
		if t, strong, ok := x.toolOf(*p, anyKind); ok {
			dst = append(dst, toolHit{t, strong || s.disguised(*p), int(p.a), int(p.b), s.f.span(int(p.a), int(p.b))})
		}
	}
	return dst
}

// disguised reports whether something had to be undone to read the piece: who disguises an ordinary word means none. Letters in another style are ornament as
// often as disguise.
func (s *scratchEvidence) disguised(p piece) bool {
	return p.by != 0 || s.f.facts != 0 && s.f.factsIn(int(p.a), int(p.b))&^(sawNativeDigits|sawStyled) != 0
}

func anyKind(toolKind) bool { return true }

// conceptGrams appends the first n concepts, the pairs that stand near each other and begin with one of these, and the triples that
// stand close together, in their order.
func conceptGrams(hits []conceptHit, n int, dst []gram) []gram {
	for i, a := range hits[:min(n, len(hits))] {
		dst = append(dst, conceptSeeds[a.concept].one)
		pair := conceptSeeds[a.concept].pair
		near := 0
		for j := i + 1; j < len(hits) && near < 5; j++ {
			b := hits[j]
			if b.start < a.end || b.concept == a.concept {
				continue
			}
			if b.start-a.end > 6 {
				break
			}
			near++
			two := pair.with(uint64(b.concept))
			dst = append(dst, two)
			if b.start-a.end > 3 {
				continue
			}
			triple := seedConceptTriple.with(uint64(two))
			for k := j + 1; k < len(hits) && k < j+4; k++ {
				if c := hits[k]; c.start >= b.end && c.start-b.end <= 3 {
					dst = append(dst, triple.with(uint64(c.concept)))
				}
			}
		}
	}
	return dst
}

// conceptSeeds are the gram of each concept and what the grams of pairs that begin with it have in common, worked out beforehand (BenchmarkStage/read).
var conceptSeeds = func() (t [1 << 8]struct{ one, pair gram }) {
	for c := range t {
		t[c].one = seedConcept.with(uint64(c))
		t[c].pair = seedConceptPair.with(uint64(t[c].one))
	}
	return t
}()
