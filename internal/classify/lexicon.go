package classify

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// concept is what a word is about, whatever its language: "phone", "outside", "pay".
type concept uint8

// conceptHit is a place in the message where a concept is named.
type conceptHit struct {
	concept    concept
	start, end int // tokens
}

// lexicon finds the concepts that a message names. It is immutable.
type lexicon struct {
	names []string  // by concept
	lists []concept // what phrases name; every concept alone comes first, at its own number
	forms phrases   // by sequence hash of whole tokens: forms, and what forms begin with
	stems phrases   // by sequence hash whose last word is cut to the stem
	alone bitFilter // of the stems that are a form by themselves
	heads bitFilter // of what those begin with: see headOf
}

// phrase is a sequence of tokens that a form is or begins with.
type phrase struct {
	hash uint64
	from uint32 // lists[from:][:n] is what it names
	n    uint8
	flag phraseFlag
}

type phraseFlag uint8

const (
	begins  phraseFlag = 1 << iota // a form begins with this token
	goesOn                         // longer forms begin with this sequence
	stemmed                        // this sequence and a stem make a form
)

// phrases finds phrases by their hash.
type phrases struct {
	list  []phrase
	index hashIndex
}

// newPhrases has room for n phrases, and makes more where there are more.
func newPhrases(n int) phrases {
	return phrases{list: make([]phrase, 0, n), index: newHashIndex(n)}
}

// at is the phrase of that hash, nil where there is none.
func (p *phrases) at(h uint64) *phrase { return p.from(h, p.index.first(h)) }

// from is at, where the first entry of the index for the hash has been read.
func (p *phrases) from(h uint64, e uint32) *phrase {
	x := &p.index
	tag, at := x.tag(h), int(h)
	for e != 0 {
		if i := e&x.low - 1; e&^x.low == tag && p.list[i].hash == h {
			return &p.list[i]
		}
		at++
		e = x.at[at&(len(x.at)-1)]
	}
	return nil
}

// put is at, for a phrase that may be new.
func (p *phrases) put(h uint64) *phrase {
	if len(p.list) == cap(p.list) {
		p.list = slices.Grow(p.list, 1)
		p.index = newHashIndex(cap(p.list))
		for i := range p.list {
			p.index.add(p.list[i].hash, i)
		}
	}
	if q := p.at(h); q != nil {
		return q
	}
	p.index.add(h, len(p.list))
	p.list = append(p.list, phrase{hash: h})
	return &p.list[len(p.list)-1]
}

// bitFilter has a bit for each hash of a set, which others may share.
type bitFilter []uint64

func (f bitFilter) bit(h uint64) (word int, bit uint64) {
	h = h * 0x9e3779b97f4a7c15 >> 32
	return int(h>>6) & (len(f) - 1), 1 << (h & 63)
}

func (f bitFilter) add(h uint64) {
	w, b := f.bit(h)
	f[w] |= b
}

func (f bitFilter) mayHave(h uint64) bool {
	w, b := f.bit(h)
	return f[w]&b != 0
}

// loadLexicon reads the word files; its error lists every fault as file:line: problem.
func loadLexicon() (*lexicon, error) {
	x := &lexicon{alone: make(bitFilter, 1<<12), heads: make(bitFilter, 1<<11), forms: newPhrases(1<<17 - 1), stems: newPhrases(1<<14 - 1)}
	for c := range 1 << 8 {
		x.lists = append(x.lists, concept(c))
	}
	files, err := fs.ReadDir(lexicons(), "lexicon/words")
	if err != nil {
		return nil, err
	}
	r := formReader{x: x}
	var faults []string
	for _, f := range files {
		src, err := fs.ReadFile(lexicons(), path.Join("lexicon/words", f.Name()))
		if err != nil {
			return nil, err
		}
		n, lang := 0, strings.TrimSuffix(f.Name(), ".tsv")
		for line := range strings.SplitSeq(string(src), "\n") {
			n++
			if line == "" || line[0] == '#' {
				continue
			}
			if err := r.add(lang, line); err != nil {
				faults = append(faults, fmt.Sprintf("%s:%d: %v", f.Name(), n, err))
			}
		}
	}
	if faults != nil {
		return nil, fmt.Errorf("lexicon:\n%s", strings.Join(faults, "\n"))
	}
	return x, nil
}

// formReader is the memory for reading forms.
type formReader struct {
	x    *lexicon
	f    folded
	toks []token
}

// add reads one line: concept, tab, forms.
func (r *formReader) add(lang, line string) error {
	name, forms, ok := strings.Cut(line, "\t")
	if !ok {
		return fmt.Errorf("want concept, tab, forms")
	}
	c := r.x.concept(name)
	for form := range strings.SplitSeq(forms, "|") {
		form = strings.TrimSpace(form)
		if form == "" {
			continue
		}
		stem := strings.HasSuffix(form, "*") || lang == "ko"
		r.f.fold(strings.TrimSuffix(form, "*"))
		r.toks = tokenize(&r.f, nil, r.toks[:0])
		if stem && len(r.f.text) < 2 {
			return fmt.Errorf("%q is too short for a stem", form)
		}
		r.x.form(r.f.text, r.toks, stem, c)
	}
	return nil
}

// concept is the concept of that name, made when it is new.
func (x *lexicon) concept(name string) concept {
	i := slices.Index(x.names, name)
	if i < 0 {
		i = len(x.names)
		x.names = append(x.names, name)
	}
	return concept(i)
}

const longestForm = 12 // tokens

