package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	// askTimeout is what a question that a broker answers at once may take.
	askTimeout = 5 * time.Second

	// answerTimeout is what a fetch may take beyond the time that the broker may hold it.
	answerTimeout = 10 * time.Second

	// requestsPerBroker bounds the fetches in flight to one broker. One is held by the broker until something comes in for
	// the idle partitions; the others keep a partition from waiting for it that has had its queue full meanwhile.
	requestsPerBroker = 3

	// partsPerAnswer is how many full partitions an answer has room for.
	partsPerAnswer = 8

	minBackoff = 50 * time.Millisecond
	maxBackoff = time.Second
)

// fetcher keeps the queues of a generation's partitions filled. One goroutine owns all its fields; requests run in
// goroutines of their own, and what they find out comes back as functions for the owner to call.
type fetcher struct {
	s     *session
	at    *layout // of the topic, when the generation began
	fail  func(error)
	feeds []*feed

	flying  map[int32]int // requests by broker
	results chan func()
	ready   chan struct{}
	wg      sync.WaitGroup

	turn         uint64
	asking       bool // for the layout
	layoutFrom   time.Time
	layoutFails  int
	failingFeeds int
}

// feed is what the fetcher knows about a partition.
type feed struct {
	p      *Partition
	leader int32 // -1: unknown
	busy   bool  // in a request
	from   time.Time
	fails  int    // in a row
	pieces int    // answers in a row that ended within its first batch
	fed    uint64 // turn of its last records: who has waited longest is asked for first
}

func newFetcher(s *session, at *layout, fail func(error)) *fetcher {
	return &fetcher{
		s: s, at: at, fail: fail,
		flying:  make(map[int32]int),
		results: make(chan func()),
		ready:   make(chan struct{}, 1),
	}
}

func (f *fetcher) add(p *Partition) {
	d := &feed{p: p, leader: f.at.leader(p.ID)}
	f.feeds = append(f.feeds, d)
}

// wakeUp has the fetcher look at its partitions again.
func (f *fetcher) wakeUp() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// run fetches until ctx ends, and has then no request left.
func (f *fetcher) run(ctx context.Context) {
	defer f.wg.Wait()
	f.layoutFrom = time.Now().Add(f.s.cfg.WatchInterval)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case apply := <-f.results:
			apply()
		case <-f.ready:
		case <-timer.C:
		}
		timer.Reset(time.Until(f.dispatch(ctx, time.Now())))
	}
}

// do runs ask in a goroutine, and the function that it returns in the owner's.
func (f *fetcher) do(ctx context.Context, ask func() func()) {
	f.wg.Go(func() {
		apply := ask()
		select {
		case f.results <- apply:
		case <-ctx.Done():
		}
	})
}

// dispatch starts what can be started, and says when to look again at the latest.
func (f *fetcher) dispatch(ctx context.Context, now time.Time) time.Time {
	again := f.layoutFrom
	if !f.asking && f.layoutDue(now) {
		f.askLayout(ctx)
	}
	due := make(map[int32][]*feed)
	for _, d := range f.feeds {
		switch {
		case d.busy || d.leader < 0:
		case d.from.After(now):
			if d.from.Before(again) {
				again = d.from
			}
		default:
			due[d.leader] = append(due[d.leader], d)
		}
	}
	for broker, feeds := range due {
		if f.flying[broker] < requestsPerBroker {
			f.fetch(ctx, broker, feeds)
		}
	}
	if !again.After(now) {
		again = now.Add(minBackoff) // an answer is awaited
	}
	return again
}

func (f *fetcher) layoutDue(now time.Time) bool {
	if !f.layoutFrom.After(now) {
		return true
	}
	lost := slices.ContainsFunc(f.feeds, func(d *feed) bool { return d.leader < 0 && !d.from.After(now) })
	return lost && f.layoutFails == 0
}

func (f *fetcher) askLayout(ctx context.Context) {
	f.asking = true
	f.do(ctx, func() func() {
		l, err := f.s.layout(ctx)
		return func() { f.sawLayout(l, err) }
	})
}

func (f *fetcher) sawLayout(l *layout, err error) {
	f.asking = false
	if err != nil {
		f.layoutFails++
		f.layoutFrom = time.Now().Add(backoff(f.layoutFails))
		f.s.unwell(err)
		return
	}
	f.layoutFails = 0
	f.layoutFrom = time.Now().Add(f.s.cfg.WatchInterval)
	if l.id != f.at.id && l.id != "" && f.at.id != "" { // brokers of both kinds may answer while they are upgraded
		f.fail(errReplaced)
		return
	}
	for _, d := range f.feeds {
		if d.leader = l.leader(d.p.ID); d.leader < 0 {
			f.failed(d, kafka.LeaderNotAvailable)
		}
	}
}

