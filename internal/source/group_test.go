package source

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// The tests of this file hold on any Kafka: see brokers.

func TestReadsAllCodecs(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 2)
	n := 0
	for _, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	} {
		r.produce(r.producer(kgo.ProducerBatchCompression(codec)), 2, n, 700)
		n += 700
	}
	l := newLedger(t)
	c := r.run(r.config(), l.lane("a"))
	eventually(t, "all records", func() bool { return l.count() == 2*n })
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	l.exactly(2, n)
	for p, rs := range l.records {
		for i, rec := range rs {
			if rec.Code != "" || rec.Message.EventID != string(event(i)[13:13+len(rec.Message.EventID)]) {
				t.Fatalf("partition %d, offset %d: code %q, event %q", p, i, rec.Code, rec.Message.EventID)
			}
		}
		if got := r.committed(p); got != int64(n) {
			t.Errorf("partition %d is committed up to %d, want %d", p, got, n)
		}
	}
}

// A second member takes its share, dies in peace, and the first one takes all again: nobody loses or repeats a record, and no partition has
// two lanes at a time.
func TestRebalance(t *testing.T) {
	t.Parallel()
	const partitions = 4
	r := newRig(t, brokers(t), partitions)
	l, cl := newLedger(t), r.producer()
	n := 0
	more := func() {
		r.produce(cl, partitions, n, 100)
		n += 100
	}
	a := r.run(r.config(), l.lane("a"))
	more()
	eventually(t, "first records", func() bool { return l.count() == partitions*n })

	b := r.run(r.config(), l.lane("b"))
	eventually(t, "both to have two partitions", func() bool {
		more()
		shares := map[string]int{}
		for _, name := range l.owners() {
			shares[name]++
		}
		return shares["a"] == 2 && shares["b"] == 2
	})
	more()
	eventually(t, "records of both", func() bool { return l.count() == partitions*n })
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	more()
	eventually(t, "the rest", func() bool { return l.count() == partitions*n })
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	l.exactly(partitions, n)
	for p := range partitions {
		if got := r.committed(p); got != int64(n) {
			t.Errorf("partition %d is committed up to %d, want %d", p, got, n)
		}
	}
}

// A member that gets no partition waits in peace.
func TestMoreMembersThanPartitions(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	l := newLedger(t)
	a := r.run(r.config(), l.lane("a"))
	eventually(t, "a lane", func() bool { return len(l.owners()) == 1 })
	b := r.run(r.config(), l.lane("b"))
	joined := func() int {
		return a.logs.FilterMessage("joined group").Len() + b.logs.FilterMessage("joined group").Len()
	}
	eventually(t, "both", func() bool { return joined() >= 3 && len(l.owners()) == 1 })
	time.Sleep(4 * r.config().WatchInterval)
	if n := joined(); n > 4 {
		t.Errorf("the group was joined %d times", n)
	}
	r.produce(r.producer(), 1, 0, 10)
	eventually(t, "records", func() bool { return l.count() == 10 })
	if err := errors.Join(b.stop(), a.stop()); err != nil {
		t.Fatal(err)
	}
	l.exactly(1, 10)
}

// What a lane has taken and not done when it fails is given again, from the commit on and nothing before it.
func TestRedelivery(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	r.produce(r.producer(), 1, 0, 2*MaxRecords) // two batches at least
	l := newLedger(t)
	var failed atomic.Int64 // the first offset that was taken and not done
	failed.Store(-1)
	broken := errors.New("broken")
	c := r.run(r.config(), func(ctx context.Context, p *Partition) error {
		if failed.Load() >= 0 {
			return l.lane("a")(ctx, p)
		}
		first, err := p.Next(ctx)
		if err != nil {
			return err
		}
		l.write(p, first)
		p.Done(first)
		second, err := p.Next(ctx)
		if err != nil {
			return err
		}
		failed.Store(second.Records[0].Offset)
		return broken
	})
	eventually(t, "all records", func() bool { return l.count() >= 2*MaxRecords })
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	l.exactly(1, 2*MaxRecords)
	if f := failed.Load(); f < 1 || f > MaxRecords {
		t.Errorf("lane failed at offset %d", f)
	}
	if n := c.logs.FilterMessageSnippet("lane failed").Len(); n != 1 {
		t.Errorf("%d log lines say that the lane failed", n)
	}
}

