package sink

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// onPipeline is a hook around pipelines.
type onPipeline struct {
	before, after func()
	instead       func(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) error
}

func (h *onPipeline) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *onPipeline) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *onPipeline) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if h.instead != nil {
			return h.instead(ctx, cmds, next)
		}
		if h.before != nil {
			h.before()
		}
		err := next(ctx, cmds)
		if h.after != nil {
			h.after()
		}
		return err
	}
}

// Whatever is wrong with Redis, flags go out, and say what could not be known.
func TestRedisFaults(t *testing.T) {
	batch := []Item{phone(1, "c-1", "+923001234567"), call(2, "c-2"), phone(3, "c-1", "+923001234567")}
	blind := Stats{Flags: 1, Reminders: 1, Suppressed: 1, Unverified: 2, Claims: Claims{Unverified: 2, Duplicate: 1}}
	for _, tc := range []struct {
		name  string
		spoil func(w *world, s *Sink)
	}{
		{"down", func(w *world, _ *Sink) { w.mini.Close() }},
		{"hung", func(w *world, s *Sink) { s.claims.rdb = w.client(hung(w.t)) }},
		{"read-only", func(w *world, _ *Sink) { w.mini.SetError("READONLY You can't write against a read only replica.") }},
		{"out of memory", func(w *world, _ *Sink) { w.mini.SetError("OOM command not allowed when used memory > 'maxmemory'.") }},
		{"loading", func(w *world, _ *Sink) { w.mini.SetError("LOADING Redis is loading the dataset in memory") }},
		{"too old for NX GET", func(w *world, _ *Sink) { w.mini.SetError("ERR syntax error") }},
		{"wrong kind of answer", func(w *world, s *Sink) { s.claims.rdb = w.client(parrot(w.t, func(c *server.Peer) { c.WriteLen(0) })) }},
		{"OK instead of a claim", func(w *world, s *Sink) { s.claims.rdb = w.client(parrot(w.t, func(c *server.Peer) { c.WriteOK() })) }},
		{"another command's answer", func(w *world, s *Sink) {
			s.claims.rdb = w.client(parrot(w.t, func(c *server.Peer) { c.WriteBulk("hello") }))
		}},
		{"breaker open", func(_ *world, s *Sink) {
			s.claims.rdb.AddHook(&onPipeline{instead: func(context.Context, []redis.Cmder, redis.ProcessPipelineHook) error {
				return errors.New("open")
			}})
		}},
		{"answers swapped", func(w *world, s *Sink) {
			other := claims{rdb: w.rdb, secret: []byte("another secret!!"), prefix: w.name + ":", policy: "aabbccddeeff", window: time.Hour, timeout: time.Second}
			foreign := phone(77, "c-7", "+14155550123")
			s.claims.rdb.AddHook(&onPipeline{instead: func(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) error {
				err := next(ctx, cmds)
				for _, c := range cmds { // intact claims, of other keys
					c.SetErr(nil)
					c.(*redis.StatusCmd).SetVal(other.of(origin, &foreign)[0].owner.encode())
				}
				return err
			}})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newFakeWorld(t)
			s := w.sink()
			tc.spoil(w, s)
			start := time.Now()
			deliver(t, s, batch, nil, blind)
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
			flags := w.flags()
			if len(flags) != 1 || flags[0].Dedup != "unverified" {
				t.Errorf("flags %+v", flags)
			}
		})
	}
}

// hung is a Redis that takes connections and says nothing.
func hung(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				_, _ = io.Copy(io.Discard, c) // until the client gives up
				_ = c.Close()
			})
		}
	})
	return l.Addr().String()
}

// parrot is a Redis that gives every claim the same answer.
func parrot(t testing.TB, answer func(*server.Peer)) string {
	t.Helper()
	s, err := server.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.Register("SET", func(c *server.Peer, _ string, _ []string) { answer(c) }); err != nil {
		t.Fatal(err)
	}
	return s.Addr().String()
}

// One command of a pipeline may fail by itself: a cluster splits it by node.
func TestEachClaimsOwnErrorCounts(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	s.claims.rdb = w.client(w.rdb.Options().Addr)
	s.claims.rdb.AddHook(&onPipeline{instead: func(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) error {
		err := next(ctx, cmds)
		cmds[1].SetErr(errors.New("CLUSTERDOWN"))
		return err
	}})
	batch := []Item{phone(1, "c-1", "+923001234567"), phone(2, "c-2", "+923001234567"), phone(3, "c-3", "+923001234567")}
	deliver(t, s, batch, nil, Stats{Flags: 3, Unverified: 1, Claims: Claims{Claimed: 2, Unverified: 1}})
	for _, f := range w.flags() {
		if want := f.Event.ConversationID == "c-2"; (f.Dedup == "unverified") != want {
			t.Errorf("%s: %s", f.Event.ConversationID, f.Dedup)
		}
	}
}

