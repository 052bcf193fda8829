package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"onside/internal/classify"
	"onside/internal/history"
	"onside/internal/policy"
	"onside/internal/sink"
	"onside/internal/source"
)

// What a lane needs of its neighbours.
type (
	// batches are those of one partition, in order.
	batches interface {
		Next(ctx context.Context) (*source.Batch, error)
		Limit(records int)
		Done(b *source.Batch)
		Reread(ctx context.Context, offsets []int64, see func(*source.Record)) error
	}
	// recaller keeps what conversations have said.
	recaller interface {
		Key(conversation string) history.Key
		Load(ctx context.Context, keys []history.Key) (signals [][]classify.Signal, skipped int, err error)
		Append(ctx context.Context, entries []history.Entry) error
	}
	// deliverer publishes; without an error everything is acknowledged. Where it commits too, the lane has laneParts.savesFirst.
	deliverer interface {
		Deliver(ctx context.Context, o sink.Origin, items []sink.Item, dead []sink.DeadLetter) (sink.Stats, error)
	}
)

// laneParts are what all lanes share. They are safe for concurrent use.
type laneParts struct {
	model   *classify.Classifier
	policy  *policy.Policy
	history func(history.Scope) recaller
	sink    deliverer
	metrics *metrics
	// savesFirst has a batch's signals in history before it is delivered: delivering commits it, and what is committed is not read
	// again to make up for signals that a crash has lost.
	savesFirst bool
	clock      *laneClock
	memory     *rereadMemory
	long       *longTexts
	now        func() time.Time
	observe    observer
}

// observer is told what the service does; each function may be nil, and is called by several lanes at once.
type observer struct {
	decided   func(*classify.Message, *policy.Decision)   // before it is delivered; valid during the call
	reread    func(*classify.Message, []classify.Earlier) // before it is decided; valid during the call
	delivered func(records int, s *sink.Stats)
	joined    func() // the group, with partitions to work on
	committed func(error)
}

// lane works on one partition for as long as it is ours: a batch at a time, in order.
//
// Why no flag is lost: a batch is done, and its offsets may be committed, only after everything that it came to is
// acknowledged. Why none is doubled: whatever is read again after a crash decides the same, claims the same and so publishes the same ids. It
// decides the same because a message is read with the signals strictly below its own offset, wherever they come from: this
// lane, or a lane that had the partition before it.
//
// It breaks where Redis is away at the handover: then the new lane knows only what it has seen itself.
type lane struct {
	laneParts
	batches       batches
	origin        sink.Origin
	history       recaller // of the partition
	conversations *lru[conversation]
	texts         *texts             // nil without a second reader
	limit         int                // of records in a batch
	found         []classify.Earlier // for the message in hand
	result        classify.Result
	entries       []history.Entry // of the batch in hand
	unsent        []history.Entry // that Redis has not taken yet
}

const (
	// laneStride is how long a lane should be deciding a batch. It is what the others wait for when the group rebalances. A batch that takes
	// longer than they wait is given up, and decided again by its next owner: were batches always that large, nobody would ever get beyond one.
	laneStride = 250 * time.Millisecond
	// laneFirst is how many records a lane's first batch has: how long they take is not known yet.
	laneFirst = 1
	// laneGrowth is how many times as large as the last the next batch may be.
	laneGrowth = 4
	// lanesRemember is how many conversations a lane keeps: more than a batch has records.
	lanesRemember = 2 * source.MaxRecords
	// laneUnsent is how many signals wait for Redis to come back; older ones are given up.
	laneUnsent = 4 * source.MaxRecords
	// laneLastWord is how long Redis has for them when the lane ends.
	laneLastWord = time.Second
	// keptSignals is how many signals of a conversation history keeps. Twice the window, so that a message that is read again after a
	// crash finds a whole window below it though later messages have already been appended.
	keptSignals = 2 * classify.Window
)

// conversation is what a lane knows of one.
type conversation struct {
	key    history.Key
	state  classify.State
	stored []int64 // offsets of the signals that history keeps, lowest first
	loaded bool    // what history had is in it
	asked  bool    // history is being asked
	texts  recentTexts
}

func newLane(parts laneParts, b batches, o sink.Origin) *lane {
	l := &lane{
		laneParts: parts, batches: b, origin: o,
		history:       parts.history(history.Scope{Topic: o.Topic, Incarnation: o.Incarnation, Partition: o.Partition}),
		conversations: newLRU[conversation](lanesRemember), limit: laneFirst,
	}
	if parts.model.Rereads() {
		l.texts = newTexts(laneTexts)
	}
	return l
}

// run works until the partition is given back. An error means that the batch in hand is not done.
func (l *lane) run(ctx context.Context) error {
	l.memory.join()
	defer l.memory.leave()
	defer l.clock.forget(l)
	defer l.handOver(ctx)
	for {
		l.batches.Limit(l.limit)
		b, err := l.batches.Next(ctx)
		if errors.Is(err, source.ErrEnd) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.work(ctx, b); err != nil {
			return err
		}
		l.batches.Done(b)
	}
}

