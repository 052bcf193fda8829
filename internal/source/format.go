package source

import (
	"encoding/binary"
	"hash/crc32"
)

// A record batch is a head of 61 bytes and a body of records. Offsets in bytes of what is read of the head:
const (
	atBase       = 0  // int64
	atLength     = 8  // int32, of what follows it
	atMagic      = 16 // int8
	atCRC        = 17 // uint32, over all from atAttributes on
	atAttributes = 21 // int16
	atLastDelta  = 23 // int32
	atFirstTime  = 27 // int64, ms
	atMaxTime    = 35 // int64, ms
	atProducer   = 43 // int64
	atCount      = 57 // int32
	headSize     = 61

	lengthEnd = 12 // where the length has been read
	oldHead   = 26 // the least size of a message of the formats before
)

const (
	attrCodec         = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
)

// maxDelta is the most offsets that one batch can span and be believed when its checksum does not vouch for it.
const maxDelta = 1 << 24

var be = binary.BigEndian

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// bounds reads the offsets and the size of the batch or old message that data starts with. size is 0 where data is too short
// to tell, and -1 where it cannot be a batch.
func bounds(data []byte) (base, last int64, size int) {
	if len(data) <= atMagic {
		return 0, 0, 0
	}
	base, last = int64(be.Uint64(data[atBase:])), int64(be.Uint64(data[atBase:]))
	size = lengthEnd + int(int32(be.Uint32(data[atLength:])))
	least := oldHead
	if data[atMagic] >= 2 {
		least = headSize
	}
	if size < least || base < 0 {
		return base, last, -1
	}
	if data[atMagic] >= 2 {
		if len(data) < headSize {
			return base, last, 0
		}
		last += int64(int32(be.Uint32(data[atLastDelta:])))
	}
	return base, last, size
}

// nextOffset is where to fetch on after data, which was fetched at from. It reads heads only: what a damaged head
// says is put right when the batch is looked at.
func nextOffset(data []byte, from int64) int64 {
	next := from
	for {
		base, last, size := bounds(data)
		if size <= 0 || size > len(data) {
			return next
		}
		if last >= next && last-base < maxDelta {
			next = last + 1
		}
		data = data[size:]
	}
}

// fields reads a record's fields; once one does not fit, short is set and all are empty.
type fields struct {
	b       []byte
	missing int // bytes that belong to the record but not to b
	short   bool
}

func (f *fields) varint() int64 {
	v, k := binary.Varint(f.b)
	if k <= 0 {
		f.short, f.b = true, nil
		return 0
	}
	f.b = f.b[k:]
	return v
}

// bytes is the next n bytes; nil for a negative n, and what there is where the rest is missing.
func (f *fields) bytes(n int64) []byte {
	switch {
	case f.short || n < 0:
		return nil
	case n > int64(len(f.b)):
		b := f.b
		f.short, f.b = true, nil
		if n-int64(len(b)) > int64(f.missing) {
			return nil
		}
		return b
	}
	b := f.b[:n:n]
	f.b = f.b[n:]
	return b
}
