package sink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// TopicSpec is a topic to create.
type TopicSpec struct {
	Name        string
	Partitions  int // 0: the broker's default
	Replication int // 0: the broker's default
	MinInSync   int // min.insync.replicas; 0: the broker's default
}

// CreateTopics creates the topics that do not exist, and returns when every partition of all of them has a leader. It tries
// on while a fresh cluster is not ready, until ctx ends. A topic that exists is left as it is.
func CreateTopics(ctx context.Context, cfg Config, specs ...TopicSpec) error {
	cfg = cfg.withDefaults()
	names := make([]string, len(specs))
	todo := make(map[string]TopicSpec)
	for i, s := range specs {
		names[i], todo[s.Name] = s.Name, s
	}
	transport := cfg.transport(names...)
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Timeout: cfg.RequestTimeout, Transport: transport}

	if err := create(ctx, client, todo, cfg.MaxPause); err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	if err := awaitLeaders(ctx, client, names, cfg.MaxPause); err != nil {
		return fmt.Errorf("await leaders: %w", err)
	}
	return nil
}

// create asks until every topic is there. When ctx ends it says what stood in the way before.
func create(ctx context.Context, client *kafka.Client, todo map[string]TopicSpec, maxPause time.Duration) error {
	var obstacle error
	for pause := minPause; len(todo) > 0; pause = min(2*pause, maxPause) {
		err := createOnce(ctx, client, todo)
		if fatal(err) {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), obstacle)
		}
		obstacle = err
		if len(todo) > 0 {
			sleep(ctx, pause)
		}
	}
	return nil
}

// createOnce asks for the topics and takes those that exist afterwards out of todo. It returns one of the
// errors of the others.
func createOnce(ctx context.Context, client *kafka.Client, todo map[string]TopicSpec) (last error) {
	req := &kafka.CreateTopicsRequest{}
	for s := range maps.Values(todo) {
		req.Topics = append(req.Topics, s.config())
	}
	res, err := client.CreateTopics(ctx, req)
	if err != nil {
		return err
	}
	for name, err := range res.Errors {
		if err == nil || errors.Is(err, kafka.TopicAlreadyExists) {
			delete(todo, name)
			continue
		}
		last = fmt.Errorf("%s: %w", name, err)
		if fatal(last) {
			return last
		}
	}
	return last
}

func (s TopicSpec) config() kafka.TopicConfig {
	c := kafka.TopicConfig{Topic: s.Name, NumPartitions: s.Partitions, ReplicationFactor: s.Replication}
	if s.Partitions == 0 {
		c.NumPartitions = -1
	}
	if s.Replication == 0 {
		c.ReplicationFactor = -1
	}
	if s.MinInSync > 0 {
		c.ConfigEntries = append(c.ConfigEntries, kafka.ConfigEntry{
			ConfigName: "min.insync.replicas", ConfigValue: strconv.Itoa(s.MinInSync),
		})
	}
	return c
}

// fatal reports whether an error is about the request, so that asking again cannot help.
func fatal(err error) bool {
	for _, code := range []kafka.Error{
		kafka.InvalidTopic, kafka.InvalidPartitionNumber, kafka.InvalidReplicaAssignment, kafka.InvalidConfiguration,
		kafka.InvalidRequest, kafka.PolicyViolation, kafka.UnsupportedVersion,
		kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed, kafka.SASLAuthenticationFailed,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

func awaitLeaders(ctx context.Context, client *kafka.Client, names []string, maxPause time.Duration) error {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		res, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: names})
		if err == nil && led(res.Topics) {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		sleep(ctx, pause)
	}
}

func led(topics []kafka.Topic) bool {
	for _, t := range topics {
		if t.Error != nil || len(t.Partitions) == 0 {
			return false
		}
		for _, p := range t.Partitions {
			if p.Error != nil || p.Leader.Host == "" {
				return false
			}
		}
	}
	return true
}
