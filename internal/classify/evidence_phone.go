package classify

import (
	"bytes"
	"unicode/utf8"
)

const (
	fewestDigits = 7 // of a telephone number
	mostDigits   = 15
	longestRun   = 96 // items of one number, however dictated
)

// numbers finds telephone numbers, written and dictated, and fragments of them.
func (x *extractor) numbers(s *scratchEvidence) {
	if s.sc.digits < 2 && s.sc.rows < 2 && s.sc.mixed == 0 && s.sc.longest < shortestCompound {
		return
	}
	s.digits, s.parts = s.digits[:0], s.parts[:0]
	fragments := 0
	for k := 0; k < len(s.red); {
		s.nums = x.items(s, k, s.nums[:0])
		if len(s.nums) == 0 {
			k++
			continue
		}
		end := x.run(s, int(s.nums[len(s.nums)-1].j))
		if !s.bare() {
			x.number(s, s.nums, &fragments, 0)
		}
		k = max(end, k+1)
	}
	x.join(s)
}

// bare reports whether s.nums are a single short run of digits in a longer message that announces nothing: the common case, and never
// a part of a number.
func (s *scratchEvidence) bare() bool {
	n := s.nums[0]
	return len(s.nums) == 1 && n.lit && n.de-n.ds < fewestDigits && n.by == 0 && s.digits[n.ds] != '0' && len(s.red) > 8 && s.sc.has&(hasPhone|hasCue) == 0 && s.sc.rows < 3
}

// part is a run of digits that is too short for a number.
type part struct {
	a, b   int
	ds, de int32 // in s.digits
	spoken bool
	plus   bool
}

// keepPart keeps a run of digits for join.
func (s *scratchEvidence) keepPart(a, b int, sp *spelling, spoken bool) {
	ds := int32(len(s.digits))
	s.digits = append(s.digits, sp.digits...)
	s.parts = append(s.parts, part{a, b, ds, int32(len(s.digits)), spoken, sp.plus})
}

const (
	widestJoin = 48 // bytes between parts of one number
	mostParts  = 24
)

// join reads the parts of a message as one number where their digits together make one: "oh one six one is the area, then 496 for the middle …".
func (x *extractor) join(s *scratchEvidence) {
	for i := 0; i < len(s.parts); {
		j, n := i+1, int(s.parts[i].de-s.parts[i].ds)
		spoken := s.parts[i].spoken
		for j < len(s.parts) && s.parts[j].a-s.parts[j-1].b <= widestJoin {
			n += int(s.parts[j].de - s.parts[j].ds)
			spoken = spoken || s.parts[j].spoken
			j++
		}
		if j-i >= 2 && n >= 8 && n <= 13 {
			x.joined(s, s.parts[i:j], spoken)
		}
		i = j
	}
}

func (x *extractor) joined(s *scratchEvidence, parts []part, spoken bool) {
	a, b := parts[0].a, parts[len(parts)-1].b
	var d []byte
	for _, p := range parts {
		d = append(d, s.digits[p.ds:p.de]...)
	}
	cued := s.sc.has&hasPhone != 0
	if !spoken && !cued {
		return
	}
	s.likely = ""
	e, ok := x.dial(s, string(d), parts[0].plus)
	if !ok && s.found(phoneNumber, a, b) {
		return
	}
	c := float32(.1)
	switch {
	case ok && spoken && cued:
		c = .86
	case ok && spoken:
		c = .6
	case ok && cued && (d[0] == '0' || parts[0].plus):
		c = .5
	case spoken && cued:
		c = .42
	case ok && cued:
		c = .25
	case !ok:
		return
	}
	s.add(phoneNumber, a, b, e, c, "embedded")
}

// items are the numerals of piece k, unless it is an amount, a time or the like.
func (x *extractor) items(s *scratchEvidence, k int, dst []numeral) []numeral {
	p := s.red[k]
	if p.shape == shapeSign && p.list == 0 && s.sign(p) != '+' || p.shape == shapeBreak {
		return dst
	}
	if p.shape == shapeDigits && x.counts(s, k) {
		return dst
	}
	return x.numerals(s, k, dst)
}

