package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestOutcomes(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want outcome
	}{
		{nil, acknowledged},
		{errors.New("connection reset"), doubtful},
		{context.DeadlineExceeded, doubtful},
		{kafka.RequestTimedOut, doubtful},
		{kafka.NotEnoughReplicas, doubtful},
		{kafka.NotEnoughReplicasAfterAppend, doubtful},
		{kafka.NotLeaderForPartition, doubtful},
		{kafka.TopicAuthorizationFailed, doubtful},
		{kafka.UnknownTopicOrPartition, doubtful},
		{kafka.Unknown, doubtful},
		{kafka.Error(9999), doubtful},
		{kafka.DuplicateSequenceNumber, acknowledged},
		{kafka.OutOfOrderSequenceNumber, forgotten},
		{kafka.UnknownProducerId, forgotten},
		{kafka.InvalidProducerEpoch, forgotten},
		{kafka.InvalidProducerIDMapping, forgotten},
		{kafka.ProducerFenced, forgotten},
		{kafka.MessageSizeTooLarge, refused},
		{kafka.RecordListTooLarge, refused},
		{kafka.InvalidTimestamp, refused},
		{kafka.InvalidRecord, refused},
		{fmt.Errorf("produce: %w", kafka.MessageSizeTooLarge), refused},
	} {
		if got := outcomeOf(tc.err); got != tc.want {
			t.Errorf("%v: %d, want %d", tc.err, got, tc.want)
		}
	}
}

// values are the values in a topic's partition 0, in order.
func (w *world) values(topic string) []string {
	var list []string
	for _, r := range w.records(topic) {
		if r.Partition == 0 {
			list = append(list, string(r.Value))
		}
	}
	return list
}

func texts(values ...string) []record {
	records := make([]record, len(values))
	for i, v := range values {
		records[i] = encode(message{millis: time.Now().UnixMilli(), value: []byte(v)})
	}
	return records
}

func (s *Sink) zero() *partition { return s.producer.partition(place{s.cfg.Topics.Flags, 0}) }

// queued is how many records wait for a batch.
func (p *partition) queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

func TestPublishReadsBack(t *testing.T) {
	w := newWorld(t)
	p := w.sink().zero()
	var want []string
	for i := range 5 {
		values := []string{fmt.Sprint(i, "a"), fmt.Sprint(i, "b")}
		if refused, err := p.publish(deadline(t), texts(values...)); err != nil || refused != nil {
			t.Fatal(refused, err)
		}
		want = append(want, values...)
	}
	if p.session.sequence != 10 {
		t.Errorf("sequence %d after 10 records: the broker had to be asked for a new producer id", p.session.sequence)
	}
	if diff := cmp.Diff(want, w.values(w.topics.Flags)); diff != "" {
		t.Error(diff)
	}
}

