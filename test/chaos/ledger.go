package main

import (
	"fmt"
	"hash/maphash"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"onside/internal/policy"
)

// kind is what may come of an event.
type kind uint8

// The kinds, as they are counted. Every event has one.
const (
	nothing kind = iota
	flagged
	reminded
	dead
	kinds
)

var kindNames = [kinds]string{"nothing", "flags", "reminders", "dead letters"}

func (k kind) String() string { return kindNames[k] }

func kindOf(a policy.Action) kind {
	switch a {
	case policy.Review:
		return flagged
	case policy.Remind:
		return reminded
	default:
		return nothing
	}
}

// entry is one event and what must come of it. An event is named by its place in the ledger.
type entry struct {
	must    kind
	repeat  bool    // of something that its conversation has shown before: it must not come
	first   bool    // of its conversation: what must come of it does not depend on what is remembered
	holders []int32 // events that hold the claims which suppress it
	seen    sighting
}

// sighting is what came of an event, as a reader sees it who knows a record again by its id.
type sighting struct {
	as         kind // of the first record; nothing: none came
	records    int
	id         string
	content    uint64 // hash of the first record without its dedup
	others     int    // records with another id or of another kind
	differing  int    // records of the first one's id with another content
	unverified bool   // a record says so
	at         time.Time
}

// ledger holds every event of the run. It is safe for concurrent use.
type ledger struct {
	seed       maphash.Seed
	twoSecrets bool // a record that comes again may have been made under the other

	mu      sync.Mutex
	entries []entry
	strange []string // records that name no event of the ledger
}

func newLedger() *ledger { return &ledger{seed: maphash.MakeSeed()} }

// reserve makes room for n events and returns the place of the first.
func (l *ledger) reserve(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := len(l.entries)
	l.entries = append(l.entries, make([]entry, n)...)
	return first
}

func (l *ledger) write(at int, e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[at] = e
}

func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// eventID is the id of the event at a place of the ledger; placeOf is its inverse.
func eventID(at int) string { return "e" + strconv.Itoa(at) }

func placeOf(id string) (int, error) {
	number, ok := strings.CutPrefix(id, "e")
	at, err := strconv.Atoi(number)
	if !ok || err != nil || at < 0 {
		return 0, fmt.Errorf("%q is no event of this run", id)
	}
	return at, nil
}

// record is what a reader takes from an output topic.
type record struct {
	kind       kind
	event      string
	id         string
	content    string
	unverified bool
	partition  int32 // of the event
	offset     int64
	stamped    time.Time
}

// fingerprint is what depends on the secret.
var fingerprint = regexp.MustCompile(`"contact_fingerprint":"[^"]*"`)

// digest is the same for contents that may stand for each other.
func (l *ledger) digest(content string) uint64 {
	content = strings.Replace(content, `"dedup":"unverified"`, `"dedup":"claimed"`, 1)
	if l.twoSecrets {
		content = fingerprint.ReplaceAllString(content, "")
	}
	return maphash.String(l.seed, content)
}

// see notes a record.
func (l *ledger) see(r *record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, err := placeOf(r.event)
	if err != nil || at >= len(l.entries) {
		l.strange = append(l.strange, r.event)
		return
	}
	s := &l.entries[at].seen
	content := l.digest(r.content)
	s.records++
	s.unverified = s.unverified || r.unverified
	switch {
	case s.records == 1:
		s.as, s.id, s.content, s.at = r.kind, r.id, content, r.stamped
	case s.id != r.id || s.as != r.kind:
		s.others++
	case s.content != content:
		s.differing++
	}
}