// run extends s.nums from piece k on and returns the piece after the number.
func (x *extractor) run(s *scratchEvidence, k int) int {
	for len(s.nums) < longestRun {
		g, next := x.gap(s, k)
		if g == gapFar {
			break
		}
		n := len(s.nums)
		s.nums = x.items(s, next, s.nums)
		if len(s.nums) == n {
			break
		}
		s.nums[n].gap = g
		k = int(s.nums[len(s.nums)-1].j)
	}
	return k
}

// gap classifies what stands between piece k and the next numeral, and returns that one's index.
func (x *extractor) gap(s *scratchEvidence, k int) (gap, int) {
	g := gapNone
	signs, words := 0, 0
	for i := k; i < len(s.red) && i < k+8; i++ {
		p := s.red[i]
		h := x.has[p.list]
		if p.spaces && g == gapNone {
			g = gapSpace
		}
		switch {
		case p.shape == shapeBreak:
			g = max(g, gapLine)
			if signs++; signs > 4 {
				return gapFar, i
			}
			continue
		case p.shape == shapeSign && s.sign(p) != '+' && h&(hasCurrency|anyAt) == 0:
			c := s.sign(p)
			if c == '@' || c == '=' || c == '$' || c == '%' || c == '#' || c == '<' || c == '>' {
				return gapFar, i
			}
			signs++
			switch {
			case c == '.' && !p.spaces && i+1 < len(s.red) && s.red[i+1].spaces && signs == 1, c == '!', c == '?':
				g = max(g, gapLine) // a sentence ends
			case c == ',' || c == ';' || signs > 2 || c == '.' && i+1 < len(s.red) && s.red[i+1].spaces:
				g = max(g, gapComma)
			}
			g = max(g, gapTight)
			if signs > 6 {
				return gapFar, i
			}
			continue
		case h&(anyNumber|hasRepeat|hasPlus|hasTimes) != 0 && !(h&hasGlue != 0 && h&hasNumber == 0 && h&hasWeakNumber == 0), p.shape == shapeDigits, p.shape == shapeMixed, s.sign(p) == '+':
			return g, i
		case h&(hasGlue|hasAnd|hasDash) != 0:
			if words++; words > 3 {
				return gapFar, i
			}
			if h&hasAnd != 0 {
				g = max(g, gapAnd)
			} else if p.b-p.a == 3 && h&hasDash != 0 {
				g = max(g, gapTight)
			} else {
				g = max(g, gapGlue)
			}
			continue
		case p.shape == shapeWord && p.list == 0 && p.b-p.a >= 6:
			return g, i // perhaps a compound
		}
		return gapFar, i
	}
	return gapFar, k
}

// number judges the items as one number; where they are too many it parts them at their widest gaps.
func (x *extractor) number(s *scratchEvidence, items []numeral, fragments *int, depth int) {
	s.steps += len(items)
	items = x.resolve(items)
	if len(items) == 0 {
		return
	}
	sp := spelling{digits: s.said[:0]}
	x.say(s, items, &sp)
	sp.words += closeWords(items)
	if w := widest(items); (len(sp.digits) > mostDigits || sp.words == 0 && sp.by == 0 && w >= gapAnd && !x.listed(s, items, &sp) || w >= gapLine) && w > gapNone && depth < 5 && len(items) > 1 {
		from := 0
		for i := 1; i <= len(items); i++ {
			if i == len(items) || items[i].gap == w {
				x.number(s, items[from:i], fragments, depth+1)
				from = i
			}
		}
		return
	}
	x.judge(s, items, &sp, fragments)
}

// listed reports whether runs of digits with commas or "then" between them are one number all the same: it is announced, and
// the numbering plans know it.
func (x *extractor) listed(s *scratchEvidence, items []numeral, sp *spelling) bool {
	n := len(sp.digits)
	if n < 8 || n > 13 || sp.lits < 2 {
		return false
	}
	if (sp.digits[0] == '0' || sp.plus) && sp.litLen <= sp.lits*4 && sp.lits >= 3 && n >= 9 {
		return true
	}
	if !x.cued(s, int(items[0].k), int(items[len(items)-1].j)) {
		return false
	}
	x.likelyFor(s, items)
	_, ok := x.dial(s, string(sp.digits), sp.plus)
	return ok
}