// A lane may take as few records at a time as it likes, and change its mind.
func TestLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	r.produce(r.producer(), 1, 0, 1500)
	l := newLedger(t)
	c := r.run(r.config(), func(ctx context.Context, p *Partition) error {
		for limit := 0; ; limit = limit%7 + 1 {
			p.Limit(limit)
			b, err := p.Next(ctx)
			if err != nil {
				return err
			}
			if n := len(b.Records); n > max(limit, 1) {
				t.Errorf("%d records, want %d at most", n, limit)
			}
			l.write(p, b)
			p.Done(b)
		}
	})
	eventually(t, "all records", func() bool { return l.count() >= 1500 })
	eventually(t, "their commit", func() bool { return r.committed(0) == 1500 })
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	l.exactly(1, 1500)
}

// What comes while nobody is there, before the first record was ever read, is read.
func TestNothingIsMissedWhileAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	c := r.run(r.config(), idle)
	eventually(t, "a position", func() bool { return r.committed(0) == 0 })
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	r.produce(r.producer(), 1, 0, 10)
	l := newLedger(t)
	c = r.run(r.config(), l.lane("a"))
	eventually(t, "records", func() bool { return l.count() >= 10 })
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	l.exactly(1, 10)
}

// A commit never covers a batch that is not done, whatever is done behind it.
func TestCommitsAreContiguous(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	r.produce(r.producer(), 1, 0, 3*MaxRecords)
	l := newLedger(t)
	taken, finish := make(chan int64), make(chan int)
	cfg := r.config()
	commits := make(chan error, 1000)
	cfg.Hooks.Commit = func(err error) { commits <- err }
	c := r.run(cfg, func(ctx context.Context, p *Partition) error {
		var batches []*Batch
		for len(batches) < 3 {
			b, err := p.Next(ctx)
			if err != nil {
				return err
			}
			batches = append(batches, b)
			taken <- b.Next
		}
		for i := range finish {
			p.Done(batches[i])
			p.Done(batches[i]) // twice is as good as once
		}
		return l.lane("a")(ctx, p)
	})
	next := []int64{<-taken, <-taken, <-taken}
	if err := <-commits; err != nil || r.committed(0) != 0 {
		t.Fatalf("position at the start: %v, committed %d", err, r.committed(0))
	}
	finish <- 2
	finish <- 1
	time.Sleep(4 * r.config().CommitInterval)
	if got := r.committed(0); got != 0 {
		t.Errorf("committed %d while the first batch is not done", got)
	}
	finish <- 0
	eventually(t, "commit of all three", func() bool { return r.committed(0) == next[2] })
	close(finish)
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
}

// A lane that overstays is expelled: what it says it has done does not move the position of the partition's new owner.
func TestFencing(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	r.produce(r.producer(), 1, 0, 100)
	cfg := r.config()
	cfg.RebalanceTimeout = time.Second
	refused := make(chan error, 100)
	cfg.Hooks.Commit = func(err error) {
		if err != nil {
			refused <- err
		}
	}
	taken, release := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	a := r.run(cfg, func(ctx context.Context, p *Partition) error {
		b, err := p.Next(ctx)
		if err != nil || !once.CompareAndSwap(false, true) {
			return idle(ctx, p)
		}
		close(taken)
		<-release // beyond the end of ctx
		p.Done(b)
		return nil
	})
	<-taken
	// b gets the partition only because a is expelled, and does nothing about it: the position stays where it was.
	assigned := make(chan []int, 10)
	cfg.Hooks = Hooks{Assigned: func(ids []int) { assigned <- ids }}
	b := r.run(cfg, idle)
	for ids := range assigned {
		if slices.Equal(ids, []int{0}) {
			break
		}
	}
	close(release)
	if err := <-refused; !isFenced(errors.Unwrap(err)) && !isFenced(err) {
		t.Errorf("commit was refused with %v", err)
	}
	if got := r.committed(0); got != 0 {
		t.Errorf("position is %d, moved by a member that was expelled", got)
	}
	if err := errors.Join(a.stop(), b.stop()); err != nil {
		t.Fatal(err)
	}
}

