package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"onside/internal/policy"
)

// txWorld is a world with an input topic of one partition, whose group has no members but whoever says so.
type txWorld struct {
	*world
	input string
	group string
}

func newTxWorld(w *world) *txWorld {
	w.t.Helper()
	x := &txWorld{w, w.name + ".events", w.name}
	w.create(TopicSpec{Name: x.input, Partitions: 1})
	c := x.client()
	defer c.Transport.(*kafka.Transport).CloseIdleConnections()
	eventually(w.t, "the group has a position", func() bool {
		res, err := c.OffsetCommit(deadline(w.t), &kafka.OffsetCommitRequest{
			GroupID: x.group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{x.input: {{}}},
		})
		return err == nil && res.Topics[x.input][0].Error == nil
	})
	return x
}

func (x *txWorld) client() *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(x.brokers...), Timeout: 10 * time.Second, Transport: &kafka.Transport{MetadataTopics: []string{x.input}}}
}

func (x *txWorld) at(offset int64) Position {
	return Position{Group: x.group, Generation: -1, Topic: x.input, Offset: offset}
}

func (x *txWorld) fence(s *Sink) *Transactions {
	x.t.Helper()
	t, err := s.Fence(deadline(x.t), TransactionalID(x.group, x.input, 0))
	if err != nil {
		x.t.Fatal(err)
	}
	return t
}

// position is where the group goes on, once no transaction is about to move it: a broker answers a commit before it shows.
func (x *txWorld) position() int64 {
	x.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(x.brokers...))
	if err != nil {
		x.t.Fatal(err)
	}
	defer cl.Close()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.RequireStable = x.group, true
	req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: x.input, Partitions: []int32{0}}}
	var offset int64
	eventually(x.t, "the group tells its position", func() bool {
		res, err := req.RequestWith(deadline(x.t), cl)
		if err != nil || res.ErrorCode != 0 || len(res.Topics) == 0 || res.Topics[0].Partitions[0].ErrorCode != 0 {
			return false
		}
		offset = res.Topics[0].Partitions[0].Offset
		return true
	})
	return offset
}

// visible are the records of a topic that a read_committed reader has, once no transaction is open: then a partition ends with the marker of one.
func (x *txWorld) visible(topic string) (records []*kgo.Record) {
	x.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(x.brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.FetchMaxWait(50*time.Millisecond), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		x.t.Fatal(err)
	}
	defer cl.Close()
	var left map[int32]int64
	eventually(x.t, "no transaction on "+topic+" is open", func() bool {
		left = x.stable(cl, topic)
		for id, end := range x.ends(topic) {
			if left[int32(id)] != end {
				return false
			}
		}
		return true
	})
	for ctx := deadline(x.t); len(left) > 0; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			x.t.Fatalf("read %s up to %v: %v", topic, left, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset == left[r.Partition]-1 {
				delete(left, r.Partition)
			}
		})
	}
	return records
}

// stable are the offsets up to which a read_committed reader can read, of the partitions that have any.
func (x *txWorld) stable(cl *kgo.Client, topic string) map[int32]int64 {
	x.t.Helper()
	req := kmsg.NewPtrListOffsetsRequest()
	req.IsolationLevel = 1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	for id := range int32(testPartitions) {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = id, -1
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	stable := make(map[int32]int64)
	for _, shard := range cl.RequestSharded(deadline(x.t), req) {
		if shard.Err != nil {
			x.t.Fatal(shard.Err)
		}
		for _, p := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				x.t.Fatal(err)
			}
			if p.Offset > 0 {
				stable[p.Partition] = p.Offset
			}
		}
	}
	return stable
}

// shown is what a read_committed reader sees: how often each flag id, and how many reminders and dead letters.
type shown struct {
	Flags                  map[string]int
	Reminders, DeadLetters int
}

func (x *txWorld) shown() shown {
	x.t.Helper()
	s := shown{map[string]int{}, len(x.visible(x.topics.Reminders)), len(x.visible(x.topics.DeadLetters))}
	for _, r := range x.visible(x.topics.Flags) {
		var f Flag
		if err := json.Unmarshal(r.Value, &f); err != nil {
			x.t.Fatal(err)
		}
		s.Flags[f.FlagID]++
	}
	return s
}

