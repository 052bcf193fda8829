package classify_test

import (
	"slices"
	"testing"
	"time"

	"onside"
	"onside/internal/classify"
)

// benchTexts are messages of the kinds whose cost differs.
var benchTexts = []struct{ name, text string }{
	{"let-go", "Thank you, that looks great"},
	{"clean-short", "Sounds good, I will send the first draft on Thursday, ok?"},
	{"clean-long", "Good morning, thank you for the brief. The colours look fine to me and the draft follows by the end of the week, with both of the layouts " +
		"that we spoke about. I would still like to know which of the two headlines you prefer, and whether the footer should keep the old address or not. " +
		"If anything is unclear, leave a comment in the document and I will get back to you before lunch."},
	{"flagged", "great, call me on +44 7911 234567 tonight, or add me on whatsapp"},
	{"cyrillic", "Добрый день, всё готово, посмотрите макет и напишите, что думаете"},
	{"arabic", "صباح الخير، التصميم جاهز، أرجو أن تراجعه وتخبرني برأيك فيه"},
	{"cjk", "您好，初稿已经完成了，请您看一下，有什么需要修改的地方请告诉我"},
}

func BenchmarkClassify(b *testing.B) {
	c := classify.Default()
	for _, t := range benchTexts {
		b.Run(t.name, func(b *testing.B) {
			var before, res classify.Result
			var s classify.State
			c.Classify(&classify.Message{SenderID: "b", SenderRole: "freelancer", Text: "hello, can you help me with a logo?"}, &s, &before)
			s.Fold(before.Signal)
			m := &classify.Message{SenderID: "a", SenderRole: "client", Text: t.text, Offset: 1}
			b.ReportAllocs()
			for b.Loop() {
				c.Classify(m, &s, &res)
			}
		})
	}
	events, err := onside.Corpus()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("corpus", func(b *testing.B) { benchmarkTalk(b, c, events) })
	ordinary := slices.DeleteFunc(slices.Clone(events), func(e onside.Event) bool { return !slices.Contains(worktalk, e.File) })
	b.Run("worktalk", func(b *testing.B) { benchmarkTalk(b, c, ordinary) })
}

// worktalk are the files of long conversations about work, few of which hold nothing.
var worktalk = []string{"d17-flow", "d41-flow2", "d60-flow3"}

// benchmarkTalk reads conversations in their order, over and over; an operation is one message. It reports the median of the messages too.
func benchmarkTalk(b *testing.B, c *classify.Classifier, events []onside.Event) {
	var took []time.Duration
	var s classify.State
	var res classify.Result
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		m := &events[i].Message
		if i == 0 || events[i-1].ConversationID != m.ConversationID {
			s = classify.State{}
		}
		began := time.Now()
		c.Classify(m, &s, &res)
		took = append(took, time.Since(began))
		s.Fold(res.Signal)
		i = (i + 1) % len(events)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2]), "ns/median")
}

func BenchmarkDefault(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		classify.Default()
	}
}
