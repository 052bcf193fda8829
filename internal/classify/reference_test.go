package classify

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// The plain ways of doing what the package does in fast ones: the tests below hold that both give the same, bit by bit.

// corpusTexts are every nth message of the labelled corpus, which this package's own tests cannot import.
func corpusTexts(t testing.TB, nth int) (texts []string) {
	t.Helper()
	names, err := filepath.Glob("../../testdata/corpus/d*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	n := 0
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(src)) {
			if len(line) < 2 || line[1] != ':' {
				continue
			}
			if n++; n%nth == 0 {
				text, _, _ := strings.Cut(strings.TrimSpace(line[2:]), " ## ")
				texts = append(texts, strings.ReplaceAll(text, `\n`, "\n"))
			}
		}
	}
	return texts
}

// plainFold is fold, one character at a time, with every word looked at for disguises.
func plainFold(f *folded, s string) {
	f.src, f.text, f.at, f.marks, f.cand, f.facts = s, f.text[:0], f.at[:0], f.marks[:0], f.cand[:0], 0
	tab := foldTables()
	native, script := -1, false
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		e := tab.entry(r)
		switch {
		case e.class == foldDrop:
			f.dropped(i, r)
			i += n
		case e.class == foldNative:
			if native < 0 {
				native = i
			}
			f.put(i, byte(e.to))
			i += n
		case e.class == foldPlain && !f.markFollows(tab, i+n):
			script = script || e.is(ownDigits)
			start := len(f.text)
			f.put(i, []byte(string(e.to))...)
			if e.is(styled) {
				f.note(i, sawStyled)
			}
			switch e.look {
			case lookAlways:
				f.note(i, sawHomoglyph)
			case lookLetter, lookEye:
				f.cand = append(f.cand, look{int32(start), uint8(len(f.text) - start), e.lookTo, e.look})
			}
			i += n
		default:
			i = f.segment(tab, i)
		}
	}
	if native >= 0 && !script {
		f.note(native, sawNativeDigits)
	}
	plainUnmask(f)
	slices.SortStableFunc(f.marks, inText)
	f.at = append(f.at, int32(len(s)))
}

func plainUnmask(f *folded) {
	if len(f.cand) == 0 {
		return
	}
	native, looks := f.writesNatively(), f.cand
	var text []byte
	var at []int32
	for i := 0; i < len(f.text); {
		j := spanEnd(f.text, i)
		k := countBefore(looks, j)
		if k > 0 && disguises(f.text[i:j], looks[:k], native) {
			f.note(int(f.at[looks[0].at]), sawHomoglyph)
			text, at = f.replace(i, j, looks[:k], text, at)
		} else {
			text, at = append(text, f.text[i:j]...), append(at, f.at[i:j]...)
		}
		looks, i = looks[k:], j
	}
	f.text, f.at = text, at
}

// plainTokens is tokenize for a text without evidence.
func plainTokens(text string) (toks []token) {
	letter := func(r rune) bool {
		return r == '_' || r < utf8.RuneSelf && unicode.IsLower(r) || r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsMark(r))
	}
	runes := []rune(text)
	at := 0
	for i := 0; i < len(runes); {
		j, kind, r := i+1, markToken, runes[i]
		switch {
		case unicode.IsDigit(r):
			kind = digitsToken
			for j < len(runes) && unicode.IsDigit(runes[j]) {
				j++
			}
		case unwritten(r):
			kind = glyphToken
		case letter(r):
			kind = wordToken
			for j < len(runes) && !unwritten(runes[j]) && (letter(runes[j]) || runes[j] == '\'' && j+1 < len(runes) && 'a' <= runes[j+1] && runes[j+1] <= 'z') {
				j++
			}
		}
		word := string(runes[i:j])
		t := token{at, at + len(word), kind, hashString(word)}
		if kind == digitsToken {
			t.hash = mix(digitsSeed + uint64(min(len(word), 12)))
		}
		if !unicode.IsSpace(r) {
			toks = append(toks, t)
		}
		i, at = j, t.end
	}
	return toks
}

