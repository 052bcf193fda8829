package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"

	"onside"
)

// usualPatterns are what a list of regular expressions against solicitation looks like.
var usualPatterns = []*regexp.Regexp{
	regexp.MustCompile(`(?i)[a-z0-9._%+-]+\s*(?:@|\[at\]|\(at\))\s*[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}`),
	regexp.MustCompile(`(?:\+|\b)\d(?:[ ().-]{0,2}\d){7,14}\b`),
	regexp.MustCompile(`(?i)\b(?:wa\.me|t\.me|m\.me|discord\.gg|bit\.ly|calendly\.com|zoom\.us|meet\.google\.com)/\S+`),
	regexp.MustCompile(`(?i)\b(?:whats ?app|telegram|skype|viber|wechat|discord|signal|messenger|instagram|facebook)\b`),
	regexp.MustCompile(`(?i)\b(?:paypal|venmo|zelle|western union|wise|cash ?app|bank transfer|outside (?:the )?(?:platform|site)|avoid (?:the )?fees?)\b`),
}

func usuallyFlagged(text string) bool {
	for _, p := range usualPatterns {
		if p.MatchString(text) {
			return true
		}
	}
	return false
}

// finds are the ids of events that were found. The zero finds is ready to use, and safe for concurrent use.
type finds struct {
	mu  sync.Mutex
	ids []string
}

func (f *finds) add(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids = append(f.ids, strings.Clone(id))
}

// others has the same events read by the programs that people write, each in a group of its own, and scores what everybody found.
func (b *bench) others(ctx context.Context, r *benchReport) error {
	rdb := newQuietRedis(b.servers.setup)
	defer rdb.Close()
	r.Compared = append(r.Compared, b.other("worker", r.Worker, b.used, &b.found))
	for _, way := range []struct {
		name, group string
		batch       int
	}{
		{"Reader, encoding/json, regexp, SETNX, one by one", "one", 1},
		{"Reader, encoding/json, the same regexp, in batches", "batch", 1000},
	} {
		u := &usual{bench: b, rdb: rdb, group: b.servers.setup.Kafka.Group + "-" + way.group, batch: way.batch}
		var costs sampler
		if err := costs.start(); err != nil {
			return err
		}
		s, err := u.run(ctx)
		used, profileErr := costs.stop()
		if err := errors.Join(err, profileErr); err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		r.Compared = append(r.Compared, b.other(way.name, s, used.outsideServers(), &u.found))
	}
	if s := b.servers.setup; len(b.opt.against) > 0 && (s.kafkaTLS != nil || s.kafkaSASL != nil || s.redisTLS != nil || s.Redis.Password != "") {
		return errors.New("--against: the others know neither TLS nor passwords")
	}
	for i, command := range b.opt.against {
		rival := &rival{bench: b, command: strings.Fields(command), group: fmt.Sprintf("%s-rival-%d", b.servers.setup.Kafka.Group, i+1)}
		report, err := rival.run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		r.Compared = append(r.Compared, report)
	}
	return nil
}

// other is a row of the comparison.
func (b *bench) other(name string, s speed, used time.Duration, found *finds) otherReport {
	verdicts := make(map[string]onside.Verdict, len(found.ids))
	for _, id := range found.ids {
		verdicts[id] = onside.Verdict{Action: "review"}
	}
	c := onside.Score(b.events, verdicts).Review
	return otherReport{
		Name: name, PerSecond: s.PerSecond, Micros: toDigits(float64(used.Microseconds())/float64(b.opt.events), 2),
		Precision: toDigits(c.Precision(), 3), Recall: toDigits(c.Recall(), 3), F1: toDigits(c.F1(), 3),
	}
}

// usual does the job with kafka-go's Reader and Writer, batch messages at a time.
type usual struct {
	*bench
	rdb   redis.UniversalClient
	group string
	batch int
	found finds
}

// usualEvent is the part of an event that the usual program decodes.
type usualEvent struct {
	EventID        string `json:"event_id"`
	ConversationID string `json:"conversation_id"`
	Sender         struct {
		ID string `json:"id"`
	} `json:"sender"`
	Text string `json:"text"`
}

func (u *usual) run(ctx context.Context) (speed, error) {
	k := &u.servers.setup.Kafka
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: k.Brokers, Topic: k.Topics.Events, GroupID: u.group, Dialer: u.servers.dialer(),
		MaxWait: 100 * time.Millisecond, MaxBytes: 10 << 20, StartOffset: kafka.FirstOffset,
	})
	writer := &kafka.Writer{
		Addr: kafka.TCP(k.Brokers...), Topic: k.Topics.DeadLetters, Transport: u.servers.transport, // not the worker's flags
		Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond,
	}
	s, err := u.read(ctx, reader, writer)
	return s, errors.Join(err, writer.Close(), reader.Close())
}

// read reads all events. The clock begins with the first.
func (u *usual) read(ctx context.Context, reader *kafka.Reader, writer *kafka.Writer) (speed, error) {
	var begun time.Time
	batch := make([]kafka.Message, 0, u.batch)
	for done := 0; done < u.opt.events; done += len(batch) {
		batch = batch[:0]
		for len(batch) < min(u.batch, u.opt.events-done) {
			m, err := u.fetch(ctx, reader)
			if err != nil {
				return speed{}, err
			}
			if begun.IsZero() {
				begun = time.Now()
			}
			batch = append(batch, m)
		}
		if err := u.work(ctx, batch, writer); err != nil {
			return speed{}, err
		}
		if err := reader.CommitMessages(ctx, batch...); err != nil {
			return speed{}, fmt.Errorf("commit: %w", err)
		}
	}
	return rateOf(int64(u.opt.events), time.Since(begun)), nil
}

func (u *usual) fetch(ctx context.Context, reader *kafka.Reader) (kafka.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, benchPatience)
	defer cancel()
	m, err := reader.FetchMessage(ctx)
	if err != nil {
		return m, fmt.Errorf("fetch: %w", err)
	}
	return m, nil
}

// work decodes, matches, asks Redis who is new, and publishes those.
func (u *usual) work(ctx context.Context, batch []kafka.Message, writer *kafka.Writer) error {
	var hits []kafka.Message
	var replies []*redis.BoolCmd
	pipe := u.rdb.Pipeline()
	for _, m := range batch {
		var e usualEvent
		if json.Unmarshal(m.Value, &e) != nil || !usuallyFlagged(e.Text) {
			continue
		}
		u.found.add(e.EventID)
		hits = append(hits, kafka.Message{Key: m.Key, Value: m.Value})
		replies = append(replies, pipe.SetNX(ctx, u.group+":"+e.ConversationID+":"+e.Sender.ID, 1, benchTTL))
	}
	if len(hits) == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	out := slices.Collect(func(yield func(kafka.Message) bool) {
		for i := range hits {
			if replies[i].Val() && !yield(hits[i]) {
				return
			}
		}
	})
	if len(out) == 0 {
		return nil
	}
	if err := writer.WriteMessages(ctx, out...); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}
