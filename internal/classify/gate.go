package classify

import "math/bits"

// gate lets go of messages that hold nothing, before anything else reads them: most of what people write to each other. It glances at
// the words as they stand in the raw text, in one pass, and at how the last messages were understood. What it cannot read it keeps: signs
// that evidence is made of, many digits or lines, letters set apart, words of mixed scripts, more than a few words that it does not know.
// The rest a small network weighs; training sets its bar so that what the networks would flag stays. A message let go is
// remembered as one in which nothing was said. The answer depends on message, state and model alone.
type gate struct {
	rows  []gateRow // by key, open addressing; a power of two, at most half full
	layer gateLayer
}

const (
	gateWidth  = 8
	gateHidden = 8
	gateTold   = 20 // what the gate is told besides words
	gateInputs = gateWidth + gateTold

	gateWords   = 64 // of a message that may be let go
	gateLetters = 24 // of a word that the gate does not know
	gateUnknown = 3  // such words
	gateDigits  = 4
	gateNumbers = 3 // of digits or words
	gateBreaks  = 2
	gateWindow  = 8 // messages back
)

// gateRow is what the gate knows of a word or of two neighbours: 16 bytes, a quarter of what the processor fetches at once.
type gateRow struct {
	key  uint32 // 0 is a free place; odd for a word for a number
	wide float32
	vec  [gateWidth]int8
}

// never is the weight of what keeps a message whatever stands around it.
const never = 1000

// gateLayer is the gate's network less its words.
type gateLayer struct {
	Step float32 // of the rows' vectors
	Hid  [gateHidden][gateInputs]float32
	Bias [gateHidden]float32
	Out  [gateHidden]float32
	Told [gateTold]float32
	Bar  float32 // what the sum of all that is known to be in a message has to reach
}

// glance is what the gate sees of a message. It is scratch memory: reuse it.
type glance struct {
	words    []glimpse
	keys     []uint32 // of words, of pairs of neighbours, and of the kind and the beginning of words that are not known
	odd      int      // where the text holds what the gate does not read; -1
	unknown  int      // words
	question bool
	in       [gateInputs]float32
	doubt    float32 // from 0 on the message is kept
}

// glimpse is a word.
type glimpse struct {
	start, end int
	hash, stem uint64 // of all of it, and of its first letters
	letters    int
	scripts    uint8
	capital    bool // inside the text
}

// What a byte is to the gate, where it is not one of a word, which stands for itself in lower case, or a digit, all of which are '0'.
const (
	byteOdd  = iota // of a sign that evidence may be made of
	byteStop        // between words
	byteMute        // of a word, and says nothing
	byteLead        // begins a character beyond ASCII
)

var gateBytes = func() (t [256]byte) {
	for _, c := range " \n\t\r.,!?;:\"()-/%&$" {
		t[c] = byteStop
	}
	t['\''] = byteMute
	for c := '0'; c <= '9'; c++ {
		t[c] = '0'
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = byte(c), byte(c)
	}
	for c := 0x80; c <= 0xff; c++ {
		t[c] = byteLead
	}
	return t
}()

// The scripts of a word, as far as the first byte of a character tells.
const (
	scriptLatin uint8 = 1 << iota
	scriptGreek
	scriptCyrillic
	scriptHebrew
	scriptArabic
	scriptOther
	scriptGlyph // each character is a word: Han, kana, hangul, emoji
	scriptDigit
)

// mayBeUnknown are the scripts of which a word need not be known.
const mayBeUnknown = scriptLatin | scriptGreek | scriptCyrillic | scriptHebrew | scriptArabic

var gateScripts = func() (t [256]uint8) {
	for _, s := range []struct {
		from, to int
		script   uint8
	}{
		{0xc3, 0xca, scriptLatin}, {0xce, 0xcf, scriptGreek}, {0xd0, 0xd3, scriptCyrillic}, {0xd6, 0xd7, scriptHebrew}, {0xd8, 0xdb, scriptArabic},
		{0xe0, 0xe1, scriptOther}, {0xe3, 0xed, scriptGlyph}, {0xf0, 0xf0, scriptGlyph},
	} {
		for c := s.from; c <= s.to; c++ {
			t[c] = s.script
		}
	}
	return t
}()

// gateStops are the signs beyond ASCII that may stand between words.
var gateStops = []string{
	"\u00a0", "¡", "¿", "«", "»", "£", "°", "–", "—", "‘", "“", "”", "…", "€", "、", "。", "！", "，", "？", "：", "،", "؟",
}

// lets tells whether the gate lets the message go.
func (g *gate) lets(m *Message, signals []Signal, s *glance) bool {
	s.scan(m.Text)
	if s.odd >= 0 || !g.name(s) {
		return false
	}
	s.recall(m.Stage, signals, senderOf(m.SenderID))
	s.doubt = g.weigh(s)
	return s.doubt < 0
}

