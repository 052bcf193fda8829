package integration

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The tests of this file take something away from a worker and give it back. Meanwhile the worker holds what it cannot
// bring out, and nothing is committed past that; afterwards it goes on by itself, and nothing is missing.

// away is how long: several times as long as a worker waits before it tries again.
const away = 3 * time.Second

// bothWays runs a test with each kind of delivery.
func bothWays(t *testing.T, test func(t *testing.T, deliver func(*world) *world)) {
	t.Helper()
	t.Run("at least once", func(t *testing.T) { test(t, func(w *world) *world { return w }) })
	t.Run("exactly once", func(t *testing.T) { test(t, (*world).exactlyOnce) })
}

// TestRightsTaken revokes a right of the worker's, as somebody does who tidies up ACLs, and grants it again.
func TestRightsTaken(t *testing.T) {
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		for name, right := range map[string]func(*world) right{
			"to write flags":        func(w *world) right { return w.mayWrite("flags") },
			"to write dead letters": func(w *world) right { return w.mayWrite("dead_letters") },
			"to read events": func(w *world) right {
				return right{kmsg.ACLResourceTypeTopic, w.topic("events"), kmsg.ACLOperationRead}
			},
			"to the group":    func(w *world) right { return right{kmsg.ACLResourceTypeGroup, w.name, kmsg.ACLOperationRead} },
			"to transactions": func(w *world) right { return w.mayTransact() },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w, l := deliver(newWorld(t, guardedKafka(t))).withTopics(), newLoad(t, 150)
				w.grantAll()
				a := w.start("a", "--set", "kafka.sasl.password="+password).ready()
				w.send(l.part(0, 3))
				w.settled()

				w.acl(right(w), false)
				w.send(l.part(1, 3))
				w.sendSpoiltOne()
				time.Sleep(away)
				if name != "to transactions" || w.exact {
					w.wantHeld()
				}
				w.acl(right(w), true)
				w.send(l.part(2, 3))
				w.settled()

				a.terminate()
				w.verify(l)
				w.verifySpoilt(1)
			})
		}
	})
}

// TestTopicsTaken deletes topics that a worker writes to, before anything is in them, and creates them again. A dead-letter topic that is
// away stops the worker too: what cannot be read is not dropped.
func TestTopicsTaken(t *testing.T) {
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		for _, kind := range []string{"flags", "dead_letters"} {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				w, l := deliver(newWorld(t, plaintextKafka(t))).withTopics(), newLoad(t, 100)
				a := w.start("a").ready()
				w.kafka.remove(w.topic(kind))
				w.send(l.part(0, 2))
				w.sendSpoiltOne()
				time.Sleep(away)
				w.wantHeld()
				w.kafka.create(2, w.topic(kind))
				w.send(l.part(1, 2))
				w.settled()
				a.terminate()
				w.verify(l)
				w.verifySpoilt(1)
				if logs := a.logs.String(); !strings.Contains(logs, "topic unavailable, waiting for it") && !strings.Contains(logs, w.topic(kind)+": ") {
					t.Error("the log does not say which topic is away")
				}
			})
		}
	})
}

// TestCoordinatorAway has everything that a coordinator is asked answered for seconds as a broker does that is not it any more, or that has yet
// to read what it has to know. Real coordinators are lost in TestLeaderLost.
func TestCoordinatorAway(t *testing.T) {
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		for _, fault := range []*kerr.Error{kerr.NotCoordinator, kerr.CoordinatorLoadInProgress} {
			t.Run(fault.Message, func(t *testing.T) {
				t.Parallel()
				w, l := deliver(newWorld(t, fakeKafka(t))).withTopics(), newLoad(t, 150)
				a, b := w.start("a"), w.start("b")
				w.shared(a, b)
				w.send(l.part(0, 3))
				faults := w.kafka.fake.Fault(kfake.Fault{Err: fault, Count: -1, Keys: []kmsg.Key{
					kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.LeaveGroup, kmsg.OffsetCommit, kmsg.OffsetFetch, kmsg.FindCoordinator,
					kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn,
				}})
				w.send(l.part(1, 3))
				time.Sleep(away)
				faults.Remove()
				if faults.Hits() == 0 {
					t.Error("nobody asked")
				}
				w.send(l.part(2, 3))
				w.settled()
				a.terminate()
				b.terminate()
				w.verify(l)
			})
		}
	})
}

// wantHeld wants something of the events not to be committed.
func (w *world) wantHeld() {
	w.t.Helper()
	ends, err := w.kafka.ends(w.topic("events"))
	if err != nil {
		w.t.Fatal(err)
	}
	committed, err := w.kafka.committed(w.name, w.topic("events"), partitions)
	if err != nil {
		w.t.Fatal(err)
	}
	if maps.Equal(ends, committed) {
		w.t.Errorf("everything is committed: %v", committed)
	}
}

