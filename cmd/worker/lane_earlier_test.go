package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
	"onside/internal/sink"
	"onside/internal/source"
)

// readWith is what messages were read with, by event.
type readWith map[string]string

// texting is a lane of the world that has all messages read with those before them that can be, with so much room for texts.
func (w *world) texting(room int, got readWith) *lane {
	parts := w.lane().laneParts
	parts.model = parts.model.Rereading(classify.RereadAll)
	parts.observe.reread = func(m *classify.Message, earlier []classify.Earlier) {
		got[strings.Clone(m.EventID)] = fmt.Sprintf("%+v", earlier)
	}
	l := newLane(parts, w, sink.Origin{Topic: "chat.messages"})
	l.texts = newTexts(room)
	return l
}

// plainlyBefore is the same as found by looking at all that was said.
func plainlyBefore(batches []*source.Batch) readWith {
	got, said := readWith{}, map[string][]classify.Earlier{}
	for _, b := range batches {
		for i := range b.Records {
			m := b.Records[i].Message
			m.Offset = b.Records[i].Offset
			before := said[m.ConversationID]
			got[m.EventID] = fmt.Sprintf("%+v", before[:min(len(before), classify.EarlierMessages)])
			said[m.ConversationID] = slices.Insert(before, 0, m.Earlier())
		}
	}
	return got
}

// abreast has all conversations go on at the same time: their first messages, then their second ones.
func abreast(batches []*source.Batch) []*source.Batch {
	var messages []classify.Message
	said, place := map[string]int{}, map[string]int{}
	for _, b := range batches {
		for i := range b.Records {
			m := b.Records[i].Message
			place[m.EventID] = said[m.ConversationID]
			said[m.ConversationID]++
			messages = append(messages, m)
		}
	}
	slices.SortStableFunc(messages, func(a, b classify.Message) int { return place[a.EventID] - place[b.EventID] })
	for _, b := range batches {
		for i := range b.Records {
			b.Records[i].Message = messages[b.Records[i].Offset]
		}
	}
	return batches
}

// TestEarlierTexts has one lane read the corpus, or one after the other, with much or little memory: every message is read with the same ones.
func TestEarlierTexts(t *testing.T) {
	batches := abreast(corpusBatches(t, 2000, 37))
	for i, b := range batches {
		b.Records[3%len(b.Records)].Message.Text = strings.Repeat("long – ", 300+i)
		b.Records[5%len(b.Records)].Message.Kind = classify.Deleted
	}
	want := plainlyBefore(batches)
	for _, test := range []struct {
		name     string
		room     int
		known    int // conversations
		handover []int
		fetches  bool
	}{
		{"one lane", laneTexts, lanesRemember, nil, false},
		{"with little room", 5000, lanesRemember, nil, true},
		{"with no room", 1, lanesRemember, nil, true},
		{"that forgets conversations", laneTexts, 40, nil, true},
		{"two lanes", laneTexts, lanesRemember, []int{30}, true},
		{"many lanes with little room", 20000, 60, []int{5, 6, 7, 20, 40, 41, 50}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := readWith{}
			w := newWorld(batches...)
			counted := 0.0
			for _, until := range append(test.handover, len(batches)) {
				w.batches = batches[:until]
				l := w.texting(test.room, got)
				l.conversations = newLRU[conversation](test.known)
				if err := l.run(context.Background()); err != nil {
					t.Fatal(err)
				}
				counted += textsFrom(t, l.metrics)["stream"]
				if n := textsFrom(t, l.metrics)["gone"]; n > 0 {
					t.Errorf("%v texts are gone", n)
				}
			}
			if (counted > 0) != test.fetches {
				t.Errorf("%v texts from the stream", counted)
			}
			compare(t, got, want)
		})
	}
}

func compare(t *testing.T, got, want readWith) {
	t.Helper()
	if len(got) < len(want)/4 {
		t.Errorf("only %d messages of %d are read with others", len(got), len(want))
	}
	wrong := 0
	for _, id := range slices.Sorted(maps.Keys(got)) {
		if wrong < 5 && got[id] != want[id] {
			t.Errorf("%s is read with\n%s, want\n%s", id, got[id], want[id])
			wrong++
		}
	}
}

// textsFrom is where texts came from.
func textsFrom(t *testing.T, m *metrics) map[string]float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "onside_second_reader_texts_total" {
			continue
		}
		for _, c := range f.GetMetric() {
			out[c.GetLabel()[0].GetValue()] = c.GetCounter().GetValue()
		}
	}
	return out
}

