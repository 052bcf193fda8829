package source

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// clientID is the name that brokers see in their logs and quotas.
const clientID = "onside"

// fetchRequest asks one broker for many partitions of one topic. It is written and read by hand over a connection
// of kafka-go's Transport: record sets are read straight into the buffers that the batches will alias, and one too
// large to hold is read past.
type fetchRequest struct {
	broker int32
	topic  string
	parts  []fetchPart

	wait      time.Duration
	maxBytes  int // of the answer, about
	partBytes int // of one partition's part of it, about
	holdBytes int // of one partition's part of it, at most
	bufs      *buffers

	version int16
}

type fetchPart struct {
	id     int32
	offset int64
}

type fetchResponse struct {
	code  int16
	parts []partResponse
}

type partResponse struct {
	id       int32
	code     int16
	high     int64 // end of the log, for consumers
	logStart int64
	chunk    chunk // buf is nil where there are no records
}

var (
	_ protocol.RawExchanger  = (*fetchRequest)(nil)
	_ protocol.BrokerMessage = (*fetchRequest)(nil)
)

// The versions of Fetch that are spoken: from the first with sessions, which are declined, to the last that kafka-go negotiates.
const minFetch, maxFetch = 7, 11

func (r *fetchRequest) ApiKey() protocol.ApiKey  { return protocol.Fetch }
func (r *fetchResponse) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Broker names the broker by its number: who leads what is known better here than in the Transport's cache.
func (r *fetchRequest) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	b, ok := cluster.Brokers[r.broker]
	if !ok {
		return protocol.Broker{}, kafka.BrokerNotAvailable
	}
	return b, nil
}

func (r *fetchRequest) Required(versions map[protocol.ApiKey]int16) bool {
	r.version = min(versions[protocol.Fetch], maxFetch)
	return true
}

// RawExchange may outlive the call that wanted it, which was cancelled: the request is never used again.
func (r *fetchRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if r.version < minFetch {
		return nil, fmt.Errorf("fetch records: broker speaks version %d, %d is needed", r.version, minFetch)
	}
	if _, err := rw.Write(r.encode()); err != nil {
		return nil, fmt.Errorf("write fetch request: %w", err)
	}
	return r.decode(rw)
}

const correlation = 1 // a connection carries one request at a time

func header(api protocol.ApiKey, version int16) []byte {
	w := make([]byte, 4, 512) // the length, filled in by finish
	w = be.AppendUint16(w, uint16(api))
	w = be.AppendUint16(w, uint16(version))
	w = be.AppendUint32(w, correlation)
	return appendString(w, clientID)
}

func finish(w []byte) []byte {
	be.PutUint32(w, uint32(len(w)-4))
	return w
}

func appendString(w []byte, s string) []byte {
	w = be.AppendUint16(w, uint16(len(s)))
	return append(w, s...)
}

func (r *fetchRequest) encode() []byte {
	const (
		none          = 0xffffffff // as int32, -1
		readCommitted = 1
	)
	w := header(protocol.Fetch, r.version)
	w = be.AppendUint32(w, none) // replica: a consumer
	w = be.AppendUint32(w, uint32(r.wait.Milliseconds()))
	w = be.AppendUint32(w, 1) // bytes to wait for
	w = be.AppendUint32(w, uint32(r.maxBytes))
	w = append(w, readCommitted)
	w = be.AppendUint32(w, 0)    // session
	w = be.AppendUint32(w, none) // session epoch: no session
	w = be.AppendUint32(w, 1)
	w = appendString(w, r.topic)
	w = be.AppendUint32(w, uint32(len(r.parts)))
	for _, p := range r.parts {
		w = be.AppendUint32(w, uint32(p.id))
		if r.version >= 9 {
			w = be.AppendUint32(w, none) // leader epoch: unknown
		}
		w = be.AppendUint64(w, uint64(p.offset))
		w = be.AppendUint64(w, ^uint64(0)) // log start: not a follower
		w = be.AppendUint32(w, uint32(r.partBytes))
	}
	w = be.AppendUint32(w, 0) // forgotten topics
	if r.version >= 11 {
		w = appendString(w, "") // rack
	}
	return finish(w)
}

