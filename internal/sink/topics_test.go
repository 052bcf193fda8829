package sink

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCreateTopics(t *testing.T) {
	w := newWorld(t)
	name := w.name + ".new"
	spec := TopicSpec{Name: name, Partitions: 5, Replication: 1, MinInSync: 1}
	for range 2 { // the second time it is there
		w.create(spec, TopicSpec{Name: w.topics.Flags, Partitions: 99})
	}
	if got := len(w.ends(name)); got != 5 {
		t.Errorf("%d partitions, want 5", got)
	}
	if got := len(w.ends(w.topics.Flags)); got != testPartitions {
		t.Errorf("a topic that was there has %d partitions now", got)
	}
	if got := w.setting(name, "min.insync.replicas"); got != "1" {
		t.Errorf("min.insync.replicas %q", got)
	}
}

func (w *world) setting(topic, key string) string {
	w.t.Helper()
	transport := &kafka.Transport{MetadataTopics: []string{topic}}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(w.brokers...), Timeout: 10 * time.Second, Transport: transport}
	res, err := client.DescribeConfigs(deadline(w.t), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{key}},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range res.Resources[0].ConfigEntries {
		if e.ConfigName == key {
			return e.ConfigValue
		}
	}
	return ""
}

// A fresh cluster has no controller for a while, then no brokers for the replicas.
func TestCreateTopicsWaitsForTheCluster(t *testing.T) {
	for _, fault := range []*kerr.Error{
		kerr.NotController, kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.CoordinatorLoadInProgress,
		kerr.InvalidReplicationFactor, kerr.RequestTimedOut, kerr.UnknownServerError,
	} {
		t.Run(fault.Message, func(t *testing.T) {
			w := newFakeWorld(t)
			h := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: fault, Count: 2})
			w.create(TopicSpec{Name: w.name + ".new", Partitions: 2})
			if h.Hits() == 0 {
				t.Error("the fault was not met")
			}
			if got := len(w.ends(w.name + ".new")); got != 2 {
				t.Errorf("%d partitions, want 2", got)
			}
		})
	}
}

func TestCreateTopicsGivesUpOnWhatCannotHelp(t *testing.T) {
	w := newWorld(t)
	if w.cluster != nil {
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.InvalidTopicException, Count: -1})
	}
	err := CreateTopics(deadline(t), w.config(), TopicSpec{Name: "no/such name", Partitions: 1})
	if !errors.Is(err, kafka.InvalidTopic) || !strings.Contains(err.Error(), "no/such name") {
		t.Errorf("error %v", err)
	}
}

func TestCreateTopicsEndsWithItsContext(t *testing.T) {
	w := newFakeWorld(t)
	ctx, cancel := context.WithCancel(deadline(t))
	asked := 0
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.InvalidReplicationFactor, Count: -1, When: func(kmsg.Request) bool {
		if asked++; asked == 3 {
			cancel()
		}
		return true
	}})
	err := CreateTopics(ctx, w.config(), TopicSpec{Name: w.name + ".new", Partitions: 1})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, kafka.InvalidReplicationFactor) {
		t.Errorf("error %v", err)
	}
}
