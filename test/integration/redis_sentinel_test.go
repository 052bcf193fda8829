package integration

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"onside"
)

// TestRedisSentinel kills the master of a Redis with a replica and three sentinels. The stream goes on, unverified until the sentinels have made the
// replica master, and verified by it from then on.
//
// Redis replicates asynchronously: what the dead master had acknowledged and not yet passed on is gone. Such a claim, lost, costs a repeat and never a
// flag: the record that made it, if it is read again, claims anew and comes out under the flag_id that it had; and another record that
// shows the same comes out as well, under its own.
func TestRedisSentinel(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		for name, test := range map[string]func(*world, *watched){
			"nothing lost":       (*world).failsOver,
			"last writes lost":   (*world).failsOverWithoutLastWrites,
			"with worker killed": (*world).failsOverWithWorker,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newWatched(t, nil, "")
				test(deliver(s.world()).withTopics(), s)
			})
		}
	})
}

// failsOver kills a master that has passed everything on, while events flow, and starts it again when it is none any more: it comes back
// empty, and whoever believed it would flag repeats.
func (w *world) failsOver(s *watched) {
	t, l := w.t, newLoad(w.t, 200)
	kept, keptAgain := l.contacts("kept", 10)
	meanwhile, _ := l.contacts("meanwhile", 1500)
	a := w.start("a").ready()
	w.sendInBits(l.part(0, 2))
	w.sendOf(l, kept)
	w.counted(a)
	s.synced()

	before := a.claims("claimed")
	s.master.kill()
	killed := time.Now()
	w.sendUntil(l, meanwhile, "claims are verified again", func() bool { return a.claims("claimed") > before })
	t.Logf("claims were verified again %s after the kill", time.Since(killed).Round(10*time.Millisecond))
	s.promoted()
	s.master.start()
	w.sendOf(l, keptAgain)
	w.sendInBits(l.part(1, 2))
	w.settled()
	a.terminate()

	flags, _ := w.verifyOnce(l)
	for i := range 2 {
		flags.wantDedup(t, "claimed", l.part(i, 2))
	}
	flags.wantDedup(t, "claimed", kept)
	flags.wantRepeats(t, "", keptAgain)
}

// failsOverWithoutLastWrites kills a master whose replica has not heard of its last claims, and holds the failover up until what comes
// meanwhile is out.
func (w *world) failsOverWithoutLastWrites(s *watched) {
	t, l := w.t, newLoad(w.t, 200)
	kept, keptAgain := l.contacts("kept", 10)
	lost, lostAgain := l.contacts("lost", 10)
	away, awayAgain := l.contacts("away", 10)
	meanwhile, _ := l.contacts("meanwhile", 300)
	s.hold(true)
	a := w.start("a").ready()
	w.sendInBits(l.part(0, 3))
	w.sendOf(l, kept)
	w.settled()
	s.synced()
	s.cutReplica()
	w.sendOf(l, lost)
	w.settled()

	s.master.kill()
	w.sendInBits(l.part(1, 3))
	w.sendOf(l, away)
	w.counted(a)
	before := a.claims("claimed")
	s.hold(false)
	s.promoted()
	w.sendUntil(l, meanwhile, "claims are verified again", func() bool { return a.claims("claimed") > before })
	for _, again := range [][]onside.Event{keptAgain, lostAgain, awayAgain} {
		w.sendOf(l, again)
	}
	w.sendInBits(l.part(2, 3))
	w.settled()
	a.terminate()

	flags, _ := w.verifyOnce(l)
	for _, events := range [][]onside.Event{l.part(0, 3), kept, lost, l.part(2, 3)} {
		flags.wantDedup(t, "claimed", events)
	}
	flags.wantDedup(t, "unverified", l.part(1, 3))
	flags.wantDedup(t, "unverified", away)
	flags.wantRepeats(t, "", keptAgain)
	flags.wantRepeats(t, "claimed", lostAgain)
	flags.wantRepeats(t, "claimed", awayAgain)
}

// failsOverWithWorker kills the master with claims that its replica has not heard of, and the worker that has made them, before their
// records are committed. The next worker reads them again, and meets no claim.
func (w *world) failsOverWithWorker(s *watched) {
	t, l := w.t, newLoad(w.t, 200)
	s.synced()
	s.cutReplica()
	a := w.start("a", "--set", "kafka.commit_interval=1h").ready()
	w.send(l.events)
	eventually(t, "a has worked on everything", func() bool { return a.metric("onside_events_total") == float64(len(l.events)) })
	a.kill()
	s.master.kill()
	left, state := w.behind()
	if !w.exact && left != int64(len(l.events)) {
		t.Fatalf("%d of %d events are not committed: %s", left, len(l.events), state)
	}
	s.promoted()
	b := w.start("b").ready()
	w.settled()
	eventually(t, "b has counted what was left", func() bool { return b.metric("onside_events_total") == float64(left) })
	again, unverified := b.claims("again"), b.claims("unverified")
	b.terminate()

	if again > 0 || unverified > 0 {
		t.Errorf("%v claims were met again and %v unverified, on a Redis that knows of none", again, unverified)
	}
	flags, reminders := w.verify(l)
	if !w.exact && (flags.repeats != len(flags.first) || reminders.repeats != len(reminders.first)) {
		t.Errorf("%d of %d flags and %d of %d reminders came again under their ids", flags.repeats, len(flags.first), reminders.repeats, len(reminders.first))
	}
}

