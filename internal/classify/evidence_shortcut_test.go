package classify

import "testing"

// What tells at a glance that a detector has nothing to find, against the detector.

func FuzzShortcuts(f *testing.F) {
	for _, s := range corpusTexts(f, 499) {
		f.Add(s)
	}
	for _, s := range []string{"einundzwanzig sechs-undsechzig twoohseven four4seven", "Y2FsbCBtZQ== 63616c6c206d65 call%20me%40x &#99;&#x61;ll base64:Y2FsbCBtZQ",
		"7 million, 3 x 4 плюс 5 乘以 6", "in the no one's the-best\nat_all a@ b. c", "moc.liamg@ann T0morrow l33t s1x wh@tsapp 4ever", "telegramda gmailcom whatsapped"} {
		f.Add(s)
	}
	r, err := newReader()
	if err != nil {
		f.Fatal(err)
	}
	var s scratchEvidence
	f.Fuzz(func(t *testing.T, text string) { checkShortcuts(t, r.extract, &s, text) })
}

func TestCorpusShortcuts(t *testing.T) {
	r, err := newReader()
	if err != nil {
		t.Fatal(err)
	}
	var s scratchEvidence
	for _, text := range corpusTexts(t, 5) {
		checkShortcuts(t, r.extract, &s, text)
	}
}

func checkShortcuts(t *testing.T, x *extractor, s *scratchEvidence, text string) {
	t.Helper()
	var f folded
	f.fold(text)
	x.find(&f, s, nil)
	s.budget = maxLookups
	w := f.text
	for i := range w {
		if j, _ := asciiWord(w, i); j > i && (i == 0 || !wordByte(w[i-1])) {
			end, list := x.longestAfter(w, i, j)
			if wantEnd, wantList := x.longest(w, i); end != wantEnd || list != wantList {
				t.Fatalf("%q has entry %d up to %d at %d; looked up at once %d up to %d", w, wantList, wantEnd, i, list, end)
			}
		}
	}
	for i := range s.pieces {
		p := s.pieces[i]
		if word := f.text[p.a:p.b]; (p.shape == shapeWord || p.shape == shapeMixed) && len(word) <= longestCompound && !x.mayPart(word) {
			s.part = s.part[:0]
			var dead [longestCompound + 1]bool
			if x.cut(s, word, 0, numeral{}, &dead) && len(s.part) > 1 {
				t.Fatalf("%q has %d parts", word, len(s.part))
			}
		}
	}
	for i := 0; i < len(text); i++ {
		j := i
		for j < len(text) && text[j] > ' ' {
			j++
		}
		if n := len(s.out); !mayEncode(text[i:j]) && (x.token(s, text[i:j], i) || len(s.out) > n) {
			t.Fatalf("%q is taken for an encoding", text[i:j])
		}
		i = j
	}
}
