package classify

import "math"

// Topic is what two parties may agree on that a platform minds.
type Topic uint8

// The topics.
const (
	TopicContact Topic = iota // a telephone number, an address, a user name, a link
	TopicChannel              // talking elsewhere
	TopicMeeting              // a call or a meeting
	TopicPayment
	numTopics
)

var topicNames = [...]string{"contact", "channel", "meeting", "payment"}

func (t Topic) String() string { return name(topicNames[:], int(t)) }

// topicOf is the topic of each category.
var topicOf = [NumCategories]Topic{
	ContactPhone: TopicContact, ContactEmail: TopicContact, ContactHandle: TopicContact, ContactLink: TopicContact,
	ContactRequest: TopicContact, ContactHint: TopicContact, ChannelMessaging: TopicChannel, ChannelMeeting: TopicMeeting,
	PaymentDirect: TopicPayment, PaymentFeeAvoidance: TopicPayment, CallProposal: TopicMeeting,
}

// Said is how a message was understood: the probability of each thing that later messages are judged by, in 1/255.
type Said [numSaid]uint8

// The places of Said.
const (
	saidReview = iota
	saidPayment
	saidRemind
	saidAct                                // the first of the acts that a model knows, Share to Discuss
	saidTopic = saidAct + int(Discuss) + 1 // the first of the topics
	saidPart  = saidTopic + int(numTopics)
	saidWhole = saidPart + 1
	numSaid   = saidWhole + 1
	certain   = 255
)

// understood sums up the heads.
func understood(z *[numHeads]float32) (s Said) {
	p := func(z float32) uint8 { return uint8(math.Round(float64(sigmoid(z)) * certain)) }
	s[saidReview], s[saidPayment], s[saidRemind] = p(z[headReview]), p(z[headPayment]), p(z[headRemind])
	s[saidPart], s[saidWhole] = p(z[headPart]), p(z[headWhole])
	for a := range int(Discuss) + 1 {
		s[saidAct+a] = p(z[headAct+a])
	}
	for c, t := range topicOf {
		s[saidTopic+int(t)] = max(s[saidTopic+int(t)], p(z[c]))
	}
	return s
}

// act is what the message most likely did; false where it did nothing that matters.
func (s *Said) act() (best Act, ok bool) {
	for a := range Discuss + 1 {
		if s[saidAct+int(a)] > s[saidAct+int(best)] {
			best = a
		}
	}
	return best, s[saidAct+int(best)] >= certain/3
}

// topic is what it was most likely about.
func (s *Said) topic() (best Topic) {
	for t := range numTopics {
		if s[saidTopic+int(t)] > s[saidTopic+int(best)] {
			best = t
		}
	}
	return best
}

// Status is where a topic stands in a conversation.
type Status uint8

// The statuses.
const (
	Quiet    Status = iota // nobody brought it up, or who did took it back
	Asked                  // one asked the other for it
	Offered                // one proposed it
	Given                  // one gave it
	Agreed                 // the other took it up
	Refused                // the other would not
	Deferred               // the other would once the contract has started
	Pushed                 // asked for or offered again after that
	numStatuses
)

var statusNames = [...]string{"quiet", "asked", "offered", "given", "agreed", "refused", "deferred", "pushed"}

func (s Status) String() string { return name(statusNames[:], int(s)) }

// statuses are the next ones by act: share, request, propose, comply, refuse, discuss, defer.
type statuses [Defer + 1]Status

// transitions is the state machine of a topic: where an act takes it when the party acts that moved it last, and when the
// other one does.
var transitions = [numStatuses]struct{ own, other statuses }{
	//                share  request propose  comply   refuse   discuss   defer
	Quiet: {
		own:   statuses{Given, Asked, Offered, Agreed, Quiet, Quiet, Quiet},
		other: statuses{Given, Asked, Offered, Agreed, Quiet, Quiet, Quiet}},
	Asked: {
		own:   statuses{Given, Asked, Offered, Asked, Quiet, Asked, Deferred},
		other: statuses{Given, Asked, Offered, Given, Refused, Asked, Deferred}},
	Offered: {
		own:   statuses{Given, Asked, Offered, Offered, Quiet, Offered, Deferred},
		other: statuses{Given, Asked, Offered, Agreed, Refused, Offered, Deferred}},
	Given: {
		own:   statuses{Given, Asked, Given, Given, Given, Given, Deferred},
		other: statuses{Given, Given, Given, Agreed, Refused, Given, Deferred}},
	Agreed: {
		own:   statuses{Given, Agreed, Agreed, Agreed, Refused, Agreed, Deferred},
		other: statuses{Given, Agreed, Agreed, Agreed, Refused, Agreed, Deferred}},
	Refused: {
		own:   statuses{Given, Asked, Offered, Agreed, Refused, Refused, Deferred},
		other: statuses{Given, Pushed, Pushed, Agreed, Refused, Refused, Deferred}},
	Deferred: {
		own:   statuses{Given, Asked, Offered, Agreed, Refused, Deferred, Deferred},
		other: statuses{Given, Pushed, Pushed, Agreed, Refused, Deferred, Deferred}},
	Pushed: {
		own:   statuses{Given, Pushed, Pushed, Pushed, Quiet, Pushed, Deferred},
		other: statuses{Given, Asked, Offered, Agreed, Refused, Pushed, Deferred}},
}

// Matter is where one topic stands.
type Matter struct {
	Status Status
	By     uint16 // the sender who moved it last, as in Signal
	Moves  uint8  // how often it was moved
	Age    uint8  // messages since it was moved, at most 255
}

// Dialog is where each topic stands, and whether the platform has spoken: a fold over the signals of a conversation.
type Dialog struct {
	Matters  [numTopics]Matter
	Reminded uint8 // messages since the platform wrote, counted from 1; 0 for never
}

// Dialog folds the state.
func (s *State) Dialog() Dialog { return follow(s.signals) }

func follow(signals []Signal) (d Dialog) {
	for i := range signals {
		d.step(&signals[i])
	}
	return d
}

func (d *Dialog) step(g *Signal) {
	d.age()
	if g.Facts&FactSystem != 0 {
		d.Reminded = 1
		return
	}
	act, ok := g.Said.act()
	if !ok {
		return
	}
	if act == Refuse && g.Facts&FactDefer != 0 {
		act = Defer
	}
	if act != Refuse && act != Defer {
		d.Matters[g.Said.topic()].move(act, g.Sender)
		return
	}
	for t := range d.Matters { // whatever is open is refused
		d.Matters[t].move(act, g.Sender)
	}
}

func (d *Dialog) age() {
	for t := range d.Matters {
		if m := &d.Matters[t]; m.Status != Quiet && m.Age < math.MaxUint8 {
			m.Age++
		}
	}
	if d.Reminded > 0 && d.Reminded < math.MaxUint8 {
		d.Reminded++
	}
}

func (m *Matter) move(a Act, by uint16) {
	next := &transitions[m.Status].other
	if m.By == by {
		next = &transitions[m.Status].own
	}
	if to := next[a]; to != m.Status || a < Refuse {
		*m = Matter{Status: to, By: by, Moves: min(m.Moves, math.MaxUint8-1) + 1}
	}
}
