package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"onside/internal/classify"
	"onside/internal/history"
	"onside/internal/sink"
)

// connectTimeout is for each of the servers.
const connectTimeout = 10 * time.Second

// checkKafka looks for the topics, as the configured user.
func checkKafka(ctx context.Context, s *setup) []checkFinding {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	t := s.Kafka.Topics
	topics := []string{t.Events, t.Flags, t.Reminders, t.DeadLetters}
	transport := &kafka.Transport{ClientID: "onside-check", TLS: s.kafkaTLS, SASL: s.kafkaSASL, MetadataTopics: topics}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(s.Kafka.Brokers...), Transport: transport}
	res, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: topics})
	if err != nil {
		return []checkFinding{finding(gradeFail, "kafka at %s: %v. Check kafka.brokers, kafka.tls and kafka.sasl", strings.Join(s.Kafka.Brokers, ","), err)}
	}
	out := []checkFinding{finding(gradeOK, "kafka with %d brokers", len(res.Brokers))}
	for _, topic := range res.Topics {
		out = append(out, checkTopic(topic))
	}
	out = append(out, checkGroup(ctx, client, s.Kafka.Group))
	if s.Delivery == exactlyOnce {
		out = append(out, checkTransactions(ctx, client, s))
	}
	return out
}

func checkTopic(t kafka.Topic) checkFinding {
	switch {
	case errors.Is(t.Error, kafka.UnknownTopicOrPartition):
		return finding(gradeFail, "topic %s is missing, or this user has no right to describe it: create it, or worker run --create-topics", t.Name)
	case t.Error != nil:
		return finding(gradeFail, "topic %s: %v", t.Name, t.Error)
	}
	for _, p := range t.Partitions {
		if p.Error != nil {
			return finding(gradeFail, "topic %s, partition %d: %v", t.Name, p.ID, p.Error)
		}
	}
	if n := len(t.Partitions[0].Replicas); n < 2 {
		return finding(gradeWarn, "topic %s has %d partitions, %d copy of each: the loss of a broker loses records", t.Name, len(t.Partitions), n)
	}
	return finding(gradeOK, "topic %s has %d partitions, %d copies of each", t.Name, len(t.Partitions), len(t.Partitions[0].Replicas))
}

func checkGroup(ctx context.Context, client *kafka.Client, group string) checkFinding {
	res, err := client.FindCoordinator(ctx, &kafka.FindCoordinatorRequest{Key: group, KeyType: kafka.CoordinatorKeyTypeConsumer})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return finding(gradeFail, "group %s: %v. This user needs READ on the group; on a fresh cluster try again", group, err)
	}
	return finding(gradeOK, "group %s is kept by broker %d", group, res.Coordinator.NodeID)
}

// checkTransactions aborts a transaction under an id that no lane has. It writes nothing.
func checkTransactions(ctx context.Context, client *kafka.Client, s *setup) checkFinding {
	ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
	defer cancel()
	if err := speaksTransactions(ctx, client); err != nil {
		return finding(gradeFail, "transactions: %v. Set delivery: %s, or bring the brokers up to date", err, atLeastOnce)
	}
	rdb := newQuietRedis(s) // a sink wants one, and does not ask it here
	defer rdb.Close()
	out, err := sink.New(sinkConfig(s), rdb, nil)
	if err != nil {
		return finding(gradeFail, "transactions: %v", err)
	}
	defer out.Close()
	if err := out.TryTransactions(ctx, s.Kafka.Group, s.Kafka.Topics.Events); err != nil {
		return finding(gradeFail, "transactions: %v. On a fresh cluster try again", err)
	}
	return finding(gradeOK, "transactions under ids that begin with %s/ can be begun and aborted", s.Kafka.Group)
}

// transactionTimeout is for a transaction that nothing stands in the way of.
const transactionTimeout = 3 * time.Second

