package classify

import (
	"bytes"
	"unicode/utf8"
)

// reduce writes to s.red what the pieces say once the decoders of words have read them: letters set apart are one word, spelling
// alphabets are letters, digits and signs in words are the letters that they stand for.
func (x *extractor) reduce(s *scratchEvidence) {
	s.read = s.read[:0]
	if s.sc.singles < 3 && s.sc.has&hasLetter == 0 && s.sc.mixed == 0 && s.sc.ats == 0 && s.sc.signs == 0 {
		s.red = s.pieces
		return
	}
	s.red = s.redBuf[:0]
	for i := 0; i < len(s.pieces); {
		if s.sc.singles >= 3 {
			if n := x.spaced(s, i); n > 0 {
				i += n
				continue
			}
		}
		if s.sc.has&hasLetter != 0 {
			if n := x.phonetic(s, i); n > 0 {
				i += n
				continue
			}
		}
		if s.sc.mixed > 0 || s.sc.ats > 0 || s.sc.signs > 0 {
			if n := x.leet(s, i); n > 0 {
				i += n
				continue
			}
		}
		s.red = append(s.red, s.pieces[i])
		i++
	}
	s.redBuf = s.red
}

// become appends a piece that reads w in place of the pieces [i, j).
func (x *extractor) become(s *scratchEvidence, i, j int, w []byte, by decoders) *piece {
	first, last := s.pieces[i], s.pieces[j-1]
	p := piece{a: first.a, b: last.b, spaces: first.spaces, by: by, s: int32(len(s.read))}
	s.read = append(s.read, w...)
	p.e = int32(len(s.read))
	p.shape = shapeOf(w)
	if len(w) > 0 {
		if end, list := x.longest(w, 0); end == len(w) {
			p.list = list
			s.sc.known(x.has[list], &piece{}, nil)
		}
	}
	s.red = append(s.red, p)
	return &s.red[len(s.red)-1]
}

func shapeOf(w []byte) shape {
	d := digitCount(w)
	switch {
	case d == len(w):
		return shapeDigits
	case d > 0:
		return shapeMixed
	}
	return shapeWord
}

const (
	fewestSpaced = 4 // letters set apart that are read as a word
	mostSpaced   = 64
)

// spaced reads letters that are set apart one by one, "g m a i l", "n-i-n-e", "w.h.a.t.s", and returns how many pieces it took.
func (x *extractor) spaced(s *scratchEvidence, i int) int {
	sep, gap := byte(0), int32(0)
	letters, n := 0, 0
	var word [mostSpaced * 4]byte
	w := word[:0]
	j := i
	signs := 0
	for j < len(s.pieces) && n < mostSpaced {
		p := s.pieces[j]
		if n >= 2 && sep == ' ' && s.signInWord(j, gap) {
			w = append(w, s.f.text[p.a])
			signs++
			j++
			continue
		}
		if !s.single(p) {
			break
		}
		w = append(w, s.f.text[p.a:p.b]...)
		n++
		if s.f.text[p.a] > '9' {
			letters++
		}
		j++
		if j == len(s.pieces) {
			break
		}
		next := s.pieces[j]
		c := s.sign(next)
		k := j
		if n >= 2 && sep == ' ' && s.signInWord(j, gap) {
			continue
		}
		if c != 0 && c != '@' && c != '+' && c != '$' && c != '(' {
			k++
		} else {
			c = ' '
		}
		if k == len(s.pieces) || !s.single(s.pieces[k]) {
			break
		}
		width := s.pieces[k].a - p.b
		if n == 1 {
			sep, gap = c, width
		} else if c != sep || width != gap {
			break
		}
		if width == 0 {
			break
		}
		j = k
	}
	if letters < 3 || n < 3 {
		return 0
	}
	taken := j - i
	if s.sign(s.pieces[j-1]) != 0 {
		taken--
	}
	by := bySpaced
	if sep != ' ' {
		by = byPunct
	}
	if n < fewestSpaced && !x.whole(w) {
		return 0
	}
	if signs == 0 {
		x.become(s, i, i+taken, w, by)
		return taken
	}
	for k := i; k < i+taken; { // the words between the signs
		if s.sign(s.pieces[k]) != 0 {
			p := s.pieces[k]
			p.spaces = false
			s.red = append(s.red, p)
			k++
			continue
		}
		j := k
		w = w[:0]
		for j < i+taken && s.sign(s.pieces[j]) == 0 {
			w = append(w, s.f.text[s.pieces[j].a:s.pieces[j].b]...)
			j++
		}
		x.become(s, k, j, w, by).spaces = k == i && s.pieces[i].spaces
		k = j
	}
	return taken
}

