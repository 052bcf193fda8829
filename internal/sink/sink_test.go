package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"onside/internal/classify"
	"onside/internal/policy"
)

var ignoreTimes = cmpopts.IgnoreFields(Stats{}, "ClaimTime", "PublishTime")

// deliver delivers a batch, and compares what is said to have become of it.
func deliver(t *testing.T, s *Sink, items []Item, dead []DeadLetter, want Stats) {
	t.Helper()
	got, err := s.Deliver(deadline(t), origin, items, dead)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, ignoreTimes); diff != "" {
		t.Errorf("stats: %s", diff)
	}
}

func TestDeliver(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	none := phone(4, "c-9", "+4915112345678")
	none.Decision.Action = policy.None
	items := []Item{phone(1, "c-1", "+923001234567"), call(2, "c-2"), none, phone(5, "c-3", "+14155550123")}
	dead := []DeadLetter{{Offset: 3, Time: time.Now(), Value: []byte("{"), Code: "json.syntax"}}
	deliver(t, s, items, dead, Stats{Flags: 2, Reminders: 1, DeadLetters: 1, Claims: Claims{Claimed: 3}})

	for _, r := range w.records(w.topics.Flags) {
		if got, want := int(r.Partition), partitionOf(r.Key, testPartitions); got != want {
			t.Errorf("a flag of %s is in partition %d, want %d", r.Key, got, want)
		}
	}
	ids := slices.Sorted(maps.Keys(w.copies()))
	if diff := cmp.Diff(slices.Sorted(slices.Values([]string{flagID(s, items[0]), flagID(s, items[3])})), ids); diff != "" {
		t.Error(diff)
	}
	if got := w.records(w.topics.Reminders); len(got) != 1 || string(got[0].Key) != "c-2" {
		t.Errorf("reminders %v", got)
	}
	if got := w.records(w.topics.DeadLetters); len(got) != 1 || got[0].Partition != int32(origin.Partition%testPartitions) {
		t.Errorf("dead letters %v", got)
	}
}

// Whatever goes out waits for all in-sync replicas, and nobody asks about topics that are not ours.
func TestRequests(t *testing.T) {
	w := newFakeWorld(t)
	produced := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Observe: true, Count: -1, When: func(r kmsg.Request) bool {
		return r.(*kmsg.ProduceRequest).Acks == -1
	}})
	careless := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Observe: true, Count: -1, When: func(r kmsg.Request) bool {
		return r.(*kmsg.ProduceRequest).Acks != -1
	}})
	asked := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Observe: true, Count: -1})
	nosy := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Observe: true, Count: -1, When: func(r kmsg.Request) bool {
		return r.(*kmsg.MetadataRequest).Topics == nil
	}})
	dead := []DeadLetter{{Offset: 3, Time: time.Now(), Code: "x"}}
	deliver(t, w.sink(), []Item{phone(1, "c-1", "+923001234567"), call(2, "c-2")}, dead, Stats{Flags: 1, Reminders: 1, DeadLetters: 1, Claims: Claims{Claimed: 2}})
	if produced.Hits() != 3 || careless.Hits() != 0 {
		t.Errorf("%d requests wait for all replicas, %d do not; want 3 and 0", produced.Hits(), careless.Hits())
	}
	if asked.Hits() == 0 || nosy.Hits() != 0 {
		t.Errorf("%d of %d requests ask about all topics there are", nosy.Hits(), asked.Hits())
	}
}

func TestDeliverNothing(t *testing.T) {
	w := newWorld(t)
	deliver(t, w.sink(), nil, nil, Stats{})
}

func TestRepeatsAreSuppressed(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	deliver(t, s, []Item{phone(1, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})
	deliver(t, s, []Item{phone(2, "c-1", "+923001234567")}, nil, Stats{Suppressed: 1, Claims: Claims{Duplicate: 1}})
	deliver(t, s, []Item{phone(3, "c-2", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})

	severe := phone(4, "c-1", "+923001234567")
	severe.Decision.Severity = policy.Medium
	deliver(t, s, []Item{severe}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})

	both := phone(5, "c-1", "+923001234567")
	both.Decision.Findings = append(both.Decision.Findings, classify.Finding{Category: classify.ContactEmail, Normalized: "john@gmail.com"})
	deliver(t, s, []Item{both}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1, Duplicate: 1}})
}

