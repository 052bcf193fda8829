package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"onside/internal/sink"
	"onside/internal/source"
)

// What a transacted partition needs of its neighbours.
type (
	// committable are the batches of a partition whose offsets the lane commits.
	committable interface {
		batches
		Unsaved() (offset int64, ok bool)
		Saved(offset int64)
	}
	// transactor publishes and commits in one.
	transactor interface {
		Deliver(ctx context.Context, o sink.Origin, items []sink.Item, dead []sink.DeadLetter, at sink.Position) (sink.Stats, error)
		Commit(ctx context.Context, at sink.Position) error
	}
)

// transacted is a partition as a lane sees it with delivery exactly_once: batches, and the sink that delivers them together with the
// position behind them. The position of batches that nothing was published for is committed with the next that has something, but
// no later than every after the first of them.
type transacted struct {
	partition committable
	sink      transactor
	position  sink.Position // but for the offset
	every     time.Duration
	now       func() time.Time
	committed func(error) // told of every commit

	next  int64     // behind the batch in hand
	saved bool      // the batch in hand is committed
	due   time.Time // of the next commit; zero while there is nothing to commit
}

var (
	_ batches   = (*transacted)(nil)
	_ deliverer = (*transacted)(nil)
)

// newTransacted commits at once where the partition has no committed position: without one its next owner would begin elsewhere.
func newTransacted(p committable, t transactor, at sink.Position, every time.Duration, now func() time.Time, committed func(error)) *transacted {
	x := &transacted{partition: p, sink: t, position: at, every: every, now: now, committed: committed}
	if _, ok := p.Unsaved(); ok {
		x.due = now()
	}
	return x
}

// Next is the partition's next batch. While it waits it commits what is due, and when the partition is given back, all there is.
func (x *transacted) Next(ctx context.Context) (*source.Batch, error) {
	for {
		if err := x.commitDue(ctx); err != nil {
			return nil, err
		}
		b, err := x.await(ctx)
		switch {
		case err == nil:
			x.next, x.saved = b.Next, false
			return b, nil
		case errors.Is(err, source.ErrEnd):
			_ = x.commit(ctx) // counted; what it leaves is read again, and has published nothing
			return nil, err
		case !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
			return nil, err
		}
	}
}

// await waits for a batch, but not beyond what is due.
func (x *transacted) await(ctx context.Context) (*source.Batch, error) {
	if !x.due.IsZero() {
		until, cancel := context.WithTimeout(ctx, x.due.Sub(x.now()))
		defer cancel()
		ctx = until
	}
	return x.partition.Next(ctx)
}

// Limit has the batches to come hold no more records than that.
func (x *transacted) Limit(records int) { x.partition.Limit(records) }

// Reread reads earlier records of the partition.
func (x *transacted) Reread(ctx context.Context, offsets []int64, see func(*source.Record)) error {
	return x.partition.Reread(ctx, offsets, see)
}

// Deliver publishes and commits, or does neither where there is nothing to publish.
func (x *transacted) Deliver(ctx context.Context, o sink.Origin, items []sink.Item, dead []sink.DeadLetter) (sink.Stats, error) {
	at := x.position
	at.Offset = x.next
	st, err := x.sink.Deliver(ctx, o, items, dead, at)
	if st.Committed || err != nil {
		x.committed(err)
	}
	x.saved = st.Committed
	return st, err
}

// Done says that the batch in hand is done, committed or not.
func (x *transacted) Done(b *source.Batch) {
	x.partition.Done(b)
	switch {
	case x.saved:
		x.save(x.next)
	case x.due.IsZero():
		x.due = x.now().Add(x.every)
	}
}

func (x *transacted) save(offset int64) {
	x.partition.Saved(offset)
	x.due = time.Time{}
}

func (x *transacted) commitDue(ctx context.Context) error {
	if x.due.IsZero() || x.now().Before(x.due) {
		return nil
	}
	return x.commit(ctx)
}

// commit commits the position where it is not, in a transaction of its own.
func (x *transacted) commit(ctx context.Context) error {
	at := x.position
	var ok bool
	if at.Offset, ok = x.partition.Unsaved(); !ok {
		x.due = time.Time{}
		return nil
	}
	err := x.sink.Commit(ctx, at)
	x.committed(err)
	if err == nil {
		x.save(at.Offset)
	}
	return err
}

// fences are the transactions of partitions that were fenced and have no lane yet. The zero fences is ready to use.
type fences struct {
	mu sync.Mutex
	of map[int]*sink.Transactions
}

func (f *fences) put(partition int, t *sink.Transactions) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil {
		f.of = make(map[int]*sink.Transactions)
	}
	f.of[partition] = t
}

func (f *fences) take(partition int) *sink.Transactions {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.of[partition]
	delete(f.of, partition)
	return t
}
