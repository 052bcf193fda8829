package classify

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decode runs the decoders that read a stretch of text as another text: encodings, reversal, arithmetic, first letters, lists.
// What they read counts only if it holds evidence or the name of a tool.
func (x *extractor) decode(s *scratchEvidence) {
	if s.sc.longest >= 10 || s.sc.digits >= 8 || s.sc.signs > 0 {
		x.encodings(s)
	}
	if s.sc.strayMorse >= 8 {
		x.morse(s)
	}
	cues := x.cues(s)
	if s.sc.has&hasCoded != 0 || cues&(1<<cueReverse) != 0 || s.sc.ats > 0 {
		x.backwards(s, cues&(1<<cueReverse) != 0, cues&(sureCue<<cueReverse) != 0)
	}
	if s.sc.has&hasCoded != 0 || cues&(1<<cueEncoding) != 0 {
		x.rotated(s, cues&(1<<cueEncoding) != 0)
	}
	if s.sc.digits >= 3 {
		x.arithmetic(s)
	}
	if s.sc.lines >= 2 || cues&(1<<cueAcrostic) != 0 {
		x.acrostic(s, cues&(1<<cueAcrostic) != 0)
	}
	if s.sc.digits >= 8 && (cues&(1<<cueList) != 0 || s.sc.has&hasPhone != 0) {
		x.embedded(s, cues&(1<<cueList) != 0, cues&(sureCue<<cueList) != 0)
	}
}

// cues is the set of announcements in the message.
func (x *extractor) cues(s *scratchEvidence) (set uint) {
	if s.sc.has&hasCue == 0 {
		return 0
	}
	for _, p := range s.pieces {
		if x.has[p.list]&hasCue == 0 {
			continue
		}
		for _, t := range x.terms[p.list] {
			if t.kind == termCue {
				set |= 1 << t.val
				if !t.weak {
					set |= sureCue << t.val
				}
			}
		}
	}
	return set
}

// sureCue marks the cues that were given beyond doubt, in the set's higher half.
const sureCue = 1 << 8

const (
	shortestCode   = 10 // characters of base64 or hex
	shortestPadded = 7  // of base64 that ends in =
)

const mostTries = 16 // stretches of a message that are tried as encodings

// encodings tries every stretch without spaces as base64, hex, percent and character references, and runs of short groups as bytes.
func (x *extractor) encodings(s *scratchEvidence) {
	src := s.f.src
	tries := 0
	for i := 0; i < len(src) && tries < mostTries; {
		if src[i] <= ' ' {
			i++
			continue
		}
		j := i
		for j < len(src) && src[j] > ' ' {
			j++
		}
		if (j-i >= shortestCode || j-i >= shortestPadded && src[j-1] == '=') && j-i <= 4*maxDecoded && mayEncode(src[i:j]) && x.token(s, src[i:j], i) {
			tries++
		}
		i = j
	}
	x.groups(s)
}

// mayEncode reports whether token may do anything with the stretch: it has a sign of percent encoding or of character references, letters in both
// cases as base64 has, or as many characters of hex as an encoding takes. Ordinary words have none of these (BenchmarkStage/evidence).
func mayEncode(w string) bool {
	upper, lower, hex := false, false, 0
	for i := range len(w) {
		switch c := w[i]; {
		case c-'A' < 26:
			upper = true
		case c-'a' < 26:
			lower = true
		case c == '%' || c == '&':
			return true
		}
		if c := w[i] | 0x20; c-'0' < 10 || c-'a' < 6 { // more than hex has, but no less
			hex++
		}
	}
	return upper && lower || hex >= shortestCode
}

