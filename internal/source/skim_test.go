package source

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestSkim(t *testing.T) {
	addrs := brokers(t)
	for name, codec := range map[string]kgo.CompressionCodec{"plain": kgo.NoCompression(), "zstd": kgo.ZstdCompression()} {
		t.Run(name, func(t *testing.T) {
			const partitions, each = 3, 700
			r := newRig(t, addrs, partitions)
			producer := r.producer(kgo.ProducerBatchCompression(codec), kgo.MaxBufferedRecords(100))
			size := int64(0)
			for i := range each {
				for p := range partitions {
					key, value := fmt.Sprint("k", i), fmt.Sprintf("value %d of %d", i, p)
					size += int64(len(key) + len(value))
					producer.Produce(r.ctx(), &kgo.Record{Partition: int32(p), Key: []byte(key), Value: []byte(value)}, func(_ *kgo.Record, err error) {
						if err != nil {
							t.Error(err)
						}
					})
				}
			}
			if err := producer.Flush(r.ctx()); err != nil {
				t.Fatal(err)
			}
			c, err := New(Config{Brokers: addrs, Topic: r.topic, Group: r.group, MaxBatchBytes: 4096, FetchWait: 50 * time.Millisecond}, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Skim(r.ctx(), partitions*each)
			if err != nil || got.Records != partitions*each {
				t.Fatalf("%+v, %v; want %d records", got, err, partitions*each)
			}
			if name == "plain" && got.Bytes != size {
				t.Errorf("%d bytes, want %d", got.Bytes, size)
			}
			ctx, cancel := context.WithTimeout(r.ctx(), 300*time.Millisecond)
			defer cancel()
			if got, err := c.Skim(ctx, partitions*each+1); err == nil || got.Records != partitions*each {
				t.Errorf("one more than there are: %+v, %v", got, err)
			}
		})
	}
}

func TestSkimNothing(t *testing.T) {
	r := newRig(t, fake(t).ListenAddrs(), 0)
	c, err := New(Config{Brokers: r.addrs, Topic: r.topic, Group: r.group}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Skim(r.ctx(), 1); !errors.Is(err, kafka.UnknownTopicOrPartition) {
		t.Errorf("a topic that is not there: %v", err)
	}
}

func TestSkimDamaged(t *testing.T) {
	k := &skim{session: &session{}}
	data := make([]byte, headSize+10)
	data[atMagic] = 2
	be.PutUint32(data[atLength:], uint32(len(data)-lengthEnd))
	if err := k.chunk(data, 0); !errors.Is(err, errDamaged) {
		t.Errorf("a wrong checksum: %v", err)
	}
	for _, body := range [][]byte{{0x80}, {20, 0}, {4, 0, 0x80}} {
		if _, _, err := skimBody(body, 0, 0); err == nil {
			t.Errorf("body %v is no error", body)
		}
	}
}
