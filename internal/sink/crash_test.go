package sink

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// crash is a place at which a delivery is cut off: the context ends and the call does not come back with its result.
type crash struct {
	name string
	arm  func(s *Sink, w *world, cancel context.CancelFunc)
}

// produceCrash cuts the nth produce request, before or after the broker has it.
func produceCrash(name string, nth int64, appended bool) crash {
	return crash{name, func(s *Sink, _ *world, cancel context.CancelFunc) {
		var n atomic.Int64
		s.intercept(protocol.Produce, func(ctx context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
			if i := n.Add(1); i < nth {
				return send()
			} else if i == nth && appended {
				_, _ = send()
			}
			cancel()
			return nil, context.Canceled
		})
	}}
}

func crashes() []crash {
	all := []crash{
		{"before the claims", func(s *Sink, w *world, cancel context.CancelFunc) {
			s.claims.rdb.AddHook(&onPipeline{before: cancel})
		}},
		{"after the claims", func(s *Sink, w *world, cancel context.CancelFunc) {
			s.claims.rdb.AddHook(&onPipeline{after: cancel})
		}},
		{"before a producer id", func(s *Sink, _ *world, cancel context.CancelFunc) {
			s.intercept(protocol.InitProducerId, func(context.Context, func() (kafka.Response, error)) (kafka.Response, error) {
				cancel()
				return nil, context.Canceled
			})
		}},
		{"after a producer id", func(s *Sink, _ *world, cancel context.CancelFunc) {
			s.intercept(protocol.InitProducerId, func(_ context.Context, send func() (kafka.Response, error)) (kafka.Response, error) {
				res, err := send()
				cancel()
				return res, err
			})
		}},
	}
	for nth := range int64(4) {
		all = append(all,
			produceCrash(fmt.Sprintf("before produce request %d", nth+1), nth+1, false),
			produceCrash(fmt.Sprintf("between append and acknowledgement of produce request %d", nth+1), nth+1, true))
	}
	return append(all, crash{"before the commit", func(*Sink, *world, context.CancelFunc) {}})
}

// Wherever a delivery is cut off, delivering again shows a reader every flag, reminder and dead letter, and no flag
// under two ids; and the claims that stand afterwards still suppress repeats.
func TestCrashes(t *testing.T) {
	items := []Item{
		phone(1, "c-1", "+923001234567"), phone(2, "c-2", "+14155550123"), call(3, "c-3"),
		phone(4, "c-1", "+923001234567"), // a repeat
		phone(5, "c-4", "+4915112345678"),
	}
	dead := []DeadLetter{{Offset: 6, Time: time.Now(), Key: []byte("k"), Value: []byte("{"), Code: "json.syntax"}}
	repeats := []Item{phone(7, "c-1", "+923001234567"), phone(8, "c-2", "+14155550123"), call(9, "c-3"), phone(10, "c-4", "+4915112345678")}
	for _, c := range crashes() {
		for _, process := range []string{"new", "same"} {
			t.Run(c.name+", "+process+" process", func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				s := w.sink()
				s.claims.rdb = w.client(w.rdb.Options().Addr) // hooks of its own
				ctx, cancel := context.WithCancel(deadline(t))
				defer cancel()
				transport, rdb := s.producer.client.Transport, w.rdb
				c.arm(s, w, cancel)
				_, err := s.Deliver(ctx, origin, items, dead)
				if cut := ctx.Err() != nil; cut != errors.Is(err, context.Canceled) {
					t.Fatalf("cut off %v, error %v", cut, err)
				}
				if process == "new" {
					s = w.sink()
				} else {
					s.producer.client.Transport, s.claims.rdb = transport, rdb
				}
				if _, err := s.Deliver(deadline(t), origin, items, dead); err != nil {
					t.Fatal(err)
				}
				w.expect(s, items[0], items[1], items[4])
				deliver(t, s, repeats, nil, Stats{Suppressed: 4, Claims: Claims{Duplicate: 4}})
			})
		}
	}
}

// expect compares the flags that a reader sees, by id, and looks for at least one reminder and one dead letter.
func (w *world) expect(s *Sink, items ...Item) {
	w.t.Helper()
	want := make(map[string]bool)
	for _, it := range items {
		want[flagID(s, it)] = true
	}
	seen := make(map[string]bool)
	for id, copies := range w.copies() {
		seen[id] = true
		if copies > 2 {
			w.t.Errorf("%d records of one flag", copies)
		}
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		w.t.Errorf("flags: %s", diff)
	}
	if got := w.records(w.topics.Reminders); len(got) == 0 {
		w.t.Error("the reminder is lost")
	}
	if got := w.records(w.topics.DeadLetters); len(got) == 0 {
		w.t.Error("the dead letter is lost")
	}
}