// scan cuts the text into words, up to what the gate does not read.
func (s *glance) scan(text string) {
	s.words, s.odd, s.question = s.words[:0], -1, false
	w, digits, breaks := glimpse{hash: fnvBasis}, 0, 0
	for i := 0; i < len(text); {
		c := text[i]
		b, n := gateBytes[c], 1
		if b == byteLead {
			b, n = leading(text[i:])
		}
		glyph := b == byteLead && gateScripts[c] == scriptGlyph
		ok := b != byteOdd
		if b == byteStop || glyph {
			ok = s.end(&w, i)
		}
		if ok && b >= byteLead {
			w.add(text, i, n, b)
			ok = !glyph || s.end(&w, i+n)
		}
		switch {
		case c == '\n':
			breaks++
		case b == '0':
			digits++
		case c == '?', n > 1 && b == byteStop && isQuestion([]byte(text[i:i+n])):
			s.question = true
		case i+1 < len(text) && partOfMore(c, text[i+1]):
			ok = false
		}
		if !ok || digits > gateDigits || breaks > gateBreaks {
			if s.odd < 0 {
				s.odd = i
			}
			return
		}
		i += n
	}
	s.end(&w, len(text))
}

// partOfMore tells whether two bytes make of a sign more than one between words: of an address, or of Morse code.
func partOfMore(c, next byte) bool {
	switch c {
	case '.':
		return gateBytes[next] >= 'a' || next == '-'
	case '-':
		return next == '.'
	}
	return c == '/' && next == '/'
}

// add adds the character of n bytes at i, which is b to the gate.
func (w *glimpse) add(text string, i, n int, b byte) {
	c, script := text[i], scriptLatin
	if w.letters == 0 {
		w.start, w.capital = i, 'A' <= c && c <= 'Z' && i > 0
	}
	switch {
	case b != byteLead:
		if b == '0' {
			script = scriptDigit
		}
		w.hash = (w.hash ^ uint64(b)) * fnvPrime
	case n == 2:
		script = gateScripts[c]
		w.hash = (w.hash ^ lower(c, text[i+1])) * fnvPrime
	default:
		script = gateScripts[c]
		for k := i; k < i+n; k++ {
			w.hash = (w.hash ^ uint64(text[k])) * fnvPrime
		}
	}
	if w.letters < 4 {
		w.stem = w.hash
	}
	w.letters++
	w.scripts |= script
}

// lower is a number for a character of two bytes, the same for its capital: of Latin, Greek and Cyrillic as most languages write them.
func lower(c, d byte) uint64 {
	r := rune(c&0x1f)<<6 | rune(d&0x3f)
	if 'À' <= r && r <= 'Þ' || 'Α' <= r && r <= 'Ω' || 'А' <= r && r <= 'Я' {
		r += 0x20
	}
	return uint64(r)
}

// end ends the word; false where the gate reads no further: letters set apart, and more words than are short.
func (s *glance) end(w *glimpse, at int) bool {
	if w.letters == 0 {
		return true
	}
	n := len(s.words)
	apart := n > 0 && w.letters+s.words[n-1].letters == 2 && w.scripts|s.words[n-1].scripts == scriptLatin
	if apart || n == gateWords {
		s.odd = w.start
		return false
	}
	w.end, w.hash = at, mix(w.hash)
	s.words = append(s.words, *w)
	*w = glimpse{hash: fnvBasis}
	return true
}

// leading tells what a character beyond ASCII is, and its length.
func leading(t string) (kind byte, n int) {
	switch c := t[0]; {
	case c >= 0xf0:
		n = 4
	case c >= 0xe0:
		n = 3
	default:
		n = 2
	}
	if n > len(t) {
		return byteOdd, 1
	}
	script := gateScripts[t[0]]
	if script&(scriptLatin|scriptCyrillic|scriptGreek|scriptHebrew) != 0 {
		return byteLead, n
	}
	if t[:n] == "’" {
		return byteMute, n
	}
	for _, stop := range gateStops {
		if t[:n] == stop {
			return byteStop, n
		}
	}
	if script == 0 || script == scriptArabic && isDigit(rune(t[0]&0x1f)<<6|rune(t[1]&0x3f)) || t[:2] == "\xe3\x80" || t[0] >= 0xee && n == 3 {
		return byteOdd, n
	}
	return byteLead, n
}

// What words have instead of neighbours at the beginning of a message and at its end.
const (
	gateBegin uint64 = 1
	gateEnd   uint64 = 2
)

func gateKey(hash uint64) uint32 { return max(2, uint32(hash>>32)&^1) }

func pairKey(a, b uint64) uint32 { return gateKey(mix(a + 3*b)) }

