package main

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"onside/internal/classify"
)

// rereadMemory is what the second readers of all lanes have together: a worker may have one partition or hundreds, and no more memory for these than
// for that one. It is safe for concurrent use.
type rereadMemory struct {
	lanes atomic.Int64
	// spaces are one for each processor: more lanes cannot read at the same time, whatever is waiting.
	spaces chan *classify.Workspace
}

const (
	// rereadRemembers is how much all lanes remember: with 2,000 conversations under way nearly all that is read again of one (docs/PERFORMANCE.md).
	rereadRemembers = 16 << 20
	// laneRemembers is how much a lane remembers however many there are: the messages of two readings.
	laneRemembers = 256 << 10
)

func newRereadMemory(processors int) *rereadMemory {
	r := &rereadMemory{spaces: make(chan *classify.Workspace, processors)}
	for range processors {
		r.spaces <- new(classify.Workspace)
	}
	return r
}

func (r *rereadMemory) join()  { r.lanes.Add(1) }
func (r *rereadMemory) leave() { r.lanes.Add(-1) }

// lend gives a result its part, and waits for a workspace. The result gives it back.
func (r *rereadMemory) lend(res *classify.Result) (giveBack func()) {
	res.Remember(r.part())
	w := <-r.spaces
	res.Borrow(w)
	return func() { r.spaces <- w }
}

// part is how much one lane remembers, in bytes.
func (r *rereadMemory) part() int {
	return max(rereadRemembers/int(max(r.lanes.Load(), 1)), laneRemembers)
}

// longTexts bounds how much text the lanes read at the same time, as far as it is long: to read a text takes up to 45 times its length, and all partitions
// may have long ones at once. It is safe for concurrent use.
type longTexts struct{ bytes *semaphore.Weighted }

const (
	// longText is the length from which on a text waits for its turn: no person writes as much.
	longText = 16 << 10
	// longTogether is how long those may be together that are read at the same time. One that is longer by itself is read alone.
	longTogether = 1 << 20
)

func newLongTexts() *longTexts { return &longTexts{semaphore.NewWeighted(longTogether)} }

// lend waits until a text of so many bytes may be read.
func (t *longTexts) lend(bytes int) (giveBack func()) {
	n := int64(min(bytes, longTogether))
	_ = t.bytes.Acquire(context.Background(), n) // which has no end
	return func() { t.bytes.Release(n) }
}
