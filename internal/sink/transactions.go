package sink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
)

// Transactions publish what came of the batches of one input partition, exactly once in the eyes of a reader with
// isolation.level=read_committed: flags, reminders and dead letters of a batch and the group's position behind it are one transaction.
//
// # The guarantee
//
// When Deliver or Commit returns without an error, the transaction is committed. After any other end, be it an error, a crash or a
// power cut, it is committed whole or not at all, and the group's position says which. Whoever has the partition next calls Fence and then
// reads the position; from there on nobody else's transaction of this partition can be committed any more, and what had been
// begun is aborted. Three things make it so:
//
//   - The transactional id names group, topic and partition. Fence has the broker raise its epoch, and refuse the old one.
//   - The position is committed with the generation and the member, so that a member of an earlier generation is refused even
//     if it is the last to have called Fence.
//   - Nothing but these transactions moves the position. A plain commit that was held up on its way could arrive behind a transaction and
//     take the position back to before it. So a batch with nothing to publish has no commit of its own: its position goes with the
//     next transaction, or with Commit, which is a transaction of the position alone.
//
// A batch that was aborted is published again by the next try, or the next owner: its claims are its own (see decide), so they hide nothing.
//
// # How it breaks
//
//   - Readers with read_uncommitted, the default of most clients, see what was aborted too: the same ids again, as without transactions.
//   - While a transaction is open, read_committed readers of its output partitions wait. If its worker dies they do so until the partition has
//     a new owner, at most for TransactionTimeout.
//   - Brokers before Kafka 3.6 do not check that an append belongs to an open transaction. One that a connection has
//     swallowed, and gives back after its transaction was aborted by the very worker that began it, may come out with the
//     next transaction. All clients have this in common; the repeat has the same id.
type Transactions struct {
	sink    *Sink
	id      string
	session session // its sequence is unused: there is one for each output partition
	outage  outage

	mu         sync.Mutex // guards what follows while batches are on their way
	sequences  map[place]int32
	maxRecords int // of a batch, halved when the broker finds one too large
}

// Position is what a transaction commits besides its records: where the group goes on in the partition.
type Position struct {
	Group      string
	Member     string // who commits; "" with generation -1 is nobody of the group
	Generation int
	Topic      string
	Partition  int
	Offset     int64
}

// TransactionalID is the transactional id for a partition of the topic that the group reads. All those of a group begin with its name
// and a slash, so one prefixed ACL covers them.
func TransactionalID(group, topic string, partition int) string {
	return fmt.Sprintf("%s/%s/%d", group, topic, partition)
}

// Outcome is how a transaction ended.
type Outcome string

// The outcomes. After the last two Deliver and Commit return an error.
const (
	Committed Outcome = "committed"
	Aborted   Outcome = "aborted"  // and tried again
	Fenced    Outcome = "fenced"   // the partition has another owner
	InDoubt   Outcome = "in_doubt" // the broker answered the commit with an error that does not say what became of it
)

// Outcomes are all that there are.
func Outcomes() []Outcome { return []Outcome{Committed, Aborted, Fenced, InDoubt} }

var (
	// ErrFenced says that the partition belongs to somebody else now: the lane must end.
	ErrFenced = errors.New("the partition has another owner")

	// ErrInDoubt says that a transaction is committed or not, and only the group's position tells: the lane must end, so that it is read.
	ErrInDoubt = errors.New("the commit of a transaction was answered with an error")
)

// Fence begins Transactions under a transactional id, and ends those that anybody else has begun under it: when it returns, they are
// committed or aborted, and their owners cannot begin others. It tries on until ctx ends, which is its only error.
func (s *Sink) Fence(ctx context.Context, id string) (*Transactions, error) {
	t := s.transactions(id)
	for pause := minPause; ; pause = min(2*pause, s.producer.maxPause) {
		err := t.init(ctx)
		if err == nil {
			t.recovered()
			return t, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("fence the last owner: %w", ctx.Err())
		}
		t.stalled(fmt.Errorf("fence the last owner: %w", err))
		sleep(ctx, pause)
	}
}

func (s *Sink) transactions(id string) *Transactions {
	return &Transactions{sink: s, id: id, session: session{id: -1, epoch: -1}, maxRecords: maxBatchRecords}
}

