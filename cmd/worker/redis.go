package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// silenceRedis keeps the client's own log off standard error: every error reaches a caller, and the breaker logs the change.
var silenceRedis = sync.OnceFunc(logging.Disable)

// newRedis makes the one client of the process. It connects on first use.
//
// A dead Redis must cost little: one try per request, short timeouts that also hold for contexts, and the breaker. The
// client does not introduce itself on connect: a reply to that which comes late was once taken for the reply to a claim. What a cluster's client
// tries again, as on another node after MOVED, it tries at once.
func newRedis(s *setup, b *breakers) redis.UniversalClient {
	silenceRedis()
	c := &s.Redis
	opt := &redis.UniversalOptions{
		Addrs: c.Addresses, DB: c.Database, IsClusterMode: c.Mode == "cluster",
		Username: c.Username, Password: c.Password, TLSConfig: s.redisTLS,
		DialTimeout: c.Timeout, ReadTimeout: c.Timeout, WriteTimeout: c.Timeout, PoolTimeout: c.Timeout,
		ContextTimeoutEnabled: true, PoolSize: c.PoolSize, MaxRetries: -1, MinRetryBackoff: -1, DialerRetries: 1, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if c.Mode == "sentinel" {
		opt.MasterName, opt.SentinelUsername, opt.SentinelPassword = c.Master, c.SentinelUsername, c.SentinelPassword
	}
	rdb := redis.NewUniversalClient(opt)
	b.watch(rdb)
	return rdb
}

// newQuietRedis is a client of somebody who does not care what becomes of its breakers.
func newQuietRedis(s *setup) redis.UniversalClient {
	return newRedis(s, newBreakers(s.Redis.Breaker, time.Now, func(breakerChange) {}))
}

// errBreakerOpen is the answer to requests while Redis is left alone.
var errBreakerOpen = errors.New("redis did not answer and is not asked for now")

// breaker is a hook of the Redis client that stops asking a server which does not answer: after failures in a row it is
// open and refuses at once, but for one request in every probeEvery, and last words. An answer closes it. From the first failure to the next
// answer a request gets probeTimeout: a batch makes three of them. Errors that Redis itself answers are answers.
type breaker struct {
	failures     int
	probeEvery   time.Duration
	probeTimeout time.Duration
	now          func() time.Time
	changed      func(open bool) // called under the lock, on every change; must be quick

	mu struct {
		sync.Mutex
		failed  int // in a row
		answers int
		open    bool
		probing bool
		probed  time.Time // when it opened, or the last probe began
	}
}

func newBreaker(c breakerConfig, now func() time.Time, changed func(open bool)) *breaker {
	return &breaker{failures: c.Failures, probeEvery: c.ProbeEvery, probeTimeout: c.ProbeTimeout, now: now, changed: changed}
}

// pass is what lets a request through.
type pass struct {
	probe   bool
	short   bool
	answers int // that there had been
}

// begin says whether a request may be made.
func (b *breaker) begin(ctx context.Context) (p pass, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p = pass{probe: b.mu.open, short: b.mu.open || b.mu.failed > 0, answers: b.mu.answers}
	if !b.mu.open {
		return p, true
	}
	if ctx.Value(last{}) == nil && (b.mu.probing || b.now().Sub(b.mu.probed) < b.probeEvery) {
		return p, false
	}
	b.mu.probing, b.mu.probed = true, b.now()
	return p, true
}

// end notes how a request went. A failure says nothing about a server that has answered since it was asked.
func (b *breaker) end(p pass, answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.probe {
		b.mu.probing = false
	}
	switch {
	case answered:
		b.mu.answers++
		b.mu.failed = 0
		b.set(false)
	case p.answers == b.mu.answers:
		b.mu.failed++
		if b.mu.failed >= b.failures {
			b.set(true)
		}
	}
}

// leave notes that a request's caller went away, as a lane does that has lost its partition, or the client of a node that left its
// cluster: that says nothing about Redis.
func (b *breaker) leave(p pass) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.probe {
		b.mu.probing = false
	}
}

func (b *breaker) set(open bool) {
	if open == b.mu.open {
		return
	}
	b.mu.open = open
	if open {
		b.mu.probed = b.now()
	}
	b.changed(open)
}

// within has, in the context of a request, the breaker that let it through.
type within struct{}

// last marks the context of a request that nobody will make again.
type last struct{}

// lastWord has a breaker that is open let requests through as probes, whenever the one before was: whoever has nothing to say
// afterwards cannot wait until it is time for one.
func lastWord(ctx context.Context) context.Context { return context.WithValue(ctx, last{}, true) }

// guard makes a request if the breaker lets it through. What the client says to greet the server on a new connection runs
// through the hooks again: it is part of the request that needed the connection.
func (b *breaker) guard(ctx context.Context, request func(context.Context) error) error {
	if ctx.Value(within{}) == b {
		return request(ctx)
	}
	whole, isPart := ctx.Value(parted{}).(*parts)
	if isPart {
		if err, again := whole.unanswered.Load(b); again {
			return err.(error)
		}
		ctx = whole.ctx
	}
	if err := ctx.Err(); err != nil {
		return err // that nobody had time to ask says nothing about the server
	}
	p, ok := b.begin(ctx)
	if !ok {
		return errBreakerOpen
	}
	ctx = context.WithValue(ctx, within{}, b)
	if p.short {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, b.probeTimeout)
		defer cancel()
	}
	err := request(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, redis.ErrClosed) {
		b.leave(p)
		return err
	}
	b.end(p, answered(err))
	if isPart && !answered(err) {
		whole.unanswered.Store(b, err)
	}
	return err
}

// answered says whether the server said something, be it an error. A request that ran out of time counts as unanswered.
func answered(err error) bool {
	if err == nil {
		return true
	}
	_, isReply := errors.AsType[redis.Error](err)
	return isReply
}

// DialHook implements redis.Hook: connecting is part of the request that needs it.
func (b *breaker) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (b *breaker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		asked := false
		err := b.guard(ctx, func(ctx context.Context) error {
			asked = true
			return next(ctx, cmd)
		})
		if !asked {
			cmd.SetErr(err)
		}
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (b *breaker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		asked := false
		err := b.guard(ctx, func(ctx context.Context) error {
			asked = true
			return next(ctx, cmds)
		})
		if !asked {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
		}
		return err
	}
}
