package source

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// skip checks a value that nobody reads and gives the place behind it. depth is that of the object or array around it.
func skip(b []byte, i, depth int) (int, Code) {
	switch c := at(b, i); {
	case c == '"':
		end, _ := stringEnd(b, i+1)
		if end < 0 {
			return i, CodeJSON
		}
		return end + 1, ""
	case c == '-' || c-'0' < 10:
		end, _ := number(b, i)
		if end < 0 {
			return i, CodeJSON
		}
		return end, ""
	case c == '{' || c == '[':
		if depth >= MaxDepth {
			return i, CodeDepth
		}
		return skipNested(b, i+1, depth+1, c == '{')
	case c == 'n':
		return literal(b, i, "null")
	case c == 't':
		return literal(b, i, "true")
	case c == 'f':
		return literal(b, i, "false")
	}
	return i, CodeJSON
}

// skipNested checks from behind the opening bracket to behind the closing one.
func skipNested(b []byte, i, depth int, object bool) (int, Code) {
	closing := byte(']')
	if object {
		closing = '}'
	}
	i = space(b, i)
	if at(b, i) == closing {
		return i + 1, ""
	}
	for {
		if object {
			if at(b, i) != '"' {
				return i, CodeJSON
			}
			end, _ := stringEnd(b, i+1)
			if end < 0 {
				return i, CodeJSON
			}
			i = space(b, end+1)
			if at(b, i) != ':' {
				return i, CodeJSON
			}
			i = space(b, i+1)
		}
		var code Code
		if i, code = skip(b, i, depth); code != "" {
			return i, code
		}
		i = space(b, i)
		switch at(b, i) {
		case ',':
			i = space(b, i+1)
		case closing:
			return i + 1, ""
		default:
			return i, CodeJSON
		}
	}
}

func literal(b []byte, i int, word string) (int, Code) {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return i, CodeJSON
	}
	return i + len(word), ""
}

// at is the byte at i, or 0, which no JSON contains, beyond the end.
func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// number is the place behind a number, or -1, and whether it is an integer as written.
func number(b []byte, i int) (end int, integer bool) {
	if at(b, i) == '-' {
		i++
	}
	switch c := at(b, i); {
	case c == '0':
		i++
	case c-'0' < 10:
		i = digits(b, i)
	default:
		return -1, false
	}
	integer = true
	if at(b, i) == '.' {
		integer = false
		if at(b, i+1)-'0' >= 10 {
			return -1, false
		}
		i = digits(b, i+1)
	}
	if at(b, i)|0x20 == 'e' {
		integer = false
		i++
		if c := at(b, i); c == '+' || c == '-' {
			i++
		}
		if at(b, i)-'0' >= 10 {
			return -1, false
		}
		i = digits(b, i)
	}
	return i, integer
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' < 10 {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stringEnd finds the closing quote of a string whose first byte is b[i], and tells whether an escape occurs. -1: the string
// does not end, or holds a control character or a bad escape. Eight bytes are looked at a time: x-n*ones borrows into the
// high bit of each byte below n, and the lowest such bit is always a true one.
func stringEnd(b []byte, i int) (end int, escaped bool) {
	for {
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			quote, slash := x^('"'*ones), x^('\\'*ones)
			hit := ((x - 0x20*ones) &^ x) | ((quote - ones) &^ quote) | ((slash - ones) &^ slash)
			if hit &= highs; hit != 0 {
				i += bits.TrailingZeros64(hit) / 8
				break
			}
			i += 8
		}
		for i < len(b) && b[i] >= 0x20 && b[i] != '"' && b[i] != '\\' {
			i++
		}
		switch at(b, i) {
		case '"':
			return i, escaped
		case '\\':
			escaped = true
			if i = escapeEnd(b, i+1); i < 0 {
				return -1, true
			}
		default:
			return -1, escaped
		}
	}
}

// escapeEnd is the place behind an escape whose first byte after the backslash is b[i], or -1.
func escapeEnd(b []byte, i int) int {
	switch at(b, i) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if len(b)-i < 5 {
			return -1
		}
		for _, c := range b[i+1 : i+5] {
			if hexDigit(c) > 15 {
				return -1
			}
		}
		return i + 5
	}
	return -1
}

// hexDigit is the digit's value, or 255.
func hexDigit(c byte) byte {
	switch {
	case c-'0' < 10:
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// stringOf and bytesOf share memory: the result lives and changes with the argument.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
