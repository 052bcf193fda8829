package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen: a real broker on a busy machine takes its time.
const patience = 60 * time.Second

// brokers is a Kafka for the test: the one named by ONSIDE_TEST_KAFKA, or an embedded one.
func brokers(t *testing.T) []string {
	if list := os.Getenv("ONSIDE_TEST_KAFKA"); list != "" {
		return strings.Split(list, ",")
	}
	return fake(t).ListenAddrs()
}

// fake is an embedded Kafka with one broker, for tests that need faults of its.
func fake(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// rig is a topic with a group's name, and what a test does to it from outside.
type rig struct {
	t      *testing.T
	addrs  []string
	topic  string
	group  string
	client *kafka.Client
}

func newRig(t *testing.T, addrs []string, partitions int) *rig {
	t.Helper()
	name := fmt.Sprintf("%s-%08x", strings.NewReplacer("/", "-", ",", "").Replace(t.Name()), rand.Uint32())
	tr := &kafka.Transport{MetadataTTL: time.Second}
	t.Cleanup(tr.CloseIdleConnections)
	r := &rig{t: t, addrs: addrs, topic: name, group: name, client: &kafka.Client{Addr: kafka.TCP(addrs...), Transport: tr}}
	if partitions > 0 {
		r.create(partitions)
	}
	return r
}

func (r *rig) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.t.Cleanup(cancel)
	return ctx
}

func (r *rig) create(partitions int) {
	r.t.Helper()
	res, err := r.client.CreateTopics(r.ctx(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: r.topic, NumPartitions: partitions, ReplicationFactor: 1}},
	})
	if err == nil && !errors.Is(res.Errors[r.topic], kafka.TopicAlreadyExists) { // consumers may have had it created
		err = res.Errors[r.topic]
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.awaitLeaders(partitions)
}

func (r *rig) awaitLeaders(partitions int) {
	r.t.Helper()
	eventually(r.t, "leaders", func() bool {
		s := &session{Consumer: &Consumer{cfg: Config{Topic: r.topic}}, addr: r.client.Addr, transport: r.client.Transport.(*kafka.Transport)}
		l, err := s.layout(r.ctx())
		return err == nil && len(l.leaders) == partitions
	})
}

// producer writes to the partition that each record names.
func (r *rig) producer(opts ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(r.addrs...), kgo.DefaultProduceTopic(r.topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}, opts...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(cl.Close)
	return cl
}

// produce writes events from number from on, n to each of the partitions.
func (r *rig) produce(cl *kgo.Client, partitions, from, n int) {
	r.t.Helper()
	var rs []*kgo.Record
	for p := range partitions {
		for i := range n {
			rs = append(rs, &kgo.Record{Partition: int32(p), Key: []byte("k"), Value: event(from + i)})
		}
	}
	if err := cl.ProduceSync(r.ctx(), rs...).FirstErr(); err != nil {
		r.t.Fatal(err)
	}
}

// committed is the group's position; -1 for none.
func (r *rig) committed(partition int) int64 {
	r.t.Helper()
	s := &session{Consumer: &Consumer{cfg: Config{Topic: r.topic, Group: r.group}}, client: r.client}
	for {
		commits, err := s.commits(r.ctx(), []int{partition})
		if err == nil {
			return commits[partition]
		}
		if r.ctx().Err() != nil {
			r.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// commitAs writes a position from outside of the group, which must be empty.
func (r *rig) commitAs(offset int64) {
	r.t.Helper()
	eventually(r.t, "commit from outside", func() bool {
		res, err := r.client.OffsetCommit(r.ctx(), &kafka.OffsetCommitRequest{
			GroupID: r.group, GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{r.topic: {{Partition: 0, Offset: offset}}},
		})
		return err == nil && res.Topics[r.topic][0].Error == nil
	})
}

func (r *rig) config() Config {
	return Config{
		Brokers: r.addrs, Topic: r.topic, Group: r.group,
		SessionTimeout: 6 * time.Second, RebalanceTimeout: 4 * time.Second, HeartbeatInterval: 100 * time.Millisecond,
		JoinGroupBackoff: 50 * time.Millisecond, WatchInterval: 300 * time.Millisecond, CommitInterval: 50 * time.Millisecond,
		FetchWait: 100 * time.Millisecond, DrainTimeout: 2 * time.Second,
	}
}

// running is a consumer at work.
type running struct {
	cancel context.CancelFunc
	err    chan error
	logs   *observer.ObservedLogs
}

// run starts a consumer. It is stopped by the end of the test at the latest.
func (r *rig) run(cfg Config, lane Lane) *running {
	r.t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	c, err := New(cfg, zap.New(core))
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	run := &running{cancel: cancel, err: make(chan error, 1), logs: logs}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run.err <- c.Run(ctx, lane)
	}()
	r.t.Cleanup(func() {
		cancel()
		<-done
		if r.t.Failed() {
			for _, e := range logs.All() {
				r.t.Log(e.Time.Format("05.000"), e.Message, e.ContextMap())
			}
		}
	})
	return run
}

// stop drains the consumer and gives Run's error.
func (c *running) stop() error {
	c.cancel()
	return <-c.err
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// ledger is what lanes have been given. Its methods may be called from all of them.
type ledger struct {
	t  *testing.T
	mu sync.Mutex

	owner   map[int]string // of the partition, while a lane of it runs
	records map[int][]Record
	lost    int64
	faults  []string
}

func newLedger(t *testing.T) *ledger {
	return &ledger{t: t, owner: make(map[int]string), records: make(map[int][]Record)}
}

// lane writes down what it gets and is done with it at once.
func (l *ledger) lane(name string) Lane {
	return func(ctx context.Context, p *Partition) error {
		defer l.own(name, p.ID)()
		for {
			b, err := p.Next(ctx)
			if err != nil {
				return err
			}
			l.write(p, b)
			p.Done(b)
		}
	}
}

// own notes that the partition has a lane, until the function that it returns is called.
func (l *ledger) own(name string, partition int) (disown func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if other, taken := l.owner[partition]; taken {
		l.faults = append(l.faults, fmt.Sprintf("partition %d is given to %s while %s has it", partition, name, other))
	}
	l.owner[partition] = name
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.owner, partition)
	}
}

func (l *ledger) write(p *Partition, b *Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost += b.Lost
	for _, r := range b.Records {
		r.Message.EventID = strings.Clone(r.Message.EventID)
		l.records[p.ID] = append(l.records[p.ID], Record{Offset: r.Offset, Last: r.Last, Code: r.Code, Message: r.Message})
	}
}

func (l *ledger) count() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, rs := range l.records {
		n += len(rs)
	}
	return n
}

// offsets are those of the partition's records, in the order in which they came.
func (l *ledger) offsets(partition int) (offsets []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records[partition] {
		offsets = append(offsets, r.Offset)
	}
	return offsets
}

func (l *ledger) owners() map[int]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.owner)
}

// exactly checks that each partition gave the offsets 0 to n-1, each once and in order, and that no partition had two lanes.
func (l *ledger) exactly(partitions, n int) {
	l.t.Helper()
	for p := range partitions {
		if got := l.offsets(p); !slices.Equal(got, upTo(0, n)) {
			l.t.Errorf("partition %d gave %d records: %v", p, len(got), got)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.faults {
		l.t.Error(f)
	}
}

func upTo(from, to int) (offsets []int64) {
	for i := from; i < to; i++ {
		offsets = append(offsets, int64(i))
	}
	return offsets
}
