package main

import (
	"fmt"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestFeederTriesAgain has a topic whose leaders do not know yet that they are: every event is written once all the same. What the broker
// refuses for good is an error.
func TestFeederTriesAgain(t *testing.T) {
	p := newPlant(t)
	client := &kafka.Client{Addr: kafka.TCP(p.kafka.ListenAddrs()...), Transport: &kafka.Transport{}}
	t.Cleanup(client.Transport.(*kafka.Transport).CloseIdleConnections)
	feed := func(n int) error {
		f := newFeeder(t.Context(), client, p.topics.Events, 4)
		for i := range n {
			f.put(fmt.Sprint("c", i), []byte("{}"))
		}
		return f.close()
	}
	for _, refusal := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition} {
		h := p.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: p.topics.Events, Err: refusal, Count: 3})
		if err := feed(40); err != nil || h.Hits() == 0 {
			t.Errorf("%s: %v after %d refusals", refusal.Message, err, h.Hits())
		}
	}
	if n := p.end(); n != 120 {
		t.Errorf("%d events are written, want 120", n)
	}
	p.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: p.topics.Events, Err: kerr.TopicAuthorizationFailed, Count: 1})
	if err := feed(1); err == nil {
		t.Error("a refusal for good is no error")
	}
}

// end is how many events the topic has.
func (p *plant) end() (n int64) {
	p.t.Helper()
	for id := range int32(4) {
		n += p.kafka.PartitionInfo(p.topics.Events, id).HighWatermark
	}
	return n
}
