package source

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/snappy"
	"github.com/segmentio/kafka-go/compress"
)

// testRecord is a record as a test writes it.
type testRecord struct {
	delta   int // of the offset
	key     string
	value   []byte
	headers []Header
}

// testBatch writes record batches by the protocol's description.
type testBatch struct {
	base     int64
	last     int // offset delta; the last record's when 0
	attr     uint16
	producer int64
	records  []testRecord
}

var testTime = time.UnixMilli(1_790_000_000_000)

func (b testBatch) encode() []byte {
	var body []byte
	last := b.last
	for _, r := range b.records {
		body = appendRecord(body, r)
		last = max(last, r.delta)
	}
	return b.frame(body, len(b.records), last)
}

func appendRecord(body []byte, r testRecord) []byte {
	rec := []byte{0}
	rec = binary.AppendVarint(rec, int64(r.delta)) // of the time, ms
	rec = binary.AppendVarint(rec, int64(r.delta))
	rec = appendBytes(rec, []byte(r.key))
	rec = appendBytes(rec, r.value)
	rec = binary.AppendVarint(rec, int64(len(r.headers)))
	for _, h := range r.headers {
		rec = appendBytes(rec, []byte(h.Key))
		rec = appendBytes(rec, h.Value)
	}
	return append(binary.AppendVarint(body, int64(len(rec))), rec...)
}

func appendBytes(b, s []byte) []byte {
	if s == nil {
		return binary.AppendVarint(b, -1)
	}
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}

func (b testBatch) frame(body []byte, count, last int) []byte {
	if codec := compress.Compression(b.attr & attrCodec); codec != 0 && int(codec) < len(compress.Codecs) {
		var z bytes.Buffer
		w := codec.Codec().NewWriter(&z)
		_, _ = w.Write(body)
		_ = w.Close()
		body = z.Bytes()
	}
	h := make([]byte, headSize)
	be.PutUint64(h[atBase:], uint64(b.base))
	be.PutUint32(h[atLength:], uint32(headSize-lengthEnd+len(body)))
	h[atMagic] = 2
	be.PutUint16(h[atAttributes:], b.attr)
	be.PutUint32(h[atLastDelta:], uint32(last))
	be.PutUint64(h[atFirstTime:], uint64(testTime.UnixMilli()))
	be.PutUint64(h[atMaxTime:], uint64(testTime.UnixMilli()+999))
	be.PutUint64(h[atProducer:], uint64(b.producer))
	be.PutUint32(h[atCount:], uint32(count))
	return sealCRC(append(h, body...))
}

func sealCRC(batch []byte) []byte {
	be.PutUint32(batch[atCRC:], crc32.Checksum(batch[atAttributes:], castagnoli))
	return batch
}

func event(n int) []byte {
	return fmt.Appendf(nil, `{"event_id":"e%d","conversation_id":"c%d","text":"hello %d"}`, n, n%7, n)
}

func events(from, n int) []testRecord {
	var rs []testRecord
	for i := range n {
		rs = append(rs, testRecord{delta: i, key: fmt.Sprint("k", from+i), value: event(from + i)})
	}
	return rs
}

func marker(base int64, producer int64, commit byte) []byte {
	b := testBatch{base: base, attr: attrControl | attrTransactional, producer: producer}
	b.records = []testRecord{{key: string([]byte{0, 0, 0, commit}), value: make([]byte, 6)}}
	return b.encode()
}

func testWalker(t testing.TB) *walker {
	return &walker{
		limits: limits{1 << 20, 1 << 20, 8 << 20}, most: MaxRecords, bufs: new(buffers), dec: mustDecoder(t, Mapping{}), suspect: -1,
	}
}

// read walks one chunk to its end and writes what it gave, one line a record.
func (w *walker) readAll(t testing.TB, data []byte, aborted ...abortedTxn) (lines []string) {
	t.Helper()
	buf := w.bufs.get(len(data))
	copy(buf.b, data)
	w.load(chunk{buf: buf, data: buf.b, from: w.next, next: nextOffset(data, w.next), aborted: aborted})
	for more := true; more; {
		b := new(Batch)
		var err error
		if more, err = w.fill(b); err != nil {
			lines = append(lines, "again from "+fmt.Sprint(w.next))
			more = false
		}
		for _, r := range b.Records {
			lines = append(lines, describe(r))
		}
		b.release()
	}
	w.drop()
	return append(lines, fmt.Sprint("next ", w.next))
}

