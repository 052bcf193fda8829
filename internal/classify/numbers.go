package classify

// numeral is one item of a number as it is written or dictated: a run of digits, a number word, "double", "plus".
type numeral struct {
	k, j   int32 // pieces of s.red: [k, j)
	a, b   int32 // folded bytes
	kind   termKind
	val    int64
	lang   int16 // of the meaning chosen; -1 for digits
	list   int32
	weak   bool
	lit    bool // digits as they stand: s.digits[ds:de]
	ds, de int32
	by     decoders
	gap    gap // what stands before it
	glued  bool
}

// gap is what stands between two items of a number.
type gap uint8

const (
	gapNone  gap = iota
	gapSpace     // white space
	gapTight     // - . / and the like, alone
	gapAnd       // "and"
	gapComma     // a comma
	gapGlue      // "then"
	gapLine
	gapFar // more: the number ends
)

// numerals appends the items that piece k yields. A compound yields several.
func (x *extractor) numerals(s *scratchEvidence, k int, dst []numeral) []numeral {
	p := &s.red[k]
	h := x.has[p.list]
	if p.shape == shapeWord && h&(anyNumber|hasRepeat|hasPlus|hasTimes) == 0 && (p.list != 0 || p.b-p.a < 6 || p.b-p.a > longestCompound) {
		return dst // most words (BenchmarkStage/evidence)
	}
	n := numeral{k: int32(k), j: int32(k + 1), a: p.a, b: p.b, lang: -1, list: p.list, by: p.by}
	switch {
	case p.shape == shapeDigits:
		n.lit = true
		n.ds = int32(len(s.digits))
		s.digits = append(s.digits, s.text(*p)...)
		n.de = int32(len(s.digits))
		return append(dst, n)
	case h&(anyNumber|hasRepeat|hasPlus|hasTimes) != 0:
		n.kind = termNumber
		n.weak = h&(hasNumber|hasRepeat) == 0
		return append(dst, n)
	case s.sign(*p) == '+':
		n.kind, n.weak = termPlus, true
		return append(dst, n)
	case p.shape == shapeMixed:
		return x.mixed(s, *p, n, dst)
	case p.shape == shapeWord:
		return x.compound(s, *p, n, dst)
	}
	return dst
}

// termNumber marks an item whose meaning is chosen once the whole number is seen.
const termNumber = termTool

// mixed reads letters and digits without a break: digits and their look-alikes, or digits and number words.
func (x *extractor) mixed(s *scratchEvidence, p piece, n numeral, dst []numeral) []numeral {
	w := s.text(p)
	ds := len(s.digits)
	if d, ok := lookalikeDigits(w, s.digits); ok {
		s.digits = d
		n.lit, n.ds, n.de, n.by = true, int32(ds), int32(len(d)), n.by|byLeet
		return append(dst, n)
	}
	s.digits = s.digits[:ds]
	if len(w) > longestCompound {
		return dst
	}
	return x.compound(s, p, n, dst)
}

const longestCompound = 64

// shortestCompound is the length from which a word is worth a look in a message that shows nothing else.
const shortestCompound = 10

// compounds reports whether two words of the message begin with a number word: "achtundvierzig, neunundneunzig".
func (x *extractor) compounds(s *scratchEvidence) bool {
	if s.sc.longest < shortestCompound {
		return false
	}
	s.steps += len(s.pieces)
	n := 0
	for _, p := range s.pieces {
		if p.list == 0 && p.shape == shapeWord && p.b-p.a >= shortestCompound && x.beginsNumber(s.f.text[p.a:p.b]) {
			n++
		}
	}
	return n >= 2
}

func (x *extractor) beginsNumber(w []byte) bool {
	node := x.root[w[0]]
	for j := 1; node >= 0 && x.nodes[node].parts && j < len(w); j++ {
		if l := x.nodes[node].list; l != 0 && j > 2 && x.has[l]&hasNumber != 0 {
			return true
		}
		node = x.step(node, w[j])
	}
	return false
}

