package integration

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"onside"
	"onside/internal/classify"
)

// TestBomb sends batches of some hundred kilobytes that unpack to 200 MB and more, one to each of three partitions. A worker stays within
// 256 MiB, makes dead letters of what it does not unpack, and reads what comes before and behind.
func TestBomb(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics(), newLoad(t, 100)
	a := w.start("a").ready()
	w.send(l.part(0, 2))
	w.settled()
	t.Logf("%d MiB before the bombs", a.peakMemory()>>20)
	want := map[string]bool{}
	for id, b := range []struct {
		codec compress.Compression
		size  int64
	}{{compress.Gzip, 200 << 20}, {compress.Lz4, 200 << 20}, {compress.Zstd, 960 << 20}} {
		if raceDetector() {
			b.size /= 2 // packing takes its time
		}
		packed := bomb(t, b.codec, b.size)
		t.Logf("%v: %d KiB for %d MiB", b.codec, len(packed)>>10, b.size>>20)
		offset := w.produceBatch(int32(id), packed)
		want[position(w.topic("events"), id, offset+1)] = true
	}
	w.send(l.part(1, 2))
	w.settled()
	peak := a.peakMemory()
	t.Logf("%d MiB at most", peak>>20)
	limit := 256 << 20
	if raceDetector() {
		limit *= 4 // it keeps books of every word
	}
	if peak > limit {
		t.Errorf("%d MiB at most, which is over %d", peak>>20, limit>>20)
	}
	a.terminate()
	w.verify(l)
	for _, r := range w.kafka.readAll(w.topic("dead_letters")) {
		code, x := readLetter(r)
		if code != "batch_decompress_large" || !want[x.Position] {
			t.Errorf("a dead letter for %s: %s", x.Position, code)
		}
		delete(want, x.Position)
	}
	if len(want) > 0 {
		t.Errorf("no dead letters for %v", want)
	}
}

// bomb is a batch of an event that nothing comes of and a record of so many zeros.
func bomb(t *testing.T, codec compress.Compression, size int64) []byte {
	t.Helper()
	event := encoded(t, onside.Event{Message: classify.Message{EventID: "harmless", ConversationID: "c", Text: "see the attached file"}})
	var z bytes.Buffer
	pack := codec.Codec().NewWriter(&z)
	for delta, value := range []struct {
		io.Reader
		size int64
	}{{bytes.NewReader(event), int64(len(event))}, {zeros{}, size}} {
		head := []byte{0, 0} // no attributes, time delta 0
		head = binary.AppendVarint(head, int64(delta))
		head = binary.AppendVarint(head, -1) // no key
		head = binary.AppendVarint(head, value.size)
		length := binary.AppendVarint(nil, int64(len(head))+value.size+1)
		if _, err := pack.Write(append(length, head...)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(struct{ io.Writer }{pack}, value, value.size); err != nil {
			t.Fatal(err)
		}
		if _, err := pack.Write([]byte{0}); err != nil { // no headers
			t.Fatal(err)
		}
	}
	if err := pack.Close(); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, Attributes: int16(codec), LastOffsetDelta: 1, FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: 2, Records: z.Bytes(),
	}
	const lengthAt, beforeLength, crcAt, afterCRC = 8, 12, 17, 21
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[lengthAt:], uint32(len(raw)-beforeLength))
	binary.BigEndian.PutUint32(raw[crcAt:], crc32.Checksum(raw[afterCRC:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// zeros are without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// produceBatch appends a batch as it is, and returns the offset of its first record.
func (w *world) produceBatch(partition int32, batch []byte) int64 {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	leaders, err := w.kafka.leaders(w.topic("events"))
	if err != nil {
		w.t.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 30_000
	topic, part := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	topics, err := w.kafka.describe(w.topic("events"))
	if err != nil {
		w.t.Fatal(err)
	}
	topic.Topic, topic.TopicID = w.topic("events"), topics[0].TopicID
	part.Partition, part.Records = partition, batch
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	answer, err := w.kafka.client.Broker(int(leaders[partition])).Request(ctx, req)
	if err != nil {
		w.t.Fatal(err)
	}
	got := answer.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
		w.t.Fatalf("produce a batch: %v", err)
	}
	return got.BaseOffset
}

// peakMemory is the most that the process has ever held, in bytes.
func (w *worker) peakMemory() int {
	w.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				w.t.Fatal(err)
			}
			return kib << 10
		}
	}
	w.t.Fatal("the system does not tell how much memory a process had")
	return 0
}
