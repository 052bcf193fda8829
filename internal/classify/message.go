package classify

// Kind says what happened to the message.
type Kind uint8

// The kinds of event on the input topic. An event without a type is Created.
const (
	Created Kind = iota
	Edited
	Deleted
)

// Stage is the contract's stage at the time of sending.
type Stage uint8

// The stages, in the order in which a contract goes through them.
const (
	PreContract Stage = iota
	Active
	Ended
)

var stageNames = [...]string{"pre_contract", "active", "ended"}

func (s Stage) String() string { return name(stageNames[:], int(s)) }

// ParseStage reads a stage's name; an unknown one is false.
func ParseStage(s string) (Stage, bool) {
	i, ok := index(stageNames[:], s)
	return Stage(i), ok
}

// Message is one chat message with what the decision needs to know about it.
//
// The strings may alias the buffer that the event was read from: they are valid until the
// next batch is fetched, and whoever keeps one longer clones it.
type Message struct {
	EventID        string
	ConversationID string
	MessageID      string // the event id where the event names none
	Kind           Kind
	SentAt         string // RFC 3339, as the event gave it; may be empty
	SenderID       string
	SenderRole     string // client, freelancer, system, support, or the marketplace's own word
	Stage          Stage
	Lang           string // BCP 47 hint, never trusted; may be empty
	Text           string // valid UTF-8
	Offset         int64  // position in the partition, or in the input of worker classify
}

// Category is what a finding is about: the words of the labelling guide, letter by letter.
type Category uint8

// The categories.
const (
	ContactPhone Category = iota
	ContactEmail
	ContactHandle
	ContactLink
	ContactRequest
	ContactHint
	ChannelMessaging
	ChannelMeeting
	PaymentDirect
	PaymentFeeAvoidance
	CallProposal
	NumCategories = iota
)

var categoryNames = [NumCategories]string{
	"contact.phone", "contact.email", "contact.handle", "contact.link", "contact.request", "contact.hint",
	"channel.messaging", "channel.meeting", "payment.direct", "payment.fee_avoidance", "call.proposal",
}

func (c Category) String() string { return name(categoryNames[:], int(c)) }

// ParseCategory reads a category's name; an unknown one is false.
func ParseCategory(s string) (Category, bool) {
	i, ok := index(categoryNames[:], s)
	return Category(i), ok
}

// Act is the speech act: what the sender does with the contact, channel or payment.
type Act uint8

// The speech acts. Defer is "once the contract has started": the labelling guide counts it as no violation.
const (
	Share Act = iota
	Request
	Propose
	Comply
	Refuse
	Discuss
	Defer
	NumActs = iota
)

var actNames = [NumActs]string{"share", "request", "propose", "comply", "refuse", "discuss", "defer"}

func (a Act) String() string { return name(actNames[:], int(a)) }

// ParseAct reads a speech act's name; an unknown one is false.
func ParseAct(s string) (Act, bool) {
	i, ok := index(actNames[:], s)
	return Act(i), ok
}

// Span is a half-open byte range of a message's original text.
type Span struct {
	MessageID string // empty: the message that is classified
	Start     int
	End       int
}

// Finding is one category that a message touches.
type Finding struct {
	Category   Category
	Act        Act
	Score      float64 // calibrated probability that a reviewer would agree, 0..1
	Spans      []Span
	Normalized string   // the evidence in its canonical form (E.164, address, tool); empty where there is none. Personal data: mask before it leaves
	DecodedBy  []string // decoders that read the evidence, outermost first: "number_words:en", "homoglyph"
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown"
}

func index(names []string, s string) (int, bool) {
	for i, n := range names {
		if n == s {
			return i, true
		}
	}
	return 0, false
}
