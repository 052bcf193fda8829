package classify

// counts reports whether the digits of piece k count, price, date or time something.
func (x *extractor) counts(s *scratchEvidence, k int) bool {
	p := s.red[k]
	if k > 0 && x.priced(s, k-1, p) || s.chained(k) {
		return true
	}
	if k+1 >= len(s.red) {
		return false
	}
	n := s.red[k+1]
	h := x.has[n.list]
	w := p.b - p.a
	switch c := s.sign(n); {
	case c == '%' || c == '"' && w <= 2 && !n.spaces:
		return true
	case c == ':' && k+2 < len(s.red) && !n.spaces && !s.red[k+2].spaces && w <= 2 && s.red[k+2].shape == shapeDigits && s.red[k+2].b-s.red[k+2].a == 2:
		return true // 14:30
	case n.b-n.a == 1 && s.f.text[n.a] == 'x' && x.numeralAt(s, k+2):
		return true // 60 x 58
	case h&(hasCurrency|hasUnit) != 0 && h&(anyNumber|hasTimes) == 0:
		return w <= 4 && !x.numeralAt(s, k+2) || h&hasCurrency != 0 && h&hasUnit == 0 && w <= 6
	}
	if c := s.sign(n); (c == '.' || c == ',') && !n.spaces && k+2 < len(s.red) && !s.red[k+2].spaces && s.red[k+2].shape == shapeDigits {
		return x.decimal(s, k)
	}
	return false
}

// priced reports whether piece k, before the digits p, makes them a price or the end of a time or decimal.
func (x *extractor) priced(s *scratchEvidence, k int, p piece) bool {
	q := s.red[k]
	h := x.has[q.list]
	switch c := s.sign(q); {
	case c == '$' || c == '#':
		return true
	case h&hasCurrency != 0 && h&(anyNumber|hasPhone) == 0:
		return true
	case c == ':' && !p.spaces && !q.spaces && k > 0 && s.red[k-1].shape == shapeDigits && s.red[k-1].b-s.red[k-1].a <= 2 && p.b-p.a == 2:
		return true
	case (c == '.' || c == ',') && !p.spaces && !q.spaces && k > 0 && s.red[k-1].shape == shapeDigits:
		return x.decimal(s, k-1)
	}
	return false
}

// numeralAt reports whether a number goes on at piece k.
func (x *extractor) numeralAt(s *scratchEvidence, k int) bool {
	return k < len(s.red) && (s.red[k].shape == shapeDigits || x.has[s.red[k].list]&hasNumber != 0)
}

// decimal reports whether the digits k and the two after the mark behind them are a decimal or a grouped amount: "12.50", "1,200", and
// neither goes on with a further mark.
func (x *extractor) decimal(s *scratchEvidence, k int) bool {
	a, b := s.red[k], s.red[k+2]
	mark := s.sign(s.red[k+1])
	more := func(i, j int) bool {
		return i >= 0 && j >= 0 && i < len(s.red) && j < len(s.red) && s.sign(s.red[i]) == mark && s.red[j].shape == shapeDigits
	}
	if more(k+3, k+4) && !s.red[k+4].spaces || more(k-1, k-2) && !a.spaces {
		return mark == ',' && b.b-b.a == 3 && s.f.text[a.a] != '0'
	}
	if wa, wb := a.b-a.a, b.b-b.a; wa <= 4 && wb <= 2 || mark == ',' && wa <= 3 && wb == 3 {
		return true
	}
	return false
}

