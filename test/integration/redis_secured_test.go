package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRedisSecured goes through TLS to a Redis, with a certificate of its own and without, and over a restart of it.
func TestRedisSecured(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	for name, mutual := range map[string]bool{"tls": false, "mtls": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := newAuthority(t)
			s := ca.startRedis(mutual)
			finds := ca.trusted()
			if mutual {
				finds = append(finds, ca.issue("worker").flags()...)
			}
			w, l := newWorldOn(t, plaintextKafka(t), s, finds...).withTopics(), newLoad(t, 200)
			old, oldAgain := l.contacts("old", 10)
			meanwhile, _ := l.contacts("meanwhile", 500)
			if out, err := w.checked(); err != nil {
				t.Errorf("worker check --connect: %v\n%s", err, out)
			}
			a := w.start("a").ready()
			w.sendInBits(l.part(0, 3))
			w.sendOf(l, old)
			w.settled()
			w.sendOf(l, oldAgain)
			w.counted(a)

			before := a.claims("claimed")
			s.kill()
			w.sendInBits(l.part(1, 3))
			w.settled()
			s.start()
			w.sendUntil(l, meanwhile, "claims are verified again", func() bool { return a.claims("claimed") > before })
			w.sendInBits(l.part(2, 3))
			w.settled()
			a.terminate()

			flags, _ := w.verifyOnce(l)
			flags.wantDedup(t, "claimed", l.part(0, 3))
			flags.wantDedup(t, "unverified", l.part(1, 3))
			flags.wantDedup(t, "claimed", l.part(2, 3))
			flags.wantRepeats(t, "", oldAgain)
		})
	}
}

// TestRedisRefuses has a Redis and a worker that do not trust each other: worker check says so, and the worker works as without a Redis.
func TestRedisRefuses(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	ours, other := newAuthority(t), newAuthority(t)
	s := ours.startRedis(true)
	w, l := newWorldOn(t, plaintextKafka(t), s).withTopics(), newLoad(t, 100)
	own, stranger := ours.issue("worker").flags(), other.issue("worker").flags()
	for name, finds := range map[string][]string{
		"no certificate":           ours.trusted(),
		"a stranger's certificate": append(ours.trusted(), stranger...),
		"a server of a stranger":   append(other.trusted(), own...),
		"a server of another name": append(ours.named("redis"), own...),
		"no tls":                   nil,
	} {
		w.finds = finds
		if out, err := w.checked(); err == nil || !strings.Contains(out, "FAIL  single redis") {
			t.Errorf("%s: worker check --connect: %v\n%s", name, err, out)
		}
	}
	w.finds = append(ours.trusted(), stranger...)
	a := w.start("a").ready()
	w.send(l.events)
	w.settled()
	a.terminate()
	flags, reminders := w.verifyOnce(l)
	flags.wantDedup(t, "unverified", l.events)
	reminders.wantDedup(t, "unverified", l.events)
	if n := len(s.claims()); n > 0 {
		t.Errorf("%d claims are there", n)
	}
}

