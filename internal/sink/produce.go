package sink

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"go.uber.org/zap"
)

// producer writes records to partitions, each exactly once for as long as the process lives: it repeats a batch whose
// acknowledgement is in doubt under the same producer id and sequence, so the broker knows it again. It starts no goroutine.
type producer struct {
	client   *kafka.Client
	log      *zap.Logger
	maxBatch int           // bytes of a batch
	maxPause time.Duration // between two tries
	patience time.Duration // how long a partition may fail before it is logged

	mu         sync.Mutex
	partitions map[place]*partition
	missing    map[string]bool // topics that were away when last looked at
}

// place is a partition of an output topic.
type place struct {
	topic string
	id    int
}

func (p *producer) partition(at place) *partition {
	p.mu.Lock()
	defer p.mu.Unlock()
	part, ok := p.partitions[at]
	if !ok {
		part = &partition{producer: p, place: at, lead: make(chan struct{}, 1), maxRecords: maxBatchRecords}
		p.partitions[at] = part
	}
	return part
}

// count is how many partitions a topic has, at least one.
func (p *producer) count(ctx context.Context, topic string) (int, error) {
	res, err := p.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, err
	}
	switch t := res.Topics[0]; {
	case t.Error != nil:
		return 0, t.Error
	case len(t.Partitions) == 0:
		return 0, kafka.UnknownTopicOrPartition
	default:
		return len(t.Partitions), nil
	}
}

// await is count, once the topic is there.
func (p *producer) await(ctx context.Context, topic string) (int, error) {
	for pause := minPause; ; pause = min(2*pause, p.maxPause) {
		n, err := p.count(ctx, topic)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		p.note(topic, err)
		if err == nil {
			return n, nil
		}
		sleep(ctx, pause)
	}
}

// note logs that a topic is away, and that it is back, once each.
func (p *producer) note(topic string, err error) {
	p.mu.Lock()
	was := p.missing[topic]
	p.missing[topic] = err != nil
	p.mu.Unlock()
	switch {
	case err != nil && !was:
		p.log.Warn("topic unavailable, waiting for it", zap.String("topic", topic), zap.Error(err))
	case err == nil && was:
		p.log.Info("topic available", zap.String("topic", topic))
	}
}

// append sends a batch to its partition once. It belongs to the transaction of the id, where there is one.
func (p *producer) append(ctx context.Context, at place, raw []byte, transactionalID string) error {
	res, err := p.client.RawProduce(ctx, &kafka.RawProduceRequest{
		Topic:           at.topic,
		Partition:       at.id,
		RequiredAcks:    kafka.RequireAll,
		TransactionalID: transactionalID,
		RawRecords:      protocol.RawRecordSet{Reader: bytes.NewReader(raw)},
	})
	if err != nil {
		return err
	}
	return res.Error
}

// outage logs the two changes of a state that should not be, once each. What is over soon, as a leader's move, is not worth a line.
type outage struct {
	since  time.Time
	logged bool
}

func (o *outage) goesOn(log *zap.Logger, patience time.Duration, what string, err error) {
	if o.since.IsZero() {
		o.since = time.Now()
	}
	if o.logged || time.Since(o.since) < patience {
		return
	}
	o.logged = true
	log.Warn(what+" stalled, trying on", zap.Error(err))
}

func (o *outage) isOver(log *zap.Logger, what string) {
	if o.logged {
		log.Info(what+" resumed", zap.Duration("after", time.Since(o.since)))
	}
	*o = outage{}
}

// outcome is what a try means.
type outcome uint8

const (
	doubtful     outcome = iota // it may have been appended, or will be once the trouble is over: the very same batch again
	acknowledged                // it is in the log
	forgotten                   // the broker does not know our producer id or sequence: it is not in the log of this leader
	refused                     // not these bytes, ever
)

// outcomeOf reads an error. What it does not know is worth another try: nothing is dropped for an unknown reason.
func outcomeOf(err error) outcome {
	if err == nil {
		return acknowledged
	}
	var code kafka.Error
	if !errors.As(err, &code) {
		return doubtful
	}
	switch code {
	case kafka.DuplicateSequenceNumber:
		return acknowledged
	case kafka.OutOfOrderSequenceNumber, kafka.UnknownProducerId, kafka.InvalidProducerEpoch,
		kafka.InvalidProducerIDMapping, kafka.ProducerFenced:
		return forgotten
	case kafka.MessageSizeTooLarge, kafka.RecordListTooLarge, kafka.InvalidTimestamp, kafka.InvalidRecord:
		return refused
	default:
		return doubtful
	}
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
