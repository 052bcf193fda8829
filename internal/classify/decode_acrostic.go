package classify

import (
	"strings"
	"unicode/utf8"
)

const mostInitials = 64

// acrostic reads the first letters of the lines, and where the message says so of its sentences and words: the name of a tool, or digits.
func (x *extractor) acrostic(s *scratchEvidence, cued bool) {
	t := string(s.f.text)
	var lines, ends, digits strings.Builder
	n := 0
	for line := range strings.Lines(t) {
		line = strings.TrimSpace(line)
		if line == "" || n == mostInitials {
			continue
		}
		n++
		x.initial(line, &lines, &digits)
		if r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(line, ".,!?;: ")); isLetter(r) {
			ends.WriteRune(r)
		}
	}
	all := len(s.f.text)
	if n >= 4 {
		x.acrosticWord(s, lines.String(), all)
		if cued {
			x.acrosticWord(s, ends.String(), all)
		}
		if d := digits.String(); len(d) >= fewestDigits && len(d) <= mostDigits && !counting(d) && len(d) >= n-2 {
			c := float32(.45)
			e, ok := x.dial(s, d, false)
			if ok || cued {
				c = .65
			}
			s.add(phoneNumber, 0, all, e, c, "acrostic")
		}
	}
	if !cued {
		return
	}
	var sentences, words strings.Builder
	start := true
	for i, p := range s.pieces {
		if p.shape == shapeSign || p.shape == shapeBreak {
			c := s.sign(p)
			start = start || c == '.' || c == '!' || c == '?' || c == ':' || p.shape == shapeBreak
			continue
		}
		r, _ := utf8.DecodeRune(s.f.text[p.a:])
		if start && sentences.Len() < mostInitials {
			sentences.WriteRune(r)
		}
		if words.Len() < mostInitials*4 && (i == 0 || p.spaces || start) {
			words.WriteRune(r)
		}
		start = false
	}
	x.acrosticWord(s, sentences.String(), all)
	x.acrosticWord(s, words.String(), all)
}

// initial appends the first letter of the line, a bullet aside, and the digit that the line begins with.
func (x *extractor) initial(line string, letters, digits *strings.Builder) {
	end, list := x.longest([]byte(line), 0)
	if end > 0 {
		for _, t := range x.terms[list] {
			if t.kind == termDigit && !t.weak {
				digits.WriteByte('0' + byte(t.val))
				break
			}
		}
	} else if line[0]-'0' < 10 {
		j := 1
		for j < len(line) && line[j]-'0' < 10 {
			j++
		}
		if j < len(line) && line[j] != '.' && line[j] != ')' {
			digits.WriteString(line[:j])
		}
	}
	for _, r := range line {
		if isLetter(r) {
			letters.WriteRune(r)
			return
		}
		if r > utf8.RuneSelf || r == '-' || r == '*' || r == ' ' || r == '(' || r == '"' {
			continue
		}
		return
	}
}

// acrosticWord records a tool that the letters spell somewhere.
func (x *extractor) acrosticWord(s *scratchEvidence, w string, all int) {
	b := []byte(w)
	for i := range b {
		node := x.root[b[i]]
		for j := i + 1; node >= 0; j++ {
			if l := x.nodes[node].list; l != 0 && x.has[l]&hasTool != 0 && j-i >= 4 {
				if t, strong, ok := x.toolOf(piece{list: l}, func(k toolKind) bool { return k != toolOwn }); ok && strong {
					s.add(handleName, 0, all, t.name, .45, "acrostic").tool = t.name
					return
				}
			}
			if j == len(b) {
				break
			}
			node = x.step(node, b[j])
		}
	}
}

// counting reports digits that number a list: 1234567.
func counting(d string) bool {
	up := 0
	for i := 1; i < len(d); i++ {
		if d[i] == d[i-1]+1 {
			up++
		}
	}
	return up >= len(d)-2
}

// embedded reads the digits of a list of prices, times or counts in a row, where the message tells the reader to put them together.
func (x *extractor) embedded(s *scratchEvidence, listed bool) {
	var d []byte
	first, last, groups := -1, 0, 0
	for k, p := range s.red {
		if p.shape != shapeDigits {
			if n, ok := x.digit(p); ok && s.f.text[p.a] > '9' {
				d = append(d, '0'+byte(n))
				if first < 0 {
					first = k
				}
				last = k
				groups++
			}
			continue
		}
		if first < 0 {
			first = k
		}
		d, last = append(d, s.text(p)...), k
		groups++
		if len(d) > mostDigits {
			return
		}
	}
	if first < 0 || len(d) < 8 || groups < 3 || !listed && groups < 4 {
		return
	}
	a, b := int(s.red[first].a), int(s.red[last].b)
	if !listed && s.found(phoneNumber, a, b) || years4(s, first, last) {
		return
	}
	s.likely = ""
	e, ok := x.dial(s, string(d), false)
	if !listed && !ok {
		return
	}
	c := float32(.25)
	cued := s.sc.has&hasPhone != 0
	switch {
	case !listed:
		c = .2
	case ok && cued:
		c = .52
	case cued:
		c = .42
	case ok:
		c = .4
	}
	s.add(phoneNumber, a, b, e, c, "embedded")
}

func years4(s *scratchEvidence, first, last int) bool {
	for _, p := range s.red[first : last+1] {
		if p.shape == shapeDigits && p.b-p.a != 4 {
			return false
		}
	}
	return true
}