// TryTransactions does once, under a transactional id of its own, what Fence and Commit need rights for, and aborts it. The error says what
// has stood in the way until ctx ended.
func (s *Sink) TryTransactions(ctx context.Context, group, topic string) error {
	t := s.transactions(group + "/" + topic + "/check")
	if err := t.insist(ctx, "get a producer id for "+t.id, t.init); err != nil {
		return err
	}
	if err := t.insist(ctx, "add group to transaction", func(ctx context.Context) error { return t.addOffsets(ctx, group) }); err != nil {
		return err
	}
	return t.insist(ctx, "abort transaction", func(ctx context.Context) error { return t.endTxn(ctx, false) })
}

// Deliver is Sink.Deliver with the position behind the batch in the same transaction. Where nothing is to be published it does not commit, and
// Stats says so. The errors are ErrFenced, ErrInDoubt, that of ctx, and those of a broker that has forgotten the transactional
// id; after any of them the lane must end.
func (t *Transactions) Deliver(ctx context.Context, o Origin, items []Item, dead []DeadLetter, at Position) (Stats, error) {
	committed := false
	st, err := t.sink.deliver(ctx, o, items, dead, func(ctx context.Context, out []*shipment) error {
		committed = len(out) > 0
		if !committed {
			return nil
		}
		return t.run(ctx, out, at)
	})
	st.Committed = committed && err == nil
	return st, err
}

// Commit is a transaction of the position alone. Its errors are those of Deliver.
func (t *Transactions) Commit(ctx context.Context, at Position) error {
	if err := t.run(ctx, nil, at); err != nil {
		return fmt.Errorf("commit position: %w", err)
	}
	return nil
}

// run tries transactions until one is committed, and tells how it ended.
func (t *Transactions) run(ctx context.Context, out []*shipment, at Position) error {
	err := t.insistOnOne(ctx, out, at)
	switch {
	case err == nil:
		t.grow()
		t.recovered()
		t.sink.cfg.Transaction(Committed)
	case errors.Is(err, ErrFenced):
		t.sink.cfg.Transaction(Fenced)
	case errors.Is(err, ErrInDoubt):
		t.sink.cfg.Transaction(InDoubt)
	}
	return err
}

// insistOnOne aborts and tries again. What a try is refused comes back amended with the next, as in Sink.publish. When ctx ends, the next owner
// aborts what is open, or the broker when its time is up.
func (t *Transactions) insistOnOne(ctx context.Context, out []*shipment, at Position) error {
	for pause := minPause; ; pause = min(2*pause, t.sink.producer.maxPause) {
		err := t.try(ctx, out, at)
		if err == nil || errors.Is(err, ErrFenced) || errors.Is(err, ErrInDoubt) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.sink.cfg.Transaction(Aborted)
		t.stalled(err)
		if err := t.abort(ctx); err != nil {
			return cmp.Or(ctx.Err(), err)
		}
		sleep(ctx, pause)
	}
}

// try is one transaction. It is given up when half of its time has passed and it cannot be committed yet: the rest is for aborting it before
// the broker does, which would cost the lane its epoch.
func (t *Transactions) try(ctx context.Context, out []*shipment, at Position) error {
	for _, x := range out {
		x.pack(t.sink.cfg.Now())
	}
	groups, err := t.sink.route(ctx, out)
	if err != nil {
		return err
	}
	open, cancel := context.WithTimeout(ctx, t.sink.cfg.TransactionTimeout/2)
	defer cancel()
	if err := t.begin(open, groups, at); err != nil {
		return err
	}
	if err := t.publish(open, groups); err != nil {
		return err
	}
	if err := t.insist(open, "add position to transaction", func(ctx context.Context) error { return t.commitOffset(ctx, at) }); err != nil {
		return err
	}
	return t.commit(ctx)
}

// begin tells the coordinator what the transaction will write to.
func (t *Transactions) begin(ctx context.Context, groups map[place][]*shipment, at Position) error {
	if len(groups) > 0 {
		err := t.insist(ctx, "add partitions to transaction", func(ctx context.Context) error { return t.addPartitions(ctx, groups) })
		if err != nil {
			return err
		}
	}
	return t.insist(ctx, "add group to transaction", func(ctx context.Context) error { return t.addOffsets(ctx, at.Group) })
}

