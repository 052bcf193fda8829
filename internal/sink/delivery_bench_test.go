package sink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"go.uber.org/zap"
)

// BenchmarkDelivery is what publishing a batch of 100 flags costs, without claims: as plain records with acks=all, idempotently,
// and in a transaction with its position; by one lane, and by six that share a sink. The ratios of one run are what counts.
func BenchmarkDelivery(b *testing.B) {
	x := newTxWorld(newWorld(b))
	x.create(TopicSpec{Name: x.input + ".6", Partitions: 6})
	for _, lanes := range []int{1, 6} {
		for _, mode := range []string{"plain", "idempotent", "transaction"} {
			b.Run(fmt.Sprintf("%s/lanes=%d", mode, lanes), func(b *testing.B) {
				s := x.sink()
				s.log, s.producer.log = zap.NewNop(), zap.NewNop()
				publish := make([]func(context.Context, int64) error, lanes)
				for i := range publish {
					publish[i] = x.publisher(s, mode, i)
				}
				b.ResetTimer()
				var wg sync.WaitGroup
				for i := range publish {
					wg.Go(func() {
						for n := i; n < b.N; n += lanes {
							if err := publish[i](b.Context(), int64(n)); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "flags/s")
			})
		}
	}
}

// publisher publishes batches of one lane.
func (x *txWorld) publisher(s *Sink, mode string, lane int) func(context.Context, int64) error {
	batch := func(offset int64) []*shipment {
		items, verdicts := make([]Item, 100), make([]verdict, 100)
		for i := range items {
			items[i], verdicts[i] = phone(offset, fmt.Sprint("c-", lane, "-", i), "+923001234567"), claimed
		}
		return s.notices(origin, items, verdicts, &Stats{})
	}
	at := Position{Group: x.group, Generation: -1, Topic: x.input + ".6", Partition: lane}
	switch mode {
	case "plain":
		return func(ctx context.Context, offset int64) error { return s.publishPlain(ctx, batch(offset)) }
	case "idempotent":
		return func(ctx context.Context, offset int64) error { return s.publish(ctx, batch(offset)) }
	}
	tx, err := s.Fence(deadline(x.t), TransactionalID(at.Group, at.Topic, lane))
	if err != nil {
		x.t.Fatal(err)
	}
	return func(ctx context.Context, offset int64) error {
		at.Offset = offset
		return tx.run(ctx, batch(offset), at)
	}
}

// publishPlain has no producer id: what is sent again is appended again.
func (s *Sink) publishPlain(ctx context.Context, out []*shipment) error {
	for _, x := range out {
		x.pack(s.cfg.Now())
	}
	groups, err := s.route(ctx, out)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, 0, len(groups))
	var mu sync.Mutex
	for at, group := range groups {
		wg.Go(func() {
			records := make([]record, len(group))
			for i, x := range group {
				records[i] = x.record
			}
			err := s.producer.append(ctx, at, encodeBatch(records, session{id: -1, epoch: -1, sequence: -1}), "")
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
