package integration

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cluster is a Kafka, with a client of the tests' own: franz-go, which shares no code with the worker's.
type cluster struct {
	t       *testing.T
	brokers []string       // that workers are told
	login   *login         // how they get in; nil: plaintext
	fake    *kfake.Cluster // nil: it is real
	client  *kgo.Client
	options []kgo.Opt // of the client
}

// login is what a client needs of a cluster with TLS and SCRAM-SHA-512.
type login struct {
	caFile, user, password string
}

// realBrokers are the addresses of the real Kafka; "" where the tests embed one.
func realBrokers() string { return os.Getenv("ONSIDE_TEST_KAFKA") }

// kafkaDir is where kafka.sh keeps its cluster.
func kafkaDir() string {
	if dir := os.Getenv("KAFKA_DIR"); dir != "" {
		return dir
	}
	return "../../.kafka"
}

// kafkaScript starts deploy/dev/kafka.sh; what it returns waits for the end, and may be called again.
func kafkaScript(args ...string) (wait func(*testing.T)) {
	var out []byte
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		out, err = exec.Command("../../deploy/dev/kafka.sh", args...).CombinedOutput()
	}()
	return func(t *testing.T) {
		t.Helper()
		if <-done; err != nil {
			t.Errorf("kafka.sh %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// published is a line of what kafka.sh tells clients.
func published(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(kafkaDir(), "run", name))
	if err != nil {
		t.Fatalf("a real Kafka must be one of deploy/dev/kafka.sh: %v", err)
	}
	return strings.TrimSpace(string(b))
}

// plaintextKafka is a cluster without locks.
func plaintextKafka(t *testing.T) *cluster {
	t.Helper()
	k := &cluster{t: t}
	if addresses := realBrokers(); addresses != "" {
		k.brokers = strings.Split(addresses, ",")
	} else {
		k.embed()
	}
	k.connect(k.brokers)
	return k
}

// embed has two brokers, so that leaders differ.
func (k *cluster) embed(opts ...kfake.Opt) {
	k.t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(2)}, opts...)...)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(c.Close)
	k.fake, k.brokers = c, c.ListenAddrs()
}

func (k *cluster) connect(brokers []string, opts ...kgo.Opt) {
	k.t.Helper()
	k.options = append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.MetadataMinAge(100 * time.Millisecond)}, opts...)
	k.client = k.newClient()
	k.t.Cleanup(k.client.Close)
}

func (k *cluster) newClient(opts ...kgo.Opt) *kgo.Client {
	k.t.Helper()
	c, err := kgo.NewClient(append(opts, k.options...)...)
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

// create makes topics with as many copies as the cluster gives by default, and waits until they have leaders.
func (k *cluster) create(partitions int32, names ...string) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req := kmsg.NewPtrCreateTopicsRequest()
	for _, name := range names {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, -1
		req.Topics = append(req.Topics, t)
	}
	res, err := req.RequestWith(ctx, k.client)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, t := range res.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			k.t.Fatalf("create %s: %v", t.Topic, err)
		}
	}
	eventually(k.t, "the new topics can be read", func() bool {
		for _, name := range names {
			if ends, err := k.ends(name); err != nil || len(ends) != int(partitions) {
				return false
			}
		}
		return true
	})
}

// describe asks for the topics, or all there are; an error is also one that a topic or a partition has.
func (k *cluster) describe(topics ...string) ([]kmsg.MetadataResponseTopic, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	res, err := req.RequestWith(ctx, k.client)
	if err != nil {
		return nil, err
	}
	for _, t := range res.Topics {
		err = errors.Join(err, kerr.ErrorForCode(t.ErrorCode))
		for _, p := range t.Partitions {
			err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
		}
	}
	return res.Topics, err
}

// leaders are those of a topic's partitions.
func (k *cluster) leaders(topic string) (map[int32]int32, error) {
	topics, err := k.describe(topic)
	if err != nil {
		return nil, err
	}
	leaders := map[int32]int32{}
	for _, p := range topics[0].Partitions {
		leaders[p.Partition] = p.Leader
	}
	return leaders, nil
}

