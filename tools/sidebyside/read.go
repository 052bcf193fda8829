package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
)

// batchSize is how many events are matched, claimed and published at a time; window is for how long a claim stands.
const (
	batchSize = 1000
	window    = time.Hour
)

// event is the part of an event that is decoded.
type event struct {
	EventID        string `json:"event_id"`
	ConversationID string `json:"conversation_id"`
	Sender         struct {
		ID string `json:"id"`
	} `json:"sender"`
	Text string `json:"text"`
}

// claim is the key in Redis of what one person says in one conversation.
func (j *job) claim(e *event) string { return j.group + ":" + e.ConversationID + ":" + e.Sender.ID }

// read does the job with kafka-go's Reader and Writer.
func (j *job) read(ctx context.Context, name string, match func(string) bool) (err error) {
	rdb := redis.NewClient(&redis.Options{Addr: j.redis, DisableIdentity: true})
	defer rdb.Close()
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: j.brokers, Topic: j.events, GroupID: j.group, MaxWait: 100 * time.Millisecond, MaxBytes: 10 << 20, StartOffset: kafka.FirstOffset,
	})
	writer := &kafka.Writer{
		Addr: kafka.TCP(j.brokers...), Topic: j.output, Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond,
	}
	defer func() { err = errors.Join(err, writer.Close(), reader.Close()) }()
	batch := make([]kafka.Message, 0, batchSize)
	for read := 0; read < j.count; read += len(batch) {
		batch = batch[:0]
		for len(batch) < min(batchSize, j.count-read) {
			m, err := reader.FetchMessage(ctx)
			if err != nil {
				return fmt.Errorf("fetch: %w", err)
			}
			if read+len(batch) == 0 {
				j.ready(name)
			}
			batch = append(batch, m)
		}
		if err := j.work(ctx, rdb, writer, batch, match); err != nil {
			return err
		}
		if err := reader.CommitMessages(ctx, batch...); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	return j.done()
}

// work brings one batch out.
func (j *job) work(ctx context.Context, rdb *redis.Client, writer *kafka.Writer, batch []kafka.Message, match func(string) bool) error {
	var hits, out []kafka.Message
	var replies []*redis.BoolCmd
	pipe := rdb.Pipeline()
	for _, m := range batch {
		var e event
		if json.Unmarshal(m.Value, &e) != nil || !match(e.Text) {
			continue
		}
		j.found(e.EventID)
		hits = append(hits, kafka.Message{Key: m.Key, Value: m.Value})
		replies = append(replies, pipe.SetNX(ctx, j.claim(&e), 1, window))
	}
	if len(hits) == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	for i := range hits {
		if replies[i].Val() {
			out = append(out, hits[i])
		}
	}
	if len(out) == 0 {
		return nil
	}
	if err := writer.WriteMessages(ctx, out...); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}
