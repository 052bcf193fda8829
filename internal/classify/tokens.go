package classify

import "unicode/utf8"

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
		if t[i] == ' ' {
			i++
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
	if t[i]-'a' < 26 { // as most
		j, h := letters(t, i)
		return token{i, j, wordToken, mix(h)}
	}
	r, n := decodeRune(t, i)
	switch c := classOf(r); {
	case c&digitRune != 0:
		j := i + n
		for j < len(t) {
			r, n := decodeRune(t, j)
			if !isDigit(r) {
				break
			}
			j += n
		}
		return token{i, j, digitsToken, mix(digitsSeed + uint64(min(j-i, 12)))}
	case c&glyphRune != 0:
		return token{i, i + n, glyphToken, hashBytes(t[i : i+n])}
	case c&letterRune != 0:
		j, h := letters(t, i)
		return token{i, j, wordToken, mix(h)}
	case c&spaceRune != 0:
		return token{i, i + n, markToken, 0}
	}
	return token{i, i + n, markToken, hashBytes(t[i : i+n])}
}

// letters is the end of the word at i, and its fnv.
func letters(t []byte, i int) (end int, h uint64) {
	h = fnvBasis
	for i < len(t) {
		if c := t[i]; c < utf8.RuneSelf {
			if c-'a' >= 26 && c != '_' && !(c == '\'' && i+1 < len(t) && isASCIILetter(t[i+1])) {
				break
			}
			h = (h ^ uint64(c)) * fnvPrime
			i++
			continue
		}
		r, n := decodeRune(t, i)
		if classOf(r)&(letterRune|glyphRune) != letterRune {
			break
		}
		for _, c := range t[i : i+n] {
			h = (h ^ uint64(c)) * fnvPrime
		}
		i += n
	}
	return i, h
}

func isASCIILetter(b byte) bool { return 'a' <= b && b <= 'z' }

const (
	fnvBasis = 14695981039346656037
	fnvPrime = 1099511628211
)

// fnv is FNV-1a.
func fnv(b []byte) uint64 {
	h := uint64(fnvBasis)
	for _, c := range b {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// hashBytes is FNV-1a with a final mix: stable across versions, since trained models name features by it.
func hashBytes(b []byte) uint64 { return mix(fnv(b)) }

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
