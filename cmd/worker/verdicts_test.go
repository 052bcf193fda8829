package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"onside/internal/policy"
	"onside/internal/sink"
)

func testVerdicts(workers int) verdictOptions {
	return verdictOptions{
		model: testModel(), policy: policy.Default(), evidence: sink.Masked,
		conversations: 64, maxLine: 4096, workers: workers,
	}
}

// TestVerdictsKeepTheOrder gives many conversations in lines of every kind to one worker and to many.
func TestVerdictsKeepTheOrder(t *testing.T) {
	var in strings.Builder
	var want []string
	for i := range 5000 {
		id := fmt.Sprintf("e-%d", i)
		switch {
		case i%97 == 0:
			fmt.Fprintf(&in, `{"event_id":%q}`+"\n", id)
		case i%89 == 0:
			fmt.Fprintf(&in, `{"event_id":%q,"text":%q}`+"\n\n", id, strings.Repeat("x", 5000))
		default:
			fmt.Fprintf(&in, `{"event_id":%q,"conversation_id":"c-%d","text":"whatsapp me on +92 300 12345%02d"}`+"\n", id, i%131, i%100)
		}
		want = append(want, id)
	}
	var first string
	for _, workers := range []int{1, 3, 64} {
		var out bytes.Buffer
		sum, err := writeVerdicts(strings.NewReader(in.String()), &out, testVerdicts(workers))
		if err != nil {
			t.Fatal(err)
		}
		if sum.lines != 5000 || sum.bad != 52+56 {
			t.Errorf("%d workers: %d lines, %d bad, want 5000 and 108", workers, sum.lines, sum.bad)
		}
		if got := eventIDs(t, out.String()); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%d workers: the order of the verdicts is not that of the lines", workers)
		}
		if first == "" {
			first = out.String()
		} else if out.String() != first {
			t.Errorf("%d workers: other verdicts than with one", workers)
		}
	}
}

func eventIDs(t *testing.T, lines string) (ids []string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var v struct {
			EventID string `json:"event_id"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		ids = append(ids, v.EventID)
	}
	return ids
}

// TestVerdictsAreNotHeldBack expects each verdict before the next event is written.
func TestVerdictsAreNotHeldBack(t *testing.T) {
	in, events := io.Pipe()
	verdicts, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := writeVerdicts(in, out, testVerdicts(2))
		out.Close()
		done <- err
	}()
	read := json.NewDecoder(verdicts)
	for i := range 3 {
		fmt.Fprintf(events, `{"event_id":"%d","conversation_id":"c","text":"hi"}`+"\n", i)
		var v verdict
		if err := read.Decode(&v); err != nil || v.EventID != fmt.Sprint(i) {
			t.Fatalf("verdict %d is of %q, error %v", i, v.EventID, err)
		}
	}
	events.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestVerdictsReportBrokenStreams(t *testing.T) {
	broken := errors.New("broken")
	in := `{"event_id":"1","conversation_id":"c","text":"hi"}` + "\n"
	_, err := writeVerdicts(io.MultiReader(strings.NewReader(in), failingReader{broken}), io.Discard, testVerdicts(2))
	if !errors.Is(err, broken) {
		t.Errorf("error of a broken input: %v", err)
	}
	_, err = writeVerdicts(strings.NewReader(strings.Repeat(in, 50_000)), failingWriter{broken}, testVerdicts(2))
	if !errors.Is(err, broken) {
		t.Errorf("error of a broken output: %v", err)
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

func TestSeenEventID(t *testing.T) {
	for in, want := range map[string]string{
		`{"text":"x","event_id" : "a-1",`: "a-1",
		`{"event_id":"a\"b"}`:             "",
		`{"event_id":7}`:                  "",
		"{\"event_id\":\"\xff\"}":         "\uFFFD",
	} {
		if got := seenEventID([]byte(in)); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// TestLinesAtTheLimit cuts lines that are one byte too long, wherever buffers end.
func TestLinesAtTheLimit(t *testing.T) {
	opt := testVerdicts(1)
	opt.maxLine = 70_000 // more than the reader buffers
	head := `{"event_id":"e","conversation_id":"c","text":"`
	for n, want := range map[int]int{opt.maxLine: 0, opt.maxLine + 1: 1} {
		line := head + strings.Repeat("y", n-len(head)-2) + `"}`
		for _, end := range []string{"", "\n"} {
			sum, err := writeVerdicts(strings.NewReader(line+end), io.Discard, opt)
			if err != nil || sum.lines != 1 || sum.bad != want {
				t.Errorf("%d bytes, end %q: %+v, %v; want %d bad", n, end, sum, err, want)
			}
		}
	}
}

func TestClassifyIgnoresLabels(t *testing.T) {
	line := `{"event_id":"e","conversation_id":"c","text":"hello"%s}` + "\n"
	_, plain, _ := command(t, context.Background(), fmt.Sprintf(line, ""), "classify")
	code, labelled, stderr := command(t, context.Background(), fmt.Sprintf(line, `,"label":{"action":"review"}`), "classify")
	if code != 0 || labelled != plain {
		t.Errorf("exit %d, verdict %q, want %q; %s", code, labelled, plain, stderr)
	}
}
