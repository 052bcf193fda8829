package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// world is everything that takes part in a run.
type world struct {
	*options
	pace
	dir      string
	log      io.Writer
	begun    time.Time
	rng      *mathrand.Rand // chooses the faults
	cluster  cluster
	redis    redisServer
	kafka    *kafka
	ledger   *ledger
	pulse    *pulse
	delays   *delays
	stream   *stream
	reader   *reader
	produced *journal
	watch    *watch
	workers  []*worker
	past     []*process // those that have ended
	wounds   []*wound
	flushes  []time.Time // when Redis lost what it knew

	parts    int32 // of the events topic
	aims     int   // kills that were aimed
	cleanups []func()
}

// wound is a fault that has happened.
type wound struct {
	class
	what   string
	at     time.Time
	over   time.Time // from then on, things must go on
	healed time.Time // when everything had been seen to go on; shared with the faults that came on top of it
	scope  []int32   // partitions that had to go on
	owned  []int32   // partitions of the worker that is restarted
	redis  string    // what Redis did instead of answering; empty: it answered
	alone  bool      // nothing came on top of it before it had healed
}

func newWorld(ctx context.Context, o *options, log io.Writer) (w *world, err error) {
	w = &world{
		options: o, pace: o.pace(), log: log, begun: time.Now(), ledger: newLedger(), pulse: newPulse(), delays: newDelays(),
		rng: mathrand.New(mathrand.NewPCG(o.seed, 2)), parts: int32(o.partitions), dir: o.dir,
	}
	w.ledger.twoSecrets = o.faults[secret] > 0
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if err := w.makeDir(); err != nil {
		return w, err
	}
	if err := w.startServers(ctx); err != nil {
		return w, err
	}
	if err := w.startClients(ctx); err != nil {
		return w, err
	}
	return w, w.startWorkers(ctx)
}

// close undoes everything, last things first.
func (w *world) close() {
	for _, undo := range slices.Backward(w.cleanups) {
		undo()
	}
	w.cleanups = nil
}

func (w *world) later(undo func()) { w.cleanups = append(w.cleanups, undo) }

func (w *world) makeDir() error {
	if w.dir != "" {
		return os.MkdirAll(w.dir, 0o755)
	}
	var err error
	w.dir, err = os.MkdirTemp("", "onside-chaos-")
	return err
}

// forgetLogs removes what a run without a failure leaves behind.
func (w *world) forgetLogs() error {
	if w.options.dir != "" {
		return nil
	}
	return os.RemoveAll(w.dir)
}

func (w *world) startServers(ctx context.Context) error {
	var err error
	if w.redis, err = startRedis(ctx, w.options.redis); err != nil {
		return err
	}
	w.later(w.redis.close)
	if !w.embedded() {
		w.cluster = &foreignKafka{brokers: w.brokers, script: w.script}
		return nil
	}
	data, err := os.MkdirTemp("", "onside-chaos-kafka-")
	if err != nil {
		return err
	}
	w.later(func() { _ = os.RemoveAll(data) })
	k, err := startEmbedded(data)
	if err != nil {
		return err
	}
	w.cluster = k
	w.later(k.close)
	return nil
}

func (w *world) startClients(ctx context.Context) error {
	run := "chaos-" + strings.ToLower(rand.Text()[:8])
	var err error
	if w.kafka, err = connect(w.cluster.addrs(), run); err != nil {
		return err
	}
	w.later(w.kafka.client.Close)
	if err := w.kafka.create(ctx, w.partitions); err != nil {
		return err
	}
	if !w.embedded() {
		w.later(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := w.kafka.remove(ctx); err != nil {
				w.tell("the topics %s.* remain: %v", run, err)
			}
		})
	}
	if err := until(ctx, w.patience, "the topics have leaders", w.ready); err != nil {
		return err
	}
	if w.stream, err = newStream(run, w.kafka.topic(events), w.partitions, w.seed, w.ledger); err != nil {
		return err
	}
	published, err := w.journal("published.jsonl")
	if err != nil {
		return err
	}
	if w.produced, err = w.journal("events.jsonl"); err != nil {
		return err
	}
	if w.reader, err = newReader(w.kafka, w.ledger, w.pulse, w.delays, published); err != nil {
		return err
	}
	w.later(w.reader.client.Close)
	w.watch = newWatch(w.kafka, w.tell)
	return nil
}

func (w *world) journal(name string) (*journal, error) {
	j, err := newJournal(w.dir, name)
	if err == nil {
		w.later(func() {
			if err := j.close(); err != nil {
				w.tell("%v", err)
			}
		})
	}
	return j, err
}

