package classify

import (
	"encoding/binary"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldFacts says what folding had to undo. Each fact is a bit.
type foldFacts uint16

// The facts that folding and the decoders record.
const (
	sawInvisible    foldFacts = 1 << iota // characters nobody sees stood inside or beside Latin letters or digits
	sawHomoglyph                          // look-alikes of another script
	sawStyled                             // fullwidth, circled, squared and mathematical letters or digits
	sawNativeDigits                       // native digits in a text that is not in their script
	sawEmojiDigits                        // keycaps
	sawStacked                            // combining marks piled up
	sawLeet                               // digits and signs that stand for letters; set by the extractor
)

// foldMark says where in the original text a fact was met.
type foldMark struct {
	at   int32
	fact foldFacts
}

// folded is a message in the form that everything else reads: NFKC, lower case, look-alikes replaced where they
// disguise, invisible characters gone, native digits and dashes and quotes in ASCII. Every byte of it maps back to the original.
type folded struct {
	src   string
	text  []byte
	at    []int32 // at[i] is the offset in src of the character that text[i] came from; at[len(text)] is len(src)
	facts foldFacts
	pure  bool       // the text is ASCII as it stood
	marks []foldMark // in the order of the text

	seg  []byte // scratch: one normalised character
	cand []look // scratch: characters that may be look-alikes
}

// look is a folded character that looks like an ASCII one.
type look struct {
	at int32 // in text
	n  uint8 // bytes in text
	to byte
	by lookKind
}

// fold replaces f by the folded form of s, reusing its memory. Any bytes are folded; invalid ones become U+FFFD.
func (f *folded) fold(s string) {
	f.src, f.text, f.at, f.marks, f.cand, f.facts = s, f.text[:0], f.at[:0], f.marks[:0], f.cand[:0], 0
	n := f.ascii(s)
	f.pure = n == len(s)
	if !f.pure {
		f.rest(n)
	}
	f.at = append(f.at, int32(len(s)))
}

// ascii folds the leading ASCII of s and returns its length.
func (f *folded) ascii(s string) int {
	if cap(f.text) < len(s) {
		f.text = make([]byte, 0, len(s)+len(s)/4)
	}
	if cap(f.at) < len(s)+1 {
		f.at = make([]int32, 0, len(s)+len(s)/4+1)
	}
	t := f.text[:len(s)]
	n := lowerLeading(t, s)
	f.text, f.at = t[:n], f.at[:n]
	for i := range f.at {
		f.at[i] = int32(i)
	}
	return n
}

// lowerLeading writes the leading ASCII of s to t in lower case and returns its length; t is as long as s. It takes eight bytes at a time, each of which is
// below 0x80: adding to them carries nothing over (BenchmarkStage/fold).
func lowerLeading(t []byte, s string) (n int) {
	const each = 0x0101010101010101
	for ; n+8 <= len(s); n += 8 {
		b := s[n : n+8]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		if w&(0x80*each) != 0 {
			break
		}
		upper := (w + (0x80-'A')*each) &^ (w + (0x7f-'Z')*each) & (0x80 * each)
		binary.LittleEndian.PutUint64(t[n:], w|upper>>2)
	}
	for ; n < len(s) && s[n] < utf8.RuneSelf; n++ {
		c := s[n]
		if c-'A' < 26 {
			c += 'a' - 'A'
		}
		t[n] = c
	}
	return n
}

// rest folds src from i on, where the first character that is not ASCII stands.
func (f *folded) rest(i int) {
	tab := foldTables()
	if i > 0 { // the last ASCII character may carry a mark
		i--
		f.text, f.at = f.text[:i], f.at[:i]
	}
	native, script := int32(-1), false
	var next foldEntry // of the character at i, where it has been looked at
	size := 0          // its bytes, then
	for s := f.src; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && (i+1 == len(s) || s[i+1] < utf8.RuneSelf) {
			if c-'A' < 26 {
				c += 'a' - 'A'
			}
			f.text, f.at = append(f.text, c), append(f.at, int32(i))
			i++
			continue
		}
		e, n := next, size
		if size == 0 {
			e, n = tab.at(s, i)
		}
		size = 0
		switch e.class {
		case foldDrop:
			r, _ := utf8.DecodeRuneInString(s[i:])
			f.dropped(i, r)
			i += n
			continue
		case foldNative:
			if native < 0 {
				native = int32(i)
			}
			f.put(i, byte(e.to))
			i += n
			continue
		case foldPlain:
			if i+n < len(s) && s[i+n] >= utf8.RuneSelf {
				if next, size = tab.at(s, i+n); next.is(joins) {
					size = 0
					break
				}
			}
			script = script || e.is(ownDigits)
			f.plain(i, e)
			i += n
			continue
		}
		i = f.segment(tab, i)
	}
	if native >= 0 && !script {
		f.note(int(native), sawNativeDigits)
	}
	if len(f.cand) > 0 {
		f.unmask()
	}
	if !slices.IsSortedFunc(f.marks, inText) { // what was noted last does not stand last
		slices.SortStableFunc(f.marks, inText)
	}
}

func inText(a, b foldMark) int { return int(a.at - b.at) }

