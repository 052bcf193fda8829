package integration

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"onside"
)

// TestRedisLost takes Redis away in the middle: flags go out unverified, and claimed again soon after it is back.
func TestRedisLost(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics(), newLoad(t, 600)
	a := w.start("a").ready()
	w.sendInBits(l.part(0, 4))
	w.settled()

	w.redis.kill()
	begun := time.Now()
	w.sendInBits(l.part(1, 4))
	w.settled()
	t.Logf("%d events without Redis took %s", len(l.part(1, 4)), time.Since(begun).Round(time.Millisecond))

	w.redis.start()
	rest := l.part(2, 4)
	eventually(t, "a has noticed that Redis is back", func() bool {
		n := min(len(rest), 5) // only requests find it out
		w.send(rest[:n])
		rest = rest[n:]
		return a.metric("onside_redis_breaker_open") == 0
	})
	w.send(rest)
	w.sendInBits(l.part(3, 4))
	w.settled()
	a.terminate()

	flags, _ := w.verifyOnce(l)
	flags.wantDedup(t, "claimed", l.part(0, 4))
	flags.wantDedup(t, "unverified", l.part(1, 4))
	flags.wantDedup(t, "claimed", l.part(3, 4))
}

// wantDedup wants all flags of the events to have been published so.
func (f found) wantDedup(t *testing.T, want string, events []onside.Event) {
	t.Helper()
	n := 0
	for _, e := range events {
		flag, ok := f.first[e.EventID]
		if !ok {
			continue
		}
		n++
		if flag.Dedup != want {
			t.Errorf("the flag of event %s is %s, want %s", e.EventID, flag.Dedup, want)
		}
	}
	if n == 0 {
		t.Errorf("no flags that could be %s", want)
	}
}

// TestLeaderLost kills one of three brokers while two workers are in the middle of their work: one that leads partitions, and
// one that leads partitions and keeps the group besides. Only real brokers can be killed.
func TestLeaderLost(t *testing.T) {
	if realBrokers() == "" {
		t.Skip("needs ONSIDE_TEST_KAFKA with the three brokers of: deploy/dev/kafka.sh start 3")
	}
	t.Run("leader", func(t *testing.T) {
		w := newWorld(t, plaintextKafka(t)).withTopics()
		w.losesBroker(func(leaders []int32, coordinator int32) int32 {
			return leaders[slices.IndexFunc(leaders, func(l int32) bool { return l != coordinator })]
		})
	})
	t.Run("leader, exactly once", func(t *testing.T) {
		w := newWorld(t, plaintextKafka(t)).withTopics().exactlyOnce()
		w.losesBroker(func(leaders []int32, coordinator int32) int32 {
			return leaders[slices.IndexFunc(leaders, func(l int32) bool { return l != coordinator })]
		})
	})
	t.Run("coordinator, exactly once", func(t *testing.T) {
		w := newWorld(t, plaintextKafka(t)).withTopics().exactlyOnce()
		w.losesBroker(func(_ []int32, coordinator int32) int32 { return coordinator })
	})
	t.Run("coordinator", func(t *testing.T) {
		w := newWorld(t, plaintextKafka(t)).withTopics()
		w.losesBroker(func(_ []int32, coordinator int32) int32 { return coordinator })
	})
}

// losesBroker kills the broker that choose names, of those that lead the events' partitions and the one that keeps the group.
func (w *world) losesBroker(choose func(leaders []int32, coordinator int32) int32) {
	t := w.t
	if len(w.kafka.brokers) != 3 {
		t.Fatalf("needs three brokers, ONSIDE_TEST_KAFKA names %d", len(w.kafka.brokers))
	}
	l := newLoad(t, 600)
	a, b := w.start("a"), w.start("b")
	w.shared(a, b)
	w.sendInBits(l.part(0, 3))
	w.settled()

	leaders, err := w.kafka.leaders(w.topic("events"))
	if err != nil {
		t.Fatal(err)
	}
	broker := strconv.Itoa(int(choose(slices.Collect(maps.Values(leaders)), w.kafka.coordinator(w.name)))) // ids are kafka.sh's numbers
	begun := time.Now()
	killed := kafkaScript("kill", broker)
	t.Cleanup(func() { killed(t); kafkaScript("node", broker)(t); w.kafka.inSync() })
	w.sendInBits(l.part(1, 3))
	w.sendInBits(l.part(2, 3))
	killed(t)
	t.Logf("broker %s was killed; Kafka had all events after %s", broker, time.Since(begun).Round(time.Millisecond))
	w.settled()
	t.Logf("everything was done after %s", time.Since(begun).Round(time.Millisecond))
	a.terminate()
	b.terminate()
	w.verify(l)
}
