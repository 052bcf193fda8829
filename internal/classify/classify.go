// Package classify decides what a chat message does: share, ask for, propose, accept, refuse or merely
// discuss a contact, a channel or a payment outside the platform.
//
// It is pure and total: text and what was said before go in, findings come out; no I/O, no clock, no logger,
// no goroutine; any bytes give an answer, never an error, never a panic. What the marketplace wants done about a
// finding is the policy's business, not this package's.
//
// Most messages hold nothing, and are let go at a glance (gate.go). Any other is folded (fold.go), searched for evidence however disguised (evidence.go, decode_*.go) and for the concepts of
// the lexicon (lexicon.go), and read by a small network (network.go) that also sees what earlier messages left behind
// (state.go). The network is trained from labelled conversations (train.go); its file is described at Model.
package classify

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sync"

	"onside/internal/encoder"
)

// Classifier reads messages. It is immutable and safe for concurrent use.
type Classifier struct {
	reader    *reader
	model     *Model
	second    *encoder.Model // nil for none
	rereading Rereading
	version   string

	words string // version of the lexicons
}

//go:embed model/default.model
var defaultModel []byte

// Default is the classifier with the embedded lexicons and models, which rereads what is doubtful. It panics if the build embedded files that do
// not load; a test loads them.
func Default() *Classifier {
	m, err := ParseModel(defaultModel)
	if err != nil {
		panic("classify: default: " + err.Error())
	}
	c, err := New(m)
	if err != nil {
		panic("classify: default: " + err.Error())
	}
	if c, err = c.With(second()); err != nil {
		panic("classify: default: " + err.Error())
	}
	return c
}

//go:embed model/second.model
var secondModel []byte

// second is the embedded second reader. It is read once: it is large.
var second = sync.OnceValue(func() *encoder.Model {
	m, err := encoder.ParseModel(secondModel)
	if err != nil {
		panic("classify: default: " + err.Error())
	}
	return m
})

// New is a classifier with the embedded lexicons and the given model. Its error names a lexicon's faults.
func New(m *Model) (*Classifier, error) {
	r, err := newReader()
	if err != nil {
		return nil, fmt.Errorf("load lexicon: %w", err)
	}
	words, err := lexiconSum()
	if err != nil {
		return nil, err
	}
	c := &Classifier{reader: r, words: words}
	return c.WithFirst(m), nil
}

// WithFirst is the classifier with another model for the first reader.
func (c *Classifier) WithFirst(m *Model) *Classifier {
	other := *c
	other.model = m
	return other.Rereading(c.rereading)
}

// lexiconSum is the beginning of the checksum of all lexicon files.
func lexiconSum() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(lexicons(), "lexicon", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(lexicons(), path)
		fmt.Fprintf(h, "%s %d\n", path, len(b))
		h.Write(b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:4]), err
}

// Version names model and lexicons: it changes when either does.
func (c *Classifier) Version() string { return c.version }

// Result is the answer for one message. Reuse one per goroutine: it carries the scratch memory, and
// everything in it is valid until the next call.
type Result struct {
	Findings []Finding // highest score first
	Signal   Signal    // what the conversation's history keeps of this message
	Reader   Reader    // that decided
	Doubtful bool      // the second reader is to read the message: call Reread
	Skipped  bool      // it should be read, but too many of the conversation have been

	glance  glance
	view    view
	scene   scene
	thought thought
	heads   [numHeads]float32
	split   assembled
	before  []Span // pieces of earlier messages that the message completes
	spans   []Span // of the findings
	second  question
}

// faintest is the probability below which nothing is found.
const faintest = 0.05

// Classify reads one message. prior is the state of its conversation strictly before it; the caller
// folds res.Signal into it afterwards. A deleted message says nothing.
func (c *Classifier) Classify(m *Message, prior *State, res *Result) {
	res.Findings, res.before, res.spans = res.Findings[:0], res.before[:0], res.spans[:0]
	res.Reader, res.Doubtful, res.Skipped = First, false, false
	res.Signal = Signal{Offset: m.Offset, Sender: senderOf(m.SenderID)}
	if m.Kind == Deleted {
		res.Signal.Facts = FactSystem
		return
	}
	if !exempt(m.SenderRole) && c.model.gate.lets(m, prior.signals, &res.glance) {
		res.Signal = res.Signal.lettingGo(&res.glance)
		res.heads = silence
		return
	}
	c.read(m, prior, res)
}