func widest(items []numeral) gap {
	w := gapNone
	for _, n := range items[1:] {
		w = max(w, n.gap)
	}
	return w
}

// resolve chooses the meanings of the items, drops those that are number words of another language only by chance, and at the ends the words
// that are no numbers after all.
func (x *extractor) resolve(items []numeral) []numeral {
	lang := x.language(items)
	keep := items[:0]
	pending := gapNone
	for _, n := range items {
		if !x.meaning(&n, lang) {
			if pending == gapNone && x.means(n.list, termAnd, uint8(lang)) {
				pending = gapAnd // "et", which is a number in another language
			} else {
				pending = gapGlue
			}
			continue
		}
		n.gap = max(n.gap, pending)
		pending = gapNone
		keep = append(keep, n)
	}
	items = keep
	if inRow(items) {
		return trimRow(items)
	}
	strong := closeWords(items)
	for _, n := range items {
		if !n.weak && !n.lit {
			strong++
		}
	}
	for len(items) > 0 && trimmable(items, 0, strong) {
		items = items[1:]
	}
	for len(items) > 0 && trimmable(items, len(items)-1, strong) {
		items = items[:len(items)-1]
	}
	return items
}

// trimmable reports whether the item at an end of the number is no part of it: a homophone that is set apart, a bare "and" or "times".
func trimmable(items []numeral, i, strong int) bool {
	n := items[i]
	if n.lit {
		return false
	}
	switch n.kind {
	case termAnd, termTimes, termNumber:
		return true
	case termPlus, termRepeat:
		return len(items) == 1 || i > 0
	}
	if !n.weak || n.glued || len(items) > 1 && i == 0 && items[1].glued {
		return false
	}
	if len(items) == 1 {
		return true
	}
	if n.val == 0 { // "oh", "o"
		return i > 0 && items[i].gap >= gapGlue
	}
	near := items[i].gap
	other := i - 1
	if i == 0 {
		near, other = items[1].gap, 1
	}
	if n.lang > 0 && strong >= 3 && near <= gapComma { // homophones are an English trouble
		return false
	}
	if n.lang == 0 && strong >= 5 && n.val != 2 && n.val != 4 && near <= gapSpace { // "tree" is what a radio operator says, "to" and "for" is everybody's
		return false
	}
	if i == 0 {
		return near != gapTight || items[1].lit
	}
	return near != gapTight && (items[other].weak || items[other].lit && (near > gapSpace || items[other].de-items[other].ds >= 4))
}

// judge records the number if it is one.
func (x *extractor) judge(s *scratchEvidence, items []numeral, sp *spelling, fragments *int) {
	n := len(sp.digits)
	a, b := int(items[0].a), int(items[len(items)-1].b)
	first, last := int(items[0].k), int(items[len(items)-1].j)
	spoken := sp.words >= 2 || sp.double || sp.words == 1 && sp.lits > 0
	if t := x.numberedTool(s, first); t != "" && n >= 5 && n <= 12 {
		e := s.add(handleName, a, b, string(sp.digits), .75, x.how(items, sp)...)
		e.tool = t
		return
	}
	named := x.named(s, first)
	if n < 2 || n > 20 || sp.amount || named && (!spoken || n < fewestDigits) {
		return
	}
	if spoken && sp.weak > 2*sp.words+sp.lits {
		return
	}
	if n < fewestDigits || n > mostDigits {
		x.fragment(s, items, sp, a, b, first, last, spoken, fragments)
		return
	}
	shape := s.written(items, sp)
	if !spoken && shape == 0 {
		return
	}
	x.likelyFor(s, items)
	if a > 0 && s.f.text[a-1] == '(' && !sp.plus {
		a--
	}
	e164, valid := x.dial(s, string(sp.digits), sp.plus)
	conf := x.certainty(s, sp, shape, valid, spoken, first, last)
	if n > fewestDigits && s.masked(a, b) {
		conf += (1 - conf) * .5
	}
	if named {
		conf *= .6
	}
	if conf < .08 {
		return
	}
	if spoken && !valid && n <= 8 && len(s.parts) < mostParts {
		s.keepPart(a, b, sp, true)
	}
	e := s.add(phoneNumber, a, b, e164, conf, x.how(items, sp)...)
	if placeholderNumber(string(sp.digits)) {
		e.placeholder, e.confidence = true, min(conf, .2)
	}
}