// handOver tries once more to append what Redis has not taken, however the lane ends: the batches are done, so the next owner does not read
// them again. Signals are keyed by offset, so it does no harm where that owner has begun, or has read them again after all.
func (l *lane) handOver(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), laneLastWord)
	defer cancel()
	l.remember(lastWord(ctx), nil)
}

// work brings one batch out. Only after it returned nil may the batch's offsets be committed.
func (l *lane) work(ctx context.Context, b *source.Batch) error {
	dead := deadLetters(b.Records)
	l.timed(stageRecall, func() { l.recall(ctx, b.Records) })
	l.clock.begin(l, l.now())
	items, entries, err := l.decide(ctx, b.Records)
	took := l.clock.end(l, l.now())
	l.metrics.stage(stageDecide, took)
	if err != nil {
		return err
	}
	l.pace(len(b.Records), took)
	save := func() { l.timed(stageAppend, func() { l.remember(ctx, entries) }) }
	if l.savesFirst {
		save()
	}
	stats, err := l.sink.Deliver(ctx, l.origin, items, dead)
	if err != nil {
		return err
	}
	if !l.savesFirst {
		save()
	}
	if ctx.Err() != nil && len(l.unsent) > 0 {
		// Done, it would be committed and never be read again, and its signals end with this lane.
		return fmt.Errorf("append signals: %w", ctx.Err())
	}
	l.count(b, dead, &stats)
	return nil
}

// pace sets the size of the next batch by how long this one has taken: to what fits into a stride.
func (l *lane) pace(records int, took time.Duration) {
	fits := int(int64(records) * int64(laneStride) / max(int64(took), 1))
	switch {
	case took > laneStride:
		l.limit = max(fits, 1)
	case records >= l.limit: // a smaller one says nothing about larger ones
		l.limit = min(fits, laneGrowth*l.limit, source.MaxRecords)
	}
}

func (l *lane) timed(stage string, f func()) {
	start := l.now()
	f()
	l.metrics.stage(stage, l.now().Sub(start))
}

// count counts the events last: whoever sees them counted sees what came of them.
func (l *lane) count(b *source.Batch, dead []sink.DeadLetter, stats *sink.Stats) {
	l.metrics.batch.Observe(float64(len(b.Records)))
	for i := range dead {
		l.metrics.deadLetters.WithLabelValues(dead[i].Code).Inc()
	}
	l.metrics.delivered(stats)
	l.metrics.events.Add(float64(len(b.Records)))
	if l.observe.delivered != nil {
		l.observe.delivered(len(b.Records), stats)
	}
}

// deadLetters are the records that could not be read.
func deadLetters(records []source.Record) []sink.DeadLetter {
	var out []sink.DeadLetter
	for i := range records {
		r := &records[i]
		if r.Code == "" {
			continue
		}
		d := sink.DeadLetter{Offset: r.Offset, Last: r.Last, Time: r.Time, Key: r.Key, Value: r.Value, Missing: r.Missing, Code: string(r.Code)}
		for _, h := range r.Headers {
			d.Headers = append(d.Headers, sink.Header(h))
		}
		out = append(out, d)
	}
	return out
}

// recall loads what the batch's conversations said before, where the lane does not know it. Trouble with Redis leaves
// the lane with what it knows: the next batch asks again.
func (l *lane) recall(ctx context.Context, records []source.Record) {
	var fresh []*source.Record // the first of each conversation
	var keys []history.Key
	for i := range records {
		r := &records[i]
		if r.Code != "" {
			continue
		}
		if c := l.conversation(r.Message.ConversationID); !c.loaded && !c.asked {
			c.asked = true
			fresh, keys = append(fresh, r), append(keys, c.key)
		}
	}
	if len(fresh) == 0 {
		return
	}
	signals, skipped, err := l.history.Load(ctx, keys)
	l.metrics.history.WithLabelValues("load", result(err)).Inc()
	l.metrics.historyLost.Add(float64(skipped))
	for i, r := range fresh {
		c := l.conversation(r.Message.ConversationID)
		c.asked = false
		if err == nil { // the breaker logs that Redis is away; the metric counts
			c.load(signals[i], r.Offset)
		}
	}
}

// conversation is the entry of a conversation, a new one where there is none.
func (l *lane) conversation(name string) *conversation {
	if c := l.conversations.get(name); c != nil {
		return c
	}
	c := l.conversations.add(name)
	c.key = l.history.Key(name)
	return c
}

