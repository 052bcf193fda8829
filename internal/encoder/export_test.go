package encoder

// Tokens are the tokens of a text as it is read.
func (m *Model) Tokens(t Text) []int32 {
	var s Scratch
	m.look(&t, 0, &s)
	return s.tokens
}

// Best is the fastest way to compute that this processor has.
func Best() string { return best().String() }

// Fresh is how many tokens the last reading encoded.
func (s *Scratch) Fresh() int { return len(s.encoded) / width }
