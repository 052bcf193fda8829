package main

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// fakeClock is moved by the test.
type fakeClock struct{ t time.Time }

func (c *fakeClock) now() time.Time { return c.t }

func newTestBreaker() (*breaker, *fakeClock, *[]bool) {
	clock := &fakeClock{time.Unix(1000, 0)}
	var changes []bool
	b := newBreaker(breakerConfig{Failures: 3, ProbeEvery: time.Second, ProbeTimeout: 50 * time.Millisecond}, clock.now,
		func(open bool) { changes = append(changes, open) })
	return b, clock, &changes
}

func TestBreaker(t *testing.T) {
	b, clock, changes := newTestBreaker()
	asked := 0
	request := func(err error) error {
		return b.guard(context.Background(), func(context.Context) error {
			asked++
			return err
		})
	}
	timeout := context.DeadlineExceeded
	steps := []struct {
		what  string
		wait  time.Duration
		reply error
		asked bool
		open  bool
	}{
		{"a failure", 0, timeout, true, false},
		{"another", 0, timeout, true, false},
		{"an answer that is an error", 0, redis.Nil, true, false},
		{"failures are counted anew", 0, timeout, true, false},
		{"", 0, timeout, true, false},
		{"the third in a row opens", 0, timeout, true, true},
		{"nobody is asked", 0, nil, false, true},
		{"nor just before the time", 999 * time.Millisecond, nil, false, true},
		{"a probe that fails", time.Millisecond, timeout, true, true},
		{"the time runs from the probe", 999 * time.Millisecond, nil, false, true},
		{"a probe that succeeds closes", time.Millisecond, nil, true, false},
		{"and all are asked", 0, nil, true, false},
	}
	for _, s := range steps {
		clock.t = clock.t.Add(s.wait)
		before := asked
		err := request(s.reply)
		if (asked > before) != s.asked || b.mu.open != s.open {
			t.Fatalf("%s: asked %v, open %v; want %v, %v", s.what, asked > before, b.mu.open, s.asked, s.open)
		}
		if !s.asked && !errors.Is(err, errBreakerOpen) {
			t.Errorf("%s: error %v", s.what, err)
		}
	}
	if len(*changes) != 2 || !(*changes)[0] || (*changes)[1] {
		t.Errorf("changes %v, want open, then closed", *changes)
	}
}

// TestBreakerForgetsOldFailures has requests run out of time that were made before Redis came back: it stays closed.
func TestBreakerForgetsOldFailures(t *testing.T) {
	b, clock, _ := newTestBreaker()
	var late []pass
	for i := range 6 {
		p, ok := b.begin(context.Background())
		if !ok {
			t.Fatal("refused by a closed breaker")
		}
		if late = append(late, p); i >= 3 {
			b.end(late[i-3], false)
		}
	}
	if !b.mu.open {
		t.Fatal("three failures have not opened it")
	}
	clock.t = clock.t.Add(time.Second)
	if err := b.guard(context.Background(), func(context.Context) error { return nil }); err != nil || b.mu.open {
		t.Fatalf("after the probe: open %v, error %v", b.mu.open, err)
	}
	for _, p := range late[3:] {
		b.end(p, false)
	}
	if b.mu.open {
		t.Error("failures of before have opened it again")
	}
}

// TestBreakerProbesAlone holds a probe while others come.
func TestBreakerProbesAlone(t *testing.T) {
	b, clock, _ := newTestBreaker()
	b.mu.open = true
	clock.t = clock.t.Add(time.Hour)
	err := b.guard(context.Background(), func(ctx context.Context) error {
		if d, ok := ctx.Deadline(); !ok || time.Until(d) > 50*time.Millisecond {
			t.Errorf("the probe has until %v, want at most 50ms", d)
		}
		clock.t = clock.t.Add(time.Hour)
		if err := b.guard(context.Background(), func(context.Context) error { return nil }); !errors.Is(err, errBreakerOpen) {
			t.Errorf("a request beside the probe: %v", err)
		}
		return nil
	})
	if err != nil || b.mu.open {
		t.Errorf("after the probe: open %v, error %v", b.mu.open, err)
	}
}

// TestBreakerDoubts has a request fail and another succeed: only between the two may none take long.
func TestBreakerDoubts(t *testing.T) {
	b, _, _ := newTestBreaker()
	for _, s := range []struct {
		reply error
		short bool
	}{{context.DeadlineExceeded, false}, {context.DeadlineExceeded, true}, {nil, true}, {nil, false}} {
		_ = b.guard(context.Background(), func(ctx context.Context) error {
			d, ok := ctx.Deadline()
			if ok != s.short || ok && time.Until(d) > 50*time.Millisecond {
				t.Errorf("a request has until %v; want at most 50ms: %v", d, s.short)
			}
			return s.reply
		})
	}
}

// TestBreakerLetsTheLastWordThrough has an open breaker between a lane that ends and a Redis that is back.
func TestBreakerLetsTheLastWordThrough(t *testing.T) {
	b, _, _ := newTestBreaker()
	silent := func(context.Context) error { return context.DeadlineExceeded }
	for range 3 {
		_ = b.guard(context.Background(), silent)
	}
	if err := b.guard(lastWord(context.Background()), silent); errors.Is(err, errBreakerOpen) || !b.mu.open {
		t.Fatalf("a last word that Redis does not hear: %v, open %v", err, b.mu.open)
	}
	err := b.guard(lastWord(context.Background()), func(ctx context.Context) error {
		if d, ok := ctx.Deadline(); !ok || time.Until(d) > 50*time.Millisecond {
			t.Errorf("it has until %v, want at most 50ms", d)
		}
		return nil
	})
	if err != nil || b.mu.open {
		t.Errorf("a last word that Redis hears: %v, open %v", err, b.mu.open)
	}
}

// TestDeadRedisCostsLittle asks a server that takes connections and says nothing, then a real one at the same address.
func TestDeadRedisCostsLittle(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := silent.Addr().String()
	c := defaultConfig()
	c.Redis.Addresses, c.Redis.Timeout = []string{addr}, 30*time.Millisecond
	c.Redis.Breaker = breakerConfig{Failures: 2, ProbeEvery: 40 * time.Millisecond, ProbeTimeout: 20 * time.Millisecond}
	opened := make(chan bool, 10)
	rdb := newRedis(&setup{config: c}, newBreakers(c.Redis.Breaker, time.Now, func(c breakerChange) { opened <- c.to == breakerOpen }))
	defer rdb.Close()
	ask := func() ([]redis.Cmder, error) {
		pipe := rdb.Pipeline()
		pipe.Get(context.Background(), "a")
		pipe.Get(context.Background(), "b")
		return pipe.Exec(context.Background())
	}
	for range 2 {
		if _, err := ask(); err == nil || errors.Is(err, redis.Nil) {
			t.Fatalf("a silent server answered: %v", err)
		}
	}
	if open := <-opened; !open {
		t.Fatal("the breaker closed first")
	}
	cmds, err := ask()
	if !errors.Is(err, errBreakerOpen) {
		t.Fatalf("with an open breaker: %v", err)
	}
	for _, cmd := range cmds {
		if !errors.Is(cmd.Err(), errBreakerOpen) {
			t.Errorf("a command of a refused pipeline has the error %v: it would read as an answer", cmd.Err())
		}
	}
	silent.Close()
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(addr); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	eventually(t, 30*time.Second, "the breaker closes when Redis is back", func() bool {
		_, err := ask()
		return errors.Is(err, redis.Nil)
	})
}
