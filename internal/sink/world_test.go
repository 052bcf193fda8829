package sink

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
	"go.uber.org/zap/zaptest"

	"onside/internal/classify"
	"onside/internal/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testPartitions = 3

// world is a broker and a Redis with nothing of ours in them: embedded ones, or those that ONSIDE_TEST_KAFKA and
// ONSIDE_TEST_REDIS name, of which only new names are used.
type world struct {
	t       testing.TB
	name    string
	brokers []string
	cluster *kfake.Cluster       // nil on a real broker
	mini    *miniredis.Miniredis // nil on a real Redis
	rdb     *redis.Client
	topics  Topics
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return makeWorld(t, os.Getenv("ONSIDE_TEST_KAFKA"), os.Getenv("ONSIDE_TEST_REDIS"))
}

// newFakeWorld is embedded whatever the environment says: for faults that only a fake can have.
func newFakeWorld(t *testing.T) *world {
	t.Helper()
	return makeWorld(t, "", "")
}

func makeWorld(t testing.TB, kafkaAddresses, redisAddress string) *world {
	t.Helper()
	name := unique()
	w := &world{t: t, name: name, topics: Topics{Flags: name + ".flags", Reminders: name + ".reminders", DeadLetters: name + ".dead"}}
	w.startKafka(kafkaAddresses)
	w.startRedis(redisAddress)
	w.create(TopicSpec{Name: w.topics.Flags, Partitions: testPartitions},
		TopicSpec{Name: w.topics.Reminders, Partitions: testPartitions},
		TopicSpec{Name: w.topics.DeadLetters, Partitions: testPartitions})
	return w
}

func unique() string {
	var b [6]byte
	_, _ = rand.Read(b[:])
	return "t" + hex.EncodeToString(b[:])
}

func (w *world) startKafka(addresses string) {
	if addresses != "" {
		w.brokers = strings.Split(addresses, ",")
		return
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(2))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	w.cluster, w.brokers = c, c.ListenAddrs()
}

func (w *world) startRedis(address string) {
	if address == "" {
		w.mini = miniredis.RunT(w.t)
		address = w.mini.Addr()
	}
	w.rdb = w.client(address)
}

// client is configured as the worker's: it gives up soon, and when its context says so.
func (w *world) client(address string) *redis.Client {
	c := redis.NewClient(&redis.Options{
		Addr: address, ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true,
		DialTimeout: 200 * time.Millisecond, ReadTimeout: 2 * time.Second, WriteTimeout: 2 * time.Second,
	})
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (w *world) create(specs ...TopicSpec) {
	w.t.Helper()
	if err := CreateTopics(deadline(w.t), w.config(), specs...); err != nil {
		w.t.Fatal(err)
	}
	for _, s := range specs {
		w.awaitTopic(s.Name)
	}
}

// awaitTopic waits until the leaders know that they lead: a real broker says where they are before that.
func (w *world) awaitTopic(topic string) {
	w.t.Helper()
	eventually(w.t, topic+" is ready", func() bool {
		ends, err := w.tryEnds(topic)
		return err == nil && len(ends) > 0
	})
}

func (w *world) config() Config {
	return Config{
		Brokers: w.brokers, Topics: w.topics, Policy: "aabbccddeeff", Model: "model-1", Key: []byte("0123456789abcdef"),
		Prefix: w.name + ":", RequestTimeout: 5 * time.Second, MaxPause: 100 * time.Millisecond, MetadataTTL: 200 * time.Millisecond,
	}
}

// sink is a new sink, as a new process would have one.
func (w *world) sink(change ...func(*Config)) *Sink {
	w.t.Helper()
	cfg := w.config()
	for _, f := range change {
		f(&cfg)
	}
	s, err := New(cfg, w.rdb, zaptest.NewLogger(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.Close)
	return s
}

// deadline is a context for what must not take long.
func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// records is everything in a topic, by partition and offset.
func (w *world) records(topic string) []*kgo.Record {
	w.t.Helper()
	ends := w.ends(topic)
	from := make(map[int32]kgo.Offset)
	missing := int64(0)
	for p, end := range ends {
		from[int32(p)] = kgo.NewOffset().AtStart()
		missing += end
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	ctx := deadline(w.t)
	var all []*kgo.Record
	for missing > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			w.t.Fatalf("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			all = append(all, r)
			missing--
		})
	}
	return all
}

// ends are the log end offsets of a topic's partitions.
func (w *world) ends(topic string) []int64 {
	w.t.Helper()
	ends, err := w.tryEnds(topic)
	if err != nil {
		w.t.Fatal(err)
	}
	return ends
}

func (w *world) tryEnds(topic string) ([]int64, error) {
	transport := &kafka.Transport{MetadataTopics: []string{topic}}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(w.brokers...), Timeout: 10 * time.Second, Transport: transport}
	meta, err := client.Metadata(deadline(w.t), &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, err
	}
	var ask []kafka.OffsetRequest
	for p := range meta.Topics[0].Partitions {
		ask = append(ask, kafka.LastOffsetOf(p))
	}
	res, err := client.ListOffsets(deadline(w.t), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: ask}})
	if err != nil {
		return nil, err
	}
	ends := make([]int64, len(ask))
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return nil, p.Error
		}
		ends[p.Partition] = p.LastOffset
	}
	return ends, nil
}

