package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"onside/internal/classify"
	"onside/internal/policy"
	"onside/internal/sink"
	"onside/internal/source"
)

// setup is a checked configuration, with what it names read from files.
type setup struct {
	config
	kafkaTLS  *tls.Config
	kafkaSASL sasl.Mechanism
	redisTLS  *tls.Config
	secret    []byte // hashes conversations and contacts
	second    []byte // the secret whose claims and history count too; nil: there is none
	policy    *policy.Policy
	model     *classify.Classifier
	evidence  sink.Evidence
}

// publicSecret is the key where none is configured: it keeps uses apart, and keeps nothing secret.
const publicSecret = "onside: no redis.key_file is configured"

// minSecret is the least length of a secret worth the name, in bytes.
const minSecret = 16

// finish checks what was read and loads what runs with it. The error has every fault, also of reading.
func (r *configReader) finish() (*setup, error) {
	s := r.check()
	if err := r.err(); err != nil {
		return nil, err
	}
	s.model = classify.Default().Rereading(rereadings[s.SecondReader])
	return s, nil
}

// check adds the faults of what was read, and reads the files that it names.
func (r *configReader) check() *setup {
	c := &r.config
	s := &setup{}
	s.kafkaTLS = r.tls("kafka.tls", &c.Kafka.TLS)
	s.redisTLS = r.tls("redis.tls", &c.Redis.TLS)
	s.kafkaSASL = r.sasl(&c.Kafka.SASL)
	r.password("redis.password", &c.Redis.Password, c.Redis.PasswordFile)
	r.password("redis.sentinel_password", &c.Redis.SentinelPassword, c.Redis.SentinelPasswordFile)
	s.secret = []byte(publicSecret)
	if c.Redis.KeyFile != "" {
		s.secret = r.secret("redis.key_file", c.Redis.KeyFile)
	}
	if c.Redis.SecondKeyFile != "" {
		s.second = r.secret("redis.second_key_file", c.Redis.SecondKeyFile)
		if s.second != nil && bytes.Equal(s.second, s.secret) {
			r.fault("redis.second_key_file", "%s has the secret that is in use without it", c.Redis.SecondKeyFile)
		}
	}
	s.policy = r.policy(c.Policy)
	r.checkKafka(c)
	r.checkRedis(&c.Redis)
	r.checkAdmin(c.Admin.Listen)
	s.evidence, _ = sink.ParseEvidence(c.Evidence)
	s.config = *c
	return s
}

// tls builds a client's TLS configuration; nil where it is not enabled.
func (r *configReader) tls(path string, c *tlsConfig) *tls.Config {
	if !c.Enabled {
		if *c != (tlsConfig{}) {
			r.fault(path+".enabled", "must be true for the other settings of tls to count")
		}
		return nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if c.CAFile != "" {
		t.RootCAs = x509.NewCertPool()
		if pem := r.fileOf(path+".ca_file", c.CAFile); pem != nil && !t.RootCAs.AppendCertsFromPEM(pem) {
			r.fault(path+".ca_file", "%s has no certificate in PEM", c.CAFile)
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		r.fault(path, "cert_file and key_file go together")
		return t
	}
	if c.CertFile != "" {
		r.keyPair(path, c, t)
	}
	return t
}

func (r *configReader) keyPair(path string, c *tlsConfig, t *tls.Config) {
	cert, key := r.fileOf(path+".cert_file", c.CertFile), r.fileOf(path+".key_file", c.KeyFile)
	if cert == nil || key == nil {
		return
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		r.fault(path+".cert_file", "%s and %s are no pair: %v", c.CertFile, c.KeyFile, err)
		return
	}
	t.Certificates = []tls.Certificate{pair}
}

// fileOf reads a file that a setting names; nil after a fault.
func (r *configReader) fileOf(path, name string) []byte {
	b, err := os.ReadFile(name)
	if err != nil {
		r.fault(path, "%s cannot be read: %s", name, reason(err))
		return nil
	}
	return b
}

// password replaces the password by the content of its file, where there is one. path is the password's.
func (r *configReader) password(path string, password *string, file string) {
	if file == "" {
		return
	}
	if *password != "" {
		r.fault(path, "given here and in %s_file: one of the two must go", path)
	}
	if b := r.fileOf(path+"_file", file); b != nil {
		*password = strings.TrimRight(string(b), "\r\n")
		if *password == "" {
			r.fault(path+"_file", "%s is empty", file)
		}
	}
}

func (r *configReader) secret(path, file string) []byte {
	b := r.fileOf(path, file)
	if b != nil && len(b) < minSecret {
		r.fault(path, "%s has %d bytes, want at least %d", file, len(b), minSecret)
	}
	return b
}

func (r *configReader) sasl(c *saslConfig) sasl.Mechanism {
	r.password("kafka.sasl.password", &c.Password, c.PasswordFile)
	if c.Mechanism == "none" {
		if c.Username != "" || c.Password != "" {
			r.fault("kafka.sasl.mechanism", "must be named for username and password to count: plain, scram-sha-256 or scram-sha-512")
		}
		return nil
	}
	if c.Username == "" {
		r.fault("kafka.sasl.username", "is needed with mechanism %s", c.Mechanism)
	}
	if c.Mechanism == "plain" {
		return plain.Mechanism{Username: c.Username, Password: c.Password}
	}
	algorithm := scram.SHA256
	if c.Mechanism == "scram-sha-512" {
		algorithm = scram.SHA512
	}
	m, err := scram.Mechanism(algorithm, c.Username, c.Password)
	if err != nil {
		r.fault("kafka.sasl.username", "cannot be used with SCRAM: %v", err)
	}
	return m
}

func (r *configReader) policy(file string) *policy.Policy {
	if file == "" {
		return policy.Default()
	}
	src := r.fileOf("policy", file)
	if src == nil {
		return nil
	}
	p, err := policy.Parse(src)
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			r.fault("policy", "%s:%s", file, line)
		}
	}
	return p
}

