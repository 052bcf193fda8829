package source

import (
	"cmp"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"time"

	"github.com/segmentio/kafka-go/compress"
)

type abortedTxn struct {
	producer, first int64
}

// chunk is what one fetch gave for one partition.
type chunk struct {
	buf     *buffer // nil for a jump
	data    []byte  // whole record batches, the last perhaps cut off
	cut     bool    // data is only the beginning of a batch too large to hold
	from    int64   // the offset that was asked for
	next    int64   // the offset to ask for next
	lost    int64   // of a jump: records that nobody will read
	aborted []abortedTxn
}

type limits struct {
	batch, record, decompressed int
}

// walker reads the records of a partition's chunks, as many at a time as a Batch holds.
type walker struct {
	limits  limits
	most    int // records of a Batch
	bufs    *buffers
	dec     *Decoder
	next    int64 // the offset that comes next; lower ones have been seen
	suspect int64 // base offset of a batch that was damaged and is fetched again; -1 for none

	loaded bool
	chunk  chunk
	rest   []byte // batches of the chunk that are not yet begun
	active []int64

	// The batch that is being read.
	open     bool
	base     int64
	last     int64
	time     int64
	logTime  bool
	left     int // records
	raw      []byte
	body     []byte
	inflater *inflater
}

// load begins the chunk. The one before must be at its end.
func (w *walker) load(c chunk) {
	w.loaded, w.chunk, w.rest, w.active = true, c, c.data, w.active[:0]
	slices.SortFunc(w.chunk.aborted, func(a, b abortedTxn) int { return cmp.Compare(a.first, b.first) })
}

// drop forgets what is left of the chunk.
func (w *walker) drop() {
	w.shut()
	if w.chunk.buf != nil {
		w.chunk.buf.release()
	}
	w.loaded, w.chunk, w.rest = false, chunk{}, nil
}

// errDamaged says that the batch at walker.next must be fetched again.
var errDamaged = errors.New("checksum of record batch does not match")

// fill appends records to b until it is full or the chunk is at its end, which more tells.
func (w *walker) fill(b *Batch) (more bool, err error) {
	w.dec.arena = b.arena
	defer func() { b.arena = w.dec.arena }()
	for len(b.Records) < w.most && b.bytes < w.limits.batch {
		if w.open {
			w.record(b)
			continue
		}
		if more, err = w.begin(b); !more || err != nil {
			break
		}
	}
	b.Next = w.next
	return w.open || len(w.rest) > 0, err
}

// find appends the records at the offsets, which rise, to b, and some beside them. It stops when it has passed the last, and returns those that the
// chunk does not reach.
func (w *walker) find(b *Batch, offsets []int64) (rest []int64, err error) {
	w.dec.arena = b.arena
	defer func() { b.arena = w.dec.arena }()
	for ; len(offsets) > 0; offsets = offsets[1:] {
		w.next = max(w.next, offsets[0])
		for w.next <= offsets[0] {
			if w.open {
				w.record(b)
				continue
			}
			if more, err := w.begin(b); err != nil || !more && w.next <= offsets[0] {
				return offsets, err
			}
		}
	}
	return nil, nil
}

// begin opens the next batch of the chunk, or passes over it.
func (w *walker) begin(b *Batch) (more bool, err error) {
	base, last, size := bounds(w.rest)
	switch {
	case size == 0:
		w.rest = nil
		return false, nil
	case size < 0: // where the next batch begins cannot be told either
		w.raw, w.rest = w.rest, nil
		return true, w.damaged(b, w.next, w.next, CodeBatch)
	case size > len(w.rest):
		if w.chunk.cut {
			w.fault(b, last, CodeBatchTooLarge, w.rest)
			b.Records[len(b.Records)-1].Missing = size - len(w.rest)
		}
		w.rest = nil
		return false, nil
	}
	w.raw, w.rest, w.base, w.last = w.rest[:size], w.rest[size:], base, last
	switch magic := w.raw[atMagic]; {
	case magic < 2:
		w.fault(b, last, CodeMagic, w.raw)
		return true, nil
	case magic > 2 || last < base:
		return true, w.damaged(b, base, last, CodeBatch)
	case crc32.Checksum(w.raw[atAttributes:], castagnoli) != be.Uint32(w.raw[atCRC:]):
		return true, w.damaged(b, base, last, CodeCRC)
	case last < w.next:
		w.isAborted(be.Uint16(w.raw[atAttributes:])) // it may begin or end a transaction that goes on, or has gone on
		return true, nil
	}
	w.enter(b)
	return true, nil
}

// damaged asks for the batch to be fetched again, once; the second time its range is reported.
func (w *walker) damaged(b *Batch, base, last int64, code Code) error {
	if w.suspect != base {
		w.suspect = base
		return errDamaged
	}
	w.suspect = -1
	if last-base >= maxDelta {
		last = base
	}
	w.fault(b, last, code, w.raw)
	return nil
}

// fault reports the offsets from next to last as unreadable, and goes on behind them.
func (w *walker) fault(b *Batch, last int64, code Code, raw []byte) {
	last = max(last, w.next)
	r := grow(b)
	r.Offset, r.Last, r.Code = w.next, last, code
	r.Value = raw
	if len(raw) >= headSize {
		r.Time = time.UnixMilli(int64(be.Uint64(raw[atFirstTime:])))
	}
	b.hold(w.chunk.buf)
	b.bytes += len(raw)
	w.next = last + 1
}

