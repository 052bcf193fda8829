package classify

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDefaultLoads(t *testing.T) {
	if v := Default().Version(); len(v) != 34 {
		t.Errorf("version %q", v)
	}
}

// say classifies the lines of a conversation, the client's first, and returns the last answer.
func say(c *Classifier, stage Stage, lines ...string) *Result {
	var s State
	res := &Result{}
	for i, text := range lines {
		who := []string{"client", "freelancer"}[i%2]
		c.Classify(&Message{MessageID: "m" + string(rune('0'+i)), SenderID: who, SenderRole: who, Stage: stage, Text: text, Offset: int64(i)}, &s, res)
		s.Fold(res.Signal)
	}
	return res
}

func TestEvidenceIsProven(t *testing.T) {
	c := Default()
	text := "great, call me on +44 7911 234567 tonight, it is quicker"
	res := say(c, PreContract, "can you fix my tap?", text)
	for _, f := range res.Findings {
		if f.Category != ContactPhone {
			continue
		}
		if got := text[f.Spans[0].Start:f.Spans[0].End]; got != "+44 7911 234567" || f.Normalized != "+447911234567" {
			t.Errorf("span %q, normalized %q", got, f.Normalized)
		}
		return
	}
	t.Errorf("no phone number among %+v", res.Findings)
}

func TestSplitEvidenceCitesEveryMessage(t *testing.T) {
	res := say(Default(), PreContract, "where can I ring you?", "my number starts 07911", "ok, and then?", "234 567")
	for _, f := range res.Findings {
		if f.Category != ContactPhone || f.Score < 0.5 {
			continue
		}
		if len(f.Spans) != 2 || f.Spans[0].MessageID != "m1" || f.Spans[1].MessageID != "" || f.Normalized != "+447911234567" {
			t.Errorf("spans %+v, normalized %q", f.Spans, f.Normalized)
		}
		return
	}
	t.Errorf("no phone number among %+v", res.Findings)
}

func TestPlatformIsNeverAccused(t *testing.T) {
	var s State
	var res Result
	Default().Classify(&Message{SenderRole: "system", Text: "call us on +44 7911 234567 or whatsapp"}, &s, &res)
	if len(res.Findings) > 0 {
		t.Errorf("findings %+v", res.Findings)
	}
}

func TestDeletedMessageSaysNothing(t *testing.T) {
	var s State
	var res Result
	Default().Classify(&Message{Kind: Deleted, SenderRole: "client", Text: "call me on +44 7911 234567"}, &s, &res)
	if len(res.Findings) > 0 || res.Signal.Facts&^FactSystem != 0 {
		t.Errorf("findings %+v, signal %+v", res.Findings, res.Signal)
	}
}

// A message in which nothing stands costs no memory, whatever its language, once the Result has been used.
func TestClassifyAllocatesNothing(t *testing.T) {
	c := Default()
	var s State
	var res Result
	for _, text := range []string{
		"Sounds good, I will send the first draft on Thursday, ok?",
		"Très bien, je vous enverrai ça à midi, après la réunion",
		"Добрый день, всё готово, посмотрите макет и напишите, что думаете",
		"صباح الخير، التصميم جاهز، أرجو أن تراجعه",
		"您好，初稿已经完成了，请您看一下",
		"The ep is 74 mins, 3 mics, price 90 per ep, ready on the 14th at 10:30, in JavaScript",
	} {
		m := &Message{SenderID: "a", SenderRole: "client", Text: text}
		c.Classify(m, &s, &res)
		if n := testing.AllocsPerRun(20, func() { c.Classify(m, &s, &res) }); n != 0 {
			t.Errorf("%q: %v allocations", text, n)
		}
		if n := testing.AllocsPerRun(20, func() { c.Read(m, &s, &res) }); n != 0 {
			t.Errorf("%q, read in full: %v allocations", text, n)
		}
	}
}

// FuzzClassify: any bytes give an answer whose spans lie in the text, on whole characters.
func FuzzClassify(f *testing.F) {
	c := Default()
	for _, s := range []string{"", "add me on whatsapp +44 7911 234567", "m\u200by e-mail: jo (at) gmail dot com", strings.Repeat("٠٩", 40), "a\xffb@c.d", "نقطة"} {
		f.Add(s, "0791", uint8(0))
	}
	f.Fuzz(func(t *testing.T, text, before string, stage uint8) {
		var s State
		var res Result
		c.Classify(&Message{SenderID: "a", SenderRole: "client", Stage: Stage(stage % 3), Text: before, MessageID: "m0"}, &s, &res)
		s.Fold(res.Signal)
		c.Classify(&Message{SenderID: "b", SenderRole: "freelancer", Stage: Stage(stage % 3), Text: text, Offset: 1}, &s, &res)
		for _, g := range res.Findings {
			if !(g.Score >= 0 && g.Score <= 1) {
				t.Errorf("score %v", g.Score)
			}
			for _, sp := range g.Spans {
				if sp.MessageID != "" {
					continue
				}
				if sp.Start < 0 || sp.End > len(text) || sp.Start >= sp.End {
					t.Fatalf("span %+v of %d bytes", sp, len(text))
				}
				if utf8.ValidString(text) && !utf8.ValidString(text[sp.Start:sp.End]) {
					t.Fatalf("span %+v cuts a character of %q", sp, text)
				}
			}
		}
	})
}
