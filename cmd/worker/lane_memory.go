package main

import (
	"sync/atomic"

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
