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
			if err := os.WriteFile(second, []byte("what is being changed"), 0o600); err != nil {
				t.Fatal(err)
			}
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
