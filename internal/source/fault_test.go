package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"go.uber.org/zap"
)

// The tests of this file make an embedded Kafka do what a real one does on a bad day.

// answer has the broker give these bytes for a fetch below the offset; the log itself answers from there on.
func answer(c *kfake.Cluster, below int64, records func(offset int64) []byte) {
	c.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		offset := req.Topics[0].Partitions[0].FetchOffset
		if offset >= below {
			return nil, nil, false
		}
		res := req.ResponseKind().(*kmsg.FetchResponse)
		topic, part := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		topic.Topic = req.Topics[0].Topic
		part.HighWatermark, part.LastStableOffset, part.LogStartOffset = below, below, 0
		part.RecordBatches = records(offset)
		topic.Partitions = append(topic.Partitions, part)
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
}

// fromLog is what a broker gives of batches that begin at those offsets: all from the one that holds the offset on.
func fromLog(batches ...[]byte) func(int64) []byte {
	return func(offset int64) (data []byte) {
		for _, b := range batches {
			if _, last, _ := bounds(b); last >= offset {
				data = append(data, b...)
			}
		}
		return data
	}
}

func (l *ledger) lines(partition int) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records[partition] {
		lines = append(lines, strings.Replace(describe(r), "  ", " ", 1))
	}
	return lines
}

