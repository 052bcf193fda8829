package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
	"onside/internal/sink"
)

// plant is a broker and a store in this process, and a client of the broker.
type plant struct {
	t      *testing.T
	kafka  *kfake.Cluster
	redis  *miniredis.Miniredis
	client *kgo.Client
	topics topicsConfig
}

func newPlant(t *testing.T, opts ...kfake.Opt) *plant {
	t.Helper()
	p := &plant{t: t, topics: defaultConfig().Kafka.Topics}
	var err error
	opts = append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(100 * time.Millisecond), kfake.SeedTopics(4, p.topics.Events),
		kfake.SeedTopics(2, p.topics.Flags, p.topics.Reminders, p.topics.DeadLetters),
	}, opts...)
	if p.kafka, err = kfake.NewCluster(opts...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kafka.Close)
	p.redis = miniredis.RunT(t)
	p.client, err = kgo.NewClient(kgo.SeedBrokers(p.kafka.ListenAddrs()...), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.ConsumeTopics(p.topics.Flags, p.topics.Reminders, p.topics.DeadLetters), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.client.Close)
	return p
}

// args are those of a worker at this plant, with times that suit a test.
func (p *plant) args(more ...string) []string {
	return append([]string{
		"run", "--brokers", strings.Join(p.kafka.ListenAddrs(), ","), "--redis", p.redis.Addr(), "--admin", "127.0.0.1:0",
		"--set", "kafka.session_timeout=1500ms", "--set", "kafka.heartbeat_interval=100ms",
		"--set", "kafka.join_group_backoff=100ms", "--set", "kafka.commit_interval=100ms", "--set", "kafka.fetch_wait=50ms",
	}, more...)
}

func (p *plant) produce(records ...*kgo.Record) {
	p.t.Helper()
	if err := p.client.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plant) record(e onside.Event) *kgo.Record {
	value, err := json.Marshal(e)
	if err != nil {
		p.t.Fatal(err)
	}
	return &kgo.Record{Topic: p.topics.Events, Key: []byte(e.ConversationID), Value: value}
}

// output is what was published, by topic.
type output map[string][]*kgo.Record

// read reads on until enough says so.
func (p *plant) read(out output, within time.Duration, what string, enough func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for !enough() {
		if ctx.Err() != nil {
			p.t.Fatalf("not within %s: %s; have %d flags, %d reminders, %d dead letters", within, what,
				len(out[p.topics.Flags]), len(out[p.topics.Reminders]), len(out[p.topics.DeadLetters]))
		}
		poll, done := context.WithTimeout(ctx, 50*time.Millisecond)
		p.client.PollFetches(poll).EachRecord(func(r *kgo.Record) { out[r.Topic] = append(out[r.Topic], r) })
		done()
	}
}

// inProcess is a worker in this process.
type inProcess struct {
	t    *testing.T
	logs syncBuffer
	stop context.CancelFunc
	done chan int
}

func start(t *testing.T, args ...string) *inProcess {
	ctx, cancel := context.WithCancel(context.Background())
	w := &inProcess{t: t, stop: cancel, done: make(chan int, 1)}
	go func() { w.done <- run(ctx, args, strings.NewReader(""), io.Discard, &w.logs, noEnv) }()
	t.Cleanup(func() { cancel() })
	return w
}

// drained stops the worker and returns its exit code.
func (w *inProcess) drained() int {
	w.t.Helper()
	w.stop()
	select {
	case code := <-w.done:
		return code
	case <-time.After(20 * time.Second):
		w.t.Fatalf("the worker does not stop:\n%s", w.logs.String())
		return -1
	}
}

