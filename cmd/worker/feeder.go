package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// feeder produces events, each to the partition of its conversation. One goroutine a partition sends what has come in meanwhile.
type feeder struct {
	client     *kafka.Client
	topic      string
	partitions []int
	queues     []chan fed
	joined     sync.WaitGroup
	failed     chan error // holds the first error
}

// fed is an event on its way.
type fed struct{ key, value []byte }

// feedBatch is how many records a batch holds at most, feedBytes how many bytes from which on it is full: what a busy producer sends.
const (
	feedBatch = 500
	feedBytes = 256 << 10
	// feedAgain is how long a batch waits that was refused. What the producers of a lane do about it is no use here: a benchmark measures those.
	feedAgain = 50 * time.Millisecond
)

func newFeeder(ctx context.Context, client *kafka.Client, topic string, partitions int) *feeder {
	f := &feeder{client: client, topic: topic, failed: make(chan error, 1)}
	for i := range partitions {
		queue := make(chan fed, 2*feedBatch)
		f.partitions, f.queues = append(f.partitions, i), append(f.queues, queue)
		f.joined.Go(func() {
			pprof.Do(ctx, pprof.Labels(labelPart, partBench), func(ctx context.Context) { f.send(ctx, i, queue) })
		})
	}
	return f
}

func (f *feeder) put(conversation string, value []byte) {
	key := []byte(conversation)
	id := kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: key}, f.partitions...)
	f.queues[id] <- fed{key, value}
}

func (f *feeder) send(ctx context.Context, id int, queue <-chan fed) {
	for first := range queue {
		batch, bytes := []fed{first}, len(first.value)
	more:
		for len(batch) < feedBatch && bytes < feedBytes {
			select {
			case r, ok := <-queue:
				if !ok {
					break more
				}
				batch, bytes = append(batch, r), bytes+len(r.value)
			default:
				break more
			}
		}
		if err := f.produce(ctx, id, batch); err != nil {
			select {
			case f.failed <- fmt.Errorf("produce events: %w", err):
			default:
			}
		}
	}
}

// produce has a batch written, and tries again where the broker has certainly not done it: topics of a moment ago have leaders that do not know it yet.
func (f *feeder) produce(ctx context.Context, id int, batch []fed) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for {
		records := make([]kafka.Record, len(batch))
		for i, e := range batch {
			records[i] = kafka.Record{Key: kafka.NewBytes(e.key), Value: kafka.NewBytes(e.value)}
		}
		res, err := f.client.Produce(ctx, &kafka.ProduceRequest{
			Topic: f.topic, Partition: id, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
		})
		if err == nil {
			err = res.Error
		}
		switch {
		case errors.Is(err, kafka.NotLeaderForPartition), errors.Is(err, kafka.LeaderNotAvailable), errors.Is(err, kafka.UnknownTopicOrPartition):
		default:
			return err
		}
		select {
		case <-time.After(feedAgain):
		case <-ctx.Done():
			return err
		}
	}
}

// close returns when everything is acknowledged.
func (f *feeder) close() error {
	for _, q := range f.queues {
		close(q)
	}
	f.joined.Wait()
	select {
	case err := <-f.failed:
		return err
	default:
		return nil
	}
}