func TestBadBatches(t *testing.T) {
	t.Parallel()
	good := func(base int64) []byte { return testBatch{base: base, records: events(int(base), 3)}.encode() }
	huge := testBatch{base: 3, last: 2, records: []testRecord{{value: make([]byte, 3<<20)}}}.encode()
	rebased := slices.Clone(zstdBomb())
	be.PutUint64(rebased, 3) // the checksum does not cover it
	for _, test := range []struct {
		name    string
		records func(int64) []byte
		want    []string
	}{
		{"damaged in the log", fromLog(good(0), corrupt(good(3), 70), good(6)), []string{"0 e0", "1 e1", "2 e2", "3-5 batch_crc_mismatch", "6 e6", "7 e7", "8 e8"}},
		{"a bomb of 200 MB", fromLog(good(0), rebased, good(6)),
			[]string{"0 e0", "1 e1", "2 e2", "3 e0", "4-5 batch_decompress_large", "6 e6", "7 e7", "8 e8"}},
		{"too large to hold", fromLog(good(0), huge, good(6)), []string{"0 e0", "1 e1", "2 e2", "3-5 batch_too_large", "6 e6", "7 e7", "8 e8"}},
		{"compacted to nothing", fromLog(good(0), testBatch{base: 3, last: 2}.encode(), good(6)), []string{"0 e0", "1 e1", "2 e2", "6 e6", "7 e7", "8 e8"}},
		{"all compacted", fromLog(testBatch{base: 0, last: 8}.encode()), nil},
		{"damaged on the way", func() func(int64) []byte {
			var fetches atomic.Int64
			return func(offset int64) []byte {
				if fetches.Add(1) == 1 {
					return corrupt(good(0), 70)
				}
				return fromLog(good(0), good(3), good(6))(offset)
			}
		}(), []string{"0 e0", "1 e1", "2 e2", "3 e3", "4 e4", "5 e5", "6 e6", "7 e7", "8 e8"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := fake(t)
			r := newRig(t, c.ListenAddrs(), 1)
			r.produce(r.producer(), 1, 0, 9) // the log ends at 9
			answer(c, 9, test.records)
			cfg := r.config()
			cfg.MaxBatchBytes, cfg.MaxRecordBytes, cfg.MaxDecompressedBytes = 64<<10, 64<<10, 8<<20
			l := newLedger(t)
			run := r.run(cfg, l.lane("a"))
			eventually(t, "position at the end", func() bool { return r.committed(0) == 9 })
			if err := run.stop(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, l.lines(0)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Leaders that move between brokers are followed; until then, errors sit in the fields of answers that look well.
func TestLeaderMoves(t *testing.T) {
	t.Parallel()
	const partitions = 4
	c := fake(t, kfake.NumBrokers(2))
	r := newRig(t, c.ListenAddrs(), partitions)
	l, cl := newLedger(t), r.producer(kgo.MetadataMinAge(20*time.Millisecond))
	run := r.run(r.config(), l.lane("a"))
	n := 0
	for move := range 6 {
		for p := range int32(partitions) {
			if err := c.MoveTopicPartition(r.topic, p, (int32(move)+p)%2); err != nil {
				t.Fatal(err)
			}
		}
		r.produce(cl, partitions, n, 50)
		n += 50
		eventually(t, "records after the move", func() bool { return l.count() == partitions*n })
	}
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	l.exactly(partitions, n)
}

// The coordinator's broker goes for good: another takes its groups, and reading goes on.
func TestCoordinatorLost(t *testing.T) {
	t.Parallel()
	c := fake(t, kfake.NumBrokers(3))
	r := newRig(t, c.ListenAddrs(), 2)
	l, cl := newLedger(t), r.producer(kgo.MetadataMinAge(20*time.Millisecond))
	run := r.run(r.config(), l.lane("a"))
	r.produce(cl, 2, 0, 50)
	eventually(t, "first records", func() bool { return l.count() == 100 })
	if err := c.RemoveNode(c.CoordinatorFor(r.group)); err != nil {
		t.Fatal(err)
	}
	r.produce(cl, 2, 50, 50)
	eventually(t, "records after the loss", func() bool { return len(dedupe(l.offsets(0))) == 100 && len(dedupe(l.offsets(1))) == 100 })
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
}

// A coordinator that is lost cannot be told that its members leave, and kafka-go joins the next one as somebody else. The group then knows members
// that nobody is any more: here it would wait for them for longer than the test does.
func TestFormerMembersLeave(t *testing.T) {
	t.Parallel()
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), 2)
	l, cl := newLedger(t), r.producer()
	cfg := r.config()
	cfg.SessionTimeout, cfg.RebalanceTimeout = 2*patience, 2*patience
	a, b := r.run(cfg, l.lane("a")), r.run(cfg, l.lane("b"))
	eventually(t, "both have a partition", func() bool { o := l.owners(); return len(o) == 2 && o[0] != o[1] })
	r.produce(cl, 2, 0, 50)
	eventually(t, "first records", func() bool { return l.count() == 100 })

	away := c.Fault(kfake.Fault{Err: kerr.NotCoordinator, Count: -1, Keys: []kmsg.Key{
		kmsg.FindCoordinator, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.LeaveGroup, kmsg.OffsetCommit, kmsg.OffsetFetch,
	}})
	eventually(t, "both have lost their coordinator", func() bool {
		return a.logs.FilterMessage("waiting for Kafka").Len() > 0 && b.logs.FilterMessage("waiting for Kafka").Len() > 0
	})
	away.Remove()
	eventually(t, "both have a partition again", func() bool { o := l.owners(); return len(o) == 2 && o[0] != o[1] })
	r.produce(cl, 2, 50, 50)
	eventually(t, "records after the loss", func() bool { return len(dedupe(l.offsets(0))) == 100 && len(dedupe(l.offsets(1))) == 100 })
	if err := errors.Join(a.stop(), b.stop()); err != nil {
		t.Fatal(err)
	}
}

func dedupe(offsets []int64) []int64 {
	slices.Sort(offsets)
	return slices.Compact(offsets)
}

// A Kafka that is not there yet is waited for, with one line in the log, and so is one that goes away and comes back.
func TestBrokerComesLater(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, 0)
	l := newLedger(t)
	run := r.run(r.config(), l.lane("a"))
	eventually(t, "a log line", func() bool { return run.logs.FilterMessage("waiting for Kafka").Len() == 1 })
	time.Sleep(500 * time.Millisecond)
	if n := run.logs.Len(); n != 1 {
		t.Errorf("%d log lines while nothing changes", n)
	}
	dir := t.TempDir()
	start := func() *kfake.Cluster {
		return fake(t, kfake.Ports(port), kfake.DataDir(dir), kfake.SeedTopics(1, r.topic))
	}
	c := start()
	r.produce(r.producer(), 1, 0, 10)
	eventually(t, "records", func() bool { return l.count() == 10 })
	eventually(t, "their commit", func() bool { return r.committed(0) == 10 })
	c.Close()
	eventually(t, "a log line about the loss", func() bool { return run.logs.FilterMessage("waiting for Kafka").Len() > 1 })
	before := run.logs.Len()
	time.Sleep(500 * time.Millisecond)
	if n := run.logs.Len() - before; n > 4 {
		t.Errorf("%d log lines while nothing changes", n)
	}
	start()
	r.produce(r.producer(), 1, 10, 10)
	eventually(t, "records after the return", func() bool { return l.count() >= 20 })
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	l.exactly(1, 20)
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// ctx may end while there is nothing to leave.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	r := newRig(t, []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))}, 0)
	run := r.run(r.config(), idle)
	eventually(t, "a log line", func() bool { return run.logs.Len() > 0 })
	began := time.Now()
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > dialTimeout+time.Second {
		t.Errorf("took %s", d)
	}
}

// A broker that takes a fetch and never answers does not keep anybody from leaving.
func TestStopWhileAFetchHangs(t *testing.T) {
	t.Parallel()
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), 1)
	hangs, release := make(chan struct{}, 1), make(chan struct{})
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		c.SleepControl(func() {
			select {
			case hangs <- struct{}{}:
			default:
			}
			<-release
		})
		return nil, nil, false
	})
	defer close(release)
	run := r.run(r.config(), idle)
	<-hangs
	if err := run.stop(); err != nil {
		t.Error(err)
	}
}