// Trim gives back what Classify took to read the message, up to 45 times the length of its text: the next one is read in new memory. Findings and Signal stay, and Reread may
// follow.
func (res *Result) Trim() {
	d := &res.view
	res.view = view{f: folded{src: d.f.src}, evidence: d.evidence, tools: d.tools, rows: d.rows}
}

// silence are the heads of a message that the gate lets go.
var silence = func() (z [numHeads]float32) {
	for k := range z {
		z[k] = -10
	}
	return z
}()

// read reads the message in full.
func (c *Classifier) read(m *Message, prior *State, res *Result) {
	c.look(m, prior.signals, res)
	c.ask(prior.signals, res)
	c.reader.keepPiece(m, res)
	if !exempt(m.SenderRole) {
		res.complete(prior.signals)
		c.find(m, res)
		c.doubt(m, prior.signals, res)
	}
}

// ask lets the model judge the scene of res.
func (c *Classifier) ask(signals []Signal, res *Result) {
	c.model.ask(&res.scene, signals, &res.thought, &res.Signal, &res.heads)
	if doubtsOpening(signals, res.Signal.Facts) {
		res.heads[headReview] -= openingDoubt
		res.heads[headPayment] -= openingDoubt
	}
}

// openingDoubt is taken from the log-odds of a message with which a conversation begins, unless a contact stands in it. One in eight of those
// solicits in the corpora, hardly any in life, and with nothing said before there is little that tells a solicitation from a question to anybody.
const openingDoubt = 1.5

// contactFacts are those of messages that a contact stands in beyond doubt.
const contactFacts = FactPhone | FactEmail | FactContactLink | FactMeetingLink | FactPaymentID

func doubtsOpening(signals []Signal, facts Facts) bool {
	return opens(signals) && facts&contactFacts == 0
}

// opens tells whether neither party has said anything before.
func opens(signals []Signal) bool {
	for i := range signals {
		if signals[i].Facts&FactSystem == 0 {
			return false
		}
	}
	return true
}

// look reads the message and sets the scene that the network judges.
func (c *Classifier) look(m *Message, signals []Signal, res *Result) {
	d, s := &res.view, &res.scene
	c.reader.read(m.Text, d)
	facts := d.facts
	var ok bool
	if res.split, ok = c.reader.assemble(d, signals); ok {
		facts |= FactComplete
	}
	if exempt(m.SenderRole) {
		facts |= FactSystem
	}
	s.know(m, len(d.tokens), facts, signals, res.Signal.Sender)
	s.feats = c.model.featuresOf(d, s.feats[:0])
	res.Signal.Facts = facts
}

// find turns the heads into findings. The surest category has the probability of the whole, the others their share.
func (c *Classifier) find(m *Message, res *Result) {
	z := &res.heads
	review, payment, remind := c.model.calib.of(z, headReview), c.model.calib.of(z, headPayment), c.model.calib.of(z, headRemind)
	if m.Stage != PreContract {
		review = payment
	}
	act := likeliest(z[headAct : headAct+int(Discuss)+1])
	if review >= faintest {
		c.share(m, review, actOrPropose(act), res)
	}
	if remind >= faintest {
		res.Findings = append(res.Findings, Finding{Category: CallProposal, Act: actOrPropose(act), Score: remind, Spans: res.whole(nil)})
	}
	slices.SortStableFunc(res.Findings, func(a, b Finding) int {
		if a.Score != b.Score {
			return int(math.Copysign(1, b.Score-a.Score))
		}
		return int(a.Category) - int(b.Category)
	})
}

// namedFrom is the probability from which on a message that a person should look at is said to be about a category: where the category's F1 in
// cross-validation is highest. Rare categories are named sooner, as their heads are the more timid.
var namedFrom = [NumCategories]float32{
	ContactPhone: 0.3, ContactEmail: 0.35, ContactHandle: 0.2, ContactLink: 0.35, ContactRequest: 0.15, ContactHint: 0.1,
	ChannelMessaging: 0.25, ChannelMeeting: 0.15, PaymentDirect: 0.2, PaymentFeeAvoidance: 0.25,
}