func describe(r Record) string {
	switch {
	case r.Last != r.Offset:
		return fmt.Sprintf("%d-%d %s", r.Offset, r.Last, r.Code)
	case r.Code != "":
		return fmt.Sprintf("%d %s", r.Offset, r.Code)
	}
	return fmt.Sprintf("%d %s %s", r.Offset, r.Key, r.Message.EventID)
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func corrupt(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x40
	return b
}

func TestRecords(t *testing.T) {
	three := func(base int64, attr uint16) []byte {
		return testBatch{base: base, attr: attr, producer: 7, records: events(int(base), 3)}.encode()
	}
	truncated := three(10, 4)
	truncated = testBatch{base: 10}.frame(truncated[headSize:len(truncated)-4], 3, 2)
	be.PutUint16(truncated[atAttributes:], 4)
	sealCRC(truncated)
	unknownCodec := three(10, 0)
	be.PutUint16(unknownCodec[atAttributes:], 6)
	sealCRC(unknownCodec)
	for _, test := range []struct {
		name    string
		data    []byte
		aborted []abortedTxn
		want    []string
	}{
		{"plain", three(10, 0), nil, []string{"10 k10 e10", "11 k11 e11", "12 k12 e12", "next 13"}},
		{"from within a batch", three(8, 0), nil, []string{"10 k10 e10", "next 11"}},
		{"before the position", three(2, 0), nil, []string{"next 10"}},
		{"cut off at the end", concat(three(10, 0), three(13, 0)[:80]), nil, []string{"10 k10 e10", "11 k11 e11", "12 k12 e12", "next 13"}},
		{"compacted in the middle and at the end",
			testBatch{base: 10, last: 9, records: []testRecord{{delta: 1, key: "a", value: event(1)}, {delta: 6, key: "b", value: event(2)}}}.encode(),
			nil, []string{"11 a e1", "16 b e2", "next 20"}},
		{"compacted to nothing", concat(testBatch{base: 10, last: 4}.encode(), testBatch{base: 15, last: 2, attr: 4}.frame(nil, 0, 2)),
			nil, []string{"next 18"}},
		{"control batch", concat(three(10, attrTransactional), marker(13, 7, 1)), nil,
			[]string{"10 k10 e10", "11 k11 e11", "12 k12 e12", "next 14"}},
		{"aborted transaction, another that was committed, and the same producer's next one",
			concat(three(10, attrTransactional), testBatch{base: 13, attr: attrTransactional, producer: 8, records: events(13, 1)}.encode(),
				marker(14, 7, 0), marker(15, 8, 1), three(16, attrTransactional), marker(19, 7, 1)),
			[]abortedTxn{{7, 10}}, []string{"13 k13 e13", "16 k16 e16", "17 k17 e17", "18 k18 e18", "next 20"}},
		{"transaction that is aborted later", concat(three(10, attrTransactional), marker(13, 7, 1), three(14, attrTransactional), marker(17, 7, 0)),
			[]abortedTxn{{7, 14}}, []string{"10 k10 e10", "11 k11 e11", "12 k12 e12", "next 18"}},
		{"records of others are no part of it", concat(three(10, 0), marker(13, 7, 0)), []abortedTxn{{7, 10}},
			[]string{"10 k10 e10", "11 k11 e11", "12 k12 e12", "next 14"}},
		{"no value, and one that is no event", testBatch{base: 10, records: []testRecord{{delta: 0}, {delta: 1, value: []byte("x")}}}.encode(), nil,
			[]string{"10 value_null", "11 json_invalid", "next 12"}},
		{"damaged batch", concat(three(10, 0), corrupt(three(13, 0), 70), three(16, 0)), nil,
			[]string{"again from 13", "10 k10 e10", "11 k11 e11", "12 k12 e12", "next 13"}},
		{"batch of an unknown codec", concat(unknownCodec, three(13, 0)), nil,
			[]string{"10-12 batch_codec_unknown", "13 k13 e13", "14 k14 e14", "15 k15 e15", "next 16"}},
		{"compressed stream that ends early", concat(truncated, three(13, 0)), nil,
			[]string{"10-12 batch_decompress", "13 k13 e13", "14 k14 e14", "15 k15 e15", "next 16"}},
		{"fewer records than announced", concat(testBatch{base: 10}.frame(appendRecord(nil, testRecord{value: event(1)}), 3, 2), three(13, 0)), nil,
			[]string{"10  e1", "11-12 batch_malformed", "13 k13 e13", "14 k14 e14", "15 k15 e15", "next 16"}},
		{"negative count", testBatch{base: 10}.frame([]byte{1}, -1, 2), nil, []string{"10-12 batch_malformed", "next 13"}},
		{"record that claims more than there is", testBatch{base: 10}.frame([]byte{200, 1, 0, 0, 0}, 1, 0), nil, []string{"10 batch_malformed", "next 11"}},
		{"field that claims more than its record", testBatch{base: 10}.frame([]byte{12, 0, 0, 0, 1, 100, 0}, 1, 0), nil,
			[]string{"10 batch_malformed", "next 11"}},
		{"offset beyond the batch", testBatch{base: 10, records: []testRecord{{delta: 5, value: event(1)}}}.frame(
			appendRecord(nil, testRecord{delta: 5, value: event(1)}), 1, 0), nil, []string{"10 batch_malformed", "next 11"}},
		{"message of an old format", concat([]byte{0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 14, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, three(13, 0)), nil,
			[]string{"10-12 batch_format_old", "13 k13 e13", "14 k14 e14", "15 k15 e15", "next 16"}},
		{"length that cannot be", make([]byte, 100), nil, []string{"again from 10", "next 10"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := testWalker(t)
			w.next = 10
			if diff := cmp.Diff(test.want, w.readAll(t, test.data, test.aborted...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is damaged in the log is damaged when fetched again: then it is reported, and the next batches are read.
func TestRecordsDamagedTwice(t *testing.T) {
	w := testWalker(t)
	data := concat(corrupt(testBatch{records: events(0, 3)}.encode(), 70), testBatch{base: 3, records: events(3, 1)}.encode())
	first := w.readAll(t, data)
	second := w.readAll(t, data)
	if diff := cmp.Diff([]string{"again from 0", "next 0"}, first); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"0-2 batch_crc_mismatch", "3 k3 e3", "next 4"}, second); diff != "" {
		t.Error(diff)
	}
	garbage := make([]byte, 100)
	w.next = 4
	w.readAll(t, garbage)
	if diff := cmp.Diff([]string{"4 batch_malformed", "next 5"}, w.readAll(t, garbage)); diff != "" {
		t.Error(diff)
	}
}

// Compaction may leave a gap of any size before a batch, damaged or not.
func TestRecordsGap(t *testing.T) {
	const far = 1 << 40
	good := testBatch{base: far, records: events(0, 1)}.encode()
	if got := nextOffset(good, 10); got != far+1 {
		t.Errorf("next offset is %d", got)
	}
	w := testWalker(t)
	bad := concat(corrupt(good, 70), testBatch{base: far + 1, records: events(1, 1)}.encode())
	w.readAll(t, bad)
	want := []string{fmt.Sprintf("0-%d batch_crc_mismatch", int64(far)), fmt.Sprintf("%d k1 e1", int64(far+1)), fmt.Sprintf("next %d", int64(far+2))}
	if diff := cmp.Diff(want, w.readAll(t, bad)); diff != "" {
		t.Error(diff)
	}
}

func TestRecordsCodecs(t *testing.T) {
	for codec := range compress.Codecs {
		w := testWalker(t)
		// Several arenas' worth, and more than one Batch's.
		b := testBatch{attr: uint16(codec), records: events(0, 3000)}
		b.records[2000].value = concat([]byte(`{"event_id":"big","conversation_id":"c","text":"`), bytes.Repeat([]byte("0123456789"), 60_000), []byte(`"}`))
		lines := w.readAll(t, b.encode())
		if len(lines) != 3001 {
			t.Fatalf("codec %d: %d lines, last %q", codec, len(lines), lines[len(lines)-1])
		}
		for i, line := range lines[:3000] {
			want := fmt.Sprintf("%d k%d e%d", i, i, i)
			if i == 2000 {
				want = "2000 k2000 big"
			}
			if line != want {
				t.Fatalf("codec %d: %q, want %q", codec, line, want)
			}
		}
	}
}

// librdkafka writes snappy without Java's framing; and a block that lies about its size gets no memory.
func TestRecordsBareSnappy(t *testing.T) {
	pack := func(body []byte) []byte {
		b := testBatch{}.frame(body, 2, 1)
		be.PutUint16(b[atAttributes:], uint16(compress.Snappy))
		return sealCRC(b)
	}
	var body []byte
	for _, r := range events(0, 2) {
		body = appendRecord(body, r)
	}
	if diff := cmp.Diff([]string{"0 k0 e0", "1 k1 e1", "next 2"}, testWalker(t).readAll(t, pack(snappy.Encode(nil, body)))); diff != "" {
		t.Error(diff)
	}
	liar := binary.AppendUvarint(nil, 1<<31)
	framed := concat([]byte(xerialMagic), make([]byte, 8), []byte{0xff, 0xff, 0xff, 0xff}, liar)
	for _, lie := range [][]byte{liar, framed, framed[:18]} {
		if diff := cmp.Diff([]string{"0-1 batch_decompress", "next 2"}, testWalker(t).readAll(t, pack(lie))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRecordsFields(t *testing.T) {
	w := testWalker(t)
	headers := []Header{{"traceparent", []byte("00-ab")}, {"empty", nil}}
	data := concat(
		testBatch{base: 0, records: []testRecord{{delta: 2, key: "k", value: []byte("x"), headers: headers}}}.encode(),
		testBatch{base: 3, attr: attrLogAppendTime, records: []testRecord{{delta: 1, key: "k", value: []byte("y")}}}.encode(),
	)
	buf := w.bufs.get(len(data))
	copy(buf.b, data)
	w.load(chunk{buf: buf, data: buf.b, next: 5})
	b := new(Batch)
	if _, err := w.fill(b); err != nil {
		t.Fatal(err)
	}
	want := []Record{
		{Offset: 2, Last: 2, Time: testTime.Add(2 * time.Millisecond), Key: []byte("k"), Value: []byte("x"), Headers: headers, Code: CodeJSON},
		{Offset: 4, Last: 4, Time: testTime.Add(999 * time.Millisecond), Key: []byte("k"), Value: []byte("y"), Headers: []Header{}, Code: CodeJSON},
	}
	if diff := cmp.Diff(want, b.Records); diff != "" {
		t.Error(diff)
	}
}

// bomb is a batch that unpacks to one small event, one record of size zeros, and one more small event.
func bomb(codec compress.Compression, size int) []byte {
	var z bytes.Buffer
	w := codec.Codec().NewWriter(&z)
	_, _ = w.Write(appendRecord(nil, testRecord{delta: 0, key: "k0", value: event(0)}))
	rec := binary.AppendVarint([]byte{0, 2, 2, 1}, int64(size)) // attributes, time and offset delta, no key
	_, _ = w.Write(append(binary.AppendVarint(nil, int64(len(rec)+size+1)), rec...))
	zeros := make([]byte, 1<<20)
	for left := size; left > 0; left -= len(zeros) {
		_, _ = w.Write(zeros[:min(left, len(zeros))])
	}
	_, _ = w.Write([]byte{0}) // no headers
	_, _ = w.Write(appendRecord(nil, testRecord{delta: 2, key: "k2", value: event(2)}))
	_ = w.Close()
	packed := testBatch{}.frame(z.Bytes(), 3, 2)
	be.PutUint16(packed[atAttributes:], uint16(codec))
	return sealCRC(packed)
}

// zstdBomb unpacks to 200 MB.
var zstdBomb = sync.OnceValue(func() []byte { return bomb(compress.Zstd, 200<<20) })

func TestRecordsBomb(t *testing.T) {
	after := testBatch{base: 3, records: events(3, 1)}.encode()
	for codec, packed := range map[compress.Compression][]byte{
		compress.Gzip: bomb(compress.Gzip, 20<<20), compress.Snappy: bomb(compress.Snappy, 20<<20),
		compress.Lz4: bomb(compress.Lz4, 20<<20), compress.Zstd: zstdBomb(),
	} {
		w := testWalker(t)
		data := concat(packed, after)
		used := allocated(func() {
			want := []string{"0 k0 e0", "1-2 batch_decompress_large", "3 k3 e3", "next 4"}
			if diff := cmp.Diff(want, w.readAll(t, data)); diff != "" {
				t.Errorf("codec %s: %s", codec, diff)
			}
		})
		if used > 16<<20 {
			t.Errorf("codec %s: %d MiB for a bomb of %d KiB", codec, used>>20, len(packed)>>10)
		}
	}
}

// allocated is what f allocates altogether, which bounds what it holds at a time.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestRecordsTooLarge(t *testing.T) {
	after := testBatch{base: 3, records: events(3, 1)}.encode()
	for _, codec := range []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		w := testWalker(t)
		w.limits.record, w.limits.decompressed = 100<<10, 64<<20
		large := testBatch{attr: uint16(codec), records: []testRecord{
			{delta: 0, key: "k0", value: event(0)},
			{delta: 1, key: "key", value: bytes.Repeat([]byte("abcdefgh"), 1<<17)},
			{delta: 2, key: "k2", value: event(2)},
		}}.encode()
		want := []string{"0 k0 e0", "1 record_too_large", "2 k2 e2", "3 k3 e3", "next 4"}
		if diff := cmp.Diff(want, w.readAll(t, concat(large, after))); diff != "" {
			t.Errorf("codec %s: %s", codec, diff)
		}
	}
}

// The first part of a large record is there for its dead letter, and its key.
func TestRecordsTooLargeKeepsItsHead(t *testing.T) {
	w := testWalker(t)
	w.limits.record, w.limits.decompressed = 100<<10, 64<<20
	value := bytes.Repeat([]byte("abcdefgh"), 1<<17)
	data := testBatch{attr: uint16(compress.Zstd), records: []testRecord{{key: "key", value: value}}}.encode()
	buf := w.bufs.get(len(data))
	copy(buf.b, data)
	w.load(chunk{buf: buf, data: buf.b, next: 1})
	b := new(Batch)
	if _, err := w.fill(b); err != nil || len(b.Records) != 1 {
		t.Fatal(err, len(b.Records))
	}
	r := b.Records[0]
	if string(r.Key) != "key" || len(r.Value) < keepOfLarge-64 || !bytes.HasPrefix(value, r.Value) {
		t.Errorf("key %q, %d bytes of the value", r.Key, len(r.Value))
	}
	if noHeaders := 1; r.Missing != len(value)-len(r.Value)+noHeaders {
		t.Errorf("%d bytes are missing of a value of %d, of which %d are here", r.Missing, len(value), len(r.Value))
	}
}

func TestRecordsAllocateNothing(t *testing.T) {
	for codec := range compress.Codecs {
		data := testBatch{attr: uint16(codec), records: events(0, 500)}.encode()
		w := testWalker(t)
		b := new(Batch)
		n := testing.AllocsPerRun(50, func() {
			buf := w.bufs.get(len(data))
			copy(buf.b, data)
			w.next = 0
			w.load(chunk{buf: buf, data: buf.b, next: 500})
			if _, err := w.fill(b); err != nil || len(b.Records) != 500 {
				t.Fatal(err, len(b.Records))
			}
			b.release()
			w.drop()
		})
		// A batch may cost its reader a few, more when the race detector makes pools forget; a record costs none.
		if n >= 50 {
			t.Errorf("codec %d: %v allocations for 500 records", codec, n)
		}
	}
}

// Buffers that hostile records were read into are the pool's again once the batch is done.
func TestBuffersComeBack(t *testing.T) {
	w := testWalker(t)
	w.most = 1000
	data := testBatch{attr: 4, records: events(0, 2000)}.encode()
	buf := w.bufs.get(len(data))
	copy(buf.b, data)
	w.load(chunk{buf: buf, data: buf.b, next: 2000})
	first, second := new(Batch), new(Batch)
	if more, err := w.fill(first); !more || err != nil {
		t.Fatal(more, err)
	}
	if more, err := w.fill(second); more || err != nil {
		t.Fatal(more, err)
	}
	arena := first.bufs[0]
	w.drop()
	first.release()
	if strings.Count(string(second.Records[0].Value), "event_id") != 1 {
		t.Error("second batch lost its buffer with the first")
	}
	second.release()
	if n := buf.refs.Load(); n != 0 {
		t.Errorf("chunk has %d references left", n)
	}
	if n := arena.refs.Load(); n != 0 {
		t.Errorf("arena has %d references left", n)
	}
}

func FuzzRecords(f *testing.F) {
	for codec := range compress.Codecs {
		f.Add(testBatch{attr: uint16(codec), records: events(0, 5)}.encode(), int64(0), int64(0))
	}
	f.Add(concat(testBatch{attr: attrTransactional, producer: 7, records: events(0, 2)}.encode(), marker(2, 7, 0)), int64(7), int64(0))
	f.Add(corrupt(testBatch{records: events(0, 2)}.encode(), 70), int64(0), int64(1))
	f.Add(testBatch{last: 100}.encode(), int64(0), int64(50))
	f.Add(bomb(compress.Zstd, 1<<20), int64(0), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, producer, from int64) {
		if from < 0 || from > 1<<40 {
			return
		}
		for _, sealed := range [][]byte{data, seal(data)} {
			w := testWalker(t)
			w.limits = limits{64 << 10, 32 << 10, 256 << 10}
			w.next = from
			// Twice, as a damaged batch is fetched again.
			checkWalk(t, w, sealed, producer)
			checkWalk(t, w, sealed, producer)
		}
	})
}

// seal gives every batch in data the right checksum, so that the fuzzer gets behind it.
func seal(data []byte) []byte {
	data = bytes.Clone(data)
	for rest := data; ; {
		_, _, size := bounds(rest)
		if size < headSize || size > len(rest) {
			return data
		}
		sealCRC(rest[:size])
		rest = rest[size:]
	}
}

// checkWalk holds for any bytes: offsets only rise and lie between the position before and after; sizes are bounded; a
// record has a message or a code.
func checkWalk(t *testing.T, w *walker, data []byte, producer int64) {
	buf := w.bufs.get(len(data))
	copy(buf.b, data)
	before := w.next
	w.load(chunk{buf: buf, data: buf.b, from: before, next: nextOffset(data, before), aborted: []abortedTxn{{producer, 0}}})
	defer w.drop()
	position := before
	for more := true; more; {
		b := new(Batch)
		var err error
		more, err = w.fill(b)
		if len(b.Records) > MaxRecords || b.bytes > w.limits.batch+max(w.limits.record, len(data)) {
			t.Fatalf("batch of %d records, %d bytes", len(b.Records), b.bytes)
		}
		for _, r := range b.Records {
			if r.Offset < position || r.Last < r.Offset {
				t.Fatalf("record %d-%d at position %d", r.Offset, r.Last, position)
			}
			position = r.Last + 1
			if (r.Code == "") != (r.Message.EventID != "") {
				t.Fatalf("code %q with event %q", r.Code, r.Message.EventID)
			}
		}
		if b.Next < position {
			t.Fatalf("next %d behind position %d", b.Next, position)
		}
		position = b.Next
		b.release()
		if err != nil {
			return
		}
	}
}

// BenchmarkRecords takes events of a usual size from fetched bytes to messages, 500 to a batch.
func BenchmarkRecords(b *testing.B) {
	long := []byte(strings.Replace(sample, "call me, please", strings.Repeat("I can start on Monday morning. ", 4), 1))
	for codec := range compress.Codecs {
		b.Run(compress.Compression(codec).String(), func(b *testing.B) {
			var records []testRecord
			for i := range 500 {
				records = append(records, testRecord{delta: i, key: "c-42", value: long})
			}
			data := testBatch{attr: uint16(codec), records: records}.encode()
			w, batch := testWalker(b), new(Batch)
			b.ReportAllocs()
			for b.Loop() {
				buf := w.bufs.get(len(data))
				copy(buf.b, data)
				w.next = 0
				w.load(chunk{buf: buf, data: buf.b, next: 500})
				if _, err := w.fill(batch); err != nil || len(batch.Records) != 500 {
					b.Fatal(err, len(batch.Records))
				}
				batch.release()
				w.drop()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/event")
		})
	}
}