// markFollows reports whether the character at i joins the one before it.
func (f *folded) markFollows(tab *foldTable, i int) bool {
	if i >= len(f.src) || f.src[i] < utf8.RuneSelf {
		return false
	}
	r, _ := utf8.DecodeRuneInString(f.src[i:])
	return tab.entry(r).is(joins)
}

func (f *folded) put(i int, b ...byte) {
	f.text = append(f.text, b...)
	for range b {
		f.at = append(f.at, int32(i))
	}
}

// plain appends a character that folds to one character.
func (f *folded) plain(i int, e foldEntry) {
	start := len(f.text)
	if at := int32(i); e.to >= utf8.RuneSelf && e.to < 0x800 {
		f.text, f.at = append(f.text, 0xc0|byte(e.to>>6), 0x80|byte(e.to)&0x3f), append(f.at, at, at)
	} else {
		f.text = utf8.AppendRune(f.text, e.to)
		for len(f.at) < len(f.text) {
			f.at = append(f.at, at)
		}
	}
	if e.is(styled) {
		f.note(i, sawStyled)
	}
	switch e.look {
	case lookAlways:
		f.note(i, sawHomoglyph)
	case lookLetter, lookEye:
		f.cand = append(f.cand, look{int32(start), uint8(len(f.text) - start), e.lookTo, e.look})
	}
}

const maxMarks = 3 // combining marks on one letter that a language may need; Vietnamese has two

// segment normalises one character with the marks that join it and returns the offset after it.
func (f *folded) segment(tab *foldTable, i int) int {
	s := f.src
	r, n := utf8.DecodeRuneInString(s[i:])
	end, marks, keep := i+n, 0, i+n
	for end < len(s) && s[end] >= utf8.RuneSelf {
		m, k := utf8.DecodeRuneInString(s[end:])
		if e := tab.entry(m); !e.is(joins) {
			if e.class != foldDrop || !f.markFollows(tab, end+k) {
				break
			}
		} else if marks++; marks <= maxMarks {
			keep = end + k
		}
		end += k
	}
	start := len(f.text)
	f.seg = norm.NFKC.AppendString(f.seg[:0], s[i:keep])
	f.seg = tab.lower(f.seg)
	latin := len(f.seg) > 0 && f.seg[0] < utf8.RuneSelf
	if t, ok := tab.symbols[r]; ok {
		f.seg, latin = append(f.seg[:0], t...), true
	}
	stacked := marks > maxMarks
	for j := 0; j < len(f.seg); {
		m, k := utf8.DecodeRune(f.seg[j:])
		if j > 0 && tab.entry(m).is(joins) && (latin || stacked) || tab.entry(m).class == foldDrop { // what composed with nothing is decoration
			stacked = stacked || marks > 1 || latin && f.seg[0] >= '0' && f.seg[0] <= '9'
			j += k
			continue
		}
		f.put(i, f.seg[j:j+k]...)
		j += k
	}
	if len(f.text) > start {
		f.segmentFacts(tab.entry(r), i, start, marks, stacked)
	}
	return end
}

func (f *folded) segmentFacts(e foldEntry, i, start, marks int, stacked bool) {
	switch {
	case stacked:
		f.note(i, sawStacked)
	case e.is(styled):
		f.note(i, sawStyled)
	}
	if (e.look == lookLetter || e.look == lookEye) && marks > 0 && f.text[start] >= utf8.RuneSelf {
		f.cand = append(f.cand, look{int32(start), uint8(len(f.text) - start), e.lookTo, e.look})
	}
}

const keycap = 0x20e3

// dropped records an invisible character where it parts letters or digits that need none.
func (f *folded) dropped(i int, r rune) {
	k := len(f.text)
	if k == 0 {
		return
	}
	switch c := f.text[k-1]; {
	case r == keycap:
		if c-'0' < 10 {
			f.note(int(f.at[k-1]), sawEmojiDigits)
		}
	case r == 0xfe0f || r == 0xfe0e: // the emoji or the text style of a character
	case alnum(c) || c == '@' || c == '.' || c == '+':
		f.note(i, sawInvisible)
	}
}

func (f *folded) note(at int, fact foldFacts) {
	f.facts |= fact
	f.marks = append(f.marks, foldMark{int32(at), fact})
}

// factsIn are the facts met in the folded bytes [i, j).
func (f *folded) factsIn(i, j int) foldFacts {
	var facts foldFacts
	from, to := f.at[i], f.at[j]
	k := sort.Search(len(f.marks), func(k int) bool { return f.marks[k].at >= from })
	for ; k < len(f.marks) && f.marks[k].at < to; k++ {
		facts |= f.marks[k].fact
	}
	return facts
}

// whole is the text without the white space around it.
func (f *folded) whole() Span {
	start := len(f.src) - len(strings.TrimLeft(f.src, " \t\r\n"))
	return Span{Start: start, End: max(start, len(strings.TrimRight(f.src, " \t\r\n")))}
}

func alnum(c byte) bool { return c-'a' < 26 || c-'0' < 10 }

// span maps the folded bytes [i, j) to the whole original characters that they came from.
func (f *folded) span(i, j int) Span {
	start, end := f.at[i], f.at[j]
	for k := j; k > i && k < len(f.at) && f.at[k] == f.at[j-1]; k++ { // j lies inside a character that became several
		end = f.at[min(k+1, len(f.at)-1)]
	}
	return Span{Start: int(start), End: int(end)}
}