// admin is the base URL of the worker's admin server, from its log.
func (w *inProcess) admin() string {
	w.t.Helper()
	var url string
	eventually(w.t, 30*time.Second, "the admin address is logged", func() bool {
		for line := range strings.Lines(w.logs.String()) {
			var entry struct{ Address string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Address != "" {
				url = "http://" + entry.Address
			}
		}
		return url != ""
	})
	return url
}

func (w *inProcess) page(path string) (int, string) {
	w.t.Helper()
	res, err := http.Get(w.admin() + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (w *inProcess) ready() {
	w.t.Helper()
	eventually(w.t, 20*time.Second, "the worker is ready", func() bool {
		code, _ := w.page("/readyz")
		return code == http.StatusOK
	})
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// someEvents are the first n events of the corpus, whole conversations.
func someEvents(t *testing.T, n int) []onside.Event {
	t.Helper()
	events, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	n = min(n, len(events))
	for n < len(events) && events[n].ConversationID == events[n-1].ConversationID {
		n++
	}
	return events[:n]
}

// ledger is what has to come out of events.
type ledger struct {
	review    map[string]bool // event ids
	reminders map[string]bool
	last      map[string]bool // conversations with a review
}

func expected(events []onside.Event) ledger {
	l := ledger{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for id, v := range decisions(events) {
		switch v.Action {
		case "review":
			l.review[id] = true
		case "remind":
			l.reminders[id] = true
		}
	}
	for _, e := range events {
		if l.review[e.EventID] {
			l.last[e.ConversationID] = true
		}
	}
	return l
}

// decisions are those of a judge who has read nothing else.
func decisions(events []onside.Event) map[string]onside.Verdict {
	return decideAll(testModel(), policy.Default(), events)
}

// missing are the conversations that need a flag and have none yet. Repeats within a conversation may be suppressed.
func (l ledger) missing(flags []*kgo.Record) int {
	found := map[string]bool{}
	for _, r := range flags {
		found[string(r.Key)] = true
	}
	n := 0
	for c := range l.last {
		if !found[c] {
			n++
		}
	}
	return n
}

// check holds what must be true of flags whatever happened: each was wanted, and equal ids are equal records.
func (l ledger) check(t *testing.T, flags []*kgo.Record) (doubled int) {
	t.Helper()
	bodies := map[string]string{}
	for _, r := range flags {
		var f sink.Flag
		if err := json.Unmarshal(r.Value, &f); err != nil {
			t.Fatalf("flag is no JSON: %v", err)
		}
		if !l.review[f.Event.EventID] {
			t.Errorf("a flag for %s, which is none", f.Event.EventID)
		}
		f.Dedup = ""
		body := fmt.Sprintf("%+v", f)
		if was, ok := bodies[f.FlagID]; ok {
			doubled++
			if was != body {
				t.Errorf("flag %s has two contents:\n%s\n%s", f.FlagID, was, body)
			}
		}
		bodies[f.FlagID] = body
	}
	return doubled
}

// TestRun sends conversations and spoilt records through one worker, takes Redis away, and stops it.
func TestRun(t *testing.T) {
	p := newPlant(t)
	w := start(t, p.args("--set", "drain_timeout=5s")...)
	w.ready()
	events := someEvents(t, 1500)
	half := len(events) / 2
	send := func(events []onside.Event) {
		var records []*kgo.Record
		for _, e := range events {
			records = append(records, p.record(e))
		}
		p.produce(records...)
	}
	send(events[:half])
	p.produce(&kgo.Record{Topic: p.topics.Events, Key: []byte("k"), Value: []byte("{"), Headers: []kgo.RecordHeader{{Key: "own", Value: []byte("header")}}})
	out, want := output{}, expected(events)
	p.read(out, 20*time.Second, "the dead letter", func() bool { return len(out[p.topics.DeadLetters]) == 1 })
	p.redis.Close()
	send(events[half:])
	p.read(out, 20*time.Second, "flags for all", func() bool { return want.missing(out[p.topics.Flags]) == 0 })
	if doubled := want.check(t, out[p.topics.Flags]); doubled != 0 {
		t.Errorf("%d flags were published twice", doubled)
	}
	if len(out[p.topics.Flags]) == 0 || len(out[p.topics.Reminders]) == 0 {
		t.Error("no flags or no reminders: the test shows nothing")
	}
	eventually(t, 30*time.Second, "the lag is gone", func() bool {
		_, body := w.page("/metrics")
		return strings.Contains(body, fmt.Sprintf("onside_events_total %d", len(events)+1)) && strings.Contains(body, `onside_redis_breaker_open 1`)
	})
	if d := out[p.topics.DeadLetters][0]; string(d.Value) != "{" || string(d.Key) != "k" || d.Headers[0].Key != "own" {
		t.Errorf("dead letter %q %q %v", d.Key, d.Value, d.Headers)
	}
	begun := time.Now()
	if code := w.drained(); code != exitOK {
		t.Errorf("exit code %d after a drain:\n%s", code, w.logs.String())
	}
	if took := time.Since(begun); took > 6*time.Second {
		t.Errorf("the drain took %s", took)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestNothingPrivateIsShown puts canaries into everything that comes from outside and looks for them wherever an operator looks.
func TestNothingPrivateIsShown(t *testing.T) {
	const canary = "canary7q"
	p := newPlant(t)
	w := start(t, p.args("--log-level", "debug", "--set", "redis.password="+canary, "--set", "redis.username=u")...)
	w.ready()
	full := `{"event_id":"e-%d","conversation_id":"c-canary7q","message_id":"m-canary7q","sent_at":"canary7q","sender":{"id":"canary7q","role":"canary7q"},` +
		`"contract":{"stage":%q},"lang":"canary7q","extra-canary7q":"canary7q","text":"canary7q whatsapp me on +92 300 1234567 or canary7q@canary7q.com"}`
	var records []*kgo.Record
	for i, value := range []string{
		fmt.Sprintf(full, 1, "pre_contract"), fmt.Sprintf(full, 2, "canary7q"), `{"canary7q"`, `"canary7q"`, "canary7q\xff",
		strings.Repeat(`{"canary7q":`, 50) + "1" + strings.Repeat("}", 50), `{"event_id":"e","conversation_id":"canary7q"}`,
		`{"event_id":"e","event_id":"canary7q","conversation_id":"c","text":"t"}`, `{"event_id":"e","conversation_id":"c","text":["canary7q"]}`,
	} {
		records = append(records, &kgo.Record{
			Topic: p.topics.Events, Partition: int32(i % 4), Key: []byte(canary), Value: []byte(value),
			Headers: []kgo.RecordHeader{{Key: canary, Value: []byte(canary)}, {Key: "traceparent", Value: []byte(canary)}},
		})
	}
	p.produce(records...)
	out := output{}
	p.read(out, 20*time.Second, "dead letters", func() bool { return len(out[p.topics.DeadLetters]) == len(records)-1 })
	p.redis.SetError(canary) // also what servers say
	p.produce(records...)
	p.read(out, 20*time.Second, "dead letters again", func() bool { return len(out[p.topics.DeadLetters]) == 2*(len(records)-1) })
	pages := ""
	for _, path := range []string{"/metrics", "/livez", "/readyz", "/debug/pprof/", "/debug/pprof/goroutine?debug=2", "/" + canary} {
		_, body := w.page(path)
		pages += body
	}
	if code := w.drained(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	http.DefaultClient.CloseIdleConnections()
	for name, text := range map[string]string{"log": w.logs.String(), "admin pages": pages} {
		if len(text) < 100 {
			t.Errorf("the %s says nothing: %q", name, text)
		}
		if i := strings.Index(text, canary); i >= 0 {
			t.Errorf("the %s shows it: %s", name, text[max(0, i-200):min(len(text), i+100)])
		}
	}
}

// TestAbsentKafkaIsAwaited starts the worker before the broker.
func TestAbsentKafkaIsAwaited(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	redis := miniredis.RunT(t)
	w := start(t, "run", "--brokers", addr.String(), "--redis", redis.Addr(), "--admin", "127.0.0.1:0", "--create-topics",
		"--set", "kafka.create.partitions=2", "--set", "kafka.session_timeout=10s", "--set", "kafka.join_group_backoff=50ms")
	time.Sleep(1500 * time.Millisecond) // many tries; the point is how little is said about them
	if n := strings.Count(w.logs.String(), "\n"); n > 8 {
		t.Errorf("%d lines of log while Kafka is away:\n%s", n, w.logs.String())
	}
	if code, _ := w.page("/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("ready (%d) without Kafka", code)
	}
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(addr.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	w.ready()
	if info := k.TopicInfo("chat.dead-letters"); info == nil {
		t.Error("the topics were not created")
	}
	if code := w.drained(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, w.logs.String())
	}
	http.DefaultClient.CloseIdleConnections()
}

// process is a worker in a process of its own.
type process struct {
	cmd  *exec.Cmd
	logs syncBuffer
	done chan error
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], args...), done: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), asWorker+"=1")
	p.cmd.Stderr = &p.logs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it has ended, in a test that passed
	return p
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// exit waits for the end of the process.
func (p *process) exit(t *testing.T, within time.Duration) error {
	t.Helper()
	select {
	case err := <-p.done:
		return err
	case <-time.After(within):
		t.Fatalf("the process has not ended within %s:\n%s", within, p.logs.String())
		return nil
	}
}

// TestKilledWorker runs two workers as processes, kills one while both work, and stops the other in order.
func TestKilledWorker(t *testing.T) {
	p := newPlant(t)
	a, b := startProcess(t, p.args()...), startProcess(t, p.args()...)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := p.kafka.WaitGroupStable(ctx, "onside", 2); err != nil {
		t.Fatalf("the group is not stable with two: %v\n%s", err, a.logs.String())
	}
	events := someEvents(t, 3000)
	want, out := expected(events), output{}
	for i, e := range events {
		p.produce(p.record(e))
		if i%100 == 0 {
			p.produce(&kgo.Record{Topic: p.topics.Events, Value: []byte("spoilt")})
		}
		if i == len(events)/2 {
			a.signal(t, syscall.SIGKILL)
		}
	}
	spoilt := (len(events) + 99) / 100
	p.read(out, 40*time.Second, "flags and dead letters for all", func() bool {
		return want.missing(out[p.topics.Flags]) == 0 && len(out[p.topics.DeadLetters]) >= spoilt
	})
	doubled := want.check(t, out[p.topics.Flags])
	t.Logf("%d flags, %d of them twice by id, %d dead letters for %d spoilt records", len(out[p.topics.Flags]), doubled, len(out[p.topics.DeadLetters]), spoilt)
	if err := a.exit(t, 5*time.Second); err == nil {
		t.Error("the killed worker ended well")
	}
	b.signal(t, syscall.SIGTERM)
	if err := b.exit(t, 12*time.Second); err != nil {
		t.Errorf("the other worker: %v\n%s", err, b.logs.String())
	}
	if !strings.Contains(b.logs.String(), `"stopped"`) {
		t.Errorf("no word of the end:\n%s", b.logs.String())
	}
}

// TestSecondSignal stops a worker that cannot deliver, twice.
func TestSecondSignal(t *testing.T) {
	p := newPlant(t)
	p.produce(p.record(onside.Event{Message: classify.Message{EventID: "e", ConversationID: "c", Text: contactText}}), &kgo.Record{Topic: p.topics.Events, Value: []byte("spoilt")})
	refused := make(chan struct{}, 100)
	p.kafka.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		p.kafka.KeepControl()
		select {
		case refused <- struct{}{}:
		default:
		}
		return refuse(r.(*kmsg.ProduceRequest)), nil, true
	})
	w := startProcess(t, p.args("--set", "drain_timeout=1m")...)
	select {
	case <-refused:
	case <-time.After(20 * time.Second):
		t.Fatalf("nothing was produced:\n%s", w.logs.String())
	}
	w.signal(t, syscall.SIGTERM)
	eventually(t, 30*time.Second, "the worker drains", func() bool { return strings.Contains(w.logs.String(), "draining") })
	select {
	case err := <-w.done:
		t.Fatalf("it ended (%v) with work in hand:\n%s", err, w.logs.String())
	case <-time.After(300 * time.Millisecond):
	}
	w.signal(t, syscall.SIGTERM)
	var exit *exec.ExitError
	if err := w.exit(t, 3*time.Second); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v, want an end by the signal", err)
	}
}

// refuse answers a produce request as a broker that has just lost the partition.
func refuse(req *kmsg.ProduceRequest) kmsg.Response {
	res := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, kerr.NotLeaderForPartition.Code
			rt.Partitions = append(rt.Partitions, rp)
		}
		res.Topics = append(res.Topics, rt)
	}
	return res
}