// TestRedisRights gives the worker's user the rights of the files in deploy, and no others. worker check misses each of them.
func TestRedisRights(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	for mode, x := range map[string]struct {
		shipped string
		start   func(t *testing.T, users string) []*store
	}{
		"single": {"redis-users.acl", func(t *testing.T, users string) []*store {
			return []*store{startRedis(t, freeAddress(t), "--aclfile", users)}
		}},
		"cluster": {"redis-users-cluster.acl", func(t *testing.T, users string) []*store { return newNodes(t, "--aclfile", users) }},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			users, rules := shippedUser(t, x.shipped)
			servers := x.start(t, users)
			second := filepath.Join(t.TempDir(), "second")
			writeFile(t, second, []byte("what is being changed"))
			w := newWorldOn(t, plaintextKafka(t), servers[0], "--set", "redis.mode="+mode, "--set", "redis.username=onside", "--set", "redis.password="+password,
				"--set", "redis.second_key_file="+second)
			l := newLoad(t, 100)
			w.withTopics()
			if out, err := w.checked(); err != nil || strings.Contains(out, blindToEviction) {
				t.Errorf("worker check --connect: %v\n%s", err, out)
			}
			set := func(rule string) {
				for _, s := range servers {
					s.command("ACL", "SETUSER", "onside", rule)
				}
			}
			for _, rule := range rules {
				if rule == "+asking" {
					onTheMove(t, servers)
					if out, err := w.checked(); err != nil {
						t.Errorf("worker check --connect while slots move: %v\n%s", err, out)
					}
				}
				set(without(rule))
				out, err := w.checked()
				if rule == "+info" {
					if err != nil || !strings.Contains(out, blindToEviction) {
						t.Errorf("worker check --connect without %s: %v\n%s", rule, err, out)
					}
				} else if err == nil || !strings.Contains(out, "FAIL  "+mode+" redis") {
					t.Errorf("worker check --connect without %s: %v\n%s", rule, err, out)
				}
				set(rule)
				if rule == "+asking" {
					settleSlots(t, servers)
				}
			}
			a := w.start("a").ready()
			w.send(l.events)
			w.counted(a)
			if n := a.claims("unverified"); n > 0 || a.claims("claimed") == 0 {
				t.Errorf("%v claims are unverified", n)
			}
			for _, op := range []string{"load", "append"} {
				if n := a.metric(`onside_history_requests_total{operation="` + op + `",result="error"}`); n > 0 {
					t.Errorf("history failed %v times to %s", n, op)
				}
				if n := a.metric(`onside_history_requests_total{operation="` + op + `",result="ok"}`); n <= 0 {
					t.Errorf("history did %v times %s", n, op)
				}
			}
			a.terminate()
			w.verifyOnce(l)
		})
	}
}

// TestRedisRightsOfSentinels gives the worker's user of the sentinels the rights of the file in deploy, and no others, and its user of the Redis those of a single one. Each is
// made use of: a sentinel refuses it when it is taken away.
func TestRedisRightsOfSentinels(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	s, w, rules := newWatchedWithUsers(t)
	check := func() (out string, missed []string, err error) {
		s.resetRefused()
		out, err = w.checked()
		return out, s.refused(), err
	}
	if out, missed, err := check(); err != nil || len(missed) > 0 {
		t.Errorf("worker check --connect: %v, refused %q\n%s", err, missed, out)
	}
	for _, rule := range rules {
		s.revoke(rules, rule)
		switch rule {
		case "+sentinel|get-master-addr-by-name":
			if out, _, err := check(); err == nil || !strings.Contains(out, "FAIL  sentinel redis") {
				t.Errorf("worker check --connect without %s: %v\n%s", rule, err, out)
			}
		case "+ping": // once a connection has been idle for a while
			a := w.start("a").ready()
			s.awaitRefused(rule, s.refused)
			a.terminate()
		default:
			s.awaitRefused(rule, func() []string {
				_, missed, err := check()
				if err != nil {
					t.Errorf("worker check --connect without %s: %v", rule, err)
				}
				return missed
			})
		}
		s.setUser(rules...)
	}
}

