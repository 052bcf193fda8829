package classify

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

//go:embed lexicon/confusables.tsv
var confusablesData string

// foldClass is how a character is folded.
type foldClass uint8

const (
	foldPlain   foldClass = iota // to one character
	foldSegment                  // through NFKC, with the marks that join it
	foldDrop                     // invisible
	foldNative                   // a digit of another script
)

type foldFlag uint8

const (
	joins     foldFlag = 1 << iota // may combine with the character before it
	styled                         // an ASCII letter or digit in costume
	ownDigits                      // a letter of a script that has digits of its own
)

// foldEntry is what is known of one character.
type foldEntry struct {
	to     rune
	class  foldClass
	flags  foldFlag
	look   lookKind
	lookTo byte
}

func (e foldEntry) is(f foldFlag) bool { return e.flags&f != 0 }

// foldTable holds an entry for every character that does not simply stay itself. It is immutable.
type foldTable struct {
	pages   [unicode.MaxRune>>8 + 1]*[256]foldEntry
	symbols map[rune]string // squared letters, negative circled digits, …
}

var foldTables = sync.OnceValue(newFoldTable)

func (t *foldTable) entry(r rune) foldEntry {
	if p := t.pages[r>>8]; p != nil {
		return p[r&255]
	}
	return foldEntry{to: r}
}