// TestCheckConnect looks at servers that are there, with and without topics.
func TestCheckConnect(t *testing.T) {
	p := newPlant(t)
	args := []string{"check", "--connect", "--brokers", strings.Join(p.kafka.ListenAddrs(), ","), "--redis", p.redis.Addr()}
	code, out, errs := command(t, context.Background(), "", args...)
	for _, want := range []string{
		"ok    kafka with 1 brokers\n", "topic chat.messages has 4 partitions", "topic chat.dead-letters has 2 partitions",
		"ok    group onside is kept by broker", "takes claims\n",
		"keeps history\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != exitOK {
		t.Errorf("exit code %d: %s", code, errs)
	}
	code, out, errs = command(t, context.Background(), "", append(args, "--set", "kafka.topics.flags=nowhere")...)
	if want := "FAIL  topic nowhere is missing, or this user has no right to describe it"; !strings.Contains(out, want) || code != exitError {
		t.Errorf("exit code %d, no %q in\n%s%s", code, want, out, errs)
	}
}

// TestCheckRedisRights takes from Redis one command after the other that claims and history need: each is missed.
func TestCheckRedisRights(t *testing.T) {
	p := newPlant(t)
	args := []string{"check", "--connect", "--brokers", strings.Join(p.kafka.ListenAddrs(), ","), "--redis", p.redis.Addr()}
	for _, word := range []string{"SET", "MULTI", "EXEC", "HSET", "HDEL", "PEXPIRE", "HGETALL"} {
		var refused atomic.Bool
		p.redis.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
			switch {
			case cmd == word:
				c.WriteError("NOPERM User worker has no permissions to run the '" + strings.ToLower(word) + "' command")
				refused.Store(true)
			case cmd == "EXEC" && refused.Load():
				c.WriteError("EXECABORT Transaction discarded because of previous errors.")
			default:
				return false
			}
			return true
		})
		code, out, errs := command(t, context.Background(), "", args...)
		if code != exitError || !strings.Contains(out, "FAIL  single redis") {
			t.Errorf("%s: exit code %d\n%s%s", word, code, out, errs)
		}
	}
}

