package integration

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// The tests of this file deliver exactly once: verify fails where a reader with read_committed sees anything twice.

// smallBatches make for many transactions.
var smallBatches = []string{"--set", "kafka.max_batch_bytes=4KiB"}

// TestExactlyOnceKilled kills workers, one after the other, while they are in the middle of transactions.
func TestExactlyOnceKilled(t *testing.T) {
	const kills = 4
	w, l := newWorld(t, plaintextKafka(t)).withTopics().exactlyOnce(), newLoad(t, 1000)
	a, b := w.start("a", smallBatches...), w.start("b", smallBatches...)
	for i := range kills {
		w.shared(a, b)
		before := a.metric("onside_transactions_total")
		w.send(l.part(i, kills+1))
		eventually(t, "the worker is in the middle of it", func() bool { return a.metric("onside_transactions_total") > before })
		a.kill()
		a, b = b, w.start(fmt.Sprint("next-", i), smallBatches...)
	}
	w.sendInBits(l.part(kills, kills+1))
	w.settled()
	a.terminate()
	b.terminate()
	w.verify(l)
}

// TestExactlyOnceZombie stops a worker in the middle of its work until others have its partitions, and lets it go on.
func TestExactlyOnceZombie(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics().exactlyOnce(), newLoad(t, 600)
	a := w.start("a", smallBatches...).ready()
	w.send(l.part(0, 3))
	eventually(t, "a is in the middle of it", func() bool { return a.metric("onside_transactions_total") > 2 })
	a.signal(syscall.SIGSTOP)
	b := w.start("b", smallBatches...)
	w.shared(b)
	w.sendInBits(l.part(1, 3))
	w.settled()
	a.signal(syscall.SIGCONT)
	w.shared(a, b)
	w.sendInBits(l.part(2, 3))
	w.settled()
	a.terminate()
	b.terminate()
	w.verify(l)
}

// TestExactlyOnceRebalance lets a second worker join one that works, and leave again, and leaves nothing uncommitted behind.
func TestExactlyOnceRebalance(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics().exactlyOnce(), newLoad(t, 600)
	a := w.start("a", smallBatches...).ready()
	w.sendInBits(l.part(0, 4))
	b := w.start("b", smallBatches...)
	w.sendInBits(l.part(1, 4))
	w.shared(a, b)
	w.sendInBits(l.part(2, 4))
	b.terminate()
	w.sendInBits(l.part(3, 4))
	w.settled()
	a.terminate()
	w.verify(l)
	for _, x := range []*worker{a, b} {
		if strings.Contains(x.logs.String(), "lane failed") {
			t.Errorf("worker %s had a lane that failed in a peaceful rebalance", x.name)
		}
	}
}

// TestExactlyOnceWithoutRedis goes on unverified, each flag once nevertheless.
func TestExactlyOnceWithoutRedis(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics().exactlyOnce(), newLoad(t, 400)
	a := w.start("a", smallBatches...).ready()
	w.sendInBits(l.part(0, 2))
	w.settled()
	w.redis.kill()
	w.send(l.part(1, 2))
	a.kill()
	b := w.start("b", smallBatches...).ready()
	w.settled()
	b.terminate()
	w.verify(l)
}

// TestExactlyOnceDrained stops a worker that has been reading what nothing comes of: its position is committed all the same.
func TestExactlyOnceDrained(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics().exactlyOnce(), newLoad(t, 200)
	a := w.start("a", "--set", "kafka.commit_interval=1h").ready()
	w.send(l.events)
	eventually(t, "a has worked on everything", func() bool { return a.metric("onside_events_total") == float64(len(l.events)) })
	a.terminate()
	if behind, state := w.behind(); behind != 0 {
		t.Errorf("%d events are not committed after a drain: %s", behind, state)
	}
	w.verify(l)
}

// TestExactlyOnceChecked asks for what transactions need.
func TestExactlyOnceChecked(t *testing.T) {
	w := newWorld(t, plaintextKafka(t)).withTopics()
	out, err := w.checked("--set", "delivery=exactly_once")
	if err != nil || !strings.Contains(out, "transactions under ids that begin with "+w.name+"/") {
		t.Errorf("worker check --connect: %v\n%s", err, out)
	}
	out, err = w.checked("--set", "delivery=exactly_once", "--set", "kafka.transaction_timeout=15m")
	if err != nil {
		t.Errorf("with the longest transaction that a broker takes by default: %v\n%s", err, out)
	}
}
