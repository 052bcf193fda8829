package classify

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestFold(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		facts          foldFacts
	}{
		{"ascii", "Call ME at 5", "call me at 5", 0},
		{"empty", "", "", 0},
		{"invalid utf-8", "a\xffb", "a\ufffdb", 0},
		{"cyrillic among latin", "WһаtѕАрр and Ѕkуре", "whatsapp and skype", sawHomoglyph},
		{"greek among latin", "rαnκοseο", "rankoseo", sawHomoglyph},
		{"fullwidth", "Ｚｅｐｈｙｒ＠ｘ．ｃｏｍ", "zephyr@x.com", sawStyled},
		{"circled", "⓪⑦③", "073", sawStyled},
		{"mathematical", "𝟎𝟏𝟕𝟔 𝓽𝓮𝓵", "0176 tel", sawStyled},
		{"squared", "🅱️ank", "bank", sawStyled},
		{"small capitals", "ᴛᴇʟᴇɢʀᴀᴍ", "telegram", sawHomoglyph},
		{"turned", "dɐʎ me", "day me", sawHomoglyph},
		{"zero width", "b\u200be\u200ba.c\u2060o", "bea.co", sawInvisible},
		{"soft hyphen", "e\u00adm\u00ada\u00adil", "email", sawInvisible},
		{"tags", "a\U000e0062b", "ab", sawInvisible},
		{"bidi", "\u202e0176\u202c", "0176", sawInvisible},
		{"keycaps", "0️⃣7️⃣", "07", sawEmojiDigits},
		{"zalgo", "g̸̢̛͓m̴̛a̷il", "gmail", sawStacked},
		{"native digits elsewhere", "call ٠١٢", "call 012", sawNativeDigits},
		{"punctuation", "don’t — “x”", `don't - "x"`, 0},

		{"russian", "Сергей Воронцов, оса и рот", "сергей воронцов, оса и рот", 0},
		{"russian ending on a latin word", "в zoomе и skypeом", "в zoomе и skypeом", 0},
		{"greek", "Παναγιώτης", "παναγιώτησ", 0},
		{"armenian", "Բարեւ ձեզ", "բարեւ ձեզ", 0},
		{"georgian", "გამარჯობა", "გამარჯობა", 0},
		{"vietnamese", "Tiếng Việt", "tiếng việt", 0},
		{"decomposed", "cafe\u0301", "café", 0},
		{"persian half space", "می\u200cخواهم", "ميخواهم", 0},
		{"arabic digits in arabic", "رقمي ٠١٢", "رقمي 012", 0},
		{"devanagari digits in hindi", "मेरा ९८", "मेरा 98", 0},
		{"arabic points", "كِتَاب", "كتاب", 0},
		{"powers and fractions", "6 m² ½", "6 m2 1/2", 0},
		{"turkish", "İstanbul ılık", "istanbul ılık", 0},
		{"icelandic", "þú og ég", "þú og ég", 0},
		{"hangul from jamo", "\u1112\u1161\u11ab", "한", 0},
		{"emoji with joiner", "👩\u200d💻 ok", "👩💻 ok", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f folded
			f.fold(c.in)
			if got := string(f.text); got != c.want {
				t.Errorf("fold(%q) = %q, want %q", c.in, got, c.want)
			}
			if f.facts != c.facts {
				t.Errorf("fold(%q): facts %b, want %b", c.in, f.facts, c.facts)
			}
		})
	}
}

func TestComposedIsNFKC(t *testing.T) {
	for _, b := range foldBlocks {
		for r := b[0]; r <= b[1]; r++ {
			n := norm.NFKC.String(string(r))
			want, size := utf8.DecodeRuneInString(n)
			if got, alone := composed(r); got != want || alone != (size == len(n)) {
				t.Fatalf("composed(%U) = %U, %v; its NFKC is %q", r, got, alone, n)
			}
		}
	}
}

