package classify

import "strings"

const mostDomain = 32 // pieces of a spoken domain

// domain reads the domain that begins at piece k: labels parted by dots, spoken or not, or the name of a provider.
func (x *extractor) domain(s *scratchEvidence, k int, bracketed bool) reading {
	var r reading
	provider := "" // the domain of the provider that is named
	label := false // the last thing read was a label
	words := 0
	start := len(s.buf)
	buf := s.buf
	for last := k + mostDomain; k < len(s.red) && k < last; k++ {
		p := s.red[k]
		h := x.has[p.list]
		w := s.text(p)
		switch c := s.sign(p); {
		case c == '.' && label && k+1 < len(s.red) && (!s.red[k+1].spaces || p.spaces && x.tlds[string(s.text(s.red[k+1]))]):
			buf, label, r.dots = append(buf, '.'), false, r.dots+1
			continue
		case openers(c) && (bracketed || x.nearDot(s, k)), c == ',' && (!label || x.nearDot(s, k)), c == ':' && !label && words == 0:
			continue
		case c == '-' && label && k+1 < len(s.red) && !s.red[k+1].spaces:
			buf, label = append(buf, '-'), false
			continue
		}
		if p.shape == shapeSign && h == 0 || p.shape == shapeBreak {
			break
		}
		if t, strong, ok := x.toolOf(p, isMail); ok && !label && r.dots == 0 && !r.prov {
			provider = t.name
			if i := lastDot(w); i > 0 && x.tlds[string(w[i+1:])] {
				provider = string(w) // as it stands: gmx.net is not gmx.de
			}
			first, _, _ := strings.Cut(provider, ".")
			buf = append(buf, first...)
			r.prov, r.weak, r.by, r.edge, label = true, !strong, r.by|p.by, int(p.b), true
			words++
			continue
		}
		if label && h&hasDot != 0 && (k+1 < len(s.red)) {
			if x.dotFollowedByLabel(s, k) {
				buf, label, r.dots, r.word = append(buf, '.'), false, r.dots+1, true
				continue
			}
			break
		}
		if label && h&hasDash != 0 && r.dots == 0 && !r.prov {
			buf, label = append(buf, '-'), false
			continue
		}
		if label || p.shape == shapeBreak || !asciiLabel(w) {
			if label && x.tlds[string(w)] && r.prov && len(w) <= 3 && r.edge > 0 { // "gmail com"
				r.edge = int(p.b)
			}
			break
		}
		buf = append(buf, w...)
		r.by |= p.by
		r.edge, label = int(p.b), true
		words++
		if r.dots > 0 && len(w) <= 3 && x.tlds[string(w)] && !x.moreDots(s, k) && !x.spacedDot(s, k+1) {
			break
		}
	}
	s.buf = buf[:start]
	s.steps += words + len(buf) - start
	d := buf[start:]
	for len(d) > 0 && !alnum(d[len(d)-1]) {
		d = d[:len(d)-1]
	}
	switch i := lastDot(d); {
	case i > 0 && x.tlds[string(d[i+1:])]:
		r.text = append([]byte(nil), d...)
	case r.prov:
		r.text = []byte(provider)
	default:
		return reading{}
	}
	return r
}

func lastDot(d []byte) int {
	for i := len(d) - 1; i >= 0; i-- {
		if d[i] == '.' {
			return i
		}
	}
	return -1
}

// nearDot reports whether the piece beside k is a dot: "(dot)", ", dot com".
func (x *extractor) nearDot(s *scratchEvidence, k int) bool {
	return k+1 < len(s.red) && (x.has[s.red[k+1].list]&hasDot != 0 || s.sign(s.red[k+1]) == '.') || k > 0 && (x.has[s.red[k-1].list]&hasDot != 0 || s.sign(s.red[k-1]) == '.')
}

func (x *extractor) moreDots(s *scratchEvidence, k int) bool {
	return k+1 < len(s.red) && (x.has[s.red[k+1].list]&hasDot != 0 || s.sign(s.red[k+1]) == '.' && k+2 < len(s.red) && !s.red[k+2].spaces || openers(s.sign(s.red[k+1])))
}

// spacedDot reports a dot with a space before and behind it and a top-level domain after that: ". br".
func (x *extractor) spacedDot(s *scratchEvidence, k int) bool {
	return k+1 < len(s.red) && s.sign(s.red[k]) == '.' && s.red[k].spaces && s.red[k+1].spaces && x.tlds[string(s.text(s.red[k+1]))]
}