// compound reads number words without a break: "einundzwanzig", "twoohseven", "four4seven".
func (x *extractor) compound(s *scratchEvidence, p piece, n numeral, dst []numeral) []numeral {
	w := s.text(p)
	s.steps += len(w)
	if !x.mayPart(w) {
		return dst
	}
	s.part = s.part[:0]
	var dead [longestCompound + 1]bool
	ds := len(s.digits)
	if !x.cut(s, w, 0, n, &dead) || len(s.part) < 2 {
		s.digits = s.digits[:ds]
		return dst
	}
	words := 0
	for _, q := range s.part {
		if !q.lit && x.has[q.list]&(hasNumber|hasRepeat) != 0 {
			words++
		}
	}
	if words == 0 || words == 1 && !s.hasLit() && !x.inverted(s.part) && !x.tensAndUnit(s.part) {
		s.digits = s.digits[:ds]
		return dst
	}
	for i := range s.part {
		q := &s.part[i]
		q.glued = i > 0
		if words > 1 || len(s.part) > 2 {
			q.by |= byGlued
		}
	}
	return append(dst, s.part...)
}

// compoundParts are the meanings of the parts of a compound.
const compoundParts = anyNumber | hasRepeat | hasAnd | hasPlus

// mayPart reports whether w begins with two parts as cut cuts them, or with a digit: most words do not (BenchmarkStage/evidence).
func (x *extractor) mayPart(w []byte) bool {
	return w[0]-'0' < 10 || x.beginsPart(w, func(rest []byte) bool {
		return len(rest) > 0 && (rest[0]-'0' < 10 || x.beginsPart(rest, anyRest))
	})
}

func anyRest([]byte) bool { return true }

// beginsPart reports whether w begins with an entry that may be a part of a compound and that such a rest follows.
func (x *extractor) beginsPart(w []byte, follows func(rest []byte) bool) bool {
	node := x.root[w[0]]
	for j := 1; node >= 0 && x.nodes[node].parts; j++ {
		if x.isPart(x.nodes[node].list, j) && follows(w[j:]) {
			return true
		}
		if j == len(w) {
			break
		}
		node = x.step(node, w[j])
	}
	return false
}

// isPart reports whether the entry of n bytes may be a part of a compound.
func (x *extractor) isPart(list int32, n int) bool {
	h := x.has[list]
	return h&compoundParts != 0 && (n > 1 || h&hasNumber != 0)
}

func (x *extractor) inverted(part []numeral) bool { return len(part) == 3 }

// tensAndUnit reports two parts that count on in one language: "sextiofem".
func (x *extractor) tensAndUnit(part []numeral) bool {
	if len(part) != 2 {
		return false
	}
	for _, t := range x.terms[part[0].list] {
		if t.kind == termTens && !t.weak && x.means(part[1].list, termDigit, t.lang) {
			return true
		}
	}
	return false
}

// means reports whether the word can be of the kind in the language.
func (x *extractor) means(list int32, k termKind, lang uint8) bool {
	for _, t := range x.terms[list] {
		if t.kind == k && t.lang == lang {
			return true
		}
	}
	return false
}

func (s *scratchEvidence) hasLit() bool {
	for _, q := range s.part {
		if q.lit {
			return true
		}
	}
	return false
}

