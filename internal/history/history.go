// Package history keeps what conversations have said so far, as signals in Redis, so that whichever worker owns a
// partition next knows what the last one knew.
//
// A conversation is a hash: a field for each offset, a signal as its value. Writing a signal twice changes nothing, so a
// batch may be appended again after a crash, and a reader who ignores signals at or above its own offset decides as it did
// the first time.
//
// Redis holds no text and no ids: keys are keyed hashes, values are a signal's own bytes. Every key expires when its conversation
// has been silent for the time that [New] is given, and is written together with its expiry in one transaction.
//
// A value is bound to its key by a tag: an answer that was meant for another key is taken for no signal.
//
// History is a memory, not a record: when Redis is away or has lost it, callers go on with what they know themselves. Nothing
// here retries beyond what the client does.
package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"onside/internal/classify"
)

// Prefix begins every key that this package writes.
const Prefix = "onside:history:"

// Redis keeps signals in Redis, Redis Cluster or behind Sentinel. It is safe for concurrent use.
type Redis struct {
	rdb    redis.UniversalClient
	secret []byte
	ttl    time.Duration
}

// New keeps signals in rdb, which stays the caller's to close, under keys made with the secret. A conversation is forgotten ttl after its last
// message; ttl is at least a second.
func New(rdb redis.UniversalClient, secret []byte, ttl time.Duration) *Redis {
	return &Redis{rdb: rdb, secret: slices.Clone(secret), ttl: max(ttl, time.Second)}
}

// Scope is where offsets mean something: one partition of one incarnation of a topic. Conversations of different scopes have
// nothing in common.
type Scope struct {
	Topic       string
	Incarnation string // the topic's id; "" where the broker has none
	Partition   int
}

// Entry is what one message adds to its conversation.
type Entry struct {
	Conversation string
	Signal       classify.Signal
	Drop         []int64 // offsets of signals that are no longer wanted
}

// Load reads conversations in one round trip. signals[i] are those of conversations[i], in offset order; a conversation that is
// not known has none. Values that cannot be read are skipped and counted. An error means that nothing was read.
func (r *Redis) Load(ctx context.Context, s Scope, conversations []string) (signals [][]classify.Signal, skipped int, err error) {
	signals = make([][]classify.Signal, len(conversations))
	if len(conversations) == 0 {
		return signals, 0, nil
	}
	named, keys := r.keys(s), make([]key, len(conversations))
	replies := make([]*redis.MapStringStringCmd, len(conversations))
	pipe := r.rdb.Pipeline()
	for i, c := range conversations {
		keys[i] = named.of(c)
		replies[i] = pipe.HGetAll(ctx, keys[i].name)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, 0, fmt.Errorf("load history: %w", err)
	}
	for i, reply := range replies {
		fields, err := reply.Result() // a cluster may have answered some and not others
		if err != nil {
			return nil, 0, fmt.Errorf("load history: %w", err)
		}
		var bad int
		signals[i], bad = keys[i].decode(fields)
		skipped += bad
	}
	return signals, skipped, nil
}

// Append adds the entries' signals, in one round trip. To append again what is there changes nothing but the expiry. After an
// error any part of the entries may have been added.
func (r *Redis) Append(ctx context.Context, s Scope, entries []Entry) error {
	updates, err := r.updates(s, entries)
	if err != nil {
		return fmt.Errorf("append history: %w", err)
	}
	if len(updates) == 0 {
		return nil
	}
	pipe := r.rdb.TxPipeline()
	for i := range updates {
		u := &updates[i]
		pipe.HSet(ctx, u.name, u.set...)
		if len(u.drop) > 0 {
			pipe.HDel(ctx, u.name, u.drop...)
		}
		pipe.PExpire(ctx, u.name, r.ttl)
	}
	cmds, err := pipe.Exec(ctx)
	for _, c := range cmds {
		if err == nil {
			err = c.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("append history: %w", err)
	}
	return nil
}

// update is what a batch changes in one conversation.
type update struct {
	key
	set  []any // field, value, …
	drop []string
}

// valueRoom is enough for a value without a piece of evidence.
const valueRoom = 128

// updates groups entries by conversation.
func (r *Redis) updates(s Scope, entries []Entry) ([]update, error) {
	named := r.keys(s)
	list := make([]update, 0, len(entries))
	known := make(map[string]int, len(entries))
	values := make([]byte, 0, valueRoom*len(entries))
	for i := range entries {
		e := &entries[i]
		at, ok := known[e.Conversation]
		if !ok {
			at = len(list)
			known[e.Conversation], list = at, append(list, update{key: named.of(e.Conversation)})
		}
		u := &list[at]
		from := len(values)
		var err error
		if values, err = u.encode(values, &e.Signal); err != nil {
			return nil, fmt.Errorf("encode signal at offset %d: %w", e.Signal.Offset, err)
		}
		u.set = append(u.set, e.Signal.Offset, values[from:len(values):len(values)])
		for _, o := range e.Drop {
			u.drop = append(u.drop, field(o))
		}
	}
	return list, nil
}