// wanted is what a reader must see of items that are no repeats of each other.
func wanted(s *Sink, items []Item, dead int) shown {
	w := shown{Flags: map[string]int{}, DeadLetters: dead}
	for _, it := range items {
		if it.Decision.Action == policy.Remind {
			w.Reminders++
		} else {
			w.Flags[flagID(s, it)]++
		}
	}
	return w
}

// counted collects outcomes.
type counted struct {
	mu   sync.Mutex
	list []Outcome
}

func (c *counted) add(o Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, o)
}

func (c *counted) all() []Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

func someItems() ([]Item, []DeadLetter) {
	return []Item{
			phone(1, "c-1", "+923001234567"), phone(2, "c-2", "+14155550123"), call(3, "c-3"), phone(4, "c-4", "+4915112345678"),
		}, []DeadLetter{
			{Offset: 5, Time: time.Now(), Key: []byte("k"), Value: []byte("{"), Code: "json.syntax"},
		}
}

func TestTransactionsPublishAndCommit(t *testing.T) {
	x := newTxWorld(newWorld(t))
	var outcomes counted
	s := x.sink(func(c *Config) { c.Transaction = outcomes.add })
	tx := x.fence(s)
	items, dead := someItems()
	for i, want := range []Stats{
		{Flags: 3, Reminders: 1, DeadLetters: 1, Committed: true, Claims: Claims{Claimed: 4}},
		{DeadLetters: 1, Suppressed: 4, Committed: true, Claims: Claims{Duplicate: 4}}, // repeats
	} {
		batch := slices.Clone(items)
		for j := range batch {
			batch[j].Offset += int64(10 * i)
		}
		got, err := tx.Deliver(deadline(t), origin, batch, dead, x.at(int64(10*i+6)))
		got.ClaimTime, got.PublishTime = 0, 0
		if err != nil || got != want {
			t.Fatalf("batch %d: %+v, %v", i, got, err)
		}
		if got := x.position(); got != int64(10*i+6) {
			t.Errorf("position %d behind batch %d", got, i)
		}
	}
	got, err := tx.Deliver(deadline(t), origin, []Item{phone(20, "c-1", "+923001234567")}, nil, x.at(21))
	if err != nil || got.Committed || got.Suppressed != 1 || x.position() != 16 {
		t.Errorf("nothing but a repeat: %+v, %v, position %d", got, err, x.position())
	}
	if err := tx.Commit(deadline(t), x.at(30)); err != nil || x.position() != 30 {
		t.Errorf("commit of 30 alone: %v, position %d", err, x.position())
	}
	if diff := cmp.Diff(wanted(s, items, 2), x.shown()); diff != "" {
		t.Error(diff)
	}
	if got := outcomes.all(); !slices.Equal(got, []Outcome{Committed, Committed, Committed}) {
		t.Errorf("outcomes %v", got)
	}
}

// requestCrash cuts the nth request of a kind, before or after the broker has it.
func requestCrash(kind protocol.ApiKey, nth int64, arrives bool) crash {
	when := "before"
	if arrives {
		when = "after"
	}
	return crash{fmt.Sprintf("%s %s %d", when, kind, nth), func(s *Sink, _ *world, cancel context.CancelFunc) {
		var n atomic.Int64
		s.intercept(kind, func(_ context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
			if i := n.Add(1); i < nth {
				return send()
			} else if i == nth && arrives {
				_, _ = send()
			}
			cancel()
			return nil, context.Canceled
		})
	}}
}

