package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// session is one Run: its connections, and what was last said about their health.
type session struct {
	*Consumer
	addr      net.Addr
	transport *kafka.Transport
	client    *kafka.Client
	witness   *witness

	mu         sync.Mutex // guards what follows
	now        GroupState
	joining    trouble
	reading    trouble
	committing trouble
}

const (
	dialTimeout = 3 * time.Second

	// metadataTTL bounds how long the Transport's idea of the brokers' addresses may be out of date; it is the timeout of its
	// question too.
	metadataTTL = 2 * time.Second
)

func (c *Consumer) newSession() *session {
	addr := kafka.TCP(c.cfg.Brokers...)
	t := &kafka.Transport{
		ClientID:       clientID,
		DialTimeout:    dialTimeout,
		MetadataTTL:    metadataTTL,
		MetadataTopics: []string{c.cfg.Topic}, // or it would ask for all
		TLS:            c.cfg.TLS,
		SASL:           c.cfg.SASL,
	}
	return &session{
		Consumer:  c,
		addr:      addr,
		transport: t,
		client:    &kafka.Client{Addr: addr, Timeout: askTimeout, Transport: t},
		witness:   newWitness(),

		joining: make(trouble), reading: make(trouble), committing: make(trouble),
	}
}

// Run reads until ctx ends and gives every assigned partition to lane. It then asks the lanes to end, commits what they have
// done, leaves the group and returns nil. Another return is an error that waiting does not mend.
//
// Run does not return before its last lane. A lane that keeps to its context returns within DrainTimeout; leaving
// a group whose coordinator does not answer may take some seconds more.
func (c *Consumer) Run(ctx context.Context, lane Lane) error {
	s := c.newSession()
	defer s.transport.CloseIdleConnections()
	s.state(Waiting)
	defer s.state(Left)
	if !s.awaitTopic(ctx) {
		return nil
	}
	group, err := kafka.NewConsumerGroup(s.groupConfig())
	if err != nil {
		return fmt.Errorf("join group: %w", err)
	}
	defer group.Close()
	return s.serve(ctx, group, lane)
}

func (s *session) groupConfig() kafka.ConsumerGroupConfig {
	return kafka.ConsumerGroupConfig{
		ID:      s.cfg.Group,
		Brokers: s.cfg.Brokers,
		Topics:  []string{s.cfg.Topic},
		Dialer: &kafka.Dialer{
			ClientID:      clientID,
			Timeout:       dialTimeout,
			DualStack:     true,
			TLS:           s.cfg.TLS,
			SASLMechanism: s.cfg.SASL,
		},
		HeartbeatInterval:      s.cfg.HeartbeatInterval,
		SessionTimeout:         s.cfg.SessionTimeout,
		RebalanceTimeout:       s.cfg.RebalanceTimeout,
		JoinGroupBackoff:       s.cfg.JoinGroupBackoff,
		GroupBalancers:         []kafka.GroupBalancer{s.witness},
		PartitionWatchInterval: s.cfg.WatchInterval,
		WatchPartitionChanges:  true,
		StartOffset:            kafka.FirstOffset, // LastOffset loses what came while nobody was there
		Timeout:                askTimeout,
	}
}

// awaitTopic waits until Kafka and the topic are there; false means that ctx has ended.
func (s *session) awaitTopic(ctx context.Context) bool {
	for fails := 1; ctx.Err() == nil; fails++ {
		_, err := s.layout(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			s.waiting(err)
			pause(ctx, backoff(fails))
		}
	}
	return false
}

// serve runs the generations one after the other.
func (s *session) serve(ctx context.Context, group *kafka.ConsumerGroup, lane Lane) error {
	var member, former string // what the group knows us by, and what it did before kafka-go forgot it
	for fails := 0; ; {
		next, err := s.next(ctx, group, former)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if !errors.Is(err, kafka.RebalanceInProgress) {
				s.waiting(err)
				former = member
			}
			continue // the group pauses by itself
		}
		member, former = next.MemberID, ""
		began := time.Now()
		err = s.generation(ctx, next, lane, fails)
		var failed *laneError
		switch {
		case errors.Is(err, errDrain):
			return nil
		case errors.Is(err, ErrOutOfRange):
			return err
		case errors.As(err, &failed) && time.Since(began) < maxPause:
			fails++
		case err == nil && len(next.Assignments[s.cfg.Topic]) == 0 && time.Since(began) < time.Second:
			// kafka-go ends a generation at once whose topic it cannot see.
			pause(ctx, s.cfg.JoinGroupBackoff)
		default:
			fails = 0
		}
	}
}

// maxPause is the longest pause after lanes have failed, and how long one must have lived to count as well.
const maxPause = 30 * time.Second

// generation lives through one generation. When the consumer is to leave, it returns before the generation is over: once
// it were, the group would join the next.
func (s *session) generation(ctx context.Context, next *kafka.Generation, lane Lane, fails int) error {
	result := make(chan error, 1)
	next.Start(func(over context.Context) {
		g := &generation{s: s, group: next, over: over}
		err := g.run(ctx, lane)
		s.ended(next.ID, err)
		var failed *laneError
		if errors.As(err, &failed) {
			pauseEither(ctx, over, min(s.cfg.JoinGroupBackoff<<min(fails, 10), maxPause))
			if ctx.Err() != nil {
				err = errDrain
			}
		}
		result <- err
		if errors.Is(err, errDrain) || errors.Is(err, ErrOutOfRange) {
			<-over.Done()
		}
	})
	return <-result
}

// pause sleeps until ctx ends.
func pause(ctx context.Context, d time.Duration) { pauseEither(ctx, ctx, d) }

// pauseEither sleeps until one of them ends.
func pauseEither(a, b context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-a.Done():
	case <-b.Done():
	}
}
