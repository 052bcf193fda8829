package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// isReread tells the fetches of Reread from others: they wait for nothing.
func isReread(req kmsg.Request) bool {
	f, ok := req.(*kmsg.FetchRequest)
	return ok && f.MaxWaitMillis == 0
}

// text is what a test compares of a record.
func text(rec *Record) string {
	m := &rec.Message
	return fmt.Sprintf("%s %s %s %s %s %v", m.EventID, m.ConversationID, m.Text, rec.Key, rec.Time, rec.Offset == m.Offset)
}

// back runs a consumer whose lane reads until the offset, calls work with what it has read, and goes on.
func (r *rig) back(cfg Config, until int64, l *ledger, work func(ctx context.Context, p *Partition, seen map[int64]string)) *running {
	r.t.Helper()
	done := make(chan struct{})
	var once sync.Once
	run := r.run(cfg, func(ctx context.Context, p *Partition) error {
		seen := map[int64]string{}
		for next := int64(0); ; {
			if next >= until {
				once.Do(func() {
					defer close(done)
					work(ctx, p, seen)
				})
			}
			b, err := p.Next(ctx)
			if err != nil {
				return err
			}
			for i := range b.Records {
				if rec := &b.Records[i]; rec.Code == "" {
					seen[rec.Offset] = text(rec)
				}
			}
			next = b.Next
			l.write(p, b)
			p.Done(b)
		}
	})
	select {
	case <-done:
	case <-time.After(patience):
		r.t.Fatal("the lane does not come so far")
	}
	return run
}

// again gives what Reread gives.
func again(ctx context.Context, p *Partition, offsets ...int64) (map[int64]string, error) {
	got := map[int64]string{}
	err := p.Reread(ctx, offsets, func(rec *Record) {
		if _, ok := got[rec.Offset]; ok {
			got[rec.Offset] = "twice"
			return
		}
		got[rec.Offset] = text(rec)
	})
	return got, err
}

// part is what seen has at the offsets.
func part(seen map[int64]string, offsets []int64) map[int64]string {
	out := map[int64]string{}
	for _, o := range offsets {
		if s, ok := seen[o]; ok {
			out[o] = s
		}
	}
	return out
}

// TestReread reads records again, some close together and some far apart, and the lane goes on where it was.
func TestReread(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	for name, codec := range map[string]kgo.CompressionCodec{
		"plain": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, addrs, 1)
			cl := r.producer(kgo.ProducerBatchCompression(codec))
			const n, batch = 400, 40
			for i := 0; i < n; i += batch {
				r.produce(cl, 1, i, batch)
			}
			l := newLedger(t)
			run := r.back(r.config(), n, l, func(ctx context.Context, p *Partition, seen map[int64]string) {
				rng := rand.New(rand.NewPCG(1, 2))
				for range 100 {
					var offsets []int64
					for range 1 + rng.IntN(4) {
						offsets = append(offsets, rng.Int64N(n))
					}
					got, err := again(ctx, p, offsets...)
					if err != nil || !maps.Equal(got, part(seen, offsets)) {
						t.Errorf("records %v: %v, %v", offsets, got, err)
					}
				}
				if got, err := again(ctx, p); err != nil || len(got) > 0 {
					t.Errorf("no records: %v, %v", got, err)
				}
			})
			r.produce(cl, 1, n, 50)
			eventually(t, "the records behind", func() bool { return l.count() == n+50 })
			eventually(t, "their commit", func() bool { return r.committed(0) == n+50 })
			if err := run.stop(); err != nil {
				t.Fatal(err)
			}
			l.exactly(1, n+50)
		})
	}
}

// TestRereadAsksSeldom counts requests.
func TestRereadAsksSeldom(t *testing.T) {
	t.Parallel()
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), 1)
	cl := r.producer()
	for i := 0; i < 2000; i += 100 {
		r.produce(cl, 1, i, 100) // some 9 KB
	}
	asked := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, When: isReread, Observe: true, Count: -1})
	r.back(r.config(), 2000, newLedger(t), func(ctx context.Context, p *Partition, seen map[int64]string) {
		for _, test := range []struct {
			offsets  []int64
			requests int
		}{
			{[]int64{7}, 1},
			{[]int64{199, 5, 101}, 1},
			{[]int64{5, 5, 5}, 1},
			{[]int64{3, 1000, 1999}, 3},
		} {
			before := asked.Hits()
			got, err := again(ctx, p, test.offsets...)
			if n := asked.Hits() - before; err != nil || n != test.requests || !maps.Equal(got, part(seen, test.offsets)) {
				t.Errorf("records %v took %d requests, want %d: %v, %v", test.offsets, n, test.requests, got, err)
			}
		}
	})
}