// cut parts w from i on into number words and digits, longest first; dead remembers the places from which there is no way.
func (x *extractor) cut(s *scratchEvidence, w []byte, i int, n numeral, dead *[longestCompound + 1]bool) bool {
	s.steps++
	if i == len(w) {
		return true
	}
	if dead[i] {
		return false
	}
	if w[i]-'0' < 10 {
		j := i
		for j < len(w) && w[j]-'0' < 10 {
			j++
		}
		m := n
		m.lit, m.ds = true, int32(len(s.digits))
		s.digits = append(s.digits, w[i:j]...)
		m.de = int32(len(s.digits))
		s.part = append(s.part, m)
		if x.cut(s, w, j, n, dead) {
			return true
		}
		s.part = s.part[:len(s.part)-1]
		dead[i] = true
		return false
	}
	var ends [12]int
	var lists [12]int32
	c := 0
	node := x.root[w[i]]
	for j := i + 1; node >= 0 && x.nodes[node].parts && c < len(ends); j++ {
		if l := x.nodes[node].list; x.isPart(l, j-i) {
			ends[c], lists[c] = j, l
			c++
		}
		if j == len(w) {
			break
		}
		node = x.step(node, w[j])
	}
	for c--; c >= 0; c-- {
		m := n
		m.kind, m.list, m.weak = termNumber, lists[c], x.has[lists[c]]&(hasNumber|hasRepeat) == 0
		s.part = append(s.part, m)
		if x.cut(s, w, ends[c], n, dead) {
			return true
		}
		s.part = s.part[:len(s.part)-1]
	}
	dead[i] = true
	return false
}

// meaning chooses what the item says in the language; where it says nothing in it, in any.
func (x *extractor) meaning(n *numeral, lang int) bool {
	if n.lit || n.kind != termNumber {
		return true
	}
	best, rank := term{}, 0
	for _, t := range x.terms[n.list] {
		if t.kind > termAnd || t.kind == termAnd && !n.glued {
			continue
		}
		r := 1
		switch {
		case int(t.lang) == lang && !t.weak:
			r = 5
		case int(t.lang) == lang:
			r = 4
		case !t.weak:
			r = 3
		case t.lang == 0:
			r = 2
		}
		if r > rank {
			best, rank = t, r
		}
	}
	if rank == 0 {
		return false
	}
	n.kind, n.val, n.lang, n.weak = best.kind, best.val, int16(best.lang), best.weak
	return rank > 1
}

// language is the one in which most of the items say something.
func (x *extractor) language(items []numeral) int {
	var count [128]uint16
	best := 0
	for _, n := range items {
		if n.lit || n.kind != termNumber {
			continue
		}
		seen := [2]uint64{}
		for _, t := range x.terms[n.list] {
			if t.kind > termPlus || t.lang >= 128 || seen[t.lang>>6]&(1<<(t.lang&63)) != 0 {
				continue
			}
			seen[t.lang>>6] |= 1 << (t.lang & 63)
			count[t.lang] += 2
			if !t.weak {
				count[t.lang]++
			}
			if count[t.lang] > count[best] {
				best = int(t.lang)
			}
		}
	}
	return best
}

// spelling is what the items of a number say.
type spelling struct {
	digits []byte
	words  int // number words beyond doubt
	weak   int // words that may be none
	lits   int // runs of digits
	litLen int // digits in them
	groups int
	plus   bool
	amount bool // thousands, millions: a sum, not a number to dial
	double bool
	by     decoders
	steps  int // words that continue a count: one two three
}

