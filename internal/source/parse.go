package source

import (
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// parse walks one JSON object, checks all of it and notes the fields of the tree. Only a fault of syntax or depth ends it;
// others go to d.fault, or d.envelopeFault.
func (d *Decoder) parse(b []byte, root *node) Code {
	i := space(b, 0)
	if at(b, i) != '{' {
		return CodeJSON
	}
	i, code := d.object(b, i+1, root, 1)
	if code == "" && space(b, i) != len(b) {
		return CodeJSON
	}
	return code
}

// object reads from behind the opening brace to behind the closing one.
func (d *Decoder) object(b []byte, i int, n *node, depth int) (int, Code) {
	i = space(b, i)
	if at(b, i) == '}' {
		return i + 1, ""
	}
	var seen uint64
	for {
		if at(b, i) != '"' {
			return i, CodeJSON
		}
		end, escaped := stringEnd(b, i+1)
		if end < 0 {
			return i, CodeJSON
		}
		c := n.find(d.key(b[i+1:end], escaped))
		i = space(b, end+1)
		if at(b, i) != ':' {
			return i, CodeJSON
		}
		i = space(b, i+1)
		var code Code
		if c == nil {
			i, code = skip(b, i, depth)
		} else {
			if seen&c.bit != 0 {
				d.blame(CodeDuplicate, c.node)
			}
			seen |= c.bit
			i, code = d.value(b, i, c.node, depth)
		}
		if code != "" {
			return i, code
		}
		i = space(b, i)
		switch at(b, i) {
		case ',':
			i = space(b, i+1)
		case '}':
			return i + 1, ""
		default:
			return i, CodeJSON
		}
	}
}

// array reads from behind the opening bracket to behind the closing one; a pointer's token names an element by its number.
func (d *Decoder) array(b []byte, i int, n *node, depth int) (int, Code) {
	i = space(b, i)
	if at(b, i) == ']' {
		return i + 1, ""
	}
	for element := int64(0); ; element++ {
		var digits [20]byte
		c := n.find(stringOf(strconv.AppendInt(digits[:0], element, 10)))
		var code Code
		if c == nil {
			i, code = skip(b, i, depth)
		} else {
			i, code = d.value(b, i, c.node, depth)
		}
		if code != "" {
			return i, code
		}
		i = space(b, i)
		switch at(b, i) {
		case ',':
			i = space(b, i+1)
		case ']':
			return i + 1, ""
		default:
			return i, CodeJSON
		}
	}
}

// value reads what stands at a place that matters. depth is that of the object or array around it.
func (d *Decoder) value(b []byte, i int, n *node, depth int) (int, Code) {
	if n.fields == 1<<fieldData {
		return d.data(b, i, depth)
	}
	switch c := at(b, i); {
	case c == '"':
		end, escaped := stringEnd(b, i+1)
		if end < 0 {
			return i, CodeJSON
		}
		d.note(n, n.fields, b[i+1:end], escaped)
		return end + 1, ""
	case c == '{' && n.inner():
		if depth >= MaxDepth {
			return i, CodeDepth
		}
		return d.object(b, i+1, n, depth+1)
	case c == '[' && n.inner():
		if depth >= MaxDepth {
			return i, CodeDepth
		}
		return d.array(b, i+1, n, depth+1)
	case c == '-' || c-'0' < 10:
		end, integer := number(b, i)
		if end < 0 {
			return i, CodeJSON
		}
		if !integer {
			d.blame(CodeFieldType, n)
			return end, ""
		}
		d.note(n, n.fields&integers, b[i:end], false)
		return end, ""
	case c == 'n':
		return skip(b, i, depth)
	default:
		end, code := skip(b, i, depth)
		if code == "" {
			d.blame(CodeFieldType, n)
		}
		return end, code
	}
}

// data keeps the event of an envelope for a second look: whether it is one shows at the end.
func (d *Decoder) data(b []byte, i, depth int) (int, Code) {
	end, code := skip(b, i, depth)
	if code == "" && b[i] != 'n' {
		d.set |= 1 << fieldData
		d.got[fieldData] = stringOf(b[i:end])
	}
	return end, code
}

// note sets the fields that the value may be of, and blames it for the others of the place.
func (d *Decoder) note(n *node, fields uint32, raw []byte, escaped bool) {
	if fields != n.fields || fields == 0 {
		d.blame(CodeFieldType, n)
	}
	if fields == 0 {
		return
	}
	s := stringOf(raw)
	if escaped {
		s = d.unescape(raw)
	}
	d.set |= fields
	for ; fields != 0; fields &= fields - 1 {
		d.got[bits.TrailingZeros32(fields)] = s
	}
}

// blame keeps the first fault of the event, and the first of the envelope, if there turns out to be one.
func (d *Decoder) blame(code Code, n *node) {
	if n.fields&envelopeOnly != 0 && d.envelopeFault == "" {
		d.envelopeFault = code
	}
	if n.fields&^envelopeOnly != 0 || n.inner() {
		if d.fault == "" {
			d.fault = code
		}
	}
}

// key is an object's key for comparison only.
func (d *Decoder) key(raw []byte, escaped bool) string {
	if !escaped {
		return stringOf(raw)
	}
	n := len(d.arena)
	s := d.unescape(raw)
	d.arena = d.arena[:n]
	return s
}

// unescape writes a checked string's characters into the arena. Strings written earlier stay where they are.
func (d *Decoder) unescape(raw []byte) string {
	a := d.arena
	start := len(a)
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			a = append(a, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case 'b':
			a = append(a, '\b')
		case 'f':
			a = append(a, '\f')
		case 'n':
			a = append(a, '\n')
		case 'r':
			a = append(a, '\r')
		case 't':
			a = append(a, '\t')
		case 'u':
			r := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+6 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
					low = hex4(raw[i+3:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			a = utf8.AppendRune(a, r)
		default:
			a = append(a, c)
		}
	}
	d.arena = a
	return stringOf(a[start:])
}

func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		r = r<<4 | rune(hexDigit(c))
	}
	return r
}
