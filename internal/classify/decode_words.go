package classify

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// reduce writes to s.red what the pieces say once the decoders of words have read them: letters set apart are one word, spelling
// alphabets are letters, digits and signs in words are the letters that they stand for.
func (x *extractor) reduce(s *scratchEvidence) {
	s.read, s.setApart = s.read[:0], false
	looks := x.looks(s)
	if s.sc.singles < 3 && s.sc.has&hasLetter == 0 && s.sc.mixed == 0 && s.sc.ats == 0 && s.sc.signs == 0 && !looks {
		s.red = s.pieces
		return
	}
	s.red, s.kept = s.redBuf[:0], 0
	leet := s.sc.mixed > 0 || s.sc.ats > 0 || s.sc.signs > 0
	for i := 0; i < len(s.pieces); {
		p := &s.pieces[i]
		if s.sc.singles >= 3 {
			if n := x.apart(s, i); n > 0 {
				i += n
				continue
			}
		}
		if x.has[p.list]&hasLetter != 0 {
			if n := x.phonetic(s, i); n > 0 {
				i += n
				continue
			}
		}
		if leet {
			if n := x.leet(s, i); n > 0 {
				i += n
				continue
			}
		}
		if looks {
			x.look(s, i)
		}
		i++
	}
	if s.kept == 0 { // as most
		s.red = s.pieces
		return
	}
	s.keep(len(s.pieces), len(s.pieces))
	s.redBuf = s.red
}

// keep appends the pieces before i that nothing has been made of; something is made of those from there up to j.
func (s *scratchEvidence) keep(i, j int) {
	s.red = append(s.red, s.pieces[s.kept:i]...)
	s.kept = j
}

// become appends a piece that reads w in place of the pieces [i, j).
func (x *extractor) become(s *scratchEvidence, i, j int, w []byte, by decoders) {
	s.keep(i, j)
	x.becomes(s, int(s.pieces[i].a), int(s.pieces[j-1].b), s.pieces[i].spaces, w, by)
}

// becomes appends a piece that reads w in place of the folded bytes [a, b).
func (x *extractor) becomes(s *scratchEvidence, a, b int, spaces bool, w []byte, by decoders) {
	p := piece{a: int32(a), b: int32(b), spaces: spaces, by: by, s: int32(len(s.read))}
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

const mostSpelled = 64 // letters of a spelling alphabet in a row

// phonetic reads a spelling alphabet, "romeo alpha november", "gee em ex", from piece i on, which may be a letter of one, and returns how many pieces it took.
func (x *extractor) phonetic(s *scratchEvidence, i int) int {
	var word [mostSpelled]byte
	w := word[:0]
	var count [8]int
	j, last := i, i
	for j < len(s.pieces) && len(w) < mostSpelled {
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
	s.steps += j - i
	nato, other := count[alphabetNATO], max(count[alphabetOther], count[alphabetDigit])
	switch {
	case nato >= 3:
	case nato == 2 && len(w) == 2 && x.letterNeighbour(s, i, last):
	case other >= 3 && x.whole(w):
	case nato+count[alphabetLetters] >= 2 && x.whole(w):
	case count[alphabetLetters] >= 4 && x.letterNeighbour(s, i, last):
	case len(w) >= 2 && i > 0 && x.has[s.pieces[i-1].list]&hasDot != 0 && x.tlds[string(w)]:
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
	p := &s.pieces[i]
	if p.shape == shapeBreak || p.list != 0 && x.has[p.list]&hasTool != 0 {
		return 0
	}
	t := s.f.text
	j := i + 1
	if (p.shape == shapeDigits || p.shape == shapeWord && p.list == 0) && (j == len(s.pieces) || s.pieces[j].spaces || s.pieces[j].shape == shapeBreak) {
		return 0 // nothing but digits or nothing but letters, as most pieces: looksLeet wants both (BenchmarkStage/evidence)
	}
	for j < len(s.pieces) && !s.pieces[j].spaces && s.pieces[j].shape != shapeBreak && s.pieces[j].b-p.a <= longestLeet && leetRun(t, s.pieces[j]) {
		j++
	}
	if !anyLatin(t[p.a:s.pieces[j-1].b]) {
		return 0
	}
	for ; j > i; j-- {
		w := t[p.a:s.pieces[j-1].b]
		s.steps += len(w)
		if len(w) < 3 || !looksLeet(w) {
			continue
		}
		if r := x.leetNumber(s, w); r != nil && !s.inName(i, j) {
			x.become(s, i, j, r, byLeet)
			s.f.facts |= sawLeet
			return j - i
		}
		if len(w) >= 5 {
			var buf [longestLeet + 8]byte
			if r := x.unleet(s, w, 0, buf[:0]); r != nil {
				x.become(s, i, j, r, byLeet)
				s.f.facts |= sawLeet
				return j - i
			}
		}
	}
	return 0
}

// anyLatin reports whether one of the Latin letters is in w.
func anyLatin(w []byte) bool {
	for _, c := range w {
		if c-'a' < 26 {
			return true
		}
	}
	return false
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
func (x *extractor) unleet(s *scratchEvidence, w []byte, node int32, read []byte) []byte {
	s.steps++
	if len(w) == 0 {
		if l := x.nodes[node].list; l != 0 && x.has[l]&(hasTool|hasMessenger) != 0 {
			return read
		}
		return nil
	}
	if to := x.step(node, w[0]); to >= 0 && w[0]-'0' >= 10 {
		if r := x.unleet(s, w[1:], to, append(read, w[0])); r != nil {
			return r
		}
	}
	for _, c := range []byte(leetLetters(w[0])) {
		if to := x.step(node, c); to >= 0 {
			if r := x.unleet(s, w[1:], to, append(read, c)); r != nil {
				return r
			}
		}
	}
	return nil
}

var leetNumbers = [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "double", "triple",
	"cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "dois", "quatro", "sete", "oito", "nove", "trois", "neuf", "null", "eins", "drei", "vier", "otto", "sette", "cinque"}

const longestLeetNumber = 6

// leetNumber is the number word that w is, but for digits in the place of its letters: "f0ur", "0n3"; any digit may stand for a minority of
// them: "eig8t", "6ix".
func (x *extractor) leetNumber(s *scratchEvidence, w []byte) []byte {
	if len(w) > longestLeetNumber {
		return nil
	}
	s.steps += len(leetNumbers)
	for _, n := range leetNumbers {
		if len(n) != len(w) {
			continue
		}
		same, alike, ok := 0, 0, true
		for i := range w {
			switch {
			case w[i] == n[i]:
				same++
			case w[i]-'a' < 26:
				ok = false
			case strings.IndexByte(leetLetters(w[i]), n[i]) >= 0:
				alike++
			}
		}
		if ok && same > 0 && same < len(w) && (same*2 >= len(w) || same+alike == len(w)) {
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
