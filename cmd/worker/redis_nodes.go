package main

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// breakers are those of a client: one, or with a cluster one for each node, for the claims of a node that is away say nothing about the
// others'. A node that is new, as a replica that has become master, has a new one.
type breakers struct {
	config  breakerConfig
	now     func() time.Time
	changed func(breakerChange) // called under a lock, on every change; must be quick

	cluster *redis.ClusterClient // nil: one server

	mu   sync.Mutex
	open map[*redis.Client]bool // nodes
}

// breakerChange is what became of a breaker.
type breakerChange struct {
	node string // its address; "" where there is but one breaker
	to   breakerState
	open int // breakers, from now on
}

type breakerState uint8

const (
	breakerClosed breakerState = iota
	breakerOpen
	breakerGone // open, of a node that has no slots any more
)

func newBreakers(c breakerConfig, now func() time.Time, changed func(breakerChange)) *breakers {
	return &breakers{config: c, now: now, changed: changed, open: make(map[*redis.Client]bool)}
}

// watch puts the breakers into a client that has asked nothing yet.
func (b *breakers) watch(rdb redis.UniversalClient) {
	cluster, ok := rdb.(*redis.ClusterClient)
	if !ok {
		rdb.AddHook(newBreaker(b.config, b.now, func(open bool) { b.note(nil, open) }))
		return
	}
	b.cluster = cluster
	cluster.AddHook(divider{})
	cluster.OnNewNode(func(node *redis.Client) {
		node.AddHook(newBreaker(b.config, b.now, func(open bool) { b.note(node, open) }))
	})
}

// note notes that the breaker of a node opened or closed; nil is the one server.
func (b *breakers) note(node *redis.Client, open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if open {
		b.open[node] = true
		b.tell(node, breakerOpen)
	} else if b.open[node] {
		delete(b.open, node)
		b.tell(node, breakerClosed)
	}
}

func (b *breakers) tell(node *redis.Client, to breakerState) {
	c := breakerChange{to: to, open: len(b.open)}
	if node != nil {
		c.node = node.Options().Addr
	}
	b.changed(c)
}

// follow asks a cluster, until ctx ends, who has the slots while a node does not answer: the client by itself would ask a dead master for
// a minute after its replica has taken over.
func (b *breakers) follow(ctx context.Context) {
	if b.cluster == nil {
		return
	}
	tick := time.NewTicker(b.config.ProbeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		b.look(ctx)
	}
}

// look forgets nodes that do not answer and have no slots any more: nobody asks them for claims.
func (b *breakers) look(ctx context.Context) {
	b.mu.Lock()
	well := len(b.open) == 0
	b.mu.Unlock()
	if well {
		return
	}
	var mu sync.Mutex
	has := make(map[*redis.Client]bool)
	err := b.cluster.ForEachShard(ctx, func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		has[node] = true
		return nil
	})
	if err != nil {
		return // nobody answers
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for node := range b.open {
		if !has[node] {
			delete(b.open, node)
			b.tell(node, breakerGone)
		}
	}
}

// parts is a request to a cluster, which goes to its nodes in parts.
type parts struct {
	ctx        context.Context // the caller's
	unanswered sync.Map        // *breaker: error of a part that is not tried again
}

// parted has the parts in the context of a request.
type parted struct{}

// divider is a hook of a cluster's client, which tries again what a node does not answer, and when time is up puts that error on
// all commands that have none, answered ones too. So it knows no time: the nodes' breakers keep that of the caller, and refuse
// second tries. Another node, as after MOVED, is asked as usual.
type divider struct{}

func (divider) divide(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), parted{}, &parts{ctx: ctx})
}

// DialHook implements redis.Hook.
func (divider) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (d divider) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return next(d.divide(ctx), cmd) }
}

// ProcessPipelineHook implements redis.Hook.
func (d divider) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return next(d.divide(ctx), cmds) }
}