// fetch asks the broker for those feeds whose queues have room.
func (f *fetcher) fetch(ctx context.Context, broker int32, feeds []*feed) {
	slices.SortFunc(feeds, func(a, b *feed) int { return cmp.Compare(a.fed, b.fed) })
	cfg := &f.s.cfg
	req := &fetchRequest{
		broker: broker, topic: cfg.Topic, bufs: &f.s.bufs,
		wait: cfg.FetchWait, partBytes: cfg.MaxBatchBytes,
		holdBytes: cfg.holdBytes(),
	}
	asked := make([]*feed, 0, len(feeds))
	for _, d := range feeds {
		if offset, ok := d.p.wanted(); ok {
			d.busy = true
			asked = append(asked, d)
			req.parts = append(req.parts, fetchPart{int32(d.p.ID), offset})
		}
	}
	if len(asked) == 0 {
		return
	}
	req.maxBytes = min(len(asked), partsPerAnswer) * cfg.MaxBatchBytes
	f.flying[broker]++
	f.do(ctx, func() func() {
		res, err := f.s.fetch(ctx, req)
		return func() {
			f.flying[broker]--
			f.sawAnswer(ctx, asked, req.parts, res, err)
		}
	})
}

func (s *session) fetch(ctx context.Context, req *fetchRequest) (*fetchResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, req.wait+answerTimeout)
	defer cancel()
	m, err := s.transport.RoundTrip(ctx, s.addr, req)
	if err != nil {
		return nil, fmt.Errorf("fetch records: %w", err)
	}
	res := m.(*fetchResponse)
	if res.code != 0 {
		return nil, fmt.Errorf("fetch records: %w", kafka.Error(res.code))
	}
	return res, nil
}

// sawAnswer gives every partition its part of the answer.
func (f *fetcher) sawAnswer(ctx context.Context, asked []*feed, at []fetchPart, res *fetchResponse, err error) {
	for _, d := range asked {
		d.busy = false
	}
	bytes := 0
	if err == nil {
		answered := make(map[int32]bool, len(asked))
		for i := range res.parts {
			part := &res.parts[i]
			j := slices.IndexFunc(at, func(p fetchPart) bool { return p.id == part.id })
			if j < 0 || answered[part.id] {
				continue
			}
			answered[part.id] = true
			bytes += len(part.chunk.data)
			f.sawPart(ctx, asked[j], at[j].offset, part)
		}
		for _, d := range asked {
			if !answered[int32(d.p.ID)] {
				f.failed(d, errNoAnswer)
			}
		}
	} else if ctx.Err() == nil {
		for _, d := range asked {
			d.leader = -1 // or it would be asked again for as long as the connection fails
			f.failed(d, err)
		}
	}
	if f.s.cfg.Hooks.Fetch != nil && ctx.Err() == nil {
		f.s.cfg.Hooks.Fetch(bytes, err)
	}
}

var (
	errPiece    = errors.New("broker sends a record batch in pieces")
	errNoAnswer = errors.New("broker has left a partition out of its answer")
	errReplaced = errors.New("the topic was deleted and created again")
)

func (f *fetcher) sawPart(ctx context.Context, d *feed, offset int64, part *partResponse) {
	switch code := kafka.Error(part.code); code {
	case 0:
		f.sawRecords(d, offset, part)
	case kafka.OffsetOutOfRange:
		f.reposition(ctx, d, offset)
	case kafka.NotLeaderForPartition, kafka.UnknownTopicOrPartition, kafka.LeaderNotAvailable, kafka.ReplicaNotAvailable,
		kafka.KafkaStorageError, kafka.FencedLeaderEpoch, kafka.UnknownLeaderEpoch:
		d.leader = -1
		f.failed(d, code)
	default:
		f.failed(d, code)
	}
}

func (f *fetcher) sawRecords(d *feed, offset int64, part *partResponse) {
	d.p.sawEnd(part.high)
	c := part.chunk
	if c.buf == nil {
		f.recovered(d)
		return
	}
	c.from, c.next = offset, nextOffset(c.data, offset)
	if c.cut {
		if _, last, size := bounds(c.data); size > 0 && last >= offset {
			c.next = last + 1
		}
	}
	_, _, size := bounds(c.data)
	if size >= 0 && !c.cut && (size == 0 || size > len(c.data)) {
		f.sawPiece(d)
		c.buf.release()
		return
	}
	f.recovered(d)
	f.turn++
	d.fed, d.pieces = f.turn, 0
	if !d.p.push(c) {
		c.buf.release()
	}
}

// sawPiece is for an answer that ended within the partition's first batch: the whole of it comes when the partition is asked
// for first, which its place in the order of turns sees to.
func (f *fetcher) sawPiece(d *feed) {
	if d.pieces++; d.pieces > 1 {
		f.failed(d, errPiece)
	}
}

// failed puts the partition aside for a while.
func (f *fetcher) failed(d *feed, err error) {
	if d.fails == 0 {
		f.failingFeeds++
	}
	d.fails++
	d.from = time.Now().Add(backoff(d.fails))
	f.s.unwell(err)
}

func (f *fetcher) recovered(d *feed) {
	if d.fails > 0 {
		d.fails = 0
		f.failingFeeds--
	}
	if f.failingFeeds == 0 {
		f.s.well()
	}
}

func backoff(fails int) time.Duration {
	return min(minBackoff<<min(fails-1, 10), maxBackoff)
}
