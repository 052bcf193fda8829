package classify

import (
	"strings"
	"unicode/utf8"
)

// piece is a word, a run of digits or a sign of the folded text, perhaps with meanings in the lexicon.
type piece struct {
	a, b   int32 // bytes of the folded text
	s, e   int32 // its reading in scratchEvidence.read, where a decoder read something else; else s == e
	list   int32 // meanings, 0 if none
	shape  shape
	by     decoders
	spaces bool // white space stands before it
}

// shape is what a piece is made of.
type shape uint8

const (
	shapeWord   shape = iota // letters
	shapeDigits              // ASCII digits
	shapeMixed               // letters and digits without a break
	shapeSign                // one sign or emoji
	shapeBreak               // a new line
)

// scanned sums up what a message holds.
type scanned struct {
	has        has
	digits     int // ASCII digits
	numbers    int // pieces that are number words beyond doubt
	weak       int // pieces that may be number words
	singles    int // single letters and digits
	ats        int // @
	dots       int // dots between letters or digits
	slashes    int // ://
	mixed      int // letters and digits without a break
	lines      int
	longest    int // bytes of the longest word
	row, rows  int // number words without another word between them: now, and at most
	signs      int // $ % & # + =
	strayMorse int // dots and dashes
}

// maxPieces bounds what of a message is read word by word: far more than people write, little enough to bound the time.
const maxPieces = 4096

// scan cuts the folded text into pieces.
func (x *evidenceLexicon) scan(t []byte, dst []piece) ([]piece, scanned) {
	var sc scanned
	space := true
	for i := 0; i < len(t) && len(dst) < maxPieces; {
		c := t[i]
		if c == ' ' || c == '\t' || c == '\r' {
			i++
			space = true
			continue
		}
		p := piece{a: int32(i), spaces: space}
		space = false
		var end int
		var list int32
		j, digits := i, 0
		if alnum(c) {
			j, digits = asciiWord(t, i)
		}
		if j > i {
			if end, list = x.longestAfter(t, i, j); end == 0 {
				sc.word(&p, j-i, digits)
				p.b = int32(j)
				dst = append(dst, p)
				i = j
				continue
			}
		} else {
			end, list = x.longest(t, i)
		}
		if end == 0 && c >= 0xd6 && c <= 0xdb {
			end, list = x.prefix(t, i)
		}
		if end == 0 {
			end = x.unknown(t, i, &p, &sc)
		} else {
			p.list = list
			sc.known(x.has[list], &p, t[i:end])
		}
		p.b = int32(end)
		dst = append(dst, p)
		i = end
	}
	return dst, sc
}

// asciiWord is the end of the word of ASCII letters and digits at i and the number of its digits; i itself where other letters join it.
func asciiWord(t []byte, i int) (end, digits int) {
	j := i
	for j < len(t) && alnum(t[j]) {
		if t[j] <= '9' {
			digits++
		}
		j++
	}
	if j < len(t) && t[j] >= utf8.RuneSelf {
		return i, 0
	}
	return j, digits
}

// word counts a word that is in no lexicon.
func (sc *scanned) word(p *piece, n, digits int) {
	if digits > 0 {
		sc.digits += digits
		p.shape = shapeMixed
		if digits == n {
			p.shape = shapeDigits
		} else {
			sc.mixed++
		}
		sc.row++
		sc.rows = max(sc.rows, sc.row)
	} else {
		sc.row = 0
	}
	if n == 1 {
		sc.singles++
	}
	sc.longest = max(sc.longest, n)
}

func (sc *scanned) known(h has, p *piece, w []byte) {
	sc.has |= h
	if h&hasNumber != 0 {
		sc.numbers++
	} else if h&hasWeakNumber != 0 {
		sc.weak++
	}
	if h&(anyNumber|hasRepeat|hasPlus) != 0 {
		sc.row++
		sc.rows = max(sc.rows, sc.row)
	} else if h&(hasGlue|hasAnd) == 0 {
		sc.row = 0
	}
	sc.longest = max(sc.longest, len(w))
	digits, dot, at := 0, 0, 0
	for _, c := range w {
		switch {
		case c-'0' < 10:
			digits++
		case c == '.':
			dot = 1
		case c == '@':
			at = 1
		}
	}
	sc.dots, sc.ats = sc.dots+dot, sc.ats+at
	if digits > 0 {
		sc.digits += digits
		p.shape = shapeMixed
		if digits == len(w) {
			p.shape = shapeDigits
		}
	}
	if len(w) == 1 {
		if alnum(w[0]) {
			sc.singles++
		} else {
			p.shape = shapeSign
			if strings.IndexByte(countedSigns, w[0]) >= 0 {
				sc.signs++
			}
		}
	}
}

const countedSigns = "$%&#+*="

func digitCount(w []byte) int {
	n := 0
	for _, c := range w {
		if c-'0' < 10 {
			n++
		}
	}
	return n
}

