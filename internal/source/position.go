package source

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
)

// reposition finds out where the log begins and ends, and does as the policy says.
func (f *fetcher) reposition(ctx context.Context, d *feed, offset int64) {
	d.busy = true
	f.do(ctx, func() func() {
		ends, err := f.s.ends(ctx, []int{d.p.ID})
		return func() {
			d.busy = false
			if err != nil {
				f.failed(d, err)
				return
			}
			f.jump(d, offset, ends[d.p.ID])
		}
	})
}

func (f *fetcher) jump(d *feed, from int64, log logEnds) {
	if from >= log.first && from <= log.last {
		f.failed(d, kafka.OffsetOutOfRange) // it is back: a new leader had not caught up
		return
	}
	gap := Gap{Partition: d.p.ID, From: from, To: log.first}
	switch f.s.cfg.OutOfRange {
	case Fail:
		f.fail(fmt.Errorf("read partition %d at offset %d, where the log has %d to %d: %w",
			d.p.ID, from, log.first, log.last, ErrOutOfRange))
		return
	case Latest:
		gap.To = log.last
	}
	gap.Lost = max(gap.To-from, 0)
	if !d.p.push(chunk{from: from, next: gap.To, lost: gap.Lost}) {
		return
	}
	f.s.log.Warn("position is not in the log: reading goes on elsewhere",
		zap.Int("partition", d.p.ID), zap.Int64("from", from), zap.Int64("to", gap.To), zap.Int64("lost", gap.Lost))
	if f.s.cfg.Hooks.Gap != nil {
		f.s.cfg.Hooks.Gap(gap)
	}
}

type logEnds struct {
	first, last int64
}

// ends asks where the partitions' logs begin and end.
func (s *session) ends(ctx context.Context, partitions []int) (map[int]logEnds, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var ask []kafka.OffsetRequest
	for _, id := range partitions {
		ask = append(ask, kafka.FirstOffsetOf(id), kafka.LastOffsetOf(id))
	}
	res, err := s.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{s.cfg.Topic: ask}})
	if err != nil {
		return nil, fmt.Errorf("list offsets: %w", err)
	}
	ends := make(map[int]logEnds)
	for _, o := range res.Topics[s.cfg.Topic] {
		if o.Error != nil {
			return nil, fmt.Errorf("list offsets of partition %d: %w", o.Partition, o.Error)
		}
		ends[o.Partition] = logEnds{o.FirstOffset, o.LastOffset}
	}
	for _, id := range partitions {
		if e, ok := ends[id]; !ok || e.first < 0 || e.last < e.first {
			return nil, fmt.Errorf("list offsets of partition %d: %w", id, errNoAnswer)
		}
	}
	return ends, nil
}

// start is where a partition begins.
type start struct {
	offset    int64
	committed bool // by the group, and that is certain
}

// positions is where the assigned partitions begin. Where there is no commit, which is a negative offset, it asks for the commit
// once more: the request that kafka-go joins with cannot tell an error of the group from a partition without a commit, and would rewind it.
// Under Config.Fence it asks for all of them: kafka-go has asked before the partitions were fenced.
func (s *session) positions(ctx context.Context, assigned []kafka.PartitionAssignment) (map[int]start, error) {
	starts := make(map[int]start, len(assigned))
	var unknown []int
	for _, a := range assigned {
		starts[a.ID] = start{offset: a.Offset}
		if a.Offset < 0 || s.cfg.Fence != nil {
			unknown = append(unknown, a.ID)
		}
	}
	if len(unknown) == 0 {
		return starts, nil
	}
	commits, err := s.lastCommits(ctx, unknown)
	if err != nil {
		return nil, err
	}
	ends, err := s.ends(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for _, id := range unknown {
		starts[id] = start{offset: ends[id].first}
		if commits[id] >= 0 {
			starts[id] = start{commits[id], true}
		}
	}
	return starts, nil
}

func (s *session) lastCommits(ctx context.Context, partitions []int) (map[int]int64, error) {
	if s.cfg.Fence != nil {
		return s.stableCommits(ctx, partitions)
	}
	return s.commits(ctx, partitions)
}

// commits asks what the group has committed; -1 is nothing.
func (s *session) commits(ctx context.Context, partitions []int) (map[int]int64, error) {
	res, err := s.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: s.cfg.Group,
		Topics:  map[string][]int{s.cfg.Topic: partitions},
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return nil, fmt.Errorf("fetch committed offsets: %w", err)
	}
	commits := make(map[int]int64)
	for _, p := range res.Topics[s.cfg.Topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("fetch committed offset of partition %d: %w", p.Partition, p.Error)
		}
		commits[p.Partition] = p.CommittedOffset
	}
	for _, id := range partitions {
		if _, ok := commits[id]; !ok {
			return nil, fmt.Errorf("fetch committed offset of partition %d: %w", id, errNoAnswer)
		}
	}
	return commits, nil
}