// plainLexicon is the lexicon as maps.
type plainLexicon struct {
	lexicon
	forms, stems map[uint64][]concept // by the hash of the sequence; of a stem, with its last word cut
	longest      map[uint64]int       // tokens of the longest form, by its first token
}

func newPlainLexicon(t testing.TB) *plainLexicon {
	t.Helper()
	x := &plainLexicon{forms: map[uint64][]concept{}, stems: map[uint64][]concept{}, longest: map[uint64]int{}}
	names, err := filepath.Glob("lexicon/words/*.tsv")
	if err != nil || len(names) == 0 {
		t.Fatalf("no words: %v", err)
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(src), "\n") {
			if what, forms, ok := strings.Cut(line, "\t"); ok && line[0] != '#' {
				for form := range strings.SplitSeq(forms, "|") {
					x.add(x.concept(what), strings.TrimSpace(form), filepath.Base(name) == "ko.tsv")
				}
			}
		}
	}
	return x
}

func (x *plainLexicon) add(c concept, form string, stem bool) {
	form, star := strings.CutSuffix(form, "*")
	stem = stem || star
	var f folded
	f.fold(form)
	toks := tokenize(&f, nil, nil)
	if len(toks) == 0 {
		return
	}
	last, seq := toks[len(toks)-1], uint64(0)
	for _, t := range toks {
		seq = mix(seq*3 ^ t.hash)
	}
	into := x.forms
	if stem && last.kind == wordToken {
		into = x.stems
	}
	if !slices.Contains(into[seq], c) {
		into[seq] = append(into[seq], c)
	}
	if len(toks) > 1 || !stem {
		x.longest[toks[0].hash] = max(x.longest[toks[0].hash], min(len(toks), longestForm))
	}
}

func (x *plainLexicon) find(text []byte, toks []token) (hits []conceptHit) {
	for i, t := range toks {
		seq := uint64(0)
		for k := i; k < len(toks) && k < i+x.longest[t.hash]; k++ {
			if k > i {
				hits = x.stem(text, toks[k], seq, conceptHit{start: i, end: k + 1}, hits)
			}
			seq = mix(seq*3 ^ toks[k].hash)
			for _, c := range x.forms[seq] {
				hits = append(hits, conceptHit{c, i, k + 1})
			}
		}
		hits = x.stem(text, t, 0, conceptHit{start: i, end: i + 1}, hits)
	}
	return hits
}

func (x *plainLexicon) stem(text []byte, t token, seq uint64, at conceptHit, hits []conceptHit) []conceptHit {
	if t.kind != wordToken {
		return hits
	}
	for k := range string(text[t.start:t.end]) {
		if k > 0 {
			hits = x.cut(text[t.start:t.start+k], seq, at, hits)
		}
	}
	return x.cut(text[t.start:t.end], seq, at, hits)
}

func (x *plainLexicon) cut(word []byte, seq uint64, at conceptHit, hits []conceptHit) []conceptHit {
	for _, c := range x.stems[mix(seq*3^hashBytes(word))] {
		at.concept = c
		hits = append(hits, at)
	}
	return hits
}

// plainInnerGrams is innerGrams.
func plainInnerGrams(word string) (grams []gram) {
	runes := []rune(word)
	runes = append(append([]rune{'^'}, runes[:min(len(runes), longestWord)]...), '$')
	for i := range runes {
		g := seedChars
		for j := i; j < len(runes) && j < i+5; j++ {
			g = g.with(uint64(runes[j]))
			if j >= i+2 {
				grams = append(grams, g)
			}
		}
	}
	return grams
}