func TestClaimsTakeOneRoundTrip(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	s.claims.rdb = w.client(w.rdb.Options().Addr)
	var trips, claims atomic.Int64
	s.claims.rdb.AddHook(&onPipeline{instead: func(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) error {
		trips.Add(1)
		claims.Add(int64(len(cmds)))
		return next(ctx, cmds)
	}})
	var batch []Item
	for i := range int64(50) {
		batch = append(batch, phone(i, string(decimal(i)), "+923001234567"))
	}
	deliver(t, s, batch, nil, Stats{Flags: 50, Claims: Claims{Claimed: 50}})
	if trips.Load() != 1 || claims.Load() != 50 {
		t.Errorf("%d claims in %d round trips", claims.Load(), trips.Load())
	}
}

// The claim was made and its answer came too late: the flag says that it could not know, and a second delivery does know.
func TestLateAnswer(t *testing.T) {
	w := newWorld(t)
	s := w.sink(func(c *Config) { c.ClaimTimeout = 50 * time.Millisecond })
	rdb := s.claims.rdb
	s.claims.rdb = w.client(w.rdb.Options().Addr)
	s.claims.rdb.AddHook(&onPipeline{instead: func(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) error {
		err := next(context.WithoutCancel(ctx), cmds)
		<-ctx.Done()
		for _, c := range cmds {
			c.SetErr(ctx.Err())
		}
		return err
	}})
	it := phone(1, "c-1", "+923001234567")
	deliver(t, s, []Item{it}, nil, Stats{Flags: 1, Unverified: 1, Claims: Claims{Unverified: 1}})
	s.claims.rdb = rdb
	deliver(t, s, []Item{it}, nil, Stats{Flags: 1, Claims: Claims{Again: 1}})
	if got := w.copies(); len(got) != 1 {
		t.Errorf("flags %v", got)
	}
}

