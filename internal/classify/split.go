package classify

// assembled is evidence that the message completes together with pieces of earlier ones.
type assembled struct {
	normalized string
	spans      []Span // oldest first; the last one is the message's own
}

// piecesOf are the digits of the pieces of evidence in the message, and where they stand.
func (d *view) piecesOf() (digits string, start, end int) {
	for _, e := range d.evidence {
		if !e.fragment || e.kind != phoneNumber || e.placeholder {
			continue
		}
		if digits == "" {
			start = e.start
		}
		digits += onlyDigits(e.normalized)
		end = e.end
	}
	if len(digits) > maxFragment {
		return "", 0, 0
	}
	return digits, start, end
}

func onlyDigits(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i]-'0' < 10 {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// assemble joins the message's piece with those of the last messages, by either party, until they make a
// telephone number. Messages without a piece between them are decoys and do not matter.
func (r *reader) assemble(d *view, signals []Signal) (assembled, bool) {
	digits, start, end := d.piecesOf()
	if digits == "" {
		return assembled{}, false
	}
	spans := []Span{{Start: start, End: end}}
	for i := len(signals) - 1; i >= 0 && i > len(signals)-fragmentWindow; i-- {
		g := &signals[i]
		if g.Facts&FactPhone != 0 {
			break // what stands before a whole number is not a piece of this one
		}
		if g.Fragment == "" {
			continue
		}
		digits = g.Fragment + digits
		if len(digits) > 15 {
			break
		}
		spans = append([]Span{{g.MessageID, g.FragStart, g.FragEnd}}, spans...)
		if len(digits) < 8 {
			continue
		}
		d.scratch.budget = maxLookups
		if n, ok := r.extract.dial(&d.scratch, digits, false); ok {
			return assembled{n, spans}, true
		}
	}
	return assembled{}, false
}