// sendSpoiltOne produces one event that cannot be read.
func (w *world) sendSpoiltOne() {
	w.t.Helper()
	w.produce(w.kafka.client, &kgo.Record{Topic: w.topic("events"), Key: []byte("spoilt"), Value: []byte("{")})
}

// verifySpoilt wants dead letters of so many spoilt events.
func (w *world) verifySpoilt(n int) {
	w.t.Helper()
	read := w.kafka.readAll
	if w.exact {
		read = w.kafka.readCommitted
	}
	letters := map[string]int{}
	for _, r := range read(w.topic("dead_letters")) {
		_, x := readLetter(r)
		letters[x.Position]++
	}
	if len(letters) != n {
		w.t.Errorf("dead letters of %d spoilt events: %v", n, letters)
	}
}

// guardedKafka is an embedded cluster with ACLs, whatever the environment says. TestRightsShipped has those of a real one.
func guardedKafka(t *testing.T) *cluster {
	t.Helper()
	k := &cluster{t: t}
	k.secure("tester", func(method, user, password string) kfake.Opt { return kfake.User(method, user, password) }, kfake.EnableACLs())
	return k
}

// fakeKafka is an embedded cluster, whatever the environment says.
func fakeKafka(t *testing.T) *cluster {
	t.Helper()
	k := &cluster{t: t}
	k.embed()
	k.connect(k.brokers)
	return k
}

// right is what an ACL gives.
type right struct {
	on   kmsg.ACLResourceType
	name string
	to   kmsg.ACLOperation
}

func (w *world) mayWrite(kind string) right {
	return right{kmsg.ACLResourceTypeTopic, w.topic(kind), kmsg.ACLOperationWrite}
}

func (w *world) mayTransact() right {
	return right{kmsg.ACLResourceTypeTransactionalId, w.name + "/", kmsg.ACLOperationWrite}
}

// grantAll grants what a worker needs.
func (w *world) grantAll() {
	w.t.Helper()
	for _, r := range []right{
		{kmsg.ACLResourceTypeTopic, w.topic("events"), kmsg.ACLOperationRead},
		w.mayWrite("flags"), w.mayWrite("reminders"), w.mayWrite("dead_letters"),
		{kmsg.ACLResourceTypeGroup, w.name, kmsg.ACLOperationRead},
		w.mayTransact(),
	} {
		w.acl(r, true)
	}
}

// acl grants a right to the worker's user, or revokes it.
func (w *world) acl(r right, grant bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	pattern := kmsg.ACLResourcePatternTypeLiteral
	if r.on == kmsg.ACLResourceTypeTransactionalId {
		pattern = kmsg.ACLResourcePatternTypePrefixed
	}
	user := "User:" + w.kafka.login.user
	if grant {
		req := kmsg.NewPtrCreateACLsRequest()
		c := kmsg.NewCreateACLsRequestCreation()
		c.ResourceType, c.ResourceName, c.ResourcePatternType = r.on, r.name, pattern
		c.Principal, c.Host, c.Operation, c.PermissionType = user, "*", r.to, kmsg.ACLPermissionTypeAllow
		req.Creations = append(req.Creations, c)
		res, err := req.RequestWith(ctx, w.kafka.client)
		if err != nil || res.Results[0].ErrorCode != 0 {
			w.t.Fatalf("grant %+v: %v", r, err)
		}
		return
	}
	req := kmsg.NewPtrDeleteACLsRequest()
	f := kmsg.NewDeleteACLsRequestFilter()
	f.ResourceType, f.ResourceName, f.ResourcePatternType = r.on, &r.name, pattern
	f.Principal, f.Operation, f.PermissionType = &user, r.to, kmsg.ACLPermissionTypeAllow
	req.Filters = append(req.Filters, f)
	res, err := req.RequestWith(ctx, w.kafka.client)
	if err != nil || len(res.Results[0].MatchingACLs) != 1 {
		w.t.Fatalf("revoke %+v: %v", r, err)
	}
}

// remove deletes a topic.
func (k *cluster) remove(topic string) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 10_000
	req.TopicNames = []string{topic}
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = &topic
	req.Topics = append(req.Topics, t)
	res, err := req.RequestWith(ctx, k.client)
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].ErrorCode)
	}
	if err != nil {
		k.t.Fatalf("delete %s: %v", topic, err)
	}
	eventually(k.t, topic+" is gone", func() bool {
		_, err := k.describe(topic)
		return err != nil
	})
}
