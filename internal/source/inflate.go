package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go/compress"
)

const (
	// maxWindow is the largest zstd window that a decoder must support by RFC 8878, and the most that a
	// hostile frame can make us set aside.
	maxWindow = 8 << 20

	// keepOfLarge is how much of a record that is too large to hold is kept for its dead letter.
	keepOfLarge = 64 << 10
)

var (
	errBomb     = errors.New("unpacks to more than is allowed")
	errTrailing = errors.New("ends within a record")
	errVarint   = errors.New("record length is no varint")
)

// inflater unpacks a record batch's body as a stream, record by record, into buffers that the records alias. However much there
// is in the body, it holds one buffer.
type inflater struct {
	src  io.ReadCloser
	bufs *buffers
	buf  *buffer
	size int // of a new buffer
	left int // bytes that may still be unpacked

	start, end int // what is unpacked and not yet taken, in buf
}

func newInflater(codec compress.Compression, body []byte, bufs *buffers, size, limit int) *inflater {
	return &inflater{src: open(codec, body), bufs: bufs, buf: bufs.get(size), size: size, left: limit}
}

func (f *inflater) close() {
	_ = f.src.Close() // gives the decoder back to its pool
	f.buf.release()
}

// next is the next record without its length. full is its length; rec is shorter where full is more than most.
func (f *inflater) next(most int) (rec []byte, full int, err error) {
	for {
		ahead := f.buf.b[f.start:f.end]
		n, k := binary.Varint(ahead)
		switch {
		case k < 0 || n < 0:
			return nil, 0, errVarint
		case k > 0 && n > int64(most):
			return f.large(k, n)
		case k > 0 && int(n) <= len(ahead)-k:
			f.start += k + int(n)
			return ahead[k : k+int(n)], int(n), nil
		case k > 0:
			err = f.more(k + int(n))
		default:
			err = f.more(len(ahead) + 1)
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// more unpacks at least one byte more towards a stretch of n from start.
func (f *inflater) more(n int) error {
	if f.start+n > len(f.buf.b) {
		// Records alias what lies before start, so the stretch moves to a buffer of its own.
		next := f.bufs.get(max(f.size, n))
		f.end = copy(next.b, f.buf.b[f.start:f.end])
		f.start = 0
		f.buf.release()
		f.buf = next
	}
	got, err := f.read(f.buf.b[f.end:])
	f.end += got
	return err
}

// read is Read that gives either bytes or an error, and honours the limit.
func (f *inflater) read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, errBomb
	}
	for {
		n, err := f.src.Read(p[:min(len(p), f.left)])
		f.left -= n
		switch {
		case n > 0:
			return n, nil
		case errors.Is(err, io.EOF):
			return 0, errTrailing
		case err != nil:
			return 0, err
		}
	}
}

// large keeps the head of a record of n bytes, which starts k bytes from start, and unpacks the rest into nothing.
func (f *inflater) large(k int, n int64) ([]byte, int, error) {
	keep := k + int(min(n, keepOfLarge))
	for f.end-f.start < keep {
		if err := f.more(keep); err != nil {
			return nil, 0, err
		}
	}
	rec := f.buf.b[f.start+k : f.start+keep]
	rest := n - int64(keep-k)
	f.start += keep
	ahead := min(rest, int64(f.end-f.start))
	f.start += int(ahead)
	rest -= ahead
	if rest == 0 {
		return rec, int(n), nil
	}
	waste := f.bufs.get(keepOfLarge)
	defer waste.release()
	for rest > 0 {
		got, err := f.read(waste.b[:min(rest, int64(len(waste.b)))])
		if err != nil {
			return nil, 0, err
		}
		rest -= int64(got)
	}
	return rec, int(n), nil
}

// open is a reader of the unpacked body. Its Close gives the decoder back.
func open(codec compress.Compression, body []byte) io.ReadCloser {
	switch codec {
	case compress.Zstd:
		return openZstd(body)
	case compress.Snappy:
		return openSnappy(body)
	}
	return codec.Codec().NewReader(bytes.NewReader(body))
}

type zstdReader struct{ dec *zstd.Decoder }

var zstdDecoders = sync.Pool{New: func() any {
	dec, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1), // no goroutines
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow),
		zstd.WithDecodeBuffersBelow(0), // always as a stream: the whole of it may be a bomb
	)
	if err != nil {
		panic("source: zstd refuses constant options: " + err.Error())
	}
	return dec
}}

func openZstd(body []byte) io.ReadCloser {
	dec := zstdDecoders.Get().(*zstd.Decoder)
	if err := dec.Reset(bytes.NewReader(body)); err != nil {
		zstdDecoders.Put(dec)
		return failed{err}
	}
	return &zstdReader{dec}
}

func (z *zstdReader) Read(p []byte) (int, error) { return z.dec.Read(p) }

func (z *zstdReader) Close() error {
	err := z.dec.Reset(nil)
	zstdDecoders.Put(z.dec)
	z.dec = nil
	return err
}

// failed is a reader that has failed before the first byte.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }
func (f failed) Close() error             { return nil }

// snappyReader unpacks both what Java writes (xerial: a header, then blocks, each after its length) and what librdkafka
// writes (one bare block).
type snappyReader struct {
	in     []byte // blocks not yet unpacked
	xerial bool
	block  []byte // the current one
	ahead  []byte // of block, what is not yet read
}

const (
	xerialMagic  = "\x82SNAPPY\x00"
	xerialHeader = len(xerialMagic) + 8

	// maxRatio is beyond what snappy reaches: 64 bytes of output by a copy of 3. A block that claims more is not
	// worth the memory that it asks for.
	maxRatio = 24

	keepBlock = 1 << 20 // larger blocks are not kept for the next batch
)

var errSnappy = errors.New("bad snappy block")

var snappyReaders = sync.Pool{New: func() any { return new(snappyReader) }}

func openSnappy(body []byte) io.ReadCloser {
	s := snappyReaders.Get().(*snappyReader)
	s.xerial = len(body) >= xerialHeader && string(body[:len(xerialMagic)]) == xerialMagic
	if s.xerial {
		body = body[xerialHeader:]
	}
	s.in, s.ahead = body, nil
	return s
}

func (s *snappyReader) Close() error {
	s.in, s.ahead, s.block = nil, nil, reusable(s.block, keepBlock)
	snappyReaders.Put(s)
	return nil
}

func (s *snappyReader) Read(p []byte) (int, error) {
	for len(s.ahead) == 0 {
		if len(s.in) == 0 {
			return 0, io.EOF
		}
		if err := s.unpack(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.ahead)
	s.ahead = s.ahead[n:]
	return n, nil
}

func (s *snappyReader) unpack() error {
	packed := s.in
	if s.xerial {
		if len(s.in) < 4 {
			return errSnappy
		}
		n := binary.BigEndian.Uint32(s.in)
		if uint64(n) > uint64(len(s.in)-4) {
			return errSnappy
		}
		packed = s.in[4 : 4+n]
		s.in = s.in[4:]
	}
	s.in = s.in[len(packed):]
	size, err := snappy.DecodedLen(packed)
	if err != nil || size > maxRatio*len(packed) {
		return errSnappy
	}
	if s.block, err = snappy.Decode(s.block[:cap(s.block)], packed); err != nil {
		return errSnappy
	}
	s.ahead = s.block
	return nil
}
