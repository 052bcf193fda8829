package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"onside"
)

// partitions of the events topic.
const partitions = 6

// world is a Kafka with topics of a test's own, a Redis of its own, and the workers between them.
type world struct {
	t      *testing.T
	kafka  *cluster
	redis  *store
	finds  []string               // flags with which workers find a Redis that its address is not enough for
	name   string                 // of the group, and with which the topics begin
	events map[string]*kgo.Record // that were produced, by event id
	exact  bool                   // workers deliver exactly once, and what is read is what is committed
}

func newWorld(t *testing.T, k *cluster) *world {
	t.Helper()
	return newWorldOn(t, k, newStore(t))
}

// newWorldOn has workers find the Redis by its address and the flags.
func newWorldOn(t *testing.T, k *cluster, s *store, finds ...string) *world {
	t.Helper()
	return &world{t: t, kafka: k, redis: s, finds: finds, name: unique(t), events: map[string]*kgo.Record{}}
}

// withTopics creates the topics, where worker run --create-topics is not the one to do so.
func (w *world) withTopics() *world {
	w.t.Helper()
	w.kafka.create(partitions, w.topic("events"))
	w.kafka.create(2, w.topic("flags"), w.topic("reminders"), w.topic("dead_letters"))
	return w
}

// exactlyOnce has workers deliver so, to a reader with read_committed.
func (w *world) exactlyOnce() *world {
	w.exact = true
	return w
}

// topic is the name of one: events, flags, reminders or dead_letters.
func (w *world) topic(kind string) string { return w.name + "." + kind }

// connection are the flags with which a worker finds its servers.
func (w *world) connection() []string {
	args := []string{"--brokers", strings.Join(w.kafka.brokers, ","), "--redis", w.redis.addr, "--group", w.name}
	for _, kind := range []string{"events", "flags", "reminders", "dead_letters"} {
		args = append(args, "--set", "kafka.topics."+kind+"="+w.topic(kind))
	}
	args = append(args, w.finds...)
	if l := w.kafka.login; l != nil {
		args = append(args, "--set", "kafka.tls.enabled=true", "--set", "kafka.tls.ca_file="+l.caFile,
			"--set", "kafka.sasl.mechanism=scram-sha-512", "--set", "kafka.sasl.username="+l.user)
	}
	return args
}

// start starts a worker that notices soon what happens around it.
func (w *world) start(name string, more ...string) *worker {
	w.t.Helper()
	args := append([]string{"run"}, w.connection()...)
	args = append(args, "--admin", "127.0.0.1:0",
		"--set", "kafka.session_timeout=6s", "--set", "kafka.heartbeat_interval=200ms", "--set", "kafka.join_group_backoff=200ms",
		"--set", "kafka.commit_interval=200ms", "--set", "kafka.fetch_wait=50ms",
		"--set", "redis.timeout=5s") // a Redis that is only slow, as on a busy machine, is none of these tests' business
	if w.exact {
		args = append(args, "--set", "delivery=exactly_once")
	}
	return startWorker(w.t, name, append(args, more...)...)
}

// send produces the events, and returns when Kafka has them.
func (w *world) send(events []onside.Event) {
	w.t.Helper()
	var records []*kgo.Record
	for _, e := range events {
		r := &kgo.Record{Topic: w.topic("events"), Key: []byte(e.ConversationID), Value: encoded(w.t, e)}
		records = append(records, r)
		w.events[e.EventID] = r
	}
	w.produce(w.kafka.client, records...)
}

// produce returns when Kafka has the records, which then know their offsets.
func (w *world) produce(client *kgo.Client, records ...*kgo.Record) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		w.t.Fatalf("produce: %v", err)
	}
}

// sendInBits produces the events a few at a time, so that workers are in the middle of it whatever happens next.
func (w *world) sendInBits(events []onside.Event) {
	w.t.Helper()
	for len(events) > 0 {
		n := min(len(events), 20)
		w.send(events[:n])
		events = events[n:]
	}
}

// sendOf produces events that the load has made beside its own, which count from now on.
func (w *world) sendOf(l *load, events []onside.Event) {
	w.t.Helper()
	l.beside = append(l.beside, events...)
	w.send(events)
}

// sendUntil sends the events one at a time until the condition holds: of a Redis that is back, only requests find out.
func (w *world) sendUntil(l *load, events []onside.Event, what string, ok func() bool) {
	w.t.Helper()
	eventually(w.t, what, func() bool {
		if ok() {
			return true
		}
		if len(events) == 0 {
			w.t.Fatalf("no events are left before: %s", what)
		}
		w.sendOf(l, events[:1])
		events = events[1:]
		return false
	})
}

// settled waits until the group has committed everything: whatever came of it has been acknowledged before.
func (w *world) settled() {
	w.t.Helper()
	state := "nothing is known"
	defer func() {
		if w.t.Failed() {
			w.t.Log("the group: " + state)
		}
	}()
	eventually(w.t, "the group has committed all events", func() bool {
		var behind int64
		behind, state = w.behind()
		return behind == 0
	})
}

// counted waits until the group has committed all events, and the worker, which has done all of them, has counted what came of them.
func (w *world) counted(a *worker) {
	w.t.Helper()
	w.settled()
	eventually(w.t, "worker "+a.name+" has counted all events", func() bool { return a.metric("onside_events_total") == float64(len(w.events)) })
}

// behind is how many events are not committed; -1 where Kafka does not tell.
func (w *world) behind() (n int64, state string) {
	ends, err := w.kafka.ends(w.topic("events"))
	if err != nil {
		return -1, err.Error()
	}
	committed, err := w.kafka.committed(w.name, w.topic("events"), partitions)
	if err != nil {
		return -1, err.Error()
	}
	for id, end := range ends {
		n += end - max(committed[id], 0)
	}
	return n, fmt.Sprintf("ends %v, committed %v", ends, committed)
}

// verify reads what came out and compares it with what had to.
func (w *world) verify(l *load) (flags, reminders found) {
	w.t.Helper()
	read := w.kafka.readAll
	if w.exact {
		read = w.kafka.readCommitted
	}
	flags = l.check(w.t, "review", read(w.topic("flags")), w.events)
	reminders = l.check(w.t, "remind", read(w.topic("reminders")), w.events)
	w.t.Logf("%d events, %d flags and %d reminders, %d and %d records that repeat one",
		len(w.events), len(flags.first), len(reminders.first), flags.repeats, reminders.repeats)
	if w.exact && flags.repeats+reminders.repeats > 0 {
		w.t.Errorf("%d flags and %d reminders were committed again", flags.repeats, reminders.repeats)
	}
	return flags, reminders
}

// verifyOnce is verify where nothing may have come out again.
func (w *world) verifyOnce(l *load) (flags, reminders found) {
	w.t.Helper()
	flags, reminders = w.verify(l)
	if flags.repeats+reminders.repeats != 0 {
		w.t.Errorf("%d flags and %d reminders were published again", flags.repeats, reminders.repeats)
	}
	return flags, reminders
}

// shared waits until all partitions have an owner among the workers, and every worker some.
func (w *world) shared(workers ...*worker) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("%d workers share the partitions", len(workers)), func() bool {
		sum := 0.0
		for _, x := range workers {
			n := x.metric("onside_assigned_partitions")
			if n < 1 {
				return false
			}
			sum += n
		}
		return sum == partitions
	})
}
