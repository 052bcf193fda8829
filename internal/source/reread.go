package source

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
)

// rereadBytes is what a request for a record asks for: its record batch, which comes whole however large it is, and a few neighbours, among
// which the next record may be.
const rereadBytes = 64 << 10

// rereader reads records of a partition again that lie before its position. It belongs to the lane's goroutine, and neither the fetcher nor
// the partition's walker knows of it.
type rereader struct {
	s       *session
	p       *Partition
	leader  int32 // -1: unknown
	first   int64 // the log has nothing below
	walker  walker
	batch   Batch
	trouble trouble
}

func newRereader(s *session, p *Partition, leader int32) *rereader {
	return &rereader{s: s, p: p, leader: leader, walker: s.walker(), trouble: make(trouble)}
}

// Reread reads records of the partition again, in any order of their offsets, and gives each to see, in the order of the log; it is valid during that call.
// Next goes on as if nothing had been. Offsets that see is not called for have no message: the log has lost the record, or taken it back, or it cannot
// be decoded.
//
// Whatever else is amiss is waited for. The error is that of ctx, or ErrEnd when the generation has ended meanwhile, or says that the topic is another one.
func (p *Partition) Reread(ctx context.Context, offsets []int64, see func(*Record)) error {
	return p.back.read(ctx, slices.Sorted(slices.Values(offsets)), see)
}

func (r *rereader) read(ctx context.Context, want []int64, see func(*Record)) error {
	want = slices.DeleteFunc(want, func(o int64) bool { return o < r.first })
	for fails := 0; len(want) > 0; {
		rest, err := r.some(ctx, want, see)
		want = rest
		if err == nil {
			fails = 0
			r.well()
			continue
		}
		if errors.Is(err, errReplaced) {
			return fmt.Errorf("read records again: %w", err)
		}
		fails++
		if ctx.Err() == nil {
			r.unwell(err)
			pauseEither(ctx, r.p.end, backoff(fails))
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("read records again: %w", ctx.Err())
		case r.p.end.Err() != nil:
			return fmt.Errorf("read records again: %w", ErrEnd)
		}
	}
	return nil
}

// some reads the first of the records, and those of the others that come with it. Without an error the rest is shorter.
func (r *rereader) some(ctx context.Context, want []int64, see func(*Record)) (rest []int64, err error) {
	if r.leader < 0 {
		if err := r.look(ctx); err != nil {
			return want, err
		}
	}
	part, err := r.fetch(ctx, want[0])
	switch {
	case err != nil:
		r.leader = -1
		return want, err
	case part.code == int16(kafka.OffsetOutOfRange), part.code == 0 && part.chunk.buf == nil:
		return r.present(ctx, want)
	case part.code != 0:
		r.leader = -1
		return want, fmt.Errorf("fetch records: %w", kafka.Error(part.code))
	}
	return r.walk(part.chunk, want, see)
}

// look finds out who leads the partition, and whether the topic is still the one that the offsets are of.
func (r *rereader) look(ctx context.Context) error {
	l, err := r.s.layout(ctx)
	if err != nil {
		return err
	}
	if l.id != r.p.Incarnation && l.id != "" && r.p.Incarnation != "" {
		return errReplaced
	}
	if r.leader = l.leader(r.p.ID); r.leader < 0 {
		return fmt.Errorf("read partition %d: %w", r.p.ID, kafka.LeaderNotAvailable)
	}
	return nil
}

func (r *rereader) fetch(ctx context.Context, offset int64) (*partResponse, error) {
	cfg := &r.s.cfg
	size := min(rereadBytes, cfg.MaxBatchBytes)
	res, err := r.s.fetch(ctx, &fetchRequest{
		broker: r.leader, topic: cfg.Topic, bufs: &r.s.bufs, parts: []fetchPart{{int32(r.p.ID), offset}},
		maxBytes: size, partBytes: size, holdBytes: cfg.holdBytes(),
	})
	bytes := 0
	if err == nil {
		for i := range res.parts {
			bytes += len(res.parts[i].chunk.data)
		}
	}
	if cfg.Hooks.Fetch != nil && ctx.Err() == nil {
		cfg.Hooks.Fetch(bytes, err)
	}
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(res.parts, func(p partResponse) bool { return p.id == int32(r.p.ID) })
	if i < 0 {
		return nil, errNoAnswer
	}
	return &res.parts[i], nil
}

// present leaves the offsets out that the log does not have. That it has them all is an error: the answer that it had not was that of a
// leader that had not caught up, or of a broker that holds us back.
func (r *rereader) present(ctx context.Context, want []int64) (rest []int64, err error) {
	if err := r.look(ctx); err != nil {
		return want, err
	}
	ends, err := r.s.ends(ctx, []int{r.p.ID})
	if err != nil {
		return want, err
	}
	log := ends[r.p.ID]
	r.first = log.first
	n := len(want)
	want = slices.DeleteFunc(want, func(o int64) bool { return o < log.first || o >= log.last })
	if len(want) == n {
		return want, fmt.Errorf("read partition %d: %w", r.p.ID, kafka.OffsetOutOfRange)
	}
	return want, nil
}

// walk reads the records that are in the chunk.
func (r *rereader) walk(c chunk, want []int64, see func(*Record)) (rest []int64, err error) {
	w, b := &r.walker, &r.batch
	w.next = want[0]
	w.load(c)
	rest, err = w.find(b, want)
	w.drop()
	for i := range b.Records {
		if rec := &b.Records[i]; rec.Code == "" && slices.Contains(want, rec.Offset) {
			see(rec)
		}
	}
	b.release()
	if err == nil && len(rest) == len(want) {
		err = errPiece
	}
	return rest, err
}

func (r *rereader) unwell(err error) {
	if reason := reasonOf(err); r.s.begins(r.trouble, reason) {
		r.s.log.Warn("earlier records cannot be read again", zap.Int("partition", r.p.ID), zap.String("reason", reason), zap.Error(err))
	}
}

func (r *rereader) well() {
	if r.s.clears(r.trouble) {
		r.s.log.Info("earlier records can be read again", zap.Int("partition", r.p.ID))
	}
}