func transactionCrashes() []crash {
	all := []crash{
		{"before the claims", func(s *Sink, _ *world, cancel context.CancelFunc) { s.claims.rdb.AddHook(&onPipeline{before: cancel}) }},
		{"after the claims", func(s *Sink, _ *world, cancel context.CancelFunc) { s.claims.rdb.AddHook(&onPipeline{after: cancel}) }},
		{"before the lane has noticed that it is done", func(*Sink, *world, context.CancelFunc) {}},
	}
	for _, arrives := range []bool{false, true} {
		for _, kind := range []protocol.ApiKey{protocol.AddPartitionsToTxn, protocol.AddOffsetsToTxn, protocol.TxnOffsetCommit, protocol.EndTxn} {
			all = append(all, requestCrash(kind, 1, arrives))
		}
		for nth := range int64(4) {
			all = append(all, requestCrash(protocol.Produce, nth+1, arrives))
		}
	}
	return all
}

// Wherever a lane is killed, a read_committed reader sees the whole batch if and only if the position is behind it; and when the next owner has
// gone on from there, each record once. The claims that the dead lane left hide nothing but repeats.
func TestTransactionCrashes(t *testing.T) {
	items, dead := someItems()
	const next = 6
	for _, c := range transactionCrashes() {
		for _, process := range []string{"new", "same"} {
			t.Run(c.name+", "+process+" process", func(t *testing.T) {
				t.Parallel()
				x := newTxWorld(newWorld(t))
				s := x.sink()
				s.claims.rdb = x.world.client(x.rdb.Options().Addr) // hooks of its own
				tx := x.fence(s)
				ctx, cancel := context.WithCancel(deadline(t))
				defer cancel()
				transport := s.producer.client.Transport
				c.arm(s, x.world, cancel)
				if _, err := tx.Deliver(ctx, origin, items, dead, x.at(next)); ctx.Err() != nil && !errors.Is(err, context.Canceled) {
					t.Fatalf("cut off, error %v", err)
				}
				s.producer.client.Transport, s.claims.rdb = transport, x.rdb
				if process == "new" {
					s = x.sink()
				}
				tx = x.fence(s) // whatever was in doubt is not any more
				switch got, all := x.shown(), wanted(s, items, len(dead)); x.position() {
				case 0:
					if diff := cmp.Diff(shown{Flags: map[string]int{}}, got); diff != "" {
						t.Errorf("the position is before the batch, and there is something of it: %s", diff)
					}
					if st, err := tx.Deliver(deadline(t), origin, items, dead, x.at(next)); err != nil || !st.Committed {
						t.Fatal(st, err)
					}
				case next:
					if diff := cmp.Diff(all, got); diff != "" {
						t.Errorf("the position is behind the batch, and something is missing: %s", diff)
					}
				default:
					t.Fatalf("position %d", x.position())
				}
				repeats := []Item{phone(7, "c-1", "+923001234567"), phone(8, "c-2", "+14155550123"), call(9, "c-3"), phone(10, "c-4", "+4915112345678")}
				if st, err := tx.Deliver(deadline(t), origin, repeats, nil, x.at(11)); err != nil || st.Suppressed != len(repeats) {
					t.Errorf("repeats: %+v, %v", st, err)
				}
				if diff := cmp.Diff(wanted(s, items, len(dead)), x.shown()); diff != "" {
					t.Errorf("in the end: %s", diff)
				}
				if got := x.position(); got != next {
					t.Errorf("position %d in the end", got)
				}
			})
		}
	}
}

