package source

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Partition is one assigned partition, for as long as the generation lasts. Next, Limit and Reread belong to its lane's goroutine; Done may be
// called from any.
type Partition struct {
	Topic       string
	ID          int
	Incarnation string // the topic's id, which another topic of the same name does not share; empty where the broker has none
	Generation  int    // of the group, that the partition was assigned in
	Member      string // of the group, to whom it was assigned

	end    context.Context // done when the generation has ended, or a drain was asked for
	ready  func()          // tells the fetcher that there is room, or another position
	room   int             // bytes that may be queued
	walker walker
	back   *rereader
	wake   chan struct{} // something is in the queue

	mu struct {
		sync.Mutex
		queue  []chunk // fetched and not yet begun
		queued int     // bytes of them
		want   int64   // the offset to fetch next
		high   int64   // end of the log when last heard of; -1 for unknown
		out    []*Batch
		free   []*Batch
		done   int64     // all below is done: what may be committed
		newest time.Time // of the newest record that is done
		saved  int64     // what is committed; -1 for unknown
	}
}

func (p *Partition) start(offset int64) {
	p.walker.next = offset
	p.mu.want, p.mu.done, p.mu.saved, p.mu.high = offset, offset, -1, -1
}

// Next waits for the next batch. It answers ErrEnd once the generation has ended or a drain was asked for, even if records
// are at hand: the partition's next owner reads them. Any other error is that of ctx.
//
// A lane may ask for more batches before it is done with those it has.
func (p *Partition) Next(ctx context.Context) (*Batch, error) {
	for {
		if p.end.Err() != nil {
			return nil, ErrEnd
		}
		if p.walker.loaded || p.take() {
			if b := p.read(); b != nil {
				return b, nil
			}
			continue
		}
		select {
		case <-p.wake:
		case <-p.end.Done():
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Limit has the batches to come hold no more records than that, at least one and at most MaxRecords. A lane that takes no more than it can do in a
// moment can give the partition back in a moment. It belongs to the lane's goroutine.
func (p *Partition) Limit(records int) { p.walker.most = min(max(records, 1), MaxRecords) }

// Done says that the effects of the batch are acknowledged: once all batches before it are done too, its offsets are
// committed. The batch and all that it holds must not be used any more.
func (p *Partition) Done(b *Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.mu.out, b) {
		return // done twice, or another partition's
	}
	b.done = true
	for len(p.mu.out) > 0 && p.mu.out[0].done {
		first := p.mu.out[0]
		p.mu.out = slices.Delete(p.mu.out, 0, 1)
		p.mu.done = first.Next
		if n := len(first.Records); n > 0 {
			p.mu.newest = first.Records[n-1].Time
		}
		first.release()
		p.mu.free = append(p.mu.free, first)
	}
}

// read is the next batch of the chunk, or nil where it holds nothing more.
func (p *Partition) read() *Batch {
	w, b := &p.walker, p.blank()
	before := w.next
	if w.chunk.buf == nil {
		before, b.Lost = w.chunk.from, w.chunk.lost
		w.next = w.chunk.next
	}
	more, err := w.fill(b)
	if err != nil || !more {
		if err != nil || w.next != w.chunk.next {
			p.seek(w.next)
		}
		w.drop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(b.Records) == 0 && b.Next == before {
		p.mu.free = append(p.mu.free, b)
		return nil
	}
	p.mu.out = append(p.mu.out, b)
	return b
}

func (p *Partition) blank() *Batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.mu.free)
	if n == 0 {
		return new(Batch)
	}
	b := p.mu.free[n-1]
	p.mu.free = p.mu.free[:n-1]
	return b
}

// take begins the next chunk of the queue, if there is one.
func (p *Partition) take() bool {
	p.mu.Lock()
	if len(p.mu.queue) == 0 {
		p.mu.Unlock()
		return false
	}
	c := p.mu.queue[0]
	p.mu.queue = slices.Delete(p.mu.queue, 0, 1)
	p.mu.queued -= len(c.data)
	p.mu.Unlock()
	p.walker.load(c)
	p.ready()
	return true
}

// seek has the fetcher go on at the offset; what it has fetched beyond is dropped.
func (p *Partition) seek(offset int64) {
	p.mu.Lock()
	for _, c := range p.mu.queue {
		if c.buf != nil {
			c.buf.release()
		}
	}
	p.mu.queue, p.mu.queued, p.mu.want = p.mu.queue[:0], 0, offset
	p.mu.Unlock()
	p.ready()
}

// wanted is the offset to fetch next; ok is false while enough is queued.
func (p *Partition) wanted() (offset int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.want, p.mu.queued < p.room
}

// push queues what was fetched, unless another position has been asked for since.
func (p *Partition) push(c chunk) (taken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.from != p.mu.want {
		return false
	}
	p.mu.queue = append(p.mu.queue, c)
	p.mu.queued += len(c.data)
	p.mu.want = c.next
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return true
}

// sawEnd notes the end of the log.
func (p *Partition) sawEnd(high int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.high = high
}

// Unsaved is the offset that a lane commits itself under Config.Fence; ok is false while it is committed, and once it is no offset of this
// topic any more.
func (p *Partition) Unsaved() (offset int64, ok bool) {
	if errors.Is(context.Cause(p.end), errReplaced) {
		return 0, false
	}
	return p.unsaved()
}

// Saved says that the lane has committed the offset.
func (p *Partition) Saved(offset int64) { p.save(offset) }

// unsaved is the offset to commit, if it is not committed yet.
func (p *Partition) unsaved() (offset int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.done, p.mu.done != p.mu.saved
}

func (p *Partition) save(offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.saved = offset
}

// lag is false as long as the end of the log is unknown.
func (p *Partition) lag(now time.Time) (l Lag, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l = Lag{Partition: p.ID, Messages: max(p.mu.high-p.mu.done, 0)}
	if l.Messages > 0 && !p.mu.newest.IsZero() {
		l.Behind = max(now.Sub(p.mu.newest), 0)
	}
	return l, p.mu.high >= 0
}