// TestEarlierTextsGone takes messages out of the stream, one of them for another conversation's.
func TestEarlierTextsGone(t *testing.T) {
	w := newWorld(
		&source.Batch{Records: []source.Record{said(1, "a", "one"), said(2, "a", "two"), said(3, "a", "three")}},
		&source.Batch{Records: []source.Record{said(4, "a", "four")}},
	)
	got := readWith{}
	if err := w.texting(laneTexts, got).work(context.Background(), w.batches[0]); err != nil {
		t.Fatal(err)
	}
	w.gone = map[int64]bool{2: true}
	w.batches[0].Records[2].Message.ConversationID = "b"
	l := w.texting(laneTexts, got)
	if err := l.work(context.Background(), w.batches[1]); err != nil {
		t.Fatal(err)
	}
	m := w.batches[0].Records[0].Message
	m.Offset = 1
	if want := fmt.Sprintf("%+v", []classify.Earlier{m.Earlier()}); got["e4"] != want {
		t.Errorf("read with %s, want %s", got["e4"], want)
	}
	if got, want := textsFrom(t, l.metrics), map[string]float64{"memory": 0, "stream": 1, "gone": 2}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestEarlierTextsFail has the stream fail for good: the batch is not done. While it is waited for, the lane is not deciding.
func TestEarlierTextsFail(t *testing.T) {
	w := newWorld(
		&source.Batch{Records: []source.Record{said(1, "a", "one")}},
		&source.Batch{Records: []source.Record{said(2, "b", "other"), said(3, "a", contactText)}},
	)
	if err := w.texting(1, readWith{}).work(context.Background(), w.batches[0]); err != nil {
		t.Fatal(err)
	}
	w.next, w.events = 1, nil
	w.failing["reread"] = errFake
	l := w.texting(laneTexts, readWith{})
	w.onReread = func() {
		if d := l.clock.longest(l.now().Add(time.Hour)); d != 0 {
			t.Errorf("the lane has been deciding for %s", d)
		}
	}
	if err := l.run(context.Background()); !errors.Is(err, errFake) {
		t.Errorf("error %v, want %v", err, errFake)
	}
	if want := []string{"next 1", "load b,a", "reread [1]"}; !slices.Equal(w.events, want) {
		t.Errorf("%q, want %q", w.events, want)
	}
	if d := l.clock.longest(l.now().Add(time.Hour)); d != 0 {
		t.Errorf("a lane that has ended has been deciding for %s", d)
	}
}

// TestEarlierTextsFromKafka hands a partition of an embedded broker over, and reads it with and without.
func TestEarlierTextsFromKafka(t *testing.T) {
	topics := defaultConfig().Kafka.Topics
	servers, err := startSandbox(topics, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer servers.close()
	client, err := kgo.NewClient(kgo.SeedBrokers(servers.kafka.ListenAddrs()...), kgo.DefaultProduceTopic(topics.Events))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const n = 400
	batches := abreast(corpusBatches(t, n, n))
	for i, r := range batches[0].Records {
		value, err := json.Marshal(onside.Event{Message: r.Message})
		if err == nil && i%50 == 0 {
			err = client.Flush(context.Background())
		}
		if err != nil {
			t.Fatal(err)
		}
		client.Produce(context.Background(), &kgo.Record{Key: []byte(r.Message.ConversationID), Value: value}, nil)
	}
	if err := client.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := plainlyBefore(batches)
	for name, handovers := range map[string]int{"one lane": 0, "two lanes": 1} {
		t.Run(name, func(t *testing.T) {
			got := readWith{}
			w := newWorld()
			cfg := source.Config{Brokers: servers.kafka.ListenAddrs(), Topic: topics.Events, Group: t.Name(), MaxBatchBytes: 4096, FetchWait: 50 * time.Millisecond}
			fetched, decided := 0.0, 0
			for part := range handovers + 1 {
				c, err := source.New(cfg, nil)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				err = c.Run(ctx, func(ctx context.Context, p *source.Partition) error {
					l := w.texting(laneTexts, got)
					l.batches = p
					l.observe.decided = func(*classify.Message, *policy.Decision) { decided++ }
					w.delivered = func() {
						if decided >= (part+1)*n/(handovers+1) {
							cancel()
						}
					}
					defer func() { fetched += textsFrom(t, l.metrics)["stream"] }()
					return l.run(ctx)
				})
				cancel()
				if err != nil {
					t.Fatal(err)
				}
			}
			if (fetched > 0) != (handovers > 0) {
				t.Errorf("%v texts from the stream", fetched)
			}
			compare(t, got, want)
		})
	}
}
