package classify

import "onside/internal/encoder"

// Opinion is what the second reader made of a message that it read.
type Opinion struct {
	Skipped bool // it did not read it: too many messages of the conversation have been doubtful

	FirstReview, FirstRemind Odds // as the first reader left them
	Review, Remind           Odds // the second reader's own, before the two are blended
	Earlier                  int  // messages that it saw before this one
}

func (c *Classifier) opinion(m *Message, res *Result) Opinion {
	o := Opinion{Skipped: res.Skipped}
	if res.Reader != Second {
		return o
	}
	q := &res.second
	at := reviewHead(m.Stage)
	o.FirstReview, o.FirstRemind = c.model.calib.odds(&q.first, at), c.model.calib.odds(&q.first, headRemind)
	o.Review, o.Remind = oddsOf(q.heads[at]), oddsOf(q.heads[headRemind])
	o.Earlier = len(q.earlier)
	return o
}

// WordPush is a word of the message, and how far it moved the second reader: its log-odds with the word less those without it.
type WordPush struct {
	Span
	Review, Remind float64
}

// maxAsked is how many words of a message the second reader is asked about.
const maxAsked = 64

// WeighSecond asks the second reader again without each word of the message, in the order of the text; nil where it did not read it.
func (e *Explanation) WeighSecond(m *Message) []WordPush {
	if e.Reader != Second {
		return nil
	}
	q := &e.res.second
	words := e.Words[:min(len(e.Words), maxAsked)]
	var scratch encoder.Scratch
	var known encoder.Memory
	known.Resize(1 << 20) // the messages before it are the same each time
	var z []float32
	read := func(t string) (review, remind float64) {
		text := q.text
		text.Head, text.Tail = Excerpt(t)
		z = e.classifier.second.Read(text, q.earlier, q.side, &known, &scratch, z[:0])
		return float64(z[e.head]), float64(z[headRemind])
	}
	review, remind := read(m.Text)
	out := make([]WordPush, len(words))
	for i, w := range words {
		a, b := read(m.Text[:w.Start] + " " + m.Text[w.End:])
		out[i] = WordPush{w, review - a, remind - b}
	}
	return out
}
