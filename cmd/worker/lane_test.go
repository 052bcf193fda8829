package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"onside"
	"onside/internal/classify"
	"onside/internal/history"
	"onside/internal/policy"
	"onside/internal/sink"
	"onside/internal/source"
)

var errFake = errors.New("refused")

// world is what a lane sees, in memory. It writes down what the lane did, in order, and can fail any step.
type world struct {
	batches   []*source.Batch
	next      int
	events    []string // "next 0", "load c1", "deliver f10 d11", "append 10", "done 0"
	failing   map[string]error
	onDone    func()
	gone      map[int64]bool // from the stream
	onReread  func()
	delivered func()
	limit     int                                  // of the batches to come
	stream    func(limit int) *source.Batch        // makes them, until it makes none; nil: batches are there
	signals   map[string]map[int64]classify.Signal // Redis
	keys      *history.Partition
	names     map[history.Key]string
	dropped   []int64
	items     []sink.Item
	dead      []sink.DeadLetter
}

func newWorld(batches ...*source.Batch) *world {
	return &world{
		batches: batches, failing: map[string]error{}, signals: map[string]map[int64]classify.Signal{},
		keys: history.New(nil, nil, nil, 0).In(history.Scope{}), names: map[history.Key]string{},
	}
}

func (w *world) note(format string, args ...any) {
	w.events = append(w.events, fmt.Sprintf(format, args...))
}

func (w *world) Next(ctx context.Context) (*source.Batch, error) {
	if err := w.failing["next"]; err != nil {
		return nil, err
	}
	if w.stream != nil {
		if b := w.stream(w.limit); b != nil {
			return b, nil
		}
		return nil, source.ErrEnd
	}
	if w.next == len(w.batches) {
		return nil, source.ErrEnd
	}
	w.note("next %d", w.next)
	w.next++
	return w.batches[w.next-1], nil
}

func (w *world) Limit(records int) { w.limit = records }

func (w *world) Done(b *source.Batch) {
	w.note("done %d", slices.Index(w.batches, b))
	if w.onDone != nil {
		w.onDone()
	}
}

// Reread gives records of any batch, those that are still to come too.
func (w *world) Reread(_ context.Context, offsets []int64, see func(*source.Record)) error {
	w.note("reread %v", offsets)
	if w.onReread != nil {
		w.onReread()
	}
	if err := w.failing["reread"]; err != nil {
		return err
	}
	for _, b := range w.batches {
		for i := range b.Records {
			if r := &b.Records[i]; r.Code == "" && slices.Contains(offsets, r.Offset) && !w.gone[r.Offset] {
				again := *r
				again.Message.Offset = r.Offset
				see(&again)
			}
		}
	}
	return nil
}

func (w *world) Key(conversation string) history.Key {
	k := w.keys.Key(conversation)
	w.names[k] = strings.Clone(conversation) // that of the batch ends with it
	return k
}

func (w *world) Load(_ context.Context, keys []history.Key) ([][]classify.Signal, int, error) {
	var conversations []string
	for _, k := range keys {
		conversations = append(conversations, w.names[k])
	}
	w.note("load %s", strings.Join(conversations, ","))
	if err := w.failing["load"]; err != nil {
		return nil, 0, err
	}
	out := make([][]classify.Signal, len(conversations))
	for i, c := range conversations {
		for _, s := range w.signals[c] {
			out[i] = append(out[i], s)
		}
		slices.SortFunc(out[i], func(a, b classify.Signal) int { return int(a.Offset - b.Offset) })
	}
	return out, 0, nil
}

func (w *world) Append(ctx context.Context, entries []history.Entry) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var offsets []string
	for _, e := range entries {
		offsets = append(offsets, fmt.Sprint(e.Signal.Offset))
	}
	w.note("append %s", strings.Join(offsets, ","))
	if err := w.failing["append"]; err != nil {
		return err
	}
	for _, e := range entries {
		name := w.names[e.Key]
		if w.signals[name] == nil {
			w.signals[name] = map[int64]classify.Signal{}
		}
		w.signals[name][e.Signal.Offset] = e.Signal
		for _, o := range e.Drop {
			delete(w.signals[name], o)
		}
		w.dropped = append(w.dropped, e.Drop...)
	}
	return nil
}