// plainWordGrams is wordGrams, family by family.
func plainWordGrams(toks []token) (grams []gram) {
	h := func(i int) uint64 { return toks[i].hash }
	n := len(toks)
	for i := range toks {
		one := seedWord.with(h(i))
		grams = append(grams, one)
		if i+1 < n {
			grams = append(grams, seedPair.with(uint64(one)).with(h(i+1)))
		}
		if i+2 < n {
			grams = append(grams, seedTriple.with(uint64(seedPair.with(uint64(one)).with(h(i+1)))).with(h(i+2)), seedSkip.with(uint64(one)).with(h(i+2)))
		}
	}
	if n > 0 {
		grams = append(grams, seedEdge.with(h(0)), seedEdge.with(h(n-1)^1))
	}
	if n > 0 && n <= 6 {
		whole := seedWhole
		for i := range toks {
			whole = whole.with(h(i))
		}
		grams = append(grams, whole)
	}
	return grams
}

// plainConceptGrams is conceptGrams, with nothing worked out beforehand.
func plainConceptGrams(hits []conceptHit) (grams []gram) {
	for i, a := range hits {
		one := seedConcept.with(uint64(a.concept))
		grams = append(grams, one)
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
			two := seedConceptPair.with(uint64(one)).with(uint64(b.concept))
			grams = append(grams, two)
			for k := j + 1; k < len(hits) && k < j+4 && b.start-a.end <= 3; k++ {
				if c := hits[k]; c.start >= b.end && c.start-b.end <= 3 {
					grams = append(grams, seedConceptTriple.with(uint64(two)).with(uint64(c.concept)))
				}
			}
		}
	}
	return grams
}

func FuzzPlainly(f *testing.F) {
	for _, s := range corpusTexts(f, 997) {
		f.Add(s)
	}
	for _, s := range []string{"don't 'quote' o'", "а\u0301б ½ 7️⃣ｗａ", "\xff\xc3 K\u212a\u0130ſ", "हिन्दी में बात", "ภาษาไทย漢字かな한국어", "ῥᾴ ᾳ̈́", "Ѕkуре zoomе ѕо", "12٣४ x_1 a1b"} {
		f.Add(s)
	}
	words := newPlainLexicon(f)
	lex, err := loadLexicon()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) { checkPlainly(t, text, words, lex) })
}

func TestCorpusPlainly(t *testing.T) {
	words := newPlainLexicon(t)
	lex, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range corpusTexts(t, 5) {
		checkPlainly(t, text, words, lex)
	}
}

func checkPlainly(t *testing.T, text string, words *plainLexicon, lex *lexicon) {
	t.Helper()
	var f, plain folded
	f.fold(text)
	plainFold(&plain, text)
	if string(f.text) != string(plain.text) || !slices.Equal(f.at, plain.at) || !slices.Equal(f.marks, plain.marks) || f.facts != plain.facts {
		t.Fatalf("%q folds to %q at %v with %v, plainly to %q at %v with %v", text, f.text, f.at, f.marks, plain.text, plain.at, plain.marks)
	}
	toks := tokenize(&f, nil, nil)
	if want := plainTokens(string(f.text)); !slices.Equal(toks, want) {
		t.Fatalf("tokens of %q: %v, plainly %v", f.text, toks, want)
	}
	hits := lex.find(f.text, toks, nil)
	if want := words.find(f.text, toks); !slices.Equal(hits, want) {
		t.Fatalf("concepts of %q: %v, plainly %v", f.text, hits, want)
	}
	if got, want := wordGrams(toks, nil), plainWordGrams(toks); !slices.Equal(got, want) {
		t.Fatalf("grams of the tokens of %q: %x, plainly %x", f.text, got, want)
	}
	if got, want := conceptGrams(hits, len(hits), nil), plainConceptGrams(hits); !slices.Equal(got, want) {
		t.Fatalf("grams of the concepts of %q: %x, plainly %x", f.text, got, want)
	}
	for _, k := range toks {
		if k.kind != wordToken {
			continue
		}
		word := string(f.text[k.start:k.end])
		if got, want := innerGrams([]byte(word), nil), plainInnerGrams(word); !slices.Equal(got, want) {
			t.Fatalf("grams of %q: %x, plainly %x", word, got, want)
		}
	}
}