// flags decodes everything in the flags topic.
func (w *world) flags() []Flag {
	w.t.Helper()
	var flags []Flag
	for _, r := range w.records(w.topics.Flags) {
		var f Flag
		if err := json.Unmarshal(r.Value, &f); err != nil {
			w.t.Fatal(err)
		}
		flags = append(flags, f)
	}
	return flags
}

// copies counts the flags topic's records by flag id.
func (w *world) copies() map[string]int {
	w.t.Helper()
	n := make(map[string]int)
	for _, f := range w.flags() {
		n[f.FlagID]++
	}
	return n
}

var origin = Origin{Topic: "chat.messages", Incarnation: "Zm9vYmFyYmF6cXV4MTIzNA", Partition: 3}

// phone is an item that shares a phone number.
func phone(offset int64, conversation, number string) Item {
	text := "call me on " + number
	return Item{
		Offset: offset,
		Message: &classify.Message{
			EventID: conversation + "-" + number + "-" + string(decimal(offset)), ConversationID: conversation,
			MessageID: "m-" + string(decimal(offset)), SentAt: "2026-03-02T09:00:47Z", SenderID: "u-9", SenderRole: "freelancer",
			Text: text, Offset: offset,
		},
		Decision: policy.Decision{
			Action: policy.Review, Severity: policy.High, Rule: "contact-before-contract",
			Reason: "A phone number was shared before the contract started.",
			Findings: []classify.Finding{{
				Category: classify.ContactPhone, Act: classify.Share, Score: 0.997,
				Spans: []classify.Span{{Start: 11, End: len(text)}}, Normalized: number,
			}},
		},
	}
}

// call is an item that deserves a reminder.
func call(offset int64, conversation string) Item {
	it := phone(offset, conversation, "")
	it.Message.Text = "can we hop on a quick call?"
	it.Decision = policy.Decision{
		Action: policy.Remind, Severity: policy.Low, Rule: "call-before-contract", Reason: "Calls start with the contract.",
		Findings: []classify.Finding{{Category: classify.CallProposal, Act: classify.Propose, Score: 0.9, Spans: []classify.Span{{Start: 0, End: 27}}}},
	}
	return it
}

func flagID(s *Sink, it Item) string {
	return identify("f_", it.Message, s.cfg.Policy, it.Decision.Action)
}

// tap sits between a sink and its broker.
type tap struct {
	kafka.RoundTripper
	around func(ctx context.Context, req kafka.Request, send func() (kafka.Response, error)) (kafka.Response, error)
}

func (t tap) RoundTrip(ctx context.Context, addr net.Addr, req kafka.Request) (kafka.Response, error) {
	return t.around(ctx, req, func() (kafka.Response, error) { return t.RoundTripper.RoundTrip(ctx, addr, req) })
}

// intercept lets f see every request of one kind.
func (s *Sink) intercept(kind protocol.ApiKey, f func(ctx context.Context, send func() (kafka.Response, error)) (kafka.Response, error)) {
	s.producer.client.Transport = tap{s.producer.client.Transport, func(ctx context.Context, req kafka.Request, send func() (kafka.Response, error)) (kafka.Response, error) {
		if req.ApiKey() != kind {
			return send()
		}
		return f(ctx, send)
	}}
}

// gate holds requests until it is opened.
type gate struct {
	once    sync.Once
	open    chan struct{}
	waiting chan struct{} // gets a token from each request that comes
}

func newGate() *gate { return &gate{open: make(chan struct{}), waiting: make(chan struct{}, 1000)} }

func (g *gate) pass(ctx context.Context) error {
	g.waiting <- struct{}{}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) release() { g.once.Do(func() { close(g.open) }) }

// produceSize is the size of the record set in a produce request; 0 for any other request.
func produceSize(req kafka.Request) int64 {
	r, ok := req.(*rawproduce.Request)
	if !ok {
		return 0
	}
	return r.Topics[0].Partitions[0].RecordSet.Reader.(*bytes.Reader).Size()
}