// masterName is what the sentinels call the master.
const masterName = "onside"

// watched is a Redis with a replica, and three sentinels two of which must agree that it is gone.
type watched struct {
	t               *testing.T
	master, replica *store // as they were at first
	sentinels       []*store
}

// downAfter is how long a master must be silent for a sentinel to take it for gone.
const downAfter = time.Second

// quorum is how many of them must agree.
const quorum = 2

// newWatched returns when all of them know each other. The Redis and its replica have more arguments, the sentinels more lines of configuration.
func newWatched(t *testing.T, more []string, lines string) *watched {
	t.Helper()
	s := &watched{t: t, master: startRedis(t, freeAddress(t), append([]string{"--repl-diskless-sync-delay", "0"}, more...)...)}
	host, port, _ := net.SplitHostPort(s.master.addr)
	s.replica = startRedis(t, freeAddress(t), append([]string{"--replicaof", host, port}, more...)...)
	s.synced() // the sentinels ask for replicas at once, and then not for ten seconds
	for range 3 {
		addr, dir := freeAddress(t), t.TempDir()
		_, own, _ := net.SplitHostPort(addr)
		file := filepath.Join(dir, "sentinel.conf") // a sentinel keeps in it what it knows
		writeFile(t, file, fmt.Appendf(nil, `bind 127.0.0.1
port %s
dir %s
sentinel monitor %s %s %s %d
sentinel down-after-milliseconds %[3]s %[7]d
sentinel failover-timeout %[3]s 10000
%[8]s
`, own, dir, masterName, host, port, quorum, downAfter.Milliseconds(), lines))
		s.sentinels = append(s.sentinels, startRedisArgs(t, addr, file, "--sentinel"))
	}
	eventually(t, "the sentinels know each other, the master and its replica", func() bool {
		for _, x := range s.sentinels {
			m := s.ask(x)
			if m["flags"] != "master" || m["num-slaves"] != "1" || m["num-other-sentinels"] != strconv.Itoa(len(s.sentinels)-1) {
				return false
			}
		}
		return s.replica.info("master_link_status") == "up"
	})
	return s
}

// world is one whose workers ask the sentinels.
func (s *watched) world(finds ...string) *world {
	s.t.Helper()
	var sentinels []string
	for _, x := range s.sentinels {
		sentinels = append(sentinels, x.addr)
	}
	return newWorldOn(s.t, plaintextKafka(s.t), s.master, append([]string{"--set", "redis.mode=sentinel", "--set", "redis.master=" + masterName,
		"--redis", strings.Join(sentinels, ",")}, finds...)...)
}

// ask is what a sentinel says of the master.
func (s *watched) ask(sentinel *store) map[string]string {
	s.t.Helper()
	c := redis.NewSentinelClient(&redis.Options{Addr: sentinel.addr})
	defer c.Close()
	m, err := c.Master(context.Background(), masterName).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// hold keeps the sentinels from agreeing that the master is gone, or lets them.
func (s *watched) hold(on bool) {
	s.t.Helper()
	n := quorum
	if on {
		n = len(s.sentinels) + 1
	}
	for _, x := range s.sentinels {
		s.sentinelSet(x, "quorum", strconv.Itoa(n))
	}
}

func (s *watched) sentinelSet(sentinel *store, option, value string) {
	s.t.Helper()
	c := redis.NewSentinelClient(&redis.Options{Addr: sentinel.addr})
	defer c.Close()
	if err := c.Set(context.Background(), masterName, option, value).Err(); err != nil {
		s.t.Fatal(err)
	}
}

// synced waits until the replica has all that the master has written.
func (s *watched) synced() {
	s.t.Helper()
	eventually(s.t, "the replica has everything", func() bool {
		offset := s.master.info("master_repl_offset")
		return offset != "" && s.replica.info("master_link_status") == "up" && s.replica.info("slave_repl_offset") == offset
	})
}

// cutReplica ends the replication, for a replica that cannot log in does not follow.
func (s *watched) cutReplica() {
	s.t.Helper()
	s.replica.command("CONFIG", "SET", "masteruser", "nobody")
	s.replica.command("CONFIG", "SET", "masterauth", "none")
	s.replica.command("CLIENT", "KILL", "TYPE", "master")
	eventually(s.t, "the replica has no master", func() bool { return s.replica.info("master_link_status") == "down" })
}

// promoted waits until the replica is the master, and every sentinel says so.
func (s *watched) promoted() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.replica.addr)
	eventually(s.t, "the replica is the master", func() bool {
		for _, x := range s.sentinels {
			if s.ask(x)["port"] != port {
				return false
			}
		}
		return s.replica.info("role") == "master"
	})
}