// load takes in what history has. Signals at or above before, the offset of the record that comes next, are left from a
// run before a crash: they are about to be made again.
func (c *conversation) load(signals []classify.Signal, before int64) {
	own := c.state.Signals()
	var state classify.State
	c.stored = c.stored[:0]
	for _, s := range signals {
		for len(own) > 0 && own[0].Offset < s.Offset {
			state.Fold(own[0])
			own = own[1:]
		}
		if s.Offset < before {
			state.Fold(s)
		}
		c.stored = append(c.stored, s.Offset)
	}
	for _, s := range own {
		state.Fold(s)
	}
	c.state, c.loaded = state, true
}

// store notes that a signal goes to history, and returns the offsets that have to leave for it.
func (c *conversation) store(offset int64) (drop []int64) {
	if n := len(c.stored); n > 0 && offset <= c.stored[n-1] {
		return nil // a replay: it is there, or was and left
	}
	c.stored = append(c.stored, offset)
	if n := len(c.stored) - keptSignals; n > 0 {
		drop = append(drop, c.stored[:n]...)
		c.stored = append(c.stored[:0], c.stored[n:]...)
	}
	return drop
}

// decide reads the messages in order, each with what its conversation said before it. The entries are valid until the next call. An error
// means that not all could be read as they must be.
func (l *lane) decide(ctx context.Context, records []source.Record) (items []sink.Item, entries []history.Entry, err error) {
	entries = l.entries[:0]
	defer func() { l.entries = entries }()
	for i := range records {
		r := &records[i]
		if r.Code != "" {
			continue
		}
		m := &r.Message
		m.Offset = r.Offset
		c := l.conversation(m.ConversationID)
		l.read(m, &c.state)
		if l.result.Doubtful {
			if err := l.reread(ctx, c, m); err != nil {
				return nil, nil, err
			}
		}
		signal := l.result.Signal
		c.state.Fold(signal)
		if l.texts != nil {
			l.texts.add(&c.texts, m.Earlier())
		}
		entries = append(entries, history.Entry{Key: c.key, Signal: signal, Drop: c.store(r.Offset)})
		d := l.policy.Decide(m, l.result.Findings)
		l.metrics.decided(&d, &l.result)
		if l.observe.decided != nil {
			shown := d // what is pointed to here is allocated: not for every message
			l.observe.decided(m, &shown)
		}
		if d.Action != policy.None {
			items = append(items, sink.Item{Message: m, Decision: kept(d), Offset: r.Offset, Reader: l.result.Reader, Skipped: l.result.Skipped, TraceParent: traceParent(r.Headers)})
		}
	}
	return items, entries, nil
}

// read classifies a message. A long one waits for its turn.
func (l *lane) read(m *classify.Message, prior *classify.State) {
	if len(m.Text) <= longText {
		l.model.Classify(m, prior, &l.result)
		return
	}
	defer l.long.lend(len(m.Text))()
	l.model.Classify(m, prior, &l.result)
	l.result.Trim()
}

// kept is a decision that stays valid when the next message is classified.
func kept(d policy.Decision) policy.Decision {
	findings := make([]classify.Finding, len(d.Findings))
	for i, f := range d.Findings {
		f.Spans = append([]classify.Span(nil), f.Spans...)
		f.DecodedBy = append([]string(nil), f.DecodedBy...)
		findings[i] = f
	}
	d.Findings = findings
	return d
}

func traceParent(headers []source.Header) string {
	for _, h := range headers {
		if h.Key == "traceparent" {
			return string(h.Value)
		}
	}
	return ""
}

// remember appends the batch's signals to history. What Redis does not take waits for the next batch.
func (l *lane) remember(ctx context.Context, entries []history.Entry) {
	fresh := len(l.unsent)
	if fresh > 0 {
		entries = append(l.unsent, entries...)
	}
	if len(entries) == 0 {
		return
	}
	err := l.history.Append(ctx, entries)
	l.metrics.history.WithLabelValues("append", result(err)).Inc()
	if err == nil {
		l.unsent = l.unsent[:0]
		return
	}
	if fresh == 0 {
		entries = slices.Clone(entries) // the next batch's take their place
	}
	if lost := len(entries) - laneUnsent; lost > 0 {
		l.metrics.historyLost.Add(float64(lost))
		entries = append(entries[:0], entries[lost:]...)
	}
	l.unsent = entries
}

// laneClock knows since when each lane has been deciding its batch. The zero laneClock is ready to use.
type laneClock struct {
	mu struct {
		sync.Mutex
		since map[*lane]time.Time
	}
}

func (c *laneClock) begin(l *lane, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.since == nil {
		c.mu.since = map[*lane]time.Time{}
	}
	c.mu.since[l] = now
}

// end returns how long it took.
func (c *laneClock) end(l *lane, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := now.Sub(c.mu.since[l])
	delete(c.mu.since, l)
	return d
}

func (c *laneClock) forget(l *lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mu.since, l)
}

// longest is how long the slowest lane has been at it.
func (c *laneClock) longest(now time.Time) (d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.mu.since {
		d = max(d, now.Sub(t))
	}
	return d
}