func TestEqualKeysInABatch(t *testing.T) {
	w := newWorld(t)
	batch := []Item{phone(1, "c-1", "+923001234567"), phone(2, "c-1", "+923001234567"), call(3, "c-1"), call(4, "c-1")}
	deliver(t, w.sink(), batch, nil, Stats{Flags: 1, Reminders: 1, Suppressed: 2, Claims: Claims{Claimed: 2, Duplicate: 2}})
	deliver(t, w.sink(), batch, nil, Stats{Flags: 1, Reminders: 1, Suppressed: 2, Claims: Claims{Again: 2, Duplicate: 2}})
	if got := w.copies(); len(got) != 1 {
		t.Errorf("flags %v", got)
	}
}

// Claims of one policy do not bind another; under each, a case is flagged once.
func TestAnotherPolicysClaim(t *testing.T) {
	w := newWorld(t)
	older, newer := w.sink(), w.sink(func(c *Config) { c.Policy = "ffeeddccbbaa" })
	deliver(t, older, []Item{phone(1, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})
	deliver(t, newer, []Item{phone(1, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})
	deliver(t, newer, []Item{phone(2, "c-1", "+923001234567")}, nil, Stats{Suppressed: 1, Claims: Claims{Duplicate: 1}})
	deliver(t, older, []Item{phone(2, "c-1", "+923001234567")}, nil, Stats{Suppressed: 1, Claims: Claims{Duplicate: 1}})
	if got := w.copies(); len(got) != 2 {
		t.Errorf("flags %v", got)
	}
}

func TestClaimsExpire(t *testing.T) {
	w := newFakeWorld(t)
	s := w.sink(func(c *Config) { c.Window = time.Hour })
	deliver(t, s, []Item{phone(1, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})
	w.mini.FastForward(59 * time.Minute)
	deliver(t, s, []Item{phone(2, "c-1", "+923001234567")}, nil, Stats{Suppressed: 1, Claims: Claims{Duplicate: 1}})
	w.mini.FastForward(2 * time.Minute)
	deliver(t, s, []Item{phone(3, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})
}

func TestEveryClaimHasATTL(t *testing.T) {
	w := newWorld(t)
	deliver(t, w.sink(), []Item{phone(1, "c-1", "+923001234567"), call(2, "c-1")}, nil, Stats{Flags: 1, Reminders: 1, Claims: Claims{Claimed: 2}})
	keys := w.keys()
	if len(keys) != 2 {
		t.Fatalf("keys %v", keys)
	}
	for _, k := range keys {
		if ttl := w.rdb.PTTL(deadline(t), k).Val(); ttl <= 23*time.Hour || ttl > 24*time.Hour {
			t.Errorf("%s lives for %v", k, ttl)
		}
	}
}

// keys are the Redis keys that this test wrote.
func (w *world) keys() []string {
	w.t.Helper()
	keys, err := w.rdb.Keys(deadline(w.t), w.name+":*").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	return keys
}

// Lanes deliver side by side into the same partitions while requests and acknowledgements get lost.
func TestLanesDeliverSideBySide(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	var n atomic.Int64
	s.intercept(protocol.Produce, func(_ context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
		if n.Add(1)%4 == 0 {
			_, _ = send()
			return nil, errors.New("acknowledgement lost")
		}
		return send()
	})
	const lanes, batches = 8, 10
	var wg sync.WaitGroup
	for lane := range lanes {
		wg.Go(func() {
			o := Origin{Topic: origin.Topic, Partition: lane}
			for b := range int64(batches) {
				items := []Item{phone(2*b, fmt.Sprint("c-", lane, "-", b), "+923001234567"), phone(2*b+1, fmt.Sprint("d-", lane, "-", b), "+923001234567")}
				if _, err := s.Deliver(deadline(t), o, items, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	copies := w.copies()
	if len(copies) != 2*lanes*batches {
		t.Errorf("%d flags of %d", len(copies), 2*lanes*batches)
	}
	for id, c := range copies {
		if c != 1 {
			t.Errorf("%s is there %d times", id, c)
		}
	}
}

// A conversation's flags stand in one partition in the order of its messages.
func TestFlagsKeepTheirOrder(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	var want []int64
	for b := range int64(5) {
		var items []Item
		for i := range int64(10) {
			items = append(items, phone(10*b+i, "c-1", fmt.Sprint("+9230012345", 10+b, i)))
			want = append(want, 10*b+i)
		}
		deliver(t, s, items, nil, Stats{Flags: 10, Claims: Claims{Claimed: 10}})
	}
	var got []int64
	for _, f := range w.flags() {
		got = append(got, f.Source.Offset)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What comes out of the dead-letter topic is what went in, and the two extra times fit: a broker refuses records from the future.
func TestDeadLettersArrive(t *testing.T) {
	w := newWorld(t)
	if w.cluster != nil {
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidTimestamp, Count: -1, When: func(r kmsg.Request) bool {
			return strings.Contains(string(r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records), "from the future") &&
				!strings.Contains(string(r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records), HeaderTimestamp)
		}})
	}
	now := time.Now().Truncate(time.Millisecond)
	future := now.Add(1000 * time.Hour)
	dead := []DeadLetter{
		{Offset: 1, Time: now, Value: []byte("\xff\x00{"), Headers: []Header{{"a", []byte("\x00\xff")}, {"a", nil}, {"", []byte{}}}, Code: "utf8"},
		{Offset: 2, Time: now.Add(-time.Hour), Key: []byte{}, Value: nil, Code: "empty"},
		{Offset: 3, Time: future, Key: nil, Value: []byte("from the future"), Code: "x"},
	}
	deliver(t, w.sink(), nil, dead, Stats{DeadLetters: 3})
	got := make(map[string]*kgo.Record)
	for _, r := range w.records(w.topics.DeadLetters) {
		got[value(r, HeaderOffset)] = r
	}
	if len(got) != 3 {
		t.Fatalf("%d dead letters", len(got))
	}
	for _, d := range dead[:2] {
		r := got[fmt.Sprint(d.Offset)]
		if !bytes.Equal(r.Key, d.Key) || (r.Key == nil) != (d.Key == nil) || !bytes.Equal(r.Value, d.Value) || (r.Value == nil) != (d.Value == nil) {
			t.Errorf("offset %d: %q=%q became %q=%q", d.Offset, d.Key, d.Value, r.Key, r.Value)
		}
		if !r.Timestamp.Equal(d.Time) {
			t.Errorf("offset %d: time %v became %v", d.Offset, d.Time, r.Timestamp)
		}
		for i, h := range d.Headers {
			if r.Headers[i].Key != h.Key || !bytes.Equal(r.Headers[i].Value, h.Value) || (r.Headers[i].Value == nil) != (h.Value == nil) {
				t.Errorf("offset %d: header %v became %v", d.Offset, h, r.Headers[i])
			}
		}
	}
	if got := value(got["3"], HeaderTimestamp); got != fmt.Sprint(future.UnixMilli()) {
		t.Errorf("the refused time is kept as %q", got)
	}
}

func value(r *kgo.Record, header string) string {
	for _, h := range r.Headers {
		if h.Key == header {
			return string(h.Value)
		}
	}
	return ""
}

// A topic that takes less than the configuration supposes makes records smaller, never fewer.
func TestBrokerWithASmallerLimit(t *testing.T) {
	w := newWorld(t)
	w.topics = Topics{Flags: w.name + ".small", Reminders: w.name + ".r", DeadLetters: w.name + ".smalldead"}
	w.createSmall(w.topics.Flags, w.topics.Reminders, w.topics.DeadLetters)
	big := phone(1, "c-1", "+923001234567")
	big.Message.Text = strings.Repeat("x", 8000)
	big.Decision.Findings[0].Spans = []classify.Span{{Start: 0, End: 8000}}
	small := phone(2, "c-1", "+14155550123")
	dead := []DeadLetter{{Offset: 3, Time: time.Now(), Key: []byte("c-1"), Value: []byte(strings.Repeat("y", 9000)), Code: "too_long"}}
	s := w.sink(func(c *Config) { c.Evidence = Full })
	deliver(t, s, []Item{big, small}, dead, Stats{Flags: 2, DeadLetters: 1, Shortened: 2, Claims: Claims{Claimed: 2}})
	if diff := cmp.Diff(map[string]int{flagID(s, big): 1, flagID(s, small): 1}, w.copies()); diff != "" {
		t.Error(diff)
	}
	letter := w.records(w.topics.DeadLetters)[0]
	if got := value(letter, HeaderValueBytes); got != "9000" || len(letter.Value) < 1000 || len(letter.Value) > 5000 {
		t.Errorf("%d of %s bytes are left", len(letter.Value), got)
	}
}

// createSmall makes topics with room for 5,000 bytes a batch.
func (w *world) createSmall(topics ...string) {
	w.t.Helper()
	transport := &kafka.Transport{MetadataTopics: topics}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(w.brokers...), Timeout: 10 * time.Second, Transport: transport}
	req := &kafka.CreateTopicsRequest{}
	for _, topic := range topics {
		req.Topics = append(req.Topics, kafka.TopicConfig{Topic: topic, NumPartitions: 1, ReplicationFactor: -1,
			ConfigEntries: []kafka.ConfigEntry{{ConfigName: "max.message.bytes", ConfigValue: "5000"}}})
	}
	res, err := client.CreateTopics(deadline(w.t), req)
	if err != nil {
		w.t.Fatal(err)
	}
	for topic, err := range res.Errors {
		if err != nil {
			w.t.Fatal(err)
		}
		w.awaitTopic(topic)
	}
}

// A record that the broker never takes is neither dropped nor in the way of others, and holds the batch back.
func TestUnpublishableRecordHoldsTheBatch(t *testing.T) {
	w := newFakeWorld(t)
	s := w.sink()
	poison, fine := phone(1, "c-1", "+923001234567"), phone(2, "c-1", "+14155550123")
	h := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidRecord, Count: -1, When: func(r kmsg.Request) bool {
		return strings.Contains(string(r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records), flagID(s, poison))
	}})
	result := make(chan error, 1)
	go func() {
		_, err := s.Deliver(deadline(t), origin, []Item{poison, fine}, nil)
		result <- err
	}()
	eventually(t, "the other flag is out", func() bool { return w.copies()[flagID(s, fine)] == 1 })
	eventually(t, "the refused one is tried again", func() bool { return h.Hits() >= 5 })
	select {
	case err := <-result:
		t.Fatalf("delivered without its flag: %v", err)
	default:
	}
	h.Remove()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{flagID(s, poison): 1, flagID(s, fine): 1}, w.copies()); diff != "" {
		t.Error(diff)
	}
}

// A topic that is away holds the batch, one warning says so, and one line says that it is back.
func TestTopicIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.topics.DeadLetters = w.name + ".later"
	logs, seen := observer.New(zap.DebugLevel)
	s, err := New(w.config(), w.rdb, zap.New(logs))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	result := make(chan error, 1)
	go func() {
		_, err := s.Deliver(deadline(t), origin, nil, []DeadLetter{{Offset: 1, Time: time.Now(), Code: "x"}})
		result <- err
	}()
	eventually(t, "a warning", func() bool { return seen.FilterMessage("topic unavailable, waiting for it").Len() == 1 })
	w.create(TopicSpec{Name: w.topics.DeadLetters, Partitions: 1})
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if seen.FilterMessage("topic unavailable, waiting for it").Len() != 1 || seen.FilterMessage("topic available").Len() != 1 {
		t.Errorf("logged %v", seen.All())
	}
	if got := w.records(w.topics.DeadLetters); len(got) != 1 {
		t.Errorf("%d dead letters", len(got))
	}
}

// A topic made again with fewer partitions takes what was meant for those that are gone.
func TestTopicMadeAgainWithFewerPartitions(t *testing.T) {
	w := newFakeWorld(t)
	s := w.sink()
	at := place{w.topics.Flags, testPartitions - 1}
	if _, err := s.producer.partition(at).publish(deadline(t), texts("before")); err != nil {
		t.Fatal(err)
	}
	if err := w.cluster.DeleteTopic(w.topics.Flags); err != nil {
		t.Fatal(err)
	}
	if err := w.cluster.CreateTopic(w.topics.Flags, 1, nil); err != nil {
		t.Fatal(err)
	}
	refused, err := s.producer.partition(at).publish(deadline(t), texts("after"))
	if err != nil || !errors.Is(refused[0], errVanished) {
		t.Fatalf("refused %v, error %v", refused, err)
	}
	deliver(t, s, []Item{phone(1, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})
	if got := len(w.flags()); got != 1 {
		t.Errorf("%d flags", got)
	}
}

// A delivery that cannot go on ends with its context, soon.
func TestDeliverEndsWithItsContext(t *testing.T) {
	w := newFakeWorld(t)
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	st, err := w.sink().Deliver(ctx, origin, []Item{phone(1, "c-1", "+923001234567")}, nil)
	if !errors.Is(err, context.DeadlineExceeded) || st != (Stats{}) {
		t.Errorf("stats %+v, error %v", st, err)
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("took %v", d)
	}
}

// Words that people wrote, and what they are called, are in no log line and nowhere in Redis; masked flags have no words either.
func TestCanaries(t *testing.T) {
	w := newWorld(t)
	logs, seen := observer.New(zap.DebugLevel)
	s, err := New(w.config(), w.rdb, zap.New(logs))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.producer.patience = 0
	const canary = "canary-4711-"
	it := phone(1, canary+"conversation", canary+"evidence")
	m := it.Message
	m.EventID, m.MessageID, m.SenderID, m.SenderRole, m.Lang, m.Text = canary+"event", canary+"message", canary+"sender", canary+"role", canary+"lang", "words "+canary+"text"
	it.Decision.Findings[0].Spans = []classify.Span{{Start: 0, End: len(m.Text)}}
	it.Decision.Findings[0].Category = classify.ContactHandle
	bad := DeadLetter{Offset: 2, Time: time.Now(), Key: []byte(canary + "key"), Value: []byte(canary + "value"), Headers: []Header{{canary + "h", []byte(canary)}}, Code: "x"}
	broken := errors.New("acknowledgement lost")
	var n atomic.Int64
	s.intercept(protocol.Produce, func(_ context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
		if n.Add(1) < 5 {
			return nil, broken // so that there is something to log
		}
		return send()
	})
	deliver(t, s, []Item{it}, []DeadLetter{bad}, Stats{Flags: 1, DeadLetters: 1, Claims: Claims{Claimed: 1}})

	if seen.Len() == 0 {
		t.Error("nothing was logged: the test shows nothing")
	}
	for _, e := range seen.All() {
		if line := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(line, canary) {
			t.Errorf("logged %s", line)
		}
	}
	keys := w.keys()
	if len(keys) == 0 {
		t.Error("nothing is in Redis: the test shows nothing")
	}
	for _, k := range keys {
		if dump := k + w.rdb.Get(deadline(t), k).Val(); strings.Contains(dump, canary) {
			t.Errorf("Redis has %q", dump)
		}
	}
	flag := string(w.records(w.topics.Flags)[0].Value)
	for _, secret := range []string{canary + "evidence", canary + "text"} {
		if strings.Contains(flag, secret) {
			t.Errorf("a masked flag says %s", secret)
		}
	}
}

func TestValidateReportsEverything(t *testing.T) {
	if err := (&world{name: "x", brokers: []string{"localhost:9092"}}).config().Validate(); err != nil {
		t.Errorf("a good configuration: %v", err)
	}
	one := (&world{name: "x", brokers: []string{"localhost:9092"}}).config()
	one.Second = one.Key
	if err := one.Validate(); err == nil || err.Error() != "second: it is the key" {
		t.Errorf("one secret for two: %v", err)
	}
	err := Config{
		Topics: Topics{Flags: "a", Reminders: "a"}, Key: []byte("short"), Second: []byte("short2"), Window: time.Millisecond, Evidence: 9,
		ClaimTimeout: -1, RequestTimeout: -1, MaxPause: -1, MetadataTTL: -1, MaxBatchBytes: 10, MaxRecordBytes: 10,
	}.Validate()
	want := []string{
		"brokers: at least one is needed",
		"topics: flags, reminders and dead letters need one each",
		"policy: the version is missing",
		"key: 5 bytes, at least 16 are needed",
		"second: 6 bytes, at least 16 are needed",
		"window: 1ms is under a second",
		"evidence: unknown level 9",
		"claim timeout: -1ns is not positive",
		"request timeout: -1ns is not positive",
		"max pause: -1ns is not positive",
		"metadata ttl: -1ns is not positive",
		"max record bytes: 10 is under 4096",
		"max batch bytes: 10 has no room for a record of 10",
	}
	if diff := cmp.Diff(want, strings.Split(fmt.Sprint(err), "\n")); diff != "" {
		t.Error(diff)
	}
}
