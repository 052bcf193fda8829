package classify

import "unicode/utf8"

// lookKind says why a character counts as a look-alike.
type lookKind uint8

const (
	notLook    lookKind = iota
	lookLetter          // Unicode's confusables data
	lookEye             // by eye: only beside Latin letters
	lookAlways          // small capitals, turned letters: replaced wherever they stand
)

// unmask replaces look-alikes by what they look like in the words that they disguise: words that mix them with Latin letters, and words
// made of nothing else in a message that is not written in their script. The rest keeps its letters.
//
// The folded text is rewritten in place: a replacement is never longer.
func (f *folded) unmask() {
	native := f.writesNatively()
	if native && !mayBeLatin(f.text) {
		return // the usual message in that script
	}
	w, wat := f.text[:0], f.at[:0]
	looks := f.cand
	for i := 0; i < len(f.text); {
		j := spanEnd(f.text, i)
		k := countBefore(looks, j)
		switch {
		case k > 0 && (!native || mayBeLatin(f.text[i:j])) && disguises(f.text[i:j], looks[:k], native):
			f.note(int(f.at[looks[0].at]), sawHomoglyph)
			w, wat = f.replace(i, j, looks[:k], w, wat)
		case len(w) == i: // nothing has been replaced so far
			w, wat = f.text[:j], f.at[:j]
		default:
			w, wat = append(w, f.text[i:j]...), append(wat, f.at[i:j]...)
		}
		looks, i = looks[k:], j
	}
	f.text, f.at = w, wat
}

// mayBeLatin reports whether t has Latin letters or ASCII digits, or others that begin with the bytes that those begin with. A word without
// hides nothing in a message that is written in the script of its letters.
func mayBeLatin(t []byte) bool {
	for _, c := range t {
		if alnum(c) || 0xc0 <= c && c < 0xca || c == 0xe1 {
			return true
		}
	}
	return false
}

// spanEnd is the end of the word at i, or of the character where no word begins.
func spanEnd(t []byte, i int) int {
	if j := wordEnd(t, i); j > i {
		return j
	}
	_, n := utf8.DecodeRune(t[i:])
	return i + n
}

func countBefore(looks []look, j int) int {
	k := 0
	for k < len(looks) && int(looks[k].at) < j {
		k++
	}
	return k
}

func (f *folded) replace(i, j int, looks []look, w []byte, wat []int32) ([]byte, []int32) {
	for _, l := range looks {
		w, wat = append(w, f.text[i:l.at]...), append(wat, f.at[i:l.at]...)
		w, wat = append(w, l.to), append(wat, f.at[l.at])
		i = int(l.at) + int(l.n)
	}
	return append(w, f.text[i:j]...), append(wat, f.at[i:j]...)
}

// writesNatively reports whether some word of the message needs the letters of another script: it has letters that are no
// look-alikes, and no Latin ones.
func (f *folded) writesNatively() bool {
	looks := f.cand
	for i := 0; i < len(f.text); {
		j := spanEnd(f.text, i)
		k := countBefore(looks, j)
		if latin, other, alike, _ := letterCount(f.text[i:j], looks[:k]); latin == 0 && other > 0 && other+alike >= 3 {
			return true
		}
		looks, i = looks[k:], j
	}
	return false
}

// letterCount counts the Latin letters of a word, the letters of other scripts that look like nothing Latin (those that do so by eye
// only count among them), the published look-alikes, and the digits.
func letterCount(word []byte, looks []look) (latin, other, alike, digits int) {
	for i := 0; i < len(word); {
		c := word[i]
		if c < utf8.RuneSelf {
			if c-'a' < 26 {
				latin++
			} else if c-'0' < 10 {
				digits++
			}
			i++
			continue
		}
		r, n := decodeRune(word, i)
		if isLatinLetter(r) {
			latin++
		} else {
			other++
		}
		i += n
	}
	for _, l := range looks {
		if l.by == lookLetter {
			alike++
		}
	}
	return latin, max(other-alike, 0), alike, digits
}

// disguises reports whether the look-alikes of a word hide a Latin one.
func disguises(word []byte, looks []look, native bool) bool {
	latin, other, alike, digits := letterCount(word, looks)
	eye := len(looks) - alike
	switch {
	case latin == 0 && digits == 0:
		return !native && other == 0 && alike > 1 || !native && eye > 0 && other <= eye && !scriptOnly(word)
	case latin == 0:
		return !native && other == 0
	}
	if other > eye { // letters that look like nothing Latin: a foreign ending on a Latin word
		return false
	}
	return !endingOnly(word, looks)
}

// scriptOnly reports whether the word could be a word of Greek, Cyrillic, Armenian or Georgian.
func scriptOnly(word []byte) bool {
	for i := 0; i < len(word); {
		r, n := utf8.DecodeRune(word[i:])
		if r >= utf8.RuneSelf && !(0x370 <= r && r < 0x590 || 0x10a0 <= r && r < 0x1100 || 0x13a0 <= r && r < 0x1400 || 0x1f00 <= r && r < 0x2000) {
			return false
		}
		i += n
	}
	return true
}

// endingOnly reports whether the look-alikes are only the ending that Russian gives a Latin word: "zoomе", "skypeом".
func endingOnly(word []byte, looks []look) bool {
	tail := len(word)
	for tail > 0 {
		r, n := utf8.DecodeLastRune(word[:tail])
		if r < 0x400 || r >= 0x530 {
			break
		}
		tail -= n
	}
	n := 0
	for _, l := range looks {
		n += int(l.n)
	}
	return len(looks) <= 2 && n == len(word)-tail && latinPrefix(word) == tail && tail >= 4
}

func latinPrefix(word []byte) int {
	n := 0
	for n < len(word) && word[n]-'a' < 26 {
		n++
	}
	return n
}

// wordEnd is the end of the run of letters, marks and digits that begins at i; i itself where none begins there.
func wordEnd(t []byte, i int) int {
	for i < len(t) {
		if c := t[i]; c < utf8.RuneSelf {
			if !alnum(c) {
				return i
			}
			i++
			continue
		}
		r, n := decodeRune(t, i)
		if !(0x400 <= r && r < 0x482 || 0x388 <= r && r < 0x3f6) && !isLetter(r) && !isDigit(r) { // Russian and Greek without a search
			return i
		}
		i += n
	}
	return i
}

func isLatinLetter(r rune) bool {
	return r < 0x250 || 0x1e00 <= r && r < 0x1f00
}