// enter makes ready to read the records of the batch in raw, if it has any that count.
func (w *walker) enter(b *Batch) {
	attr := be.Uint16(w.raw[atAttributes:])
	codec := compress.Compression(attr & attrCodec)
	w.body, w.left = w.raw[headSize:], int(int32(be.Uint32(w.raw[atCount:])))
	switch {
	case w.isAborted(attr):
	case int(codec) >= len(compress.Codecs):
		w.fault(b, w.last, CodeCodec, w.raw)
	case w.left < 0, w.left == 0 && codec == compress.None && len(w.body) > 0:
		w.fault(b, w.last, CodeBatch, w.raw)
	case w.left > 0:
		w.start(attr, codec)
		return
	}
	w.leave()
}

func (w *walker) start(attr uint16, codec compress.Compression) {
	w.open = true
	w.time, w.logTime = int64(be.Uint64(w.raw[atFirstTime:])), attr&attrLogAppendTime != 0
	if w.logTime {
		w.time = int64(be.Uint64(w.raw[atMaxTime:]))
	}
	if codec != compress.None {
		size := min(max(4*len(w.body), 16<<10), w.limits.batch)
		w.inflater = newInflater(codec, w.body, w.bufs, size, w.limits.decompressed)
	}
}

// isAborted tells whether the batch holds nothing but markers, or records of a transaction that was aborted.
func (w *walker) isAborted(attr uint16) bool {
	producer := int64(be.Uint64(w.raw[atProducer:]))
	for len(w.chunk.aborted) > 0 && w.chunk.aborted[0].first <= w.last {
		w.active = append(w.active, w.chunk.aborted[0].producer)
		w.chunk.aborted = w.chunk.aborted[1:]
	}
	i := slices.Index(w.active, producer)
	if attr&attrControl != 0 {
		if i >= 0 && isAbortMarker(w.raw[headSize:]) {
			w.active = slices.Delete(w.active, i, i+1)
		}
		return true
	}
	return attr&attrTransactional != 0 && i >= 0
}

// isAbortMarker reads a control batch's one record: its key is a version and a type, both int16.
func isAbortMarker(body []byte) bool {
	f := fields{b: body}
	f.varint() // length
	f.bytes(1)
	f.varint()
	f.varint()
	key := f.bytes(f.varint())
	return !f.short && len(key) >= 4 && be.Uint16(key[2:]) == 0
}

// leave closes the batch: what compaction has removed at its end is passed over too.
func (w *walker) leave() {
	w.next = max(w.next, w.last+1)
	w.shut()
}

func (w *walker) shut() {
	if w.inflater != nil {
		w.inflater.close()
		w.inflater = nil
	}
	w.open, w.raw, w.body = false, nil, nil
}

// record reads one record of the open batch.
func (w *walker) record(b *Batch) {
	rec, full, err := w.bytes()
	if err == nil {
		err = w.read(b, rec, full)
	}
	if err != nil {
		w.fault(b, w.last, faultOf(err, w.inflater != nil), w.raw)
		w.leave()
		return
	}
	if w.left--; w.left == 0 {
		w.leave()
	}
}

func faultOf(err error, packed bool) Code {
	switch {
	case errors.Is(err, errBomb):
		return CodeBomb
	case !packed, errors.Is(err, errTrailing), errors.Is(err, errVarint), errors.Is(err, errRecord):
		return CodeBatch
	}
	return CodeDecompress
}

// bytes is the next record without its length; it lives until the next call, but for a Batch that holds what it is in.
func (w *walker) bytes() (rec []byte, full int, err error) {
	if w.inflater != nil {
		return w.inflater.next(w.limits.record)
	}
	n, k := binary.Varint(w.body)
	if k <= 0 || n < 0 || n > int64(len(w.body)-k) {
		return nil, 0, errVarint
	}
	rec, w.body = w.body[k:k+int(n)], w.body[k+int(n):]
	return rec, int(n), nil
}

// hold keeps alive what the record that was read last is in.
func (w *walker) hold(b *Batch) {
	if w.inflater != nil {
		b.hold(w.inflater.buf)
	} else {
		b.hold(w.chunk.buf)
	}
}

var errRecord = errors.New("record is malformed")

// read decodes a record of which rec is all, or the beginning where full is more.
func (w *walker) read(b *Batch, rec []byte, full int) error {
	f := fields{b: rec, missing: full - len(rec)}
	f.bytes(1) // attributes: none are defined
	delta := f.varint()
	offset := w.base + f.varint()
	if f.short || offset < w.base || offset > w.last {
		return errRecord
	}
	if offset < w.next {
		return nil // before the position that was asked for
	}
	w.hold(b)
	r := grow(b)
	r.Offset, r.Last, r.Missing = offset, offset, full-len(rec)
	r.Time = time.UnixMilli(w.time + delta)
	if w.logTime {
		r.Time = time.UnixMilli(w.time)
	}
	r.Key = f.bytes(f.varint())
	r.Value = f.bytes(f.varint())
	first := len(b.headers)
	for n := f.varint(); n > 0 && !f.short; n-- {
		key := f.bytes(f.varint())
		b.headers = append(b.headers, Header{stringOf(key), f.bytes(f.varint())})
	}
	if f.short && f.missing == 0 {
		b.Records, b.headers = b.Records[:len(b.Records)-1], b.headers[:first]
		return errRecord
	}
	r.Headers = b.headers[first:len(b.headers):len(b.headers)]
	r.Code = CodeTooLarge
	if full <= w.limits.record {
		r.Code = w.dec.Decode(r.Value, &r.Message)
		r.Message.Offset = offset
	}
	if r.Code != "" {
		r.Message.Offset = 0
	}
	b.bytes += len(rec)
	w.next = offset + 1
	return nil
}

// grow is a zero record at the end of the batch.
func grow(b *Batch) *Record {
	b.Records = append(b.Records, Record{})
	return &b.Records[len(b.Records)-1]
}