func (w *world) ready(ctx context.Context) (bool, error) {
	for _, topic := range append([]string{events}, outputs...) {
		if _, err := w.kafka.ends(ctx, topic); err != nil {
			return false, err
		}
	}
	return true, nil
}

// startWorkers starts them, and waits until all are in the group.
func (w *world) startWorkers(ctx context.Context) error {
	if w.binary == "" {
		w.binary = filepath.Join(w.dir, "worker")
		if err := buildWorker(ctx, w.binary, w.protocol); err != nil {
			return err
		}
	}
	secrets, err := w.secrets()
	if err != nil {
		return err
	}
	for i := range w.options.workers {
		p, err := newProxy(w.redis.addr())
		if err != nil {
			return err
		}
		x, err := newWorker(fmt.Sprintf("worker-%d", i+1), w.binary, w.dir, p, w.arguments(p.addr()), secrets)
		if err != nil {
			p.close()
			return err
		}
		w.later(x.close)
		if err := x.start(); err != nil {
			return err
		}
		w.workers = append(w.workers, x)
	}
	if err := until(ctx, w.patience, "all workers are in the group", w.joined); err != nil {
		return err
	}
	return w.workers[0].process.as(w.stream.judge)
}

// secrets are the files of two secrets, where workers are to have them.
func (w *world) secrets() (files []string, err error) {
	if w.faults[secret] == 0 {
		return nil, nil
	}
	for _, name := range []string{"old", "new"} {
		file := filepath.Join(w.dir, name+".key")
		files, err = append(files, file), errors.Join(err, os.WriteFile(file, []byte("the secret that is "+name), 0o600))
	}
	return files, err
}

// buildWorker builds the binary; only that of a wrong protocol has a build tag.
func buildWorker(ctx context.Context, path, protocol string) error {
	args := []string{"build", "-o", path}
	if protocol == "setnx" {
		args = append(args, "-tags", "chaos_setnx")
	}
	out, err := exec.CommandContext(ctx, "go", append(args, "onside/cmd/worker")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build worker: %w\n%s", err, out)
	}
	return nil
}

// arguments are those of worker run.
func (w *world) arguments(redis string) []string {
	args := []string{"run", "--brokers", strings.Join(w.cluster.addrs(), ","), "--redis", redis, "--group", w.kafka.run, "--admin", ""}
	set := func(format string, a ...any) { args = append(args, "--set", fmt.Sprintf(format, a...)) }
	for _, topic := range append([]string{events}, outputs...) {
		set("kafka.topics.%s=%s", topic, w.kafka.topic(topic))
	}
	set("kafka.session_timeout=%s", w.session)
	set("kafka.rebalance_timeout=%s", w.rebalance)
	set("kafka.heartbeat_interval=%s", w.session/20)
	set("kafka.join_group_backoff=200ms")
	set("kafka.commit_interval=200ms")
	set("kafka.fetch_wait=50ms")
	set("kafka.watch_interval=1s")
	if w.exact() {
		set("redis.timeout=30s") // then a worker that was stopped, or has to wait for a processor, still gets its answer
	}
	for _, s := range w.set {
		set("%s", s)
	}
	return args
}

func (w *world) joined(context.Context) (bool, error) {
	for _, x := range w.workers {
		if x.process.gone() {
			return false, &selfEnded{x.name, x.process.err}
		}
		if !x.process.joined() {
			return false, nil
		}
	}
	return true, nil
}

// generation is the oldest that a worker has joined last.
func (w *world) generation() int {
	oldest := math.MaxInt
	for _, x := range w.workers {
		x.process.mu.Lock()
		oldest = min(oldest, x.process.generation)
		x.process.mu.Unlock()
	}
	return oldest
}

// selfEnded says that a worker has ended that nobody wanted to end.
type selfEnded struct {
	name string
	err  error
}

func (e *selfEnded) Error() string { return fmt.Sprintf("%s has ended by itself: %v", e.name, e.err) }

