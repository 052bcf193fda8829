package classify

import "slices"

// Glance is what the gate made of a message.
type Glance struct {
	LetGo bool    // nothing more was read
	Why   string  // a Glance constant: why not; empty where it let the message go
	Doubt float64 // log-odds above its bar; 0 where it did not get so far
	Span  Span    // of the sign or word that kept the message, or of the one without which it would be let go most surely
}

// Why the gate keeps a message.
const (
	GlanceSign    = "sign"    // the text holds what the gate does not read
	GlanceUnknown = "unknown" // words that it does not know
	GlanceWords   = "words"   // what the words say
	GlanceState   = "state"   // what was said before: with nothing before it, the message would be let go
)

// explain says what the gate makes of the message.
func (g *gate) explain(m *Message, signals []Signal) Glance {
	var s glance
	letGo := g.lets(m, signals, &s)
	if s.odd >= 0 {
		why := GlanceSign
		if s.unknown > 0 {
			why = GlanceUnknown
		}
		return Glance{Why: why, Span: s.oddSpan(m.Text)}
	}
	out := Glance{LetGo: letGo, Doubt: float64(s.doubt), Span: g.heaviest(&s)}
	if letGo {
		return out
	}
	out.Why = GlanceWords
	if g.lets(m, nil, new(glance)) {
		out.Why = GlanceState
	}
	return out
}

// heaviest is the word without which the message would be let go most surely.
func (g *gate) heaviest(s *glance) (span Span) {
	var least float32
	for i, w := range s.words {
		less := glance{in: s.in, words: slices.Delete(slices.Clone(s.words), i, i+1)}
		g.name(&less)
		if doubt := g.weigh(&less); i == 0 || doubt < least {
			least, span = doubt, Span{Start: w.start, End: w.end}
		}
	}
	return span
}

// oddSpan is where the text holds what the gate does not read: a word of it, or a character.
func (s *glance) oddSpan(text string) Span {
	for _, w := range s.words {
		if w.start <= s.odd && s.odd < w.end {
			return Span{Start: w.start, End: w.end}
		}
	}
	end := s.odd + 1
	for end < len(text) && text[end]&0xc0 == 0x80 {
		end++
	}
	return Span{Start: s.odd, End: end}
}
