package source

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"onside/internal/classify"
)

// MaxRecords bounds the records of a Batch, where Partition.Limit does not: what is beyond comes with the next one.
const MaxRecords = 4096

// Batch is what a lane works on at a time. Everything in it, strings included, is valid until Done.
type Batch struct {
	// Records in offset order. It may be empty: the position has moved over nothing but control records,
	// compacted or lost ones. Such a batch wants its Done as any other.
	Records []Record
	Next    int64 // the offset to commit once this batch is done
	Lost    int64 // records that retention removed unread before this batch

	bufs    []*buffer // what Records alias
	headers []Header
	arena   []byte // unescaped strings
	bytes   int    // size of the records so far
	done    bool
}

// Record is one record of the log, or a range of offsets that cannot be read.
type Record struct {
	Offset  int64
	Last    int64 // equal to Offset, but for a range that cannot be read one by one
	Time    time.Time
	Key     []byte
	Value   []byte // as it was in the log; of a range, the raw record batch
	Missing int    // bytes of the record or range that are not here: it was too large to hold, and only its first 64 KiB are
	Headers []Header
	Message classify.Message // decoded when Code is empty, else zero
	Code    Code
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// hold keeps the buffer alive until the batch is done.
func (b *Batch) hold(buf *buffer) {
	if n := len(b.bufs); n > 0 && b.bufs[n-1] == buf {
		return
	}
	buf.refs.Add(1)
	b.bufs = append(b.bufs, buf)
}

// release gives the buffers back; only the batch's own memory remains, to be used again.
func (b *Batch) release() {
	for i, buf := range b.bufs {
		buf.release()
		b.bufs[i] = nil
	}
	b.Records, b.bufs = b.Records[:0], b.bufs[:0]
	b.Next, b.Lost, b.bytes, b.done = 0, 0, 0, false
	b.headers, b.arena = reusable(b.headers, 1<<14), reusable(b.arena, 1<<22)
}

// reusable empties the slice, or drops it where one extraordinary batch has made it large.
func reusable[T any](s []T, limit int) []T {
	if cap(s) > limit {
		return nil
	}
	return s[:0]
}

// buffer is memory that several batches may share: it goes back to its pool when the last of them is done. One
// that is never released is left to the garbage collector.
type buffer struct {
	b    []byte
	refs atomic.Int32
	home *sync.Pool
}

func (b *buffer) release() {
	if b.refs.Add(-1) == 0 {
		b.home.Put(b)
	}
}

const minBufferBits = 12

// buffers are pools of buffers, one per power of two from 4 KiB. The zero value is ready.
type buffers struct {
	pools [20]sync.Pool
}

// get is a buffer of n bytes with one reference.
func (p *buffers) get(n int) *buffer {
	size := max(bits.Len(uint(max(n, 1)-1)), minBufferBits)
	pool := &p.pools[size-minBufferBits]
	b, _ := pool.Get().(*buffer)
	if b == nil {
		b = &buffer{b: make([]byte, 1<<size), home: pool}
	}
	b.b = b.b[:n]
	b.refs.Store(1)
	return b
}
