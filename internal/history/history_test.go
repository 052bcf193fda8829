package history

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"onside/internal/classify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret, otherSecret = []byte("0123456789abcdef"), []byte("fedcba9876543210")

// The contract holds on a single server and on a cluster, embedded or real (ONSIDE_TEST_REDIS, of which only new keys are used).
func TestContract(t *testing.T) {
	clients := map[string]func(t *testing.T) redis.UniversalClient{
		"single": func(t *testing.T) redis.UniversalClient { return single(t, address(t)) },
		"cluster": func(t *testing.T) redis.UniversalClient {
			c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{miniredis.RunT(t).Addr()}, DisableIdentity: true})
			t.Cleanup(func() { _ = c.Close() })
			return c
		},
	}
	contract := map[string]func(t *testing.T, rdb redis.UniversalClient, s Scope){
		"unknown conversations are empty":      unknownIsEmpty,
		"signals come back in offset order":    offsetOrder,
		"appending again changes nothing":      idempotent,
		"a later signal of an offset replaces": replaces,
		"dropped signals are gone":             dropped,
		"conversations and scopes are apart":   apart,
		"every key expires":                    expires,
		"load and append take few round trips": roundTrips,
		"what cannot be read is skipped":       skipsGarbage,
		"no text is kept":                      noText,
		"nothing to do is nothing":             nothing,
		"the secret can be changed":            changesSecret,
	}
	for on, client := range clients {
		for name, check := range contract {
			t.Run(on+"/"+name, func(t *testing.T) { check(t, client(t), scope()) })
		}
	}
}

func address(t *testing.T) string {
	if a := os.Getenv("ONSIDE_TEST_REDIS"); a != "" {
		return a
	}
	return miniredis.RunT(t).Addr()
}

