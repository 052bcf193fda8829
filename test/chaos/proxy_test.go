package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// TestSteps strikes at each step of the protocol and looks at what Redis and the worker know of it then.
func TestSteps(t *testing.T) {
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			m := miniredis.RunT(t)
			p, client := proxied(t, m.Addr())
			struck := false
			a, _ := p.arm(s, func() { struck = true })
			if err := client.Get(t.Context(), "other").Err(); !errors.Is(err, redis.Nil) {
				t.Fatalf("another request: %v", err)
			}
			if struck {
				t.Fatal("struck at another request")
			}
			if err := work(t.Context(), client); err == nil {
				t.Error("the worker got its answer")
			}
			<-a.hit
			claims, remembered := 0, m.Exists("history")
			for _, key := range []string{"claim", "claim 2"} {
				if m.Exists(key) {
					claims++
				}
			}
			wantClaims, wantHistory := 0, false
			if s.answered || string(s.word) != "\r\nset\r\n" {
				wantClaims = 2
			}
			if s.answered && string(s.word) != "\r\nset\r\n" {
				wantHistory = true
			}
			if !struck || claims != wantClaims || remembered != wantHistory {
				t.Errorf("struck %v, %d claims, remembered %v", struck, claims, remembered)
			}
		})
	}
}

// Somebody with nothing but repeats in hand has nothing to lose: the proxy waits for a claim that is new, be it the last of many.
func TestFresh(t *testing.T) {
	for _, protocol := range []int{2, 3} {
		m := miniredis.RunT(t)
		p, client := proxied(t, m.Addr(), func(o *redis.Options) { o.Protocol = protocol })
		if err := work(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		a, disarm := p.arm(steps[1], func() {})
		for range 2 {
			if err := work(t.Context(), client); err != nil {
				t.Fatalf("a batch of repeats is struck: %v", err)
			}
		}
		m.Del("claim 2")
		if err := work(t.Context(), client); err == nil {
			t.Error("a batch with a new claim is not struck")
		}
		if disarm() {
			t.Fatal("the proxy has not struck")
		}
		<-a.hit
	}
}

// work is what a worker asks of Redis for a batch.
func work(ctx context.Context, client *redis.Client) error {
	pipe := client.Pipeline()
	for _, key := range []string{"claim", "claim 2"} {
		pipe.SetArgs(ctx, key, "me", redis.SetArgs{Mode: "NX", Get: true, TTL: time.Hour})
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	pipe = client.TxPipeline()
	pipe.HSet(ctx, "history", "1", "x")
	_, err := pipe.Exec(ctx)
	return err
}

func proxied(t *testing.T, backend string, more ...func(*redis.Options)) (*proxy, *redis.Client) {
	t.Helper()
	p, err := newProxy(backend)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	o := &redis.Options{Addr: p.addr(), MaxRetries: -1, ContextTimeoutEnabled: true, DisableIdentity: true}
	for _, f := range more {
		f(o)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return p, client
}

func TestDisarm(t *testing.T) {
	m := miniredis.RunT(t)
	p, client := proxied(t, m.Addr())
	_, disarm := p.arm(steps[0], func() { t.Error("struck") })
	if !disarm() {
		t.Error("it has struck")
	}
	if err := work(t.Context(), client); err != nil {
		t.Error(err)
	}
}

func TestHoldAndCut(t *testing.T) {
	m := miniredis.RunT(t)
	p, client := proxied(t, m.Addr())
	p.hold()
	answered := make(chan error, 1)
	go func() { answered <- work(t.Context(), client) }()
	select {
	case err := <-answered:
		t.Errorf("an answer while requests hang: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	p.release()
	if err := <-answered; err != nil {
		t.Errorf("after the release: %v", err)
	}
	p.cut(true)
	if err := work(t.Context(), client); err == nil {
		t.Error("an answer while connections are cut")
	}
	p.cut(false)
	if err := work(t.Context(), client); err != nil {
		t.Errorf("after the cut: %v", err)
	}
}
