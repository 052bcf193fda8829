package classify

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Letters and digits that are set apart one by one: "g m a i l", "n-i-n-e", "[w][h][a][t]", "k💥e💥n", "w-h_a.t*s". What stands between
// them is the same all along, or one sign whatever it is; a sign of an address in the place of a letter is a letter.

const (
	fewestApart = 4  // letters set apart that are read as a word
	mostApart   = 64 // and how many at most
	widestApart = 12 // bytes between two of them
)

// apart is a run of characters set apart.
type apart struct {
	a, b    int // bytes of the folded text
	chars   []apartChar
	letters int
	digits  int
	signs   int // of an address
	kinds   int // different separators
	by      decoders
}

// apartChar is one of them: bytes of the folded text.
type apartChar struct{ a, b int32 }

// apart reads the run that begins at piece i and returns how many pieces it took.
func (x *extractor) apart(s *scratchEvidence, i int) int {
	t := s.f.text
	a := int(s.pieces[i].a)
	if !startsApart(t, a) {
		return 0
	}
	r := s.alike(t, a, s.apart[:0])
	s.steps += r.b - r.a + widestApart
	if !x.worth(t, &r) {
		r = s.unlike(t, a, s.apart[:0])
		s.steps += r.b - r.a
		if !x.worth(t, &r) {
			return 0
		}
	}
	j := i
	for j < len(s.pieces) && int(s.pieces[j].a) < r.b {
		j++
	}
	s.keep(i, j)
	x.gather(s, &r, s.pieces[i].spaces)
	return j - i
}

// startsApart reports whether a letter or digit stands alone at a, or the @ before one.
func startsApart(t []byte, a int) bool {
	if t[a] == '@' {
		return true
	}
	if a > 0 && wordByte(t[a-1]) {
		return false
	}
	return loneChar(t, a) > 0
}

// loneChar is the length of the letter or digit at i that no other one follows; 0 where there is none.
func loneChar(t []byte, i int) int {
	if i >= len(t) {
		return 0
	}
	if c := t[i]; c < utf8.RuneSelf {
		if !alnum(c) || i+1 < len(t) && alnum(t[i+1]) {
			return 0
		}
		if i+1 == len(t) || t[i+1] < utf8.RuneSelf {
			return 1
		}
	}
	r, n := utf8.DecodeRune(t[i:])
	if !isLetter(r) && !isDigit(r) || r == '_' || r >= 0x3040 && r < 0xa000 {
		return 0
	}
	if i+n < len(t) {
		if next, _ := utf8.DecodeRune(t[i+n:]); next != '_' && (isLetter(next) || isDigit(next)) {
			return 0
		}
	}
	return n
}

// addressSign reports the signs that can be a character of an address or name.
func addressSign(c byte) bool { return c == '@' || c == '.' || c == '_' || c == '-' || c == '+' }

// alike reads characters with the same between each two of them.
func (s *scratchEvidence) alike(t []byte, a int, chars []apartChar) apart {
	r := apart{a: a, b: a, chars: chars, kinds: 1}
	first := 1
	if t[a] != '@' {
		first = loneChar(t, a)
	}
	sep := separator(t, a+first)
	if sep == nil {
		return r
	}
	if next := a + first + len(sep); !bytes.HasPrefix(t[next+loneChar(t, next):], sep) {
		sep = halved(sep)
	}
	r.by = byPunct
	if len(bytes.TrimSpace(sep)) == 0 {
		r.by = bySpaced
	}
	r.take(t, a, first)
	for len(r.chars) < mostApart && bytes.HasPrefix(t[r.b:], sep) {
		i := r.b + len(sep)
		if n := loneChar(t, i); n > 0 {
			r.take(t, i, n)
		} else if i < len(t) && addressSign(t[i]) && bytes.HasPrefix(t[i+1:], sep) && loneChar(t, i+1+len(sep)) > 0 {
			r.take(t, i, 1)
		} else {
			break
		}
	}
	return r
}

// separator is what stands between i and the next letter or digit, if that stands alone.
func separator(t []byte, i int) []byte {
	for j := i; j < len(t) && j-i <= widestApart; {
		r, n := utf8.DecodeRune(t[j:])
		if r == '\n' {
			return nil
		}
		if isDigit(r) || isLetter(r) && r != '_' {
			if j == i || loneChar(t, j) == 0 {
				return nil
			}
			return t[i:j]
		}
		j += n
	}
	return nil
}

// halved is what stands between a character and the sign behind it, where the sign has the same before and after it: "h - . - l".
func halved(sep []byte) []byte {
	if k := len(sep) / 2; len(sep)%2 == 1 && k > 0 && addressSign(sep[k]) && bytes.Equal(sep[:k], sep[k+1:]) {
		return sep[:k]
	}
	return sep
}