// TestRereadGone asks for what is no record any more, and for what never was one.
func TestRereadGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, brokers(t), 1)
	cl := r.producer(kgo.TransactionalID(r.topic), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	transaction := func(how kgo.TransactionEndTry, values ...[]byte) {
		t.Helper()
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if err := cl.ProduceSync(r.ctx(), &kgo.Record{Value: v}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := cl.EndTransaction(r.ctx(), how); err != nil {
			t.Fatal(err)
		}
	}
	transaction(kgo.TryCommit, event(0), event(1), event(2))    // 0-2, the marker is 3
	transaction(kgo.TryAbort, event(4), event(5))               // 4-5, 6
	transaction(kgo.TryCommit, event(7), []byte("{"), event(9)) // 7-9, 10
	l := newLedger(t)
	run := r.back(r.config(), 10, l, func(ctx context.Context, p *Partition, seen map[int64]string) {
		check := func(offsets, want []int64) {
			t.Helper()
			got, err := again(ctx, p, offsets...)
			if keys := slices.Sorted(maps.Keys(got)); err != nil || !slices.Equal(keys, want) || !maps.Equal(got, part(seen, want)) {
				t.Errorf("of %v there are %v, %v; want %v", offsets, got, err, want)
			}
		}
		check([]int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, []int64{0, 1, 2, 7, 9})
		check([]int64{5}, nil)
		check([]int64{8, 3}, nil)
		check([]int64{9, 1000}, []int64{9})
		check([]int64{1000, 1001}, nil)
		r.truncate(cl, 2)
		check([]int64{1, 2, 9}, []int64{2, 9})
		check([]int64{0}, nil)
		r.truncate(cl, 8)
		check([]int64{7, 1}, nil)
		check([]int64{2, 9}, []int64{9})
	})
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	if got := r.committed(0); got < 10 {
		t.Errorf("position %d", got)
	}
}

// TestRereadFaults has the broker answer wrongly for a while: a record is never taken for gone because of that.
func TestRereadFaults(t *testing.T) {
	t.Parallel()
	fetch := []kmsg.Key{kmsg.Fetch}
	for name, fault := range map[string]kfake.Fault{
		"not leader":            {Keys: fetch, When: isReread, Err: kerr.NotLeaderForPartition, Count: 3},
		"unknown topic":         {Keys: fetch, When: isReread, Err: kerr.UnknownTopicOrPartition, Count: 3},
		"storage":               {Keys: fetch, When: isReread, Err: kerr.KafkaStorageError, Count: 3},
		"no right to read":      {Keys: fetch, When: isReread, Err: kerr.TopicAuthorizationFailed, Count: 3},
		"the request":           {Keys: fetch, When: isReread, Err: kerr.UnknownServerError, TopLevel: true, Count: 3},
		"out of range, it says": {Keys: fetch, When: isReread, Err: kerr.OffsetOutOfRange, Count: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := fake(t)
			r := newRig(t, c.ListenAddrs(), 1)
			r.produce(r.producer(), 1, 0, 20)
			run := r.back(r.config(), 20, newLedger(t), func(ctx context.Context, p *Partition, seen map[int64]string) {
				faults := c.Fault(fault)
				metadata := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.LeaderNotAvailable, Count: 1})
				ends := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.NotLeaderForPartition, Count: 1})
				defer metadata.Remove()
				defer ends.Remove()
				got, err := again(ctx, p, 3, 17)
				if err != nil || !maps.Equal(got, part(seen, []int64{3, 17})) {
					t.Errorf("%v, %v", got, err)
				}
				if faults.Hits() != fault.Count {
					t.Errorf("%d faults, want %d", faults.Hits(), fault.Count)
				}
			})
			for _, line := range []string{"earlier records cannot be read again", "earlier records can be read again"} {
				if n := run.logs.FilterMessage(line).Len(); n == 0 || n > 3 {
					t.Errorf("%d times: %s", n, line)
				}
			}
		})
	}
}

