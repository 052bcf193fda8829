package classify

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// sum is a result of arithmetic in the message.
type sum struct {
	a, b int
	v    int64
	ops  int
}

const mostSums = 16

// arithmetic evaluates what is written as sums, "40+2", "3 x 259", "500 minus 84", and reads the results in a row.
func (x *extractor) arithmetic(s *scratchEvidence) {
	t := s.f.text
	var sums [mostSums]sum
	n, ops := 0, 0
	for i := 0; i < len(t) && n < mostSums; {
		if t[i]-'0' >= 10 {
			i++
			continue
		}
		r := expression(t, i)
		s.steps += r.b - i
		if i > 0 && (t[i-1] == '$' || wordByte(t[i-1]) || t[i-1] == '#') {
			i = r.b
			continue
		}
		sums[n] = r
		n++
		i = r.b
		ops += r.ops
	}
	if ops == 0 {
		return
	}
	x.readSums(s, sums[:n])
}

// expression evaluates from the digits at i as far as operators and numbers go; products bind before sums.
func expression(t []byte, i int) sum {
	v, j := integer(t, i)
	total, term, ops, end := int64(0), v, 0, j
	sign := int64(1)
	for ops < 12 {
		op, k := operator(t, end)
		if op == 0 || k >= len(t) || t[k]-'0' >= 10 {
			break
		}
		w, l := integer(t, k)
		if op == '*' && t[end] == 'x' && v >= 32 && w >= 32 { // 512x512
			return sum{i, l, 0, 0}
		}
		switch op {
		case '*':
			if w != 0 && term > 1<<40/w {
				return sum{i, l, 0, 0}
			}
			term *= w
		case '/':
			if w == 0 || term%w != 0 {
				return sum{i, l, 0, 0}
			}
			term /= w
		case '^':
			p := int64(1)
			for range min(w, 12) {
				if term != 0 && p > 1<<40/term {
					return sum{i, l, 0, 0}
				}
				p *= term
			}
			term = p
		case '+':
			total, term, sign = total+sign*term, w, 1
		case '-':
			total, term, sign = total+sign*term, w, -1
		}
		ops++
		end = l
	}
	return sum{i, end, total + sign*term, ops}
}

// integer reads the digits at i, with marks between thousands.
func integer(t []byte, i int) (v int64, j int) {
	for j = i; j < len(t) && j-i < 16; j++ {
		if t[j]-'0' < 10 {
			v = v*10 + int64(t[j]-'0')
			continue
		}
		if (t[j] == ',' || t[j] == '.') && j-i <= 3+4*2 && j+3 < len(t) && t[j+1]-'0' < 10 && t[j+2]-'0' < 10 && t[j+3]-'0' < 10 && (j+4 == len(t) || t[j+4]-'0' >= 10) {
			continue
		}
		break
	}
	if j == len(t) || t[j] != ' ' {
		return v, j
	}
	for _, m := range [...]struct {
		word string
		by   int64
	}{{" million", 1e6}, {" thousand", 1e3}, {" billion", 1e9}} {
		if bytes.HasPrefix(t[j:], []byte(m.word)) && v < 1e6 {
			v *= m.by
			j += len(m.word)
		}
	}
	return v, j
}