// unlike reads characters with one sign, any one, between each two of them.
func (s *scratchEvidence) unlike(t []byte, a int, chars []apartChar) apart {
	r := apart{a: a, b: a, chars: chars, by: byPunct}
	if t[a] == '@' {
		r.take(t, a, 1)
	} else {
		r.take(t, a, loneChar(t, a))
	}
	var seen [utf8.RuneSelf]bool
	for len(r.chars) < mostApart && r.b+1 < len(t) && apartSign(t[r.b]) {
		i := r.b + 1
		n := loneChar(t, i)
		if n == 0 && addressSign(t[i]) && i+1 < len(t) && apartSign(t[i+1]) && loneChar(t, i+2) > 0 {
			n = 1
		}
		if n == 0 {
			break
		}
		if c := t[r.b]; !seen[c] {
			seen[c] = true
			r.kinds++
		}
		r.take(t, i, n)
	}
	return r
}

func apartSign(c byte) bool { return c > ' ' && c < utf8.RuneSelf && !alnum(c) }

// take adds the character t[i:i+n].
func (r *apart) take(t []byte, i, n int) {
	r.chars = append(r.chars, apartChar{int32(i), int32(i + n)})
	r.b = i + n
	switch c := t[i]; {
	case c-'0' < 10:
		r.digits++
	case n == 1 && addressSign(c):
		r.signs++
	default:
		r.letters++
	}
}

// worth reports whether the run is read as what it says: as letters, or as digits where that is not left to the reading of numbers, which
// knows better about dates and prices.
func (x *extractor) worth(t []byte, r *apart) bool {
	n := r.letters + r.digits
	if r.letters >= 3 {
		return n >= fewestApart && r.kinds == 1 || n > fewestApart+1 || r.signs == 0 && x.whole(r.word(t))
	}
	if r.letters > 0 || n < fewestDigits {
		return false
	}
	sep := t[r.chars[0].b:r.chars[1].a]
	return r.kinds == 1 && r.by == byPunct && len(sep) > 1 && strings.IndexByte(" ", sep[0]) < 0 || r.kinds >= 4 && n > fewestDigits+1
}

// word is what the run says.
func (r *apart) word(t []byte) []byte {
	var w []byte
	for _, c := range r.chars {
		w = append(w, t[c.a:c.b]...)
	}
	return w
}

// gather appends the pieces that the run is: its words, and the signs between them.
func (x *extractor) gather(s *scratchEvidence, r *apart, spaces bool) {
	t := s.f.text
	s.setApart = true
	for i := 0; i < len(r.chars); {
		c := r.chars[i]
		if c.b-c.a == 1 && addressSign(t[c.a]) {
			s.red = append(s.red, piece{a: c.a, b: c.b, shape: shapeSign, spaces: spaces})
			spaces = false
			i++
			continue
		}
		j := i
		w := s.buf[:0]
		for j < len(r.chars) && !(r.chars[j].b-r.chars[j].a == 1 && addressSign(t[r.chars[j].a])) {
			w = append(w, t[r.chars[j].a:r.chars[j].b]...)
			j++
		}
		s.buf = w
		x.unglue(s, r.chars[i:j], w, spaces, r.by)
		spaces = false
		i = j
	}
}

// unglue appends the word that the characters make, without the word of one or two letters before or after it that is none of it: "on w h a t s a p p i
// think".
func (x *extractor) unglue(s *scratchEvidence, chars []apartChar, w []byte, spaces bool, by decoders) {
	front, back := 0, 0
	switch {
	case by != bySpaced || x.whole(w):
	case chars[0].b-chars[0].a > 1 && isASCII(w[chars[0].b-chars[0].a:]): // "é n o r a"
		x.becomes(s, int(chars[0].a), int(chars[0].b), spaces, w[:chars[0].b-chars[0].a], by)
		chars, w, spaces = chars[1:], w[chars[0].b-chars[0].a:], true
	case isASCII(w):
		for _, cut := range [...][2]int{{0, 1}, {1, 0}, {1, 1}, {0, 2}, {2, 0}} {
			if len(w)-cut[0]-cut[1] >= 5 && x.whole(w[cut[0]:len(w)-cut[1]]) {
				front, back = cut[0], cut[1]
				break
			}
		}
	}
	for _, part := range [...][2]int{{0, front}, {front, len(chars) - back}, {len(chars) - back, len(chars)}} {
		if part[0] == part[1] {
			continue
		}
		text := w
		if front+back > 0 {
			text = w[part[0]:part[1]]
		}
		x.becomes(s, int(chars[part[0]].a), int(chars[part[1]-1].b), spaces || part[0] > 0, text, by)
	}
}

// whole reports whether the lexicon has the word beyond doubt; the name of an app that is also an ordinary word is beyond doubt when it is written so.
func (x *extractor) whole(w []byte) bool {
	end, list := x.longest(w, 0)
	return end == len(w) && (x.has[list]&(hasNumber|hasTool|hasRepeat|hasAt|hasDot) != 0 || len(w) >= 5 && x.has[list]&hasWeakTool != 0)
}
