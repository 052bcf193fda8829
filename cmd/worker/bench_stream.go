package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"onside"
)

// ordinaryTalk are the files of the corpus whose conversations are work talk as most of it is in life. Those of one or two messages, excerpts
// rather than conversations, are drawn seldom.
var ordinaryTalk = []string{"d5-worktalk", "d17-flow", "d41-flow2", "d46-everyday3", "d53-everyday4", "d60-flow3"}

// lifeFlagged is the part of the messages in the mix life that a person would flag.
const lifeFlagged = 0.01

// The mixes of a stream.
const (
	mixLife  = "life"  // ordinary talk, with so many solicitations that one message in a hundred is one
	mixPlain = "plain" // ordinary talk only
	mixWorst = "worst" // only conversations with a solicitation, from the whole corpus
)

// stream makes events without end: some conversations are open at a time and take turns by chance; where one is over, another begins.
// The same corpus, mix and seed give the same events.
type stream struct {
	random            *rand.Rand
	ordinary, others  [][]onside.Event // whole conversations
	share             float64          // how often a conversation is one of others
	plain, soliciting talkCount
	prefix            string // of all ids
	open              []openTalk
	begun             int
}

// openTalk is a conversation under way.
type openTalk struct {
	id   string
	rest []onside.Event
	said int
}

// streamEvent is an event with its label.
type streamEvent struct {
	onside.Event
	value []byte // as it goes to the topic: without the label
}

func newStream(corpus []onside.Event, mix string, seed uint64, conversations int, prefix string) *stream {
	s := &stream{random: rand.New(rand.NewPCG(seed, 1)), prefix: prefix, open: make([]openTalk, conversations)}
	for talk := range talks(corpus) {
		if reviews := countReviews(talk); reviews > 0 && mix != mixPlain {
			s.others = append(s.others, talk)
			s.soliciting.add(talk, reviews)
		}
		if clean := beforeSoliciting(talk); len(clean) > 0 && mix != mixWorst && slices.Contains(ordinaryTalk, talk[0].File) {
			for range clean { // drawn the more often the longer it is
				s.ordinary = append(s.ordinary, clean)
				s.plain.add(clean, 0)
			}
		}
	}
	switch mix {
	case mixWorst:
		s.share = 1
	case mixLife:
		s.share = shareFor(lifeFlagged, s.plain, s.soliciting)
	}
	return s
}

// talkCount is how long conversations are on average, and how much of them is flagged.
type talkCount struct{ talks, messages, reviews float64 }

func (c *talkCount) add(talk []onside.Event, reviews int) {
	c.talks++
	c.messages += float64(len(talk))
	c.reviews += float64(reviews)
}

// shareFor is how often a conversation must be one of b for that part of all messages to be a review.
func shareFor(part float64, a, b talkCount) float64 {
	short := part * a.messages / a.talks
	return short / (short + b.reviews/b.talks - part*b.messages/b.talks)
}

func countReviews(talk []onside.Event) (n int) {
	for i := range talk {
		if talk[i].Label.Action == "review" {
			n++
		}
	}
	return n
}

// beforeSoliciting is the beginning of a conversation, up to the first message that is part of a solicitation.
func beforeSoliciting(talk []onside.Event) []onside.Event {
	for i := range talk {
		if a := talk[i].Label.Action; a == "review" || a == "part" {
			return talk[:i]
		}
	}
	return talk
}

// talks are the conversations of events that stand together.
func talks(events []onside.Event) func(yield func([]onside.Event) bool) {
	return func(yield func([]onside.Event) bool) {
		for i := 0; i < len(events); {
			end := i + 1
			for end < len(events) && events[end].ConversationID == events[i].ConversationID {
				end++
			}
			if !yield(events[i:end:end]) {
				return
			}
			i = end
		}
	}
}

// next is the next event. Its number in the stream is that of the call, so it is in its id.
func (s *stream) next(number int) streamEvent {
	t := &s.open[s.random.IntN(len(s.open))]
	if len(t.rest) == 0 {
		*t = s.begin()
	}
	e := t.rest[0]
	t.rest = t.rest[1:]
	t.said++
	sender := e.SenderRole
	e.EventID = fmt.Sprintf("%se%08d", s.prefix, number)
	e.ConversationID = t.id
	e.MessageID = fmt.Sprintf("%s-%03d", t.id, t.said)
	e.SenderID = t.id + "-" + sender
	e.Offset = int64(number)
	return streamEvent{Event: e, value: encodeEvent(&e)}
}

// begin opens a conversation; in the beginning anywhere in it, or all would begin and end together.
func (s *stream) begin() openTalk {
	from := s.ordinary
	if s.random.Float64() < s.share {
		from = s.others
	}
	talk := from[s.random.IntN(len(from))]
	if s.begun < len(s.open) {
		talk = talk[s.random.IntN(len(talk)):]
	}
	s.begun++
	return openTalk{id: conversationID(s.prefix, s.begun), rest: talk}
}

func conversationID(prefix string, number int) string { return fmt.Sprintf("%sc%07d", prefix, number) }

// wireEvent is an event as docs have it.
type wireEvent struct {
	EventID        string `json:"event_id"`
	Type           string `json:"type"`
	ConversationID string `json:"conversation_id"`
	MessageID      string `json:"message_id"`
	SentAt         string `json:"sent_at"`
	Sender         struct {
		ID   string `json:"id"`
		Role string `json:"role"`
	} `json:"sender"`
	Contract struct {
		Stage string `json:"stage"`
	} `json:"contract"`
	Lang string `json:"lang"`
	Text string `json:"text"`
}

func encodeEvent(e *onside.Event) []byte {
	w := wireEvent{
		EventID: e.EventID, Type: "message.created", ConversationID: e.ConversationID, MessageID: e.MessageID,
		SentAt: e.SentAt, Lang: e.Lang, Text: e.Text,
	}
	w.Sender.ID, w.Sender.Role, w.Contract.Stage = e.SenderID, e.SenderRole, e.Stage.String()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&w); err != nil {
		panic("worker: event is no JSON: " + err.Error())
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}
