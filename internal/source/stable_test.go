package source

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// openTransaction is somebody's transaction that moves the group's position, and waits for its end.
type openTransaction struct {
	r       *rig
	id      string
	session *kafka.ProducerSession
}

// beginCommit leaves a commit of the offset in an open transaction.
func (r *rig) beginCommit(offset int64) *openTransaction {
	r.t.Helper()
	x := &openTransaction{r: r, id: r.group}
	eventually(r.t, "a producer id", func() bool {
		res, err := r.client.InitProducerID(r.ctx(), &kafka.InitProducerIDRequest{
			TransactionalID: x.id, TransactionTimeoutMs: int(patience.Milliseconds()), ProducerID: -1, ProducerEpoch: -1,
		})
		if err != nil || res.Error != nil {
			return false
		}
		x.session = res.Producer
		return true
	})
	eventually(r.t, "group in transaction", func() bool {
		res, err := r.client.AddOffsetsToTxn(r.ctx(), &kafka.AddOffsetsToTxnRequest{
			TransactionalID: x.id, ProducerID: x.session.ProducerID, ProducerEpoch: x.session.ProducerEpoch, GroupID: r.group,
		})
		return err == nil && res.Error == nil
	})
	eventually(r.t, "offset in transaction", func() bool {
		res, err := r.client.TxnOffsetCommit(r.ctx(), &kafka.TxnOffsetCommitRequest{
			TransactionalID: x.id, ProducerID: x.session.ProducerID, ProducerEpoch: x.session.ProducerEpoch, GroupID: r.group, GenerationID: -1,
			Topics: map[string][]kafka.TxnOffsetCommit{r.topic: {{Offset: offset}}},
		})
		return err == nil && res.Topics[r.topic][0].Error == nil
	})
	return x
}

func (x *openTransaction) commit() error {
	res, err := x.r.client.EndTxn(x.r.ctx(), &kafka.EndTxnRequest{
		TransactionalID: x.id, ProducerID: x.session.ProducerID, ProducerEpoch: x.session.ProducerEpoch, Committed: true,
	})
	if err == nil {
		err = res.Error
	}
	return err
}

// seat is a lane that notes where it begins, and whether that is committed.
type seat struct {
	first, unsaved atomic.Int64
	taken          chan struct{}
}

func newSeat() *seat { return &seat{taken: make(chan struct{})} }

func (s *seat) lane(ctx context.Context, p *Partition) error {
	s.unsaved.Store(-1)
	if offset, ok := p.Unsaved(); ok {
		s.unsaved.Store(offset)
	}
	b, err := p.Next(ctx)
	if err != nil {
		return err
	}
	s.first.Store(b.Records[0].Offset)
	p.Done(b)
	close(s.taken)
	return idle(ctx, p)
}

