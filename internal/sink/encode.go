package sink

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Header is a record header. A nil value is a null on the wire.
type Header struct {
	Key   string
	Value []byte
}

// message is a record that is ready to be encoded. A nil key or value is a null on the wire.
type message struct {
	millis  int64 // timestamp, Unix milliseconds
	key     []byte
	value   []byte
	headers []Header
}

// record is an encoded message without the two fields that depend on its place in a batch.
// It owns its bytes, so a record that waits for a batch keeps no buffer of its sender alive.
type record struct {
	millis int64
	body   []byte // key, value, headers
}

// encode lays a message out as the body of a version 2 record.
func encode(m message) record {
	body := make([]byte, 0, bodySize(m))
	body = appendBytes(body, m.key)
	body = appendBytes(body, m.value)
	body = binary.AppendVarint(body, int64(len(m.headers)))
	for _, h := range m.headers {
		body = binary.AppendVarint(body, int64(len(h.Key)))
		body = append(body, h.Key...)
		body = appendBytes(body, h.Value)
	}
	return record{millis: m.millis, body: body}
}

func appendBytes(b, p []byte) []byte {
	if p == nil {
		return binary.AppendVarint(b, -1)
	}
	b = binary.AppendVarint(b, int64(len(p)))
	return append(b, p...)
}

// bodySize is the length of the message's encoded body, or a little more.
func bodySize(m message) int {
	n := len(m.key) + len(m.value) + 3*binary.MaxVarintLen32
	for _, h := range m.headers {
		n += len(h.Key) + len(h.Value) + 2*binary.MaxVarintLen32
	}
	return n
}

// maxRecordPrefix bounds what a record takes in a batch besides its body: length, attributes, two deltas.
const maxRecordPrefix = 2*binary.MaxVarintLen32 + 1 + binary.MaxVarintLen64

// The fields of a batch header that are filled in last, as offsets into the batch.
const (
	atLength     = 8
	atCRC        = 17
	atAttributes = 21
	headerSize   = 61
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// session is the identity under which a partition's batches are numbered.
type session struct {
	id       int64
	epoch    int16
	sequence int32 // of the next batch's first record
	valid    bool

	transactional bool // readers who want what is committed wait for the end of a transaction
}

// advance moves the sequence past n records. It wraps to zero, as brokers expect.
func (s *session) advance(n int) {
	s.sequence = int32((int64(s.sequence) + int64(n)) % (math.MaxInt32 + 1))
}

// attributes are those of the session's batches: no compression, create time.
func (s *session) attributes() uint16 {
	if s.transactional {
		return 1 << 4
	}
	return 0
}

// encodeBatch is one uncompressed version 2 record batch in the producer's session, behind the length that
// a produce request puts before it.
func encodeBatch(records []record, s session) []byte {
	const lead = 4
	b := make([]byte, lead+headerSize, lead+headerSize+batchSize(records))
	first, last := records[0].millis, records[0].millis
	for i, r := range records {
		b = appendRecord(b, r, i, first)
		last = max(last, r.millis)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-lead))
	fillHeader(b[lead:], s, len(records), first, last)
	return b
}

func batchSize(records []record) int {
	n := 0
	for _, r := range records {
		n += len(r.body) + maxRecordPrefix
	}
	return n
}

func appendRecord(b []byte, r record, index int, first int64) []byte {
	var prefix [1 + binary.MaxVarintLen64 + binary.MaxVarintLen32]byte // attributes (none are defined), deltas
	p := binary.AppendVarint(prefix[:1], r.millis-first)
	p = binary.AppendVarint(p, int64(index))
	b = binary.AppendVarint(b, int64(len(p)+len(r.body)))
	b = append(b, p...)
	return append(b, r.body...)
}

func fillHeader(b []byte, s session, count int, first, last int64) {
	h := binary.BigEndian.AppendUint64(b[:0], 0) // base offset: the broker's to give
	h = binary.BigEndian.AppendUint32(h, uint32(len(b)-atLength-4))
	h = binary.BigEndian.AppendUint32(h, math.MaxUint32) // leader epoch: unknown
	h = append(h, 2)                                     // magic
	h = binary.BigEndian.AppendUint32(h, 0)              // checksum, below
	h = binary.BigEndian.AppendUint16(h, s.attributes())
	h = binary.BigEndian.AppendUint32(h, uint32(count-1))
	h = binary.BigEndian.AppendUint64(h, uint64(first))
	h = binary.BigEndian.AppendUint64(h, uint64(last))
	h = binary.BigEndian.AppendUint64(h, uint64(s.id))
	h = binary.BigEndian.AppendUint16(h, uint16(s.epoch))
	h = binary.BigEndian.AppendUint32(h, uint32(s.sequence))
	binary.BigEndian.AppendUint32(h, uint32(count))
	binary.BigEndian.PutUint32(b[atCRC:], crc32.Checksum(b[atAttributes:], castagnoli))
}

// partitionOf maps a key to one of n partitions as the Java client does: murmur2 of the key.
func partitionOf(key []byte, n int) int {
	return int(murmur2(key)&math.MaxInt32) % n
}

func murmur2(data []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := uint32(seed) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		k ^= k >> r
		h = h*m ^ k*m
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(data[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}