// idle takes everything and is done with nothing.
func idle(ctx context.Context, p *Partition) error {
	for {
		if _, err := p.Next(ctx); err != nil {
			return err
		}
	}
}

// When ctx ends, a batch in hand can be finished, is committed, and the group is left at once.
func TestDrain(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	r.produce(r.producer(), 1, 0, 50)
	taken, release := make(chan struct{}), make(chan struct{})
	var next atomic.Int64
	states := make(chan GroupState, 10)
	cfg := r.config()
	cfg.Hooks.Group = func(s GroupState) { states <- s }
	c := r.run(cfg, func(ctx context.Context, p *Partition) error {
		b, err := p.Next(ctx)
		if err != nil {
			return err
		}
		next.Store(b.Next)
		close(taken)
		<-release
		if ctx.Err() != nil {
			t.Error("context has ended before its time")
		}
		p.Done(b)
		if _, err := p.Next(ctx); !errors.Is(err, ErrEnd) {
			t.Errorf("Next in a drain: %v", err)
		}
		return nil
	})
	<-taken
	c.cancel()
	time.Sleep(50 * time.Millisecond)
	close(release)
	if err := <-c.err; err != nil {
		t.Fatal(err)
	}
	if got := r.committed(0); got != next.Load() || got == 0 {
		t.Errorf("committed %d, want %d", got, next.Load())
	}
	eventually(t, "the group to be empty", func() bool {
		res, err := r.client.DescribeGroups(r.ctx(), &kafka.DescribeGroupsRequest{GroupIDs: []string{r.group}})
		return err == nil && len(res.Groups) == 1 && len(res.Groups[0].Members) == 0
	})
	close(states)
	var seen []GroupState
	for s := range states {
		seen = append(seen, s)
	}
	if !slices.Equal(seen, []GroupState{Waiting, Joined, Left}) {
		t.Errorf("states %v", seen)
	}
}

// A lane that does not finish loses its context after DrainTimeout, and its batch is not committed.
func TestDrainTimeout(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	r.produce(r.producer(), 1, 0, 50)
	cfg := r.config()
	cfg.DrainTimeout = 200 * time.Millisecond
	taken := make(chan struct{})
	c := r.run(cfg, func(ctx context.Context, p *Partition) error {
		if _, err := p.Next(ctx); err != nil {
			return err
		}
		close(taken)
		<-ctx.Done()
		return ctx.Err()
	})
	<-taken
	began := time.Now()
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d < cfg.DrainTimeout {
		t.Errorf("context ended after %s", d)
	}
	if n := c.logs.FilterMessageSnippet("lanes take too long to end").Len(); n != 1 {
		t.Errorf("%d log lines say so", n)
	}
	if got := r.committed(0); got != 0 {
		t.Errorf("committed %d", got)
	}
}

func TestNewPartitions(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	l, cl := newLedger(t), r.producer(kgo.MetadataMinAge(50*time.Millisecond), kgo.MetadataMaxAge(200*time.Millisecond))
	c := r.run(r.config(), l.lane("a"))
	r.produce(cl, 1, 0, 10)
	eventually(t, "records of the first partition", func() bool { return l.count() == 10 })
	res, err := r.client.CreatePartitions(r.ctx(), &kafka.CreatePartitionsRequest{
		Topics: []kafka.TopicPartitionsConfig{{Name: r.topic, Count: 3}},
	})
	if err == nil {
		err = res.Errors[r.topic]
	}
	if err != nil {
		t.Fatal(err)
	}
	r.awaitLeaders(3)
	r.produce(r.producer(), 3, 10, 10)
	eventually(t, "records of all partitions", func() bool { return l.count() == 40 })
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	if got := l.offsets(2); !slices.Equal(got, upTo(0, 10)) {
		t.Errorf("partition 2 gave %v", got)
	}
}

