package main

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func unmarked(int) bool { return false }

func text(cells []cell) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString(c.text)
	}
	return b.String()
}

func TestCellsAreHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[31mb\r\x00\u0085c": "a\uFFFD[31mb\uFFFD\uFFFD\uFFFDc",
		"two\nlines\tand":         "two⏎lines and",
		"ab\u202ecd\u2066":        "abcd",
		"e\u0301 🙂 微信":            "e\u0301 🙂 微信",
	} {
		if got := text(cellsOf(in, unmarked)); got != want {
			t.Errorf("%q shows as %q, want %q", in, got, want)
		}
	}
}

func TestTextWidth(t *testing.T) {
	for in, want := range map[string]int{"": 0, "abc": 3, "微信": 4, "e\u0301a": 2, "🙂": 2, "ｗ": 2, "на": 2} {
		if got := textWidth(in); got != want {
			t.Errorf("%q is %d columns wide, want %d", in, got, want)
		}
	}
}

func TestExcerptShowsTheEvidence(t *testing.T) {
	long := strings.Repeat("before ", 30) + "EVIDENCE" + strings.Repeat(" behind", 30)
	at := strings.Index(long, "EVIDENCE")
	marked := func(i int) bool { return at <= i && i < at+len("EVIDENCE") }
	got := text(excerpt(cellsOf(long, marked), 40))
	if want := "…re before before EVIDENCE behind behind…"; len(got) > 60 || !strings.Contains(got, "EVIDENCE") || !strings.HasPrefix(got, "…") || !strings.HasSuffix(got, "…") {
		t.Errorf("excerpt %q, want about %q", got, want)
	}
	if got := text(excerpt(cellsOf("short", unmarked), 40)); got != "short" {
		t.Errorf("excerpt of a short text: %q", got)
	}
}

// TestWrapLosesNothing breaks any text and finds all but spaces again, on lines that fit.
func TestWrapLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "text")
		room := rapid.IntRange(2, 30).Draw(t, "room")
		cells := cellsOf(in, unmarked)
		var b strings.Builder
		for _, l := range wrap(cells, room) {
			if widthOf(l) > room {
				t.Fatalf("a line of %d columns in %d: %q", widthOf(l), room, text(l))
			}
			b.WriteString(text(l))
		}
		squeeze := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if got, want := squeeze(b.String()), squeeze(text(cells)); got != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
}

// TestExcerptFits draws any text with any evidence.
func TestExcerptFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "text")
		from := rapid.IntRange(0, len(in)).Draw(t, "from")
		room := rapid.IntRange(6, 40).Draw(t, "room")
		cells := cellsOf(in, func(i int) bool { return i >= from })
		got := excerpt(cells, room)
		if widthOf(got) > room {
			t.Fatalf("%d columns in %d", widthOf(got), room)
		}
		if hasMark(cells) && !hasMark(got) {
			t.Fatalf("the evidence of %q is not in %q", in, text(got))
		}
	})
}

func hasMark(cells []cell) bool {
	for _, c := range cells {
		if c.marked {
			return true
		}
	}
	return false
}
