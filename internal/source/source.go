// Package source reads chat events from Kafka: it joins a consumer group, runs one lane per assigned
// partition, fetches, checks, decompresses and decodes, and commits.
//
// A caller writes one function, the Lane. It asks its Partition for the next Batch, does what must be done
// about it, and says Done once the effects are acknowledged:
//
//	c, err := source.New(source.Config{Brokers: brokers, Topic: "chat.messages", Group: "onside"}, log)
//	...
//	err = c.Run(ctx, func(ctx context.Context, p *source.Partition) error {
//		for {
//			b, err := p.Next(ctx)
//			if errors.Is(err, source.ErrEnd) {
//				return nil
//			}
//			if err != nil {
//				return err
//			}
//			for i := range b.Records { ... }
//			p.Done(b)
//		}
//	})
//
// What it promises:
//
//   - Delivery is at least once and in offset order. Of every record, its owner gets the decoded message, or a Code
//     that says why there is none; nothing is skipped in silence. Records that the log itself has taken back (aborted
//     transactions, control records, compacted ones) are the exception: nobody wrote them, in the end.
//   - A commit covers a contiguous run of batches that the lane has called Done for, and carries the generation that
//     owned them: a member that was expelled cannot move the group's position. Lanes that commit themselves, in transactions,
//     start at a position that nobody else moves any more (Config.Fence).
//   - A partition has one lane in a group at a time. When the group rebalances, or ctx ends, Next answers ErrEnd; the
//     context that the lane was given lives on, at most DrainTimeout, so that a batch in hand can be finished.
//   - Memory is bounded by the configuration whatever the records contain: a compressed bomb becomes one record with a
//     Code, and the partition goes on.
//   - A Kafka that is away is waited for, and each change from well to unwell and back is one line in the log.
//
// Where it can break: a lane that ignores the end of its context is expelled and its partition given away while it
// still works. If the topic is deleted and created again, commits made within the few seconds before this is noticed
// may name offsets of the new topic.
package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"go.uber.org/zap"
)

// What happens when the group's position no longer exists in the log.
const (
	Earliest = "earliest" // go on at the oldest record that is left (the default)
	Latest   = "latest"   // go on at the end: what lies between is lost
	Fail     = "fail"     // Run returns ErrOutOfRange
)

var (
	// ErrEnd is Next's answer when the generation has ended or a drain was asked for: the lane returns nil.
	ErrEnd = errors.New("the partition is being given back")

	// ErrOutOfRange is what Run returns, wrapped, under the policy Fail.
	ErrOutOfRange = errors.New("the committed position is outside the log")
)

// Config says what to read and how. Zero values stand for the defaults named here.
type Config struct {
	Brokers []string // host:port; required
	Topic   string   // required
	Group   string   // required

	TLS  *tls.Config    // nil: plaintext
	SASL sasl.Mechanism // nil: none

	SessionTimeout    time.Duration // 30 s: how long a silent member keeps its partitions
	RebalanceTimeout  time.Duration // 4 s: how long the group waits for a member
	HeartbeatInterval time.Duration // 300 ms: how soon a member learns of a rebalance
	JoinGroupBackoff  time.Duration // 500 ms
	WatchInterval     time.Duration // 5 s: how often new partitions and a replaced topic are looked for
	CommitInterval    time.Duration // 500 ms
	FetchWait         time.Duration // 250 ms: how long a broker may hold a fetch that finds nothing
	DrainTimeout      time.Duration // 10 s: how long lanes may finish after the end; at most half of RebalanceTimeout in a rebalance

	MaxBatchBytes        int // 1 MiB: what one partition yields per fetch, and the size of a Batch
	MaxRecordBytes       int // 1 MiB: a longer record is not decoded
	MaxDecompressedBytes int // 64 MiB: what one record batch may unpack to

	OutOfRange string // Earliest, Latest or Fail
	Mapping    Mapping
	Hooks      Hooks

	// Fence, where there is one, leaves commits to the lanes, so that they can commit in the transaction that publishes what came of a
	// batch. It is called for every assigned partition, and returns when nobody can commit any more to whom the partition was assigned
	// before; its error means that it is called again. Only then is the position read. A lane commits what Partition.Unsaved says,
	// or the Next of a batch in hand when it has done all before, and tells Partition.Saved; nothing else commits.
	Fence func(ctx context.Context, partition int) error
}

// Hooks tell the caller facts worth counting. Each may be nil. They are called from several goroutines, must be safe
// for that, and must be quick.
type Hooks struct {
	Group    func(GroupState)           // the membership changed
	Assigned func(partitions []int)     // a generation begins with these partitions
	Revoked  func(partitions []int)     // its lanes have returned
	Gap      func(Gap)                  // the position was not in the log
	Lag      func(Lag)                  // once per partition and CommitInterval
	Fetch    func(bytes int, err error) // one fetch request was answered, or was not
	Commit   func(err error)            // one commit was answered, or was not
}

// GroupState is where the consumer stands with its group.
type GroupState string

// The states, in the order of a calm life.
const (
	Waiting GroupState = "waiting" // Kafka, the topic or the coordinator is not there yet
	Joined  GroupState = "joined"  // member of a generation, lanes at work
	Left    GroupState = "left"    // Run has ended
)

