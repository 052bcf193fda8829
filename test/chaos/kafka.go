package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kafka is what the run itself asks of the cluster, with a client that shares no code with the workers'.
type kafka struct {
	client  *kgo.Client
	brokers []string
	run     string // group, and beginning of the topics' names
}

// topics of a run.
const (
	events      = "events"
	flags       = "flags"
	reminders   = "reminders"
	deadLetters = "dead_letters"
)

func (k *kafka) topic(name string) string { return k.run + "." + name }

func connect(brokers []string, run string) (*kafka, error) {
	k := &kafka{brokers: brokers, run: run}
	var err error
	k.client, err = k.newClient(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	return k, err
}

func (k *kafka) newClient(more ...kgo.Opt) (*kgo.Client, error) {
	c, err := kgo.NewClient(append(more, kgo.SeedBrokers(k.brokers...), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.MetadataMaxAge(time.Second), kgo.RetryTimeout(time.Minute))...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	return c, nil
}

// create makes the run's topics.
func (k *kafka) create(ctx context.Context, partitions int) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	for _, t := range []struct {
		name       string
		partitions int32
	}{{events, int32(partitions)}, {flags, 2}, {reminders, 1}, {deadLetters, 1}} {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = k.topic(t.name), t.partitions, -1
		req.Topics = append(req.Topics, topic)
	}
	res, err := req.RequestWith(ctx, k.client)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for _, t := range res.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return fmt.Errorf("create topic %s: %w", t.Topic, err)
		}
	}
	return nil
}

// remove deletes the run's topics and group: somebody else's cluster is left as it was.
func (k *kafka) remove(ctx context.Context) error {
	req := kmsg.NewPtrDeleteTopicsRequest()
	for _, name := range []string{events, flags, reminders, deadLetters} {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = kmsg.StringPtr(k.topic(name))
		req.Topics, req.TopicNames = append(req.Topics, t), append(req.TopicNames, k.topic(name))
	}
	_, err := req.RequestWith(ctx, k.client)
	group := kmsg.NewPtrDeleteGroupsRequest()
	group.Groups = []string{k.run}
	_, groupErr := group.RequestWith(ctx, k.client)
	return errors.Join(err, groupErr)
}

// grow gives the events topic n partitions.
func (k *kafka) grow(ctx context.Context, n int) error {
	req := kmsg.NewPtrCreatePartitionsRequest()
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = k.topic(events), int32(n)
	req.Topics = append(req.Topics, t)
	res, err := req.RequestWith(ctx, k.client)
	if err != nil {
		return fmt.Errorf("add partitions: %w", err)
	}
	for _, t := range res.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return fmt.Errorf("add partitions: %w", err)
		}
	}
	return nil
}

// count is how many partitions of a topic have a leader; an error is also one of a partition.
func (k *kafka) count(ctx context.Context, topic string) (int32, error) {
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(k.topic(topic))
	req.Topics = append(req.Topics, t)
	res, err := req.RequestWith(ctx, k.client)
	if err != nil {
		return 0, err
	}
	if len(res.Topics) == 0 {
		return 0, kerr.UnknownTopicOrPartition
	}
	found := &res.Topics[0] // the one that was asked for
	err = kerr.ErrorForCode(found.ErrorCode)
	for _, p := range found.Partitions {
		err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
	}
	return int32(len(found.Partitions)), err
}

// coordinator is the broker that keeps the group.
func (k *kafka) coordinator(ctx context.Context) (int32, error) {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey, req.CoordinatorKeys = k.run, []string{k.run}
	res, err := req.RequestWith(ctx, k.client)
	if err != nil {
		return 0, err
	}
	if len(res.Coordinators) == 0 {
		return res.NodeID, kerr.ErrorForCode(res.ErrorCode)
	}
	return res.Coordinators[0].NodeID, kerr.ErrorForCode(res.Coordinators[0].ErrorCode)
}

// inSync says whether every broker has every record of any topic that it should have.
func (k *kafka) inSync(ctx context.Context) (bool, error) {
	res, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, k.client)
	if err != nil {
		return false, err
	}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			if len(p.ISR) < len(p.Replicas) {
				return false, nil
			}
		}
	}
	return true, nil
}

// ends are the offsets at which the next records of a topic's partitions will stand, for readers of what is committed.
func (k *kafka) ends(ctx context.Context, topic string) (map[int32]int64, error) {
	n, err := k.count(ctx, topic)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.IsolationLevel = 1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = k.topic(topic)
	for id := range n {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = id, -1
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	ends := map[int32]int64{}
	for _, shard := range k.client.RequestSharded(ctx, req) { // one a leader
		if shard.Err != nil {
			return nil, shard.Err
		}
		for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, err
				}
				ends[p.Partition] = p.Offset
			}
		}
	}
	return ends, nil
}

// committed are the group's positions in the events; none for a partition of which nothing was committed.
func (k *kafka) committed(ctx context.Context, partitions int32) (map[int32]int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = k.run
	t := kmsg.NewOffsetFetchRequestTopic()
	t.Topic = k.topic(events)
	for id := range partitions {
		t.Partitions = append(t.Partitions, id)
	}
	req.Topics = append(req.Topics, t)
	res, err := req.RequestWith(ctx, k.client)
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(res.ErrorCode); err != nil {
		return nil, err
	}
	at := map[int32]int64{}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, err
			}
			if p.Offset >= 0 {
				at[p.Partition] = p.Offset
			}
		}
	}
	return at, nil
}

// lag is how many events the group has not committed.
func (k *kafka) lag(ctx context.Context) (behind int64, err error) {
	ends, err := k.ends(ctx, events)
	if err != nil {
		return 0, err
	}
	at, err := k.committed(ctx, int32(len(ends)))
	if err != nil {
		return 0, err
	}
	for id, end := range ends {
		behind += end - at[id]
	}
	return behind, nil
}
