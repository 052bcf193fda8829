package integration

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// TestSecured goes through TLS and SCRAM-SHA-512, and creates its topics there.
func TestSecured(t *testing.T) {
	w, l := newWorld(t, securedKafka(t)), newLoad(t, 200)
	file := filepath.Join(t.TempDir(), "password")
	writeFile(t, file, []byte(w.kafka.login.password+"\n"))
	secret := []string{"--set", "kafka.sasl.password_file=" + file}
	a := w.start("a", append(secret, "--create-topics", "--set", "kafka.create.partitions=6")...).ready()
	w.send(l.events)
	w.settled()
	a.terminate()
	w.verify(l)
	if out, err := w.checked(secret...); err != nil {
		t.Errorf("worker check --connect: %v\n%s", err, out)
	}
	out, err := w.checked("--set", "kafka.sasl.password=not-the-password")
	if err == nil || strings.Contains(out, "not-the-password") {
		t.Errorf("worker check --connect with a wrong password: %v\n%s", err, out)
	}
}

// checked runs worker check --connect.
func (w *world) checked(more ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args := append([]string{"check", "--connect"}, w.connection()...)
	out, err := exec.CommandContext(ctx, workerBinary, append(args, more...)...).CombinedOutput()
	return string(out), err
}

// securedKafka is a cluster that speaks TLS and wants SCRAM-SHA-512.
func securedKafka(t *testing.T) *cluster {
	t.Helper()
	k := &cluster{t: t}
	if addresses := realBrokers(); addresses != "" {
		k.brokers = strings.Split(published(t, "secure"), ",")
		k.login = &login{filepath.Join(kafkaDir(), "run", "ca.pem"), published(t, "user"), published(t, "password")}
		k.connect(strings.Split(addresses, ","))
		return k
	}
	k.secure("onside", kfake.Superuser)
	return k
}

// How users of an embedded Kafka get in.
const (
	mechanism = "SCRAM-SHA-512"
	password  = "a password"
)

// secure embeds a Kafka with a user for the tests, and one for the workers who is what it is told.
func (k *cluster) secure(tester string, worker func(method, user, password string) kfake.Opt, opts ...kfake.Opt) {
	k.t.Helper()
	config, caFile := serverCertificate(k.t)
	k.login = &login{caFile, "onside", password}
	opts = append(opts, kfake.TLS(config), kfake.EnableSASL(), kfake.Superuser(mechanism, tester, password), worker(mechanism, k.login.user, password))
	k.embed(opts...)
	k.connect(k.brokers,
		kgo.DialTLSConfig(&tls.Config{RootCAs: pool(k.t, caFile)}),
		kgo.SASL(scram.Auth{User: tester, Pass: password}.AsSha512Mechanism()))
}

// serverCertificate is a TLS configuration for the embedded Kafka, and the file that clients trust.
func serverCertificate(t *testing.T) (config *tls.Config, caFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "onside-test"},
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, caFile
}

func pool(t *testing.T, caFile string) *x509.CertPool {
	t.Helper()
	b, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(b) {
		t.Fatalf("no certificate in %s", caFile)
	}
	return p
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
