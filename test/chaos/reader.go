package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// reader reads what the workers publish from the beginning to the end, as a consumer of those topics would.
type reader struct {
	kafka  *kafka
	client *kgo.Client
	ledger *ledger
	pulse  *pulse
	delays *delays
	keep   *journal

	mu    sync.Mutex
	next  map[string]map[int32]int64 // offsets by topic and partition
	fault error                      // the first record that could not be understood
}

func newReader(k *kafka, l *ledger, p *pulse, d *delays, keep *journal) (*reader, error) {
	r := &reader{kafka: k, ledger: l, pulse: p, delays: d, keep: keep, next: map[string]map[int32]int64{}}
	for _, topic := range outputs {
		r.next[k.topic(topic)] = map[int32]int64{}
	}
	var err error
	r.client, err = k.newClient(kgo.ConsumeTopics(k.topic(flags), k.topic(reminders), k.topic(deadLetters)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	return r, err
}

var outputs = []string{flags, reminders, deadLetters}

// run reads until ctx ends.
func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := r.client.PollFetches(ctx) // errors of partitions are retried by the client
		now := time.Now()
		fetches.EachRecord(func(rec *kgo.Record) { r.take(rec, now) })
	}
}

func (r *reader) take(rec *kgo.Record, now time.Time) {
	if !r.fresh(rec) || rec.Attrs.IsControl() {
		return
	}
	r.keep.write(rec)
	out, err := r.understand(rec)
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.fault == nil {
			r.fault = fmt.Errorf("%s, partition %d, offset %d: %w", rec.Topic, rec.Partition, rec.Offset, err)
		}
		return
	}
	r.ledger.see(out)
	r.pulse.beat(out.partition, out.stamped, now)
	if !out.stamped.IsZero() {
		r.delays.show(place{out.partition, out.offset}, showing{out.stamped, out.unverified})
	}
}

// fresh says whether the record was not read before: a client that has lost its leader may go back.
func (r *reader) fresh(rec *kgo.Record) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.next[rec.Topic]
	if rec.Offset < next[rec.Partition] {
		return false
	}
	next[rec.Partition] = rec.Offset + 1
	return true
}

// notice is what a flag and a reminder have in common.
type notice struct {
	FlagID     string `json:"flag_id"`
	ReminderID string `json:"reminder_id"`
	Dedup      string `json:"dedup"`
	Event      struct {
		EventID string `json:"event_id"`
	} `json:"event"`
	Source struct {
		Partition int32 `json:"partition"`
		Offset    int64 `json:"offset"`
	} `json:"source"`
}

func (r *reader) understand(rec *kgo.Record) (*record, error) {
	if rec.Topic == r.kafka.topic(deadLetters) {
		return letter(rec)
	}
	var n notice
	if err := json.Unmarshal(rec.Value, &n); err != nil {
		return nil, err
	}
	out := &record{
		kind: flagged, event: n.Event.EventID, id: n.FlagID, content: string(rec.Value),
		unverified: n.Dedup != "claimed", partition: n.Source.Partition, offset: n.Source.Offset, stamped: rec.Timestamp,
	}
	if rec.Topic == r.kafka.topic(reminders) {
		out.kind, out.id = reminded, n.ReminderID
	}
	if out.id == "" {
		return nil, fmt.Errorf("a record of event %s has no id", out.event)
	}
	return out, nil
}

// letter reads a dead letter. It is known again by where its event stood.
func letter(rec *kgo.Record) (*record, error) {
	headers := map[string]string{}
	for _, h := range rec.Headers {
		headers[h.Key] = string(h.Value)
	}
	partition, err := strconv.ParseInt(headers["onside.error.partition"], 10, 32)
	if err != nil {
		return nil, fmt.Errorf("a dead letter does not say where it comes from: %w", err)
	}
	return &record{
		kind: dead, event: string(rec.Key), id: headers["onside.error.partition"] + "/" + headers["onside.error.offset"],
		content: string(rec.Value), partition: int32(partition), stamped: time.Time{},
	}, nil
}

// caughtUp says whether everything has been read that stands in the topics.
func (r *reader) caughtUp(ctx context.Context) (bool, error) {
	for _, topic := range outputs {
		ends, err := r.kafka.ends(ctx, topic)
		if err != nil {
			return false, err
		}
		for id, end := range ends {
			r.mu.Lock()
			next := r.next[r.kafka.topic(topic)][id]
			r.mu.Unlock()
			if next < end {
				return false, nil
			}
		}
	}
	return true, nil
}
