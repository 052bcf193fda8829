package classify

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestExcerpt(t *testing.T) {
	ascii := strings.Repeat("abcdefgh", 200)
	for _, tc := range []struct{ name, text, head, tail string }{
		{"nothing", "", "", ""},
		{"just short enough", ascii[:wholeText], ascii[:wholeText], ""},
		{"a byte too long", ascii[:wholeText+1], ascii[:512], ascii[513:1025]},
		{"long", ascii, ascii[:512], ascii[len(ascii)-512:]},
		{"the first cut falls within a character", strings.Repeat("x", 511) + "é" + ascii, strings.Repeat("x", 511), ascii[len(ascii)-512:]},
		{"so does the last", ascii + "é" + strings.Repeat("x", 511), ascii[:512], strings.Repeat("x", 511)},
		{"four bytes a character", "a" + strings.Repeat("😀", 300) + "b", "a" + strings.Repeat("😀", 127), strings.Repeat("😀", 127) + "b"},
		{"no characters at all", strings.Repeat("\x80", 2000), strings.Repeat("\x80", 512), strings.Repeat("\x80", 512)},
	} {
		if head, tail := Excerpt(tc.text); head != tc.head || tail != tc.tail {
			t.Errorf("%s: %d bytes and %d, want %d and %d", tc.name, len(head), len(tail), len(tc.head), len(tc.tail))
		}
	}
}

func FuzzExcerpt(f *testing.F) {
	for _, s := range []string{"", "a", "é", "😀", "\xff", "\x80", "ab\xe2\x82"} {
		f.Add(s, uint16(600), uint8(1))
		f.Add(s, uint16(1024), uint8(0))
	}
	f.Fuzz(func(t *testing.T, s string, n uint16, shift uint8) {
		text := strings.Repeat("x", int(shift)) + strings.Repeat(s, min(int(n), 4096/max(len(s), 1)))
		head, tail := Excerpt(text)
		if !strings.HasPrefix(text, head) || !strings.HasSuffix(text, tail) {
			t.Fatal("no ends of the text")
		}
		if len(text) <= wholeText {
			if head != text || tail != "" {
				t.Fatalf("%d bytes became %d and %d", len(text), len(head), len(tail))
			}
			return
		}
		for _, end := range []string{head, tail} {
			if len(end) > excerptEnd || len(end) <= excerptEnd-utf8.UTFMax {
				t.Fatalf("an end of %d bytes", len(end))
			}
			if utf8.ValidString(text) && !utf8.ValidString(end) {
				t.Fatal("a character is cut in two")
			}
		}
		m := Message{Text: text}
		once := m.Earlier().Text
		if len(once) > MaxEarlier {
			t.Fatalf("%d bytes are read, more than %d", len(once), MaxEarlier)
		}
		m.Text = once
		if m.Earlier().Text != once {
			t.Fatal("an excerpt has another excerpt")
		}
	})
}

func TestEarlier(t *testing.T) {
	m := Message{Offset: 7, SenderID: "u-1", SenderRole: "freelancer", Stage: Active, Text: "hi", MessageID: "m"}
	want := Earlier{Offset: 7, Sender: senderOf("u-1"), SenderRole: "freelancer", Stage: Active, Text: "hi"}
	if got := m.Earlier(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	m.Kind, m.SenderRole = Deleted, strings.Repeat("é", 100)
	want.Text, want.SenderRole = "", strings.Repeat("é", maxRole/2)
	if got := m.Earlier(); got != want {
		t.Errorf("deleted, by a role with a long name: %+v, want %+v", got, want)
	}
	m.Kind, m.Text = Edited, strings.Repeat("a", 5000)
	if got := m.Earlier(); len(got.Text)+len(got.SenderRole) != MaxEarlier {
		t.Errorf("%d bytes of a long message, want %d", len(got.Text)+len(got.SenderRole), MaxEarlier)
	}
	m.Text = "short"
	if n := testing.AllocsPerRun(100, func() { m.Earlier() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEarlierOffsets(t *testing.T) {
	var s State
	for i := range int64(2 * Window) {
		var want []int64
		for o := i - 1; o >= max(i-EarlierMessages, 0); o-- {
			want = append(want, 10*o)
		}
		offsets, n := s.EarlierOffsets()
		got := offsets[:n]
		if !slices.Equal(got, want) {
			t.Fatalf("after %d messages: %v, want %v", i, got, want)
		}
		s.Fold(Signal{Offset: 10 * i})
	}
}