// at is the entry of the character of s at i, and its size.
func (t *foldTable) at(s string, i int) (foldEntry, int) {
	if c := s[i]; c >= 0xc2 && c < 0xe0 && i+1 < len(s) && s[i+1]&0xc0 == 0x80 {
		return t.entry(rune(c&0x1f)<<6 | rune(s[i+1]&0x3f)), 2
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	return t.entry(r), n
}

// lower lower-cases the normalised character b in place and applies what the table says of single characters.
func (t *foldTable) lower(b []byte) []byte {
	var buf [64]byte
	out := buf[:0]
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if e := t.entry(r); e.class == foldPlain {
			r = e.to
		} else if e.class == foldNative {
			r = e.to
		} else {
			r = unicode.ToLower(r)
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return append(b[:0], out...)
}

// foldBlocks are the ranges of characters that do not simply stay themselves.
var foldBlocks = [...][2]rune{
	{0, 0x33ff}, {0xa000, 0xabff}, {0xf900, 0xffff}, {0x10000, 0x11fff}, {0x16f00, 0x16fff},
	{0x1d000, 0x1d7ff}, {0x1e000, 0x1fbff}, {0x2f800, 0x2fa1f}, {0xe0000, 0xe01ff},
}

func newFoldTable() *foldTable {
	t := &foldTable{symbols: map[rune]string{}}
	for _, b := range foldBlocks {
		for r := b[0]; r <= b[1]; r++ {
			t.set(r, newFoldEntry(r))
		}
	}
	for line := range strings.Lines(confusablesData) {
		t.confusable(strings.TrimSuffix(line, "\n"))
	}
	return t
}

func (t *foldTable) set(r rune, e foldEntry) {
	p := t.pages[r>>8]
	if p == nil {
		p = new([256]foldEntry)
		for i := range p {
			p[i].to = r&^255 + rune(i)
		}
		t.pages[r>>8] = p
	}
	p[r&255] = e
}

// confusable adds a line of the data file.
func (t *foldTable) confusable(line string) {
	col := strings.Split(line, "\t")
	if len(col) != 3 || line[0] == '#' {
		return
	}
	cp, err := strconv.ParseUint(col[0], 16, 21)
	if err != nil {
		return // the file is tested
	}
	r := rune(cp)
	e := t.entry(r)
	switch col[2] {
	case "letter":
		e.look, e.lookTo = lookLetter, col[1][0]
	case "eye":
		e.look, e.lookTo = lookEye, col[1][0]
	case "always":
		e.to, e.look = rune(col[1][0]), lookAlways
	case "punct":
		e = foldEntry{to: rune(col[1][0])}
	case "symbol":
		e.class, e.flags = foldSegment, e.flags|styled
		t.symbols[r] = col[1]
	}
	t.set(r, e)
}

func newFoldEntry(r rune) foldEntry {
	e := foldEntry{to: r}
	switch {
	case invisible(r):
		e.class = foldDrop
		return e
	case r >= utf8.RuneSelf && unicode.Is(unicode.Nd, r) && norm.NFKC.IsNormalString(string(r)):
		e.class, e.to = foldNative, '0'+rune(digitValue(r))
		return e
	case unicode.Is(unicode.Zs, r):
		e.to = ' '
		return e
	case r == 0x85 || r == 0x2028 || r == 0x2029:
		e.to = '\n'
		return e
	}
	if !properties(r).BoundaryBefore() {
		e.flags |= joins
	}
	if unicode.IsLetter(r) && r >= 0x600 && r < 0x1a00 && !(r >= 0x10a0 && r < 0x1780) {
		e.flags |= ownDigits
	}
	m, alone := composed(unicode.ToLower(r))
	if !alone || e.is(joins) {
		e.class = foldSegment
	}
	e.to = letterForm(unicode.ToLower(m))
	if r >= utf8.RuneSelf && m < utf8.RuneSelf && costume(r) {
		e.flags |= styled
	}
	return e
}

// composed is the first character of the NFKC of one character, and whether it is all of it. Most stay themselves.
func composed(r rune) (first rune, alone bool) {
	if properties(r).Decomposition() == nil {
		return r, true
	}
	n := norm.NFKC.String(string(r))
	first, size := utf8.DecodeRuneInString(n)
	return first, size == len(n)
}

func properties(r rune) norm.Properties {
	var b [utf8.UTFMax]byte
	return norm.NFKC.Properties(b[:utf8.EncodeRune(b[:], r)])
}

// costume reports the blocks of ASCII letters and digits in another style; ordinals, powers and ligatures are no disguise.
func costume(r rune) bool {
	switch {
	case 0x2460 <= r && r < 0x2500, 0xff10 <= r && r < 0xff5b, 0x1d400 <= r && r < 0x1d800, 0x1f100 <= r && r < 0x1f200:
		return true
	case 0x2100 <= r && r < 0x214a:
		return r != 0x2122 && r != 0x2116 && r != 0x2103 && r != 0x2109 && r != 0x2126 && r != 0x212a && r != 0x212b
	}
	return 0x1d2c <= r && r < 0x1d6b || 0x2b0 <= r && r < 0x2b9
}

// letterForm unites forms of a letter that keyboards of different countries give.
func letterForm(r rune) rune {
	switch r {
	case 'ς':
		return 'σ'
	case 'ی', 'ى', 'ې':
		return 'ي'
	case 'ک':
		return 'ك'
	case 'أ', 'إ', 'آ', 'ٱ':
		return 'ا'
	case '־':
		return '-'
	}
	return r
}

// invisible reports characters that show nothing by themselves, with the vowel points of Arabic and Hebrew and the
// stretching of Arabic letters, which nobody needs in order to read.
func invisible(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return false
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r), unicode.Is(unicode.Me, r):
		return true
	case 0xe0000 <= r && r < 0xe0080:
		return true
	case 0x64b <= r && r <= 0x652, 0x656 <= r && r <= 0x65f, r == 0x670, r == 0x640:
		return true
	case 0x591 <= r && r <= 0x5c7 && unicode.Is(unicode.Mn, r):
		return true
	}
	switch r {
	case 0x34f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x3164, 0xffa0, 0x2800:
		return true
	}
	return false
}

// digitValue is the value of a character of class Nd: the ranges of that class hold whole tens.
func digitValue(r rune) int {
	for _, x := range unicode.Nd.R16 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return int(r-rune(x.Lo)) % 10
		}
	}
	for _, x := range unicode.Nd.R32 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return int(r-rune(x.Lo)) % 10
		}
	}
	return 0
}