// A Redis that lost its claims makes repeats, and loses nothing: a record that is delivered again does not give way to
// the later one that claimed in its place.
func TestRedisFlushed(t *testing.T) {
	w := newWorld(t)
	s := w.sink()
	deliver(t, s, []Item{phone(1, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})
	if err := w.rdb.Del(deadline(t), w.keys()...).Err(); err != nil {
		t.Fatal(err)
	}
	deliver(t, s, []Item{phone(2, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})
	deliver(t, s, []Item{phone(1, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Unverified: 1, Claims: Claims{Unverified: 1}})
	deliver(t, s, []Item{phone(3, "c-1", "+923001234567")}, nil, Stats{Suppressed: 1, Claims: Claims{Duplicate: 1}})
	if got := w.copies(); len(got) != 2 {
		t.Errorf("flags %v", got)
	}
}

// The two changes of state are logged once each, at most once a minute, and the first batch after the trouble is verified again.
func TestRedisRecovers(t *testing.T) {
	w := newFakeWorld(t)
	logs, seen := observer.New(zap.DebugLevel)
	now := time.Unix(1000, 0)
	config := w.config()
	config.Now = func() time.Time { return now }
	s, err := New(config, w.rdb, zap.New(logs))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	send := func(offset int64, want Stats) {
		deliver(t, s, []Item{phone(offset, string(decimal(offset)), "+923001234567")}, nil, want)
	}
	known := Stats{Flags: 1, Claims: Claims{Claimed: 1}}
	unknown := Stats{Flags: 1, Unverified: 1, Claims: Claims{Unverified: 1}}
	send(1, known)
	w.mini.SetError("READONLY")
	send(2, unknown)
	send(3, unknown)
	w.mini.SetError("")
	send(4, known)
	send(5, known)
	toAndFro := func(offset int64) {
		w.mini.SetError("READONLY")
		send(offset, unknown)
		w.mini.SetError("")
		send(offset+1, known)
	}
	toAndFro(6)
	now = now.Add(noteEvery)
	toAndFro(8)
	var lines []string
	for _, e := range seen.All() {
		lines = append(lines, e.Message)
	}
	want := []string{"claims cannot be verified, publishing without", "claims are verified again"}
	if diff := cmp.Diff(append(want, want...), lines); diff != "" {
		t.Error(diff)
	}
}

var (
	oldSecret = func(c *Config) { c.Key = []byte("the old secret!!") }
	newSecret = func(c *Config) { c.Key = []byte("the new secret!!") }
	andOld    = func(c *Config) { c.Second = []byte("the old secret!!") }
	andNew    = func(c *Config) { c.Second = []byte("the new secret!!") }
)

// While the secret changes, whoever has it first or second knows every claim, in both directions, and each for its own time.
func TestSecretIsChanged(t *testing.T) {
	w := newWorld(t)
	before, first, then, after := w.sink(oldSecret), w.sink(oldSecret, andNew), w.sink(newSecret, andOld), w.sink(newSecret)
	say := func(s *Sink, offset int64, number string, want Stats) {
		t.Helper()
		deliver(t, s, []Item{phone(offset, "c-1", number)}, nil, want)
	}
	fresh := Stats{Flags: 1, Claims: Claims{Claimed: 1}}
	replayed := Stats{Flags: 1, Claims: Claims{Again: 1}}
	repeat := Stats{Suppressed: 1, Claims: Claims{Duplicate: 1}}
	const a, b = "+923001234567", "+923007654321"
	say(before, 1, a, fresh)
	w.endsIn(w.keys()[0], time.Hour)
	say(first, 2, a, repeat)
	say(then, 1, a, replayed) // read again after a crash
	say(then, 3, a, repeat)
	say(then, 4, b, fresh)
	say(first, 5, b, repeat) // the partition goes back to a worker of before
	say(first, 4, b, replayed)
	say(after, 6, a, repeat)
	say(after, 7, b, repeat)
	if got := w.copies(); len(got) != 2 {
		t.Errorf("flags %v", got)
	}
	keys := w.keys()
	if len(keys) != 4 {
		t.Fatalf("keys %q, want two of each secret", keys)
	}
	short := 0
	for _, k := range keys {
		ttl := w.rdb.PTTL(deadline(t), k).Val()
		if ttl <= time.Hour {
			short++
		}
		if ttl <= 0 || ttl > 24*time.Hour {
			t.Errorf("%s lives for %v", k, ttl)
		}
	}
	if short != 2 {
		t.Errorf("%d claims end within the hour that was left: the one of before, and what was made of it, should", short)
	}
}

// endsIn shortens a key's life.
func (w *world) endsIn(key string, d time.Duration) {
	w.t.Helper()
	if err := w.rdb.PExpire(deadline(w.t), key, d).Err(); err != nil {
		w.t.Fatal(err)
	}
}

// What cannot be looked for under the second secret makes a flag unverified; a claim that is found all the same suppresses.
func TestSecondSecretIsNotHeard(t *testing.T) {
	w := newWorld(t)
	deliver(t, w.sink(oldSecret), []Item{phone(1, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Claimed: 1}})
	s := w.sink(newSecret, andOld)
	s.claims.rdb = w.client(w.rdb.Options().Addr)
	deaf := true
	s.claims.rdb.AddHook(&onPipeline{instead: func(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) error {
		if deaf && cmds[0].Name() == "get" {
			for _, c := range cmds {
				c.SetErr(errors.New("CLUSTERDOWN"))
			}
			return nil
		}
		return next(ctx, cmds)
	}})
	deliver(t, s, []Item{phone(2, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Unverified: 1, Claims: Claims{Unverified: 1}})
	deliver(t, s, []Item{phone(3, "c-1", "+923001234567")}, nil, Stats{Suppressed: 1, Claims: Claims{Duplicate: 1}})
	deaf = false
	deliver(t, s, []Item{phone(2, "c-1", "+923001234567")}, nil, Stats{Flags: 1, Claims: Claims{Again: 1}})
	deliver(t, s, []Item{phone(4, "c-1", "+923001234567")}, nil, Stats{Suppressed: 1, Claims: Claims{Duplicate: 1}})
}

// A second secret costs a batch one more round trip.
func TestSecondSecretTakesARoundTrip(t *testing.T) {
	w := newWorld(t)
	s := w.sink(newSecret, andOld)
	s.claims.rdb = w.client(w.rdb.Options().Addr)
	var trips atomic.Int64
	s.claims.rdb.AddHook(&onPipeline{before: func() { trips.Add(1) }})
	var batch []Item
	for i := range int64(50) {
		batch = append(batch, phone(i, string(decimal(i)), "+923001234567"))
	}
	deliver(t, s, batch, nil, Stats{Flags: 50, Claims: Claims{Claimed: 50}})
	if trips.Load() != 2 {
		t.Errorf("%d round trips", trips.Load())
	}
}

// Claims work through a cluster client, whose pipelines are split by slot.
func TestClaimsOnACluster(t *testing.T) {
	w := newFakeWorld(t)
	s := w.sink()
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{w.mini.Addr()}, ContextTimeoutEnabled: true, DisableIdentity: true})
	defer cluster.Close()
	s.claims.rdb = cluster
	batch := []Item{phone(1, "c-1", "+923001234567"), phone(2, "c-2", "+923001234567"), phone(3, "c-1", "+923001234567")}
	deliver(t, s, batch, nil, Stats{Flags: 2, Suppressed: 1, Claims: Claims{Claimed: 2, Duplicate: 1}})
}