// What a former owner commits up to the fence is where the lane begins; nothing that the lane does moves the position after that.
func TestPositionIsReadBehindTheFence(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	r.produce(r.producer(), 1, 0, 100)
	r.commitAs(20)
	x := r.beginCommit(50)
	s, cfg := newSeat(), r.config()
	var fences, commits atomic.Int64
	cfg.Hooks.Commit = func(error) { commits.Add(1) }
	cfg.Fence = func(context.Context, int) error {
		if n := fences.Add(1); n == 1 {
			return errors.New("try again")
		}
		return x.commit()
	}
	c := r.run(cfg, s.lane)
	<-s.taken
	if got := s.first.Load(); got != 50 || s.unsaved.Load() != -1 {
		t.Errorf("the lane begins at %d, unsaved %d", got, s.unsaved.Load())
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	if got := r.committed(0); got != 50 || commits.Load() != 0 || fences.Load() < 2 {
		t.Errorf("committed %d, %d commits, %d fences", got, commits.Load(), fences.Load())
	}
}

// A position that an open transaction is about to move is waited for.
func TestUnstablePositionIsAwaited(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	r.produce(r.producer(), 1, 0, 100)
	r.commitAs(20)
	x := r.beginCommit(50)
	s, cfg := newSeat(), r.config()
	cfg.Fence = func(context.Context, int) error { return nil }
	c := r.run(cfg, s.lane)
	eventually(t, "the consumer finds the position unstable", func() bool {
		return slices.ContainsFunc(c.logs.FilterMessage("reading is held up").All(), func(e observer.LoggedEntry) bool {
			return strings.Contains(errorOf(e), "Unstable")
		})
	})
	if err := x.commit(); err != nil {
		t.Fatal(err)
	}
	<-s.taken
	if got := s.first.Load(); got != 50 {
		t.Errorf("the lane begins at %d", got)
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
}

// Where nothing is committed, the lane is told so, and where it begins.
func TestNoPositionBehindTheFence(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	r.produce(r.producer(), 1, 0, 10)
	s, cfg := newSeat(), r.config()
	cfg.Fence = func(context.Context, int) error { return nil }
	c := r.run(cfg, s.lane)
	<-s.taken
	if s.first.Load() != 0 || s.unsaved.Load() != 0 {
		t.Errorf("the lane begins at %d, unsaved %d", s.first.Load(), s.unsaved.Load())
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
}

// A lane that says what it has saved is not told to save it.
func TestSaved(t *testing.T) {
	p := &Partition{end: context.Background()}
	p.start(7)
	if offset, ok := p.Unsaved(); !ok || offset != 7 {
		t.Errorf("unsaved %d, %v", offset, ok)
	}
	p.Saved(7)
	if _, ok := p.Unsaved(); ok {
		t.Error("saved, and still unsaved")
	}
	p.Saved(3)
	end, stop := context.WithCancelCause(context.Background())
	p.end = end
	stop(errReplaced)
	if _, ok := p.Unsaved(); ok {
		t.Error("the offset is to be committed to another topic")
	}
}

// errorOf is the error of a line of the log.
func errorOf(e observer.LoggedEntry) string {
	s, _ := e.ContextMap()["error"].(string)
	return s
}

// A broker that is too old is refused with a word about it.
func TestOldBrokerHasNoStablePositions(t *testing.T) {
	t.Parallel()
	r := newRig(t, fake(t, kfake.MaxVersions(kversion.V2_4_0())).ListenAddrs(), 1)
	cfg := r.config()
	cfg.Fence = func(context.Context, int) error { return nil }
	c := r.run(cfg, idle)
	eventually(t, "the log says what is needed", func() bool {
		return slices.ContainsFunc(c.logs.All(), func(e observer.LoggedEntry) bool {
			return e.Level == zapcore.WarnLevel && strings.Contains(errorOf(e), "Kafka 2.5")
		})
	})
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestDecodeStable(t *testing.T) {
	body := []byte{0, 0, 0, 0, 0, 0, 0, 1} // length, correlation
	body = append(body, 0)                 // tags
	body = append(body, 0, 0, 0, 0)        // throttle time
	body = append(body, 2, 2, 't')         // one topic
	body = append(body, 3)                 // two partitions
	part := func(id byte, offset int64, code byte) {
		body = append(body, 0, 0, 0, id)
		body = be.AppendUint64(body, uint64(offset))
		body = append(body, 0, 0, 0, 9) // leader epoch
		body = append(body, 3, 'm', 'd')
		body = append(body, 0, code, 0)
	}
	part(1, 42, 0)
	part(2, -1, 88)
	body = append(body, 0)    // tags of the topic
	body = append(body, 0, 3) // code
	body = append(body, 0)    // tags
	finish(body)
	res, err := decodeStable(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if res.code != 3 || res.committed[1] != 42 || res.committed[2] != -1 || res.codes[1] != 0 || res.codes[2] != 88 {
		t.Errorf("%+v", res)
	}
	for n := range body {
		if _, err := decodeStable(bytes.NewReader(body[:n])); err == nil {
			t.Errorf("%d of %d bytes are taken for all", n, len(body))
		}
	}
}