// masked reports whether the digits in the folded bytes [a, b) were disguised as nobody writes a price or a date: keycaps, invisible characters between them, letters
// or the digits of another script; and styled ones where no Chinese or Japanese is written, which has fullwidth digits of its own.
func (s *scratchEvidence) masked(a, b int) bool {
	if s.f.facts == 0 {
		return false
	}
	facts := s.f.factsIn(a, b)
	if facts&(sawEmojiDigits|sawInvisible|sawHomoglyph|sawNativeDigits) != 0 {
		return true
	}
	return facts&sawStyled != 0 && s.script() == ""
}

// numberedTool is the messenger named just before piece k whose users go by numbers.
func (x *extractor) numberedTool(s *scratchEvidence, k int) string {
	for i := k - 1; i >= 0 && k-i < 6; i-- {
		if x.has[s.red[i].list]&hasMessenger == 0 {
			continue
		}
		if t, _, ok := x.toolOf(s.red[i], hasHandles); ok && (t.name == "qq" || t.name == "icq") {
			return t.name
		}
		return ""
	}
	return ""
}

// named reports whether the word before piece k names something else than a telephone: "order", "invoice no.", "#".
func (x *extractor) named(s *scratchEvidence, k int) bool {
	words := 0
	for i := k - 1; i >= 0 && words < 2 && k-i < 5; i-- {
		p := s.red[i]
		h := x.has[p.list]
		switch c := s.sign(p); {
		case h&hasPhone != 0 && h&hasNot == 0:
			continue
		case h&hasNot != 0, c == '#':
			return true
		case c == ':' || c == '.' || c == '-' || c == '(' || c == '=':
			continue
		case c != 0 || p.shape == shapeBreak:
			return false
		}
		words++
	}
	return false
}

// written classifies how runs of digits are written: 0 as no telephone number is, 1 as one may be, 2 as one is.
func (s *scratchEvidence) written(items []numeral, sp *spelling) int {
	if sp.words > 0 || sp.by&(byLeet|byGlued) != 0 && sp.lits > 1 || sp.by&(bySpaced|byPunct) != 0 {
		return 2
	}
	n := len(sp.digits)
	if sp.lits == 0 {
		return 0
	}
	if sp.lits == 1 {
		switch {
		case sp.plus:
			return 2
		case n >= 9 && n <= 12:
			return 1
		}
		return 0
	}
	var lens [longestRun]int
	c := 0
	short := 0
	for _, it := range items {
		if it.lit {
			lens[c] = int(it.de - it.ds)
			if lens[c] <= 2 {
				short++
			}
			c++
		}
	}
	t := s.f.text[items[0].a:items[len(items)-1].b]
	switch {
	case isDate(t), isAddress4(t), luhn16(sp.digits, lens[:c]), decimalPair(t, lens[:c]):
		return 0
	case c == 2 && !sp.plus && items[1].gap == gapTight && bytes.IndexByte(t, '.') > 0 && !(lens[0] >= 3 && lens[1] >= 6 && sp.digits[0] == '0'): // a decimal
		return 0
	case lens[0] >= 8 || lens[c-1] == 1 && short < c: // a bar code, a number and a count
		return 0
	case sp.plus, sp.digits[0] == '0' && n >= 9:
		return 2
	case years(s, items):
		return 0
	case n == 10 && c == 3 && lens[0] == 3 && lens[1] == 3, n == 11 && c == 4 && lens[0] == 1 && sp.digits[0] == '1':
		return 2
	case short == c && c >= 7: // digit by digit
		return 2
	case n == 9 && c == 3 && lens[0] == 3 && lens[1] == 3:
		return 2
	case n >= 8 && c >= 3:
		return 1
	case n >= 9 && c == 2:
		return 1
	}
	return 0
}