// form enters a form; in a stem the last word may go on.
func (x *lexicon) form(text []byte, toks []token, stem bool, c concept) {
	n := len(toks)
	if n == 0 || n > longestForm {
		return
	}
	last := toks[n-1]
	open := stem && last.kind == wordToken
	seq := uint64(0)
	for i, t := range toks[:n-1] {
		seq = mix(seq*3 ^ t.hash)
		p := x.forms.put(seq)
		if i == 0 {
			p.flag |= begins
		}
		if open && i == n-2 {
			p.flag |= stemmed
		} else {
			p.flag |= goesOn
		}
	}
	seq = mix(seq*3 ^ last.hash)
	if !open {
		p := x.forms.put(seq)
		if n == 1 && !stem {
			p.flag |= begins
		}
		x.name(p, c)
		return
	}
	if n == 1 {
		word := text[last.start:last.end]
		x.alone.add(fnv(word))
		x.heads.add(headOf(word))
	}
	x.name(x.stems.put(seq), c)
}

// name adds the concept to those that the phrase names.
func (x *lexicon) name(p *phrase, c concept) {
	named := x.named(p)
	switch {
	case slices.Contains(named, c):
		return
	case p.n == 0:
		p.from = uint32(c)
	default:
		p.from = uint32(len(x.lists))
		x.lists = append(append(x.lists, named...), c)
	}
	p.n++
}

// named is what the phrase names.
func (x *lexicon) named(p *phrase) []concept { return x.lists[p.from:][:p.n] }

// find appends the concepts that the tokens name, in the order of their first token. Longer forms come first;
// shorter ones inside them are named too.
func (x *lexicon) find(text []byte, toks []token, dst []conceptHit) []conceptHit {
	var begun [16]beginning
	for i := range toks {
		k := i & (len(begun) - 1)
		if k == 0 {
			x.begin(toks[i:], begun[:])
		}
		if p := x.forms.from(begun[k].one, begun[k].one1); p != nil && p.flag&begins != 0 {
			dst = x.findForms(text, toks, i, p, &begun[k], dst)
		}
		if t := &toks[i]; t.kind == wordToken && x.beginsStem(text[t.start:t.end]) {
			dst = x.findStems(text, *t, i, dst)
		}
	}
	return dst
}

// beginning is a token and a pair of tokens as forms may begin with them: their sequence hashes, and the first entries of the index for those.
type beginning struct {
	one, two   uint64
	one1, two1 uint32
}

// begin looks the beginnings at the first tokens up, before it is known which of them matter: so the waits for memory overlap
// (BenchmarkStage/concepts).
func (x *lexicon) begin(toks []token, begun []beginning) {
	n := min(len(toks), len(begun))
	for i := range begun[:n] {
		one := mix(toks[i].hash)
		begun[i].one, begun[i].one1 = one, x.forms.index.first(one)
	}
	for i := range begun[:min(n, len(toks)-1)] {
		two := mix(begun[i].one*3 ^ toks[i+1].hash)
		begun[i].two, begun[i].two1 = two, x.forms.index.first(two)
	}
}

// findForms appends the concepts of the forms that begin with token i, which is the phrase p.
func (x *lexicon) findForms(text []byte, toks []token, i int, p *phrase, b *beginning, dst []conceptHit) []conceptHit {
	seq := b.one
	for k := i + 1; ; k++ {
		for _, c := range x.named(p) {
			dst = append(dst, conceptHit{c, i, k})
		}
		if k == len(toks) {
			return dst
		}
		u := &toks[k]
		if p.flag&stemmed != 0 && u.kind == wordToken {
			dst = x.findStem(text, *u, seq, i, k+1, dst)
		}
		if p.flag&goesOn == 0 {
			return dst
		}
		if k == i+1 {
			seq, p = b.two, x.forms.from(b.two, b.two1)
		} else {
			seq = mix(seq*3 ^ u.hash)
			p = x.forms.at(seq)
		}
		if p == nil {
			return dst
		}
	}
}

// headOf is what the word begins with: four bytes, or two where it is shorter, or nothing.
func headOf(word []byte) uint64 {
	switch n := len(word); {
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(word))
	case n >= 2:
		return uint64(binary.LittleEndian.Uint16(word))
	}
	return 0
}

// beginsStem reports whether the word may begin with a stem that is a form by itself. Six words out of seven do not (BenchmarkStage/concepts).
func (x *lexicon) beginsStem(word []byte) bool {
	return x.heads.mayHave(headOf(word)) || len(word) >= 4 && x.heads.mayHave(headOf(word[:2]))
}

// findStems appends the concepts of the stems that the word at token i begins with, shortest first.
func (x *lexicon) findStems(text []byte, t token, i int, dst []conceptHit) []conceptHit {
	h := uint64(fnvBasis)
	for k := t.start; k < t.end; k++ {
		h = (h ^ uint64(text[k])) * fnvPrime
		if !x.alone.mayHave(h) || k+1 < t.end && !utf8.RuneStart(text[k+1]) {
			continue
		}
		if p := x.stems.at(mix(mix(h))); p != nil {
			for _, c := range x.named(p) {
				dst = append(dst, conceptHit{c, i, i + 1})
			}
		}
	}
	return dst
}

// findStem appends the concepts of the forms that are the sequence seq and a stem of the word t.
func (x *lexicon) findStem(text []byte, t token, seq uint64, start, end int, dst []conceptHit) []conceptHit {
	h := uint64(fnvBasis)
	for k := t.start; k < t.end; k++ {
		h = (h ^ uint64(text[k])) * fnvPrime
		if k+1 < t.end && !utf8.RuneStart(text[k+1]) {
			continue
		}
		if p := x.stems.at(mix(seq*3 ^ mix(h))); p != nil {
			for _, c := range x.named(p) {
				dst = append(dst, conceptHit{c, start, end})
			}
		}
	}
	return dst
}
