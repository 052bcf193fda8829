package classify

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

// The table of classes says what package unicode says.
func TestRuneClasses(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		letter, digit := unicode.IsLetter(r) || unicode.IsMark(r), unicode.IsDigit(r)
		if r < utf8.RuneSelf {
			letter = 'a' <= r && r <= 'z' || r == '_'
		}
		if isLetter(r) != letter || isDigit(r) != digit || classOf(r)&glyphRune != 0 != unwritten(r) || classOf(r)&spaceRune != 0 != unicode.IsSpace(r) {
			t.Fatalf("%U: class %b", r, classOf(r))
		}
	}
}

func TestDecodeRune(t *testing.T) {
	for _, s := range []string{"a", "é", "ж", "漢", "😀", "\xc3", "\xc0\x80", "\xc3a", "\xe9a", "\xff", "\u07ff\u0800"} {
		for i := range len(s) {
			gotRune, gotSize := decodeRune([]byte(s), i)
			if r, n := utf8.DecodeRuneInString(s[i:]); gotRune != r || gotSize != n {
				t.Errorf("%q at %d: %U of %d bytes, want %U of %d", s, i, gotRune, gotSize, r, n)
			}
		}
	}
}
