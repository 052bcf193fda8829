package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"onside"
	"onside/internal/classify"
	"onside/internal/source"
)

// TestBenchJSON runs a small benchmark and checks what must hold of every one.
func TestBenchJSON(t *testing.T) {
	code, out, errs := command(t, t.Context(), "", "bench", "--json", "--events", "4000", "--conversations", "300", "--partitions", "3", "--seed", "7",
		"--rate", "2000", "--rate-for", "400ms")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var r benchReport
	dec := json.NewDecoder(strings.NewReader(out))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if r.Events != 4000 || r.Committed != 4000 || r.Partitions != 3 || r.Seed != 7 || r.Mix != mixLife || r.Servers != "embedded" {
		t.Errorf("what was asked for and what was done differ: %+v", r)
	}
	if r.Conversations < 300 || r.Bytes < 100*4000 || r.Labelled == 0 || r.Flags == 0 {
		t.Errorf("not a stream as in life: %+v", r)
	}
	if r.Worker.PerSecond <= 0 || r.Bare.PerSecond <= 0 || r.Ratio <= 0 || r.Ready <= 0 {
		t.Errorf("a speed is missing: %+v", r)
	}
	var stages []string
	var allocs float64
	for _, s := range r.Stages {
		if s.Worker {
			stages = append(stages, s.Stage)
			allocs += s.Allocs
		}
	}
	if diff := cmp.Diff(workerParts, stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	if math.Abs(allocs-r.Allocs) > .1 {
		t.Errorf("stages allocate %.2f times an event, the worker %.2f times", allocs, r.Allocs)
	}
	if l := r.Latency; l == nil || l.P50 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
		t.Errorf("latencies %+v", l)
	}
}

// TestBenchGiven runs on servers that are there already, and leaves no topic on them.
func TestBenchGiven(t *testing.T) {
	p := newPlant(t)
	before := topicsOf(t, p.client)
	code, out, errs := command(t, t.Context(), "", "bench", "--json", "--events", "500", "--rate", "0",
		"--brokers", strings.Join(p.kafka.ListenAddrs(), ","), "--redis", p.redis.Addr())
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if !strings.Contains(out, `"committed": 500,`) || strings.Contains(out, `"servers"`) {
		t.Error(out)
	}
	if len(p.redis.Keys()) == 0 {
		t.Error("the Redis that was given has not been used")
	}
	if diff := cmp.Diff(before, topicsOf(t, p.client)); diff != "" {
		t.Errorf("topics (-before +after):\n%s", diff)
	}
}

func topicsOf(t *testing.T, client *kgo.Client) (names []string) {
	t.Helper()
	res, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range res.Topics {
		names = append(names, *topic.Topic)
	}
	slices.Sort(names)
	return names
}

func TestStream(t *testing.T) {
	corpus, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	const n, conversations = 60_000, 500
	for _, mix := range []struct {
		name     string
		from, to float64 // of the messages that are labelled review
	}{{mixLife, .008, .013}, {mixPlain, 0, 0}, {mixWorst, .2, .6}} {
		t.Run(mix.name, func(t *testing.T) {
			s, again := newStream(corpus, mix.name, 3, conversations, "b"), newStream(corpus, mix.name, 3, conversations, "b")
			decoder, err := source.NewDecoder(source.Mapping{})
			if err != nil {
				t.Fatal(err)
			}
			reviews, ids := 0, map[string]bool{}
			for i := range n {
				e := s.next(i)
				if !bytes.Equal(e.value, again.next(i).value) {
					t.Fatalf("event %d is not the same the second time", i)
				}
				var m classify.Message
				if code := decoder.Decode(e.value, &m); code != "" {
					t.Fatalf("event %d: %s: %s", i, code, e.value)
				}
				m.Offset = e.Offset
				if diff := cmp.Diff(e.Message, m); diff != "" {
					t.Fatalf("event %d (-made +read):\n%s", i, diff)
				}
				if e.Label.Action == "review" {
					reviews++
				}
				ids[e.ConversationID] = true
			}
			if part := float64(reviews) / n; part < mix.from || part > mix.to {
				t.Errorf("%.4f of the messages solicit, want %.4f to %.4f", part, mix.from, mix.to)
			}
			if len(ids) < conversations || len(ids) > n/2 {
				t.Errorf("%d messages in %d conversations", n, len(ids))
			}
		})
	}
}