// signInWord reports whether piece j is a sign set apart like the letters around it: "t h e o . r e a d s".
func (s *scratchEvidence) signInWord(j int, gap int32) bool {
	c := s.sign(s.pieces[j])
	return (c == '.' || c == '_' || c == '-' || c == '@') && gap > 0 && j+1 < len(s.pieces) && s.single(s.pieces[j+1]) &&
		s.pieces[j].a-s.pieces[j-1].b == gap && s.pieces[j+1].a-s.pieces[j].b == gap
}

// whole reports whether the lexicon has the word beyond doubt.
func (x *extractor) whole(w []byte) bool {
	end, list := x.longest(w, 0)
	return end == len(w) && x.has[list]&(hasNumber|hasTool|hasRepeat|hasAt|hasDot) != 0
}

// single reports whether the piece is one letter or digit.
func (s *scratchEvidence) single(p piece) bool {
	w := s.f.text[p.a:p.b]
	if len(w) == 1 {
		return alnum(w[0])
	}
	r, n := utf8.DecodeRune(w)
	return n == len(w) && isLetter(r) && !(r >= 0x3040 && r < 0xa000)
}

// phonetic reads a spelling alphabet, "romeo alpha november", "gee em ex", and returns how many pieces it took.
func (x *extractor) phonetic(s *scratchEvidence, i int) int {
	if x.has[s.pieces[i].list]&hasLetter == 0 {
		return 0
	}
	var word [mostSpaced]byte
	w := word[:0]
	var count [8]int
	j, last := i, i
	for j < len(s.pieces) && len(w) < mostSpaced {
		p := s.pieces[j]
		c, kind := x.letterOf(s, p)
		if c == 0 {
			if sg := s.sign(p); (sg == ',' || sg == '-') && j > i && j == last {
				j++
				continue
			}
			break
		}
		count[kind]++
		w = append(w, c)
		j++
		last = j
	}
	nato, other := count[alphabetNATO], max(count[alphabetOther], count[alphabetDigit])
	switch {
	case nato >= 3:
	case nato == 2 && len(w) == 2 && x.letterNeighbour(s, i, last):
	case other >= 3 && x.whole(w):
	case nato+count[alphabetLetters] >= 2 && x.whole(w):
	default:
		return 0
	}
	x.become(s, i, last, w, byPhonetic)
	return last - i
}

// letterNeighbour reports whether the spelled letters stand beside the at or dot of an address.
func (x *extractor) letterNeighbour(s *scratchEvidence, i, j int) bool {
	const signs = anyAt | hasDot | hasUnderscore
	for j < len(s.pieces) && s.sign(s.pieces[j]) == ',' {
		j++
	}
	return j < len(s.pieces) && x.has[s.pieces[j].list]&signs != 0 || i > 0 && x.has[s.pieces[i-1].list]&signs != 0
}

const (
	alphabetNATO = iota
	alphabetOther
	alphabetLetters
	alphabetDigit
)

// letterOf is the letter that the piece spells and the alphabet that it does so in.
func (x *extractor) letterOf(s *scratchEvidence, p piece) (c byte, alphabet int) {
	if x.has[p.list]&hasLetter != 0 {
		best := -1
		for _, t := range x.terms[p.list] {
			if t.kind != termLetter {
				continue
			}
			k := alphabetOther
			switch x.langs[t.lang] {
			case "nato":
				k = alphabetNATO
			case "en-letter":
				k = alphabetLetters
			}
			if best < 0 || k < best {
				c, best = byte(t.val), k
			}
		}
		return c, best
	}
	if d, ok := x.digit(p); ok && p.list != 0 {
		return '0' + byte(d), alphabetDigit
	}
	if w := s.f.text[p.a:p.b]; len(w) == 1 && alnum(w[0]) {
		return w[0], alphabetDigit
	}
	return 0, 0
}

const longestLeet = 24

// leet reads a word in which digits and signs stand for letters, where that makes it the name of a tool or a number, and returns how
// many pieces it took.
func (x *extractor) leet(s *scratchEvidence, i int) int {
	p := s.pieces[i]
	if p.shape == shapeBreak || p.list != 0 && x.has[p.list]&hasTool != 0 {
		return 0
	}
	t := s.f.text
	j := i + 1
	for j < len(s.pieces) && !s.pieces[j].spaces && s.pieces[j].shape != shapeBreak && s.pieces[j].b-p.a <= longestLeet && leetRun(t, s.pieces[j]) {
		j++
	}
	for ; j > i; j-- {
		w := t[p.a:s.pieces[j-1].b]
		if len(w) < 3 || !looksLeet(w) {
			continue
		}
		if r := x.leetNumber(w); r != nil && !s.inName(i, j) {
			x.become(s, i, j, r, byLeet)
			s.f.facts |= sawLeet
			return j - i
		}
		if len(w) >= 5 {
			var buf [longestLeet + 8]byte
			if r := x.unleet(w, 0, buf[:0]); r != nil {
				x.become(s, i, j, r, byLeet)
				s.f.facts |= sawLeet
				return j - i
			}
		}
	}
	return 0
}

