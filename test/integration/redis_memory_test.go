package integration

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestRedisEvicts has a Redis that is full take claims to make room. Nobody can know that it has: what is repeated is flagged again, as a new case under its own
// id. The worker says at its start that this may happen, and so does worker check.
func TestRedisEvicts(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		s := startRedis(t, freeAddress(t), "--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru")
		w, l := deliver(newWorldOn(t, plaintextKafka(t), s)).withTopics(), newLoad(t, 200)
		old, oldAgain := l.contacts("old", 20)
		fresh, freshAgain := l.contacts("fresh", 20)
		if out, err := w.checked(); err != nil || !strings.Contains(out, "warn  redis has maxmemory-policy allkeys-lru") {
			t.Errorf("worker check --connect: %v\n%s", err, out)
		}
		a := w.start("a").ready()
		eventually(t, "a warns of the policy", func() bool { return a.logged("maxmemory_policy") == "allkeys-lru" })
		w.sendInBits(l.part(0, 3))
		w.sendOf(l, old)
		w.settled()

		claims := slices.Collect(maps.Keys(s.claims()))
		if len(claims) < len(old) {
			t.Fatalf("%d claims of %d addresses", len(claims), len(old))
		}
		relieve := s.press()
		w.sendInBits(l.part(1, 3))
		eventually(t, "all claims of before are evicted", func() bool { return s.count(claims) == 0 })
		relieve()
		w.settled()
		if n, _ := strconv.Atoi(s.info("evicted_keys")); n < len(claims) {
			t.Errorf("%d keys were evicted, and %d claims are gone", n, len(claims))
		}
		w.sendOf(l, oldAgain)
		w.sendOf(l, fresh)
		w.settled()
		w.sendOf(l, freshAgain)
		w.sendInBits(l.part(2, 3))
		w.counted(a)
		if n := a.claims("unverified"); n > 0 {
			t.Errorf("%v claims are unverified", n)
		}
		a.terminate()

		flags, _ := w.verifyOnce(l)
		flags.wantRepeats(t, "claimed", oldAgain)
		flags.wantDedup(t, "claimed", fresh)
		flags.wantRepeats(t, "", freshAgain)
	})
}

// TestRedisFull fills a Redis that takes nothing away: it refuses to write, the stream goes on unverified, and what was claimed before still counts when it
// has room again.
func TestRedisFull(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		s := startRedis(t, freeAddress(t), "--maxmemory", "8mb", "--maxmemory-policy", "noeviction")
		w, l := deliver(newWorldOn(t, plaintextKafka(t), s)).withTopics(), newLoad(t, 200)
		old, oldAgain := l.contacts("old", 10)
		full, fullAgain := l.contacts("full", 10)
		meanwhile, _ := l.contacts("meanwhile", 500)
		a := w.start("a").ready()
		w.sendInBits(l.part(0, 3))
		w.sendOf(l, old)
		w.counted(a)

		s.command("SETRANGE", ballast, 16<<20, "x") // it asks before it takes 16 MiB whether it is full, not after
		if out, err := w.checked(); err == nil || !strings.Contains(out, "OOM") {
			t.Errorf("worker check --connect: %v\n%s", err, out)
		}
		before := a.claims("claimed")
		w.sendInBits(l.part(1, 3))
		w.sendOf(l, full)
		w.counted(a)
		if n := a.claims("claimed"); n != before {
			t.Errorf("%v claims were taken by a Redis that is full", n-before)
		}
		s.command("DEL", ballast)
		w.sendUntil(l, meanwhile, "claims are verified again", func() bool { return a.claims("claimed") > before })
		w.sendOf(l, oldAgain)
		w.sendOf(l, fullAgain)
		w.sendInBits(l.part(2, 3))
		w.settled()
		if n := s.info("evicted_keys"); n != "0" {
			t.Errorf("%s keys were evicted", n)
		}
		a.terminate()

		flags, _ := w.verifyOnce(l)
		flags.wantDedup(t, "claimed", l.part(0, 3))
		flags.wantDedup(t, "unverified", l.part(1, 3))
		flags.wantDedup(t, "unverified", full)
		flags.wantDedup(t, "claimed", l.part(2, 3))
		flags.wantRepeats(t, "", oldAgain)
		flags.wantRepeats(t, "claimed", fullAgain)
	})
}

// ballast begins the keys of somebody else who uses the same Redis.
const ballast = "ballast"

// press has somebody else write to the Redis without end. What it returns ends that, takes everything away that was written, and may be called again.
func (s *store) press() (relieve func()) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := s.client()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			pipe := c.Pipeline()
			for j := range 50 {
				pipe.Set(ctx, fmt.Sprintf("%s:%d:%d", ballast, i, j), strings.Repeat("x", 1000), 0)
			}
			if _, err := pipe.Exec(ctx); err != nil && ctx.Err() == nil {
				s.t.Errorf("write to a Redis that evicts: %v", err)
				return
			}
		}
	})
	relieve = sync.OnceFunc(func() {
		stop()
		wg.Wait()
		defer c.Close()
		keys, err := c.Keys(context.Background(), ballast+":*").Result()
		if err == nil && len(keys) > 0 {
			err = c.Del(context.Background(), keys...).Err()
		}
		if err != nil {
			s.t.Errorf("take the ballast away: %v", err)
		}
	})
	s.t.Cleanup(relieve)
	return relieve
}

// count is how many of the keys there are.
func (s *store) count(keys []string) int64 {
	s.t.Helper()
	args := []any{"EXISTS"}
	for _, k := range keys {
		args = append(args, k)
	}
	return s.command(args...).(int64)
}
