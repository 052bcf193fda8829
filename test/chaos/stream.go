package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
)

// stream makes events: conversations of the corpus, many of them under way at once. Half are whole, so that decisions
// depend on what was said before; half are a single message, whose decision depends on nothing. Both repeat themselves, as people do, which
// is what deduplication is for. Some events cannot be read.
type stream struct {
	run        string // begins the ids of conversations: another run on the same Redis is another world
	rng        *rand.Rand
	topic      string
	corpus     [][]onside.Event
	telling    []onside.Event // messages of the corpus that somebody should see
	judge      *judge
	ledger     *ledger
	partitions atomic.Int32
	open       []*talk
	talks      int
}

const (
	openTalks   = 48
	longestTalk = 12
	spoiltShare = 0.01
)

// talk is a conversation with the messages that are still to come. Its partition stays the same when the topic grows, as if
// the key still led there: a conversation that moves is read without its beginning, which is documented and not the question here.
type talk struct {
	partition int32
	records   []*kgo.Record
}

func newStream(run, topic string, partitions int, seed uint64, l *ledger) (*stream, error) {
	corpus, err := onside.Corpus()
	if err != nil {
		return nil, err
	}
	s := &stream{run: run, topic: topic, rng: rand.New(rand.NewPCG(seed, 1)), judge: newJudge(), ledger: l}
	s.partitions.Store(int32(partitions))
	for i, e := range corpus {
		if i == 0 || e.ConversationID != corpus[i-1].ConversationID {
			s.corpus = append(s.corpus, nil)
		}
		last := &s.corpus[len(s.corpus)-1]
		*last = append(*last, e)
		if e.Label.Action == policy.Review.String() || e.Label.Action == policy.Remind.String() {
			s.telling = append(s.telling, e)
		}
	}
	return s, nil
}

// next is the next event. Its offset is known only when it is produced.
func (s *stream) next() (*kgo.Record, error) {
	if s.rng.Float64() < spoiltShare {
		return s.spoilt(), nil
	}
	for len(s.open) < openTalks {
		t, err := s.talk()
		if err != nil {
			return nil, err
		}
		s.open = append(s.open, t)
	}
	return s.say(s.rng.IntN(len(s.open))), nil
}

// rest are the events that end what is under way.
func (s *stream) rest() (records []*kgo.Record) {
	for len(s.open) > 0 {
		records = append(records, s.say(0))
	}
	return records
}

func (s *stream) say(i int) *kgo.Record {
	t := s.open[i]
	r := t.records[0]
	if t.records = t.records[1:]; len(t.records) == 0 {
		s.open = append(s.open[:i], s.open[i+1:]...)
	}
	return r
}

// talk begins a conversation: its messages are judged, and what must come of them goes into the ledger.
func (s *stream) talk() (*talk, error) {
	s.talks++
	events := s.script()
	messages := make([]classify.Message, len(events))
	base := s.ledger.reserve(len(events))
	id := fmt.Sprintf("%s-%d", s.run, s.talks)
	t := &talk{partition: s.rng.Int32N(s.partitions.Load())}
	for i := range events {
		e := &events[i]
		e.EventID, e.ConversationID, e.MessageID = eventID(base+i), id, fmt.Sprintf("m%d", i)
		value, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encode event: %w", err)
		}
		messages[i] = e.Message
		t.records = append(t.records, &kgo.Record{Topic: s.topic, Partition: t.partition, Key: []byte(id), Value: value})
	}
	for i, o := range s.judge.read(messages) {
		e := entry{must: kindOf(o.action), repeat: o.repeat, first: i == 0}
		for _, h := range o.holders {
			e.holders = append(e.holders, int32(base+h))
		}
		s.ledger.write(base+i, e)
	}
	return t, nil
}

// script is what is said in a conversation.
func (s *stream) script() []onside.Event {
	var events []onside.Event
	if s.rng.IntN(2) == 0 {
		whole := s.corpus[s.rng.IntN(len(s.corpus))]
		events = append(events, whole[:min(len(whole), longestTalk)]...)
	} else {
		events = append(events, s.telling[s.rng.IntN(len(s.telling))])
	}
	for s.rng.IntN(3) == 0 {
		events = append(events, events[s.rng.IntN(len(events))])
	}
	return events
}

// spoilt is a record that is cut off in the middle.
func (s *stream) spoilt() *kgo.Record {
	at := s.ledger.reserve(1)
	s.ledger.write(at, entry{must: dead, first: true})
	id := eventID(at)
	return &kgo.Record{
		Topic: s.topic, Partition: s.rng.Int32N(s.partitions.Load()), Key: []byte(id),
		Value: fmt.Appendf(nil, `{"event_id":%q,"conversation_id":"spoilt","text":"cut off in the`, id),
	}
}
