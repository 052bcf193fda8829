package classify

import (
	"unicode"
	"unicode/utf8"
)

// tokenKind tells what a token is made of.
type tokenKind uint8

const (
	wordToken   tokenKind = iota // letters of a script that separates words
	glyphToken                   // one character of a script that does not: Han, kana, Thai, …
	digitsToken                  // a run of digits
	markToken                    // one punctuation mark, symbol or emoji
	entityToken                  // a recognised piece of evidence, however long
)

// token is a stretch of folded text.
type token struct {
	start, end int // bytes of folded.text
	kind       tokenKind
	hash       uint64 // of what the token says; equal for all digit runs of one length and all entities of one kind
}

// tokenize cuts the folded text into tokens, replacing each piece of evidence by one token of its kind.
// Evidence is ordered by position and does not overlap.
func tokenize(f *folded, ents []entity, dst []token) []token {
	t := f.text
	for i := 0; i < len(t); {
		if len(ents) > 0 && i >= ents[0].start {
			e := ents[0]
			ents = ents[1:]
			if e.end > i {
				dst = append(dst, token{i, e.end, entityToken, mix(entitySeed + uint64(e.name))})
				i = e.end
			}
			continue
		}
		stop := len(t)
		if len(ents) > 0 {
			stop = ents[0].start
		}
		tok := next(t[:stop], i)
		if tok.hash != 0 {
			dst = append(dst, tok)
		}
		i = tok.end
	}
	return dst
}

const (
	entitySeed = 0xe17 << 32
	digitsSeed = 0xd16 << 32
)

// next reads one token at i; white space has no hash.
func next(t []byte, i int) token {
	r, n := utf8.DecodeRune(t[i:])
	switch {
	case isDigit(r):
		j := i + n
		for j < len(t) {
			r, n := utf8.DecodeRune(t[j:])
			if !isDigit(r) {
				break
			}
			j += n
		}
		return token{i, j, digitsToken, mix(digitsSeed + uint64(min(j-i, 12)))}
	case unwritten(r):
		return token{i, i + n, glyphToken, hashBytes(t[i : i+n])}
	case isLetter(r):
		j := i + n
		for j < len(t) {
			r, n := utf8.DecodeRune(t[j:])
			if !isLetter(r) && !(r == '\'' && j+1 < len(t) && isASCIILetter(t[j+1])) || unwritten(r) {
				break
			}
			j += n
		}
		return token{i, j, wordToken, hashBytes(t[i:j])}
	case unicode.IsSpace(r):
		return token{i, i + n, markToken, 0}
	}
	return token{i, i + n, markToken, hashBytes(t[i : i+n])}
}

func isASCIILetter(b byte) bool { return 'a' <= b && b <= 'z' }

func isDigit(r rune) bool {
	if r < utf8.RuneSelf {
		return '0' <= r && r <= '9'
	}
	return unicode.IsDigit(r)
}

func isLetter(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || r == '_'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r)
}

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

// hashBytes is FNV-1a with a final mix: stable across versions, since trained models name features by it.
func hashBytes(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return mix(h)
}

// mix spreads the bits of h (splitmix64's finalizer).
func mix(h uint64) uint64 {
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return h ^ h>>31
}

// entity is a recognised stretch of folded text: what is read as one token.
type entity struct {
	start, end int // bytes of folded.text
	name       uint32
}

func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}