// unknown reads the piece at i that is in no lexicon and returns its end.
func (x *evidenceLexicon) unknown(t []byte, i int, p *piece, sc *scanned) int {
	c := t[i]
	if c < utf8.RuneSelf && !alnum(c) {
		p.shape = shapeSign
		switch c {
		case '\n':
			p.shape = shapeBreak
			sc.lines++
		case '@':
			sc.ats++
		case '.':
			sc.strayMorse++
			if i > 0 && i+1 < len(t) && wordByte(t[i-1]) && wordByte(t[i+1]) {
				sc.dots++
			}
		case '-', '_':
			sc.strayMorse++
		case ':':
			if i+2 < len(t) && t[i+1] == '/' && t[i+2] == '/' {
				sc.slashes++
			}
		case '$', '%', '&', '#', '+', '*', '=':
			sc.signs++
		}
		return i + 1
	}
	letters, digits := 0, 0
	j := i
	for j < len(t) {
		c := t[j]
		if c < utf8.RuneSelf {
			if c-'a' < 26 {
				letters++
			} else if c-'0' < 10 {
				digits++
			} else {
				break
			}
			j++
			continue
		}
		r, n := decodeRune(t, j)
		if noSpaces(r) || !isLetter(r) {
			if j == i {
				j += n
				if !isLetter(r) {
					p.shape = shapeSign
				}
			}
			break
		}
		letters++
		j += n
	}
	if p.shape != shapeSign {
		sc.word(p, j-i, digits)
		if letters+digits == 1 && j-i > 1 {
			sc.singles++
		}
	}
	return j
}

// prefix is the end of the Arabic or Hebrew particle that is written as one with the word behind it, where the lexicon knows that word.
func (x *evidenceLexicon) prefix(t []byte, i int) (end int, list int32) {
	r, n := utf8.DecodeRune(t[i:])
	switch r {
	case 'و', 'ف', 'ب', 'ل', 'ك', 'ע', 'ו', 'ה', 'ב', 'ל', 'מ', 'ש', 'כ':
	case 'ا':
		if m, k := utf8.DecodeRune(t[i+n:]); m == 'ل' {
			n += k
		} else {
			return 0, 0
		}
	default:
		return 0, 0
	}
	if i+n >= len(t) {
		return 0, 0
	}
	const useful = anyNumber | anyTool | anyAt | hasDot | hasRepeat
	if e, l := x.longest(t, i+n); e == 0 || x.has[l]&useful == 0 {
		return 0, 0
	}
	_, list = x.longest(t[:i+n], i)
	return i + n, list
}

// wordByte reports ASCII letters and digits and the bytes of all other letters.
func wordByte(c byte) bool { return alnum(c) || c >= utf8.RuneSelf }

// longest is the end of the longest lexicon entry at i and its meanings; 0 where none stands there on its own.
func (x *evidenceLexicon) longest(t []byte, i int) (end int, list int32) {
	return x.longestFrom(t, i, i+1, x.root[t[i]])
}

// longestFrom is longest when t[i:j] is known to lead to the node.
func (x *evidenceLexicon) longestFrom(t []byte, i, j int, node int32) (end int, list int32) {
	for ; node >= 0; j++ {
		if l := x.nodes[node].list; l != 0 && x.standsAlone(t, i, j, l) {
			end, list = j, l
		}
		if j == len(t) {
			break
		}
		c := t[j]
		to := x.step(node, c)
		if to < 0 && (c == '-' || c == '\n' || c == '_') {
			to = x.step(node, ' ')
		}
		node = to
	}
	return end, list
}

// standsAlone reports whether the entry [i, j) is no mere part of a word: no letter of a script with spaces goes on before or
// after it, save for an ending of a strong tool name.
func (x *evidenceLexicon) standsAlone(t []byte, i, j int, list int32) bool {
	if j == len(t) || !wordByte(t[j]) {
		return true
	}
	if wordByte(t[j-1]) {
		if t[j-1]-'0' < 10 && t[j]-'0' < 10 {
			return false
		}
		r, _ := utf8.DecodeRune(t[j:])
		last, _ := utf8.DecodeLastRune(t[:j])
		if !noSpaces(last) && !noSpaces(r) && (isLetter(r) || isDigit(r)) {
			return x.has[list]&hasTool != 0 && j-i >= 6 && shortEnding(t, j)
		}
	}
	return true
}

// shortEnding reports whether the word ends within four letters: "telegramda", "гмейле".
func shortEnding(t []byte, j int) bool {
	for n := 0; j < len(t); n++ {
		r, k := utf8.DecodeRune(t[j:])
		if !isLetter(r) {
			return !isDigit(r)
		}
		if n == 4 {
			return false
		}
		j += k
	}
	return true
}

// noSpaces reports characters of scripts that write no space between words, and of Korean, whose particles stick to the word.
func noSpaces(r rune) bool {
	return r >= 0x0e00 && (unwritten(r) || 0x1100 <= r && r < 0x1200 || 0x3130 <= r && r < 0x3190 || 0xac00 <= r && r < 0xd7b0)
}
