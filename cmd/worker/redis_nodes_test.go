package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	zapobserver "go.uber.org/zap/zaptest/observer"
)

// Two keys, and where a cluster of two has them.
const (
	firstsKey  = "bar" // slot 5061
	secondsKey = "foo" // slot 12182
)

// fakeNode is one of a fake Redis Cluster.
type fakeNode struct {
	*miniredis.Miniredis
	silent atomic.Bool            // hears and says nothing
	heard  atomic.Int64           // commands, while it was silent
	moved  atomic.Pointer[string] // where it says all keys are, if anywhere
	breaks atomic.Pointer[func()] // what happens before it breaks connections, if it does
}

// fakeCluster has two nodes with half of the slots each, until has says otherwise.
type fakeCluster struct {
	nodes   [3]*fakeNode
	has     atomic.Pointer[[2]int] // the nodes of the first and the second half
	rdb     redis.UniversalClient
	all     *breakers
	changes []string
	heard   chan struct{} // has one for each pipeline that the first node has answered, if it holds any
}

// DialHook implements redis.Hook, of the first node.
func (f *fakeCluster) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (f *fakeCluster) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (f *fakeCluster) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		select {
		case f.heard <- struct{}{}:
		default:
		}
		return err
	}
}

func newFakeCluster(t *testing.T, c breakerConfig) *fakeCluster {
	t.Helper()
	f := &fakeCluster{}
	f.has.Store(&[2]int{0, 1})
	for i := range f.nodes {
		n := &fakeNode{Miniredis: miniredis.RunT(t)}
		f.nodes[i] = n
		n.Server().SetPreHook(func(p *server.Peer, cmd string, _ ...string) bool {
			to, breaks := n.moved.Load(), n.breaks.Load()
			switch {
			case breaks != nil:
				(*breaks)()
				p.Close()
			case n.silent.Load():
				n.heard.Add(1)
			case cmd == "CLUSTER":
				p.WriteLen(2)
				for half, i := range f.has.Load() {
					host, port, _ := net.SplitHostPort(f.nodes[i].Addr())
					number, _ := strconv.Atoi(port)
					p.WriteLen(3)
					p.WriteInt(half * 8192)
					p.WriteInt(half*8192 + 8191)
					p.WriteLen(3)
					p.WriteBulk(host)
					p.WriteInt(number)
					p.WriteBulk(port)
				}
			case cmd == "GET" && to != nil:
				p.WriteError("MOVED 5061 " + *to)
			default:
				return false
			}
			return true
		})
	}
	config := defaultConfig()
	config.Redis.Mode, config.Redis.Addresses = "cluster", []string{f.nodes[0].Addr()}
	config.Redis.Timeout = time.Second
	f.all = newBreakers(c, time.Now, func(c breakerChange) {
		f.changes = append(f.changes, fmt.Sprintf("%d %d %d", slices.IndexFunc(f.nodes[:], func(n *fakeNode) bool { return n.Addr() == c.node }), c.to, c.open))
	})
	config.Redis.Breaker = c
	f.rdb = newRedis(&setup{config: config}, f.all)
	t.Cleanup(func() { _ = f.rdb.Close() })
	f.rdb.(*redis.ClusterClient).OnNewNode(func(node *redis.Client) {
		if node.Options().Addr == f.nodes[0].Addr() {
			node.AddHook(f)
		}
	})
	for _, n := range f.nodes {
		for _, key := range []string{firstsKey, secondsKey} {
			if err := n.Set(key, "theirs"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if first, second := f.ask(context.Background()); first != nil || second != nil {
		t.Fatalf("with all well: %v, %v", first, second)
	}
	return f
}

// ask asks both nodes, as lanes ask for claims.
func (f *fakeCluster) ask(ctx context.Context) (first, second error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	pipe := f.rdb.Pipeline()
	a, b := pipe.Get(ctx, firstsKey), pipe.Get(ctx, secondsKey)
	_, _ = pipe.Exec(ctx)
	return a.Err(), b.Err()
}

// opened makes the second node silent, and asks until its breaker is open.
func (f *fakeCluster) opened(t *testing.T) {
	t.Helper()
	f.nodes[1].silent.Store(true)
	for range f.all.config.Failures {
		if first, second := f.ask(context.Background()); first != nil || second == nil || errors.Is(second, errBreakerOpen) {
			t.Fatalf("with one node silent: %v, %v", first, second)
		}
	}
	if first, second := f.ask(context.Background()); first != nil || !errors.Is(second, errBreakerOpen) {
		t.Fatalf("after %d failures: %v, %v", f.all.config.Failures, first, second)
	}
}

// never has a breaker that is open probe no more.
var never = breakerConfig{Failures: 3, ProbeEvery: time.Hour, ProbeTimeout: time.Second}

// TestSilentNode has one node of a cluster say nothing. The other answers in the same pipelines, and in those in which time runs out; the silent one is
// asked once a request until its breaker opens, then no more, and when it is back it is asked again.
func TestSilentNode(t *testing.T) {
	t.Parallel()
	c := never
	f := newFakeCluster(t, c)
	f.opened(t)
	heard := f.nodes[1].heard.Load()
	if heard != int64(c.Failures) {
		t.Errorf("it was asked %d times in %d requests", heard, c.Failures)
	}
	for range 20 {
		if first, second := f.ask(context.Background()); first != nil || !errors.Is(second, errBreakerOpen) {
			t.Fatalf("with an open breaker: %v, %v", first, second)
		}
		if err := f.rdb.Get(context.Background(), secondsKey).Err(); !errors.Is(err, errBreakerOpen) {
			t.Fatalf("a single command, with an open breaker: %v", err)
		}
		tx := f.rdb.TxPipeline()
		get := tx.Get(context.Background(), secondsKey)
		if _, err := tx.Exec(context.Background()); !errors.Is(err, errBreakerOpen) || !errors.Is(get.Err(), errBreakerOpen) {
			t.Fatalf("a transaction, with an open breaker: %v, %v", err, get.Err())
		}
	}
	if n := f.nodes[1].heard.Load() - heard; n > 0 {
		t.Errorf("with an open breaker it was asked %d times", n)
	}
	last := lastWord(context.Background())
	if first, second := f.ask(last); first != nil || second == nil || errors.Is(second, errBreakerOpen) {
		t.Errorf("a last word that the node does not hear: %v, %v", first, second)
	}
	if n := f.nodes[1].heard.Load() - heard; n != 1 {
		t.Errorf("a last word was said %d times", n)
	}
	f.nodes[1].silent.Store(false)
	if first, second := f.ask(last); first != nil || second != nil {
		t.Errorf("a last word that the node hears: %v, %v", first, second)
	}
	if first, second := f.ask(context.Background()); first != nil || second != nil {
		t.Errorf("the node is back: %v, %v", first, second)
	}
	if want := []string{"1 1 1", "1 0 0"}; !slices.Equal(f.changes, want) {
		t.Errorf("node, change and open breakers are %q, want %q", f.changes, want)
	}
}

// TestAnswersOutliveTheRequest ends requests when one node has answered, and the other then breaks the connection: what was answered is not taken back.
func TestAnswersOutliveTheRequest(t *testing.T) {
	t.Parallel()
	f := newFakeCluster(t, breakerConfig{Failures: 100, ProbeEvery: time.Hour, ProbeTimeout: time.Second})
	for range 20 {
		f.heard = make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(context.Background())
		f.nodes[1].breaks.Store(new(func() {
			<-f.heard
			cancel()
		}))
		if first, second := f.ask(ctx); first != nil || second == nil {
			t.Fatalf("%v, %v", first, second)
		}
		cancel()
	}
}

// TestMovedPassesTheOtherBreaker has a node send requests on to another: its own breaker decides whether that is asked.
func TestMovedPassesTheOtherBreaker(t *testing.T) {
	t.Parallel()
	f := newFakeCluster(t, never)
	f.opened(t)
	heard := f.nodes[1].heard.Load()
	f.nodes[0].moved.Store(new(f.nodes[1].Addr()))
	for range never.Failures + 1 {
		if first, second := f.ask(context.Background()); !errors.Is(first, errBreakerOpen) || !errors.Is(second, errBreakerOpen) {
			t.Errorf("sent on to a node whose breaker is open: %v, %v", first, second)
		}
	}
	if n := f.nodes[1].heard.Load() - heard; n > 0 {
		t.Errorf("with an open breaker it was asked %d times", n)
	}
	f.nodes[0].moved.Store(new(f.nodes[2].Addr()))
	if first, _ := f.ask(context.Background()); first != nil {
		t.Errorf("sent on to a node that is well: %v", first)
	}
}

// TestNodeIsReplaced gives the slots of a silent node to another, which is asked without delay; the silent one counts as open no longer.
func TestNodeIsReplaced(t *testing.T) {
	t.Parallel()
	f := newFakeCluster(t, never)
	f.opened(t)
	f.all.look(context.Background())
	if want := []string{"1 1 1"}; !slices.Equal(f.changes, want) {
		t.Fatalf("node, change and open breakers are %q, want %q: it has its slots still", f.changes, want)
	}
	f.has.Store(&[2]int{0, 2})
	f.all.look(context.Background())
	if first, second := f.ask(context.Background()); first != nil || second != nil {
		t.Errorf("after the change: %v, %v", first, second)
	}
	if want := []string{"1 1 1", "1 2 0"}; !slices.Equal(f.changes, want) {
		t.Errorf("node, change and open breakers are %q, want %q", f.changes, want)
	}
}

// TestBreakerWithinAnothers lets a request through one breaker that needs one to another node on the way.
func TestBreakerWithinAnothers(t *testing.T) {
	one, _, _ := newTestBreaker()
	other, _, _ := newTestBreaker()
	other.mu.open, other.mu.probed = true, other.now()
	asked := false
	err := one.guard(context.Background(), func(ctx context.Context) error {
		if err := one.guard(ctx, func(context.Context) error { asked = true; return nil }); err != nil {
			t.Errorf("a greeting, through the same: %v", err)
		}
		return other.guard(ctx, func(context.Context) error { return nil })
	})
	if !errors.Is(err, errBreakerOpen) || !asked {
		t.Errorf("%v, greeted %v", err, asked)
	}
}

// TestNobodyAsked has requests end before anybody is asked: their time is up, or the client of the node is closed, as is that of one that has
// left its cluster. That says nothing about Redis.
func TestNobodyAsked(t *testing.T) {
	b, _, _ := newTestBreaker()
	late, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	for range 5 {
		if err := b.guard(late, func(context.Context) error { return errFake }); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := b.guard(context.Background(), func(context.Context) error { return redis.ErrClosed }); !errors.Is(err, redis.ErrClosed) {
			t.Fatal(err)
		}
	}
	if b.mu.open {
		t.Error("it is open")
	}
}

// TestNodesInMetricsAndLog has a breaker count as open while any is, and the log name the node.
func TestNodesInMetricsAndLog(t *testing.T) {
	logs, seen := zapobserver.New(zap.DebugLevel)
	sv := &service{log: zap.New(logs), metrics: newMetrics("v", "m", "p")}
	for _, step := range []struct {
		change       breakerChange
		open, opened float64
	}{
		{breakerChange{"a:1", breakerOpen, 1}, 1, 1},
		{breakerChange{"b:1", breakerOpen, 2}, 1, 2},
		{breakerChange{"a:1", breakerClosed, 1}, 1, 2},
		{breakerChange{"b:1", breakerGone, 0}, 0, 2},
	} {
		sv.breakerChanged(step.change)
		families, err := sv.metrics.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			m := f.GetMetric()[0]
			if got := m.GetGauge().GetValue(); f.GetName() == "onside_redis_breaker_open" && got != step.open {
				t.Errorf("after %+v the gauge is %v", step.change, got)
			}
			if got := m.GetCounter().GetValue(); f.GetName() == "onside_redis_breaker_opened_total" && got != step.opened {
				t.Errorf("after %+v the counter is %v", step.change, got)
			}
		}
		if last := seen.TakeAll(); len(last) != 1 || last[0].ContextMap()["node"] != step.change.node {
			t.Errorf("after %+v the log has %v", step.change, last)
		}
	}
}
