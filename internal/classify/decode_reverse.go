package classify

import (
	"bytes"
	"strings"
)

// backwards reads words from their end: those that hold an @ or the reversed name of a tool; where the message says so, digits too.
func (x *extractor) backwards(s *scratchEvidence, cued, sure bool) {
	t := s.f.text
	tries := 0
	for i := 0; i < len(t) && tries < mostTries; {
		if t[i] <= ' ' {
			i++
			continue
		}
		j := i
		for j < len(t) && t[j] > ' ' {
			j++
		}
		s.steps += j - i
		if !cued && bytes.IndexByte(t[i:j], '@') < 0 && !bytes.Contains(t[i:j], []byte("moc.")) {
			i = j
			continue
		}
		w := trimSigns(t[i:j])
		if len(w) >= 6 && len(w) <= 80 && (bytes.IndexByte(w, '@') > 0 || cued && bytes.IndexByte(w, '.') > 0 || bytes.HasPrefix(w, []byte("moc."))) {
			a := i + bytes.Index(t[i:j], w)
			tries++
			x.derive(s, reversed(w), a, a+len(w), "reversed", func(e evidence) bool {
				return (e.kind == emailAddress && e.confidence >= .75 || e.kind == contactLink) && !e.placeholder
			})
		}
		i = j
	}
	for k, p := range s.pieces {
		if x.has[p.list]&hasCoded == 0 {
			continue
		}
		for _, m := range x.terms[p.list] {
			if m.kind == termReversed {
				x.reversedTool(s, k, x.tools[m.val])
			}
		}
	}
	if cued {
		x.reversedDigits(s, sure)
	}
	if sure {
		x.reversedNames(s)
	}
}

// reversedTool records the tool whose reversed name is piece k.
func (x *extractor) reversedTool(s *scratchEvidence, k int, t tool) {
	p := s.pieces[k]
	if t.kind == toolMail || t.kind == toolMessaging || t.kind == toolSocial {
		s.add(handleName, int(p.a), int(p.b), t.name, .55, "reversed").tool = t.name
	}
}

// reversedDigits reads runs of digits from their end.
func (x *extractor) reversedDigits(s *scratchEvidence, sure bool) {
	t := s.f.text
	tries := 0
	for i := 0; i < len(t) && tries < mostTries; {
		if t[i]-'0' >= 10 && t[i] != '+' {
			i++
			continue
		}
		j, last, n := i, i, 0
		for j < len(t) && j-last < 4 && (t[j]-'0' < 10 || bytes.IndexByte([]byte(" +-./()"), t[j]) >= 0) {
			if t[j]-'0' < 10 || t[j] == '+' {
				last, n = j+1, n+1
			}
			j++
		}
		if n >= 5 && n <= 20 {
			tries++
			x.derive(s, reversed(t[i:last]), i, last, "reversed", func(e evidence) bool { return e.kind == phoneNumber })
			if sure && n >= 8 {
				x.reversedNumber(s, reversed(t[i:last]), i, last)
			}
		}
		i = max(j, i+1)
	}
}

// reversedNumber records what a number says from its end where the message tells to read it so: that goes before what it says from its beginning.
func (x *extractor) reversedNumber(s *scratchEvidence, t string, a, b int) {
	s.likely = ""
	e, ok := x.dial(s, digitsOf(t), strings.HasPrefix(t, "+"))
	if ok {
		s.add(phoneNumber, a, b, e, .99, "reversed")
	} else if !s.found(phoneNumber, a, b) {
		s.add(phoneNumber, a, b, e, .55, "reversed")
	}
}

// digitsOf are the ASCII digits of t.
func digitsOf(t string) string {
	var b []byte
	for i := range len(t) {
		if t[i]-'0' < 10 {
			b = append(b, t[i])
		}
	}
	return string(b)
}

// found reports whether whole evidence of the kind stands in the folded bytes [a, b).
func (s *scratchEvidence) found(k kind, a, b int) bool {
	sp := s.f.span(a, b)
	for _, e := range s.out {
		if e.kind == k && !e.fragment && e.start < sp.End && sp.Start < e.end && e.confidence >= .45 {
			return true
		}
	}
	return false
}

// reversedNames reads names with digits or signs from their end: those with an underscore or an @, and beside a tool all.
func (x *extractor) reversedNames(s *scratchEvidence) {
	tool := s.sc.has&(anyTool|hasCoded) != 0
	for k := 0; k < len(s.red); k++ {
		n, ok := x.nameAt(s, k)
		if !ok {
			continue
		}
		trailing := n.end < len(s.red) && s.sign(s.red[n.end]) == '@' && !s.red[n.end].spaces
		switch marked := trailing || n.sign && (tool || strings.Contains(n.text, "_")); {
		case marked && len(n.text) >= 5:
			s.add(handleName, n.a, n.b, reversed([]byte(n.text)), .9, "reversed").tool = x.toolNear(s, n.k, n.end)
		case tool && x.quoted(s, n):
			s.add(handleName, n.a, n.b, reversed([]byte(n.text)), .55, "reversed").tool = x.toolNear(s, n.k, n.end)
		}
		k = max(k, n.end-1)
	}
}

func (x *extractor) quoted(s *scratchEvidence, n userName) bool {
	return n.k > 0 && n.end < len(s.red) && s.sign(s.red[n.k-1]) == '"' && s.sign(s.red[n.end]) == '"' && len(n.text) > 4
}