// TestRereadBadBatches meets batches as they should not be. What the lane has had as a dead letter has no message now either.
func TestRereadBadBatches(t *testing.T) {
	t.Parallel()
	good := func(base int64) []byte { return testBatch{base: base, records: events(int(base), 3)}.encode() }
	huge := testBatch{base: 3, last: 2, records: []testRecord{{value: make([]byte, 3<<20)}}}.encode()
	rebased := slices.Clone(zstdBomb())
	be.PutUint64(rebased, 3) // the checksum does not cover it
	times := func(n int, first, then func(int64) []byte) func(int64) []byte {
		return func(offset int64) []byte {
			if n--; n >= 0 {
				return first(offset)
			}
			return then(offset)
		}
	}
	whole := fromLog(good(0), good(3), good(6))
	for _, test := range []struct {
		name    string
		records func(int64) []byte
		want    []int64
	}{
		{"all well", whole, upTo(0, 9)},
		{"damaged in the log", fromLog(good(0), corrupt(good(3), 70), good(6)), []int64{0, 1, 2, 6, 7, 8}},
		{"damaged on the way", times(1, fromLog(corrupt(good(0), 70)), whole), upTo(0, 9)},
		{"in pieces", times(3, func(int64) []byte { return good(0)[:70] }, whole), upTo(0, 9)},
		{"nothing, says a broker that holds us back", times(2, func(int64) []byte { return nil }, whole), upTo(0, 9)},
		{"a bomb of 200 MB", fromLog(good(0), rebased, good(6)), []int64{0, 1, 2, 3, 6, 7, 8}},
		{"too large to hold", fromLog(good(0), huge, good(6)), []int64{0, 1, 2, 6, 7, 8}},
		{"compacted", fromLog(testBatch{base: 0, last: 2, records: events(0, 2)[1:]}.encode(), testBatch{base: 3, last: 2}.encode(), good(6)), []int64{1, 6, 7, 8}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := fake(t)
			r := newRig(t, c.ListenAddrs(), 1)
			r.produce(r.producer(), 1, 0, 9)
			cfg := r.config()
			cfg.MaxBatchBytes, cfg.MaxRecordBytes, cfg.MaxDecompressedBytes = 64<<10, 64<<10, 8<<20
			r.back(cfg, 9, newLedger(t), func(ctx context.Context, p *Partition, seen map[int64]string) {
				answer(c, 9, test.records)
				got, err := again(ctx, p, upTo(0, 9)...)
				if keys := slices.Sorted(maps.Keys(got)); err != nil || !slices.Equal(keys, test.want) {
					t.Errorf("%v, %v; want %v", got, err, test.want)
				}
			})
		})
	}
}

// TestRereadEnds has a broker that never answers well, and ends what waits for it.
func TestRereadEnds(t *testing.T) {
	t.Parallel()
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), 1)
	r.produce(r.producer(), 1, 0, 5)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, When: isReread, Err: kerr.KafkaStorageError, Count: -1})
	begun, result := make(chan struct{}), make(chan error, 1)
	run := r.run(r.config(), func(ctx context.Context, p *Partition) error {
		b, err := p.Next(ctx)
		if err != nil {
			return err
		}
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if _, err := again(short, p, 1); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrEnd) {
			t.Errorf("an end of the context: %v", err)
		}
		close(begun)
		_, err = again(ctx, p, 1)
		result <- err
		_ = b
		return err
	})
	<-begun
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, ErrEnd) {
		t.Errorf("an end of the generation: %v", err)
	}
	if got := r.committed(0); got != 0 {
		t.Errorf("position %d is behind a batch that is not done", got)
	}
}

// TestRereadFollowsTheLeader moves the partition to and fro.
func TestRereadFollowsTheLeader(t *testing.T) {
	t.Parallel()
	c := fake(t, kfake.NumBrokers(2))
	r := newRig(t, c.ListenAddrs(), 1)
	r.produce(r.producer(), 1, 0, 50)
	r.back(r.config(), 50, newLedger(t), func(ctx context.Context, p *Partition, seen map[int64]string) {
		for move := range int32(4) {
			if err := c.MoveTopicPartition(r.topic, 0, move%2); err != nil {
				t.Fatal(err)
			}
			if got, err := again(ctx, p, 10, 20); err != nil || !maps.Equal(got, part(seen, []int64{10, 20})) {
				t.Errorf("%v, %v", got, err)
			}
		}
	})
}

// TestRereadAnotherTopic asks for records of a topic that was deleted and made again: what is at their offsets now are not they.
func TestRereadAnotherTopic(t *testing.T) {
	t.Parallel()
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), 1)
	r.produce(r.producer(), 1, 0, 20)
	cfg := r.config()
	cfg.WatchInterval = time.Minute // the fetcher does not notice
	r.back(cfg, 20, newLedger(t), func(ctx context.Context, p *Partition, _ map[int64]string) {
		if _, err := r.client.DeleteTopics(r.ctx(), &kafka.DeleteTopicsRequest{Topics: []string{r.topic}}); err != nil {
			t.Fatal(err)
		}
		r.create(1)
		if got, err := again(ctx, p, 10); !errors.Is(err, errReplaced) || len(got) > 0 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// TestRereadMemory reads the last record of a batch that unpacks to sixty times what a Batch holds.
func TestRereadMemory(t *testing.T) {
	var records []testRecord
	for i := range 2000 {
		records = append(records, testRecord{delta: i, value: fmt.Appendf(nil, `{"event_id":"e","conversation_id":"c","text":"%030000d"}`, i)})
	}
	data := testBatch{attr: uint16(compress.Zstd), records: records}.encode()
	w := testWalker(t)
	w.limits.decompressed = 64 << 20
	var b Batch
	w.load(chunk{buf: w.bufs.get(1), data: data})
	rest, err := w.find(&b, []int64{1999})
	if err != nil || len(rest) > 0 || len(b.Records) != 1 || b.Records[0].Offset != 1999 {
		t.Fatalf("%d records, rest %v, %v", len(b.Records), rest, err)
	}
	if len(b.bufs) != 1 {
		t.Errorf("%d buffers are held for one record", len(b.bufs))
	}
}
