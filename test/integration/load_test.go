package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"onside"
)

// load is a number of events, and what worker classify says must come of each.
type load struct {
	events []onside.Event
	beside []onside.Event    // that were sent and are none of these
	action map[string]string // by event id: none, remind or review
}

// newLoad makes about n events of the corpus' messages, each of them twice: in its conversation, where it depends on history and may be
// suppressed as a repeat, and alone in one of its own, where whatever it says must come out.
func newLoad(t *testing.T, n int) *load {
	t.Helper()
	corpus, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	l := &load{}
	for i, e := range corpus {
		if len(l.events) >= n && e.ConversationID != corpus[i-1].ConversationID {
			break
		}
		l.events = append(l.events, e)
		e.ConversationID, e.EventID = fmt.Sprintf("alone-%d", i), fmt.Sprintf("alone-%d", i)
		l.events = append(l.events, e)
	}
	l.action = classified(t, l.events)
	if l.count("review") < 20 || l.count("remind") == 0 {
		t.Fatalf("%d flags and %d reminders of %d events: too few to show anything", l.count("review"), l.count("remind"), len(l.events))
	}
	return l
}

// contacts makes two events each of n conversations that have nothing else: an address, which is flagged before a contract, and the same again by
// the same sender, a repeat by all that is shown. They count once they are sent, by sendOf.
func (l *load) contacts(name string, n int) (first, again []onside.Event) {
	for i := range n {
		var e onside.Event // before the contract
		e.EventID, e.ConversationID = fmt.Sprintf("%s-%d", name, i), fmt.Sprintf("%s-%d", name, i)
		e.MessageID, e.SenderID, e.SenderRole = "m", "u", "freelancer"
		e.Text = fmt.Sprintf("my email is anna.%s%d@gmail.com", name, 100+i)
		first = append(first, e)
		e.EventID, e.MessageID = e.EventID+"-again", "m-again"
		again = append(again, e)
	}
	for _, e := range slices.Concat(first, again) {
		l.action[e.EventID] = "review"
	}
	return first, again
}

// classified runs worker classify over the events.
func classified(t *testing.T, events []onside.Event) map[string]string {
	t.Helper()
	var in bytes.Buffer
	for _, e := range events {
		in.Write(encoded(t, e))
		in.WriteByte('\n')
	}
	cmd := exec.Command(workerBinary, "classify", "--strict")
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = &in, &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("worker classify: %v\n%s", err, errs.String())
	}
	action := map[string]string{}
	for line := range bytes.Lines(out) {
		var v struct {
			EventID string `json:"event_id"`
			Action  string
		}
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("worker classify: %v: %s", err, line)
		}
		action[v.EventID] = v.Action
	}
	if len(action) != len(events) {
		t.Fatalf("%d verdicts on %d events", len(action), len(events))
	}
	return action
}

func encoded(t *testing.T, e onside.Event) []byte {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (l *load) count(action string) (n int) {
	for _, a := range l.action {
		if a == action {
			n++
		}
	}
	return n
}

// part is the i-th of n parts of the events.
func (l *load) part(i, n int) []onside.Event {
	return l.events[len(l.events)*i/n : len(l.events)*(i+1)/n]
}

// required are the events with the action that no claim can suppress: those of a conversation's sender before which that sender
// had none. The others may have come out, or be repeats.
func (l *load) required(action string) map[string]bool {
	out, seen := map[string]bool{}, map[string]bool{}
	for _, e := range slices.Concat(l.events, l.beside) {
		sender := e.ConversationID + "\x00" + e.SenderID
		if l.action[e.EventID] == action && !seen[sender] {
			seen[sender] = true
			out[e.EventID] = true
		}
	}
	return out
}

// notice is what a consumer sees of a flag or a reminder.
type notice struct {
	FlagID     string `json:"flag_id"`
	ReminderID string `json:"reminder_id"`
	Action     string
	Dedup      string
	Event      struct {
		EventID        string `json:"event_id"`
		ConversationID string `json:"conversation_id"`
	}
	Source struct {
		Topic     string
		Partition int32
		Offset    int64
	}
}

// found is what came out, read as a consumer that ignores an id that it knows.
type found struct {
	first   map[string]notice // by event id
	repeats int               // records whose id had been seen
}

// check reads what a topic has and holds what must be true of it however the workers fared: everything required is there, nothing
// else, at its place, and all records of an id are the same. Where Redis was away, they may differ in how sure
// the worker was.
func (l *load) check(t *testing.T, action string, records []*kgo.Record, events map[string]*kgo.Record) found {
	t.Helper()
	f := found{first: map[string]notice{}}
	contents := map[string]string{}
	for _, r := range records {
		n := l.notice(t, action, r, events)
		id := n.FlagID + n.ReminderID
		content := strings.Replace(string(r.Value), `"dedup":"unverified"`, `"dedup":"claimed"`, 1)
		was, seen := contents[id]
		if seen && was != content {
			t.Errorf("%s has two contents:\n%s\n%s", id, was, content)
		}
		if _, other := f.first[n.Event.EventID]; other && !seen {
			t.Errorf("event %s has two ids, the second is %s", n.Event.EventID, id)
		}
		contents[id] = content
		if seen {
			f.repeats++
			continue
		}
		f.first[n.Event.EventID] = n
	}
	missing := 0
	for id := range l.required(action) {
		if _, ok := f.first[id]; !ok {
			missing++
			t.Logf("no %s of event %s", action, id)
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d required are lost: %s", missing, len(l.required(action)), action)
	}
	return f
}

// notice reads one record and compares it with its event.
func (l *load) notice(t *testing.T, action string, r *kgo.Record, events map[string]*kgo.Record) notice {
	t.Helper()
	var n notice
	if err := json.Unmarshal(r.Value, &n); err != nil {
		t.Fatalf("%s at %d is no JSON: %v", r.Topic, r.Offset, err)
	}
	if l.action[n.Event.EventID] != action {
		t.Errorf("%s of event %s, for which it is %q", action, n.Event.EventID, l.action[n.Event.EventID])
	}
	e := events[n.Event.EventID]
	if e == nil || n.Source.Topic != e.Topic || n.Source.Partition != e.Partition || n.Source.Offset != e.Offset {
		t.Errorf("%s of event %s names %+v as its source", action, n.Event.EventID, n.Source)
	}
	if string(r.Key) != n.Event.ConversationID {
		t.Errorf("%s of event %s has the key %q", action, n.Event.EventID, r.Key)
	}
	return n
}

// wantRepeats wants flags of all the events, as something that nobody remembers to have been said, or of none of them.
func (f found) wantRepeats(t *testing.T, dedup string, events []onside.Event) {
	t.Helper()
	for _, e := range events {
		n, ok := f.first[e.EventID]
		switch {
		case dedup == "" && ok:
			t.Errorf("event %s repeats what is claimed, and is flagged", e.EventID)
		case dedup != "" && !ok:
			t.Errorf("event %s has no flag, though nobody remembers what it repeats", e.EventID)
		case dedup != "" && n.Dedup != dedup:
			t.Errorf("the flag of event %s is %s, want %s", e.EventID, n.Dedup, dedup)
		}
	}
}
