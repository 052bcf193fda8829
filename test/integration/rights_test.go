package integration

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"onside"
)

// TestRightsShipped gives a user of a real Kafka what deploy/kafka-acls.sh says, and nothing else. worker check and a worker that runs need
// nothing more, and miss each right that is taken away.
func TestRightsShipped(t *testing.T) {
	if realBrokers() == "" {
		t.Skip("needs an authorizer that nobody here has written: ONSIDE_TEST_KAFKA")
	}
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		t.Parallel()
		w := deliver(newWorld(t, securedKafka(t))).withTopics()
		w.newUser()
		rights := w.shippedRights()
		w.wantRefused("topic " + w.topic("events")) // a user of whom no ACL speaks may nothing
		for _, r := range rights {
			w.acl(r, true)
		}
		w.wantEnough()
		l := newLoad(t, 300)
		a := w.start("a", w.secret()...).ready()
		w.send(l.part(0, 1+len(rights)))
		w.settled()
		for i, r := range rights {
			said := len(a.logs.String())
			w.acl(r, false)
			w.wantRefused(r.checked())
			w.send(l.part(1+i, 1+len(rights)))
			w.sendOf(l, []onside.Event{l.another(t, "review", r.name), l.another(t, "remind", r.name)})
			w.sendSpoiltOne()
			eventually(t, "the worker says that it lacks the right to "+r.name, func() bool {
				return strings.Contains(a.logs.String()[said:], "Authorization Failed")
			})
			w.wantRefused(r.checked()) // and meanwhile the worker could have done it all
			if behind, state := w.behind(); behind <= 0 {
				t.Errorf("without the right %+v everything is committed: %s", r, state)
			}
			w.acl(r, true)
			w.wantEnough()
			w.settled()
		}
		a.terminate()
		w.verify(l)
		w.verifySpoilt(len(rights))
	})
}

// another is an event in a conversation of its own that says what one of the load's does that is alone, and so has the action that it has. It
// counts once it is sent, by sendOf.
func (l *load) another(t *testing.T, action, name string) onside.Event {
	t.Helper()
	for _, e := range l.events {
		if strings.HasPrefix(e.EventID, "alone-") && l.action[e.EventID] == action {
			e.EventID, e.ConversationID = action+"-"+name, action+"-"+name
			l.action[e.EventID] = action
			return e
		}
	}
	t.Fatalf("no event alone is one to %s", action)
	return onside.Event{}
}

// secret are the flags with which a worker of the test's own user gets in.
func (w *world) secret() []string {
	return []string{"--set", "kafka.sasl.password=" + w.kafka.login.password}
}

// wantEnough waits until worker check is content: brokers learn of an ACL one by one.
func (w *world) wantEnough() {
	w.t.Helper()
	out := ""
	defer func() {
		if w.t.Failed() {
			w.t.Log(out)
		}
	}()
	eventually(w.t, "worker check --connect is content", func() (ok bool) {
		var err error
		out, err = w.checkedAs()
		return err == nil
	})
}

// wantRefused waits until worker check says that something is missing.
func (w *world) wantRefused(what string) {
	w.t.Helper()
	eventually(w.t, "worker check --connect misses "+what, func() bool {
		out, err := w.checkedAs()
		return err != nil && strings.Contains(out, "FAIL  "+what)
	})
}

// checkedAs runs worker check --connect as the test's own user, with the test's delivery.
func (w *world) checkedAs() (string, error) {
	args := w.secret()
	if w.exact {
		args = append(args, "--set", "delivery=exactly_once")
	}
	return w.checked(args...)
}

// checked is how worker check begins what it says of the right.
func (r right) checked() string {
	switch r.on {
	case kmsg.ACLResourceTypeTopic:
		return "topic " + r.name + ":"
	case kmsg.ACLResourceTypeGroup:
		return "group " + r.name + ":"
	default:
		return "transactions:"
	}
}