// The group and the fetches ask about our topic only: a cluster may have thousands.
func TestOtherTopicsAreNotAskedFor(t *testing.T) {
	t.Parallel()
	c := fake(t, kfake.SeedTopics(1, "in", "other"))
	asked := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Observe: true, Count: -1})
	nosy := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Observe: true, Count: -1, When: func(req kmsg.Request) bool {
		return req.(*kmsg.MetadataRequest).Topics == nil
	}})
	r := &rig{t: t, addrs: c.ListenAddrs(), topic: "in", group: "g"}
	cfg := r.config()
	fetched := make(chan error, 1)
	cfg.Hooks.Fetch = func(_ int, err error) {
		select {
		case fetched <- err:
		default:
		}
	}
	run := r.run(cfg, idle)
	if err := <-fetched; err != nil {
		t.Error(err)
	}
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	if asked.Hits() == 0 || nosy.Hits() != 0 {
		t.Errorf("%d of %d requests ask about all topics there are", nosy.Hits(), asked.Hits())
	}
}

// Whatever error a broker answers with for a while, no record is lost or comes twice.
func TestErrorsInFields(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		fault kfake.Fault
	}{
		{"not leader", kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition, Count: 4}},
		{"unknown topic", kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.UnknownTopicOrPartition, Count: 4}},
		{"storage", kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.KafkaStorageError, Count: 4}},
		{"no right to read", kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.TopicAuthorizationFailed, Count: 4}},
		{"fetch as a whole", kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.UnknownServerError, TopLevel: true, Count: 4}},
		{"out of range, but it is not", kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.OffsetOutOfRange, Count: 3}},
		{"metadata", kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.LeaderNotAvailable, Count: 4}},
		{"list offsets", kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.NotLeaderForPartition, Count: 3}},
		{"commit", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.CoordinatorLoadInProgress, Count: 3}},
		{"join", kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.CoordinatorNotAvailable, Count: 3}},
		{"sync", kfake.Fault{Keys: []kmsg.Key{kmsg.SyncGroup}, Err: kerr.NotCoordinator, Count: 3}},
		{"coordinator", kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator}, Err: kerr.CoordinatorNotAvailable, Count: 4}},
		{"heartbeat", kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownServerError, Count: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := fake(t)
			r := newRig(t, c.ListenAddrs(), 1)
			cl := r.producer()
			r.produce(cl, 1, 0, 10)
			faults := c.Fault(test.fault)
			l := newLedger(t)
			run := r.run(r.config(), l.lane("a"))
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := faults.Wait(ctx, test.fault.Count); err != nil {
				t.Fatal(err)
			}
			r.produce(cl, 1, 10, 10)
			eventually(t, "records", func() bool { return l.count() >= 20 })
			eventually(t, "commit", func() bool { return r.committed(0) == 20 })
			if err := run.stop(); err != nil {
				t.Fatal(err)
			}
			l.exactly(1, 20)
		})
	}
}