// operator reads an operator at i, spaces around it included, and returns where the next number should begin.
func operator(t []byte, i int) (byte, int) {
	j := i
	for j < len(t) && (t[j] == ' ' || t[j] == ')') && j-i < 3 {
		j++
	}
	if j >= len(t) {
		return 0, j
	}
	op := byte(0)
	spaced := j > i
	switch {
	case t[j] == '+' || t[j] == '^':
		op = t[j]
		j++
	case t[j] == '*' || t[j] == 'x' && j+1 < len(t) && (t[j+1] == ' ' || t[j+1]-'0' < 10):
		op = '*'
		j++
	case t[j] == 0xc3 && j+1 < len(t) && t[j+1] == 0x97, t[j] == 0xc2 && j+1 < len(t) && t[j+1] == 0xb7:
		op = '*'
		j += 2
	case t[j] == '-' && (spaced && j+1 < len(t) && t[j+1] == ' ' || !spaced), t[j] == '/' && spaced && j+1 < len(t) && t[j+1] == ' ':
		op = t[j]
		j++
	case t[j] == 'p' || t[j] == 'm' || t[j] == 't' || t[j] >= utf8.RuneSelf: // a word may begin
		for _, w := range [...]struct {
			word string
			op   byte
		}{{"plus ", '+'}, {"minus ", '-'}, {"times ", '*'}, {"menos ", '-'}, {"más ", '+'}, {"mas ", '+'}, {"por ", '*'}, {"mal ", '*'}, {"на ", '*'}, {"плюс ", '+'}, {"минус ", '-'}, {"乘以", '*'}, {"乘", '*'}, {"加", '+'}, {"减", '-'}} {
			if bytes.HasPrefix(t[j:], []byte(w.word)) {
				op = w.op
				j += len(w.word)
				break
			}
		}
	}
	if op == 0 {
		return 0, i
	}
	for j < len(t) && (t[j] == ' ' || t[j] == '(') {
		j++
	}
	return op, j
}

// readSums reads the results in a row, with the plain numbers between them; a single result must be a whole number to dial.
func (x *extractor) readSums(s *scratchEvidence, sums []sum) {
	computed, minusOnly := 0, 0
	for _, r := range sums {
		if r.ops > 0 && r.v > 0 {
			computed++
			if onlyMinus(s.f.text[r.a:r.b]) {
				minusOnly++
			}
		}
		if r.ops > 0 && r.v >= 1e8 && r.v < 1e13 && !onlyMinusTight(s.f.text[r.a:r.b]) {
			d := string(appendNumber(nil, r.v, 0))
			if s.f.text[r.a] == '0' {
				d = "0" + d
			}
			e, ok := x.dial(s, d, false)
			c := float32(.55)
			if ok {
				c = .8
			}
			s.add(phoneNumber, r.a, r.b, e, c, "math")
		}
	}
	if computed == 0 || computed == minusOnly && computed < 3 {
		return
	}
	var d []byte
	first, last := -1, 0
	for _, r := range sums {
		if r.ops == 0 && first < 0 && r.b-r.a < 2 {
			continue
		}
		if r.v < 0 || r.ops > 0 && equation(s.f.text, r.b) {
			return
		}
		if first < 0 {
			first = r.a
		}
		if r.ops == 0 {
			d = append(d, digitsOf(string(s.f.text[r.a:r.b]))...)
		} else {
			d = appendNumber(d, r.v, 0)
		}
		last = r.b
	}
	if len(d) < 7 || len(d) > 14 || first < 0 {
		return
	}
	s.likely = ""
	e, ok := x.dial(s, string(d), false)
	c := float32(.25)
	if s.sc.has&hasPhone != 0 {
		c += .2
	}
	if ok {
		c += .1
	}
	if computed >= 3 {
		c += .1
	}
	if computed >= 4 && s.sc.has&hasPhone != 0 {
		c += .1
	}
	s.add(phoneNumber, first, last, e, c, "math")
}

// equation reports whether the result stands behind the expression: a lesson, or a price.
func equation(t []byte, i int) bool {
	for i < len(t) && t[i] == ' ' {
		i++
	}
	return i+1 < len(t) && t[i] == '=' && (t[i+1]-'0' < 10 || t[i+1] == ' ' && i+2 < len(t) && (t[i+2]-'0' < 10 || t[i+2] == '$'))
}

func onlyMinus(t []byte) bool {
	return !strings.ContainsAny(string(t), "+*x^/") && !strings.Contains(string(t), "×") && strings.Contains(string(t), "-")
}

func onlyMinusTight(t []byte) bool { return onlyMinus(t) && !strings.Contains(string(t), " - ") }
