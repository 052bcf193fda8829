package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"onside/internal/sink"
	"onside/internal/source"
)

// ownWorld is a world whose lane commits itself. Its clock stands still unless Next moves it.
type ownWorld struct {
	*world
	now       time.Time
	idle      map[int]time.Duration // how long Next waits in vain before batch i; then its context ends
	waited    map[int]bool
	done      int64
	saved     int64
	publishes bool // what is delivered has something to publish
	commits   []error
}

func newOwnWorld(batches ...*source.Batch) *ownWorld {
	for _, b := range batches {
		b.Next = b.Records[len(b.Records)-1].Offset + 1
	}
	return &ownWorld{world: newWorld(batches...), now: time.Unix(1000, 0), idle: map[int]time.Duration{}, waited: map[int]bool{}, publishes: true}
}

func (w *ownWorld) Next(ctx context.Context) (*source.Batch, error) {
	if d := w.idle[w.next]; d > 0 && !w.waited[w.next] {
		if _, ok := ctx.Deadline(); ok {
			w.waited[w.next] = true
			w.now = w.now.Add(d)
			return nil, context.DeadlineExceeded
		}
	}
	return w.world.Next(ctx)
}

func (w *ownWorld) Done(b *source.Batch) {
	w.world.Done(b)
	w.done = b.Next
}

func (w *ownWorld) Unsaved() (int64, bool) { return w.done, w.done != w.saved }

func (w *ownWorld) Saved(offset int64) {
	w.note("saved %d", offset)
	w.saved = offset
}

// own is the transactor of an ownWorld.
type own struct{ *ownWorld }

func (o own) Deliver(ctx context.Context, from sink.Origin, items []sink.Item, dead []sink.DeadLetter, at sink.Position) (sink.Stats, error) {
	st, err := o.world.Deliver(ctx, from, items, dead)
	o.note("with %s/%s/%d at %d", at.Group, at.Member, at.Generation, at.Offset)
	st.Committed = o.publishes && err == nil
	return st, err
}

func (o own) Commit(_ context.Context, at sink.Position) error {
	o.note("commit %d", at.Offset)
	return o.failing["commit"]
}

func (w *ownWorld) run() error {
	l := w.world.lane()
	x := newTransacted(w, own{w}, sink.Position{Group: "g", Member: "m", Generation: 7, Topic: "chat.messages"}, time.Minute,
		func() time.Time { return w.now }, func(err error) { w.commits = append(w.commits, err) })
	l.laneParts.sink, l.laneParts.savesFirst, l.batches = x, true, x
	return l.run(context.Background())
}

func hello(offset int64) *source.Batch {
	return &source.Batch{Records: []source.Record{said(offset, "a", "hello")}}
}

func contact(offset int64) *source.Batch {
	return &source.Batch{Records: []source.Record{said(offset, fmt.Sprint(offset), contactText)}}
}

// TestTransactedOrder has a batch's signals in history before the transaction that commits it, and the position nowhere else.
func TestTransactedOrder(t *testing.T) {
	w := newOwnWorld(contact(10), contact(11))
	if err := w.run(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"next 0", "load 10", "append 10", "deliver f10", "with g/m/7 at 11", "done 0", "saved 11",
		"next 1", "load 11", "append 11", "deliver f11", "with g/m/7 at 12", "done 1", "saved 12",
	}
	if diff := cmp.Diff(want, w.events); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.Equal(w.commits, []error{nil, nil}) {
		t.Errorf("commits %v", w.commits)
	}
}

// TestTransactedCommits commits positions that nothing was published for: when they are due, also while nothing comes, and in the end.
func TestTransactedCommits(t *testing.T) {
	for name, tc := range map[string]struct {
		saved int64
		idle  map[int]time.Duration
		want  []string
	}{
		"in the end": {want: []string{"done 0", "done 1", "commit 12", "saved 12"}},
		"when it is due": {
			idle: map[int]time.Duration{1: time.Minute},
			want: []string{"done 0", "commit 11", "saved 11", "done 1", "commit 12", "saved 12"},
		},
		"not before": {
			idle: map[int]time.Duration{1: time.Minute - 1},
			want: []string{"done 0", "done 1", "commit 12", "saved 12"},
		},
		"at once where there is none": {saved: -1, want: []string{"commit 0", "saved 0", "done 0", "done 1", "commit 12", "saved 12"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newOwnWorld(hello(10), hello(11))
			w.publishes, w.saved = false, tc.saved
			if tc.idle != nil {
				w.idle = tc.idle
			}
			if err := w.run(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range w.events {
				if e[:4] == "done" || e[:4] == "comm" || e[:4] == "save" {
					got = append(got, e)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestTransactedFailures end the lane, with nothing done or saved that was not committed. What the last commit leaves is no failure.
func TestTransactedFailures(t *testing.T) {
	for step, want := range map[string]struct {
		err   error
		saved int64
		idle  time.Duration
	}{
		"deliver":                  {errFake, 0, 0},
		"commit":                   {errFake, 0, time.Minute},
		"commit, when it is over":  {nil, 0, 0},
		"append":                   {nil, 12, 0},
		"next":                     {errFake, 0, 0},
		"none":                     {nil, 12, 0},
		"none, after a long while": {nil, 12, time.Minute},
	} {
		t.Run(step, func(t *testing.T) {
			w := newOwnWorld(hello(10), hello(11))
			w.publishes = false
			w.idle[1] = want.idle
			w.failing[step] = errFake
			if step == "commit, when it is over" {
				w.failing["commit"] = errFake
			}
			if err := w.run(); !errors.Is(err, want.err) {
				t.Errorf("error %v, want %v", err, want.err)
			}
			if w.saved != want.saved {
				t.Errorf("saved %d, want %d: %q", w.saved, want.saved, w.events)
			}
		})
	}
}

func TestFences(t *testing.T) {
	var f fences
	a, b := new(sink.Transactions), new(sink.Transactions)
	f.put(1, a)
	f.put(2, b)
	if f.take(1) != a || f.take(2) != b || f.take(1) != nil {
		t.Error("not what was put in, or twice")
	}
}

// TestCheckTransactions says what to do about a right that is missing, and about brokers that are too old.
func TestCheckTransactions(t *testing.T) {
	for name, tc := range map[string]struct {
		kafka []kfake.Opt
		fault *kerr.Error
		want  string
	}{
		"all is well":         {want: "ok    transactions under ids that begin with onside/"},
		"no transactional id": {fault: kerr.TransactionalIDAuthorizationFailed, want: "needs WRITE on the transactional ids"},
		"a timeout too long":  {fault: kerr.InvalidTransactionTimeout, want: "transaction.max.timeout.ms"},
		"an old broker":       {kafka: []kfake.Opt{kfake.MaxVersions(kversion.V2_4_0())}, want: "Kafka has it from 2.5 on"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t, tc.kafka...)
			if tc.fault != nil {
				p.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: tc.fault, Count: -1})
			}
			var out, errs bytes.Buffer
			code := run(context.Background(), []string{"check", "--connect", "--brokers", strings.Join(p.kafka.ListenAddrs(), ","),
				"--redis", p.redis.Addr(), "--set", "delivery=exactly_once"}, strings.NewReader(""), &out, &errs, noEnv)
			if well := tc.fault == nil && tc.kafka == nil; well != (code == exitOK) || !strings.Contains(out.String(), tc.want) {
				t.Errorf("exit code %d, %s\n%s", code, errs.String(), out.String())
			}
		})
	}
}
