package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"onside/internal/history"
	"onside/internal/sink"
	"onside/internal/source"
)

// service is the worker of worker run and worker demo: a consumer whose lanes classify, decide and deliver.
type service struct {
	setup    *setup
	log      *zap.Logger
	metrics  *metrics
	health   *health
	rdb      redis.UniversalClient
	breakers *breakers
	sink     *sink.Sink
	source   *source.Consumer
	now      func() time.Time
	observe  observer // set it before run
	fences   fences
}

// newService builds everything and connects to nothing. A nil log is silent.
func newService(s *setup, log *zap.Logger, now func() time.Time) (*service, error) {
	if log == nil {
		log = zap.NewNop()
	}
	sv := &service{
		setup: s, log: log, now: now, health: &health{},
		metrics: newMetrics(buildVersion(), s.model.Version(), s.policy.Version()),
	}
	sv.breakers = newBreakers(s.Redis.Breaker, now, sv.breakerChanged)
	sv.rdb = newRedis(s, sv.breakers)
	var err error
	out := sinkConfig(s)
	out.Transaction = sv.metrics.transaction
	if sv.sink, err = sink.New(out, sv.rdb, log.Named("sink")); err != nil {
		return nil, errors.Join(err, sv.rdb.Close())
	}
	cfg := sourceConfig(&s.config)
	cfg.TLS, cfg.SASL = s.kafkaTLS, s.kafkaSASL
	cfg.Hooks = sv.hooks()
	if s.Delivery == exactlyOnce {
		cfg.Fence = sv.fence
	}
	if sv.source, err = source.New(cfg, log.Named("source")); err != nil {
		sv.sink.Close()
		return nil, errors.Join(err, sv.rdb.Close())
	}
	return sv, nil
}

func (sv *service) breakerChanged(c breakerChange) {
	sv.metrics.breaker(c)
	node := zap.String("node", c.node)
	switch {
	case c.to == breakerOpen && c.node == "":
		sv.log.Warn("redis does not answer: flags go out unverified, history is what this worker has seen")
	case c.to == breakerOpen:
		sv.log.Warn("redis node does not answer: flags whose claims it has go out unverified, history that it has is what this worker has seen", node)
	case c.to == breakerGone:
		sv.log.Info("redis node does not answer and has no slots any more: nobody misses it", node)
	case c.node == "":
		sv.log.Info("redis answers again")
	default:
		sv.log.Info("redis node answers again", node)
	}
}

func (sv *service) hooks() source.Hooks {
	h := sv.metrics.hooks()
	count := h.Group
	h.Group = func(state source.GroupState) {
		sv.health.joined.Store(state == source.Joined)
		count(state)
		if state == source.Joined && sv.observe.joined != nil {
			sv.observe.joined()
		}
	}
	h.Commit = sv.committed
	return h
}

// committed is told of every commit of offsets.
func (sv *service) committed(err error) {
	sv.metrics.committed(err, sv.now)
	if sv.observe.committed != nil {
		sv.observe.committed(err)
	}
}

// run works until ctx ends and what is in hand is delivered, or the drain timeout has passed. It closes what
// newService opened.
func (sv *service) run(ctx context.Context) error {
	defer sv.close()
	undo := context.AfterFunc(ctx, func() {
		sv.health.draining.Store(true)
		sv.log.Info("draining: what is in hand is finished", zap.Duration("at_most", sv.setup.DrainTimeout))
	})
	defer undo()
	signals := history.New(sv.rdb, sv.setup.secret, sv.setup.second, sv.setup.Redis.HistoryTTL)
	parts := laneParts{
		model: sv.setup.model, policy: sv.setup.policy, sink: sv.sink, metrics: sv.metrics, clock: &sv.health.lanes, memory: newRereadMemory(runtime.GOMAXPROCS(0)), long: newLongTexts(),
		history: func(s history.Scope) recaller { return signals.In(s) }, now: sv.now, observe: sv.observe,
	}
	watching, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { watchEviction(watching, sv.rdb, evictionEvery, sv.log) })
	wg.Go(func() { sv.breakers.follow(watching) })
	defer wg.Wait()
	defer stop()
	err := sv.source.Run(ctx, func(ctx context.Context, p *source.Partition) error {
		return sv.lane(parts, p).run(ctx)
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("consume events: %w", err)
	}
	if err != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("drain: %w", err)
	}
	return nil
}

// lane is one that delivers as it is configured.
func (sv *service) lane(parts laneParts, p *source.Partition) *lane {
	origin := sink.Origin{Topic: p.Topic, Incarnation: p.Incarnation, Partition: p.ID}
	if sv.setup.Delivery != exactlyOnce {
		return newLane(parts, p, origin)
	}
	t := newTransacted(p, sv.fences.take(p.ID), sink.Position{
		Group: sv.setup.Kafka.Group, Member: p.Member, Generation: p.Generation, Topic: p.Topic, Partition: p.ID,
	}, sv.setup.Kafka.CommitInterval, sv.now, sv.committed)
	parts.sink, parts.savesFirst = t, true
	return newLane(parts, t, origin)
}

// fence takes a partition over: nobody else commits anything of it from here on.
func (sv *service) fence(ctx context.Context, partition int) error {
	k := &sv.setup.Kafka
	t, err := sv.sink.Fence(ctx, sink.TransactionalID(k.Group, k.Topics.Events, partition))
	if err == nil {
		sv.fences.put(partition, t)
	}
	return err
}

func (sv *service) close() {
	sv.sink.Close()
	if err := sv.rdb.Close(); err != nil {
		sv.log.Warn("redis client did not close cleanly", zap.Error(err))
	}
}
