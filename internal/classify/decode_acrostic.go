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
		x.acrosticWord(s, lines.String(), all, cued)
		if cued {
			x.acrosticWord(s, ends.String(), all, cued)
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
	x.acrosticWord(s, sentences.String(), all, cued)
	x.acrosticWord(s, words.String(), all, cued)
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
func (x *extractor) acrosticWord(s *scratchEvidence, w string, all int, cued bool) {
	c := float32(.45)
	if cued {
		c = .55
	}
	b := []byte(w)
	for i := range b {
		node := x.root[b[i]]
		for j := i + 1; node >= 0; j++ {
			s.steps++
			if l := x.nodes[node].list; l != 0 && x.has[l]&anyTool != 0 && j-i >= 4 {
				if t, strong, ok := x.toolOf(piece{list: l}, func(k toolKind) bool { return k != toolOwn }); ok && (strong || j-i >= 6) {
					s.add(handleName, 0, all, t.name, c, "acrostic").tool = t.name
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