// TestRedisFailoverUnheard has a failover that the old master does not hear of: it stays a master for those who have connections to it. A worker that may subscribe leaves
// it when the sentinels say so; one that may not goes on making claims there.
func TestRedisFailoverUnheard(t *testing.T) {
	needsRedisServers(t)
	t.Parallel()
	for name, heard := range map[string]bool{"subscribed": true, "without the right": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, w, rules := newWatchedWithUsers(t)
			if !heard {
				s.revoke(rules, "+subscribe")
			}
			l := newLoad(t, 100)
			meanwhile, _ := l.contacts("meanwhile", 500)
			later, _ := l.contacts("later", 20)
			a := w.start("a").ready()
			w.sendInBits(l.part(0, 2))
			w.counted(a)
			s.synced()
			s.master.command("ACL", "SETUSER", "default", "-slaveof", "-replicaof") // which is how sentinels tell it
			s.sentinels[0].command("SENTINEL", "FAILOVER", masterName)
			s.promoted()

			fresh := s.replica
			if !heard {
				fresh = s.master
			}
			before := len(fresh.claims())
			w.sendUntil(l, meanwhile, "claims are made where they should be", func() bool { return len(fresh.claims()) > before })
			w.counted(a)
			old := len(s.master.claims())
			w.sendOf(l, later)
			w.sendInBits(l.part(1, 2))
			w.settled()
			if more := len(s.master.claims()) - old; heard == (more > 0) {
				t.Errorf("%d more claims are made at the old master", more)
			}
			a.terminate()
			w.verifyOnce(l)
		})
	}
}

// newWatchedWithUsers are a Redis and sentinels with the users that deploy ships, and the rules of the sentinels' one.
func newWatchedWithUsers(t *testing.T) (*watched, *world, []string) {
	t.Helper()
	users, _ := shippedUser(t, "redis-users.acl")
	sentinels, rules := shippedUser(t, "redis-users-sentinel.acl")
	s := newWatched(t, []string{"--aclfile", users}, "aclfile "+sentinels)
	w := s.world("--set", "redis.username=onside", "--set", "redis.password="+password,
		"--set", "redis.sentinel_username=onside", "--set", "redis.sentinel_password="+password)
	return s, w.withTopics(), rules
}

// revoke takes a rule of the worker's user away, at all sentinels.
func (s *watched) revoke(rules []string, rule string) {
	s.t.Helper()
	if strings.HasPrefix(rule, "&") { // there is no way to take one away
		s.setUser(append([]string{"resetchannels"}, slices.DeleteFunc(slices.Clone(rules), func(r string) bool { return r == rule })...)...)
		return
	}
	s.setUser(without(rule))
}

// setUser adds rules to those of the worker's user.
func (s *watched) setUser(rules ...string) {
	s.t.Helper()
	args := []any{"ACL", "SETUSER", "onside"}
	for _, r := range rules {
		args = append(args, r)
	}
	for _, x := range s.sentinels {
		x.command(args...)
	}
}

// refused are the commands and channels that the sentinels have refused since resetRefused.
func (s *watched) refused() (what []string) {
	s.t.Helper()
	for _, x := range s.sentinels {
		c := x.client()
		entries, err := c.ACLLog(s.t.Context(), 128).Result()
		c.Close()
		if err != nil {
			s.t.Fatal(err)
		}
		for _, e := range entries {
			what = append(what, e.Object)
		}
	}
	return what
}

func (s *watched) resetRefused() {
	s.t.Helper()
	for _, x := range s.sentinels {
		x.command("ACL", "LOG", "RESET")
	}
}

// awaitRefused waits until what the rule allows is among what was refused.
func (s *watched) awaitRefused(rule string, refused func() []string) {
	s.t.Helper()
	eventually(s.t, "a sentinel refuses what "+rule+" allows", func() bool { return slices.Contains(refused(), rule[1:]) })
}

// onTheMove has every node of a cluster give its slots away to the next one, key by key, and not come to an end: it sends those who want a
// key that it does not have to the next node, which wants them to say ASKING.
func onTheMove(t *testing.T, nodes []*store) {
	t.Helper()
	for i, from := range nodes {
		to := nodes[(i+1)%len(nodes)]
		setSlots(t, from, i, "MIGRATING", to.command("CLUSTER", "MYID"))
		setSlots(t, to, i, "IMPORTING", from.command("CLUSTER", "MYID"))
	}
}

// settleSlots leaves the slots where they are.
func settleSlots(t *testing.T, nodes []*store) {
	t.Helper()
	for _, s := range nodes {
		for i := range nodes {
			setSlots(t, s, i, "STABLE")
		}
	}
}

