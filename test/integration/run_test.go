package integration

import (
	"regexp"
	"testing"
)

// TestRebalance lets a second worker join one that works, and leave again: no event is lost or comes out twice.
func TestRebalance(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics(), newLoad(t, 600)
	a := w.start("a").ready()
	w.sendInBits(l.part(0, 4))
	b := w.start("b")
	w.sendInBits(l.part(1, 4))
	w.shared(a, b)
	w.sendInBits(l.part(2, 4))
	b.terminate()
	w.sendInBits(l.part(3, 4))
	w.settled()
	a.terminate()
	w.verifyOnce(l)
}

// TestKilled kills one of two workers while both work.
func TestKilled(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics(), newLoad(t, 600)
	a, b := w.start("a"), w.start("b")
	w.shared(a, b)
	w.sendInBits(l.part(0, 3))
	w.send(l.part(1, 3))
	a.kill()
	w.sendInBits(l.part(2, 3))
	w.settled()
	w.verify(l)
	b.terminate()
}

// TestRedelivered kills a worker that has published and committed nothing: the next one publishes all of it again, word for word.
func TestRedelivered(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics(), newLoad(t, 200)
	a := w.start("a", "--set", "kafka.commit_interval=1h").ready()
	w.send(l.events)
	eventually(t, "a has worked on everything", func() bool { return a.metric("onside_events_total") == float64(len(l.events)) })
	a.kill()
	if behind, state := w.behind(); behind != int64(len(l.events)) {
		t.Fatalf("%d of %d events are not committed: %s", behind, len(l.events), state)
	}
	b := w.start("b").ready()
	w.settled()
	b.terminate()
	flags, reminders := w.verify(l)
	if flags.repeats != len(flags.first) || reminders.repeats != len(reminders.first) {
		t.Errorf("%d of %d flags and %d of %d reminders came again", flags.repeats, len(flags.first), reminders.repeats, len(reminders.first))
	}
}

// TestDrained stops a worker in the middle of its work: what it has published is committed, so that the next one repeats nothing.
func TestDrained(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics(), newLoad(t, 600)
	a := w.start("a", "--set", "kafka.commit_interval=1h", "--set", "kafka.max_batch_bytes=4KiB").ready()
	w.send(l.events)
	eventually(t, "a is at work", func() bool { return a.metric("onside_events_total") > 0 })
	a.terminate()
	behind, state := w.behind()
	t.Logf("%d of %d events are left", behind, len(l.events))
	if behind < 0 || behind == int64(len(l.events)) {
		t.Errorf("the drain has committed nothing: %s", state)
	}
	b := w.start("b").ready()
	w.settled()
	b.terminate()
	if flags, reminders := w.verify(l); flags.repeats+reminders.repeats != 0 {
		t.Errorf("%d flags and %d reminders were published again after a drain", flags.repeats, reminders.repeats)
	}
}

// A name that Kafka would refuse fails here too, where the embedded one takes it.
func TestUnique(t *testing.T) {
	t.Run("a, b/ünd (c)", func(t *testing.T) {
		if name := unique(t); !regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`).MatchString(name) {
			t.Errorf("%s is no name of a topic", name)
		}
	})
}
