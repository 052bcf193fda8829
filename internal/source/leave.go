package source

import (
	"context"
	"errors"
	"sync"

	"github.com/segmentio/kafka-go"
)

// next waits for the next generation. After any error but RebalanceInProgress kafka-go forgets which member it is and joins as another. If it could
// not leave before, for there was no coordinator to be told, the group would wait for the former member as long as a rebalance may take.
// Nothing is done in that member's name any more: its generation has ended, and its lanes have returned.
func (s *session) next(ctx context.Context, group *kafka.ConsumerGroup, former string) (*kafka.Generation, error) {
	if former == "" {
		return group.Next(ctx)
	}
	s.witness.forget()
	waiting, stop := context.WithCancel(ctx)
	var leaving sync.WaitGroup
	defer leaving.Wait()
	defer stop()
	leaving.Go(func() { s.leave(waiting, former) })
	return group.Next(ctx)
}

// leave has the group not wait for the member. It lets kafka-go join first: a group that all have left waits a while for others before it begins
// (group.initial.rebalance.delay.ms).
func (s *session) leave(ctx context.Context, member string) {
	select {
	case <-s.witness.joins:
	case <-ctx.Done():
		return
	}
	for fails := 1; ; fails++ {
		pause(ctx, backoff(fails))
		if ctx.Err() != nil || s.hasLeft(ctx, member) {
			return
		}
	}
}

// hasLeft tells whether the group knows the member no more.
func (s *session) hasLeft(ctx context.Context, member string) bool {
	res, err := s.client.LeaveGroup(ctx, &kafka.LeaveGroupRequest{
		GroupID: s.cfg.Group,
		Members: []kafka.LeaveGroupRequestMember{{ID: member}},
	})
	if err == nil {
		err = errors.Join(res.Error, res.Members[0].Error)
	}
	return err == nil || errors.Is(err, kafka.UnknownMemberId)
}