// decode reads what the protocol calls FetchResponse.
func (r *fetchRequest) decode(in io.Reader) (*fetchResponse, error) {
	f := newFrame(in)
	f.skip(4) // throttle time: the broker enforces it
	res := &fetchResponse{code: f.int16()}
	f.skip(4) // session
	for topics := f.count(6); topics > 0 && f.err == nil; topics-- {
		f.skip(int(f.int16()))
		for parts := f.count(38); parts > 0 && f.err == nil; parts-- {
			res.parts = append(res.parts, r.part(f))
		}
	}
	if f.err != nil {
		return nil, fmt.Errorf("read fetch response: %w", f.err)
	}
	f.skip(f.left)
	return res, f.err
}

func (r *fetchRequest) part(f *frame) partResponse {
	p := partResponse{id: f.int32(), code: f.int16(), high: f.int64()}
	f.skip(8) // last stable offset
	p.logStart = f.int64()
	for n := f.count(16); n > 0 && f.err == nil; n-- {
		p.chunk.aborted = append(p.chunk.aborted, abortedTxn{producer: f.int64(), first: f.int64()})
	}
	if r.version >= 11 {
		f.skip(4) // preferred replica: no rack was named
	}
	size := int(f.int32())
	if size <= 0 || f.err != nil {
		return p
	}
	hold := size
	if size > r.holdBytes {
		hold, p.chunk.cut = min(size, keepOfLarge), true
	}
	p.chunk.buf = r.bufs.get(hold)
	p.chunk.data = p.chunk.buf.b
	f.read(p.chunk.data)
	f.skip(size - hold)
	return p
}

var (
	errShort       = errors.New("response is shorter than what it announces")
	errCorrelation = errors.New("response belongs to another request")
)

// frame reads one response. After the first error everything reads as zero.
type frame struct {
	in   io.Reader
	left int
	err  error
	tmp  [512]byte
}

func newFrame(in io.Reader) *frame {
	f := &frame{in: in, left: 8}
	size, id := int(f.int32()), f.int32()
	if f.err == nil && id != correlation {
		f.err = errCorrelation
	}
	f.left = size - 4
	return f
}

func (f *frame) read(b []byte) {
	if len(b) > f.left {
		f.short()
	}
	if f.err != nil {
		clear(b)
		return
	}
	f.left -= len(b)
	_, f.err = io.ReadFull(f.in, b)
}

// short says that the frame holds less than it announces, unless it has not been read at all: then why is known.
func (f *frame) short() {
	if f.err == nil {
		f.err = errShort
	}
}

func (f *frame) skip(n int) {
	for n > 0 && f.err == nil {
		k := min(n, len(f.tmp))
		f.read(f.tmp[:k])
		n -= k
	}
}

func (f *frame) int16() int16 { f.read(f.tmp[:2]); return int16(be.Uint16(f.tmp[:])) }
func (f *frame) int32() int32 { f.read(f.tmp[:4]); return int32(be.Uint32(f.tmp[:])) }
func (f *frame) int64() int64 { f.read(f.tmp[:8]); return int64(be.Uint64(f.tmp[:])) }

// count is an array's length, whose elements take at least size bytes; a null array is an empty one.
func (f *frame) count(size int) int {
	n := int(f.int32())
	if n > f.left/size {
		f.short()
	}
	if n < 0 || f.err != nil {
		return 0
	}
	return n
}

// uvarint and the two below belong to the flexible versions of the protocol.
func (f *frame) uvarint() int {
	n := 0
	for shift := 0; shift < 35; shift += 7 {
		f.read(f.tmp[:1])
		n |= int(f.tmp[0]&0x7f) << shift
		if f.tmp[0] < 0x80 {
			return n
		}
	}
	f.short()
	return 0
}

// compact is a compact array's or string's length; null is 0.
func (f *frame) compact() int {
	n := f.uvarint() - 1
	if n > f.left {
		f.short()
	}
	if f.err != nil {
		return 0
	}
	return max(n, 0)
}

func (f *frame) tags() {
	for n := f.uvarint(); n > 0 && f.err == nil; n-- {
		f.uvarint()
		f.skip(f.uvarint())
	}
}
