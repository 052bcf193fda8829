package classify

import (
	"unicode"
	"unicode/utf8"
)

// runeClass is what a folded character is: a set of the following.
type runeClass uint8

const (
	letterRune runeClass = 1 << iota // or a mark, or the underscore; of ASCII only the lower case is left
	digitRune
	glyphRune // of a script that writes no space between words
	spaceRune
)

// runeClasses are the classes of the characters below 0x10000: Unicode's tables, laid out so that no search is needed.
var runeClasses = classesBelow(1 << 16)

func classesBelow(n rune) []runeClass {
	classes := make([]runeClass, n)
	set := func(t *unicode.RangeTable, c runeClass) {
		for _, x := range t.R16 {
			for r := rune(x.Lo); r <= rune(x.Hi); r += rune(x.Stride) {
				classes[r] |= c
			}
		}
	}
	set(unicode.Letter, letterRune)
	set(unicode.Mark, letterRune)
	set(unicode.Digit, digitRune)
	set(unicode.White_Space, spaceRune)
	for r := range n {
		if unwritten(r) {
			classes[r] |= glyphRune
		}
	}
	for r := 'A'; r <= 'Z'; r++ {
		classes[r] = 0
	}
	classes['_'] = letterRune
	return classes
}

func classOf(r rune) runeClass {
	if uint(r) < uint(len(runeClasses)) {
		return runeClasses[r]
	}
	return rareClass(r)
}

// rareClass is the class of a character from 0x10000 on.
func rareClass(r rune) (c runeClass) {
	if unicode.IsLetter(r) || unicode.IsMark(r) {
		c |= letterRune
	}
	if unicode.IsDigit(r) {
		c |= digitRune
	}
	if unwritten(r) {
		c |= glyphRune
	}
	return c
}

func isDigit(r rune) bool { return classOf(r)&digitRune != 0 }

func isLetter(r rune) bool { return classOf(r)&letterRune != 0 }

// unwritten reports characters of scripts that write no space between words.
func unwritten(r rune) bool {
	switch {
	case r < 0x0e00:
		return false
	case r < 0x0ee0: // Thai, Lao
		return true
	case 0x1000 <= r && r < 0x10a0: // Burmese
		return true
	case 0x1780 <= r && r < 0x1800: // Khmer
		return true
	}
	return 0x3040 <= r && r < 0x3100 || 0x3400 <= r && r < 0xa000 || 0x20000 <= r && r < 0x32000
}

// decodeRune is utf8.DecodeRune at i, short for the characters of one and two bytes that most text is made of.
func decodeRune(t []byte, i int) (rune, int) {
	c := t[i]
	if c < utf8.RuneSelf {
		return rune(c), 1
	}
	if c < 0xe0 && c >= 0xc2 && i+1 < len(t) && t[i+1]&0xc0 == 0x80 {
		return rune(c&0x1f)<<6 | rune(t[i+1]&0x3f), 2
	}
	return utf8.DecodeRune(t[i:])
}