// Whatever a broker answers to an append that it made or did not make, a record is in the log once.
func TestOneRecordOnEveryFault(t *testing.T) {
	for _, fault := range []*kerr.Error{
		kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, // after the append
		kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.KafkaStorageError, kerr.LeaderNotAvailable, kerr.CorruptMessage,
		kerr.TopicAuthorizationFailed, kerr.ThrottlingQuotaExceeded, kerr.UnknownServerError, kerr.UnknownTopicOrPartition,
		kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch,
	} {
		t.Run(fault.Message, func(t *testing.T) {
			t.Parallel()
			w := newFakeWorld(t)
			s := w.sink()
			h := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: fault, Count: 3})
			for i := range 5 {
				if _, err := s.zero().publish(deadline(t), texts(fmt.Sprint(i))); err != nil {
					t.Fatal(err)
				}
			}
			if h.Hits() != 3 {
				t.Errorf("%d faults of 3 were met", h.Hits())
			}
			if diff := cmp.Diff([]string{"0", "1", "2", "3", "4"}, w.values(w.topics.Flags)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An acknowledgement that is lost on its way makes no second record either; nor does a request that is lost.
func TestOneRecordWhenTheConnectionBreaks(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	var n atomic.Int64
	s.intercept(protocol.Produce, func(_ context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
		switch n.Add(1) % 3 {
		case 0:
			return nil, errors.New("request lost")
		case 1:
			_, _ = send()
			return nil, errors.New("acknowledgement lost")
		default:
			return send()
		}
	})
	var want []string
	for i := range 10 {
		if _, err := s.zero().publish(deadline(t), texts(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(i))
	}
	if diff := cmp.Diff(want, w.values(w.topics.Flags)); diff != "" {
		t.Error(diff)
	}
}

func TestInitProducerIDIsTriedAgain(t *testing.T) {
	w := newFakeWorld(t)
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.CoordinatorLoadInProgress, Count: 3})
	if _, err := w.sink().zero().publish(deadline(t), texts("a")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a"}, w.values(w.topics.Flags)); diff != "" {
		t.Error(diff)
	}
}

// A partition that fails for long is logged once, and once when it is over; a short failure is not.
func TestStallsAreLoggedOnce(t *testing.T) {
	w := newFakeWorld(t)
	logs, seen := observer.New(zap.DebugLevel)
	s := w.sink()
	s.producer.log = zap.New(logs)
	fault := kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: 4}
	for _, patience := range []time.Duration{time.Hour, 0} {
		s.producer.patience = patience
		w.cluster.Fault(fault)
		if _, err := s.zero().publish(deadline(t), texts("a")); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for _, e := range seen.All() {
		lines = append(lines, e.Message)
	}
	if diff := cmp.Diff([]string{"publishing stalled, trying on", "publishing resumed"}, lines); diff != "" {
		t.Error(diff)
	}
}

func TestLeaderMoves(t *testing.T) {
	w := newFakeWorld(t)
	p := w.sink().zero()
	var want []string
	for i := range 20 {
		if i%5 == 4 {
			if err := w.cluster.MoveTopicPartition(w.topics.Flags, 0, 1-w.cluster.LeaderFor(w.topics.Flags, 0)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.publish(deadline(t), texts(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(i))
	}
	if diff := cmp.Diff(want, w.values(w.topics.Flags)); diff != "" {
		t.Error(diff)
	}
}

// A broker that goes away and comes back with its log on the same port: nothing lost, nothing twice.
func TestBrokerRestarts(t *testing.T) {
	w := newFakeWorld(t)
	dir := t.TempDir()
	start := func(ports ...int) *kfake.Cluster {
		opts := []kfake.Opt{kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SyncWrites()}
		if len(ports) > 0 {
			opts = append(opts, kfake.Ports(ports...))
		}
		c, err := kfake.NewCluster(opts...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := start()
	w.brokers = c.ListenAddrs()
	w.create(TopicSpec{Name: w.topics.Flags, Partitions: 1})
	p := w.sink().zero()

	var acknowledged atomic.Int64
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if _, err := p.publish(deadline(t), texts(fmt.Sprint(acknowledged.Load()))); err != nil {
				done <- err
				return
			}
			acknowledged.Add(1)
		}
	}()
	for range 3 {
		before := acknowledged.Load()
		eventually(t, "records are published", func() bool { return acknowledged.Load() > before })
		c.Close()
		c = start(portOf(t, w.brokers[0]))
	}
	defer c.Close()
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range acknowledged.Load() {
		want = append(want, fmt.Sprint(i))
	}
	if diff := cmp.Diff(want, w.values(w.topics.Flags)); diff != "" {
		t.Error(diff)
	}
}

func portOf(t *testing.T, address string) (port int) {
	t.Helper()
	if _, err := fmt.Sscan(address[strings.LastIndexByte(address, ':')+1:], &port); err != nil {
		t.Fatal(err)
	}
	return port
}

// What many lanes have for a partition while a batch is in flight goes out as the next one.
func TestGroupCommit(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	g := newGate()
	var requests atomic.Int64
	s.intercept(protocol.Produce, func(ctx context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
		requests.Add(1)
		if err := g.pass(ctx); err != nil {
			return nil, err
		}
		return send()
	})
	p := s.zero()
	var wg sync.WaitGroup
	publish := func(v string) {
		wg.Go(func() {
			if _, err := p.publish(deadline(t), texts(v)); err != nil {
				t.Error(err)
			}
		})
	}
	publish("first")
	<-g.waiting
	for i := range 20 {
		publish(fmt.Sprint(i))
	}
	eventually(t, "20 records queue up", func() bool { return p.queued() == 20 })
	g.release()
	wg.Wait()
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests for a record and the 20 that came meanwhile, want 2", n)
	}
	if got := w.values(w.topics.Flags); len(got) != 21 || got[0] != "first" {
		t.Errorf("%d records, first %q", len(got), got)
	}
}

// A sender whose context ends leaves its batch to those who wait for the same batch: the same sequence, no second record.
func TestBatchOutlivesItsSender(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	p := s.zero()
	type name struct{}
	first := newGate()
	leads := make(chan string, 1)
	var n atomic.Int64
	s.intercept(protocol.Produce, func(ctx context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
		switch n.Add(1) {
		case 1: // a, held so that b and c queue up behind it
			if err := first.pass(ctx); err != nil {
				return nil, err
			}
		case 2: // b and c together: appended, and the answer never comes
			_, _ = send()
			leads <- ctx.Value(name{}).(string)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return send()
	})
	results := make(map[string]chan error)
	cancels := make(map[string]context.CancelFunc)
	publish := func(v string) {
		ctx, cancel := context.WithCancel(context.WithValue(deadline(t), name{}, v))
		t.Cleanup(cancel)
		result := make(chan error, 1)
		results[v], cancels[v] = result, cancel
		go func() {
			_, err := p.publish(ctx, texts(v))
			result <- err
		}()
	}
	publish("a")
	<-first.waiting
	publish("b")
	eventually(t, "b queues up", func() bool { return p.queued() == 1 })
	publish("c")
	eventually(t, "c queues up", func() bool { return p.queued() == 2 })
	first.release()
	leader := <-leads
	cancels[leader]()
	if err := <-results[leader]; !errors.Is(err, context.Canceled) {
		t.Errorf("leader: %v", err)
	}
	delete(results, leader)
	for v, result := range results {
		if err := <-result; err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, w.values(w.topics.Flags)); diff != "" {
		t.Error(diff)
	}
}

// A batch that nobody waits for any more may be in the log or not: what follows uses a new producer id and is taken.
func TestAbandonedBatchForcesANewProducer(t *testing.T) {
	for _, appended := range []bool{true, false} {
		t.Run(fmt.Sprint("appended ", appended), func(t *testing.T) {
			w := newWorld(t)
			s := w.sink()
			p := s.zero()
			if _, err := p.publish(deadline(t), texts("before")); err != nil {
				t.Fatal(err)
			}
			id := p.session.id
			ctx, cancel := context.WithCancel(deadline(t))
			var n atomic.Int64
			s.intercept(protocol.Produce, func(_ context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
				if n.Add(1) > 1 {
					return send()
				}
				if appended {
					_, _ = send()
				}
				cancel()
				return nil, context.Canceled
			})
			if _, err := p.publish(ctx, texts("lost sight of")); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if _, err := p.publish(deadline(t), texts("after")); err != nil {
				t.Fatal(err)
			}
			if p.session.id == id {
				t.Error("the producer id is still the old one")
			}
			want := []string{"before", "after"}
			if appended {
				want = slices.Insert(want, 1, "lost sight of")
			}
			if diff := cmp.Diff(want, w.values(w.topics.Flags)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Records that are still in the queue when their sender goes are never sent.
func TestQueuedRecordsLeaveWithTheirSender(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	p := s.zero()
	g := newGate()
	s.intercept(protocol.Produce, func(ctx context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
		if err := g.pass(ctx); err != nil {
			return nil, err
		}
		return send()
	})
	first := make(chan error, 1)
	go func() {
		_, err := p.publish(deadline(t), texts("a"))
		first <- err
	}()
	<-g.waiting
	ctx, cancel := context.WithCancel(deadline(t))
	second := make(chan error, 1)
	go func() {
		_, err := p.publish(ctx, texts("b"))
		second <- err
	}()
	eventually(t, "b queues up", func() bool { return p.queued() == 1 })
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	g.release()
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if _, err := p.publish(deadline(t), texts("c")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "c"}, w.values(w.topics.Flags)); diff != "" {
		t.Error(diff)
	}
}

// The broker refuses a batch for one record in it: that one comes back, the others are published in their order.
func TestRefusedRecordComesBackAlone(t *testing.T) {
	w := newFakeWorld(t)
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidRecord, Count: -1, When: func(r kmsg.Request) bool {
		return strings.Contains(string(r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records), "poison")
	}})
	values := []string{"0", "1", "2", "poison", "4", "5", "6"}
	refused, err := w.sink().zero().publish(deadline(t), texts(values...))
	if err != nil {
		t.Fatal(err)
	}
	if len(refused) != 1 || !errors.Is(refused[3], kafka.InvalidRecord) {
		t.Errorf("refused %v", refused)
	}
	if diff := cmp.Diff([]string{"0", "1", "2", "4", "5", "6"}, w.values(w.topics.Flags)); diff != "" {
		t.Error(diff)
	}
}

func TestBatchesStayUnderTheLimit(t *testing.T) {
	w := newWorld(t)
	s := w.sink(func(c *Config) { c.MaxBatchBytes, c.MaxRecordBytes = 10_000, 5_000 })
	var largest atomic.Int64
	s.producer.client.Transport = tap{s.producer.client.Transport, func(_ context.Context, req kafka.Request, send func() (kafka.Response, error)) (kafka.Response, error) {
		if size := produceSize(req); size > largest.Load() {
			largest.Store(size)
		}
		return send()
	}}
	records := texts(slices.Repeat([]string{strings.Repeat("x", 900)}, 100)...)
	if _, err := s.zero().publish(deadline(t), records); err != nil {
		t.Fatal(err)
	}
	if n := largest.Load(); n > 10_000+4 || n < 5_000 {
		t.Errorf("largest batch %d bytes", n)
	}
	if got := len(w.values(w.topics.Flags)); got != 100 {
		t.Errorf("%d records of 100", got)
	}
}
