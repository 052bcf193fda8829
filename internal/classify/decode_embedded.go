package classify

// embedded reads the digits of a list of prices, times or counts in a row, where the message tells the reader to put them together.
func (x *extractor) embedded(s *scratchEvidence, listed, sure bool) {
	groups, ok := x.groupsOfDigits(s)
	if !ok || len(groups) < 3 || !listed && len(groups) < 4 {
		return
	}
	a, b := int(s.red[groups[0].k].a), int(s.red[groups[len(groups)-1].k].b)
	if !listed && s.found(phoneNumber, a, b) || years4(s, groups[0].k, groups[len(groups)-1].k) {
		return
	}
	s.likely = ""
	e, valid := "", false
	for _, part := range [...][]digitGroup{groups, groups[1:], groups[:len(groups)-1]} { // a number beside the list is none of it
		d := digitsIn(part)
		if len(d) < 8 || len(d) > mostDigits {
			continue
		}
		n, ok := x.dial(s, string(d), false)
		if ok || e == "" {
			e, valid = n, ok
			a, b = int(s.red[part[0].k].a), int(s.red[part[len(part)-1].k].b)
		}
		if ok || !listed {
			break
		}
	}
	if e == "" || !listed && !valid {
		return
	}
	s.add(phoneNumber, a, b, e, embeddedConfidence(listed, sure, valid, s.sc.has&hasPhone != 0), "embedded")
}

func embeddedConfidence(listed, sure, valid, cued bool) float32 {
	switch {
	case !listed:
		return .2
	case valid && (cued || sure):
		return .52
	case cued:
		return .42
	case valid:
		return .4
	}
	return .25
}

// digitGroup is a run of digits, or a number word, at a piece.
type digitGroup struct {
	k      int
	digits []byte
}

func digitsIn(groups []digitGroup) []byte {
	var d []byte
	for _, g := range groups {
		d = append(d, g.digits...)
	}
	return d
}

// groupsOfDigits are the runs of digits of the message; false where they are too many for a number.
func (x *extractor) groupsOfDigits(s *scratchEvidence) ([]digitGroup, bool) {
	var out []digitGroup
	n := 0
	for k, p := range s.red {
		if p.shape == shapeDigits {
			out = append(out, digitGroup{k, s.text(p)})
		} else if d, ok := x.digit(p); ok && s.f.text[p.a] > '9' {
			out = append(out, digitGroup{k, []byte{'0' + byte(d)}})
		} else {
			continue
		}
		if n += len(out[len(out)-1].digits); n > mostDigits+maxLone {
			return nil, false
		}
	}
	return out, true
}

// maxLone is how many digits a number beside the list may have.
const maxLone = 4

func years4(s *scratchEvidence, first, last int) bool {
	for _, p := range s.red[first : last+1] {
		if p.shape == shapeDigits && p.b-p.a != 4 {
			return false
		}
	}
	return true
}
