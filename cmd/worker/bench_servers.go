package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"

	"onside/internal/sink"
)

// benchServers are a Kafka and a Redis to measure on, with topics of the benchmark's own.
type benchServers struct {
	setup     *setup
	loaded    time.Duration // how long model and policy took to load
	given     givenServers
	created   bool     // there are topics to delete
	box       *sandbox // nil where both were given
	transport *kafka.Transport
	client    *kafka.Client
}

// givenServers says which of the servers somebody has named; the others are embedded.
type givenServers struct{ kafka, redis bool }

func (g givenServers) String() string {
	return map[givenServers]string{{}: "embedded", {kafka: true}: "embedded Redis", {redis: true}: "embedded Kafka"}[g]
}

// openServers takes the servers that are given and embeds the others. Everything that it makes on a Kafka has a name of this run, and is
// deleted by close; what is in Redis expires within benchTTL.
func openServers(ctx context.Context, r *configReader, given givenServers, partitions int) (*benchServers, error) {
	b := &benchServers{given: given}
	t := &r.config.Kafka.Topics
	if given != (givenServers{kafka: true, redis: true}) {
		box, err := startSandbox(*t, int32(partitions))
		if err != nil {
			return nil, err
		}
		b.box = box
		if !given.kafka {
			r.set("bench", "kafka.brokers", strings.Join(box.kafka.ListenAddrs(), ","))
		}
		if !given.redis {
			r.set("bench", "redis.addresses", box.redis.Addr())
		}
	}
	if given.kafka {
		run := strings.ToLower(rand.Text()[:8])
		r.config.Kafka.Group += "-bench-" + run
		for _, name := range []*string{&t.Events, &t.Flags, &t.Reminders, &t.DeadLetters} {
			*name += ".bench-" + run
		}
	}
	begun := time.Now()
	var err error
	if b.setup, err = r.finish(); err != nil {
		_ = b.close() // there is nothing on a Kafka yet
		return nil, err
	}
	b.loaded = time.Since(begun)
	s := b.setup
	s.secret = []byte(rand.Text()) // no key of this run is one of another
	s.Redis.HistoryTTL, s.Redis.ClaimWindow = min(s.Redis.HistoryTTL, benchTTL), min(s.Redis.ClaimWindow, benchTTL)
	b.transport = &kafka.Transport{
		ClientID: "onside-bench", TLS: s.kafkaTLS, SASL: s.kafkaSASL, MetadataTTL: time.Second,
		MetadataTopics: []string{t.Events, t.Flags, t.Reminders, t.DeadLetters},
	}
	b.client = &kafka.Client{Addr: kafka.TCP(s.Kafka.Brokers...), Transport: b.transport, Timeout: 10 * time.Second}
	if given.kafka {
		if err := b.createTopics(ctx, partitions); err != nil {
			return nil, errors.Join(err, b.close())
		}
	}
	return b, nil
}

// logger says on the stream what matters to a benchmark.
func (b *benchServers) logger(to io.Writer) *zap.Logger {
	level := b.setup.Log.Level
	if level == zap.InfoLevel.String() {
		level = zap.ErrorLevel.String() // lanes come and go here
	}
	return newLogger(to, level)
}

// benchTTL is how long what the benchmark has written to Redis stays.
const benchTTL = time.Hour

func (b *benchServers) createTopics(ctx context.Context, partitions int) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	t, n := b.setup.Kafka.Topics, b.setup.Kafka.Create
	spec := sink.TopicSpec{Name: t.Events, Partitions: partitions, Replication: n.Replication, MinInSync: n.MinInSync}
	specs := []sink.TopicSpec{spec}
	for _, name := range []string{t.Flags, t.Reminders, t.DeadLetters} {
		spec.Name, spec.Partitions = name, 1
		specs = append(specs, spec)
	}
	err := sink.CreateTopics(ctx, sinkConfig(b.setup), specs...)
	b.created = !errors.Is(err, kafka.BrokerNotAvailable)
	if err != nil {
		return fmt.Errorf("create topics on %s: %w", strings.Join(b.setup.Kafka.Brokers, ","), err)
	}
	return nil
}

// close leaves nothing behind on a Kafka that was given but the group's positions, which expire.
func (b *benchServers) close() error {
	var err error
	if b.created {
		ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
		defer cancel()
		t := b.setup.Kafka.Topics
		res, deleteErr := b.client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{t.Events, t.Flags, t.Reminders, t.DeadLetters}})
		err = deleteErr
		if err == nil {
			for name, fault := range res.Errors {
				if fault != nil && !errors.Is(fault, kafka.UnknownTopicOrPartition) {
					err = fmt.Errorf("%s: %w", name, fault)
				}
			}
		}
	}
	if b.transport != nil {
		b.transport.CloseIdleConnections()
	}
	if b.box != nil {
		b.box.close()
	}
	if err != nil {
		return fmt.Errorf("delete the benchmark's topics: %w", err)
	}
	return nil
}

// dialer is for kafka-go's Reader.
func (b *benchServers) dialer() *kafka.Dialer {
	return &kafka.Dialer{ClientID: "onside-bench", Timeout: 3 * time.Second, DualStack: true, TLS: b.setup.kafkaTLS, SASLMechanism: b.setup.kafkaSASL}
}

// committed is how many records of the events topic the group's positions are behind in all.
func (b *benchServers) committed(ctx context.Context, group string, partitions int) (n int64, err error) {
	topic := b.setup.Kafka.Topics.Events
	ids := make([]int, partitions)
	for i := range ids {
		ids[i] = i
	}
	res, err := b.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: ids}})
	if err != nil {
		return 0, fmt.Errorf("fetch committed positions: %w", err)
	}
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return 0, fmt.Errorf("fetch committed positions: %w", p.Error)
		}
		n += max(p.CommittedOffset, 0)
	}
	return n, nil
}
