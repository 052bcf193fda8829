package sink

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"go.uber.org/zap"
)

// maxBatchRecords bounds a batch's records besides its bytes.
const maxBatchRecords = 10_000

// partition commits in groups: whoever finds nobody sending sends one batch for all who wait, and a batch that its
// sender must leave is carried on by another of them. One batch is in flight at a time.
type partition struct {
	producer *producer
	place
	lead chan struct{} // holds a token while somebody sends

	mu    sync.Mutex
	queue []slot // records that are in no batch yet, and each order's gone

	// The rest belongs to whoever holds lead.
	session    session
	flight     *batch // left behind by a sender that had to go
	maxRecords int    // halved when the broker finds a batch too large
	outage     outage
}

// order is what one call of publish waits for.
type order struct {
	records []record
	left    int           // records that are neither acknowledged nor refused
	refused map[int]error // why the broker will not take a record, by its index
	done    chan struct{} // closed when left is 0
	gone    bool          // nobody waits for it any more; guarded by partition.mu
}

func (o *order) settled() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// slot is one record of an order.
type slot struct {
	order *order
	index int
}

func (s slot) record() record { return s.order.records[s.index] }

// batch is what is sent as one. raw never changes once it was sent: a connection that was given up may still read it.
type batch struct {
	slots    []slot
	raw      []byte
	session  session // under which raw is encoded
	doubtful bool    // a try that is not known to have failed was made
}

// publish returns when every record is acknowledged by all in-sync replicas or refused for good, or ctx ends; refused says
// which records the broker will never take, by index. After an error nothing is known about any of them.
func (p *partition) publish(ctx context.Context, records []record) (refused map[int]error, err error) {
	o := p.enqueue(records)
	for {
		select {
		case <-o.done:
			return o.refused, nil
		case <-ctx.Done():
			p.leave(o)
			return nil, ctx.Err()
		case p.lead <- struct{}{}:
			if !o.settled() {
				p.send(ctx)
			}
			<-p.lead
		}
	}
}

func (p *partition) enqueue(records []record) *order {
	o := &order{records: records, left: len(records), done: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range records {
		p.queue = append(p.queue, slot{o, i})
	}
	return o
}

// leave takes what is not yet in a batch out of the queue.
func (p *partition) leave(o *order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o.gone = true
	p.queue = slices.DeleteFunc(p.queue, func(s slot) bool { return s.order == o })
}

// send brings one batch to its end, or leaves it in flight when ctx ends.
func (p *partition) send(ctx context.Context) {
	for pause := minPause; ctx.Err() == nil; pause = min(2*pause, p.producer.maxPause) {
		if p.flight != nil && !p.wanted(p.flight) {
			p.abandon()
		}
		if p.flight == nil {
			p.flight = p.cut()
		}
		if p.flight == nil {
			return
		}
		if p.judge(ctx, p.try(ctx, p.flight)) {
			return
		}
		sleep(ctx, pause)
	}
}

const minPause = 5 * time.Millisecond

const whatPublishes = "publishing" // as the log calls it

// judge acts on what a try came to, and reports whether the batch is at its end.
func (p *partition) judge(ctx context.Context, err error) (ended bool) {
	if errors.Is(err, protocol.ErrNoPartition) && p.vanished(ctx) {
		p.session = session{}
		p.settle(errVanished)
		return true
	}
	switch outcomeOf(err) {
	case acknowledged:
		p.outage.isOver(p.log(), whatPublishes)
		p.settle(nil)
		return true
	case refused:
		p.shrink(err)
		return true
	case forgotten:
		p.session = session{}
	default:
		p.flight.doubtful = true
	}
	if ctx.Err() == nil {
		p.outage.goesOn(p.log(), p.producer.patience, whatPublishes, err)
	}
	return false
}

// errVanished refuses the records of a partition that is no more: the topic was made again with fewer of them.
var errVanished = errors.New("partition is gone")

func (p *partition) vanished(ctx context.Context) bool {
	n, err := p.producer.count(ctx, p.topic)
	return err == nil && p.id >= n
}

// wanted reports whether anybody still waits for the batch.
func (p *partition) wanted(b *batch) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(b.slots, func(s slot) bool { return !s.order.gone })
}

// abandon gives up a batch that may have been appended or may yet be: what comes next needs a new producer id, for its
// sequence cannot be known.
func (p *partition) abandon() {
	if p.flight.doubtful {
		p.session = session{}
	}
	p.flight = nil
}

// cut takes the next batch from the queue; nil when there is none.
func (p *partition) cut() *batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, size := 0, headerSize
	for _, s := range p.queue[:min(len(p.queue), p.maxRecords)] {
		size += len(s.record().body) + maxRecordPrefix
		if n > 0 && size > p.producer.maxBatch {
			break
		}
		n++
	}
	if n == 0 {
		return nil
	}
	b := &batch{slots: slices.Clone(p.queue[:n])}
	p.queue = slices.Delete(p.queue, 0, n)
	return b
}

// settle ends the batch in flight: its records are acknowledged, or refused with err.
func (p *partition) settle(err error) {
	for _, s := range p.flight.slots {
		if err != nil {
			if s.order.refused == nil {
				s.order.refused = make(map[int]error)
			}
			s.order.refused[s.index] = err
		}
		if s.order.left--; s.order.left == 0 {
			close(s.order.done)
		}
	}
	if err == nil {
		p.session.advance(len(p.flight.slots))
		p.maxRecords = min(2*p.maxRecords, maxBatchRecords)
	}
	p.flight = nil
}

// shrink answers a refusal: the records of a batch are tried in smaller ones until the refused stands alone.
func (p *partition) shrink(err error) {
	if p.flight.doubtful {
		p.session = session{}
	}
	n := len(p.flight.slots)
	if n == 1 {
		p.settle(err)
		return
	}
	p.maxRecords = n / 2
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := slices.DeleteFunc(p.flight.slots, func(s slot) bool { return s.order.gone })
	p.queue = append(waiting, p.queue...)
	p.flight = nil
}

// try sends the batch once.
func (p *partition) try(ctx context.Context, b *batch) error {
	if !p.session.valid {
		if err := p.begin(ctx); err != nil {
			return err
		}
	}
	if b.raw == nil || b.session != p.session {
		records := make([]record, len(b.slots))
		for i, s := range b.slots {
			records[i] = s.record()
		}
		b.raw, b.session = encodeBatch(records, p.session), p.session
	}
	return p.producer.append(ctx, p.place, b.raw, "")
}

// begin gets a producer id of the partition's own, so that a doubt about one partition is none about another.
func (p *partition) begin(ctx context.Context) error {
	res, err := p.producer.client.InitProducerID(ctx, &kafka.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1})
	if err != nil {
		return err
	}
	if res.Error != nil {
		return res.Error
	}
	p.session = session{id: int64(res.Producer.ProducerID), epoch: int16(res.Producer.ProducerEpoch), valid: true}
	return nil
}

func (p *partition) log() *zap.Logger {
	return p.producer.log.With(zap.String("topic", p.topic), zap.Int("partition", p.id))
}