// speaksTransactions wants the requests that carry a member's generation and tell stable positions: those of Kafka 2.5.
func speaksTransactions(ctx context.Context, client *kafka.Client) error {
	res, err := client.ApiVersions(ctx, &kafka.ApiVersionsRequest{})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return fmt.Errorf("ask for api versions: %w", err)
	}
	missing := map[int]int{int(protocol.TxnOffsetCommit): 3, int(protocol.OffsetFetch): 7}
	for _, k := range res.ApiKeys {
		if want, ok := missing[k.ApiKey]; ok && k.MaxVersion >= want {
			delete(missing, k.ApiKey)
		}
	}
	if len(missing) > 0 {
		return errors.New("these brokers lack what exactly_once needs; Kafka has it from 2.5 on")
	}
	return nil
}

// checkRedis makes a claim and keeps a history as lanes do, and looks for settings that make claims vanish.
func checkRedis(ctx context.Context, s *setup) []checkFinding {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	rdb := newQuietRedis(s)
	defer rdb.Close()
	where := s.Redis.Mode + " redis at " + strings.Join(s.Redis.Addresses, ",")
	if err := tryClaim(ctx, rdb, s.second != nil); err != nil {
		return []checkFinding{finding(gradeFail, "%s: %v. Check redis.addresses, redis.tls and the rights of the user; flags go out unverified without it", where, err)}
	}
	out := []checkFinding{finding(gradeOK, "%s takes claims", where)}
	if err := tryHistory(ctx, rdb, s.secret); err != nil {
		out = append(out, finding(gradeFail, "%s keeps no history: %v. Check the rights of the user; messages are decided by what one worker has seen itself without it", where, err))
	} else {
		out = append(out, finding(gradeOK, "%s keeps history", where))
	}
	return append(out, checkEviction(ctx, rdb))
}

// tryClaim makes a claim of nothing, and looks at it as is done while the secret is being changed.
func tryClaim(ctx context.Context, rdb redis.UniversalClient, look bool) error {
	key := "onside:check:" + rand.Text()
	args := redis.SetArgs{Mode: "NX", Get: true, TTL: time.Minute}
	switch err := rdb.SetArgs(ctx, key, "first", args).Err(); {
	case err == nil:
		return errors.New("a key that is new was there already")
	case !errors.Is(err, redis.Nil):
		return err
	}
	got, err := rdb.SetArgs(ctx, key, "second", args).Result()
	if err == nil && got != "first" {
		err = errors.New("a claim was not kept: SET NX GET needs Redis 7.0")
	}
	if err != nil || !look {
		return err
	}
	pipe := rdb.Pipeline()
	pipe.Get(ctx, key)
	pipe.PTTL(ctx, key)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("claims under redis.second_key_file: %w", err)
	}
	return nil
}

// tryHistory keeps two signals of a conversation that nobody has, and lets the first go: what lanes ask of Redis besides claims.
func tryHistory(ctx context.Context, rdb redis.UniversalClient, secret []byte) error {
	h := history.New(rdb, secret, nil, time.Minute).In(history.Scope{Topic: "check", Incarnation: rand.Text()})
	key := h.Key("check")
	first := history.Entry{Key: key, Signal: classify.Signal{Offset: 1}}
	second := history.Entry{Key: key, Signal: classify.Signal{Offset: 2}, Drop: []int64{1}}
	for _, e := range []history.Entry{first, second} {
		if err := h.Append(ctx, []history.Entry{e}); err != nil {
			return err
		}
	}
	signals, skipped, err := h.Load(ctx, []history.Key{key})
	switch {
	case err != nil:
		return err
	case skipped > 0 || len(signals[0]) != 1 || signals[0][0].Offset != 2:
		return errors.New("what was written is not what is read")
	}
	return nil
}

// checkEviction warns of a server that drops keys when it is full.
func checkEviction(ctx context.Context, rdb redis.UniversalClient) checkFinding {
	p, err := evictionPolicy(ctx, rdb)
	switch {
	case err != nil:
		return finding(gradeWarn, "redis does not tell its maxmemory-policy to this user; it should be noeviction")
	case p != noEviction:
		return finding(gradeWarn, "redis has maxmemory-policy %s: claims that it evicts are flagged again; set noeviction", p)
	}
	return finding(gradeOK, "redis keeps what it has when it is full")
}
