package sink

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onside/internal/classify"
	"onside/internal/policy"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func testShape(e Evidence) *shape {
	return &shape{secret: []byte("0123456789abcdef"), policy: "aabbccddeeff", model: "model-1", evidence: e}
}

// richItem has something in every field.
func richItem() Item {
	text := "My nmber: nine two three zero zero 1234567 <or> t.me/x"
	return Item{
		Offset:      120934,
		TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Message: &classify.Message{
			EventID: "01JC3", ConversationID: "c-42", MessageID: "m-7", Kind: classify.Edited, SentAt: "2026-03-02T09:00:47Z",
			SenderID: "u-9", SenderRole: "freelancer", Lang: "en", Text: text,
		},
		Decision: policy.Decision{
			Action: policy.Review, Severity: policy.High, Rule: "contact-before-contract",
			Reason: "A phone number was shared before the contract started.",
			Findings: []classify.Finding{
				{
					Category: classify.ContactPhone, Act: classify.Share, Score: 0.99712345, Normalized: "+923001234567",
					Spans:     []classify.Span{{Start: 10, End: 42}, {MessageID: "m-6", Start: 0, End: 5}},
					DecodedBy: []string{"number_words:en", "homoglyph"},
				},
				{Category: classify.ChannelMessaging, Act: classify.Propose, Score: 0.5, Normalized: "telegram"},
			},
		},
	}
}

func rendered(t *testing.T, it Item, v verdict, e Evidence, limit int) message {
	t.Helper()
	n := &notice{item: &it, verdict: v, origin: origin, now: noon, shape: testShape(e)}
	m, _ := n.render(limit)
	return m
}

// golden compares a record, laid out for a reader, with a file.
func golden(t *testing.T, name string, m message) {
	t.Helper()
	var value bytes.Buffer
	if err := json.Indent(&value, m.value, "", "  "); err != nil {
		value.Write(m.value)
	}
	got := "time " + time.UnixMilli(m.millis).UTC().Format(time.RFC3339Nano) + "\nkey " + string(m.key) + "\n"
	for _, h := range m.headers {
		got += "header " + h.Key + " = " + string(h.Value) + "\n"
	}
	got += value.String() + "\n"
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", file, diff)
	}
}

func TestGoldenRecords(t *testing.T) {
	golden(t, "flag-masked", rendered(t, richItem(), claimed, Masked, math.MaxInt))
	golden(t, "flag-full", rendered(t, richItem(), again, Full, math.MaxInt))
	golden(t, "flag-none", rendered(t, richItem(), unverified, None, math.MaxInt))
	reminder := call(9, "c-42")
	golden(t, "reminder", rendered(t, reminder, claimed, Full, math.MaxInt))
	l := &letter{DeadLetter: &DeadLetter{
		Offset: 7, Last: 9, Time: noon.Add(-time.Hour), Key: []byte("c-42"), Value: []byte(`{"event_id":`),
		Headers: []Header{{"traceparent", []byte("00-x")}, {"empty", nil}}, Code: "json.syntax",
	}, origin: origin, now: noon}
	m, _ := l.render(math.MaxInt)
	golden(t, "dead-letter", m)
}

// The same event under the same policy has the same id in every process; anything else has another.
func TestIdentify(t *testing.T) {
	m := phone(1, "c-1", "+923001234567").Message
	base := identify("f_", m, "p1", policy.Review)
	if want := "f_"; !strings.HasPrefix(base, want) || len(base) != 34 {
		t.Errorf("id %q", base)
	}
	moved := *m
	moved.Offset, moved.Text, moved.MessageID = 99, "x", "y"
	if got := identify("f_", &moved, "p1", policy.Review); got != base {
		t.Errorf("the event's place or words changed its id")
	}
	event, conversation, joined := *m, *m, *m
	event.EventID = "other"
	conversation.ConversationID = "other"
	joined.EventID, joined.ConversationID = m.EventID+m.ConversationID[:1], m.ConversationID[1:]
	for name, id := range map[string]string{
		"event": identify("f_", &event, "p1", policy.Review), "conversation": identify("f_", &conversation, "p1", policy.Review),
		"policy": identify("f_", m, "p2", policy.Review), "action": identify("f_", m, "p1", policy.Remind),
		"boundary": identify("f_", &joined, "p1", policy.Review),
	} {
		if id == base {
			t.Errorf("another %s has the same id", name)
		}
	}
}

func TestRemindersCarryNoEvidence(t *testing.T) {
	it := richItem()
	it.Decision.Action = policy.Remind
	m := rendered(t, it, claimed, Full, math.MaxInt)
	for _, evidence := range []string{"923001234567", "telegram", "nine two", "findings", "contact.phone"} {
		if bytes.Contains(m.value, []byte(evidence)) {
			t.Errorf("a reminder says %q: %s", evidence, m.value)
		}
	}
}