func TestPartOfFunction(t *testing.T) {
	for name, want := range map[string]string{
		"onside/internal/source.(*walker).fill":                       partDecode,
		"onside/internal/source.(*fetchRequest).RawExchange":          partFetch,
		"onside/internal/source.(*generation).commitUntil":            partCommit,
		"onside/internal/classify.(*Classifier).Classify":             partClassify,
		"onside/internal/classify.(*Signal).AppendBinary":             partHistory,
		"onside/internal/history.(*Redis).Append":                     partHistory,
		"onside/internal/sink.(*Sink).Deliver":                        partDeliver,
		"main.(*lane).decide":                                         partClassify,
		"main.(*lane).run":                                            partOther,
		"onside/cmd/worker.(*lane).recall":                            partHistory,
		"github.com/twmb/franz-go/pkg/kfake.(*Cluster).handleFetch":   partBroker,
		"github.com/alicebob/miniredis/v2/server.(*Server).ServeConn": partStore,
		"runtime.gcBgMarkWorker":                                      partGC,
		"runtime.mallocgc":                                            "",
		"crypto/sha256.block":                                         "",
	} {
		if got := partOfFunction(name); got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}

// TestCPUTimes reads a real profile.
func TestCPUTimes(t *testing.T) {
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		t.Fatal(err)
	}
	var res classify.Result
	var state classify.State
	m := classify.Message{ConversationID: "c", SenderRole: "client", Text: "could you send the second draft on Thursday?"}
	for begun := time.Now(); time.Since(begun) < 300*time.Millisecond; {
		testModel().Classify(&m, &state, &res)
	}
	pprof.StopCPUProfile()
	c, err := cpuTimes(profile.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if c.of(partClassify).cpu == 0 {
		t.Errorf("no time in %s: %v", partClassify, c)
	}
	if _, err := cpuTimes(profile.Bytes()[:20]); err == nil {
		t.Error("half a profile is no error")
	}
	if err := (&protoProfile{}).read([]byte{profileSample<<3 | 2, 200, 1}); err == nil {
		t.Error("a malformed profile is no error")
	}
}

func TestLatencyOf(t *testing.T) {
	var late []time.Duration
	for i := range 1000 {
		late = append(late, time.Duration(1000-i)*time.Millisecond)
	}
	want := &latencyReport{Flags: 1000, P50: 500, P99: 990, P999: 999, Max: 1000}
	if diff := cmp.Diff(want, latencyOf(late)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&latencyReport{}, latencyOf(nil)); diff != "" {
		t.Errorf("none (-want +got):\n%s", diff)
	}
}

func TestUsuallyFlagged(t *testing.T) {
	for _, text := range []string{"mail me: ann.lee@example.org", "call +44 20 7946 0958", "add me on WhatsApp", "t.me/annlee", "pay by PayPal and save the fee"} {
		if !usuallyFlagged(text) {
			t.Errorf("%q is not flagged", text)
		}
	}
	for _, text := range []string{"the second draft is ready", "see you on Thursday at 10:30", "budget 1,500 for 12 pages"} {
		if usuallyFlagged(text) {
			t.Errorf("%q is flagged", text)
		}
	}
}

func TestBenchInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, out, errs := command(t, ctx, "", "bench", "--events", "1000")
	if code != exitError || out != "" || !slices.Contains(strings.Split(errs, "\n"), "worker: interrupted") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}
