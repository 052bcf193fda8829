package classify

import "testing"

const benchText = "Sounds good, I will send the first draft on Thursday, ok?"

// BenchmarkStage times the steps that Classify takes, each on the view of one short message.
func BenchmarkStage(b *testing.B) {
	c := Default()
	var res Result
	var s State
	m := &Message{SenderID: "a", SenderRole: "client", Text: benchText}
	c.Classify(m, &s, &res)
	s.Fold(res.Signal)
	m.SenderID, m.Offset = "b", 1
	c.read(m, &s, &res)
	d, r := &res.view, c.reader
	for _, stage := range []struct {
		name string
		do   func()
	}{
		{"gate", func() { c.Lets(m, &s, &res) }},
		{"fold", func() { d.f.fold(m.Text) }},
		{"evidence", func() { d.evidence = r.extract.find(&d.f, &d.scratch, d.evidence[:0]) }},
		{"tokens", func() { d.tokens = tokenize(&d.f, nil, d.tokens[:0]) }},
		{"concepts", func() { d.hits = r.named(d, r.lexicon.find(d.f.text, d.tokens, d.hits[:0])) }},
		{"read", func() { r.read(m.Text, d); d.wordGrams(0, gramsAtOnce); d.charGrams(0, gramsAtOnce) }},
		{"features", func() { res.scene.feats = c.model.features([2][]gram{d.words, d.chars}, &d.rows, res.scene.feats[:0]) }},
		{"know", func() { res.scene.know(m, len(d.tokens), d.facts, s.signals, 1) }},
		{"ask", func() { c.ask(s.signals, &res) }},
		{"find", func() { res.Findings, res.spans = res.Findings[:0], res.spans[:0]; c.find(m, &res) }},
	} {
		b.Run(stage.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				stage.do()
			}
		})
	}
	b.Logf("%d grams of words, %d of characters, %d features", len(d.words), len(d.chars), len(res.scene.feats))
}