// chained reports whether the digits of piece k are a part of a date, an IPv4 address or a version: digits without a space, with one
// kind of mark between them.
func (s *scratchEvidence) chained(k int) bool {
	mark := byte(0)
	link := func(i int) bool { // pieces i, i+1, i+2 are digits, mark, digits
		if i < 0 || i+2 >= len(s.red) || s.red[i].shape != shapeDigits || s.red[i+2].shape != shapeDigits || s.red[i+1].spaces || s.red[i+2].spaces {
			return false
		}
		c := s.sign(s.red[i+1])
		if mark == 0 && (c == '.' || c == '/' || c == '-') {
			mark = c
		}
		return c != 0 && c == mark
	}
	if !link(k) && !link(k-2) {
		return false
	}
	first, last := k, k
	for link(first-2) && k-first < 16 {
		first -= 2
	}
	for link(last) && last-k < 16 {
		last += 2
	}
	parts := (last-first)/2 + 1
	t := s.f.text[s.red[first].a:s.red[last].b]
	digits, single := 0, true
	for i := first; i <= last; i += 2 {
		n := int(s.red[i].b - s.red[i].a)
		digits += n
		single = single && n == 1
	}
	switch {
	case parts < 3:
		return false
	case parts == 3 && isDate(t), parts == 4 && isAddress4(t):
		return true
	}
	return mark == '.' && parts <= 4 && digits < fewestDigits && !single
}

// isDate reports 2024-03-01, 1.3.2024, 01/03/24 and a time behind them.
func isDate(t []byte) bool {
	var n [8]int
	var w [8]int
	var sep [8]byte
	c := 0
	for i := 0; i < len(t); {
		if t[i]-'0' >= 10 {
			i++
			continue
		}
		if c == len(n) {
			return false
		}
		j := i
		for j < len(t) && t[j]-'0' < 10 {
			n[c] = n[c]*10 + int(t[j]-'0')
			j++
		}
		w[c] = j - i
		if w[c] > 4 {
			return false
		}
		if j < len(t) {
			sep[c] = t[j]
		}
		c++
		i = j
	}
	if c < 3 {
		return false
	}
	same := sep[0] == sep[1] && (sep[0] == '-' || sep[0] == '/' || sep[0] == '.')
	year := func(y, w int) bool { return w == 4 && y >= 1800 && y < 2200 || w == 2 }
	switch {
	case !same:
		return false
	case w[0] == 4 && year(n[0], 4) && n[1] <= 12 && n[2] <= 31 && w[1] <= 2 && w[2] <= 2:
		return true
	case w[2] == 4 && year(n[2], 4) && n[0] <= 31 && n[1] <= 31 && w[0] <= 2 && w[1] <= 2:
		return c == 3 || c <= 6
	case c == 3 && w[2] == 2 && w[0] <= 2 && w[1] <= 2 && n[0] <= 31 && n[1] <= 31:
		return true
	}
	return false
}

// isAddress4 reports an IPv4 address or a version of four parts.
func isAddress4(t []byte) bool {
	dots, n, w := 0, 0, 0
	for _, c := range t {
		switch {
		case c-'0' < 10:
			n, w = n*10+int(c-'0'), w+1
			if n > 255 || w > 3 {
				return false
			}
		case c == '.' && w > 0:
			dots, n, w = dots+1, 0, 0
		default:
			return false
		}
	}
	return dots == 3 && w > 0 || dots == 2 && len(t) <= 8
}

// luhn16 reports the number of a payment card.
func luhn16(d []byte, lens []int) bool {
	if len(d) < 13 || len(d) > 19 || len(lens) > 1 && lens[0] != 4 {
		return false
	}
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0 && len(d) >= 15
}

// decimalPair reports coordinates: two numbers with many decimals.
func decimalPair(t []byte, lens []int) bool {
	if len(lens) != 2 && len(lens) != 4 {
		return false
	}
	dots := 0
	for i, c := range t {
		if c == '.' && i > 0 && i+1 < len(t) && t[i-1]-'0' < 10 && t[i+1]-'0' < 10 {
			dots++
		}
	}
	if len(lens) == 4 {
		return dots == 2 && lens[0] <= 3 && lens[1] >= 3 && lens[3] >= 3
	}
	return dots == 1 && lens[0] <= 3 && lens[1] >= 4 && t[0] != '0'
}

// years reports runs that are all years.
func years(s *scratchEvidence, items []numeral) bool {
	for _, n := range items {
		if !n.lit || n.de-n.ds != 4 {
			return false
		}
		d := s.digits[n.ds:n.de]
		if !(d[0] == '1' && d[1] >= '7' || d[0] == '2' && d[1] == '0') {
			return false
		}
	}
	return true
}