// Gap is a position that was not in the log any more, or not yet.
type Gap struct {
	Partition int
	From, To  int64 // the position wanted, the position that reading goes on at
	Lost      int64 // records between them that nobody will read; 0 when the log has become shorter
}

// Lag is how far a partition's lane is behind.
type Lag struct {
	Partition int
	Messages  int64         // between what is done and the end of the log
	Behind    time.Duration // age of the newest record that is done; 0 when there is no lag
}

func (c Config) withDefaults() Config {
	orDuration(&c.SessionTimeout, 30*time.Second)
	orDuration(&c.RebalanceTimeout, 4*time.Second)
	orDuration(&c.HeartbeatInterval, 300*time.Millisecond)
	orDuration(&c.JoinGroupBackoff, 500*time.Millisecond)
	orDuration(&c.WatchInterval, 5*time.Second)
	orDuration(&c.CommitInterval, 500*time.Millisecond)
	orDuration(&c.FetchWait, 250*time.Millisecond)
	orDuration(&c.DrainTimeout, 10*time.Second)
	orInt(&c.MaxBatchBytes, 1<<20)
	orInt(&c.MaxRecordBytes, 1<<20)
	orInt(&c.MaxDecompressedBytes, 64<<20)
	if c.OutOfRange == "" {
		c.OutOfRange = Earliest
	}
	return c
}

// holdBytes is the largest answer of a partition that memory is set aside for.
func (c *Config) holdBytes() int { return max(4*c.MaxBatchBytes, c.MaxRecordBytes+1<<20) }

func orDuration(d *time.Duration, def time.Duration) {
	if *d == 0 {
		*d = def
	}
}

func orInt(n *int, def int) {
	if *n == 0 {
		*n = def
	}
}

// Validate reports every fault of the configuration at once, as joined errors.
func (c Config) Validate() error {
	c = c.withDefaults()
	errs := []error{c.validateNames(), c.validateTimes(), c.validateSizes()}
	if _, err := NewDecoder(c.Mapping); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (c *Config) validateNames() error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("brokers: at least one address is needed"))
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			errs = append(errs, fmt.Errorf("brokers: %q is not host:port", b))
		}
	}
	if c.Topic == "" {
		errs = append(errs, errors.New("topic: a name is needed"))
	}
	if c.Group == "" {
		errs = append(errs, errors.New("group: a name is needed"))
	}
	switch c.OutOfRange {
	case Earliest, Latest, Fail:
	default:
		errs = append(errs, fmt.Errorf("out_of_range: %q is none of earliest, latest, fail", c.OutOfRange))
	}
	return errors.Join(errs...)
}

func (c *Config) validateTimes() error {
	var errs []error
	for _, t := range []struct {
		name string
		d    time.Duration
	}{
		{"session_timeout", c.SessionTimeout},
		{"rebalance_timeout", c.RebalanceTimeout},
		{"heartbeat_interval", c.HeartbeatInterval},
		{"join_group_backoff", c.JoinGroupBackoff},
		{"watch_interval", c.WatchInterval},
		{"commit_interval", c.CommitInterval},
		{"fetch_wait", c.FetchWait},
		{"drain_timeout", c.DrainTimeout},
	} {
		if t.d < time.Millisecond || t.d > 24*time.Hour {
			errs = append(errs, fmt.Errorf("%s: %s is not between 1ms and 24h", t.name, t.d))
		}
	}
	if c.HeartbeatInterval*3 > c.SessionTimeout {
		errs = append(errs, fmt.Errorf("heartbeat_interval: %s is more than a third of session_timeout %s", c.HeartbeatInterval, c.SessionTimeout))
	}
	return errors.Join(errs...)
}

func (c *Config) validateSizes() error {
	var errs []error
	for _, s := range []struct {
		name string
		n    int
	}{
		{"max_batch_bytes", c.MaxBatchBytes},
		{"max_record_bytes", c.MaxRecordBytes},
		{"max_decompressed_bytes", c.MaxDecompressedBytes},
	} {
		if s.n < 1<<10 || s.n > 1<<30 {
			errs = append(errs, fmt.Errorf("%s: %d is not between 1 KiB and 1 GiB", s.name, s.n))
		}
	}
	return errors.Join(errs...)
}

// Lane is the caller's work on one partition. ctx outlives the generation by at most DrainTimeout. A lane that returns an error,
// or returns while its partition is still its own, ends the generation for all lanes, which then join again after a pause.
type Lane func(ctx context.Context, p *Partition) error

// Consumer is one member of the group.
type Consumer struct {
	cfg  Config
	log  *zap.Logger
	bufs buffers
}

// New checks the configuration; it connects to nothing. A nil logger is silence.
func New(cfg Config, log *zap.Logger) (*Consumer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("check configuration of the source: %w", err)
	}
	if log == nil {
		log = zap.NewNop()
	}
	cfg = cfg.withDefaults()
	return &Consumer{
		cfg: cfg,
		log: log.With(zap.String("topic", cfg.Topic), zap.String("group", cfg.Group)),
	}, nil
}
