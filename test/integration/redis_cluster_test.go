package integration

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"onside"
)

// TestRedisCluster kills one of a Redis Cluster's three nodes, whose slots nobody else has, and starts it again, empty. The claims of a batch, which are spread over the nodes,
// go out as one pipeline. While the node is away the stream goes on; afterwards exactly those claims are made anew that it had. What the others say meanwhile is TestRedisClusterNodeAway.
func TestRedisCluster(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		for name, coverage := range map[string]string{"all slots or none": "yes", "what slots there are": "no"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				nodes := newNodes(t, "--cluster-require-full-coverage", coverage)
				w := newWorldOn(t, plaintextKafka(t), nodes[0], "--set", "redis.mode=cluster", "--redis", nodes[0].addr+","+nodes[1].addr)
				deliver(w).withTopics().losesNode(nodes, coverage == "yes")
			})
		}
	})
}

// losesNode kills a node of a cluster that then serves no slots at all, or those that are left.
func (w *world) losesNode(nodes []*store, all bool) {
	t, l := w.t, newLoad(w.t, 200)
	old, oldAgain := l.contacts("old", 30)
	away, _ := l.contacts("away", 30)
	meanwhile, _ := l.contacts("meanwhile", 1500)
	a := w.start("a").ready()
	w.sendInBits(l.part(0, 3))
	w.counted(a)
	before := claimsOf(nodes)
	w.sendOf(l, old)
	w.counted(a)
	var made, lost int // claims of the addresses, and those of the node that will be killed
	for i, keys := range claimsOf(nodes) {
		if len(before[i]) == 0 || len(keys) == len(before[i]) {
			t.Errorf("node %d has %d claims, and %d more of the addresses", i, len(before[i]), len(keys)-len(before[i]))
		}
		made += len(keys) - len(before[i])
		if i == 2 {
			lost = len(keys) - len(before[i])
		}
	}
	if n := a.claims("unverified"); n > 0 {
		t.Errorf("%v claims are unverified with all nodes there", n)
	}

	nodes[2].kill()
	w.sendInBits(l.part(1, 3))
	w.counted(a)
	if a.claims("unverified") == 0 {
		t.Error("no claim is unverified, with a third of the slots away")
	}
	eventually(t, "the other nodes notice", func() bool {
		for _, s := range nodes[:2] {
			if info := s.command("CLUSTER", "INFO").(string); strings.Contains(info, fmt.Sprintf("cluster_slots_ok:%d\r\n", slots)) || strings.Contains(info, "cluster_state:ok") == all {
				return false
			}
		}
		return true
	})
	w.sendOf(l, away)
	w.counted(a)
	nodes[2].start()
	eventually(t, "the nodes agree that all slots are there", func() bool { return agreed(nodes) })
	w.sendUntil(l, meanwhile, "nodes take claims again", func() bool {
		return len(claimsOf(nodes[2:])[0]) > 0 && a.metric("onside_redis_breaker_open") == 0
	})
	w.counted(a)
	claimed, repeats, unverified := a.claims("claimed"), a.claims("duplicate"), a.claims("unverified")
	w.sendOf(l, oldAgain)
	w.counted(a)
	if anew, known := a.claims("claimed")-claimed, a.claims("duplicate")-repeats; anew != float64(lost) || known != float64(made-lost) {
		t.Errorf("of %d claims, %d of them lost, %v were made anew and %v known", made, lost, anew, known)
	}
	w.sendInBits(l.part(2, 3))
	w.counted(a)
	if n := a.claims("unverified"); n != unverified {
		t.Errorf("%v claims are unverified with all nodes there again", n-unverified)
	}
	a.terminate()

	flags, _ := w.verifyOnce(l)
	for _, events := range [][]onside.Event{l.part(0, 3), old, l.part(2, 3)} {
		flags.wantDedup(t, "claimed", events)
	}
	if all {
		flags.wantDedup(t, "unverified", away)
	}
}