// A commit that the coordinator refuses ends the generation; the records since the last good one come again.
func TestCommitRefused(t *testing.T) {
	t.Parallel()
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), 1)
	cl := r.producer()
	l := newLedger(t)
	run := r.run(r.config(), l.lane("a"))
	eventually(t, "the first commit", func() bool { return r.committed(0) == 0 })
	faults := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.IllegalGeneration, Count: 1})
	r.produce(cl, 1, 0, 10)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := faults.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "commit", func() bool { return r.committed(0) == 10 })
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	if got := dedupe(l.offsets(0)); !slices.Equal(got, upTo(0, 10)) {
		t.Errorf("offsets %v", got)
	}
	if n := run.logs.FilterMessage("partitions are lost").Len(); n != 1 {
		t.Errorf("%d lines say that partitions are lost", n)
	}
}

// An error of the group in the answer to kafka-go's OffsetFetch looks like a partition without a commit. It must not rewind it.
func TestOffsetFetchFails(t *testing.T) {
	t.Parallel()
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), 1)
	cl := r.producer()
	r.produce(cl, 1, 0, 100)
	r.commitAs(90)
	faults := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.CoordinatorLoadInProgress, TopLevel: true, Count: 2})
	l := newLedger(t)
	run := r.run(r.config(), l.lane("a"))
	eventually(t, "records", func() bool { return l.count() >= 10 })
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	if got := l.offsets(0); !slices.Equal(got, upTo(90, 100)) || faults.Hits() < 1 {
		t.Errorf("%d faults, offsets %v", faults.Hits(), got)
	}
}

// A partition with a backlog is not held up by others that a broker holds a fetch for.
func TestBacklogBesideIdlePartitions(t *testing.T) {
	t.Parallel()
	r := newRig(t, fake(t).ListenAddrs(), 3)
	for i := range 20 {
		r.produce(r.producer(), 1, 200*i, 200) // partition 0 only
	}
	cfg := r.config()
	cfg.FetchWait, cfg.MaxBatchBytes = 20*time.Second, 4<<10
	l := newLedger(t)
	began := time.Now()
	run := r.run(cfg, func(ctx context.Context, p *Partition) error {
		for {
			b, err := p.Next(ctx)
			if err != nil {
				return err
			}
			time.Sleep(5 * time.Millisecond) // slower than the fetcher: the queue is full when it looks
			l.write(p, b)
			p.Done(b)
		}
	})
	eventually(t, "the backlog", func() bool { return l.count() == 4000 })
	if d := time.Since(began); d > cfg.FetchWait {
		t.Errorf("took %s", d)
	}
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	l.exactly(1, 4000)
}

// A lane that takes longer than a session over its batch keeps the partition, as long as nobody joins or leaves: heartbeats do not
// wait for lanes. The others go on meanwhile.
func TestSlowLaneKeepsItsPartition(t *testing.T) {
	t.Parallel()
	r := newRig(t, fake(t, kfake.GroupMinSessionTimeout(100*time.Millisecond)).ListenAddrs(), 2)
	cfg := r.config()
	cfg.SessionTimeout, cfg.RebalanceTimeout = 600*time.Millisecond, 600*time.Millisecond
	cl := r.producer()
	r.produce(cl, 2, 0, 10)
	l := newLedger(t)
	slow, release := make(chan struct{}), make(chan struct{})
	run := r.run(cfg, func(ctx context.Context, p *Partition) error {
		if p.ID == 0 {
			b, err := p.Next(ctx)
			if err != nil {
				return err
			}
			close(slow)
			<-release
			l.write(p, b)
			p.Done(b)
		}
		return l.lane("a")(ctx, p)
	})
	<-slow
	time.Sleep(4 * cfg.SessionTimeout)
	r.produce(cl, 2, 10, 10)
	eventually(t, "the other partition's records", func() bool { return len(l.offsets(1)) == 20 })
	close(release)
	eventually(t, "its own", func() bool { return len(l.offsets(0)) == 20 })
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	l.exactly(2, 20)
	if n := run.logs.FilterMessage("joined group").Len(); n != 1 {
		t.Errorf("joined %d times", n)
	}
}

