package sink

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// anyBytes draws null, empty and other bytes.
func anyBytes(longest int) *rapid.Generator[[]byte] {
	return rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, longest))
}

func anyMessage() *rapid.Generator[message] {
	return rapid.Custom(func(t *rapid.T) message {
		m := message{
			millis: rapid.Int64Range(1, 4_000_000_000_000).Draw(t, "millis"),
			key:    anyBytes(40).Draw(t, "key"),
			value:  anyBytes(4000).Draw(t, "value"),
		}
		for range rapid.IntRange(0, 4).Draw(t, "headers") {
			m.headers = append(m.headers, Header{rapid.StringN(0, 20, 40).Draw(t, "name"), anyBytes(200).Draw(t, "header")})
		}
		return m
	})
}

func encodeAll(messages []message, s session) []byte {
	records := make([]record, len(messages))
	for i, m := range messages {
		records[i] = encode(m)
	}
	return encodeBatch(records, s)
}

// What kafka-go's own decoder reads is what was written.
func TestBatchReadsBackWithKafkaGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(anyMessage(), 1, 20).Draw(t, "messages")
		var set protocol.RecordSet
		if _, err := set.ReadFrom(bytes.NewReader(encodeAll(want, session{id: 7, epoch: 1, sequence: 42}))); err != nil {
			t.Fatal(err)
		}
		batch := set.Records.(*protocol.RecordStream).Records[0].(*protocol.RecordBatch)
		if batch.ProducerID != 7 || batch.ProducerEpoch != 1 || batch.BaseSequence != 42 {
			t.Fatalf("session %d/%d/%d", batch.ProducerID, batch.ProducerEpoch, batch.BaseSequence)
		}
		if diff := cmp.Diff(want, readAll(t, batch), cmp.AllowUnexported(message{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

func readAll(t *rapid.T, r protocol.RecordReader) []message {
	var all []message
	for {
		rec, err := r.ReadRecord()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		m := message{millis: rec.Time.UnixMilli(), key: readBytes(t, rec.Key), value: readBytes(t, rec.Value)}
		for _, h := range rec.Headers {
			m.headers = append(m.headers, Header(h))
		}
		all = append(all, m)
	}
}

func readBytes(t *rapid.T, b protocol.Bytes) []byte {
	if b == nil {
		return nil
	}
	p, err := protocol.ReadAll(b)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{}, p...)
}

// The header is the protocol's, read by franz-go's generated decoder, and the checksum covers the rest.
func TestBatchHeader(t *testing.T) {
	raw := encodeAll([]message{{millis: 2000, value: []byte("a")}, {millis: 1000, value: []byte("b")}}, session{id: 1 << 40, epoch: 300, sequence: math.MaxInt32})
	if got := int(binary.BigEndian.Uint32(raw)); got != len(raw)-4 {
		t.Fatalf("request says %d bytes, %d follow", got, len(raw)-4)
	}
	var b kmsg.RecordBatch
	if err := b.ReadFrom(raw[4:]); err != nil {
		t.Fatal(err)
	}
	if got, want := uint32(b.CRC), crc32.Checksum(raw[4+atAttributes:], crc32.MakeTable(crc32.Castagnoli)); got != want {
		t.Errorf("checksum %x, want %x", got, want)
	}
	b.CRC, b.Records = 0, nil
	want := kmsg.RecordBatch{
		Length: int32(len(raw) - 4 - 12), PartitionLeaderEpoch: -1, Magic: 2, LastOffsetDelta: 1,
		FirstTimestamp: 2000, MaxTimestamp: 2000, ProducerID: 1 << 40, ProducerEpoch: 300, FirstSequence: math.MaxInt32, NumRecords: 2,
	}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Error(diff)
	}
}

// No message is larger than its declared size, nor a batch than what its parts are counted as.
func TestSizesAreBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages := rapid.SliceOfN(anyMessage(), 1, 5).Draw(t, "messages")
		total := 4 + headerSize
		for _, m := range messages {
			if got := len(encode(m).body); got > bodySize(m) {
				t.Fatalf("body of %d bytes, declared %d", got, bodySize(m))
			}
			total += len(encode(m).body) + maxRecordPrefix
		}
		if got := len(encodeAll(messages, session{})); got > total {
			t.Fatalf("batch of %d bytes, counted %d", got, total)
		}
	})
}

func TestSequenceWrapsToZero(t *testing.T) {
	for _, tc := range []struct {
		from int32
		n    int
		want int32
	}{
		{0, 1, 1},
		{41, 3, 44},
		{math.MaxInt32, 1, 0},
		{math.MaxInt32 - 1, 5, 3},
	} {
		s := session{sequence: tc.from}
		if s.advance(tc.n); s.sequence != tc.want {
			t.Errorf("%d past %d is %d, want %d", tc.n, tc.from, s.sequence, tc.want)
		}
	}
}

// The vectors are those of Apache Kafka's own test of its Java client.
func TestMurmur2IsJavas(t *testing.T) {
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("%q: %d, want %d", key, got, want)
		}
	}
}

func TestPartitionOfAgreesWithKafkaGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "key")
		all := make([]int, rapid.IntRange(1, 50).Draw(t, "partitions"))
		for i := range all {
			all[i] = i
		}
		if got, want := partitionOf(key, len(all)), (kafka.Murmur2Balancer{}).Balance(kafka.Message{Key: key}, all...); got != want {
			t.Fatalf("partition %d, want %d", got, want)
		}
	})
}

func BenchmarkEncodeBatch(b *testing.B) {
	records := make([]record, 100)
	for i := range records {
		records[i] = encode(message{millis: time.Now().UnixMilli(), key: []byte("c-42"), value: make([]byte, 800)})
	}
	b.SetBytes(int64(batchSize(records)))
	b.ReportAllocs()
	for b.Loop() {
		encodeBatch(records, session{})
	}
}