// plainFeatures is features, with a search among the sorted rows.
func plainFeatures(m *Model, groups [2][]gram) (feats []feature) {
	for _, group := range groups {
		first, sum := len(feats), float32(0)
		for _, g := range distinct(group) {
			row := sort.Search(len(m.grams), func(i int) bool { return m.grams[i] >= g })
			if row == len(m.grams) || m.grams[row] != g {
				continue
			}
			w := float32(m.rarity[row]) * idfStep
			sum += w * w
			feats = append(feats, feature{int32(row), w})
		}
		scale := float32(1 / math.Sqrt(float64(sum)+1e-9))
		for i := range feats[first:] {
			feats[first+i].val *= scale
		}
	}
	return feats
}

// dot adds in four lanes, which are added last.
func dot(a, b []float32) float32 {
	var lanes [4]float32
	for i, x := range a {
		lanes[i%4] += x * b[i]
	}
	return lanes[0] + lanes[1] + lanes[2] + lanes[3]
}

// plainThought is consider and remember, with nothing left out and nothing kept.
func plainThought(m *Model, k int, s *scene, t *thought) (left memory) {
	n := &m.minds[k]
	t.vec, t.wide = [netWidth]float32{}, [wideHeads]float32{}
	for _, f := range s.feats {
		r := &m.rows[f.row]
		for i, x := range r.vecs[k] {
			t.vec[i] += f.val * r.scales[k] * float32(x)
		}
		for i, x := range r.wide[k] {
			t.wide[i] += f.val * wideStep * float32(x)
		}
	}
	for i, v := range t.vec {
		t.vec[i] = tanh(v + n.bias[i])
	}
	for i := range t.mine {
		t.mine[i] = tanh(n.memBias[i] + dot(n.mem[i][:netWidth], t.vec[:]))
	}
	t.tell(s)
	n.input(s, t)
	for j := range t.hidden {
		t.hidden[j] = max(0, n.hidBias[j]+dot(n.hid[j][:], t.in[:]))
	}
	for h := range t.z {
		t.z[h] = n.outBias[h] + dot(n.out[h][:], t.hidden[:])
	}
	for i, w := range t.wide {
		t.z[headReview+i] += w
	}
	for i := range left {
		left[i] = tanh(n.memBias[i] + dot(n.mem[i][:netWidth], t.vec[:]) + dot(n.mem[i][netWidth:], t.hidden[:]))
	}
	return left
}

// TestNetworkPlainly lets both read the corpus as one long conversation.
func TestNetworkPlainly(t *testing.T) {
	c := Default()
	var s State
	var res Result
	for i, text := range corpusTexts(t, 29) {
		m := &Message{SenderID: []string{"a", "b", "a"}[i%3], SenderRole: "client", Stage: Stage(i / 7 % 2), Text: text, Offset: int64(i)}
		c.Classify(m, &s, &res)
		d := &res.view
		if want := plainFeatures(c.model, [2][]gram{d.words, d.chars}); !slices.Equal(res.scene.feats, want) {
			t.Fatalf("features of %q: %v, plainly %v", text, res.scene.feats, want)
		}
		for k := range minds {
			checkThought(t, c.model, k, &res.scene)
		}
		s.Fold(res.Signal)
	}
}

func checkThought(t *testing.T, m *Model, k int, s *scene) {
	t.Helper()
	var got, want thought
	var left memory
	got.gathered.gather(m.rows, s.feats)
	got.tell(s)
	m.consider(k, s, &got)
	m.minds[k].remember(&got, &left)
	if wantLeft := plainThought(m, k, s, &want); left != wantLeft {
		t.Fatalf("memory %v, plainly %v", left, wantLeft)
	}
	if got.vec != want.vec || got.mine != want.mine || got.hidden != want.hidden || got.z != want.z {
		t.Fatalf("thought %+v, plainly %+v", got, want)
	}
}