// TestServiceDecidesAsClassify sends conversations through broker, decoder, lanes and store, and compares every decision with
// that of a judge who has read nothing else.
func TestServiceDecidesAsClassify(t *testing.T) {
	p := newPlant(t)
	r := newConfigReader(noEnv)
	r.set("test", "kafka.brokers", strings.Join(p.kafka.ListenAddrs(), ","))
	r.set("test", "redis.addresses", p.redis.Addr())
	s, err := r.finish()
	if err != nil {
		t.Fatal(err)
	}
	sv, err := newService(s, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	tally := newTally()
	sv.observe = tally.observer()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sv.run(ctx) }()
	corpus := someEvents(t, 1<<30)
	events := sample(corpus, 3000)
	for i := 0; i < len(events); i += 200 { // several batches, so that histories are carried from one to the next
		var records []*kgo.Record
		for _, e := range events[i:min(i+200, len(events))] {
			records = append(records, p.record(e))
		}
		p.produce(records...)
	}
	eventually(t, time.Minute, "all events are done", func() bool { return tally.count().records >= len(events) })
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	want, got := decisions(events), tally.count().verdicts
	if len(got) != len(want) {
		t.Errorf("%d decisions, want %d", len(got), len(want))
	}
	for id, w := range want {
		if fmt.Sprint(got[id]) != fmt.Sprint(w) {
			t.Errorf("%s: %v, want %v", id, got[id], w)
		}
	}
}