// token tries one stretch and reports whether that took a decoding.
func (x *extractor) token(s *scratchEvidence, w string, at int) bool {
	s.steps += len(w)
	if strings.Contains(w, "%") && strings.Count(w, "%") >= 2 {
		if d := unpercent(w); d != w {
			x.decoded(s, d, at, at+len(w), "percent")
			return true
		}
	}
	if strings.Contains(w, "&#") {
		x.decoded(s, unreference(w), at, at+len(w), "html")
		return true
	}
	start := strings.IndexFunc(w, isCodeRune)
	if start < 0 {
		return false
	}
	end := strings.LastIndexFunc(w, isCodeRune) + 1
	w, at = w[start:end], at+start
	if i := strings.LastIndexAny(w, ":("); i >= 0 { // "base64:cmF2…"
		w, at = w[i+1:], at+i+1
	}
	if len(w) < shortestCode && !strings.HasSuffix(w, "=") {
		return false
	}
	by := "hex"
	ok := s.unhex(w)
	if !ok {
		by, ok = "base64", s.unbase64(w)
	}
	if ok && utf8.Valid(s.plain) { // seldom: most of what could be an encoding is not
		x.decoded(s, string(s.plain), at, at+len(w), by)
	}
	return ok
}

func isCodeRune(r rune) bool {
	return r < utf8.RuneSelf && (alnum(byte(r)) || 'A' <= r && r <= 'Z') || r == '+' || r == '/' || r == '='
}

// decoded reads d, which stands for the original bytes [a, b), if it is text that holds evidence.
func (x *extractor) decoded(s *scratchEvidence, d string, a, b int, by string) {
	fa, fb := s.folded(a, b)
	x.reveal(s, d, fa, fb, by)
}

// reveal reads d, which stands for the folded bytes [a, b), and reports whether it holds evidence: what find knows, and what means nothing in the
// open but that nobody encodes without a reason, a bare number, the name of a tool or a user name.
func (x *extractor) reveal(s *scratchEvidence, d string, a, b int, by string) bool {
	s.steps += len(d)
	if !readable(d) {
		return false
	}
	if x.derive(s, d, a, b, by, func(e evidence) bool {
		return e.confidence >= .45 && !e.fragment && e.kind != otherLink && e.kind != workLink
	}) {
		return true
	}
	d = strings.Trim(d, " \t\r\n.,;:!?'\"()")
	if n := digitsOf(d); len(n) >= fewestDigits && len(n) <= mostDigits && strings.Trim(d, "0123456789+-(). ") == "" {
		s.likely = ""
		e, ok := x.dial(s, n, d[0] == '+')
		c := float32(.7)
		if ok {
			c = .8
		}
		s.add(phoneNumber, a, b, e, c, by)
		return true
	}
	if t, ok := x.toolIn(d, s); ok {
		s.add(handleName, a, b, t.name, .6, by).tool = t.name
		return true
	}
	if n := strings.TrimPrefix(d, "@"); nameLike(n, n != d) {
		s.add(handleName, a, b, strings.ToLower(n), .9, by)
		return true
	}
	return false
}

// nameLike reports text of the form of a user name: one word that has a sign or a digit in it, unless an @ stood before it.
func nameLike(n string, told bool) bool {
	letters, marks := 0, 0
	for _, r := range n {
		switch {
		case r >= utf8.RuneSelf:
			return false
		case r-'0' < 10 && r >= '0', r == '_', r == '.':
			marks++
		case r|0x20 >= 'a' && r|0x20 <= 'z':
			letters++
		default:
			return false
		}
	}
	return letters >= 3 && len(n) <= longestName && (told || letters >= 4 && marks > 0)
}

// folded maps original bytes to folded ones.
func (s *scratchEvidence) folded(a, b int) (int, int) {
	at := s.f.at
	lo, hi := 0, len(s.f.text)
	for lo < hi {
		m := (lo + hi) / 2
		if int(at[m]) < a {
			lo = m + 1
		} else {
			hi = m
		}
	}
	fa := lo
	for lo < len(s.f.text) && int(at[lo]) < b {
		lo++
	}
	return fa, lo
}

// readable reports text, as opposed to bytes: ASCII that can be printed, or valid UTF-8 letters.
func readable(d string) bool {
	if len(d) < 4 || !utf8.ValidString(d) {
		return false
	}
	bad := 0
	for _, r := range d {
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			bad++
		}
	}
	return bad == 0
}

// unbase64 leaves in s.plain what w encodes.
func (s *scratchEvidence) unbase64(w string) bool {
	padded := strings.HasSuffix(w, "=")
	w = strings.TrimRight(w, "=")
	if len(w)%4 == 1 || len(w) < shortestCode && !(padded && len(w) >= shortestPadded-1) || !mixedCase(w) {
		return false
	}
	enc := base64.RawStdEncoding
	if strings.ContainsAny(w, "-_") {
		enc = base64.RawURLEncoding
	}
	return s.undo(w, enc.DecodedLen(len(w)), enc.Decode)
}