// say composes the items into digits: "twenty three" 23, "drei und sechzig" 63, "soixante douze" 72, "double seven" 77.
func (x *extractor) say(s *scratchEvidence, items []numeral, sp *spelling) {
	var cur int64 = -1 // the number that may still grow
	var scale int64    // what was added last: 1, 10 or 100
	repeat, times := 0, 0
	lastWord := int64(-2)
	out := sp.digits[:0]
	flush := func() {
		if cur >= 0 {
			out = appendNumber(out, cur, repeat)
			repeat = 0
		}
		cur, scale = -1, 0
	}
	for i := range items {
		n := &items[i]
		sp.by |= n.by
		if n.lit || n.gap >= gapComma {
			flush()
		}
		if n.lit {
			d := s.digits[n.ds:n.de]
			sp.lits, sp.litLen = sp.lits+1, sp.litLen+len(d)
			for r := max(repeat, 1); r > 0 && len(out) < 64; r-- {
				out = append(out, d...)
			}
			repeat = 0
			if times > 0 {
				times = 0
			}
			lastWord = -2
			sp.groups++
			continue
		}
		sp.groups++
		if n.kind == termDigit || n.kind == termTeen || n.kind == termTens || n.kind == termTen || n.kind == termHundred || n.kind == termHundreds {
			if n.weak {
				sp.weak++
			} else {
				sp.words++
			}
		}
		switch n.kind {
		case termPlus:
			flush()
			sp.plus = sp.plus || len(out) == 0
		case termRepeat:
			flush()
			repeat, sp.double = int(n.val), true
		case termTimes:
			if cur >= 2 && cur <= 6 && i+1 < len(items) {
				repeat, cur, scale = int(cur), -1, 0
				sp.double = true
				sp.by |= byMath
			}
		case termAnd:
		case termBig:
			sp.amount = true
			flush()
		case termHundred:
			if cur >= 1 && cur <= 9 && scale == 1 {
				cur, scale = cur*100, 100
			} else {
				flush()
				cur, scale = 100, 100
			}
		case termTen:
			switch {
			case cur >= 2 && cur <= 9 && scale == 1 && n.gap <= gapSpace:
				cur, scale = cur*10, 10
			case scale == 100 && n.gap <= gapSpace:
				cur, scale = cur+10, 10
			default:
				flush()
				cur, scale = 10, 10
			}
		default:
			v := n.val
			switch {
			case cur >= 0 && scale > 0 && n.gap <= gapAnd && !binds(items, i) && grows(scale, cur, v, n.kind, x.langs[max(n.lang, 0)]):
				cur += v
				scale = scaleOf(n.kind)
			case cur >= 1 && cur <= 9 && scale == 1 && n.kind == termTens && x.invertedAnd(items, i) && repeat == 0:
				cur, scale = cur+v, 1
			default:
				flush()
				cur, scale = v, scaleOf(n.kind)
			}
			if v == lastWord+1 || v == lastWord-1 {
				sp.steps++
			}
			lastWord = v
		}
	}
	flush()
	sp.digits = out
}

// binds reports whether the unit i belongs to what follows it rather than to the tens before it: "fünfzig zweiundvierzig", "năm mươi ba mươi".
func binds(items []numeral, i int) bool {
	if i+1 >= len(items) || items[i].kind != termDigit {
		return false
	}
	next := items[i+1]
	return next.kind == termAnd && next.glued || next.kind == termTen && next.gap <= gapSpace && items[i].val > 1
}

// invertedAnd reports whether item i follows a unit and an "and" of its language: "drei und sechzig".
func (x *extractor) invertedAnd(items []numeral, i int) bool {
	if i < 1 {
		return false
	}
	n := items[i]
	switch x.langs[max(n.lang, 0)] {
	case "de", "nl", "af", "da", "ar", "cs", "no", "sv":
	default:
		return false
	}
	return n.gap == gapAnd || i >= 2 && items[i-1].kind == termAnd
}

func scaleOf(k termKind) int64 {
	switch k {
	case termDigit:
		return 1
	case termTens:
		return 10
	case termHundreds:
		return 100
	case termTeen:
		return 1
	}
	return 1
}

// grows reports whether v goes on with a number whose last part was of the given scale.
func grows(scale, cur, v int64, k termKind, lang string) bool {
	switch {
	case scale == 100:
		return v > 0 && v < 100
	case scale == 10 && k == termDigit:
		return v > 0 && !unitsFirst(lang)
	case scale == 10 && lang == "fr" && k == termTeen:
		return cur%100 == 60 || cur%100 == 80
	}
	return false
}

// unitsFirst reports languages in which a unit behind the tens is a digit of its own: "vierzig sieben" is 40, 7.
func unitsFirst(lang string) bool {
	return lang == "de" || lang == "nl" || lang == "af" || lang == "da" || lang == "sl"
}

func appendNumber(dst []byte, v int64, repeat int) []byte {
	var buf [20]byte
	i := len(buf)
	for {
		i--
		buf[i] = '0' + byte(v%10)
		v /= 10
		if v == 0 {
			break
		}
	}
	for r := max(repeat, 1); r > 0 && len(dst) < 64; r-- {
		dst = append(dst, buf[i:]...)
	}
	return dst
}
