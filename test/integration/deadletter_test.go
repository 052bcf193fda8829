package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// spoilt are events that cannot be read, by the code that says why.
var spoilt = map[string][]byte{
	"value_null":              nil,
	"json_invalid":            []byte(`{"event_id":"e"`),
	"utf8_invalid":            []byte("{\"event_id\":\"e\",\"conversation_id\":\"c\",\"text\":\"\xff\xfe\"}"),
	"json_too_deep":           []byte(strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)),
	"key_duplicate":           []byte(`{"event_id":"e","event_id":"e","conversation_id":"c","text":"t"}`),
	"field_type":              []byte(`{"event_id":"e","conversation_id":"c","text":["t"]}`),
	"event_id_missing":        []byte(`{"conversation_id":"c","text":"t"}`),
	"conversation_id_missing": []byte(`{"event_id":"e","text":"t"}`),
	"text_missing":            []byte(`{"event_id":"e","conversation_id":"c"}`),
	"type_unknown":            []byte(`{"event_id":"e","conversation_id":"c","text":"t","type":"message.pinned"}`),
	"stage_unknown":           []byte(`{"event_id":"e","conversation_id":"c","text":"t","contract":{"stage":"paused"}}`),
	"record_too_large":        []byte(`{"event_id":"e","conversation_id":"c","text":"` + strings.Repeat("long ", 20_000) + `"}`),
}

// TestDeadLetters sends spoilt events among good ones: each becomes a dead letter with every byte that it had, and the stream goes on.
func TestDeadLetters(t *testing.T) {
	w, l := newWorld(t, plaintextKafka(t)).withTopics(), newLoad(t, 200)
	a := w.start("a", "--set", "kafka.max_record_bytes=64KiB").ready()
	w.send(l.part(0, 2))
	want := w.sendSpoilt()
	w.send(l.part(1, 2))
	w.settled()
	a.terminate()
	w.verifyOnce(l)
	got := map[string]letter{}
	for _, r := range w.kafka.readAll(w.topic("dead_letters")) {
		code, x := readLetter(r)
		if _, ok := got[code]; ok {
			t.Errorf("two dead letters for %s", code)
		}
		got[code] = x
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

// letter is what a dead letter keeps of a record.
type letter struct {
	Key, Value []byte
	Headers    []kgo.RecordHeader
	Time       string
	Position   string // topic, partition and offset at which it stood
}

const letterTime = "2006-01-02T15:04:05.000Z07:00"

// sendSpoilt produces the spoilt events and returns what must come out, by code. They are not compressed: of a compressed record
// that is too large, only the beginning is ever unpacked.
func (w *world) sendSpoilt() map[string]letter {
	w.t.Helper()
	client := w.kafka.newClient(kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer client.Close()
	sent := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	want := map[string]letter{}
	for code, value := range spoilt {
		sent = sent.Add(time.Second)
		r := &kgo.Record{
			Topic: w.topic("events"), Key: []byte("\x00key\xff of " + code), Value: value, Timestamp: sent,
			Headers: []kgo.RecordHeader{{Key: "own", Value: []byte("\x00\xff")}, {Key: "own", Value: []byte("again")}, {Key: "empty", Value: []byte{}}},
		}
		if code == "value_null" {
			r.Key, r.Headers = nil, nil
		}
		w.produce(client, r)
		want[code] = letter{r.Key, r.Value, r.Headers, sent.Format(letterTime), position(r.Topic, r.Partition, r.Offset)}
	}
	return want
}

func position(topic string, partition, offset any) string {
	return fmt.Sprintf("%v/%v/%v", topic, partition, offset)
}

// readLetter takes the worker's own headers off.
func readLetter(r *kgo.Record) (code string, x letter) {
	x = letter{Key: r.Key, Value: r.Value, Time: r.Timestamp.Format(letterTime)}
	own := map[string]string{}
	for _, h := range r.Headers {
		if strings.HasPrefix(h.Key, "onside.") {
			own[h.Key] = string(h.Value)
			continue
		}
		x.Headers = append(x.Headers, h)
	}
	x.Position = position(own["onside.error.topic"], own["onside.error.partition"], own["onside.error.offset"])
	return own["onside.error.code"], x
}
