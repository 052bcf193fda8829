package classify

import (
	"strings"
	"testing"
)

// What the gate does not read, whatever it has learned, and where.
func TestGateReadsOnlyOrdinaryText(t *testing.T) {
	for text, odd := range map[string]string{
		"":                                   "",
		"Sounds good, I'll start on Monday.": "",
		"£120 for 3 days?":                   "",
		"¿Está bien así? «Sí», claro…":       "",
		"добрый день، صباح الخير؟ 你好，谢谢。": "",
		"write to jo@ex":            "@",
		"see https://x":             "/",
		"on t.me now":               ".",
		"it costs 12345":            "5",
		"a b":                       "b",
		"w-h-a-t":                   "h",
		"one\ntwo\nthree\nfour":     "\n",
		"sure, -... .-":             "-",
		"joe_smith":                 "_",
		"zero\u200bwidth":           "\u200b",
		"ring ٠٧٩":                  "٠",
		"ring 1\ufe0f\u20e3":        "\ufe0f",
		"ｗｈａｔｓ":                     "ｗ",
		"broken \xff byte":          "\xff",
		"cut \xe2\x80":              "\xe2",
		strings.Repeat("word ", 65): "word",
	} {
		var s glance
		s.scan(text)
		got := ""
		if s.odd >= 0 {
			got = text[s.odd:]
		}
		if !strings.HasPrefix(got, odd) || odd == "" && got != "" {
			t.Errorf("%.40q: stops at %.10q, want %.10q", text, got, odd)
		}
	}
}

func TestGateFoldsWords(t *testing.T) {
	for _, pair := range [][2]string{{"Don't STOP 12", "dont stop 99"}, {"Don’t", "don't"}, {"À la CARTE, Да Ω", "à la carte – да ω"}} {
		var a, b glance
		a.scan(pair[0])
		b.scan(pair[1])
		if len(a.words) != len(b.words) {
			t.Errorf("%q has %d words, %q %d", pair[0], len(a.words), pair[1], len(b.words))
			continue
		}
		for i := range a.words {
			if a.words[i].hash != b.words[i].hash {
				t.Errorf("word %d of %q is not that of %q", i, pair[0], pair[1])
			}
		}
	}
}

// Messages with which a conversation goes on that was about nothing so far.
func TestGateLetsGoOfWhatIsHarmless(t *testing.T) {
	c := shipped()
	prior := &State{signals: []Signal{{Offset: 1, Sender: 1}, {Offset: 2, Sender: 2}}}
	for text, want := range map[string]bool{
		"Thank you, that looks great":                 true,
		"I have uploaded the new version of the logo": true,
		"Great, see you tomorrow then":                true,

		"can you send me your number?":        false,
		"do you have whatsapp":                false,
		"let's talk on WeChat":                false,
		"we could save the fee if you pay me": false,
		"reach me at nine two three four":     false,
		"qwerty zxcvb asdfg hjkl":             false,
		"my name at the usual mail place":     false,
		"find me on the bird app":             false,
		"call me":                             false,
		"I'll pay you cash when we meet":      false,
		"сколько будет без комиссии, напрямую?":  false,
		"pásame tu correo y te lo mando por ahí": false,
	} {
		if got := c.model.gate.lets(&Message{SenderID: "a", SenderRole: "client", Text: text}, prior.signals, new(glance)); got != want {
			t.Errorf("%q: let go %v, want %v: %+v", text, got, want, c.model.gate.explain(&Message{SenderID: "a", Text: text}, prior.signals))
		}
	}
}

// What is let go after harmless talk is kept after a proposal.
func TestGateHeedsWhatWasSaid(t *testing.T) {
	c := shipped()
	res := new(Result)
	for text, m := range map[string]string{"sure, that works for me": "shall we move to whatsapp? my number is +44 7911 234567"} {
		var s State
		c.Classify(&Message{SenderID: "b", SenderRole: "freelancer", Text: m}, &s, res)
		s.Fold(res.Signal)
		reply := &Message{SenderID: "a", SenderRole: "client", Text: text, Offset: 1}
		if g := c.Explain(reply, &s, nil).Glance; g.LetGo || g.Why == "" {
			t.Errorf("%q after %q: %+v", text, m, g)
		}
	}
}

func TestGateAllocatesNothing(t *testing.T) {
	c := shipped()
	s := &State{signals: make([]Signal, Window)}
	var res Result
	for _, text := range []string{"Thank you, that looks great", "Добрый день, всё готово", "call me on +44 7911", strings.Repeat("and so on ", 30)} {
		m := &Message{SenderID: "a", Text: text}
		if n := testing.AllocsPerRun(20, func() { c.Lets(m, s, &res) }); n != 0 {
			t.Errorf("%.30q: %v allocations", text, n)
		}
	}
}

// A long message is given up early: twice the text is not twice the work.
func TestGateIsBounded(t *testing.T) {
	for _, text := range []string{"word ", "x", "é", "'", " ", "你", "12", "."} {
		var s glance
		s.scan(strings.Repeat(text, 1<<16))
		if len(s.words) > gateWords {
			t.Errorf("%q: %d words", text, len(s.words))
		}
	}
}

func TestGateKeepsAllWithoutLessons(t *testing.T) {
	g := &gate{rows: newGate(0).rows}
	if g.lets(&Message{Text: "thank you"}, nil, new(glance)) {
		t.Error("a gate that learned nothing lets go")
	}
}

// FuzzGate: any bytes give an answer, the same each time; what is let go holds no evidence that leaves no doubt; an explanation says the same.
func FuzzGate(f *testing.F) {
	c := shipped()
	for _, s := range []string{"", "thank you", "ok 12", "’", "\xe2\x80", "Ünï 你好", "a.b", "don't", "ｗ", "\xd9\xa0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := &Message{SenderID: "a", SenderRole: "client", Text: text}
		var s, again glance
		letGo := c.model.gate.lets(m, nil, &s)
		if c.model.gate.lets(m, nil, &again) != letGo || c.model.gate.explain(m, nil).LetGo != letGo {
			t.Fatalf("%q: let go, and not", text)
		}
		for _, w := range s.words {
			if w.start < 0 || w.start >= w.end || w.end > len(text) {
				t.Fatalf("%q: word %+v", text, w)
			}
		}
		if g := c.model.gate.explain(m, nil); g.Span.Start < 0 || g.Span.End > len(text) || g.Span.Start > g.Span.End {
			t.Fatalf("%q: span %+v", text, g.Span)
		}
	})
}
