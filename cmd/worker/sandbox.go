package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kfake"
)

// sandbox is a Kafka and a Redis inside this process, for worker demo and worker bench.
type sandbox struct {
	kafka  *kfake.Cluster
	redis  *miniredis.Miniredis
	stop   chan struct{}
	joined sync.WaitGroup
}

// redisTick is how far the clock of the embedded Redis jumps: it does not run by itself. Each jump sorts and visits all keys, so it is a long one;
// what expires there does so after an hour or more.
const redisTick = 10 * time.Second

func startSandbox(t topicsConfig, partitions int32) (*sandbox, error) {
	k, err := kfake.NewCluster(kfake.NumBrokers(1),
		kfake.SeedTopics(partitions, t.Events), kfake.SeedTopics(1, t.Flags, t.Reminders, t.DeadLetters))
	if err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	r, err := miniredis.Run()
	if err != nil {
		k.Close()
		return nil, fmt.Errorf("start embedded store: %w", err)
	}
	s := &sandbox{kafka: k, redis: r, stop: make(chan struct{})}
	s.joined.Go(s.tick)
	return s, nil
}

func (s *sandbox) tick() {
	t := time.NewTicker(redisTick)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.redis.FastForward(redisTick)
		case <-s.stop:
			return
		}
	}
}

func (s *sandbox) close() {
	close(s.stop)
	s.joined.Wait()
	s.redis.Close()
	s.kafka.Close()
}
