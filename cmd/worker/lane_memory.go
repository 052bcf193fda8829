package main

import "sync/atomic"

// dividedMemory is what the second readers of all lanes remember together, in equal parts: a worker may have one partition or hundreds. The zero
// dividedMemory is ready to use. It is safe for concurrent use.
type dividedMemory struct{ lanes atomic.Int64 }

const (
	// rereadMemory is how much all lanes remember: with 2,000 conversations under way nearly all that is read again of one (docs/PERFORMANCE.md).
	rereadMemory = 16 << 20
	// leastRereadMemory is how much a lane remembers however many there are: the messages of two readings.
	leastRereadMemory = 256 << 10
)

func (d *dividedMemory) join()  { d.lanes.Add(1) }
func (d *dividedMemory) leave() { d.lanes.Add(-1) }

// part is that of one lane, in bytes.
func (d *dividedMemory) part() int {
	return max(rereadMemory/int(max(d.lanes.Load(), 1)), leastRereadMemory)
}
