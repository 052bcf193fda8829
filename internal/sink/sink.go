// Package sink brings decisions out: flags and reminders, each at most once in a reader's eyes, and dead letters.
//
// # The guarantee
//
// [Sink.Deliver] returns without an error only when everything that it was given is acknowledged by all in-sync replicas or
// is a proven duplicate. A caller that commits its offsets behind that, and delivers again whatever it has not
// committed, loses nothing: at least once, on every fault. What it delivers again has the same id for ever, so a reader who
// ignores ids that it knows sees every flag exactly once.
//
// Deduplication is by owned claims. Before a finding is published, the record that it was found in claims it in Redis:
//
//	SET <keyed hash of conversation, sender, category, evidence, …> <owner> NX GET PX <window>
//
// The owner is the record: topic, incarnation, partition, offset, and the policy. Whoever owns the claim publishes, everybody
// else is a duplicate. A record that is delivered again after a crash meets its own claim and publishes; this is where
// the plain "exists, so it was sent" loses flags. A record is suppressed only on proof, an intact claim of another
// record, and that other record publishes before its own offset is committed. Within a partition only an earlier record's claim is proof, so no
// two can suppress each other.
//
// The protocol is a model too, whose every state is visited by TestProtocol; docs/DELIVERY.md has its crash table and its limits.
//
// # How it breaks
//
//   - Redis silent, full, read-only, or answering nonsense: flags go out at once and say dedup "unverified". Nothing is lost, repeats
//     are possible.
//   - Redis flushed or failed over without its last writes: claims vanish, so a repeat within the window is flagged
//     again, under its own id.
//   - A claim whose owner is never published still suppresses its repeats until the window ends. It takes a death between claim and
//     acknowledgement, and an owner that is then not delivered again (its topic was deleted, retention was faster), or not
//     decided as before (under another policy, before the old one comes back; with less history). This is the one way to lose a flag.
//   - A policy or window that changes: claims of one policy mean nothing to another, so a standing case is flagged once more. So it is
//     when Config.Key changes, but for a time in which each worker has the old one or the new one as its Second.
//   - Kafka away, refusing, or without the topic: Deliver waits, logs once, and holds nothing but the batch that it was given.
//   - Deliver's context ends while an acknowledgement is outstanding: the batch may be in the log or may yet arrive. It is delivered
//     again by whoever owns the partition then, as the same bytes under the same ids.
//   - The broker forgets the producer (its log was truncated or deleted): an unacknowledged batch may be in the log twice, with
//     equal ids.
package sink

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"go.uber.org/zap"

	"onside/internal/classify"
	"onside/internal/policy"
)

// Config configures a Sink. Zero values mean the defaults; what has none is required.
type Config struct {
	Brokers []string       // host:port, required
	TLS     *tls.Config    // nil: plain text
	SASL    sasl.Mechanism // nil: none
	Topics  Topics

	Policy string // version of the policy that decides, required
	Model  string // version of the classifier

	Key      []byte        // secret of claims and fingerprints, at least 16 bytes, required; another key knows none of the old claims
	Second   []byte        // secret of claims that count too, while Key is being changed; nil: there is none
	Prefix   string        // of every Redis key: "onside:"
	Window   time.Duration // how long a repeat is a duplicate: 24h
	Evidence Evidence      // what flags show: Masked

	ClaimTimeout   time.Duration // for a batch's claims: 250ms. It needs a client with ContextTimeoutEnabled
	RequestTimeout time.Duration // for one request to Kafka: 10s; the broker waits for replicas for half of it
	MaxPause       time.Duration // between tries: 1s
	MetadataTTL    time.Duration // how late a new leader may be noticed: 1s
	MaxBatchBytes  int           // of a produce batch: 1,000,000, what a broker takes by default
	MaxRecordBytes int           // of one record: as much as fits into a batch. What is larger is shortened

	TransactionTimeout time.Duration // of Transactions: 15s. After that the broker gives up one that nobody has ended
	Transaction        func(Outcome) // told how each transaction ended, by several lanes at once; may be nil

	Now func() time.Time // the clock that stamps records: time.Now
}

// Topics are the names of the output topics.
type Topics struct {
	Flags       string // review.flags
	Reminders   string // chat.reminders
	DeadLetters string // chat.dead-letters
}

// recordRoom is what a batch and a record take besides a record's body.
const recordRoom = headerSize + maxRecordPrefix