// commit asks until it is answered: once it has been asked for there is no way back.
func (t *Transactions) commit(ctx context.Context) error {
	err := t.insist(ctx, "commit transaction", func(ctx context.Context) error { return t.endTxn(ctx, true) })
	if err == nil || errors.Is(err, ErrFenced) || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w: %w", ErrInDoubt, err)
}

// abort ends a transaction that came to nothing and goes on under the next epoch, so that whatever of it is still on its
// way is refused. It names the epoch that it has, so that it cannot take the partition from a new owner.
func (t *Transactions) abort(ctx context.Context) error {
	err := t.insist(ctx, "abort transaction", func(ctx context.Context) error { return t.endTxn(ctx, false) })
	if err != nil && !nothingOpen(err) {
		return err
	}
	return t.insist(ctx, "begin next epoch", t.init)
}

// publish sends the groups side by side. It returns when all of them are through: a transaction with a batch on its way must not be ended.
func (t *Transactions) publish(ctx context.Context, groups map[place][]*shipment) error {
	var wg sync.WaitGroup
	errs := make(chan error, len(groups))
	for at, group := range groups {
		wg.Go(func() { errs <- t.publishGroup(ctx, at, group) })
	}
	wg.Wait()
	close(errs)
	var first error
	for err := range errs {
		if first == nil || errors.Is(err, ErrFenced) {
			first = err
		}
	}
	return first
}

func (t *Transactions) publishGroup(ctx context.Context, at place, group []*shipment) error {
	for len(group) > 0 {
		batch := group[:t.fitting(group)]
		err := t.insist(ctx, "append records", func(ctx context.Context) error { return t.append(ctx, at, batch) })
		if outcomeOf(err) == refused {
			t.shrink(batch, err)
		}
		if err != nil {
			return err
		}
		t.advance(at, len(batch))
		group = group[len(batch):]
	}
	return nil
}

// fitting is how many of the shipments go into one batch.
func (t *Transactions) fitting(group []*shipment) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, size := 0, headerSize
	for _, x := range group[:min(len(group), t.maxRecords)] {
		size += len(x.record.body) + maxRecordPrefix
		if n > 0 && size > t.sink.producer.maxBatch {
			break
		}
		n++
	}
	return n
}

// append sends one batch. Its sequence stands still until it is acknowledged, so however often it is sent it is appended once.
func (t *Transactions) append(ctx context.Context, at place, batch []*shipment) error {
	records := make([]record, len(batch))
	for i, x := range batch {
		records[i] = x.record
	}
	s := t.session
	s.sequence = t.sequence(at)
	err := t.sink.producer.append(ctx, at, encodeBatch(records, s), t.id)
	if errors.Is(err, kafka.DuplicateSequenceNumber) {
		return nil
	}
	return err
}

func (t *Transactions) sequence(at place) int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sequences[at]
}

func (t *Transactions) advance(at place, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := session{sequence: t.sequences[at]}
	s.advance(n)
	t.sequences[at] = s.sequence
}

// shrink answers a refusal: the next try has smaller batches, or, where the record stood alone, another record.
func (t *Transactions) shrink(batch []*shipment, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(batch) > 1 {
		t.maxRecords = len(batch) / 2
		return
	}
	t.sink.amend(batch[0], why)
}

func (t *Transactions) grow() {
	t.maxRecords = min(2*t.maxRecords, maxBatchRecords)
}

func (t *Transactions) log() *zap.Logger {
	return t.sink.log.With(zap.String("transactional_id", t.id))
}

func (t *Transactions) stalled(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outage.goesOn(t.log(), t.sink.producer.patience, "transactions", err)
}

func (t *Transactions) recovered() { t.outage.isOver(t.log(), "transactions") }

// insist asks until the answer is one that asking again does not change. When ctx ends it says what has stood in the way.
func (t *Transactions) insist(ctx context.Context, what string, ask func(context.Context) error) error {
	var obstacle error
	for pause := minPause; ; pause = min(2*pause, t.sink.producer.maxPause) {
		err := judged(ask(ctx))
		switch {
		case err == nil:
			return nil
		case settled(err):
			return fmt.Errorf("%s: %w", what, err)
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", what, cmp.Or(obstacle, err))
		}
		obstacle = err
		t.stalled(fmt.Errorf("%s: %w", what, err))
		sleep(ctx, pause)
	}
}