// Below the one a busy broker would end transactions that are well; above the other it takes none unless it is told to.
const minTransaction, maxTransaction = time.Second, 15 * time.Minute

// checkKafka lets the packages that get the settings say what is wrong with them.
func (r *configReader) checkKafka(c *config) {
	r.blame(sourceConfig(c).Validate(), func(name string) string {
		switch field, ok := strings.CutPrefix(name, "mapping."); {
		case ok:
			return "events." + field
		case name == "topic":
			return "kafka.topics.events"
		case name == "drain_timeout":
			return name
		}
		return "kafka." + name
	})
	t := c.Kafka.Topics
	for _, x := range []struct{ key, name string }{
		{"flags", t.Flags}, {"reminders", t.Reminders}, {"dead_letters", t.DeadLetters},
	} {
		switch x.name {
		case "":
			r.fault("kafka.topics."+x.key, "a name is needed")
		case t.Events:
			r.fault("kafka.topics."+x.key, "must not be the topic that events are read from")
		}
	}
	if d := c.Kafka.TransactionTimeout; d < minTransaction || d > maxTransaction {
		r.fault("kafka.transaction_timeout", "%s is not between %s and %s", d, shortDuration(minTransaction), shortDuration(maxTransaction))
	}
	n := c.Kafka.Create
	for _, x := range []struct {
		key string
		n   int
	}{{"partitions", n.Partitions}, {"replication", n.Replication}, {"min_in_sync", n.MinInSync}} {
		if x.n < 0 {
			r.fault("kafka.create."+x.key, "%d is below zero", x.n)
		}
	}
}

// blame makes a fault of every line "name: problem" of an error.
func (r *configReader) blame(err error, pathOf func(name string) string) {
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		name, problem, _ := strings.Cut(line, ": ")
		r.fault(pathOf(name), "%s", problem)
	}
}

func sourceConfig(c *config) source.Config {
	k := &c.Kafka
	return source.Config{
		Brokers: k.Brokers, Topic: k.Topics.Events, Group: k.Group,
		SessionTimeout: k.SessionTimeout, RebalanceTimeout: k.RebalanceTimeout, HeartbeatInterval: k.HeartbeatInterval,
		JoinGroupBackoff: k.JoinGroupBackoff, WatchInterval: k.WatchInterval, CommitInterval: k.CommitInterval,
		FetchWait: k.FetchWait, DrainTimeout: c.DrainTimeout, MaxBatchBytes: int(k.MaxBatchBytes),
		MaxRecordBytes: int(k.MaxRecordBytes), MaxDecompressedBytes: int(k.MaxDecompressedBytes), OutOfRange: k.OutOfRange,
		Mapping: source.Mapping(c.Events),
	}
}

// sinkConfig is complete but for the clock.
func sinkConfig(s *setup) sink.Config {
	k := &s.Kafka
	return sink.Config{
		Brokers: k.Brokers, TLS: s.kafkaTLS, SASL: s.kafkaSASL,
		Topics: sink.Topics{Flags: k.Topics.Flags, Reminders: k.Topics.Reminders, DeadLetters: k.Topics.DeadLetters},
		Policy: s.policy.Version(), Model: s.model.Version(), Key: s.secret, Second: s.second, Window: s.Redis.ClaimWindow,
		Evidence: s.evidence, ClaimTimeout: s.Redis.Timeout, TransactionTimeout: k.TransactionTimeout,
	}
}

func (r *configReader) checkRedis(c *redisConfig) {
	if len(c.Addresses) == 0 {
		r.fault("redis.addresses", "at least one address is needed")
	}
	for i, a := range c.Addresses {
		r.checkAddress(fmt.Sprintf("redis.addresses[%d]", i), a)
	}
	if c.Mode == "sentinel" && c.Master == "" {
		r.fault("redis.master", "is needed with mode sentinel")
	}
	if c.Mode == "single" && len(c.Addresses) > 1 {
		r.fault("redis.mode", "single has one address, there are %d: did you mean cluster or sentinel?", len(c.Addresses))
	}
	if c.Database != 0 && (c.Mode == "cluster" || c.Database < 0) {
		r.fault("redis.database", "%d is not possible with mode %s", c.Database, c.Mode)
	}
	if c.PoolSize < 1 {
		r.fault("redis.pool_size", "must be at least 1")
	}
	if c.Breaker.Failures < 1 {
		r.fault("redis.breaker.failures", "must be at least 1")
	}
}

func (r *configReader) checkAdmin(listen string) {
	if listen != "" {
		r.checkAddress("admin.listen", listen)
	}
}

func (r *configReader) checkAddress(path, address string) {
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		r.fault(path, "%q is not host:port", address)
	}
}
