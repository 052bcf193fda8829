package source

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync"
	"sync/atomic"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
)

// skimsPerBroker is how many fetches are in flight to one broker: one on the way while another is read.
const skimsPerBroker = 2

// Skimmed is what Skim has counted.
type Skimmed struct {
	Records int64
	Bytes   int64 // of keys and values; of compressed batches, as they are in the log
}

// Skim reads the topic from its beginning until it has seen that many records, and counts them: no group, no decoding, no
// Batch. It fetches and checks the batches as Run does, so it is what any consumer pays at least; worker bench measures against it.
func (c *Consumer) Skim(ctx context.Context, records int64) (Skimmed, error) {
	s := c.newSession()
	defer s.transport.CloseIdleConnections()
	at, err := s.layout(ctx)
	if err != nil {
		return Skimmed{}, err
	}
	shares := make(map[int32][][]fetchPart) // by broker
	for id := range at.count {
		leader := at.leader(id)
		if leader < 0 {
			return Skimmed{}, fmt.Errorf("skim partition %d: %w", id, kafka.LeaderNotAvailable)
		}
		if shares[leader] == nil {
			shares[leader] = make([][]fetchPart, skimsPerBroker)
		}
		i := id % skimsPerBroker
		shares[leader][i] = append(shares[leader][i], fetchPart{id: int32(id)})
	}
	k := skim{session: s, want: records}
	ctx, k.stop = context.WithCancelCause(ctx)
	defer k.stop(nil)
	var wg sync.WaitGroup
	for broker, list := range shares {
		for _, parts := range list {
			if len(parts) > 0 {
				wg.Go(func() { k.run(ctx, broker, parts) })
			}
		}
	}
	wg.Wait()
	got := Skimmed{Records: k.records.Load(), Bytes: k.bytes.Load()}
	if got.Records < records {
		return got, context.Cause(ctx)
	}
	return got, nil
}

type skim struct {
	*session
	want           int64
	records, bytes atomic.Int64
	stop           context.CancelCauseFunc
}

// run reads some partitions of one broker until all has been seen.
func (k *skim) run(ctx context.Context, broker int32, parts []fetchPart) {
	for ctx.Err() == nil {
		res, err := k.fetch(ctx, &fetchRequest{
			broker: broker, topic: k.cfg.Topic, parts: parts, bufs: &k.bufs, wait: k.cfg.FetchWait,
			maxBytes: len(parts) * k.cfg.MaxBatchBytes, partBytes: k.cfg.MaxBatchBytes, holdBytes: 4 * k.cfg.MaxBatchBytes,
		})
		if err == nil {
			err = k.count(parts, res)
		}
		if err != nil || k.records.Load() >= k.want {
			k.stop(err)
			return
		}
	}
}

// count counts an answer and moves the positions behind it.
func (k *skim) count(parts []fetchPart, res *fetchResponse) error {
	for i := range res.parts {
		got := &res.parts[i]
		if got.code != 0 {
			return fmt.Errorf("skim partition %d: %w", got.id, kafka.Error(got.code))
		}
		if got.chunk.buf == nil {
			continue
		}
		for j := range parts {
			if parts[j].id == got.id {
				if err := k.chunk(got.chunk.data, parts[j].offset); err != nil {
					return fmt.Errorf("skim partition %d: %w", got.id, err)
				}
				parts[j].offset = nextOffset(got.chunk.data, parts[j].offset)
			}
		}
		got.chunk.buf.release()
	}
	return nil
}

// chunk counts the records of whole batches, without those below the offset from.
func (k *skim) chunk(data []byte, from int64) error {
	var n, size int64
	for {
		base, last, length := bounds(data)
		if length <= 0 || length > len(data) {
			break
		}
		batch := data[:length]
		data = data[length:]
		if batch[atMagic] != 2 || crc32.Checksum(batch[atAttributes:], castagnoli) != be.Uint32(batch[atCRC:]) {
			return errDamaged
		}
		attr := be.Uint16(batch[atAttributes:])
		switch {
		case last < from || attr&attrControl != 0:
		case compress.Compression(attr&attrCodec) != compress.None:
			n += int64(int32(be.Uint32(batch[atCount:])))
			size += int64(length - headSize)
		default:
			a, b, err := skimBody(batch[headSize:], base, from)
			if err != nil {
				return err
			}
			n, size = n+a, size+b
		}
	}
	k.records.Add(n)
	k.bytes.Add(size)
	return nil
}

func skimBody(body []byte, base, from int64) (n, size int64, err error) {
	for len(body) > 0 {
		length, k := binary.Varint(body)
		if k <= 0 || length < 0 || length > int64(len(body)-k) {
			return n, size, errVarint
		}
		f := fields{b: body[k : k+int(length)]}
		body = body[k+int(length):]
		f.bytes(1)
		f.varint()
		offset := base + f.varint()
		key := f.bytes(f.varint())
		value := f.bytes(f.varint())
		if f.short {
			return n, size, errRecord
		}
		if offset >= from {
			n++
			size += int64(len(key) + len(value))
		}
	}
	return n, size, nil
}