// The topic's id is the partition's incarnation; a topic of the same name is another one, and is read from its start.
func TestIncarnation(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	l := newLedger(t)
	incarnations := make(chan string, 10)
	c := r.run(r.config(), func(ctx context.Context, p *Partition) error {
		incarnations <- p.Incarnation
		return l.lane("a")(ctx, p)
	})
	r.produce(r.producer(), 1, 0, 20)
	eventually(t, "first records", func() bool { return l.count() == 20 })
	eventually(t, "their commit", func() bool { return r.committed(0) == 20 })
	first := <-incarnations
	if _, err := r.client.DeleteTopics(r.ctx(), &kafka.DeleteTopicsRequest{Topics: []string{r.topic}}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // deletion goes on behind the answer
	r.create(1)
	r.produce(r.producer(), 1, 100, 5)
	eventually(t, "records of the new topic", func() bool { return l.count() == 25 })
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	close(incarnations)
	second := ""
	for i := range incarnations {
		second = i
	}
	if len(first) != 36 || len(second) != 36 || first == second {
		t.Errorf("incarnations %q and %q", first, second)
	}
}

// A topic may come later than its reader.
func TestTopicComesLater(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 0)
	l := newLedger(t)
	c := r.run(r.config(), l.lane("a"))
	awaited := func() int { // a broker that has just begun may have the worker wait for a coordinator too
		return c.logs.FilterMessage("waiting for Kafka").FilterField(zap.String("reason", "topic missing, or no right to describe it")).Len()
	}
	eventually(t, "a log line", func() bool { return awaited() == 1 })
	time.Sleep(300 * time.Millisecond)
	r.create(1)
	r.produce(r.producer(), 1, 0, 10)
	eventually(t, "records", func() bool { return l.count() == 10 })
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	if n := awaited(); n != 1 {
		t.Errorf("%d lines say that the topic is awaited", n)
	}
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	ctx := r.ctx()
	cl := r.producer(kgo.TransactionalID(r.topic), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	transaction := func(from int, how kgo.TransactionEndTry) {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		r.produce(cl, 1, from, 10)
		if err := cl.EndTransaction(ctx, how); err != nil {
			t.Fatal(err)
		}
	}
	transaction(0, kgo.TryCommit)
	transaction(100, kgo.TryAbort)
	transaction(200, kgo.TryCommit)
	transaction(300, kgo.TryAbort)
	l := newLedger(t)
	c := r.run(r.config(), l.lane("a"))
	eventually(t, "what was committed", func() bool { return l.count() == 20 })
	// The position passes over what was aborted, and its markers.
	eventually(t, "position at the end of the log", func() bool { return r.committed(0) == 44 })
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	if got, want := l.offsets(0), append(upTo(0, 10), upTo(22, 32)...); !slices.Equal(got, want) {
		t.Errorf("offsets %v, want %v", got, want)
	}
	if got := l.records[0][10].Message.EventID; got != "e200" {
		t.Errorf("record after the aborted ones is event %q", got)
	}
}

func TestOutOfRange(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		policy    string
		committed int64 // of a log from 60 to 100
		gap       Gap
		offsets   []int64 // of the records that come, 10 more having been written
	}{
		{"behind, earliest", Earliest, 10, Gap{From: 10, To: 60, Lost: 50}, upTo(60, 110)},
		{"behind, latest", Latest, 10, Gap{From: 10, To: 100, Lost: 90}, upTo(100, 110)},
		{"behind, fail", Fail, 10, Gap{}, nil},
		{"ahead, earliest", Earliest, 500, Gap{From: 500, To: 60}, upTo(60, 110)},
		{"ahead, latest", Latest, 500, Gap{From: 500, To: 100}, upTo(100, 110)},
		{"ahead, fail", Fail, 500, Gap{}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, brokers(t), 1)
			cl := r.producer()
			r.produce(cl, 1, 0, 100)
			r.truncate(cl, 60)
			r.commitAs(test.committed)
			l := newLedger(t)
			cfg := r.config()
			cfg.OutOfRange = test.policy
			gaps := make(chan Gap, 10)
			cfg.Hooks.Gap = func(g Gap) { gaps <- g }
			c := r.run(cfg, l.lane("a"))
			if test.policy == Fail {
				if err := <-c.err; !errors.Is(err, ErrOutOfRange) {
					t.Errorf("Run: %v", err)
				}
				if got := r.committed(0); got != test.committed {
					t.Errorf("position moved to %d", got)
				}
				return
			}
			if got := <-gaps; got != test.gap {
				t.Errorf("gap %+v, want %+v", got, test.gap)
			}
			r.produce(cl, 1, 100, 10)
			eventually(t, "records", func() bool { return l.count() >= len(test.offsets) })
			if err := c.stop(); err != nil {
				t.Fatal(err)
			}
			if got := l.offsets(0); !slices.Equal(got, test.offsets) {
				t.Errorf("offsets %v", got)
			}
			if l.lost != test.gap.Lost || len(gaps) > 0 {
				t.Errorf("batches say that %d are lost; %d more gaps", l.lost, len(gaps))
			}
			if got := r.committed(0); got != 110 {
				t.Errorf("committed %d", got)
			}
		})
	}
}