func (c Config) withDefaults() Config {
	orDefault(&c.Topics.Flags, "review.flags")
	orDefault(&c.Topics.Reminders, "chat.reminders")
	orDefault(&c.Topics.DeadLetters, "chat.dead-letters")
	orDefault(&c.Prefix, "onside:")
	orDefault(&c.Window, 24*time.Hour)
	orDefault(&c.ClaimTimeout, 250*time.Millisecond)
	orDefault(&c.RequestTimeout, 10*time.Second)
	orDefault(&c.MaxPause, time.Second)
	orDefault(&c.MetadataTTL, time.Second)
	orDefault(&c.MaxBatchBytes, 1_000_000)
	orDefault(&c.MaxRecordBytes, c.MaxBatchBytes-recordRoom)
	orDefault(&c.TransactionTimeout, 15*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Transaction == nil {
		c.Transaction = func(Outcome) {}
	}
	return c
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Validate reports everything that is wrong with the configuration, joined; nil when nothing is.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(len(c.Brokers) > 0, "brokers: at least one is needed")
	t := c.Topics
	check(t.Flags != t.Reminders && t.Flags != t.DeadLetters && t.Reminders != t.DeadLetters, "topics: flags, reminders and dead letters need one each")
	check(c.Policy != "", "policy: the version is missing")
	check(len(c.Key) >= 16, "key: %d bytes, at least 16 are needed", len(c.Key))
	check(c.Second == nil || len(c.Second) >= 16, "second: %d bytes, at least 16 are needed", len(c.Second))
	check(c.Second == nil || !bytes.Equal(c.Second, c.Key), "second: it is the key")
	check(c.Window >= time.Second, "window: %v is under a second", c.Window)
	check(c.Evidence <= None, "evidence: unknown level %d", c.Evidence)
	check(c.ClaimTimeout > 0, "claim timeout: %v is not positive", c.ClaimTimeout)
	check(c.RequestTimeout > 0, "request timeout: %v is not positive", c.RequestTimeout)
	check(c.MaxPause > 0, "max pause: %v is not positive", c.MaxPause)
	check(c.MetadataTTL > 0, "metadata ttl: %v is not positive", c.MetadataTTL)
	check(c.TransactionTimeout >= time.Second && c.TransactionTimeout <= 15*time.Minute, "transaction timeout: %v is not between 1s and 15m", c.TransactionTimeout)
	check(c.MaxRecordBytes >= 4096, "max record bytes: %d is under 4096", c.MaxRecordBytes)
	check(c.MaxBatchBytes >= c.MaxRecordBytes+recordRoom, "max batch bytes: %d has no room for a record of %d", c.MaxBatchBytes, c.MaxRecordBytes)
	return errors.Join(faults...)
}

// Sink publishes decisions and dead letters. It is safe for concurrent use; lanes share one, and what they send to
// the same partition at the same time goes out as one batch.
type Sink struct {
	cfg       Config
	claims    claims
	shape     shape
	producer  *producer
	transport *kafka.Transport
	log       *zap.Logger

	noted struct { // in the log
		sync.Mutex
		unverified bool
		since      time.Time // when it last was
	}
}

// New makes a Sink. It connects on first use. rdb stays the caller's to close; a nil log is silent.
func New(cfg Config, rdb redis.UniversalClient, log *zap.Logger) (*Sink, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure sink: %w", err)
	}
	if rdb == nil {
		return nil, errors.New("configure sink: no Redis client")
	}
	if log == nil {
		log = zap.NewNop()
	}
	cfg = cfg.withDefaults()
	transport := cfg.transport(cfg.Topics.Flags, cfg.Topics.Reminders, cfg.Topics.DeadLetters)
	return &Sink{
		cfg: cfg,
		claims: claims{
			rdb: rdb, secret: cfg.Key, second: cfg.Second, prefix: cfg.Prefix, policy: cfg.Policy, window: cfg.Window, timeout: cfg.ClaimTimeout,
		},
		shape: shape{secret: cfg.Key, policy: cfg.Policy, model: cfg.Model, evidence: cfg.Evidence},
		producer: &producer{
			client:   &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Timeout: cfg.RequestTimeout, Transport: transport},
			log:      log,
			maxBatch: cfg.MaxBatchBytes, maxPause: cfg.MaxPause, patience: time.Second,
			partitions: make(map[place]*partition), missing: make(map[string]bool),
		},
		transport: transport,
		log:       log,
	}, nil
}

// transport is a connection pool of its own that knows only the topics that matter.
func (c Config) transport(topics ...string) *kafka.Transport {
	return &kafka.Transport{ClientID: "onside", TLS: c.TLS, SASL: c.SASL, MetadataTTL: c.MetadataTTL, MetadataTopics: topics}
}

// Close drops the connections. Call it after every Deliver has returned.
func (s *Sink) Close() { s.transport.CloseIdleConnections() }

// Origin is the partition that a batch was read from.
type Origin struct {
	Topic       string
	Incarnation string // the topic's id, so that a topic made again is another one; "" where the broker has none
	Partition   int
}

// Item is a message that the policy wants something done about.
type Item struct {
	Message     *classify.Message
	Decision    policy.Decision // an item whose action is None is passed over
	Offset      int64
	Reader      classify.Reader // that decided
	Skipped     bool            // the second reader should have read it too
	TraceParent string          // W3C trace context, handed on; may be empty
}