// A flag that is too large loses evidence first, then spans, then long words; it is never lost.
func TestFlagsShrink(t *testing.T) {
	it := richItem()
	it.Message.Text = strings.Repeat("x", 2000)
	it.Message.EventID, it.Message.ConversationID = strings.Repeat("ä", 3000), strings.Repeat("c", 3000)
	f := &it.Decision.Findings[0]
	f.Spans = make([]classify.Span, 200)
	f.Spans[0] = classify.Span{Start: 0, End: 2000}
	n := &notice{item: &it, verdict: claimed, origin: origin, now: noon, shape: testShape(Full)}
	whole := n.flag(whole)
	for limit := bodySize(whole); limit > 0; limit /= 2 {
		m, shortened := n.render(limit)
		if shortened != (limit < bodySize(whole)) {
			t.Errorf("limit %d: shortened %v", limit, shortened)
		}
		if size := bodySize(m); size > limit && limit > 4096 {
			t.Errorf("limit %d: %d bytes", limit, size)
		}
		var got Flag
		if err := json.Unmarshal(m.value, &got); err != nil {
			t.Fatalf("limit %d: %v", limit, err)
		}
		if got.FlagID != identify("f_", it.Message, "aabbccddeeff", policy.Review) || len(got.Findings) != 2 || got.Findings[0].Fingerprint == "" {
			t.Errorf("limit %d: %+v", limit, got)
		}
		if shortened && (got.Findings[0].Normalized != "" || bytes.Contains(m.value, []byte("xxx"))) {
			t.Errorf("limit %d: evidence is still there", limit)
		}
	}
}

func TestScoresAreNumbers(t *testing.T) {
	for in, want := range map[float64]float64{0.99712345: 0.9971, 0: 0, 1: 1, -1: 0, 2: 0, math.Inf(1): 0, math.NaN(): 0} {
		if got := rounded(in); got != want {
			t.Errorf("%v became %v", in, got)
		}
	}
}

func TestSpansOutsideTheTextShowNothing(t *testing.T) {
	it := richItem()
	it.Decision.Findings[0].Spans = []classify.Span{{Start: 5, End: 1000}, {Start: -1, End: 3}, {Start: 9, End: 3}, {Start: 0, End: 2}}
	var got Flag
	if err := json.Unmarshal(rendered(t, it, claimed, Full, math.MaxInt).value, &got); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, s := range got.Findings[0].Spans {
		texts = append(texts, s.Text)
	}
	if diff := cmp.Diff([]string{"", "", "", "My"}, texts); diff != "" {
		t.Error(diff)
	}
}

func TestFingerprints(t *testing.T) {
	s := testShape(Masked)
	f := classify.Finding{Category: classify.ContactPhone, Normalized: "+923001234567"}
	id := classify.Finding{Category: classify.PaymentDirect, Normalized: "+923001234567"}
	if s.fingerprint(&f) == "" || s.fingerprint(&f) != s.fingerprint(&id) {
		t.Error("a contact's fingerprint depends on what it was used for")
	}
	other := f
	other.Normalized = "+923001234568"
	if s.fingerprint(&f) == s.fingerprint(&other) {
		t.Error("two contacts have one fingerprint")
	}
	tool := classify.Finding{Category: classify.ChannelMessaging, Normalized: "whatsapp"}
	if got := s.fingerprint(&tool); got != "" {
		t.Errorf("a tool has the fingerprint %s", got)
	}
}

// The enum tags, of which the JSON Schema is made, are the vocabularies that the values come from.
func TestEnumTagsAreTheVocabularies(t *testing.T) {
	var categories, acts, stages, severities []string
	for c := range classify.Category(classify.NumCategories) {
		categories = append(categories, c.String())
	}
	for a := range classify.Act(classify.NumActs) {
		acts = append(acts, a.String())
	}
	for s := classify.PreContract; s <= classify.Ended; s++ {
		stages = append(stages, s.String())
	}
	for s := policy.Low; s <= policy.High; s++ {
		severities = append(severities, s.String())
	}
	for _, tc := range []struct {
		of    any
		field string
		want  []string
	}{
		{Finding{}, "Category", categories},
		{Finding{}, "Act", acts},
		{Event{}, "Stage", stages},
		{Event{}, "Type", []string{typeOf(classify.Created), typeOf(classify.Edited), typeOf(classify.Deleted)}},
		{Flag{}, "Severity", severities},
		{Flag{}, "Action", []string{policy.Review.String()}},
		{Flag{}, "Dedup", []string{dedup(claimed), dedup(unverified)}},
		{Reminder{}, "Dedup", []string{dedup(again), dedup(unverified)}},
	} {
		f, ok := reflect.TypeOf(tc.of).FieldByName(tc.field)
		if !ok {
			t.Fatalf("%T has no field %s", tc.of, tc.field)
		}
		if diff := cmp.Diff(tc.want, strings.Split(f.Tag.Get("enum"), ",")); diff != "" {
			t.Errorf("%T.%s: %s", tc.of, tc.field, diff)
		}
	}
}
