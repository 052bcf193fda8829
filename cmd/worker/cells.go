package main

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// cell is what a terminal shows as one character: a rune and the marks on it.
type cell struct {
	text   string
	width  int  // columns
	marked bool // part of the evidence
}

// cellsOf makes cells of a text, with the marked bytes marked. What could move the cursor or hide something becomes visible
// or goes: line breaks are ⏎, other controls �, characters that only change the direction of others are left out.
func cellsOf(text string, marked func(i int) bool) []cell {
	var out []cell
	for i, r := range text {
		c := cell{text: string(r), width: columns(r), marked: marked(i)}
		switch {
		case r == '\n':
			c.text, c.width = "⏎", 1
		case r == '\t':
			c.text, c.width = " ", 1
		case unicode.IsControl(r):
			c.text, c.width = "\uFFFD", 1
		case unicode.Is(unicode.Bidi_Control, r):
			continue
		}
		if c.width == 0 && len(out) > 0 {
			out[len(out)-1].text += c.text
			continue
		}
		out = append(out, c)
	}
	return out
}

// columns is how many columns a terminal gives to a rune.
func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case 0x1F300 <= r && r <= 0x1FAFF:
		return 2
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

func widthOf(cells []cell) int {
	n := 0
	for _, c := range cells {
		n += c.width
	}
	return n
}

func textWidth(s string) int { return widthOf(cellsOf(s, func(int) bool { return false })) }

// excerpt is the part of at most room columns around the first evidence, with an ellipsis where something is left out.
func excerpt(cells []cell, room int) []cell {
	if widthOf(cells) <= room {
		return cells
	}
	dots := cell{text: "…", width: 1}
	start, end, used := 0, 0, 2
	for i, c := range cells {
		if c.marked {
			start, end = i, i
			break
		}
	}
	for grown := true; grown; {
		grown = false
		if end < len(cells) && used+cells[end].width <= room {
			used += cells[end].width
			end, grown = end+1, true
		}
		if start > 0 && used+cells[start-1].width <= room {
			start--
			used += cells[start].width
			grown = true
		}
	}
	out := append([]cell(nil), cells[start:end]...)
	if start > 0 {
		out = append([]cell{dots}, out...)
	}
	if end < len(cells) {
		out = append(out, dots)
	}
	return out
}

// wrap breaks cells into lines of at most room columns, between words where it can.
func wrap(cells []cell, room int) [][]cell {
	var lines [][]cell
	for widthOf(cells) > room {
		n, used, space := 0, 0, -1
		for n < len(cells) && used+cells[n].width <= room {
			if cells[n].text == " " {
				space = n
			}
			used += cells[n].width
			n++
		}
		if n < len(cells) && cells[n].text == " " {
			space = n
		}
		if n == 0 {
			n = 1
		}
		if space > 0 {
			n = space
		}
		lines, cells = append(lines, cells[:n]), cells[n:]
		for len(cells) > 0 && cells[0].text == " " {
			cells = cells[1:]
		}
	}
	return append(lines, cells)
}

// style writes text for a terminal, or plain.
type style struct{ sgr bool }

// The looks of text: parameters of Select Graphic Rendition.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	yellow = "33"
	cyan   = "36"
	green  = "32"
	proof  = "1;4;33" // the evidence
)

func (s style) paint(look, text string) string {
	if !s.sgr || look == "" || text == "" {
		return text
	}
	return "\x1b[" + look + "m" + text + "\x1b[0m"
}

// line writes cells: the evidence stands out, the rest has the look. Without colours the evidence stands in ⟦brackets⟧.
func (s style) line(cells []cell, look string) string {
	var b strings.Builder
	for len(cells) > 0 {
		n := 1
		for n < len(cells) && cells[n].marked == cells[0].marked {
			n++
		}
		var run strings.Builder
		for _, c := range cells[:n] {
			run.WriteString(c.text)
		}
		switch {
		case !cells[0].marked:
			b.WriteString(s.paint(look, run.String()))
		case s.sgr:
			b.WriteString(s.paint(proof, run.String()))
		default:
			b.WriteString("⟦" + run.String() + "⟧")
		}
		cells = cells[n:]
	}
	return b.String()
}