func single(t *testing.T, address string) *redis.Client {
	c := redis.NewClient(&redis.Options{
		Addr: address, ContextTimeoutEnabled: true, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, DialTimeout: 200 * time.Millisecond,
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// scope is one that no other test has.
func scope() Scope {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return Scope{Topic: "chat.messages", Incarnation: hex.EncodeToString(b[:]), Partition: 3}
}

// of is the history of a scope, kept in rdb for an hour.
func of(rdb redis.UniversalClient, s Scope) *Partition { return New(rdb, secret, nil, time.Hour).In(s) }

// added is an entry that says which conversation is meant.
type added struct {
	conversation string
	entry        Entry
}

func entries(conversation string, offsets ...int64) []added {
	var list []added
	for _, o := range offsets {
		list = append(list, added{conversation, Entry{Signal: classify.Signal{Offset: o}}})
	}
	return list
}

// keyed are the entries with their keys.
func keyed(p *Partition, list []added) []Entry {
	var out []Entry
	for _, a := range list {
		a.entry.Key = p.Key(a.conversation)
		out = append(out, a.entry)
	}
	return out
}

func keysOf(p *Partition, conversations ...string) (keys []Key) {
	for _, c := range conversations {
		keys = append(keys, p.Key(c))
	}
	return keys
}

func appendTo(t *testing.T, rdb redis.UniversalClient, s Scope, list []added) {
	t.Helper()
	p := of(rdb, s)
	if err := p.Append(t.Context(), keyed(p, list)); err != nil {
		t.Fatal(err)
	}
}

// expect compares a conversation's offsets.
func expect(t *testing.T, rdb redis.UniversalClient, s Scope, conversation string, want ...int64) {
	t.Helper()
	p := of(rdb, s)
	signals, skipped, err := p.Load(t.Context(), keysOf(p, conversation))
	if err != nil || skipped != 0 {
		t.Fatalf("skipped %d, error %v", skipped, err)
	}
	if diff := cmp.Diff(want, offsets(signals[0]), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: %s", conversation, diff)
	}
}

func unknownIsEmpty(t *testing.T, rdb redis.UniversalClient, s Scope) {
	appendTo(t, rdb, s, entries("known", 1))
	p := of(rdb, s)
	signals, skipped, err := p.Load(t.Context(), keysOf(p, "unknown", "known", "unknown"))
	if err != nil || skipped != 0 {
		t.Fatalf("skipped %d, error %v", skipped, err)
	}
	if len(signals) != 3 || len(signals[0]) != 0 || len(signals[1]) != 1 || len(signals[2]) != 0 {
		t.Errorf("signals %v", signals)
	}
}

func offsetOrder(t *testing.T, rdb redis.UniversalClient, s Scope) {
	appendTo(t, rdb, s, entries("c", 900, 1000, 99))
	appendTo(t, rdb, s, entries("c", 1, 10))
	expect(t, rdb, s, "c", 1, 10, 99, 900, 1000)
}

func idempotent(t *testing.T, rdb redis.UniversalClient, s Scope) {
	list := append(entries("c", 1, 2, 3), entries("d", 4)...)
	for range 3 {
		appendTo(t, rdb, s, list)
	}
	appendTo(t, rdb, s, list[1:2])
	expect(t, rdb, s, "c", 1, 2, 3)
	expect(t, rdb, s, "d", 4)
}

func replaces(t *testing.T, rdb redis.UniversalClient, s Scope) {
	appendTo(t, rdb, s, entries("c", 1, 2))
	appendTo(t, rdb, s, entries("c", 2))
	expect(t, rdb, s, "c", 1, 2)
}

func dropped(t *testing.T, rdb redis.UniversalClient, s Scope) {
	appendTo(t, rdb, s, entries("c", 1, 2, 3))
	list := entries("c", 4, 5)
	list[0].entry.Drop, list[1].entry.Drop = []int64{1}, []int64{2, 4, 99}
	for range 2 {
		appendTo(t, rdb, s, list)
		expect(t, rdb, s, "c", 3, 5)
	}
}

func apart(t *testing.T, rdb redis.UniversalClient, s Scope) {
	appendTo(t, rdb, s, entries("c", 1))
	expect(t, rdb, s, "d")
	for _, other := range []Scope{
		{Topic: "other", Incarnation: s.Incarnation, Partition: s.Partition},
		{Topic: s.Topic, Incarnation: s.Incarnation + "x", Partition: s.Partition},
		{Topic: s.Topic, Incarnation: s.Incarnation, Partition: s.Partition + 1},
		{Topic: s.Topic + s.Incarnation[:1], Incarnation: s.Incarnation[1:], Partition: s.Partition},
	} {
		expect(t, rdb, other, "c")
	}
	other := New(rdb, otherSecret, nil, time.Hour).In(s)
	signals, _, err := other.Load(t.Context(), keysOf(other, "c"))
	if err != nil || len(signals[0]) != 0 {
		t.Errorf("another secret reads %v, error %v", signals, err)
	}
}

func expires(t *testing.T, rdb redis.UniversalClient, s Scope) {
	list := append(entries("c", 1, 2), entries("d", 3)...)
	list[1].entry.Drop = []int64{1}
	appendTo(t, rdb, s, list)
	for _, c := range []string{"c", "d"} {
		k := of(rdb, s).Key(c)
		if ttl := rdb.PTTL(t.Context(), k.name).Val(); ttl <= 59*time.Minute || ttl > time.Hour {
			t.Errorf("%s lives for %v", c, ttl)
		}
		rdb.PExpire(t.Context(), k.name, time.Minute)
	}
	appendTo(t, rdb, s, entries("c", 5)) // a message keeps its conversation
	if ttl := rdb.PTTL(t.Context(), of(rdb, s).Key("c").name).Val(); ttl <= 59*time.Minute {
		t.Errorf("after another message it lives for %v", ttl)
	}
}

// changesSecret has workers that know the old secret first and the new one first read what each other has kept.
func changesSecret(t *testing.T, rdb redis.UniversalClient, s Scope) {
	before, after := New(rdb, secret, otherSecret, time.Hour).In(s), New(rdb, otherSecret, secret, time.Hour).In(s)
	appendTo(t, rdb, s, entries("c", 1, 2, 3)) // by one who knows the old secret only
	steps := []struct {
		by   *Partition
		add  []added
		c, d []int64
	}{
		{by: before, add: entries("c", 4), c: []int64{1, 2, 3, 4}},
		{by: after, add: append(entries("c", 5, 6), entries("d", 7)...), c: []int64{1, 2, 3, 4, 5, 6}, d: []int64{7}},
		{by: before, add: append(entries("c", 2), entries("d", 8, 9)...), c: []int64{1, 2, 3, 4, 5, 6}, d: []int64{7, 8, 9}},
		{by: after, add: entries("c", 4), c: []int64{1, 2, 3, 4, 5, 6}, d: []int64{7, 8, 9}},
	}
	for i, step := range steps {
		if err := step.by.Append(t.Context(), keyed(step.by, step.add)); err != nil {
			t.Fatal(err)
		}
		for name, p := range map[string]*Partition{"the old": before, "the new": after} {
			var c counter
			rdb.AddHook(&c)
			signals, skipped, err := p.Load(t.Context(), keysOf(p, "c", "d"))
			if err != nil || skipped != 0 || c.trips.Load() != 1 {
				t.Fatalf("skipped %d, error %v, %d round trips", skipped, err, c.trips.Load())
			}
			if diff := cmp.Diff([][]int64{step.c, step.d}, [][]int64{offsets(signals[0]), offsets(signals[1])}, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("step %d, %s secret first: %s", i, name, diff)
			}
		}
	}
	expect(t, rdb, s, "d", 8, 9) // who knows the old secret only finds what was kept under it
}

func offsets(signals []classify.Signal) (list []int64) {
	for _, s := range signals {
		list = append(list, s.Offset)
	}
	return list
}

// counter counts round trips, without those that make a connection.
type counter struct{ trips atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if name := cmd.Name(); name != "hello" && name != "client" && name != "cluster" {
			c.trips.Add(1)
		}
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.trips.Add(1)
		return next(ctx, cmds)
	}
}

func roundTrips(t *testing.T, rdb redis.UniversalClient, s Scope) {
	takes(t, rdb, s, 50, 1)
	takes(t, rdb, s, atOnce, 1)
	takes(t, rdb, s, 2*atOnce+1, 3)
}

// takes writes and reads so many conversations, each in so many round trips.
func takes(t *testing.T, rdb redis.UniversalClient, s Scope, conversations int, trips int64) {
	t.Helper()
	var list []added
	var names []string
	for i := range conversations {
		names = append(names, fmt.Sprint("c-", i))
		list = append(list, entries(names[i], 1, 2, 3)...)
	}
	var c counter
	rdb.AddHook(&c)
	appendTo(t, rdb, s, list)
	if n := c.trips.Swap(0); n != trips {
		t.Errorf("append of %d took %d round trips", conversations, n)
	}
	p := of(rdb, s)
	signals, _, err := p.Load(t.Context(), keysOf(p, names...))
	if err != nil {
		t.Fatal(err)
	}
	if n := c.trips.Load(); n != trips {
		t.Errorf("load of %d took %d round trips", conversations, n)
	}
	for i := range signals {
		if len(signals[i]) != 3 {
			t.Errorf("%s has %d signals", names[i], len(signals[i]))
		}
	}
}

func skipsGarbage(t *testing.T, rdb redis.UniversalClient, s Scope) {
	p := of(rdb, s)
	appendTo(t, rdb, s, entries("c", 1, 2))
	k, foreign := p.Key("c"), p.Key("d")
	elsewhere, _ := foreign.encode(nil, &classify.Signal{Offset: 7})
	moved, _ := k.encode(nil, &classify.Signal{Offset: 8})
	err := rdb.HSet(t.Context(), k.name,
		"5", "", "6", "text", "7", elsewhere, // meant for another key
		"9", moved, // says another offset
		"x", moved, "", moved).Err()
	if err != nil {
		t.Fatal(err)
	}
	signals, skipped, err := p.Load(t.Context(), keysOf(p, "c", "c"))
	if err != nil {
		t.Fatal(err)
	}
	if skipped != 12 || len(signals[0]) != 2 || len(signals[1]) != 2 {
		t.Errorf("skipped %d, signals %v", skipped, signals)
	}
}

func noText(t *testing.T, rdb redis.UniversalClient, s Scope) {
	const canary = "canary-4711"
	appendTo(t, rdb, s, entries(canary, 1))
	k := of(rdb, s).Key(canary)
	dump := fmt.Sprint(k.name, rdb.HGetAll(t.Context(), k.name).Val())
	if strings.Contains(dump, canary) || strings.Contains(dump, s.Topic) {
		t.Errorf("Redis has %q", dump)
	}
	if !strings.HasPrefix(k.name, Prefix) {
		t.Errorf("key %q", k.name)
	}
}

func nothing(t *testing.T, rdb redis.UniversalClient, s Scope) {
	var c counter
	rdb.AddHook(&c)
	appendTo(t, rdb, s, nil)
	signals, skipped, err := of(rdb, s).Load(t.Context(), nil)
	if err != nil || skipped != 0 || len(signals) != 0 || c.trips.Load() != 0 {
		t.Errorf("signals %v, skipped %d, error %v, %d round trips", signals, skipped, err, c.trips.Load())
	}
}

func TestFaultsAreErrors(t *testing.T) {
	mini := miniredis.RunT(t)
	p := of(single(t, mini.Addr()), scope())
	for _, fault := range []string{"READONLY You can't write against a read only replica.", "OOM command not allowed", "LOADING"} {
		mini.SetError(fault)
		if signals, _, err := p.Load(t.Context(), keysOf(p, "c")); err == nil || signals != nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("load: signals %v, error %v", signals, err)
		}
		if err := p.Append(t.Context(), keyed(p, entries("c", 1))); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("append: error %v", err)
		}
	}
	mini.SetError("")
	err := p.Append(t.Context(), keyed(p, entries("c", 1)))
	for range 3 { // go-redis may keep a connection whose refused transaction has answers left to read; the next error drops it
		if err != nil {
			err = p.Append(t.Context(), keyed(p, entries("c", 1)))
		}
	}
	if err != nil {
		t.Errorf("after the fault: %v", err)
	}
	mini.Close()
	if _, _, err := p.Load(t.Context(), keysOf(p, "c")); err == nil {
		t.Error("loaded from a server that is down")
	}
	if err := p.Append(t.Context(), keyed(p, entries("c", 1))); err == nil {
		t.Error("appended to a server that is down")
	}
}

