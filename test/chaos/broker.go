package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cluster is the Kafka, as far as it can be made to fail.
type cluster interface {
	addrs() []string
	// trouble makes a fault of the class broker, and returns when it is over.
	trouble(ctx context.Context, rng *rand.Rand) (what string, err error)
	// mishaps refuses requests of a kind for the duration, or does and does not acknowledge them. They return how many.
	mishaps(ctx context.Context, rng *rand.Rand, run string, d time.Duration) (what string, hits int)
	close()
}

// foreignKafka is somebody's. It fails only by the script that has started it, if there is one.
type foreignKafka struct {
	brokers []string
	script  string
}

func (k *foreignKafka) addrs() []string { return k.brokers }

func (k *foreignKafka) close() {}

func (k *foreignKafka) mishaps(context.Context, *rand.Rand, string, time.Duration) (string, int) {
	return "", 0
}

// trouble kills a broker, now and then with a warning, and starts it again.
func (k *foreignKafka) trouble(ctx context.Context, rng *rand.Rand) (string, error) {
	id, signal := strconv.Itoa(1+rng.IntN(len(k.brokers))), "KILL"
	if rng.IntN(3) == 0 {
		signal = "TERM"
	}
	what := fmt.Sprintf("broker %s, SIG%s", id, signal)
	if err := k.tell(ctx, "kill", id, signal); err != nil {
		return what, err
	}
	return what, k.tell(ctx, "node", id)
}

// tell runs the script.
func (k *foreignKafka) tell(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, k.script, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", k.script, args, err, out)
	}
	return nil
}

// embeddedKafka runs in this process. It keeps its state in a directory, so that it can be closed and started again.
type embeddedKafka struct {
	dir   string
	ports []int
	fake  *kfake.Cluster
}

const embeddedBrokers = 3

func startEmbedded(dir string) (*embeddedKafka, error) {
	k := &embeddedKafka{dir: dir}
	if err := k.start(); err != nil {
		return nil, err
	}
	for _, addr := range k.fake.ListenAddrs() {
		_, port, _ := net.SplitHostPort(addr)
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, fmt.Errorf("start embedded Kafka: %w", err)
		}
		k.ports = append(k.ports, n)
	}
	return k, nil
}

func (k *embeddedKafka) start() error {
	opts := []kfake.Opt{kfake.NumBrokers(embeddedBrokers), kfake.DataDir(k.dir), kfake.GroupMinSessionTimeout(100 * time.Millisecond)}
	if k.ports != nil {
		opts = append(opts, kfake.Ports(k.ports...))
	}
	var err error
	if k.fake, err = kfake.NewCluster(opts...); err != nil {
		return fmt.Errorf("start embedded Kafka: %w", err)
	}
	return nil
}

func (k *embeddedKafka) addrs() []string { return k.fake.ListenAddrs() }

func (k *embeddedKafka) close() { k.fake.Close() }

func (k *embeddedKafka) trouble(ctx context.Context, rng *rand.Rand) (string, error) {
	if rng.IntN(2) == 0 {
		k.fake.ShufflePartitionLeaders()
		k.fake.RehashCoordinators()
		return "leaders and coordinators move", nil
	}
	down := between(rng, 100*time.Millisecond, time.Second)
	k.fake.Close()
	pause(ctx, down)
	return fmt.Sprintf("all brokers away for %s", down.Round(time.Millisecond)), k.start()
}

// refusals are errors that a broker may answer requests of a kind with.
var refusals = []struct {
	name  string
	fault kfake.Fault // which requests
	errs  []*kerr.Error
}{
	{"produce", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}}, []*kerr.Error{
		kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, // these two are done all the same
		kerr.NotEnoughReplicas, kerr.NotLeaderForPartition, kerr.KafkaStorageError, kerr.UnknownServerError, kerr.TopicAuthorizationFailed,
	}},
	{"commit", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}}, []*kerr.Error{
		kerr.RequestTimedOut, // done all the same
		kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.RebalanceInProgress,
		kerr.IllegalGeneration, kerr.UnknownMemberID,
	}},
	{"fetch", kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: events}, []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.KafkaStorageError, kerr.OffsetOutOfRange, kerr.UnknownServerError,
	}},
	{"heartbeat", kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true}, []*kerr.Error{
		kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.NotCoordinator, kerr.CoordinatorNotAvailable,
	}},
	{"join", kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup}, TopLevel: true}, []*kerr.Error{
		kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.RebalanceInProgress,
	}},
	{"offsets", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}}, []*kerr.Error{
		kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.UnknownServerError,
	}},
	{"positions", kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: events}, []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.UnknownServerError,
	}},
	{"producer id", kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true}, []*kerr.Error{
		kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable,
	}},
}

func (k *embeddedKafka) mishaps(ctx context.Context, rng *rand.Rand, run string, d time.Duration) (string, int) {
	r := refusals[rng.IntN(len(refusals))]
	f := r.fault
	f.Err, f.Count = r.errs[rng.IntN(len(r.errs))], 1+rng.IntN(5)
	if r.name == "produce" {
		f.Topic = outputs[rng.IntN(len(outputs))]
	}
	if f.Topic != "" {
		f.Topic = run + "." + f.Topic
	}
	if r.name == "commit" || r.name == "offsets" {
		f.Group = run
	}
	h := k.fake.Fault(f)
	pause(ctx, d)
	h.Remove()
	return fmt.Sprintf("%s: %s", r.name, f.Err.Message), h.Hits()
}

// between is a random duration.
func between(rng *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(rng.Int64N(int64(to-from)))
}