func TestFoldSpans(t *testing.T) {
	for _, c := range []struct{ in, find, want string }{
		{"my ＷＡ is", "wa", "ＷＡ"},
		{"½ cup", "/", "½"},
		{"½ cup", "1/2 c", "½ c"},
		{"b\u200be\u200ba now", "bea", "b\u200be\u200ba"},
		{"0️⃣7️⃣ x", "07", "0️⃣7️⃣"},
		{"Ѕkуре me", "skype", "Ѕkуре"},
		{"cafe\u0301 x", "café", "cafe\u0301"},
		{"한국", "한", "한"},
	} {
		var f folded
		f.fold(c.in)
		i := strings.Index(string(f.text), c.find)
		if i < 0 {
			t.Errorf("%q folds to %q without %q", c.in, f.text, c.find)
			continue
		}
		s := f.span(i, i+len(c.find))
		if got := strings.TrimRight(c.in[s.Start:s.End], " "); got != c.want {
			t.Errorf("span of %q in %q = %q, want %q", c.find, c.in, got, c.want)
		}
	}
}

// checkSpans fails unless every span of the folded text lies on whole characters of the original.
func checkSpans(t *testing.T, f *folded) {
	t.Helper()
	if len(f.at) != len(f.text)+1 || int(f.at[len(f.text)]) != len(f.src) {
		t.Fatalf("%q: %d offsets for %d bytes, the last %d", f.src, len(f.at), len(f.text), f.at[len(f.at)-1])
	}
	last := int32(0)
	for _, a := range f.at {
		if a < last {
			t.Fatalf("%q: offsets fall from %d to %d", f.src, last, a)
		}
		last = a
	}
	for i := range f.text {
		s := f.span(i, i+1)
		if s.Start < 0 || s.End > len(f.src) || s.Start >= s.End || !boundary(f.src, s.Start) || !boundary(f.src, s.End) {
			t.Fatalf("%q: byte %d of %q has span %v", f.src, i, f.text, s)
		}
	}
}

func boundary(s string, i int) bool {
	return i == len(s) || i == 0 || !utf8.ValidString(s) || utf8.RuneStart(s[i])
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "Hello", "WһаtѕАрр", "0️⃣7️⃣", "z̷̢̛a̶", "½ﬁ㎏", "\u1112\u1161\u11ab", "👩\u200d💻", "a\xff\xc3", "ᾳ̈́", "\u0344", strings.Repeat("\u0301", 80)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var once, again folded
		once.fold(s)
		checkSpans(t, &once)
		if !utf8.Valid(once.text) {
			t.Fatalf("%q folds to invalid %q", s, once.text)
		}
		again.fold("x — ｙ")
		again.fold(s) // reused memory changes nothing
		if string(again.text) != string(once.text) || again.facts != once.facts {
			t.Fatalf("%q folds to %q, then to %q", s, once.text, again.text)
		}
	})
}

const cleanText = "Good morning, thank you for the brief. The colours look fine to me and the draft follows by the end of the week, with both of the layouts that we spoke about."

func TestFoldAllocatesNothing(t *testing.T) {
	var f folded
	for name, s := range map[string]string{"ascii": cleanText, "accents": "Très bien, je vous enverrai ça à midi", "russian": "Добрый день, спасибо за письмо", "disguised": "Ѕkуре 0️⃣7️⃣ ｗａ"} {
		f.fold(s)
		if n := testing.AllocsPerRun(100, func() { f.fold(s) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	for name, s := range map[string]string{"ascii": cleanText, "accents": "Très bien, je vous enverrai ça à midi, après la réunion", "russian": "Добрый день, спасибо за письмо, отвечу завтра", "disguised": "WһаtѕАрр 0️⃣7️⃣4️⃣2️⃣6️⃣ ｗａ b\u200be\u200ba"} {
		b.Run(name, func(b *testing.B) {
			var f folded
			b.ReportAllocs()
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				f.fold(s)
			}
		})
	}
}