// dotFollowedByLabel reports whether a label follows the spoken dot k, brackets and commas aside.
func (x *extractor) dotFollowedByLabel(s *scratchEvidence, k int) bool {
	for last := k + 5; k < last && k+1 < len(s.red); {
		k++
		c := s.sign(s.red[k])
		if openers(c) || c == ',' {
			continue
		}
		return s.red[k].shape != shapeSign && s.red[k].shape != shapeBreak && asciiLabel(s.text(s.red[k]))
	}
	return false
}

func asciiLabel(w []byte) bool {
	for _, c := range w {
		if !alnum(c) && c != '-' {
			return false
		}
	}
	return len(w) > 0
}

// local reads the local part that ends before piece k.
func (x *extractor) local(s *scratchEvidence, k int) reading {
	var r reading
	r.edge = int(s.red[k].a)
	end := k
	tied := false // the next piece to the left belongs to the same word
	i := k - 1
	for ; i >= 0 && k-i < 24; i-- {
		p := s.red[i]
		h := x.has[p.list]
		c := s.sign(p)
		if i == k-1 && (openers(c) || c == ',' || c == '+' || c == '(') {
			end = i
			continue
		}
		if i == end-1 && i < k-1 && c == ',' && end == k-1 {
			continue
		}
		if c == '.' || c == '_' || c == '-' || c == '+' || h&(hasUnderscore|hasDot|hasDash) != 0 && i > 0 && i+1 < end {
			if i+1 == end && c == 0 {
				break
			}
			if c != 0 && i+1 < len(s.red) && s.red[i+1].spaces && !p.spaces && c != '_' {
				break // the end of a sentence
			}
			tied = true
			r.link++
			continue
		}
		if openers(c) && x.symbolInside(s, i) {
			continue
		}
		if p.shape == shapeSign || p.shape == shapeBreak {
			break
		}
		if !tied && r.text != nil {
			next := s.red[i+1]
			if next.spaces && !digitsAfter(s, i+1) {
				break
			}
		}
		if r.text != nil && !tied && x.stopLocal(s.text(p)) {
			break
		}
		r.text = append([]byte{}, s.text(p)...)
		r.by |= p.by
		r.edge = int(p.a)
		tied = false
	}
	s.steps += k - i
	if r.text == nil {
		return r
	}
	r.text = x.spell(s, r.edge, end)
	s.steps += len(r.text)
	return r
}

// symbolInside reports whether the bracket stands around a spoken sign: "(underscore)".
func (x *extractor) symbolInside(s *scratchEvidence, i int) bool {
	const symbols = hasDot | hasUnderscore | hasDash
	return i > 0 && x.has[s.red[i-1].list]&symbols != 0 || i+1 < len(s.red) && x.has[s.red[i+1].list]&symbols != 0
}

// digitsAfter reports whether the word i is digits or a number that people set apart from the name before: "ravi 94".
func digitsAfter(s *scratchEvidence, i int) bool { return s.red[i].shape == shapeDigits }

// spell writes the pieces from the folded byte edge up to piece end as one word.
func (x *extractor) spell(s *scratchEvidence, edge, end int) []byte {
	var out []byte
	i := end - 1
	for i > 0 && int(s.red[i-1].a) >= edge {
		i--
	}
	for ; i < end; i++ {
		p := s.red[i]
		h := x.has[p.list]
		switch c := s.sign(p); {
		case c == '.' || c == '_' || c == '-' || c == '+':
			out = append(out, c)
		case c != 0:
		case h&hasUnderscore != 0:
			out = append(out, '_')
		case h&hasDot != 0 && len(out) > 0 && i+1 < end:
			out = append(out, '.')
		case h&hasDash != 0 && len(out) > 0 && i+1 < end:
			out = append(out, '-')
		case h&hasNumber != 0 && p.shape == shapeWord:
			if d, ok := x.digit(p); ok {
				out = append(out, '0'+byte(d))
			} else {
				out = append(out, s.text(p)...)
			}
		default:
			out = append(out, s.text(p)...)
		}
	}
	return out
}

// digit is the single digit that the piece names.
func (x *extractor) digit(p piece) (int, bool) {
	for _, t := range x.terms[p.list] {
		if t.kind == termDigit && !t.weak {
			return int(t.val), true
		}
	}
	return 0, false
}