// shippedRights are those of deploy/kafka-acls.sh for the world's group, topics and user.
func (w *world) shippedRights() (rights []right) {
	w.t.Helper()
	cmd := exec.Command("../../deploy/kafka-acls.sh", "at_least_once")
	if w.exact {
		cmd.Args[1] = "exactly_once"
	}
	principal, broker := "User:"+w.kafka.login.user, w.kafka.brokers[0]
	cmd.Env = append(os.Environ(), "KAFKA_ACLS=kafka-acls.sh", "BROKERS="+broker, "PRINCIPAL="+principal, "GROUP="+w.name,
		"EVENTS="+w.topic("events"), "FLAGS="+w.topic("flags"), "REMINDERS="+w.topic("reminders"), "DEAD_LETTERS="+w.topic("dead_letters"))
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "kafka-acls.sh --bootstrap-server "+broker+" --add --allow-principal "+principal+" ")
		if !ok {
			w.t.Fatalf("not a command that grants anything to %s: %s", principal, line)
		}
		rights = append(rights, parseRight(w.t, strings.Fields(rest)))
	}
	return rights
}

// parseRight reads the options of kafka-acls.sh that make a right.
func parseRight(t *testing.T, options []string) (r right) {
	t.Helper()
	prefixed := false
	for ; len(options) >= 2; options = options[2:] {
		value, err := options[1], error(nil)
		switch options[0] {
		case "--operation":
			r.to, err = kmsg.ParseACLOperation(value)
		case "--topic":
			r.on, r.name = kmsg.ACLResourceTypeTopic, value
		case "--group":
			r.on, r.name = kmsg.ACLResourceTypeGroup, value
		case "--transactional-id":
			r.on, r.name = kmsg.ACLResourceTypeTransactionalId, value
		case "--resource-pattern-type":
			prefixed = value == "prefixed"
		default:
			t.Fatalf("what is %s?", options[0])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(options) > 0 || r.to == 0 || r.on == 0 || prefixed != (r.on == kmsg.ACLResourceTypeTransactionalId) {
		t.Fatalf("not a right that the tests can grant: %+v, prefixed %v, and %v", r, prefixed, options)
	}
	return r
}

// newUser has workers come as a user of the test's own, of whom no ACL speaks.
func (w *world) newUser() {
	w.t.Helper()
	const iterations = 4096
	salt := []byte(rand.Text())
	salted, err := pbkdf2.Key(sha512.New, password, salt, iterations, sha512.Size)
	if err != nil {
		w.t.Fatal(err)
	}
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	u := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
	u.Name, u.Mechanism, u.Iterations, u.Salt, u.SaltedPassword = w.name, scramSHA512, iterations, salt, salted
	req.Upsertions = append(req.Upsertions, u)
	w.alterUsers(req)
	w.kafka.login = &login{w.kafka.login.caFile, w.name, password}
	w.t.Cleanup(w.removeUser)
}

// removeUser leaves nothing behind of the user, in a cluster that outlives the test.
func (w *world) removeUser() {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	d := kmsg.NewAlterUserSCRAMCredentialsRequestDeletion()
	d.Name, d.Mechanism = w.name, scramSHA512
	req.Deletions = append(req.Deletions, d)
	w.alterUsers(req)

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	acls := kmsg.NewPtrDeleteACLsRequest()
	f := kmsg.NewDeleteACLsRequestFilter()
	f.ResourceType, f.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
	f.Principal, f.Operation, f.PermissionType = kmsg.StringPtr("User:"+w.name), kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	acls.Filters = append(acls.Filters, f)
	if _, err := acls.RequestWith(ctx, w.kafka.client); err != nil {
		w.t.Error(err)
	}
}

// scramSHA512 is what Kafka calls the mechanism.
const scramSHA512 = 2

func (w *world) alterUsers(req *kmsg.AlterUserSCRAMCredentialsRequest) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	res, err := req.RequestWith(ctx, w.kafka.client)
	if err == nil {
		err = kerr.ErrorForCode(res.Results[0].ErrorCode)
	}
	if err != nil {
		w.t.Fatalf("user %s: %v", w.name, err)
	}
}