// certainty is the confidence of a number from what speaks for it.
func (x *extractor) certainty(s *scratchEvidence, sp *spelling, shape int, valid, spoken bool, first, last int) float32 {
	cued := x.cued(s, first, last)
	n := len(sp.digits)
	var c float32
	switch {
	case spoken && sp.steps*3 >= sp.groups*2 && sp.steps >= 3, spoken && yearPair(sp.digits): // one two three four; nineteen ten to nineteen twelve
		return .12
	case spoken && valid:
		c = .95
	case spoken && n >= 8 && sp.words+sp.lits >= 3:
		c = .85
	case spoken:
		c = .6
	case valid && sp.plus:
		c = .97
	case valid && shape == 2:
		c = .9
	case valid && sp.lits > 1:
		c = .55
	case valid:
		c = .4
	case shape == 2:
		c = .5
	default:
		c = .15
	}
	if cued {
		c += (1 - c) * .5
	} else if sp.by&byLeet != 0 && sp.words == 0 {
		c *= .5
	}
	return c
}

// yearPair reports two years, with the "to" between them that sounds like a two.
func yearPair(d []byte) bool {
	year := func(y []byte) bool { return y[0] == '1' && y[1] >= '6' || y[0] == '2' && y[1] == '0' }
	return len(d) == 8 && year(d) && year(d[4:]) || len(d) == 9 && d[4] == '2' && year(d) && year(d[5:])
}

// cued reports whether a word near the number announces it.
func (x *extractor) cued(s *scratchEvidence, first, last int) bool {
	for i := max(first-6, 0); i < min(last+5, len(s.red)); i++ {
		if i >= first && i < last {
			continue
		}
		if x.has[s.red[i].list]&hasPhone != 0 {
			return true
		}
		if t, _, ok := x.toolOf(s.red[i], func(k toolKind) bool { return k == toolMessaging }); ok && t.name != "" {
			return true
		}
		if r, _ := utf8.DecodeRune(s.f.text[s.red[i].a:]); r == 0x260e || r == 0x1f4de || r == 0x1f4f1 || r == 0x1f919 || r == 0x1f4f2 {
			return true
		}
	}
	return false
}

const maxFragments = 4

// fragment records digits that may be a part of a number.
func (x *extractor) fragment(s *scratchEvidence, items []numeral, sp *spelling, a, b, first, last int, spoken bool, fragments *int) {
	n := len(sp.digits)
	if n < fewestDigits && len(s.parts) < mostParts && (spoken || n >= 2 && !years(s, items)) {
		s.keepPart(a, b, sp, spoken)
	}
	if n > mostDigits || *fragments >= maxFragments || sp.lits > 0 && !spoken && sp.lits == sp.groups && n > 0 && years(s, items) {
		return
	}
	var c float32
	switch {
	case spoken && sp.steps >= n-1 && n > 2:
		return
	case spoken && sp.words+sp.lits >= 3, sp.double:
		c = .4
	case spoken:
		c = .2
	case sp.plus && n <= 4:
		c = .3
	case sp.digits[0] == '0' && n >= 2, len(s.red) <= 8 && n >= 2, sp.by != 0:
		c = .25
	case s.sc.has&hasCue != 0:
		c = .15
	default:
		return
	}
	if x.cued(s, first, last) {
		c += .15
	}
	*fragments++
	s.add(phoneNumber, a, b, string(sp.digits), c, x.how(items, sp)...).fragment = true
}

// how names the decoders that read the number.
func (x *extractor) how(items []numeral, sp *spelling) []string {
	by := sp.by.names()
	var seen [2]uint64
	for _, n := range items {
		if n.lit || n.lang < 0 || n.kind > termRepeat || seen[n.lang>>6]&(1<<(n.lang&63)) != 0 {
			continue
		}
		seen[n.lang>>6] |= 1 << (n.lang & 63)
		by = append(by, "number_words:"+x.langs[n.lang])
	}
	if sp.words == 0 && sp.lits >= 5 && sp.by == 0 {
		digits, punct := 0, false
		for i, n := range items {
			if n.lit && n.de-n.ds == 1 {
				digits++
			}
			punct = punct || i > 0 && n.gap >= gapTight
		}
		if digits >= 4 {
			if punct {
				by = append(by, "punct")
			} else {
				by = append(by, "spaced")
			}
		}
	}
	return by
}
