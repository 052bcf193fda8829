package onside

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the files that the tests compare with")

// TestCompactGolden reads every kind of line and compares with what compile.py made of the same file.
func TestCompactGolden(t *testing.T) {
	var r Reader
	r.Compact("compact.txt", readFile(t, "testdata/golden/compact.txt"))
	events, err := r.Events()
	if err != nil {
		t.Fatal(err)
	}
	sameEvents(t, events, readFile(t, "testdata/golden/compact.jsonl"))
}

// TestCorpusEqualsCompiler compares every embedded file with what compile.py makes of it.
func TestCorpusEqualsCompiler(t *testing.T) {
	out := filepath.Join(t.TempDir(), "labelled.jsonl")
	args := []string{"testdata/corpus/compile.py", out}
	for _, name := range corpusFiles() {
		args = append(args, corpusDir+name)
	}
	python(t, args...)
	sameEvents(t, mustCorpus(t), readFile(t, out))
}

// TestJSONLRoundTrip writes the corpus as labelled events and reads it back.
func TestJSONLRoundTrip(t *testing.T) {
	var want, got Reader
	want.Compact("compact.txt", readFile(t, "testdata/golden/compact.txt"))
	events, _ := want.Events()
	got.JSONL("compact.txt", marshalLines(t, events))
	read, err := got.Events()
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		events[i].Line = i + 1 // one event a line, no heads between them
	}
	if diff := gocmp.Diff(events, read); diff != "" {
		t.Errorf("events after a round trip (-want +got):\n%s", diff)
	}
}

func TestCompactFaults(t *testing.T) {
	var r Reader
	r.Compact("a.txt", "c: before any head\n# x stage=begun lang=en\nc: hi ## maybe contact.phone shout obf=magic\n@stage over\n"+
		"f: call ## remind\n\n# y lang=en\n")
	r.Compact("b.txt", "# x stage=ended lang=en\r\nc: fine\r\n")
	r.JSONL("c.jsonl", `{"event_id":"e","conversation_id":"c","contract":{"stage":"?"},"label":{"action":"review","intent":"x"}}`+
		"\n\n{]\n"+`{"text":"x","label":{}}`)
	_, err := r.Events()
	if err == nil {
		t.Fatal("no fault was found")
	}
	want := []string{
		`a.txt:1: not a line of the format: c: before any head`,
		`a.txt:2: unknown stage "begun"`,
		`a.txt:3: unknown word "shout" in the label`,
		`a.txt:3: unknown action "maybe"`,
		`a.txt:3: unknown obfuscation "magic"`,
		`a.txt:4: unknown stage "over"`,
		`a.txt:5: remind needs a category`,
		`a.txt:7: not a line of the format: # y lang=en`,
		`b.txt:1: conversation x is there twice`,
		`c.jsonl:1: unknown stage "?"`,
		`c.jsonl:1: unknown intent "x"`,
		`c.jsonl:1: review needs a category`,
		`c.jsonl:3: not an event: invalid character ']' looking for beginning of object key string`,
		`c.jsonl:4: event_id and conversation_id are needed`,
		`c.jsonl:4: no label`,
	}
	if diff := gocmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// TestSplit holds the promises of the split; with -update it also writes it anew.
func TestSplit(t *testing.T) {
	events := mustCorpus(t)
	if *update {
		writeSplit(t, events)
		t.Skip("split written: run again without -update, the file is embedded at build time")
	}
	train, tune := Split(events)
	if got := len(train) + len(tune); got != len(events) {
		t.Errorf("train and tune have %d events together, the corpus has %d", got, len(events))
	}
	share := map[string]Counts{} // TP: events to tune on, FN: the others
	side := map[string]bool{}
	for i, part := range [][]Event{train, tune} {
		for _, e := range part {
			share[e.File] = plus(share[e.File], Counts{TP: i, FN: 1 - i})
			if was, ok := side[Pair(e.ConversationID)]; ok && was != (i == 1) {
				t.Errorf("%s: its pair is torn apart", e.ConversationID)
			}
			side[Pair(e.ConversationID)] = i == 1
		}
	}
	for file, c := range share {
		if r := c.Recall(); r < 0.14 || r > 0.26 {
			t.Errorf("%s: %.2f of its events are to tune on, want about 0.20: go test -run TestSplit -update .", file, r)
		}
	}
	for id := range tuneConversations() {
		if !side[Pair(id)] {
			t.Errorf("%s names %s, which the corpus does not have", splitFile, id)
		}
	}
}

// writeSplit fills up to one fifth of the conversations of each file with those whose ids hash lowest. What is
// there stays, so that no model was fitted on what it is measured on later.
func writeSplit(t *testing.T, events []Event) {
	t.Helper()
	pairs := map[string]map[string][]string{} // file -> pair -> conversations
	for _, e := range events {
		if pairs[e.File] == nil {
			pairs[e.File] = map[string][]string{}
		}
		p := Pair(e.ConversationID)
		if ids := pairs[e.File][p]; !slices.Contains(ids, e.ConversationID) {
			pairs[e.File][p] = append(ids, e.ConversationID)
		}
	}
	held := tuneConversations()
	var b strings.Builder
	b.WriteString("# Conversations to tune and measure on; all others are to train on. Written by: go test -run TestSplit -update .\n")
	for _, file := range slices.Sorted(maps.Keys(pairs)) {
		names := slices.SortedFunc(maps.Keys(pairs[file]), func(a, b string) int {
			return cmp.Or(cmp.Compare(place(held, pairs[file][a]), place(held, pairs[file][b])), cmp.Compare(hash(a), hash(b)))
		})
		names = names[:max((len(names)+2)/5, countHeld(held, pairs[file]))]
		slices.Sort(names)
		for _, name := range names {
			b.WriteString(strings.Join(pairs[file][name], "\n") + "\n")
		}
	}
	if err := os.WriteFile(corpusDir+splitFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// place sorts pairs that are held already before those that are not.
func place(held map[string]bool, conversations []string) int {
	if held[conversations[0]] {
		return 0
	}
	return 1
}

func countHeld(held map[string]bool, pairs map[string][]string) (n int) {
	for _, conversations := range pairs {
		n += 1 - place(held, conversations)
	}
	return n
}

func hash(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

func plus(a, b Counts) Counts {
	a.add(b)
	return a
}

// sameEvents compares events with JSON Lines, whatever the order of keys.
func sameEvents(t *testing.T, events []Event, want string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(want), "\n")
	if len(lines) != len(events) {
		t.Fatalf("%d events, want %d", len(events), len(lines))
	}
	for i := range events {
		a, b := decode(t, marshalLines(t, events[i:i+1])), decode(t, lines[i])
		if diff := gocmp.Diff(b, a); diff != "" {
			t.Fatalf("%s:%d (-want +got):\n%s", events[i].File, events[i].Line, diff)
		}
	}
}

func marshalLines(t *testing.T, events []Event) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, e := range events {
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func decode(t *testing.T, line string) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return v
}

func mustCorpus(t *testing.T) []Event {
	t.Helper()
	events, err := Corpus()
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// python runs a script and returns what it printed; the test is skipped where there is no Python.
func python(t *testing.T, args ...string) string {
	t.Helper()
	if err := exec.Command("python3", "--version").Run(); err != nil {
		t.Skip("python3 is not there")
	}
	cmd := exec.Command("python3", args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &errs)
	}
	return out.String()
}
