package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"onside/internal/source"
)

// TestAbandonedLane takes the partition away between a batch's flags and its signals. The next owner needs the signals to decide
// as this lane would have: a batch that were committed without them would never be read again.
func TestAbandonedLane(t *testing.T) {
	w := newWorld(&source.Batch{Records: []source.Record{said(1, "a", contactText)}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.failing["append"] = ctx.Err()
	if err := w.lane().run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if slices.Contains(w.events, "done 0") {
		t.Errorf("the batch is done: %q", w.events)
	}
}

// TestLastSignals lets Redis fail with the last batch of a lane, and come back before the lane ends.
func TestLastSignals(t *testing.T) {
	w := newWorld(&source.Batch{Records: []source.Record{said(1, "a", "hi"), said(2, "b", "hi")}})
	l := w.lane()
	w.failing["append"] = errFake
	if err := l.work(context.Background(), w.batches[0]); err != nil {
		t.Fatal(err)
	}
	delete(w.failing, "append")
	w.next = len(w.batches)
	if err := l.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(w.signals["a"]) != 1 || len(w.signals["b"]) != 1 {
		t.Errorf("history has %v, want both signals", w.signals)
	}
}

// TestBreakerAndCallersWhoLeave ends requests from the side of those who asked, as lanes do that have lost their partition: that
// says nothing about Redis.
func TestBreakerAndCallersWhoLeave(t *testing.T) {
	b, clock, _ := newTestBreaker()
	request := func(err error) error {
		return b.guard(context.Background(), func(context.Context) error { return err })
	}
	timeout := fmt.Errorf("read: %w", context.DeadlineExceeded)
	for _, err := range []error{timeout, timeout, context.Canceled, context.Canceled} {
		if got := request(err); !errors.Is(got, err) {
			t.Fatalf("%v, want %v", got, err)
		}
	}
	if b.mu.open {
		t.Error("two failures and two callers that left have opened the breaker")
	}
	if _ = request(timeout); !b.mu.open {
		t.Error("a caller that left was taken for an answer")
	}
	clock.t = clock.t.Add(time.Second)
	if got := request(context.Canceled); !errors.Is(got, context.Canceled) || !b.mu.open {
		t.Errorf("a probe whose caller left: %v, open %v", got, b.mu.open)
	}
	clock.t = clock.t.Add(time.Second)
	if err := request(nil); err != nil || b.mu.open {
		t.Errorf("the next probe: %v, open %v", err, b.mu.open)
	}
}