// inSync waits until every broker has every record that it should have.
func (k *cluster) inSync() {
	k.t.Helper()
	eventually(k.t, "all copies are in sync", func() bool {
		topics, err := k.describe()
		for _, t := range topics {
			for _, p := range t.Partitions {
				if len(p.ISR) < len(p.Replicas) {
					return false
				}
			}
		}
		return err == nil
	})
}

// coordinator is the broker that keeps the group.
func (k *cluster) coordinator(group string) int32 {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey, req.CoordinatorKeys = group, []string{group}
	res, err := req.RequestWith(ctx, k.client)
	if err != nil {
		k.t.Fatal(err)
	}
	if len(res.Coordinators) == 0 {
		return res.NodeID
	}
	if err := kerr.ErrorForCode(res.Coordinators[0].ErrorCode); err != nil {
		k.t.Fatal(err)
	}
	return res.Coordinators[0].NodeID
}

// ends are the offsets at which the next records of a topic's partitions will stand.
func (k *cluster) ends(topic string) (map[int32]int64, error) { return k.endsSeen(topic, false) }

// endsSeen are the ends as a reader sees them who does not read beyond an open transaction, or any other reader.
func (k *cluster) endsSeen(topic string, committed bool) (map[int32]int64, error) {
	leaders, err := k.leaders(topic)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req := kmsg.NewPtrListOffsetsRequest()
	if committed {
		req.IsolationLevel = 1
	}
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	for id := range leaders {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = id, -1
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	ends := map[int32]int64{}
	for _, shard := range k.client.RequestSharded(ctx, req) { // one per leader
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

// committed are the group's offsets; -1 where it has none.
func (k *cluster) committed(group, topic string, partitions int) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	t := kmsg.NewOffsetFetchRequestTopic()
	t.Topic = topic
	for id := range partitions {
		t.Partitions = append(t.Partitions, int32(id))
	}
	req.Topics = append(req.Topics, t)
	res, err := req.RequestWith(ctx, k.client)
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(res.ErrorCode); err != nil {
		return nil, err
	}
	committed := map[int32]int64{}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, err
			}
			committed[p.Partition] = p.Offset
		}
	}
	return committed, nil
}

// readAll reads a topic from its beginning to its end of now.
func (k *cluster) readAll(topic string) []*kgo.Record {
	k.t.Helper()
	var ends map[int32]int64
	eventually(k.t, "the end of "+topic+" is known", func() (ok bool) {
		var err error
		ends, err = k.ends(topic)
		return err == nil
	})
	from := map[int32]kgo.Offset{}
	left := 0
	for id, end := range ends {
		from[id] = kgo.NewOffset().AtStart()
		left += int(end)
	}
	c := k.newClient(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.FetchMaxWait(50*time.Millisecond))
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out []*kgo.Record
	for len(out) < left {
		if ctx.Err() != nil {
			k.t.Fatalf("%s has %d records, only %d could be read", topic, left, len(out))
		}
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if r.Offset < ends[r.Partition] {
				out = append(out, r)
			}
		})
	}
	return out
}

// readCommitted reads what is committed of a topic that only transactions write to. It waits until none of them is open: then a partition
// ends with the marker of one.
func (k *cluster) readCommitted(topic string) (records []*kgo.Record) {
	k.t.Helper()
	left := map[int32]int64{}
	eventually(k.t, "no transaction on "+topic+" is open", func() bool {
		ends, err := k.ends(topic)
		stable, errStable := k.endsSeen(topic, true)
		left = stable
		return err == nil && errStable == nil && maps.Equal(ends, stable)
	})
	maps.DeleteFunc(left, func(_ int32, end int64) bool { return end == 0 })
	c := k.newClient(kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for len(left) > 0 {
		if ctx.Err() != nil {
			k.t.Fatalf("%s could not be read up to %v", topic, left)
		}
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset == left[r.Partition]-1 {
				delete(left, r.Partition)
			}
		})
	}
	return records
}

// unique is a name for a test's topics and group that no earlier run has used. Kafka takes fewer characters in it than Go does in the names of tests.
func unique(t *testing.T) string {
	legal := func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r) {
			return r
		}
		return '-'
	}
	return fmt.Sprintf("%s-%s", strings.Map(legal, t.Name()), rand.Text()[:8])
}