// A claim whose flag was aborted is its record's own: another record is suppressed by it, and the flag comes with the replay.
func TestClaimOfAnAbortedTransactionHidesNothing(t *testing.T) {
	x := newTxWorld(newWorld(t))
	first := x.sink()
	tx := x.fence(first)
	ctx, cancel := context.WithCancel(deadline(t))
	requestCrash(protocol.EndTxn, 1, false).arm(first, x.world, cancel)
	it := phone(1, "c-1", "+923001234567")
	if _, err := tx.Deliver(ctx, origin, []Item{it}, nil, x.at(2)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	s := x.sink()
	tx = x.fence(s)
	if got := x.shown(); len(got.Flags) != 0 {
		t.Fatalf("an aborted flag is seen: %v", got)
	}
	elsewhere := Origin{Topic: origin.Topic, Incarnation: origin.Incarnation, Partition: origin.Partition + 1}
	repeat := phone(7, "c-1", "+923001234567")
	if st, err := s.Deliver(deadline(t), elsewhere, []Item{repeat}, nil); err != nil || st.Suppressed != 1 {
		t.Fatalf("the repeat: %+v, %v", st, err)
	}
	st, err := tx.Deliver(deadline(t), origin, []Item{it}, nil, x.at(2))
	if want := (Claims{Again: 1}); err != nil || st.Flags != 1 || st.Claims != want {
		t.Fatalf("the replay: %+v, %v", st, err)
	}
	if diff := cmp.Diff(wanted(s, []Item{it}, 0), x.shown()); diff != "" {
		t.Error(diff)
	}
}

// Whatever a broker answers to a request that it carried out or did not, the batch is seen once and committed.
func TestTransactionFaults(t *testing.T) {
	passing := []*kerr.Error{
		kerr.ConcurrentTransactions, kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress,
		kerr.RequestTimedOut, kerr.UnknownServerError, kerr.TransactionalIDAuthorizationFailed,
	}
	inKafka := map[kmsg.Key][]*kerr.Error{
		kmsg.AddPartitionsToTxn: append(passing, kerr.TopicAuthorizationFailed, kerr.UnknownTopicOrPartition, kerr.InvalidProducerIDMapping),
		kmsg.AddOffsetsToTxn:    append(passing, kerr.GroupAuthorizationFailed, kerr.InvalidTxnState),
		kmsg.TxnOffsetCommit:    append(passing, kerr.GroupAuthorizationFailed, kerr.InvalidTxnState, kerr.InvalidProducerIDMapping),
		kmsg.EndTxn:             passing,
		kmsg.InitProducerID:     passing,
		kmsg.Produce: {
			kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, // after the append
			kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.KafkaStorageError, kerr.TopicAuthorizationFailed,
			kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidTxnState, kerr.MessageTooLarge, kerr.InvalidTimestamp,
		},
	}
	items, dead := someItems()
	for key, faults := range inKafka {
		for _, fault := range faults {
			t.Run(kmsg.NameForKey(key.Int16())+" "+fault.Message, func(t *testing.T) {
				t.Parallel()
				x := newTxWorld(newFakeWorld(t))
				h := x.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: fault, Count: 3})
				s := x.sink()
				tx := x.fence(s)
				for _, batch := range []struct {
					items []Item
					dead  []DeadLetter
					next  int64
				}{{items[:2], nil, 3}, {items[2:], dead, 6}} {
					if st, err := tx.Deliver(deadline(t), origin, batch.items, batch.dead, x.at(batch.next)); err != nil || !st.Committed {
						t.Fatal(st, err)
					}
				}
				if h.Hits() != 3 {
					t.Errorf("%d faults of 3 were met", h.Hits())
				}
				if diff := cmp.Diff(wanted(s, items, len(dead)), x.shown()); diff != "" {
					t.Error(diff)
				}
				if got := x.position(); got != 6 {
					t.Errorf("position %d", got)
				}
			})
		}
	}
}

// Requests and answers that get lost on their way make no second record either.
func TestTransactionsWhenConnectionsBreak(t *testing.T) {
	for _, kind := range []protocol.ApiKey{
		protocol.AddPartitionsToTxn, protocol.AddOffsetsToTxn, protocol.Produce, protocol.TxnOffsetCommit, protocol.EndTxn, protocol.InitProducerId,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			x := newTxWorld(newWorld(t))
			s := x.sink()
			var n atomic.Int64
			s.intercept(kind, func(_ context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
				switch n.Add(1) % 3 {
				case 0:
					return nil, errors.New("request lost")
				case 1:
					_, _ = send()
					return nil, errors.New("answer lost")
				default:
					return send()
				}
			})
			tx := x.fence(s)
			var all []Item
			for i := range int64(5) {
				it := phone(i, fmt.Sprint("c-", i), "+923001234567")
				all = append(all, it)
				if _, err := tx.Deliver(deadline(t), origin, []Item{it}, nil, x.at(i+1)); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(wanted(s, all, 0), x.shown()); diff != "" {
				t.Error(diff)
			}
			if got := x.position(); got != 5 {
				t.Errorf("position %d", got)
			}
		})
	}
}

