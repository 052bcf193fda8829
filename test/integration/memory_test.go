package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// hostile are streams that somebody might send to have a worker take memory, a record each for n.
var hostile = []struct {
	name   string
	n      int
	record func(i int) (conversation, value string)
}{
	{"events of 900 KB", 30, func(i int) (string, string) { return spoken(i, strings.Repeat("word ", 180_000)) }},
	{"900 KB of telephone numbers", 12, func(i int) (string, string) { return spoken(i, strings.Repeat("+92 300 1234567, ", 53_000)) }},
	{"900 KB of addresses", 12, func(i int) (string, string) { return spoken(i, strings.Repeat("a@b.co ", 128_000)) }},
	{"900 KB of letters that no alphabet has", 30, func(i int) (string, string) { return spoken(i, strings.Repeat("\u0301\u200b𝒶", 100_000)) }},
	{"900 KB of brackets", 30, func(i int) (string, string) { return fmt.Sprint("c", i), strings.Repeat("[", 900_000) }},
	{"900 KB of escapes", 30, func(i int) (string, string) { return spoken(i, strings.Repeat(`\u0041`, 150_000)) }},
	{"records of two bytes", 10_000, func(i int) (string, string) { return fmt.Sprint("c", i), "{}" }},
	{"a conversation for each message", 30_000, func(i int) (string, string) { return spoken(i, "hello there") }},
	{"one conversation", 10_000, func(int) (string, string) { return spoken(0, "whatsapp me on +92 300 1234567") }},
	{"names of 300 KB", 30, func(i int) (string, string) {
		long := strings.Repeat("n", 300_000)
		return "c", fmt.Sprintf(`{"event_id":"e%d%s","conversation_id":"c","text":"hi","sender":{"id":"%s"},"lang":"%s"}`, i, long, long, long)
	}},
}

// spoken is an event, whose text is JSON already.
func spoken(i int, text string) (conversation, value string) {
	conversation = fmt.Sprint("c", i)
	return conversation, fmt.Sprintf(`{"event_id":"e%d","conversation_id":"%s","message_id":"m%d","text":"%s","sender":{"id":"s","role":"client"}}`, i, conversation, i, text)
}

// TestHostileMemory sends such streams, each to a worker of its own: it reads them to their end within 400 MiB, and says how much it took.
func TestHostileMemory(t *testing.T) {
	if raceDetector() {
		t.Skip("the race detector keeps books of every word")
	}
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			w := newWorld(t, plaintextKafka(t)).withTopics()
			a := w.start("a").ready()
			before := a.peakMemory()
			client := w.kafka.newClient(kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
			defer client.Close()
			var records []*kgo.Record
			for i := range h.n {
				conversation, value := h.record(i)
				records = append(records, &kgo.Record{Topic: w.topic("events"), Key: []byte(conversation), Value: []byte(value)})
			}
			w.produce(client, records...)
			w.settled()
			peak := a.peakMemory()
			t.Logf("%d MiB at most, %d MiB before", peak>>20, before>>20)
			if limit := 400 << 20; peak > limit {
				t.Errorf("%d MiB at most, which is over %d", peak>>20, limit>>20)
			}
			a.terminate()
		})
	}
}