// Kafka before 2.8 has no topic ids.
func TestOldBroker(t *testing.T) {
	t.Parallel()
	c := fake(t, kfake.MaxVersions(kversion.V2_3_0()))
	r := newRig(t, c.ListenAddrs(), 1)
	r.produce(r.producer(kgo.MaxVersions(kversion.V2_3_0())), 1, 0, 10)
	l := newLedger(t)
	incarnation := make(chan string, 1)
	run := r.run(r.config(), func(ctx context.Context, p *Partition) error {
		incarnation <- p.Incarnation
		return l.lane("a")(ctx, p)
	})
	eventually(t, "records", func() bool { return l.count() == 10 })
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	if id := <-incarnation; id != "" {
		t.Errorf("incarnation %q", id)
	}
}

func TestTLSAndSASL(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer srv.Close()
	c := fake(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "admin", "secret"),
		kfake.TLS(&tls.Config{Certificates: srv.TLS.Certificates}), kfake.SeedTopics(1, "in"))
	roots := srv.Client().Transport.(*http.Transport).TLSClientConfig
	cfg := (&rig{addrs: c.ListenAddrs(), topic: "in", group: "g"}).config()
	cfg.TLS, cfg.SASL = &tls.Config{RootCAs: roots.RootCAs}, plain.Mechanism{Username: "admin", Password: "secret"}
	r := &rig{t: t}
	assigned := make(chan []int, 10)
	cfg.Hooks.Assigned = func(ids []int) { assigned <- ids }
	run := r.run(cfg, idle)
	if ids := <-assigned; !slices.Equal(ids, []int{0}) {
		t.Errorf("assigned %v", ids)
	}
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		res := kreq.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		res.ErrorCode = kerr.SaslAuthenticationFailed.Code // as Kafka says it
		return res, nil, true
	})
	r.awaitReason(cfg, "not authenticated")
	cfg.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	r.awaitReason(cfg, "certificate not trusted")
}

func (r *rig) awaitReason(cfg Config, reason string) {
	r.t.Helper()
	run := r.run(cfg, idle)
	eventually(r.t, reason, func() bool {
		return run.logs.FilterMessage("waiting for Kafka").FilterField(zap.String("reason", reason)).Len() == 1
	})
	if err := run.stop(); err != nil {
		r.t.Fatal(err)
	}
}

// A partition that appears between the assignment and kafka-go's first count of them is assigned all the same.
func TestPartitionAppearsDuringAssignment(t *testing.T) {
	c := fake(t)
	r := newRig(t, c.ListenAddrs(), 2)
	const ofGroup = 6 // the newest version in which kafka-go's group asks; everybody else asks in newer ones
	short := true
	c.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.MetadataRequest)
		if req.Version > ofGroup || len(req.Topics) != 1 || !short {
			return nil, nil, false
		}
		short = false
		addr, err := netip.ParseAddrPort(c.ListenAddrs()[0])
		if err != nil {
			return nil, err, true
		}
		res := req.ResponseKind().(*kmsg.MetadataResponse)
		broker, topic, part := kmsg.NewMetadataResponseBroker(), kmsg.NewMetadataResponseTopic(), kmsg.NewMetadataResponseTopicPartition()
		broker.Host, broker.Port = addr.Addr().String(), int32(addr.Port())
		topic.Topic, topic.Partitions = &r.topic, append(topic.Partitions, part)
		res.Brokers, res.Topics = append(res.Brokers, broker), append(res.Topics, topic)
		return res, nil, true
	})
	l := newLedger(t)
	run := r.run(r.config(), l.lane("a"))
	r.produce(r.producer(), 2, 0, 10)
	eventually(t, "records of both partitions", func() bool { return l.count() == 20 })
	if err := run.stop(); err != nil {
		t.Fatal(err)
	}
	if short {
		t.Error("the group never asked for the partitions")
	}
}