// TestRedisClusterNodeAway kills one of three nodes that serve what slots there are, or stops it, so that it hears and says nothing. From the first batch on what the others have
// is known, and they take claims; what the node has is unverified until it is back.
func TestRedisClusterNodeAway(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		for name, node := range map[string]struct{ goes, comes func(*store) }{
			"killed":  {(*store).kill, (*store).start},
			"stopped": {func(s *store) { s.signal(syscall.SIGSTOP) }, func(s *store) { s.signal(syscall.SIGCONT) }},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				nodes := newNodes(t, "--cluster-require-full-coverage", "no")
				w := newWorldOn(t, plaintextKafka(t), nodes[0], "--set", "redis.mode=cluster", "--set", "redis.timeout=1s", "--redis", nodes[0].addr+","+nodes[1].addr)
				deliver(w).withTopics().missesNode(nodes, node.goes, node.comes)
			})
		}
	})
}

// missesNode does without the last node for a while.
func (w *world) missesNode(nodes []*store, goes, comes func(*store)) {
	t, l := w.t, newLoad(w.t, 200)
	old, oldAgain := l.contacts("old", 30)
	away, _ := l.contacts("away", 30)
	meanwhile, _ := l.contacts("meanwhile", 1500)
	a := w.start("a").ready()
	w.sendInBits(l.part(0, 2))
	w.counted(a)
	before := claimsOf(nodes)
	w.sendOf(l, old)
	w.counted(a)
	var has [3]int // claims of the addresses
	for i, keys := range claimsOf(nodes) {
		has[i] = len(keys) - len(before[i])
	}
	others := nodes[:2]
	taken := func() (n int) {
		for _, keys := range claimsOf(others) {
			n += len(keys)
		}
		return n
	}

	goes(nodes[2])
	known, unverified := a.claims("duplicate"), a.claims("unverified")
	for _, e := range oldAgain {
		w.sendOf(l, []onside.Event{e})
		w.counted(a)
	}
	if k, u := a.claims("duplicate")-known, a.claims("unverified")-unverified; k != float64(has[0]+has[1]) || u != float64(has[2]) || k*u == 0 {
		t.Errorf("%v claims are known and %v unverified; the nodes have %v, the last is away", k, u, has)
	}
	claimed, unverified, had := a.claims("claimed"), a.claims("unverified"), taken()
	w.sendOf(l, away)
	w.counted(a)
	if c, u, n := a.claims("claimed")-claimed, a.claims("unverified")-unverified, taken()-had; c != float64(n) || c+u != float64(has[0]+has[1]+has[2]) || c*u == 0 {
		t.Errorf("%v claims are made and %v unverified, of as many as %v; the nodes have taken %d", c, u, has, n)
	}
	if n := a.metric("onside_redis_breaker_open"); n != 1 {
		t.Errorf("onside_redis_breaker_open is %v", n)
	}
	if got := a.logged("node"); got != nodes[2].addr {
		t.Errorf("the log names node %q, want %q", got, nodes[2].addr)
	}

	comes(nodes[2])
	eventually(t, "the nodes agree that all slots are there", func() bool { return agreed(nodes) })
	w.sendUntil(l, meanwhile, "the node takes claims again", func() bool { return a.metric("onside_redis_breaker_open") == 0 })
	w.counted(a)
	unverified = a.claims("unverified")
	w.sendInBits(l.part(1, 2))
	w.counted(a)
	if n := a.claims("unverified") - unverified; n > 0 {
		t.Errorf("%v claims are unverified with all nodes there again", n)
	}
	a.terminate()

	flags, _ := w.verifyOnce(l)
	for _, events := range [][]onside.Event{l.part(0, 2), old, l.part(1, 2)} {
		flags.wantDedup(t, "claimed", events)
	}
	flags.wantDedup(t, "unverified", oldAgain)
}

