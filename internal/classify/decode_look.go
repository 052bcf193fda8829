package classify

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Words whose letters look Latin to a person: letters of Cyrillic and Greek that folding leaves standing because a word of that
// language could be made of them, marks piled on letters, letters turned upside down. They are read as Latin where that makes them the name of a tool, or
// a part of an address; nothing else proves that they are.

// foreignLooks are letters that the eye takes for Latin ones besides those of Unicode's data.
var foreignLooks = map[rune]string{
	'т': "t", 'к': "k", 'м': "m", 'н': "hn", 'в': "b", 'г': "r", 'п': "n", 'и': "u", 'ѡ': "w", 'ԝ': "w", 'ш': "w", 'щ': "w", 'я': "r", 'з': "e", 'ь': "b", 'э': "e", 'л': "n", 'ч': "y",
	'τ': "t", 'κ': "k", 'μ': "mu", 'η': "n", 'ω': "w", 'β': "b", 'γ': "y", 'ρ': "p", 'υ': "uv", 'χ': "x", 'λ': "l", 'σ': "oc", 'ε': "e", 'δ': "d", 'θ': "o", 'π': "n", 'ζ': "z",
	'ӏ': "li", 'і': "il", 'ı': "il", 'ո': "n", 'ռ': "n", 'ɡ': "g", 'ԛ': "q", 'ט': "u", 'ן': "l", 'ⅼ': "l", 'ɔ': "c", 'ɯ': "m",
}

const (
	shortestLook = 4   // letters of a word that is read as Latin
	longestLook  = 40  // bytes
	widestMail   = 160 // bytes without a space that an @ is looked for in
)

// looks reports whether the message may hold such a word: it has words of both alphabets, an @ among foreign letters, or folding met some.
func (x *extractor) looks(s *scratchEvidence) bool {
	if s.f.pure {
		return false
	}
	if s.f.facts&(sawHomoglyph|sawStacked) != 0 {
		return true
	}
	if s.sc.ats > 0 && !isASCII(s.f.text) {
		return true
	}
	latin, foreign := false, false
	for _, p := range s.pieces {
		switch c := s.f.text[p.a]; {
		case c-'a' < 26:
			latin = latin || p.b-p.a >= 2
		case c >= 0xcd && c < 0xd7: // Greek, Cyrillic, Armenian, Hebrew's beginning
			foreign = true
		}
	}
	return foreign && latin
}

// look reads piece i as Latin letters where that makes something of it.
func (x *extractor) look(s *scratchEvidence, i int) {
	p := s.pieces[i]
	w := s.f.text[p.a:p.b]
	if p.shape == shapeSign || p.shape == shapeBreak || len(w) > longestLook || x.has[p.list]&(anyTool|anyNumber) != 0 {
		return
	}
	facts := s.f.factsIn(int(p.a), int(p.b))
	if isASCII(w) && facts&(sawHomoglyph|sawStacked) == 0 {
		return
	}
	var buf [longestLook + utf8.UTFMax]byte
	if utf8.RuneCount(w) >= shortestLook {
		if r := x.unlook(s, w, 0, buf[:0], false); r != nil {
			x.become(s, i, i+1, r, byLook)
			return
		}
		if facts&sawHomoglyph != 0 {
			if r := x.unlook(s, []byte(reversed(w)), 0, buf[:0], true); r != nil {
				x.become(s, i, i+1, r, byLook|byReversed)
				return
			}
		}
	}
	if s.sc.ats > 0 && !isASCII(w) && s.inAddress(p) {
		if r, ok := latinized(w, buf[:0]); ok {
			x.become(s, i, i+1, r, byLook)
		}
	}
}

// inAddress reports whether an @ stands in what the piece belongs to, spaces apart.
func (s *scratchEvidence) inAddress(p piece) bool {
	t := s.f.text
	a, b := int(p.a), int(p.b)
	for a > 0 && t[a-1] > ' ' && int(p.b)-a < widestMail {
		a--
	}
	for b < len(t) && t[b] > ' ' && b-int(p.a) < widestMail {
		b++
	}
	s.steps += b - a
	return bytes.IndexByte(t[a:b], '@') >= 0
}

// latinized is w in the letters that it looks like; false where a letter looks like none.
func latinized(w, dst []byte) ([]byte, bool) {
	for len(w) > 0 {
		r, n := utf8.DecodeRune(w)
		c := latinLooks(r)
		if c == "" || len(dst) > longestLook {
			return nil, false
		}
		dst = append(dst, c[0])
		w = w[n:]
	}
	return dst, true
}

// latinLooks are the ASCII letters that r may be taken for, the likeliest first.
func latinLooks(r rune) string {
	if r < utf8.RuneSelf {
		if alnum(byte(r)) {
			return ascii[r : r+1]
		}
		return ""
	}
	if l := foreignLooks[r]; l != "" {
		return l
	}
	if e := foldTables().entry(r); e.look != notLook {
		return ascii[e.lookTo : e.lookTo+1]
	}
	if isLatinLetter(r) {
		if l := plainLatin[r]; l != "" {
			return l
		}
		if d := norm.NFD.String(string(r)); d[0] < utf8.RuneSelf {
			return d[:1]
		}
	}
	return ""
}

// ascii is every ASCII character at its place.
var ascii = func() string {
	b := make([]byte, utf8.RuneSelf)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}()

// turnedLooks are the letters that an ASCII letter may be when it is upside down.
var turnedLooks = map[rune]string{'d': "pd", 'p': "dp", 'b': "qb", 'q': "bq", 'u': "nu", 'n': "un", 'w': "mw", 'm': "wm", 'i': "il", 'f': "f"}

// unlook walks the lexicon with every letter that the rest of w may be taken for; it returns the word if it names a tool.
func (x *extractor) unlook(s *scratchEvidence, w []byte, node int32, read []byte, turned bool) []byte {
	s.steps++
	if len(w) == 0 {
		if l := x.nodes[node].list; l != 0 && x.has[l]&(hasTool|hasMessenger) != 0 && len(read) >= shortestLook {
			return read
		}
		return nil
	}
	r, n := utf8.DecodeRune(w)
	c := latinLooks(r)
	if t := turnedLooks[r]; turned && t != "" {
		c = t
	} else if r == 'i' {
		c = "il"
	} else if r == 'l' {
		c = "li"
	}
	if c == "" && marksOnly(r) {
		return x.unlook(s, w[n:], node, read, turned)
	}
	for k := range len(c) {
		if to := x.step(node, c[k]); to >= 0 {
			if out := x.unlook(s, w[n:], to, append(read, c[k]), turned); out != nil {
				return out
			}
		}
	}
	return nil
}

// marksOnly reports marks that joined no letter.
func marksOnly(r rune) bool { return 0x300 <= r && r < 0x370 }