// Retention overtakes a lane that works: what it removes unread is counted to the record.
func TestRetentionOvertakesALane(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	const n, kept = 4000, 3900
	cl := r.producer()
	for i := 0; i < n; i += 100 {
		r.produce(cl, 1, i, 100)
	}
	cfg := r.config()
	cfg.MaxBatchBytes = 8 << 10
	var gap atomic.Int64
	cfg.Hooks.Gap = func(g Gap) { gap.Add(g.Lost) }
	l := newLedger(t)
	begun, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	run := r.run(cfg, func(ctx context.Context, p *Partition) error {
		once.Do(func() {
			close(begun)
			<-release
		})
		return l.lane("a")(ctx, p)
	})
	<-begun
	r.truncate(cl, kept)
	close(release)
	eventually(t, "position at the end", func() bool { return r.committed(0) == n })
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	read := l.offsets(0)
	if len(dedupe(slices.Clone(read))) != len(read) {
		t.Errorf("records came twice: %v", read)
	}
	if lost := gap.Load(); lost == 0 || lost != l.lost || len(read)+int(lost) != n {
		t.Errorf("%d records read, gaps of %d, batches say %d; there were %d", len(read), lost, l.lost, n)
	}
}

// truncate removes the records below the offset, as retention does.
func (r *rig) truncate(cl *kgo.Client, offset int64) {
	r.t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic = r.topic
	part := kmsg.NewDeleteRecordsRequestTopicPartition()
	part.Offset = offset
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	req.TimeoutMillis = 5000
	res, err := req.RequestWith(r.ctx(), cl)
	if err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
		r.t.Fatal("delete records:", err, res)
	}
}

// A lane must not return while its partition is its own; one that always fails does not spin.
func TestLaneFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 2)
	var starts atomic.Int64
	c := r.run(r.config(), func(ctx context.Context, p *Partition) error {
		starts.Add(1)
		if p.ID == 0 {
			return nil
		}
		_, err := p.Next(ctx)
		if !errors.Is(err, ErrEnd) {
			t.Errorf("the other lane's Next: %v", err)
		}
		return err
	})
	eventually(t, "three tries", func() bool { return c.logs.FilterMessageSnippet("lane failed").Len() >= 3 })
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	if n := starts.Load(); n > 20 {
		t.Errorf("%d starts", n)
	}
}

func TestLag(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	r.produce(r.producer(), 1, 0, 10)
	lags := make(chan Lag, 1000)
	cfg := r.config()
	cfg.Hooks.Lag = func(l Lag) { lags <- l }
	release := make(chan struct{})
	l := newLedger(t)
	c := r.run(cfg, func(ctx context.Context, p *Partition) error {
		<-release
		return l.lane("a")(ctx, p)
	})
	if got := <-lags; got.Messages != 10 || got.Partition != 0 {
		t.Errorf("lag at first: %+v", got)
	}
	close(release)
	for lag := range lags {
		if lag.Messages == 0 {
			if lag.Behind != 0 {
				t.Errorf("no lag, and %s behind", lag.Behind)
			}
			break
		}
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
}