// TestRedisClusterFailsOver kills a node that has a replica. Once that is master, it has the claims, and nobody misses the dead one.
func TestRedisClusterFailsOver(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	nodes := newNodes(t)
	replica := newReplica(t, nodes, nodes[2])
	w := newWorldOn(t, plaintextKafka(t), nodes[0], "--set", "redis.mode=cluster", "--redis", nodes[2].addr+","+nodes[1].addr).withTopics()
	l := newLoad(t, 200)
	old, oldAgain := l.contacts("old", 30)
	meanwhile, _ := l.contacts("meanwhile", 1500)
	a := w.start("a").ready()
	w.sendInBits(l.part(0, 2))
	w.sendOf(l, old)
	w.counted(a)
	eventually(t, "the replica has all claims", func() bool { return len(replica.claims()) == len(nodes[2].claims()) })

	nodes[2].kill()
	w.sendUntil(l, meanwhile, "it is noticed", func() bool { return a.metric("onside_redis_breaker_open") == 1 })
	eventually(t, "the replica is master", func() bool { return replica.info("role") == "master" })
	had := len(replica.claims())
	w.sendUntil(l, meanwhile[len(meanwhile)/2:], "the replica takes claims", func() bool {
		return len(replica.claims()) > had && a.metric("onside_redis_breaker_open") == 0
	})
	w.counted(a)
	known, unverified := a.claims("duplicate"), a.claims("unverified")
	w.sendOf(l, oldAgain)
	w.sendInBits(l.part(1, 2))
	w.counted(a)
	if n := a.claims("unverified") - unverified; n > 0 || a.claims("duplicate")-known < float64(len(oldAgain)) {
		t.Errorf("%v claims are unverified, %v known, with the replica master", n, a.claims("duplicate")-known)
	}
	a.terminate()
	flags, _ := w.verifyOnce(l)
	for _, events := range [][]onside.Event{l.part(0, 2), old, l.part(1, 2)} {
		flags.wantDedup(t, "claimed", events)
	}
}

// TestRedisClusterEvicts asks every node whether it takes claims, not one of them.
func TestRedisClusterEvicts(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	nodes := newNodes(t)
	nodes[1].command("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
	w := newWorldOn(t, plaintextKafka(t), nodes[0], "--set", "redis.mode=cluster").withTopics()
	for range 3 {
		if out, err := w.checked(); err != nil || !strings.Contains(out, "warn  redis has maxmemory-policy volatile-ttl") {
			t.Errorf("worker check --connect: %v\n%s", err, out)
		}
	}
	a := w.start("a").ready()
	eventually(t, "a warns of the policy", func() bool { return a.logged("maxmemory_policy") == "volatile-ttl" })
	a.terminate()
}

// slots are how many hash slots a cluster has.
const slots = 16384

// newNodes are a cluster of three, a third of the slots each. They keep on disk who they are, and nothing else.
func newNodes(t *testing.T, more ...string) []*store {
	t.Helper()
	var nodes []*store
	for i := range 3 {
		s := newNode(t, nodes, more...)
		s.command("CLUSTER", "ADDSLOTSRANGE", slots*i/3, slots*(i+1)/3-1)
		nodes = append(nodes, s)
	}
	eventually(t, "the nodes are a cluster", func() bool { return agreed(nodes) })
	return nodes
}

// newNode is one more that has met a cluster's first.
func newNode(t *testing.T, nodes []*store, more ...string) *store {
	t.Helper()
	addr := freeAddress(t)
	host, port, _ := net.SplitHostPort(addr)
	_, bus, _ := net.SplitHostPort(freeAddress(t))
	args := []string{"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000"}
	s := startRedis(t, addr, append(args, more...)...)
	if len(nodes) > 0 {
		nodes[0].command("CLUSTER", "MEET", host, port, bus)
	}
	return s
}

// newReplica is one of a cluster's node.
func newReplica(t *testing.T, nodes []*store, of *store) *store {
	t.Helper()
	s := newNode(t, nodes, "--repl-diskless-sync-delay", "0")
	eventually(t, "the replica is of the cluster", func() bool { return agreed(append(nodes[:len(nodes):len(nodes)], s)) })
	s.command("CLUSTER", "REPLICATE", of.command("CLUSTER", "MYID"))
	eventually(t, "the replica has all, and everybody knows it", func() bool {
		for _, n := range nodes {
			if !strings.Contains(n.command("CLUSTER", "NODES").(string), " slave ") {
				return false
			}
		}
		return s.info("master_link_status") == "up"
	})
	return s
}

// agreed reports whether every node says that all slots are served.
func agreed(nodes []*store) bool {
	for _, s := range nodes {
		info := s.command("CLUSTER", "INFO").(string)
		for _, want := range []string{"cluster_state:ok", fmt.Sprintf("cluster_slots_ok:%d", slots), fmt.Sprintf("cluster_known_nodes:%d", len(nodes))} {
			if !strings.Contains(info, want+"\r\n") {
				return false
			}
		}
	}
	return true
}

func claimsOf(nodes []*store) (keys []map[string]bool) {
	for _, s := range nodes {
		keys = append(keys, s.claims())
	}
	return keys
}
