package main

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"sync"

	"github.com/segmentio/kafka-go"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
	"onside/internal/sink"
)

// tally counts what the service did and collects the flags that are read back. It is safe for concurrent use.
type tally struct {
	news chan struct{} // something changed; holds one

	mu struct {
		sync.Mutex
		counts
		expected int          // records
		unread   int          // flags that were published and not yet read
		flags    []*sink.Flag // read, not yet taken
	}
}

// counts is the state of a tally.
type counts struct {
	records  int
	stats    sink.Stats
	verdicts map[string]onside.Verdict
}

func newTally() *tally {
	t := &tally{news: make(chan struct{}, 1)}
	t.mu.verdicts = map[string]onside.Verdict{}
	return t
}

func (t *tally) observer() observer {
	return observer{decided: t.decided, delivered: t.delivered}
}

func (t *tally) decided(m *classify.Message, d *policy.Decision) {
	id, v := strings.Clone(m.EventID), verdictOf(*d)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.verdicts[id] = v
}

func (t *tally) delivered(records int, s *sink.Stats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.records += records
	t.mu.unread += s.Flags
	t.mu.stats.Flags += s.Flags
	t.mu.stats.Reminders += s.Reminders
	t.mu.stats.DeadLetters += s.DeadLetters
	t.mu.stats.Suppressed += s.Suppressed
	t.mu.stats.Unverified += s.Unverified
	t.tell()
}

func (t *tally) tell() {
	select {
	case t.news <- struct{}{}:
	default:
	}
}

// read collects flags until ctx ends.
func (t *tally) read(ctx context.Context, reader *kafka.Reader) {
	for {
		m, err := reader.FetchMessage(ctx)
		if err != nil {
			return // ctx has ended; the reader tries everything else again
		}
		var f sink.Flag
		err = json.Unmarshal(m.Value, &f)
		t.mu.Lock()
		t.mu.unread--
		if err == nil {
			t.mu.flags = append(t.mu.flags, &f)
		}
		t.mu.Unlock()
		t.tell()
	}
}

// expect says that n more records are on their way.
func (t *tally) expect(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.expected += n
}

// settled says whether all expected records are done and their flags were read.
func (t *tally) settled() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.records >= t.mu.expected && t.mu.unread <= 0
}

// take returns the flags that were read since the last call.
func (t *tally) take() []*sink.Flag {
	t.mu.Lock()
	defer t.mu.Unlock()
	flags := t.mu.flags
	t.mu.flags = nil
	return flags
}

func (t *tally) count() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return counts{t.mu.records, t.mu.stats, maps.Clone(t.mu.verdicts)}
}
