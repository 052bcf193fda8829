package main

import (
	"context"
	"fmt"
	"runtime/pprof"
	"sync"

	"github.com/segmentio/kafka-go"
)

// feeder produces events, each to the partition of its conversation. One goroutine a partition sends what has come in meanwhile.
type feeder struct {
	client     *kafka.Client
	topic      string
	partitions []int
	queues     []chan kafka.Record
	joined     sync.WaitGroup
	failed     chan error // holds the first error
}

// feedBatch is how many records a batch holds at most, feedBytes how many bytes from which on it is full: what a busy producer sends.
const (
	feedBatch = 500
	feedBytes = 256 << 10
)

func newFeeder(ctx context.Context, client *kafka.Client, topic string, partitions int) *feeder {
	f := &feeder{client: client, topic: topic, failed: make(chan error, 1)}
	for i := range partitions {
		queue := make(chan kafka.Record, 2*feedBatch)
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
	f.queues[id] <- kafka.Record{Key: kafka.NewBytes(key), Value: kafka.NewBytes(value)}
}

func (f *feeder) send(ctx context.Context, id int, queue <-chan kafka.Record) {
	for first := range queue {
		batch, bytes := []kafka.Record{first}, first.Value.Len()
	more:
		for len(batch) < feedBatch && bytes < feedBytes {
			select {
			case r, ok := <-queue:
				if !ok {
					break more
				}
				batch, bytes = append(batch, r), bytes+r.Value.Len()
			default:
				break more
			}
		}
		res, err := f.client.Produce(ctx, &kafka.ProduceRequest{
			Topic: f.topic, Partition: id, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(batch...),
		})
		if err == nil {
			err = res.Error
		}
		if err != nil {
			select {
			case f.failed <- fmt.Errorf("produce events: %w", err):
			default:
			}
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