// inName reports whether an underscore ties the pieces [i, j) to a longer name.
func (s *scratchEvidence) inName(i, j int) bool {
	return i > 0 && !s.pieces[i].spaces && s.sign(s.pieces[i-1]) == '_' || j < len(s.pieces) && !s.pieces[j].spaces && s.sign(s.pieces[j]) == '_'
}

func leetRun(t []byte, p piece) bool {
	c := t[p.a]
	return alnum(c) || c == '@' || c == '$' || c == '!' || c == '|' || c == '+'
}

// looksLeet reports whether the word has letters and something that may stand for one.
func looksLeet(w []byte) bool {
	letters, signs := 0, 0
	for _, c := range w {
		if c-'a' < 26 {
			letters++
		} else if leetLetters(c) != "" {
			signs++
		} else {
			return false
		}
	}
	return signs > 0 && letters > 0
}

// leetLetters are the letters that a digit or sign stands for.
func leetLetters(c byte) string {
	switch c {
	case '0':
		return "o"
	case '1', '!', '|':
		return "il"
	case '2':
		return "z"
	case '3':
		return "e"
	case '4':
		return "a"
	case '@':
		return "a"
	case '5', '$':
		return "s"
	case '6':
		return "gb"
	case '7', '+':
		return "t"
	case '8':
		return "b"
	case '9':
		return "g"
	}
	return ""
}

// unleet walks the lexicon with every letter that the rest of w may stand for; it returns the word if it names a tool.
func (x *extractor) unleet(w []byte, node int32, read []byte) []byte {
	if len(w) == 0 {
		if l := x.nodes[node].list; l != 0 && x.has[l]&(hasTool|hasMessenger) != 0 {
			return read
		}
		return nil
	}
	if to := x.step(node, w[0]); to >= 0 && w[0]-'0' >= 10 {
		if r := x.unleet(w[1:], to, append(read, w[0])); r != nil {
			return r
		}
	}
	for _, c := range []byte(leetLetters(w[0])) {
		if to := x.step(node, c); to >= 0 {
			if r := x.unleet(w[1:], to, append(read, c)); r != nil {
				return r
			}
		}
	}
	return nil
}

var leetNumbers = [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "double", "triple",
	"cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "dois", "quatro", "sete", "oito", "nove", "trois", "neuf", "null", "eins", "drei", "vier", "otto", "sette", "cinque"}

// leetNumber is the number word that w is, but for digits in the place of a minority of its letters: "f0ur", "eig8t", "6ix".
func (x *extractor) leetNumber(w []byte) []byte {
	for _, n := range leetNumbers {
		if len(n) != len(w) {
			continue
		}
		same, ok := 0, true
		for i := range w {
			if w[i] == n[i] {
				same++
			} else if w[i]-'a' < 26 {
				ok = false
				break
			}
		}
		if ok && same*2 >= len(w) && same < len(w) {
			return []byte(n)
		}
	}
	return nil
}

// lookalikeDigits reads digits with letters in their place, "7O2", "44l8", "OI84"; it needs digits in the majority.
func lookalikeDigits(w []byte, dst []byte) ([]byte, bool) {
	digits := 0
	for i := 0; i < len(w); {
		c := w[i]
		if c-'0' < 10 {
			dst, digits, i = append(dst, c), digits+1, i+1
			continue
		}
		r, n := utf8.DecodeRune(w[i:])
		d := byte(0)
		switch r {
		case 'o', 'о', 'ο':
			d = '0'
		case 'l', 'i', 'і', '|':
			d = '1'
		case 'z':
			d = '2'
		case 'з':
			d = '3'
		case 'ч':
			d = '4'
		case 's', 'ѕ':
			d = '5'
		case 'б':
			d = '6'
		case 'b', 'в':
			d = '8'
		}
		if d == 0 || i == 0 && d != '0' && d != '1' && d != '3' && d != '4' {
			return dst, false
		}
		dst = append(dst, d)
		i += n
	}
	return dst, digits*3 >= utf8.RuneCount(w) && digits > 0
}

// reversed is the text from its last character to its first.
func reversed(t []byte) string {
	out := make([]byte, 0, len(t))
	for len(t) > 0 {
		_, n := utf8.DecodeLastRune(t)
		out = append(out, t[len(t)-n:]...)
		t = t[:len(t)-n]
	}
	return string(out)
}

func trimSigns(t []byte) []byte { return bytes.Trim(t, " .,;:!?\"'()[]{}<>*\n\t") }