// setSlots tells a node something of the slots that the i-th of newNodes has.
func setSlots(t *testing.T, node *store, i int, what ...any) {
	t.Helper()
	c := node.client()
	defer c.Close()
	p := c.Pipeline()
	for slot := slots * i / 3; slot < slots*(i+1)/3; slot++ {
		p.Do(t.Context(), append([]any{"CLUSTER", "SETSLOT", slot}, what...)...)
	}
	if _, err := p.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// blindToEviction is what worker check says of a Redis that keeps its eviction policy to itself.
const blindToEviction = "warn  redis does not tell its maxmemory-policy"

// shippedUser is a file of deploy with a password for its user, as an operator adds it, and the rules of that user.
func shippedUser(t *testing.T, name string) (file string, rules []string) {
	t.Helper()
	b, err := os.ReadFile("../../deploy/" + name)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSpace(string(b))
	given, ok := strings.CutPrefix(line, "user onside on ")
	if !ok || strings.Contains(line, "\n") {
		t.Fatalf("%s is not one line about onside: %s", name, line)
	}
	file = filepath.Join(t.TempDir(), name)
	writeFile(t, file, fmt.Appendf(nil, "%s #%x\n", line, sha256.Sum256([]byte(password))))
	return file, strings.Fields(given)
}

// without is the rule that takes back what the rule gives: a command, or all keys.
func without(rule string) string {
	if command, ok := strings.CutPrefix(rule, "+"); ok {
		return "-" + command
	}
	return "resetkeys"
}

// authority signs certificates for 127.0.0.1.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "an authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	var der []byte
	der, a.key = a.sign(template, nil)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return a
}

// sign makes a key and a certificate of it, by a parent or by itself.
func (a *authority) sign(template, parent *x509.Certificate) (der []byte, key *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber, template.NotAfter = serial, time.Now().Add(time.Hour)
	by := a.key
	if parent == nil {
		parent, by = template, key
	}
	if der, err = x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by); err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

// pair is a certificate and its key, in files.
type pair struct{ cert, key string }

func (a *authority) issue(name string) pair {
	a.t.Helper()
	der, key := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	dir := a.t.TempDir()
	p := pair{filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")}
	writeFile(a.t, p.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	writeFile(a.t, p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return p
}

// flags have a worker show the certificate to its Redis.
func (p pair) flags() []string {
	return []string{"--set", "redis.tls.cert_file=" + p.cert, "--set", "redis.tls.key_file=" + p.key}
}

// trusted has a worker use TLS, and trust a Redis with a certificate of the authority.
func (a *authority) trusted() []string {
	return []string{"--set", "redis.tls.enabled=true", "--set", "redis.tls.ca_file=" + a.file}
}

// named is trusted, for a Redis that calls itself so.
func (a *authority) named(server string) []string {
	return append(a.trusted(), "--set", "redis.tls.server_name="+server)
}

// startRedis starts a redis-server that speaks nothing but TLS; mutual if its clients must show a certificate of the authority.
func (a *authority) startRedis(mutual bool) *store {
	a.t.Helper()
	addr := freeAddress(a.t)
	_, port, _ := net.SplitHostPort(addr)
	server, client := a.issue("server"), a.issue("test")
	clients := "no"
	if mutual {
		clients = "yes"
	}
	s := startRedis(a.t, addr, "--port", "0", "--tls-port", port, "--tls-auth-clients", clients,
		"--tls-cert-file", server.cert, "--tls-key-file", server.key, "--tls-ca-cert-file", a.file)
	own, err := tls.LoadX509KeyPair(client.cert, client.key)
	if err != nil {
		a.t.Fatal(err)
	}
	s.tls = &tls.Config{RootCAs: pool(a.t, a.file), Certificates: []tls.Certificate{own}}
	return s
}