// One command of a pipeline may fail by itself: a cluster splits it by node.
func TestEachCommandsOwnErrorCounts(t *testing.T) {
	rdb := single(t, miniredis.RunT(t).Addr())
	p := of(rdb, scope())
	rdb.AddHook(failSecond{})
	if _, _, err := p.Load(t.Context(), keysOf(p, "c", "d")); err == nil {
		t.Error("load says nothing")
	}
	if err := p.Append(t.Context(), keyed(p, entries("c", 1))); err == nil {
		t.Error("append says nothing")
	}
}

type failSecond struct{}

func (failSecond) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (failSecond) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (failSecond) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		cmds[1].SetErr(errors.New("CLUSTERDOWN"))
		return err
	}
}

func TestForgottenAfterSilence(t *testing.T) {
	mini := miniredis.RunT(t)
	rdb, s := single(t, mini.Addr()), scope()
	appendTo(t, rdb, s, entries("c", 1))
	mini.FastForward(59 * time.Minute)
	appendTo(t, rdb, s, entries("c", 2))
	mini.FastForward(59 * time.Minute)
	expect(t, rdb, s, "c", 1, 2)
	mini.FastForward(2 * time.Minute)
	expect(t, rdb, s, "c")
	if got := mini.Keys(); len(got) != 0 {
		t.Errorf("keys %v are left", got)
	}
}

// BenchmarkHistory takes 800 signals of 100 conversations to an embedded server and back; an operation is all of them.
func BenchmarkHistory(b *testing.B) {
	mini := miniredis.NewMiniRedis()
	if err := mini.Start(); err != nil {
		b.Fatal(err)
	}
	defer mini.Close()
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr(), DisableIdentity: true})
	defer rdb.Close()
	p := of(rdb, scope())
	var names []string
	var list []added
	for i := range 100 {
		names = append(names, fmt.Sprint("c-", i))
		for o := range int64(8) {
			list = append(list, entries(names[i], 8*int64(i)+o)...)
		}
	}
	keys, entries := keysOf(p, names...), keyed(p, list)
	for name, do := range map[string]func() error{
		"append": func() error { return p.Append(b.Context(), entries) },
		"load":   func() error { _, _, err := p.Load(b.Context(), keys); return err },
	} {
		if err := p.Append(b.Context(), entries); err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