// mixedCase reports whether the word has letters of ASCII in both cases.
func mixedCase(w string) bool {
	upper, lower := false, false
	for i := range len(w) {
		upper = upper || w[i]-'A' < 26
		lower = lower || w[i]-'a' < 26
	}
	return upper && lower
}

// unhex leaves in s.plain what w encodes.
func (s *scratchEvidence) unhex(w string) bool {
	w = strings.TrimPrefix(w, "0x")
	return len(w)%2 == 0 && len(w) >= shortestCode && s.undo(w, len(w)/2, hex.Decode)
}

func (s *scratchEvidence) undo(w string, size int, decode func(dst, src []byte) (int, error)) bool {
	s.code = append(s.code[:0], w...)
	s.plain = slices.Grow(s.plain[:0], size)[:size]
	n, err := decode(s.plain, s.code)
	s.plain = s.plain[:n]
	return err == nil
}

// unpercent decodes %XX.
func unpercent(w string) string {
	var b strings.Builder
	for i := 0; i < len(w); i++ {
		if w[i] == '%' && i+2 < len(w) {
			if v, err := strconv.ParseUint(w[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(w[i])
	}
	return b.String()
}

// unreference decodes the character references of HTML: &#64; and &#x40;.
func unreference(w string) string {
	var b strings.Builder
	for i := 0; i < len(w); {
		if strings.HasPrefix(w[i:], "&#") {
			j := i + 2
			base := 10
			if j < len(w) && (w[j] == 'x' || w[j] == 'X') {
				base, j = 16, j+1
			}
			k := j
			for k < len(w) && k-j < 6 && (w[k]-'0' < 10 || base == 16 && strings.IndexByte("abcdefABCDEF", w[k]) >= 0) {
				k++
			}
			if v, err := strconv.ParseUint(w[j:k], base, 21); err == nil {
				b.WriteRune(rune(v))
				if k < len(w) && w[k] == ';' {
					k++
				}
				i = k
				continue
			}
		}
		b.WriteByte(w[i])
		i++
	}
	return b.String()
}

// groups reads runs of groups of equal make as bytes: "73 61 6d", "01110111 01100001", "104 101".
func (x *extractor) groups(s *scratchEvidence) {
	for i := 0; i+3 < len(s.pieces); {
		j := i
		for j < len(s.pieces) && codeGroup(s.f.text[s.pieces[j].a:s.pieces[j].b]) {
			j++
		}
		if j-i >= 4 {
			x.group(s, i, j)
		}
		i = max(j, i+1)
	}
}

func codeGroup(w []byte) bool {
	if len(w) < 2 || len(w) > 8 {
		return false
	}
	for _, c := range w {
		if c-'0' >= 10 && c-'a' >= 6 && c != 'x' {
			return false
		}
	}
	return true
}

func (x *extractor) group(s *scratchEvidence, i, j int) {
	s.steps += j - i
	a, b := int(s.pieces[i].a), int(s.pieces[j-1].b)
	var hx, dec, bin, nib []byte
	hexOK, decOK, binOK, nibOK := true, true, true, true
	for _, p := range s.pieces[i:j] {
		w := string(s.f.text[p.a:p.b])
		v, err := strconv.ParseUint(strings.TrimPrefix(w, "0x"), 16, 8)
		hexOK = hexOK && err == nil && (len(w) == 2 || len(w) == 4 && w[:2] == "0x")
		hx = append(hx, byte(v))
		v, err = strconv.ParseUint(w, 10, 8)
		decOK = decOK && err == nil && v >= 32 && v < 127
		dec = append(dec, byte(v))
		v, err = strconv.ParseUint(w, 2, 8)
		binOK = binOK && err == nil && len(w) >= 7
		bin = append(bin, byte(v))
		nibOK = nibOK && err == nil && len(w) == 4 && v < 10
		nib = append(nib, '0'+byte(v))
	}
	switch {
	case nibOK && len(nib) >= fewestDigits:
		x.reveal(s, string(nib), a, b, "binary")
	case binOK && x.reveal(s, string(bin), a, b, "binary"):
	case hexOK && j-i >= 5 && x.reveal(s, string(hx), a, b, "hex"):
	case decOK && j-i >= 5:
		x.reveal(s, string(dec), a, b, "ascii")
	}
}

var morseLetters = map[string]byte{
	".-": 'a', "-...": 'b', "-.-.": 'c', "-..": 'd', ".": 'e', "..-.": 'f', "--.": 'g', "....": 'h', "..": 'i', ".---": 'j', "-.-": 'k', ".-..": 'l', "--": 'm', "-.": 'n', "---": 'o', ".--.": 'p', "--.-": 'q', ".-.": 'r', "...": 's', "-": 't', "..-": 'u', "...-": 'v', ".--": 'w', "-..-": 'x', "-.--": 'y', "--..": 'z',
	"-----": '0', ".----": '1', "..---": '2', "...--": '3', "....-": '4', ".....": '5', "-....": '6', "--...": '7', "---..": '8', "----.": '9', ".--.-.": '@', ".-.-.-": '.', "..--.-": '_', "-....-": '-', ".-.-.": '+',
}

// morse reads runs of dots and dashes.
func (x *extractor) morse(s *scratchEvidence) {
	t := s.f.text
	for i := 0; i < len(t); {
		if t[i] != '.' && t[i] != '-' || i > 0 && wordByte(t[i-1]) {
			i++
			continue
		}
		j := i
		for j < len(t) && (t[j] == '.' || t[j] == '-' || t[j] == '/' || t[j] == '|' || t[j] == ' ' || t[j] == '_') {
			j++
		}
		end := j
		for end > i && (t[end-1] == ' ' || t[end-1] == '/') {
			end--
		}
		x.morseRun(s, i, end)
		i = max(j, i+1)
	}
}

func (x *extractor) morseRun(s *scratchEvidence, a, b int) {
	s.steps += b - a
	var out []byte
	for g := range strings.FieldsFuncSeq(string(s.f.text[a:b]), func(r rune) bool { return r == ' ' || r == '/' || r == '|' }) {
		c, ok := morseLetters[g]
		if !ok || len(out) > 64 {
			return
		}
		out = append(out, c)
	}
	if len(out) < 4 || x.reveal(s, string(out), a, b, "morse") {
		return
	}
	c := float32(.5)
	if digitCount(out) == len(out) {
		s.add(phoneNumber, a, b, string(out), c, "morse").fragment = len(out) < fewestDigits
		return
	}
	s.add(handleName, a, b, string(out), c, "morse")
}

// rotated reads words of rot13, and every word where the message speaks of a cipher.
func (x *extractor) rotated(s *scratchEvidence, cued bool) {
	coded := false
	for _, p := range s.pieces {
		for _, t := range x.terms[p.list] {
			if t.kind == termRot13 {
				coded = true
				s.add(handleName, int(p.a), int(p.b), x.tools[t.val].name, .55, "rot13").tool = x.tools[t.val].name
			}
		}
	}
	if !cued && !coded {
		return
	}
	t := string(s.f.text)
	x.derive(s, rot13(t), 0, len(s.f.text), "rot13", func(e evidence) bool {
		return e.kind == emailAddress && e.confidence >= .7 && !e.placeholder
	})
	if strings.Contains(t, "rot13") || strings.Contains(t, "rot 13") || strings.Contains(t, "rot-13") {
		x.rotatedNames(s)
	}
}

// rotatedNames reads the names with an underscore or behind an @ in a message that says that they are rotated.
func (x *extractor) rotatedNames(s *scratchEvidence) {
	for k := 0; k < len(s.red); k++ {
		n, ok := x.nameAt(s, k)
		if !ok {
			continue
		}
		if behind := k > 0 && s.sign(s.red[k-1]) == '@'; len(n.text) >= 5 && (behind || strings.Contains(n.text, "_")) && !strings.Contains(n.text, "rot") {
			s.add(handleName, n.a, n.b, rot13(n.text), .9, "rot13").tool = x.toolNear(s, n.k, n.end)
		}
		k = max(k, n.end-1)
	}
}

func rot13(t string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return 'a' + (r-'a'+13)%26
		}
		return r
	}, t)
}
