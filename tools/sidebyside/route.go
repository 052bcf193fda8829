package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/redis/go-redis/v9"
)

// route does the job with Watermill's router and its own subscriber and publisher, which are Sarama's: a handler sees one message of each
// partition at a time, and the next when what came of it is acknowledged.
func (j *job) route(ctx context.Context, name string, match func(string) bool) error {
	rdb := redis.NewClient(&redis.Options{Addr: j.redis, DisableIdentity: true})
	defer rdb.Close()
	from := kafka.DefaultSaramaSubscriberConfig()
	from.Consumer.Offsets.Initial = sarama.OffsetOldest
	log := watermill.NopLogger{}
	in, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: j.brokers, Unmarshaler: kafka.DefaultMarshaler{}, ConsumerGroup: j.group, OverwriteSaramaConfig: from,
	}, log)
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	out, err := kafka.NewPublisher(kafka.PublisherConfig{Brokers: j.brokers, Marshaler: kafka.DefaultMarshaler{}}, log)
	if err != nil {
		return errors.Join(fmt.Errorf("publish: %w", err), in.Close())
	}
	router, err := message.NewRouter(message.RouterConfig{}, log)
	if err != nil {
		return errors.Join(fmt.Errorf("route: %w", err), in.Close(), out.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	h := &handler{job: j, name: name, rdb: rdb, match: match, hits: make(chan string, 2*j.count), last: stop}
	router.AddHandler("flag", j.events, in, j.output, out, h.handle)
	if err := router.Run(ctx); err != nil {
		return fmt.Errorf("route: %w", err)
	}
	if n := h.seen.Load(); n < int64(j.count) {
		return fmt.Errorf("%d of %d events were routed", n, j.count)
	}
	close(h.hits)
	for id := range h.hits {
		j.found(id)
	}
	return j.done()
}

// handler is safe for concurrent use: each partition has its own goroutine.
type handler struct {
	*job
	name  string
	rdb   *redis.Client
	match func(string) bool
	hits  chan string // event ids; it has room for all, and for some that come twice
	last  func()      // is called after the last event
	seen  atomic.Int64
}

func (h *handler) handle(m *message.Message) ([]*message.Message, error) {
	n := h.seen.Add(1)
	if n == 1 {
		h.ready(h.name)
	}
	if n == int64(h.count) {
		defer h.last()
	}
	var e event
	if json.Unmarshal(m.Payload, &e) != nil || !h.match(e.Text) {
		return nil, nil
	}
	h.hits <- e.EventID
	isNew, err := h.rdb.SetNX(m.Context(), h.claim(&e), 1, window).Result()
	if err != nil || !isNew {
		return nil, err
	}
	return message.Messages{message.NewMessage(e.EventID, m.Payload)}, nil
}