func (w *world) Deliver(_ context.Context, _ sink.Origin, items []sink.Item, dead []sink.DeadLetter) (sink.Stats, error) {
	text := "deliver"
	for _, it := range items {
		text += fmt.Sprintf(" f%d", it.Offset)
	}
	for _, d := range dead {
		text += fmt.Sprintf(" d%d", d.Offset)
	}
	w.note("%s", text)
	if err := w.failing["deliver"]; err != nil {
		return sink.Stats{}, err
	}
	w.items, w.dead = append(w.items, items...), append(w.dead, dead...)
	if w.delivered != nil {
		w.delivered()
	}
	return sink.Stats{DeadLetters: len(dead)}, nil
}

// lane is a new lane of this world, as after a rebalance.
func (w *world) lane() *lane {
	return newLane(laneParts{
		model: testModel(), policy: policy.Default(), history: func(history.Scope) recaller { return w }, sink: w, metrics: newMetrics("test", "test", "test"),
		clock: &laneClock{}, memory: newRereadMemory(1), long: newLongTexts(), now: time.Now,
	}, w, sink.Origin{Topic: "chat.messages"})
}

func said(offset int64, conversation, text string) source.Record {
	return source.Record{Offset: offset, Last: offset, Message: classify.Message{
		EventID: fmt.Sprintf("e%d", offset), ConversationID: conversation, MessageID: fmt.Sprintf("m%d", offset),
		SenderID: conversation + "-client", SenderRole: "client", Text: text,
	}}
}

func spoilt(offset int64) source.Record {
	return source.Record{Offset: offset, Last: offset, Code: source.CodeJSON, Key: []byte("k"), Value: []byte("{"), Headers: []source.Header{{Key: "h", Value: []byte("v")}}}
}

const contactText = "whatsapp me on +92 300 1234567"

