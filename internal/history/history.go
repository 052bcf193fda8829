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
// While the secret is being changed, what was kept under another is read as well. It is not kept up: it ends when Redis has had it for its time.
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
	rdb            redis.UniversalClient
	secret, second []byte
	expiry         any // the milliseconds that a conversation is kept, as every command of a batch says them
}

// New keeps signals in rdb, which stays the caller's to close, under keys made with the secret, and reads those under a second one too, unless
// that is nil. A conversation is forgotten ttl after its last message; ttl is at least a second.
func New(rdb redis.UniversalClient, secret, second []byte, ttl time.Duration) *Redis {
	return &Redis{rdb: rdb, secret: slices.Clone(secret), second: slices.Clone(second), expiry: max(ttl, time.Second).Milliseconds()}
}

// Scope is where offsets mean something: one partition of one incarnation of a topic. Conversations of different scopes have
// nothing in common.
type Scope struct {
	Topic       string
	Incarnation string // the topic's id; "" where the broker has none
	Partition   int
}

// Partition is the history of one scope. It serves one goroutine.
type Partition struct {
	redis  *Redis
	places *places
	second *places // nil where there is no second secret

	// scratch memory of Append
	known   map[string]int // places in updates
	updates []update
	next    []int32 // the entry of the same conversation after each entry, or -1
	text    []byte
	values  []string
	args    []any
}

// In is the history of a scope.
func (r *Redis) In(s Scope) *Partition {
	p := &Partition{redis: r, places: in(s, r.secret), known: map[string]int{}}
	if r.second != nil {
		p.second = in(s, r.second)
	}
	return p
}

// Key is where a conversation of the scope is kept.
func (p *Partition) Key(conversation string) Key {
	k := Key{place: p.places.of(conversation)}
	if p.second != nil {
		k.second = p.second.of(conversation)
	}
	return k
}

// Entry is what one message adds to its conversation.
type Entry struct {
	Key    Key
	Signal classify.Signal
	Drop   []int64 // offsets of signals that are no longer wanted
}

// atOnce is how many conversations a round trip reads or changes: Redis does nothing else meanwhile, and has its time limit for each.
const atOnce = 1024

// Load reads conversations, a round trip for each thousand. signals[i] are those of keys[i], in offset order; a conversation that is
// not known has none. Values that cannot be read are skipped and counted. An error means that nothing was read.
func (p *Partition) Load(ctx context.Context, keys []Key) (signals [][]classify.Signal, skipped int, err error) {
	signals = make([][]classify.Signal, 0, len(keys))
	for some := range slices.Chunk(keys, atOnce) {
		replies, err := p.read(ctx, some)
		if err != nil {
			return nil, 0, fmt.Errorf("load history: %w", err)
		}
		for i := range some {
			said, bad := some[i].decode(replies[i].Val())
			if p.second != nil {
				more, worse := some[i].second.decode(replies[len(some)+i].Val())
				said, bad = merged(said, more), bad+worse
			}
			signals = append(signals, said)
			skipped += bad
		}
	}
	return signals, skipped, nil
}

// read is what Redis has of conversations, and behind that what it has of them under the second secret.
func (p *Partition) read(ctx context.Context, keys []Key) ([]*redis.MapStringStringCmd, error) {
	replies := make([]*redis.MapStringStringCmd, 0, len(keys))
	pipe := p.redis.rdb.Pipeline()
	for _, k := range keys {
		replies = append(replies, pipe.HGetAll(ctx, k.name))
	}
	if p.second != nil {
		for _, k := range keys {
			replies = append(replies, pipe.HGetAll(ctx, k.second.name))
		}
	}
	_, err := pipe.Exec(ctx)
	for _, r := range replies { // a cluster may have answered some and not others
		if err == nil {
			err = r.Err()
		}
	}
	return replies, err
}

// Append adds the entries' signals, in a round trip for each thousand conversations. To append again what is there changes nothing but the expiry. After
// an error any part of the entries may have been added.
func (p *Partition) Append(ctx context.Context, entries []Entry) error {
	if err := p.group(entries); err != nil {
		return fmt.Errorf("append history: %w", err)
	}
	for some := range slices.Chunk(p.updates, atOnce) {
		if err := p.write(ctx, some, entries); err != nil {
			return fmt.Errorf("append history: %w", err)
		}
	}
	return nil
}

// update is what a batch changes in one conversation.
type update struct {
	name        string
	first, last int32 // of its entries
	drops       bool  // something
}

// group sets updates and values.
func (p *Partition) group(entries []Entry) error {
	clear(p.known)
	p.updates, p.next, p.text, p.values = p.updates[:0], p.next[:0], p.text[:0], p.values[:0]
	for i := range entries {
		e := &entries[i]
		from := len(p.text)
		var err error
		if p.text, err = e.Key.encode(p.text, &e.Signal); err != nil {
			return fmt.Errorf("encode signal at offset %d: %w", e.Signal.Offset, err)
		}
		p.next = append(p.next, int32(len(p.text)-from)) // until all are encoded: its length
	}
	text := string(p.text)
	for i := range entries {
		e := &entries[i]
		p.values, text, p.next[i] = append(p.values, text[:p.next[i]]), text[p.next[i]:], -1
		at, ok := p.known[e.Key.name]
		if !ok {
			at = len(p.updates)
			p.known[e.Key.name], p.updates = at, append(p.updates, update{name: e.Key.name, first: int32(i), last: int32(i)})
		}
		u := &p.updates[at]
		if ok {
			p.next[u.last], u.last = int32(i), int32(i)
		}
		u.drops = u.drops || len(e.Drop) > 0
	}
	return nil
}

// write changes conversations in one transaction. What the commands point to is spared from being copied to the heap one by one: BenchmarkHistory.
func (p *Partition) write(ctx context.Context, updates []update, entries []Entry) error {
	pipe := p.redis.rdb.TxPipeline()
	p.args = p.args[:0]
	for k := range updates {
		u := &updates[k]
		from := len(p.args)
		p.args = append(p.args, "hset", &u.name)
		for i := u.first; i >= 0; i = p.next[i] {
			p.args = append(p.args, &entries[i].Signal.Offset, &p.values[i])
		}
		_ = pipe.Process(ctx, redis.NewIntCmd(ctx, p.args[from:]...)) // Exec says
		if u.drops {
			from = len(p.args)
			p.args = append(p.args, "hdel", &u.name)
			for i := u.first; i >= 0; i = p.next[i] {
				for k := range entries[i].Drop {
					p.args = append(p.args, &entries[i].Drop[k])
				}
			}
			_ = pipe.Process(ctx, redis.NewIntCmd(ctx, p.args[from:]...))
		}
		from = len(p.args)
		p.args = append(p.args, "pexpire", &u.name, p.redis.expiry)
		_ = pipe.Process(ctx, redis.NewBoolCmd(ctx, p.args[from:]...))
	}
	cmds, err := pipe.Exec(ctx)
	for _, c := range cmds {
		if err == nil {
			err = c.Err()
		}
	}
	clear(p.args)
	return err
}