// A lane that stops just before a request, and goes on when the partition has another owner, comes to nothing.
func TestZombieIsFenced(t *testing.T) {
	for _, kind := range []protocol.ApiKey{
		protocol.AddPartitionsToTxn, protocol.AddOffsetsToTxn, protocol.Produce, protocol.TxnOffsetCommit, protocol.EndTxn,
	} {
		t.Run("stopped before "+kind.String(), func(t *testing.T) {
			t.Parallel()
			x := newTxWorld(newWorld(t))
			var outcomes counted
			zombie := x.sink(func(c *Config) { c.Transaction = outcomes.add })
			old := x.fence(zombie)
			g := newGate()
			zombie.intercept(kind, func(ctx context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
				if err := g.pass(ctx); err != nil {
					return nil, err
				}
				return send()
			})
			items, dead := someItems()
			result := make(chan error, 1)
			go func() {
				_, err := old.Deliver(deadline(t), origin, items, dead, x.at(6))
				result <- err
			}()
			<-g.waiting
			s := x.sink()
			tx := x.fence(s)
			if got := x.position(); got != 0 {
				t.Errorf("position %d before anything was committed", got)
			}
			if _, err := tx.Deliver(deadline(t), origin, items, dead, x.at(6)); err != nil {
				t.Fatal(err)
			}
			g.release()
			if err := <-result; !errors.Is(err, ErrFenced) {
				t.Errorf("the zombie's batch: %v", err)
			}
			if err := old.Commit(deadline(t), x.at(1)); !errors.Is(err, ErrFenced) {
				t.Errorf("the zombie's commit: %v", err)
			}
			if _, err := tx.Deliver(deadline(t), origin, nil, dead, x.at(7)); err != nil {
				t.Errorf("the new owner's next batch: %v", err)
			}
			if diff := cmp.Diff(wanted(s, items, 2), x.shown()); diff != "" {
				t.Error(diff)
			}
			if got := x.position(); got != 7 {
				t.Errorf("position %d", got)
			}
			if got := outcomes.all(); slices.Contains(got, Committed) || got[len(got)-1] != Fenced {
				t.Errorf("the zombie's outcomes: %v", got)
			}
		})
	}
}

// A member whose generation is over is refused by the group though nobody has fenced it: its batch comes to nothing.
func TestFormerMemberIsFenced(t *testing.T) {
	for _, fault := range []*kerr.Error{kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.RebalanceInProgress} {
		t.Run(fault.Message, func(t *testing.T) {
			t.Parallel()
			x := newTxWorld(newFakeWorld(t))
			s := x.sink()
			x.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: fault})
			items, dead := someItems()
			if _, err := x.fence(s).Deliver(deadline(t), origin, items, dead, x.at(6)); !errors.Is(err, ErrFenced) {
				t.Fatal(err)
			}
			x.fence(x.sink())
			if diff := cmp.Diff(shown{Flags: map[string]int{}}, x.shown()); diff != "" || x.position() != 0 {
				t.Errorf("position %d, %s", x.position(), diff)
			}
		})
	}
}

// What is aborted is in the log, and no reader with read_committed sees it.
func TestAbortedRecordsAreInvisible(t *testing.T) {
	x := newTxWorld(newFakeWorld(t))
	var outcomes counted
	s := x.sink(func(c *Config) { c.Transaction = outcomes.add })
	x.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.InvalidTxnState, Count: 2})
	it := phone(1, "c-1", "+923001234567")
	tx := x.fence(s)
	first := tx.session.epoch
	if _, err := tx.Deliver(deadline(t), origin, []Item{it}, nil, x.at(2)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted(s, []Item{it}, 0), x.shown()); diff != "" {
		t.Error(diff)
	}
	if r := x.visible(x.topics.Flags)[0]; r.ProducerEpoch != first+2 {
		t.Errorf("the epoch is %d after two transactions that were aborted, and was %d", r.ProducerEpoch, first)
	}
	written := int64(0)
	for _, end := range x.ends(x.topics.Flags) {
		written += end
	}
	if written != 6 {
		t.Errorf("%d offsets of the log are taken, want those of 3 records and 3 markers", written)
	}
	if got := outcomes.all(); !slices.Equal(got, []Outcome{Aborted, Aborted, Committed}) {
		t.Errorf("outcomes %v", got)
	}
}

