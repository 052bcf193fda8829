package classify

import "onside/internal/encoder"

// Reader is the model that decided on a message.
type Reader uint8

// The readers: first is the network that reads every message, second the encoder that reads the doubtful few again.
const (
	First Reader = iota
	Second
)

func (r Reader) String() string { return name([]string{"first", "second"}, int(r)) }

// Rereading says which messages the second reader reads.
type Rereading uint8

// The modes of the second reader.
const (
	RereadNone     Rereading = iota
	RereadDoubtful           // where the first reader's probability is neither low nor high
	RereadAll                // whatever the gate does not let go
)

// RereadBudget is how many messages of a conversation's Window the second reader reads: more than people need, and a bound on what somebody can make a
// worker spend who sends doubtful messages without end. It is counted in the state, so a replay skips the same messages.
const RereadBudget = 24

// With is the classifier with a second reader, which rereads what is doubtful.
func (c *Classifier) With(second *encoder.Model) (*Classifier, error) {
	if err := second.Fits(settings, sideInputs, numHeads); err != nil {
		return nil, err
	}
	with := *c
	with.second = second
	return with.Rereading(RereadDoubtful), nil
}

// Rereading is the classifier that rereads other messages. Its version tells whether the second reader has a say.
func (c *Classifier) Rereading(which Rereading) *Classifier {
	other := *c
	other.rereading, other.version = which, other.model.Version()+"-"+other.words
	if other.Rereads() {
		other.version += "-" + other.second.Version()
	}
	return &other
}

// Rereads tells whether there are messages that the second reader reads.
func (c *Classifier) Rereads() bool { return c.second != nil && c.rereading != RereadNone }

const (
	settings   = 9 // three stages, three roles
	sideInputs = numHeads + numKnown + 2 + 3 + 3
)

// doubt decides whether the second reader is to read the message, and leaves in res what came of that.
func (c *Classifier) doubt(m *Message, signals []Signal, res *Result) {
	switch {
	case !c.Rereads():
		return
	case c.rereading == RereadDoubtful && !c.doubtful(m.Stage, signals, &res.heads):
		return
	}
	read := 0
	for i := range signals {
		if signals[i].Reread {
			read++
		}
	}
	res.Skipped = read >= RereadBudget
	res.Doubtful = !res.Skipped
	res.Signal.Reread = res.Doubtful
}

// openWindow is how far back a message counts that may have been a solicitation, for the one in question to be its answer.
const openWindow = 6

// doubtful tells whether a probability that decides is neither low nor high. While a solicitation may be open, low is lower: what answers it says
// little by itself.
func (c *Classifier) doubtful(s Stage, signals []Signal, z *[numHeads]float32) bool {
	b := &c.second.Blend
	from := b.From
	for _, g := range signals[max(0, len(signals)-openWindow):] {
		if float32(g.Said[saidReview])/certain > b.Open {
			from = b.OpenFrom
			break
		}
	}
	between := func(head int, from float32) bool {
		p := c.model.calib.of(z, head)
		return p > float64(from) && p < float64(b.To)
	}
	return between(reviewHead(s), from) || s == PreContract && between(headRemind, b.From)
}

// Reread lets the second reader read a message that Classify has left in res as Doubtful, given the same prior. earlier are the messages that
// precede it in its conversation, newest first; EarlierMessages of them, or as many as there are. It changes the findings; the signal stays.
func (c *Classifier) Reread(m *Message, prior *State, earlier []Earlier, res *Result) {
	res.Reader, res.Doubtful = Second, false
	q := &res.second
	q.ask(m, prior.signals, earlier, res)
	if q.space == nil {
		q.space = new(Workspace)
	}
	q.heads = c.second.Read(q.text, q.earlier, q.side, &q.known, &q.space.scratch, q.heads[:0])
	if q.opens {
		q.heads[headReview] -= openingDoubt
		q.heads[headPayment] -= openingDoubt
	}
	c.blend(q, res)
	res.Findings, res.before, res.spans = res.Findings[:0], res.before[:0], res.spans[:0]
	res.complete(prior.signals)
	c.find(m, res)
}

// Remember has so many bytes hold what the second reader made of the messages that it saw last: a message is then encoded once, not again with each of
// the next ones that it is read with. No answer depends on it. A Result remembers nothing unless it is told to.
func (res *Result) Remember(bytes int) { res.second.known.Resize(bytes) }

// Workspace is the memory that Reread works in: megabytes, but only for as long as it lasts. The zero Workspace is ready to use.
type Workspace struct{ scratch encoder.Scratch }

// Borrow has Reread work in a workspace that others use too, though not at the same time. A Result that borrows none gets one of its own.
func (res *Result) Borrow(w *Workspace) { res.second.space = w }

// ClassifyWith is Classify, and Reread where the message is doubtful.
func (c *Classifier) ClassifyWith(m *Message, prior *State, earlier []Earlier, res *Result) {
	c.Classify(m, prior, res)
	if res.Doubtful {
		c.Reread(m, prior, earlier, res)
	}
}

// question is what the second reader is asked, and its answer.
type question struct {
	text    encoder.Text
	earlier []encoder.Text
	side    []float32 // what is known besides the texts: how the first reader understood the message, and all that it knew
	opens   bool      // openingDoubt is in first
	first   [numHeads]float32
	heads   []float32
	known   encoder.Memory
	space   *Workspace
}

func (q *question) ask(m *Message, signals []Signal, earlier []Earlier, res *Result) {
	q.text = encoder.Text{Setting: setting(m.SenderRole, m.Stage)}
	q.text.Head, q.text.Tail = Excerpt(m.Text)
	q.earlier = q.earlier[:0]
	for i := range earlier[:min(len(earlier), EarlierMessages)] {
		e := &earlier[i]
		t := encoder.Text{Setting: setting(e.SenderRole, e.Stage), Own: e.Sender == res.Signal.Sender}
		t.Head, t.Tail = Excerpt(e.Text)
		q.earlier = append(q.earlier, t)
	}
	q.first = res.heads
	q.opens = doubtsOpening(signals, res.Signal.Facts)
	s := append(q.side[:0], res.heads[:]...)
	if q.opens { // it was trained with what the networks said
		s[headReview] += openingDoubt
		s[headPayment] += openingDoubt
	}
	s = append(s, res.scene.known[:]...)
	s = append(s, is(q.opens), 0) // not let go
	for k := range 3 {
		s = append(s, is(roleOf(m.SenderRole) == k))
	}
	for k := range 3 {
		s = append(s, is(int(m.Stage) == k))
	}
	q.side = s
}

func setting(role string, s Stage) int { return 3*int(s) + roleOf(role) }

func roleOf(role string) int {
	switch role {
	case "client":
		return 1
	case "freelancer":
		return 2
	}
	return 0
}

// blend makes one answer of two.
func (c *Classifier) blend(q *question, res *Result) {
	for k, rule := range c.second.Blend.Heads {
		h := headReview + k
		odds := float32(rule.First*res.heads[h]) + float32(rule.Second*q.heads[h]) + rule.Shift
		p := c.model.calib[k]
		res.heads[h] = (odds - p.Shift) / p.Slope // calibration.of makes odds of it again
	}
	for h := range headReview {
		res.heads[h] = (res.heads[h] + q.heads[h]) / 2
	}
}