func TestLaneOrder(t *testing.T) {
	w := newWorld(
		&source.Batch{Records: []source.Record{said(10, "a", "hello"), spoilt(11), said(12, "b", contactText), said(13, "a", "bye")}},
		&source.Batch{},
		&source.Batch{Records: []source.Record{said(14, "a", "back"), said(15, "c", "new")}},
	)
	if err := w.lane().run(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"next 0", "load a,b", "deliver f12 d11", "append 10,12,13", "done 0",
		"next 1", "deliver", "done 1",
		"next 2", "load c", "deliver", "append 14,15", "done 2",
	}
	if diff := cmp.Diff(want, w.events); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantDead := []sink.DeadLetter{{Offset: 11, Last: 11, Key: []byte("k"), Value: []byte("{"), Headers: []sink.Header{{Key: "h", Value: []byte("v")}}, Code: "json_invalid"}}
	if diff := cmp.Diff(wantDead, w.dead); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

// TestLaneFailsBeforeDone makes each step fail: nothing may be done that was not delivered, and only Kafka may end the lane.
func TestLaneFailsBeforeDone(t *testing.T) {
	for step, want := range map[string]struct {
		err  error
		done int
	}{
		"":        {nil, 2},
		"next":    {errFake, 0},
		"load":    {nil, 2},
		"deliver": {errFake, 0},
		"append":  {nil, 2},
	} {
		t.Run("failing "+step, func(t *testing.T) {
			w := newWorld(
				&source.Batch{Records: []source.Record{said(1, "a", contactText)}},
				&source.Batch{Records: []source.Record{said(2, "a", "hi"), spoilt(3)}},
			)
			w.failing[step] = errFake
			if err := w.lane().run(context.Background()); !errors.Is(err, want.err) {
				t.Errorf("error %v, want %v", err, want.err)
			}
			done := 0
			for i, e := range w.events {
				if strings.HasPrefix(e, "done") {
					done++
					if !slices.ContainsFunc(w.events[max(0, i-2):i], func(e string) bool { return strings.HasPrefix(e, "deliver") }) {
						t.Errorf("%q without a delivery right before it: %q", e, w.events)
					}
				}
			}
			if done != want.done {
				t.Errorf("%d batches done, want %d: %q", done, want.done, w.events)
			}
		})
	}
}

// TestReplayDecidesTheSame reads the corpus in batches, and again from every tenth batch with a new lane over what
// history holds by then, which is more than there was the first time.
func TestReplayDecidesTheSame(t *testing.T) {
	batches := corpusBatches(t, 4000, 37)
	first := newWorld(batches...)
	wholeRun := recordDecisions(t, first)
	for from := 0; from < len(batches); from += 10 {
		again := newWorld(batches[:min(from+10, len(batches))]...) // what lies before is still in the stream
		again.next, again.signals = from, first.signals
		for id, got := range recordDecisions(t, again) {
			if want := wholeRun[id]; got != want {
				t.Errorf("replay from batch %d: %s is %q, was %q", from, id, got, want)
			}
		}
	}
}

// TestOneLongConversation replays a conversation that is longer than the window, from everywhere within
// the slack that history keeps.
func TestOneLongConversation(t *testing.T) {
	const n = 3 * classify.Window
	var batches []*source.Batch
	for i := range int64(n) {
		batches = append(batches, &source.Batch{Records: []source.Record{said(i, "a", "hello")}})
	}
	w := newWorld(batches...)
	states := map[int64][]classify.Signal{}
	l := w.lane()
	for _, b := range batches {
		if err := l.work(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		states[b.Records[0].Offset] = slices.Clone(l.conversations.get("a").state.Signals())
	}
	if got := len(w.signals["a"]); got != keptSignals {
		t.Errorf("history keeps %d signals, want %d", got, keptSignals)
	}
	for from := n - classify.Window; from < n; from++ {
		again := w.lane()
		if err := again.work(context.Background(), batches[from]); err != nil {
			t.Fatal(err)
		}
		if got, want := again.conversations.get("a").state.Signals(), states[int64(from)]; !reflect.DeepEqual(got, want) {
			t.Fatalf("state after a replay from %d: %+v, want %+v", from, got, want)
		}
	}
}

// TestRedisComesBack decides with what the lane knows while Redis is away, and brings both together afterwards.
func TestRedisComesBack(t *testing.T) {
	w := newWorld()
	w.signals["a"] = map[int64]classify.Signal{1: {Offset: 1}, 2: {Offset: 2}}
	l := w.lane()
	w.failing["load"], w.failing["append"] = errFake, errFake
	work := func(offset int64) {
		t.Helper()
		name := string([]byte("a")) // as from a buffer that is used again
		if err := l.work(context.Background(), &source.Batch{Records: []source.Record{said(offset, name, "hi")}}); err != nil {
			t.Fatal(err)
		}
	}
	work(3)
	work(4)
	delete(w.failing, "load")
	delete(w.failing, "append")
	work(5)
	var got []int64
	for _, s := range l.conversations.get("a").state.Signals() {
		got = append(got, s.Offset)
	}
	if want := []int64{1, 2, 3, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("the lane knows the signals %v, want %v", got, want)
	}
	if len(w.signals["a"]) != 5 {
		t.Errorf("history has %d signals, want 5", len(w.signals["a"]))
	}
}

// TestLaneLeavesNothingBehind has Redis back only when the lane ends, in whatever way: the next owner needs the signals of what is done.
func TestLaneLeavesNothingBehind(t *testing.T) {
	for name, end := range map[string]func(w *world, cancel func()){
		"given back":    func(*world, func()) {},
		"Kafka is away": func(w *world, _ func()) { w.failing["next"] = errFake },
		"not delivered": func(w *world, _ func()) {
			w.failing["deliver"] = errFake
			w.batches = append(w.batches, &source.Batch{})
		},
		"out of time": func(w *world, cancel func()) { w.failing["next"] = context.Canceled; cancel() },
		"expelled in it": func(w *world, cancel func()) {
			w.failing["deliver"] = context.Canceled
			w.batches = append(w.batches, &source.Batch{})
			cancel()
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			w := newWorld(&source.Batch{Records: []source.Record{said(1, "a", "hi")}})
			w.failing["append"] = errFake
			w.onDone = func() {
				delete(w.failing, "append")
				end(w, cancel)
			}
			_ = w.lane().run(ctx)
			if len(w.signals["a"]) != 1 {
				t.Errorf("history has nothing of what is done: %q", w.events)
			}
		})
	}
}

// TestUnsentSignalsAreBounded keeps Redis away for good.
func TestUnsentSignalsAreBounded(t *testing.T) {
	w := newWorld()
	w.failing["append"] = errFake
	l := w.lane()
	for i := range int64(laneUnsent/100 + 2) {
		b := &source.Batch{}
		for j := range int64(100) {
			b.Records = append(b.Records, said(100*i+j, fmt.Sprint(i), "hi"))
		}
		if err := l.work(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.unsent) != laneUnsent {
		t.Errorf("%d signals wait for Redis, want %d", len(l.unsent), laneUnsent)
	}
}

// TestKeptDecisionsAreCopies changes the classifier's memory after a decision was kept.
func TestKeptDecisionsAreCopies(t *testing.T) {
	f := []classify.Finding{{Spans: []classify.Span{{Start: 1}}, DecodedBy: []string{"a"}}}
	d := kept(policy.Decision{Findings: f})
	f[0].Spans[0].Start, f[0].DecodedBy[0], f[0].Score = 9, "z", 1
	want := []classify.Finding{{Spans: []classify.Span{{Start: 1}}, DecodedBy: []string{"a"}}}
	if diff := cmp.Diff(want, d.Findings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLaneClock(t *testing.T) {
	var c laneClock
	a, b, now := &lane{}, &lane{}, time.Unix(1000, 0)
	c.begin(a, now)
	c.begin(b, now.Add(time.Second))
	if got := c.longest(now.Add(3 * time.Second)); got != 3*time.Second {
		t.Errorf("longest %s, want 3s", got)
	}
	if got := c.end(a, now.Add(2*time.Second)); got != 2*time.Second {
		t.Errorf("end %s, want 2s", got)
	}
	c.forget(b)
	if got := c.longest(now.Add(time.Hour)); got != 0 {
		t.Errorf("longest with no lane at work: %s", got)
	}
}

// corpusBatches are the first n events of the corpus as records, several conversations at a time.
func corpusBatches(t *testing.T, n, size int) []*source.Batch {
	t.Helper()
	events, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	var batches []*source.Batch
	for i := range min(n, len(events)) {
		if i%size == 0 {
			batches = append(batches, &source.Batch{})
		}
		b := batches[len(batches)-1]
		b.Records = append(b.Records, source.Record{Offset: int64(i), Last: int64(i), Message: events[i].Message})
	}
	return batches
}

// recordDecisions runs a new lane to its end and returns what it decided on each event.
func recordDecisions(t *testing.T, w *world) map[string]string {
	t.Helper()
	out := map[string]string{}
	l := w.lane()
	l.observe.decided = func(m *classify.Message, d *policy.Decision) {
		out[m.EventID] = fmt.Sprintf("%s %s %s %+v", d.Action, d.Severity, d.Rule, d.Findings)
	}
	if err := l.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLaneTakesWhatItCanDecide has deciding take long and then not: batches are cut to what can be decided in a stride, the first before that is known.
func TestLaneTakesWhatItCanDecide(t *testing.T) {
	w := newWorld()
	l := w.lane()
	now, each := time.Unix(0, 0), time.Duration(0)
	l.now = func() time.Time { return now }
	l.observe.decided = func(*classify.Message, *policy.Decision) { now = now.Add(each) }
	var sizes []int
	offset := int64(0)
	w.stream = func(limit int) *source.Batch {
		switch len(sizes) {
		case 10:
			each = 10 * time.Millisecond
		case 20:
			each = time.Second
		case 30:
			each = time.Microsecond
		case 37:
			return nil
		}
		b := &source.Batch{}
		for range limit {
			b.Records = append(b.Records, said(offset, "a", "hello"))
			offset++
		}
		sizes = append(sizes, limit)
		return b
	}
	if err := l.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int]int{0: 1, 1: 4, 10: source.MaxRecords, 11: 25, 20: 25, 21: 1, 30: 1, 31: 4, 36: source.MaxRecords} {
		if sizes[at] != want {
			t.Errorf("batch %d has %d records, want %d: %v", at, sizes[at], want, sizes)
		}
	}
}

// TestLaneLeavesAmidABatch takes the partition away while a batch is being decided: what is left of it is not.
func TestLaneLeavesAmidABatch(t *testing.T) {
	w := newWorld(corpusBatches(t, 500, 500)...)
	got := readWith{}
	l := w.texting(laneTexts, got)
	ctx, cancel := context.WithCancel(context.Background())
	note := l.observe.reread
	l.observe.reread = func(m *classify.Message, earlier []classify.Earlier) {
		note(m, earlier)
		cancel()
	}
	if err := l.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if len(got) != 1 {
		t.Errorf("%d messages were read again, want 1", len(got))
	}
}

// TestLanesGetOn takes the partition away from every lane after a second of deciding, which is less than the backlog takes: each does some of it, and the
// last is at its end. Lanes that begin with all there is would begin it for ever.
func TestLanesGetOn(t *testing.T) {
	backlog := corpusBatches(t, 120, 120)[0].Records
	done := 0
	for generation := 0; done < len(backlog); generation++ {
		if generation == len(backlog) {
			t.Fatalf("%d of %d records are done after %d generations", done, len(backlog), generation)
		}
		ctx, cancel := context.WithCancel(context.Background())
		w := newWorld()
		l := w.texting(laneTexts, readWith{})
		begun := time.Unix(0, 0)
		now := begun
		l.now = func() time.Time { return now }
		l.observe.reread = func(*classify.Message, []classify.Earlier) {
			if now = now.Add(100 * time.Millisecond); now.Sub(begun) >= time.Second {
				cancel()
			}
		}
		var inHand *source.Batch
		w.stream = func(limit int) *source.Batch {
			if ctx.Err() != nil || done == len(backlog) {
				return nil
			}
			inHand = &source.Batch{Records: backlog[done:min(done+limit, len(backlog))]}
			return inHand
		}
		w.onDone = func() { done += len(inHand.Records) }
		if err := l.run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		cancel()
	}
}

// TestRereadMemory has lanes come and go: together they remember no more than they may, unless they are very many.
func TestRereadMemory(t *testing.T) {
	r := newRereadMemory(1)
	for n := 1; n <= 300; n++ {
		r.join()
		if part := r.part(); n*part > rereadRemembers && part != laneRemembers || (n+1)*part < rereadRemembers {
			t.Errorf("each of %d lanes remembers %d bytes", n, part)
		}
	}
	for range 299 {
		r.leave()
	}
	if part := r.part(); part != rereadRemembers {
		t.Errorf("one lane is left and remembers %d bytes", part)
	}
	l := newWorld().lane()
	if err := l.run(t.Context()); err != nil || l.memory.lanes.Load() != 0 {
		t.Errorf("a lane that has ended has a part: %v", err)
	}
}

// TestLanesReadInTurns has two lanes read with one workspace at the same time, again and again: they decide as they do alone.
func TestLanesReadInTurns(t *testing.T) {
	memory := newRereadMemory(1)
	records := func() []source.Record {
		var out []source.Record
		for i := range int64(12) {
			out = append(out, said(i, fmt.Sprint("c", i%3), contactText+strings.Repeat(" please", int(i))))
		}
		return out
	}
	read := func(m *rereadMemory) *world {
		w := newWorld(&source.Batch{Records: records()})
		parts := w.lane().laneParts
		parts.model, parts.memory = parts.model.Rereading(classify.RereadAll), m
		if err := newLane(parts, w, sink.Origin{Topic: "chat.messages"}).run(t.Context()); err != nil {
			t.Error(err)
		}
		return w
	}
	want := read(newRereadMemory(1))
	if len(want.items) == 0 {
		t.Fatal("nothing is flagged")
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if got := read(memory); !reflect.DeepEqual(got.items, want.items) {
				t.Errorf("%+v, alone %+v", got.items, want.items)
			}
		})
	}
	wg.Wait()
}

// TestLongTextWaits has a lane wait with a long text, and not with a short one, while others have all that may be read at the same time. It gives back what it had.
func TestLongTextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(&source.Batch{Records: []source.Record{said(1, "a", "hello"), said(2, "b", strings.Repeat("hello ", longText))}})
		parts := w.lane().laneParts
		var decided []int64
		parts.observe.decided = func(m *classify.Message, _ *policy.Decision) { decided = append(decided, m.Offset) }
		giveBack := parts.long.lend(longTogether)
		ended := make(chan error, 1)
		go func() { ended <- newLane(parts, w, sink.Origin{Topic: "chat.messages"}).run(t.Context()) }()
		synctest.Wait()
		if want := []int64{1}; !slices.Equal(decided, want) {
			t.Errorf("decided %v, want %v", decided, want)
		}
		giveBack()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if want := []int64{1, 2}; !slices.Equal(decided, want) {
			t.Errorf("decided %v, want %v", decided, want)
		}
		parts.long.lend(longTogether)()
	})
}

// TestLongTextsTogether has many take turns: together they never have more than they may, but for one that is longer by itself.
func TestLongTextsTogether(t *testing.T) {
	long := newLongTexts()
	var together atomic.Int64
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 500 {
				bytes := longText * (1 + n*i%80)
				giveBack := long.lend(bytes)
				if sum := together.Add(int64(bytes)); sum > longTogether && sum != int64(bytes) {
					t.Errorf("%d bytes together", sum)
				}
				runtime.Gosched()
				together.Add(-int64(bytes))
				giveBack()
			}
		})
	}
	wg.Wait()
}
