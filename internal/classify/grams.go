package classify

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
func wordGrams(toks []token, dst []gram) []gram {
	n := len(toks)
	for i, t := range toks {
		one := seedWord.with(t.hash)
		dst = append(dst, one)
		if i+1 < n {
			two := seedPair.with(uint64(one)).with(toks[i+1].hash)
			dst = append(dst, two)
			if i+2 < n {
				dst = append(dst, seedTriple.with(uint64(two)).with(toks[i+2].hash))
				dst = append(dst, seedSkip.with(uint64(one)).with(toks[i+2].hash))
			}
		}
	}
	if n == 0 {
		return dst
	}
	dst = append(dst, seedEdge.with(toks[0].hash), seedEdge.with(toks[n-1].hash^1))
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
		r, k := decodeRune(word, i)
		buf[n] = r
		i += k
	}
	buf[n] = '$'
	for runes := buf[:n+1]; len(runes) > 2; runes = runes[1:] {
		g := seedChars.with(uint64(runes[0])).with(uint64(runes[1]))
		for _, r := range runes[2:min(5, len(runes))] {
			g = g.with(uint64(r))
			dst = append(dst, g)
		}
	}
	return dst
}