// swallowed is a connection that takes the first append, and has not delivered it when the transaction is given up.
type swallowed struct {
	kafka.RoundTripper
	first   atomic.Bool
	deliver func() (kafka.Response, error)
}

func (c *swallowed) RoundTrip(ctx context.Context, addr net.Addr, req kafka.Request) (kafka.Response, error) {
	if req.ApiKey() != protocol.Produce || !c.first.CompareAndSwap(false, true) {
		return c.RoundTripper.RoundTrip(ctx, addr, req)
	}
	c.deliver = func() (kafka.Response, error) { return c.RoundTripper.RoundTrip(context.Background(), addr, req) }
	<-ctx.Done()
	return nil, ctx.Err()
}

// What was held up on its way until its transaction was aborted is refused when it arrives.
func TestLateAppendIsRefused(t *testing.T) {
	x := newTxWorld(newFakeWorld(t))
	s := x.sink(func(c *Config) { c.TransactionTimeout = time.Second })
	c := &swallowed{RoundTripper: s.producer.client.Transport}
	s.producer.client.Transport = c
	it := phone(1, "c-1", "+923001234567")
	if _, err := x.fence(s).Deliver(deadline(t), origin, []Item{it}, nil, x.at(2)); err != nil {
		t.Fatal(err)
	}
	res, err := c.deliver()
	if err != nil {
		t.Fatal(err)
	}
	if code := kafka.Error(res.(*produce.Response).Topics[0].Partitions[0].ErrorCode); code != kafka.InvalidProducerEpoch && code != kafka.InvalidTransactionState {
		t.Errorf("the late append is answered with %d", code)
	}
	if diff := cmp.Diff(wanted(s, []Item{it}, 0), x.shown()); diff != "" {
		t.Error(diff)
	}
}

