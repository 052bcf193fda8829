package classify

// Lets tells whether the gate lets the message go.
func (c *Classifier) Lets(m *Message, prior *State, res *Result) bool {
	return c.model.gate.lets(m, prior.signals, &res.glance)
}

// Read reads the message in full, whatever the gate says.
func (c *Classifier) Read(m *Message, prior *State, res *Result) {
	res.Findings, res.before, res.spans = res.Findings[:0], res.before[:0], res.spans[:0]
	res.Signal = Signal{Offset: m.Offset, Sender: senderOf(m.SenderID)}
	c.read(m, prior, res)
}
