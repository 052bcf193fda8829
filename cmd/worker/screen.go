package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// screen is where worker demo writes: a terminal with a progress bar in its last line, or plain lines.
type screen struct {
	w     io.Writer
	tty   bool
	style style
	size  func() int // columns
	bar   string
}

// plainWidth is the width of lines that do not go to a terminal.
const plainWidth = 100

func newScreen(w io.Writer, env func(string) (string, bool)) *screen {
	s := &screen{w: w}
	s.style, s.size, s.tty = dress(w, env)
	if s.tty {
		io.WriteString(w, "\x1b[?25l") // no cursor
	}
	return s
}

// dress is how to write to w: colours and columns, and whether it is a terminal.
func dress(w io.Writer, env func(string) (string, bool)) (_ style, columns func() int, tty bool) {
	f, ok := w.(*os.File)
	kind, _ := env("TERM")
	if !ok || !term.IsTerminal(int(f.Fd())) || kind == "dumb" {
		return style{}, func() int { return plainWidth }, false
	}
	noColor, _ := env("NO_COLOR")
	return style{sgr: noColor == ""}, func() int {
		n, _, err := term.GetSize(int(f.Fd()))
		if err != nil || n < 1 {
			return 80
		}
		return n
	}, true
}

// width is how wide text may be: the whole of a narrow terminal, a readable part of a wide one.
func (s *screen) width() int { return min(s.size(), 120) }

// print writes whole lines above the bar.
func (s *screen) print(lines string) {
	if !s.tty {
		io.WriteString(s.w, lines)
		return
	}
	io.WriteString(s.w, "\r\x1b[K"+lines+s.bar)
}

// progress draws the bar anew. What it says is cut where the terminal is too narrow.
func (s *screen) progress(done, of int, says ...string) {
	if !s.tty {
		return
	}
	width := s.width() - 1
	text := fmt.Sprintf(" %3d %%", 100*done/max(of, 1))
	for _, t := range says {
		if textWidth(text)+textWidth(t)+3 > width-10 {
			break
		}
		text += "  " + t
	}
	room := max(0, min(40, width-textWidth(text)))
	full := room * done / max(of, 1)
	s.bar = s.style.paint(green, strings.Repeat("━", full)) + s.style.paint(dim, strings.Repeat("─", room-full)) + text
	io.WriteString(s.w, "\r"+s.bar+"\x1b[K")
}

// close takes the bar away.
func (s *screen) close() {
	if s.tty {
		io.WriteString(s.w, "\r\x1b[K\x1b[?25h")
	}
}