// name sets the keys of what stands in the message; false where there are too many numbers, or words that the gate does not know.
func (g *gate) name(s *glance) bool {
	s.keys, s.unknown = s.keys[:0], 0
	before, numbers := gateBegin, 0
	for i := range s.words {
		w := &s.words[i]
		hash := w.hash
		at := g.find(gateKey(hash))
		if w.scripts&scriptDigit != 0 || at >= 0 && g.rows[at].key&1 == 1 {
			if numbers++; numbers > gateNumbers {
				s.odd = w.start
				return false
			}
		}
		if at < 0 {
			s.unknown++
			if s.unknown > gateUnknown || w.letters > gateLetters || bits.OnesCount8(w.scripts) != 1 || w.scripts&mayBeUnknown == 0 {
				s.odd = w.start
				return false
			}
			hash = w.kind()
			s.keys = append(s.keys, gateKey(w.stem))
		}
		s.keys = append(s.keys, gateKey(hash), pairKey(before, hash))
		before = hash
	}
	s.keys = append(s.keys, pairKey(before, gateEnd), s.whole())
	return true
}

// kind stands for all words that the gate does not know and that look like this one.
func (w *glimpse) kind() uint64 {
	h := uint64(w.scripts)<<8 | uint64(min(w.letters, 12))<<1
	if w.capital {
		h |= 1
	}
	return mix(h ^ fnvBasis)
}

// whole is the key of all the words in their order.
func (s *glance) whole() uint32 {
	h := uint64(fnvBasis)
	for i := range s.words {
		h = (h ^ s.words[i].hash) * fnvPrime
	}
	return gateKey(mix(h))
}

// find is the place of the row of a key, -1 for none.
func (g *gate) find(key uint32) int {
	mask := len(g.rows) - 1
	for at := int(key) & mask; ; at = (at + 1) & mask {
		switch k := g.rows[at].key; {
		case k&^1 == key:
			return at
		case k == 0:
			return -1
		}
	}
}

// recall sets what the gate is told besides words.
func (s *glance) recall(stage Stage, signals []Signal, sender uint16) {
	var last, most [numGist]uint8
	var facts Facts
	said, heard, platform, asked := 0, false, false, false
	for i := len(signals) - 1; i >= 0 && i >= len(signals)-gateWindow; i-- {
		g := &signals[i]
		if g.Facts&FactSystem != 0 {
			platform = true
			continue
		}
		said++
		facts |= g.Facts
		gist := g.Said.gist()
		for k, p := range gist {
			most[k] = max(most[k], p)
		}
		if !heard && g.Sender != sender {
			last, heard, asked = gist, true, g.Facts&FactQuestion != 0
		}
	}
	in := s.in[gateWidth:]
	for k := range most {
		in[k], in[numGist+k] = float32(most[k])/certain, float32(last[k])/certain
	}
	n := float32(len(s.words))
	copy(in[2*numGist:], []float32{
		is(said == 0), is(facts&^(FactQuestion|FactWorkLink) != 0), is(stage == PreContract), float32(said) / gateWindow,
		n / (n + 8), is(platform), is(asked), is(facts&FactFragment != 0),
	})
}

const numGist = 6

// gist is what the gate is told of an earlier message.
func (s *Said) gist() (g [numGist]uint8) {
	g = [numGist]uint8{s[saidReview], s[saidPayment], s[saidRemind], s[saidPart], s[saidWhole]}
	for _, act := range s[saidAct : saidAct+int(Discuss)+1] {
		g[numGist-1] = max(g[numGist-1], act)
	}
	return g
}

// weigh is how far the message is above the bar.
func (g *gate) weigh(s *glance) float32 {
	var vec [gateWidth]int32
	var wide float32
	for _, key := range s.keys {
		at := g.find(key)
		if at < 0 {
			continue
		}
		r := &g.rows[at]
		wide += r.wide
		for k, x := range r.vec {
			vec[k] += int32(x)
		}
	}
	for k, x := range vec {
		s.in[k] = float32(float32(x) * g.layer.Step)
	}
	return wide + g.layer.think(&s.in, nil) - g.layer.Bar
}

// think sums up what the layer makes of its inputs, and leaves what the hidden units said.
func (n *gateLayer) think(in *[gateInputs]float32, hidden *[gateHidden]float32) float32 {
	var z float32
	for k, x := range in[gateWidth:] {
		z += float32(n.Told[k] * x)
	}
	for j := range n.Hid {
		sum := n.Bias[j]
		for k, x := range in {
			sum += float32(n.Hid[j][k] * x)
		}
		sum = max(0, sum)
		z += float32(n.Out[j] * sum)
		if hidden != nil {
			hidden[j] = sum
		}
	}
	return z
}