// begin has events flow in and results flow back. What it returns stops the events, and says whether all were taken.
func (w *world) begin(ctx context.Context) (stop func() error) {
	reading, stopReading := context.WithCancel(ctx)
	var both sync.WaitGroup
	both.Go(func() { w.reader.run(reading) })
	both.Go(func() { w.watch.run(reading) })
	producing, stopProducing := context.WithCancel(ctx)
	w.later(func() { stopProducing(); stopReading(); both.Wait() })
	produced := make(chan error, 1)
	both.Go(func() { produced <- w.produce(producing) })
	return func() error {
		stopProducing()
		select {
		case err := <-produced:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// produceTick is how often events are produced.
const produceTick = 20 * time.Millisecond

// produce produces events until ctx ends, and then those that end what has begun.
func (w *world) produce(ctx context.Context) error {
	var mu sync.Mutex
	var first error
	promise := func(r *kgo.Record, err error) {
		if err == nil {
			w.produced.write(r)
			w.delays.send(place{r.Partition, r.Offset}, r.Timestamp)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		first = errors.Join(first, err)
	}
	lasting := context.WithoutCancel(ctx)
	tick := time.NewTicker(produceTick)
	defer tick.Stop()
	begun, made := time.Now(), 0.0
	for ctx.Err() == nil {
		for due := float64(w.rate) * time.Since(begun).Seconds(); made < due; made++ {
			r, err := w.stream.next()
			if err != nil {
				return err
			}
			w.kafka.client.Produce(lasting, r, promise)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	for _, r := range w.stream.rest() {
		w.kafka.client.Produce(lasting, r, promise)
	}
	flushing, cancel := context.WithTimeout(lasting, w.patience)
	defer cancel()
	err := w.kafka.client.Flush(flushing)
	mu.Lock()
	defer mu.Unlock()
	if err = errors.Join(first, err); err != nil {
		return fmt.Errorf("produce events: %w", err)
	}
	return nil
}

// count makes sure that Kafka has the events of the ledger, no more and no less: else the ledger is void.
func (w *world) count(ctx context.Context) error {
	var ends map[int32]int64
	err := until(ctx, w.patience, "the events are counted", func(ctx context.Context) (ok bool, err error) {
		ends, err = w.kafka.ends(ctx, events)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	var n int64
	for _, end := range ends {
		n += end
	}
	if int(n) != w.ledger.size() {
		return fmt.Errorf("%d events were written, Kafka has %d", w.ledger.size(), n)
	}
	return nil
}

// finish waits until everything is consumed, stops the workers and reads what is left.
func (w *world) finish(ctx context.Context) error {
	consumed := func(ctx context.Context) (bool, error) {
		if _, err := w.joined(ctx); err != nil {
			return false, err
		}
		lag, err := w.kafka.lag(ctx)
		return lag == 0, err
	}
	if err := until(ctx, w.patience, "everything is consumed", consumed); err != nil {
		return err
	}
	for _, x := range w.workers {
		if err := w.terminate(ctx, x); err != nil {
			return err
		}
	}
	return until(ctx, w.patience, "everything is read back", w.reader.caughtUp)
}

// terminate asks a worker to end, and wants it to end well. Before its first words a process cannot know how.
func (w *world) terminate(ctx context.Context, x *worker) error {
	p := x.process
	started := func(context.Context) (bool, error) {
		if p.gone() {
			return false, &selfEnded{x.name, p.err}
		}
		return p.started(), nil
	}
	if err := until(ctx, w.patience, x.name+" has started", started); err != nil {
		return err
	}
	p.wanted = true
	if err := p.signal(syscall.SIGTERM); err != nil {
		return &selfEnded{x.name, err}
	}
	if err := until(ctx, w.patience, x.name+" has drained", func(context.Context) (bool, error) { return p.gone(), nil }); err != nil {
		return err
	}
	w.past = append(w.past, p)
	if p.err != nil {
		return fmt.Errorf("%s was asked to end, and ended with: %w", x.name, p.err)
	}
	return nil
}

// tell writes what happens.
func (w *world) tell(format string, args ...any) {
	if !w.quiet {
		fmt.Fprintf(w.log, "%6.1fs  %s\n", time.Since(w.begun).Seconds(), fmt.Sprintf(format, args...))
	}
}

// stuckError says what has not happened in time.
type stuckError struct {
	what  string
	after time.Duration
	last  error
}

func (e *stuckError) Error() string {
	text := fmt.Sprintf("not within %s: %s", e.after, e.what)
	if e.last != nil {
		text += " (" + e.last.Error() + ")"
	}
	return text
}

// until asks until the answer is yes. Errors of the question are tried again, but for that of a worker that has ended.
func until(ctx context.Context, patience time.Duration, what string, ok func(context.Context) (bool, error)) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		yes, err := ok(waiting)
		var ended *selfEnded
		switch {
		case yes:
			return nil
		case errors.As(err, &ended):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case waiting.Err() != nil:
			return &stuckError{what, patience, last}
		}
		last = err
		pause(waiting, 20*time.Millisecond)
	}
}

// pause sleeps until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