// Stats says what became of a batch.
type Stats struct {
	Flags       int  // published
	Reminders   int  // published
	DeadLetters int  // published
	Suppressed  int  // items that were duplicates
	Unverified  int  // flags and reminders among the published that say so
	Shortened   int  // records that were too large to go out whole
	Committed   bool // by Transactions: the position is committed too. It is not where there was nothing to publish
	Claims      Claims

	ClaimTime   time.Duration
	PublishTime time.Duration
}

// Claims counts findings by what their claims came to.
type Claims struct {
	Claimed    int // ours now
	Again      int // ours since before a crash
	Duplicate  int // another record's
	Unverified int // Redis could not tell
}

func (c *Claims) add(v verdict) {
	switch v {
	case claimed:
		c.Claimed++
	case again:
		c.Again++
	case duplicate:
		c.Duplicate++
	case unverified:
		c.Unverified++
	}
}

// Deliver publishes what the batch of one partition came to, in order, and returns when all of it is acknowledged. The
// only error is that ctx ended first: then nothing of the batch may be committed. It keeps nothing that it is given.
func (s *Sink) Deliver(ctx context.Context, o Origin, items []Item, dead []DeadLetter) (Stats, error) {
	return s.deliver(ctx, o, items, dead, s.publish)
}

func (s *Sink) deliver(ctx context.Context, o Origin, items []Item, dead []DeadLetter, publish func(context.Context, []*shipment) error) (Stats, error) {
	var st Stats
	start := s.cfg.Now()
	verdicts := s.claim(ctx, o, items, &st.Claims)
	if err := ctx.Err(); err != nil {
		return Stats{}, fmt.Errorf("claim findings: %w", err)
	}
	published := s.cfg.Now()
	out := append(s.notices(o, items, verdicts, &st), s.letters(o, dead)...)
	if err := publish(ctx, out); err != nil {
		return Stats{}, fmt.Errorf("publish batch: %w", err)
	}
	for _, x := range out {
		if x.shortened {
			st.Shortened++
		}
	}
	st.DeadLetters = len(dead)
	st.ClaimTime, st.PublishTime = published.Sub(start), s.cfg.Now().Sub(published)
	return st, nil
}

// claim is a verdict for each item.
func (s *Sink) claim(ctx context.Context, o Origin, items []Item, count *Claims) []verdict {
	lists := make([][]claim, len(items))
	var all []claim
	for i := range items {
		if items[i].Decision.Action != policy.None {
			lists[i] = s.claims.of(o, &items[i])
			all = append(all, lists[i]...)
		}
	}
	if len(all) == 0 {
		return make([]verdict, len(items))
	}
	verdicts := settle(lists, s.claims.ask(ctx, all), count)
	if ctx.Err() == nil {
		s.noteRedis(count.Unverified > 0)
	}
	return verdicts
}

// noteEvery is how long nothing is said of claims after it was said that they cannot be verified, but that they can again: while a node of
// a cluster is away, it goes to and fro.
const noteEvery = time.Minute

// noteRedis logs that claims cannot be verified, and that they can be again, once each.
func (s *Sink) noteRedis(bad bool) {
	now := s.cfg.Now()
	s.noted.Lock()
	defer s.noted.Unlock()
	switch n := &s.noted; {
	case bad && !n.unverified && now.Sub(n.since) >= noteEvery:
		n.unverified, n.since = true, now
		s.log.Warn("claims cannot be verified, publishing without")
	case !bad && n.unverified:
		n.unverified = false
		s.log.Info("claims are verified again")
	}
}

// notices are the items that go out.
func (s *Sink) notices(o Origin, items []Item, verdicts []verdict, st *Stats) []*shipment {
	var out []*shipment
	for i := range items {
		it, v := &items[i], verdicts[i]
		topic, count := s.cfg.Topics.Flags, &st.Flags
		switch {
		case it.Decision.Action == policy.None:
			continue
		case v == duplicate:
			st.Suppressed++
			continue
		case it.Decision.Action == policy.Remind:
			topic, count = s.cfg.Topics.Reminders, &st.Reminders
		}
		*count++
		if v == unverified {
			st.Unverified++
		}
		n := &notice{item: it, verdict: v, origin: o, now: s.cfg.Now(), shape: &s.shape}
		out = append(out, &shipment{parcel: n, topic: topic, limit: s.cfg.MaxRecordBytes})
	}
	return out
}

func (s *Sink) letters(o Origin, dead []DeadLetter) []*shipment {
	out := make([]*shipment, len(dead))
	for i := range dead {
		l := &letter{DeadLetter: &dead[i], origin: o, now: s.cfg.Now()}
		out[i] = &shipment{parcel: l, topic: s.cfg.Topics.DeadLetters, spread: o.Partition, limit: s.cfg.MaxRecordBytes}
	}
	return out
}
