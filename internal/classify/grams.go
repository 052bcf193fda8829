package classify

import (
	"slices"
	"unicode/utf8"
)

// gram is the hash of one feature of a message: an n-gram of tokens or characters, or a named fact.
type gram uint64

// Seeds keep the families of grams apart.
const (
	seedWord gram = iota + 1
	seedPair
	seedTriple
	seedSkip
	seedChars
	seedGlyph
	seedWhole
	seedEdge
	seedFact
	seedCross
	seedConcept
	seedConceptPair
	seedConceptTriple
	seedTool
)

func (g gram) with(h uint64) gram { return gram(mix(uint64(g)*0x9e3779b97f4a7c15 ^ h)) }

// wordGrams appends the token n-grams: one to three tokens in a row, pairs with one left out, the first and
// last token, and the whole of a short message.
func wordGrams(toks []token, dst []gram) []gram { return endGrams(toks, rowGrams(toks, dst)) }

// rowGrams appends those that begin with a token which two more follow.
func rowGrams(toks []token, dst []gram) []gram {
	n := len(toks)
	dst = slices.Grow(dst, 4*n+3)
	for i := range toks[:max(n-2, 0)] {
		second, third := toks[i+1].hash, toks[i+2].hash
		one := seedWord.with(toks[i].hash)
		two := seedPair.with(uint64(one)).with(second)
		dst = append(dst, one, two, seedTriple.with(uint64(two)).with(third), seedSkip.with(uint64(one)).with(third))
	}
	return dst
}

// endGrams appends the others.
func endGrams(toks []token, dst []gram) []gram {
	n := len(toks)
	if n == 0 {
		return dst
	}
	if n > 1 {
		one := seedWord.with(toks[n-2].hash)
		dst = append(dst, one, seedPair.with(uint64(one)).with(toks[n-1].hash))
	}
	dst = append(dst, seedWord.with(toks[n-1].hash), seedEdge.with(toks[0].hash), seedEdge.with(toks[n-1].hash^1))
	if n <= 6 {
		whole := seedWhole
		for _, t := range toks {
			whole = whole.with(t.hash)
		}
		dst = append(dst, whole)
	}
	return dst
}

// charGrams appends the character n-grams of the words, with their borders, and those of scripts that
// do not separate words.
func charGrams(text []byte, toks []token, dst []gram) []gram {
	for i, t := range toks {
		switch t.kind {
		case wordToken:
			dst = innerGrams(text[t.start:t.end], dst)
		case glyphToken:
			g := seedGlyph
			for j := i; j < len(toks) && j < i+4 && toks[j].kind == glyphToken && (j == i || toks[j].start == toks[j-1].end); j++ {
				g = g.with(toks[j].hash)
				if j > i {
					dst = append(dst, g)
				}
			}
		}
	}
	return dst
}

const longestWord = 24 // runes of a word that are looked at; what is longer is an encoding, not a word

// innerGrams appends the runs of three to five characters of ^word$.
func innerGrams(word []byte, dst []gram) []gram {
	var buf [longestWord + 2]rune
	n := 1
	buf[0] = '^'
	for i := 0; i < len(word) && n <= longestWord; n++ {
		r, k := rune(word[i]), 1
		if r >= utf8.RuneSelf {
			r, k = decodeRune(word, i)
		}
		buf[n] = r
		i += k
	}
	buf[n] = '$'
	dst = slices.Grow(dst, 3*n)
	runes := buf[:n+1]
	for ; len(runes) >= 5; runes = runes[1:] {
		var two gram
		if i, j := uint(runes[0]-charsFrom), uint(runes[1]-charsFrom); i|j < charsBelow { // charPair, which is too long to be inlined
			two = charPairs[i%charsBelow][j%charsBelow]
		} else {
			two = pairSeed(runes[0], runes[1])
		}
		three := two.with(uint64(runes[2]))
		four := three.with(uint64(runes[3]))
		dst = append(dst, three, four, four.with(uint64(runes[4])))
	}
	if len(runes) == 4 {
		three := charPair(runes[0], runes[1]).with(uint64(runes[2]))
		dst = append(dst, three, three.with(uint64(runes[3])))
		runes = runes[1:]
	}
	if len(runes) == 3 {
		dst = append(dst, charPair(runes[0], runes[1]).with(uint64(runes[2])))
	}
	return dst
}

// charPair is what the grams that begin with two characters have in common.
func charPair(a, b rune) gram {
	if i, j := uint(a-charsFrom), uint(b-charsFrom); i|j < charsBelow {
		return charPairs[i%charsBelow][j%charsBelow]
	}
	return pairSeed(a, b)
}

func pairSeed(a, b rune) gram { return seedChars.with(uint64(a)).with(uint64(b)) }

// The characters that most words are made of, ^ and a to z among them.
const (
	charsFrom  = '^'
	charsBelow = 1 << 5
)

// charPairs is pairSeed of those, worked out beforehand: two fifths of the hashing of a word (BenchmarkStage/read).
var charPairs = func() (t [charsBelow][charsBelow]gram) {
	for i := range t {
		for j := range t[i] {
			t[i][j] = pairSeed(charsFrom+rune(i), charsFrom+rune(j))
		}
	}
	return t
}()