// share gives the probability that a person should look to the categories that it may be for: those that evidence proves or
// whose heads are high enough; the likeliest, where there are none.
func (c *Classifier) share(m *Message, p float64, act Act, res *Result) {
	from, to := ContactPhone, PaymentFeeAvoidance
	if m.Stage != PreContract {
		from = PaymentDirect
	}
	best, before := from, len(res.Findings)
	for i := from; i <= to; i++ {
		if res.heads[i] > res.heads[best] {
			best = i
		}
		f := Finding{Category: i, Act: act, Score: p}
		if res.prove(&f) || sigmoid(res.heads[i]) >= namedFrom[i] {
			res.Findings = append(res.Findings, f)
		}
	}
	if len(res.Findings) == before {
		f := Finding{Category: best, Act: act, Score: p}
		res.prove(&f)
		res.Findings = append(res.Findings, f)
	}
}

// likeliest is the act whose head is highest.
func likeliest(z []float32) Act {
	best := 0
	for i, x := range z {
		if x > z[best] {
			best = i
		}
	}
	return Act(best)
}

// actOrPropose replaces a refusal by a proposal: what a reviewer should see is what is done besides refusing.
func actOrPropose(a Act) Act {
	if a == Refuse || a == Defer {
		return Propose
	}
	return a
}

// prove adds to a finding the evidence of its category: spans, the canonical form, and how it was read. It reports
// whether there is evidence that leaves no doubt.
func (res *Result) prove(f *Finding) (proven bool) {
	d := &res.view
	if res.split.normalized != "" && proves(f.Category, res.split.kind) {
		f.Spans, f.Normalized, f.DecodedBy = res.split.spans, res.split.normalized, []string{"split"}
		return true
	}
	if f.Category != PaymentFeeAvoidance && f.Category != ChannelMessaging {
		for _, s := range res.before {
			f.Spans = res.extend(f.Spans, s)
		}
	}
	earlier := len(f.Spans)
	for _, e := range d.evidence {
		if e.placeholder || !proves(f.Category, e.kind) {
			continue
		}
		proven = proven || !e.fragment && e.confidence >= 0.5
		f.Spans = res.extend(f.Spans, Span{Start: e.start, End: e.end})
		if f.Normalized == "" {
			f.Normalized, f.DecodedBy = e.normalized, e.by
		}
	}
	for _, t := range d.tools {
		if len(f.Spans) == earlier && t.strong && suits(f.Category, t.tool.kind) {
			f.Spans, f.Normalized = res.extend(f.Spans, t.span), t.tool.name
		}
	}
	if len(f.Spans) == earlier {
		f.Spans = res.whole(f.Spans)
	}
	return proven
}

// whole appends the span of the text; nothing for an empty one.
func (res *Result) whole(spans []Span) []Span {
	if s := res.view.f.whole(); s.Start < s.End {
		return res.extend(spans, s)
	}
	return spans
}

// extend appends to the spans of the finding at hand, which are the last of res.spans.
func (res *Result) extend(spans []Span, s Span) []Span {
	n := len(res.spans)
	res.spans = append(res.spans, s)
	return res.spans[n-len(spans) : n+1 : n+1]
}

// proves tells which evidence stands for which category.
func proves(c Category, k kind) bool {
	switch c {
	case ContactPhone:
		return k == phoneNumber
	case ContactEmail:
		return k == emailAddress
	case ContactHandle:
		return k == handleName
	case ContactLink:
		return k == contactLink
	case ChannelMeeting:
		return k == meetingLink
	case PaymentDirect:
		return k == paymentID
	}
	return false
}

// suits tells which tools stand for which category.
func suits(c Category, k toolKind) bool {
	switch c {
	case ContactHandle, ContactRequest, ContactHint, ContactLink, ChannelMessaging:
		return k == toolMessaging || k == toolSocial || k == toolMail
	case ChannelMeeting:
		return k == toolMeeting
	case PaymentDirect, PaymentFeeAvoidance:
		return k == toolPayment
	}
	return false
}

// Calibration is that of the classifier's model.
func (c *Classifier) Calibration() Calibration { return c.model.Calibration() }