// A broker that does not say what became of a commit ends the lane. The position says it to the next, and what a reader sees agrees.
func TestCommitInDoubt(t *testing.T) {
	for name, done := range map[string]bool{"done": true, "not done": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTxWorld(newFakeWorld(t))
			var outcomes counted
			s := x.sink(func(c *Config) { c.Transaction = outcomes.add })
			tx := x.fence(s)
			s.intercept(protocol.EndTxn, func(_ context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
				if done {
					_, _ = send()
				}
				return nil, kafka.InvalidTransactionState
			})
			items, dead := someItems()
			if _, err := tx.Deliver(deadline(t), origin, items, dead, x.at(6)); !errors.Is(err, ErrInDoubt) {
				t.Errorf("error %v", err)
			}
			if got := outcomes.all(); !slices.Equal(got, []Outcome{InDoubt}) {
				t.Errorf("outcomes %v", got)
			}
			next := x.sink()
			tx = x.fence(next)
			position, seen := int64(0), shown{Flags: map[string]int{}}
			if done {
				position, seen = 6, wanted(s, items, len(dead))
			}
			if got := x.position(); got != position {
				t.Errorf("position %d", got)
			}
			if diff := cmp.Diff(seen, x.shown()); diff != "" {
				t.Error(diff)
			}
			if done {
				return
			}
			if _, err := tx.Deliver(deadline(t), origin, items, dead, x.at(6)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wanted(s, items, len(dead)), x.shown()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A transaction that cannot be committed is aborted before its time is up, so that readers of other partitions do not wait for it, and
// tried again for as long as it takes; one line in the log says so, and one that it is over.
func TestTransactionIsNotHeldOpen(t *testing.T) {
	x := newTxWorld(newFakeWorld(t))
	logs, seen := observer.New(zap.InfoLevel)
	outcomes := make(chan Outcome, 100)
	s := x.sink(func(c *Config) { c.TransactionTimeout, c.Transaction = time.Second, func(o Outcome) { outcomes <- o } })
	s.log, s.producer.patience = zap.New(logs), 0
	tx := x.fence(s)
	h := x.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	items, dead := someItems()
	result := make(chan error, 1)
	go func() {
		_, err := tx.Deliver(deadline(t), origin, items, dead, x.at(6))
		result <- err
	}()
	for range 2 {
		if o := <-outcomes; o != Aborted {
			t.Fatal(o)
		}
	}
	h.Remove()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted(s, items, len(dead)), x.shown()); diff != "" {
		t.Error(diff)
	}
	var lines []string
	for _, e := range seen.All() {
		lines = append(lines, e.Message)
	}
	if diff := cmp.Diff([]string{"transactions stalled, trying on", "transactions resumed"}, lines); diff != "" {
		t.Error(diff)
	}
}

// The order of a partition's records survives refusals and batches that are too large.
func TestTransactionKeepsOrder(t *testing.T) {
	x := newTxWorld(newFakeWorld(t))
	s := x.sink(func(c *Config) { c.MaxBatchBytes, c.MaxRecordBytes = 10_000, 5_000 })
	var dead []DeadLetter
	var want []string
	for i := range int64(30) {
		want = append(want, fmt.Sprint(i))
		dead = append(dead, DeadLetter{Offset: i, Key: []byte("k"), Value: []byte(fmt.Sprint(i)), Headers: []Header{{Key: "h", Value: make([]byte, 900)}}, Code: "c"})
	}
	x.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge, Count: 2})
	if st, err := x.fence(s).Deliver(deadline(t), origin, nil, dead, x.at(30)); err != nil || st.Shortened != 0 {
		t.Fatal(st, err)
	}
	var got []string
	for _, r := range x.visible(x.topics.DeadLetters) {
		got = append(got, string(r.Value))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTransactionsStopWithTheirContext(t *testing.T) {
	x := newTxWorld(newFakeWorld(t))
	s := x.sink()
	tx := x.fence(s)
	h := x.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.AddOffsetsToTxn, kmsg.InitProducerID}, TopLevel: true, Err: kerr.CoordinatorNotAvailable, Count: -1})
	for name, f := range map[string]func(context.Context) error{
		"commit": func(ctx context.Context) error { return tx.Commit(ctx, x.at(1)) },
		"fence":  func(ctx context.Context) error { _, err := s.Fence(ctx, "other"); return err },
	} {
		ctx, cancel := context.WithCancel(deadline(t))
		hits := h.Hits()
		result := make(chan error, 1)
		go func() { result <- f(ctx) }()
		eventually(t, name+" is tried several times", func() bool { return h.Hits() > hits+2 })
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTryTransactions(t *testing.T) {
	x := newTxWorld(newFakeWorld(t))
	s := x.sink()
	if err := s.TryTransactions(deadline(t), x.group, x.input); err != nil {
		t.Error(err)
	}
	if got := x.position(); got != 0 {
		t.Errorf("position %d after a mere try", got)
	}
	x.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.AddOffsetsToTxn}, Err: kerr.GroupAuthorizationFailed, Count: -1})
	ctx, cancel := context.WithTimeout(deadline(t), 200*time.Millisecond)
	defer cancel()
	if err := s.TryTransactions(ctx, x.group, x.input); !errors.Is(err, kafka.GroupAuthorizationFailed) {
		t.Errorf("without a right: %v", err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for code, want := range map[kafka.Error]string{
		kafka.TransactionalIDAuthorizationFailed: "WRITE on the transactional ids",
		kafka.TopicAuthorizationFailed:           "WRITE on the topic",
		kafka.GroupAuthorizationFailed:           "READ on the group",
		kafka.InvalidTransactionTimeout:          "transaction.max.timeout.ms",
		kafka.UnsupportedVersion:                 "Kafka 2.5",
	} {
		err := advised(fmt.Errorf("ask: %w", code))
		if !errors.Is(err, code) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	if err := errors.New("other"); !errors.Is(advised(err), err) || advised(nil) != nil {
		t.Error("other errors are changed")
	}
}
