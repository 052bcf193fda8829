package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestVerdict writes ledgers by hand, of an event that shows something and a repeat of it, and says what is wrong with them.
func TestVerdict(t *testing.T) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	flag := func(at int, more ...func(*record)) *record {
		r := &record{kind: flagged, event: eventID(at), id: "f_" + eventID(at), content: "it", stamped: noon}
		for _, change := range more {
			change(r)
		}
		return r
	}
	unverified := func(r *record) { r.unverified, r.content = true, "it" }
	made := func(secret string) func(*record) {
		return func(r *record) { r.content = `{"score":1,"contact_fingerprint":"by ` + secret + `"}` }
	}
	for _, c := range []struct {
		name     string
		records  []*record
		inexact  bool
		flushes  []time.Time
		onceOnly bool
		secrets  bool
		want     []string
	}{
		{name: "as it must be", records: []*record{flag(0)}},
		{name: "lost", want: []string{"1 lost"}},
		{name: "lost, and nothing excuses it", inexact: true, want: []string{"1 lost"}},
		{name: "came again", records: []*record{flag(0), flag(0)}},
		{name: "came again and must not", records: []*record{flag(0), flag(0)}, onceOnly: true,
			want: []string{"1 records with an id that had come, and nothing that excuses it"}},
		{name: "came again with another content", records: []*record{flag(0), flag(0, func(r *record) { r.content = "else" })},
			want: []string{"1 records that came again with another content"}},
		{name: "came again with another fingerprint", records: []*record{flag(0, made("old")), flag(0, made("new"))},
			want: []string{"1 records that came again with another content"}},
		{name: "came again under another secret", records: []*record{flag(0, made("old")), flag(0, made("new"))}, secrets: true},
		{name: "came again under another secret with another content", records: []*record{flag(0, made("old")), flag(0)}, secrets: true,
			want: []string{"1 records that came again with another content"}},
		{name: "came under two ids", records: []*record{flag(0), flag(0, func(r *record) { r.id = "f_else" })}, want: []string{"1 events under two ids"}},
		{name: "came as something else", records: []*record{flag(0, func(r *record) { r.kind = reminded })},
			want: []string{"1 lost", "1 records that nobody expected"}},
		{name: "repeat shown", records: []*record{flag(0), flag(1)}, want: []string{"1 repeats shown again with nothing to excuse it"}},
		{name: "repeat shown, unverified", records: []*record{flag(0), flag(1, unverified)}},
		{name: "repeat shown, the first unverified", records: []*record{flag(0, unverified), flag(1)}},
		{name: "repeat shown after Redis forgot", records: []*record{flag(0), flag(1)}, flushes: []time.Time{noon}},
		{name: "repeat shown before Redis forgot", records: []*record{flag(0), flag(1)}, flushes: []time.Time{noon.Add(1)},
			want: []string{"1 repeats shown again with nothing to excuse it"}},
		{name: "repeat shown while Redis had trouble", records: []*record{flag(0), flag(1)}, inexact: true},
		{name: "nobody's", records: []*record{flag(0), flag(7)}, want: []string{"1 records that name no event"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger()
			l.twoSecrets = c.secrets
			l.reserve(2)
			l.write(0, entry{must: flagged, first: true})
			l.write(1, entry{must: flagged, repeat: true, holders: []int32{0}})
			for _, r := range c.records {
				l.see(r)
			}
			var v verdict
			v.read(l, !c.inexact, c.flushes)
			if diff := cmp.Diff(c.want, v.broken(c.onceOnly, true)); diff != "" {
				t.Errorf("broken (-want +got):\n%s", diff)
			}
		})
	}
}

// TestVerdictForgives shows what is held against nobody while Redis has trouble: a later message of a conversation.
func TestVerdictForgives(t *testing.T) {
	l := newLedger()
	l.reserve(2)
	l.write(1, entry{must: flagged})
	for exact, want := range map[bool]int{true: 1, false: 0} {
		var v verdict
		v.read(l, exact, nil)
		if v.lost() != want || v.lost()+v.otherwise != 1 {
			t.Errorf("exact %v: %d lost, %d decided otherwise", exact, v.lost(), v.otherwise)
		}
	}
}

func TestSilence(t *testing.T) {
	at := func(seconds ...int) (list []time.Time) {
		for _, s := range seconds {
			list = append(list, time.Unix(int64(s), 0))
		}
		return list
	}
	for _, c := range []struct {
		name     string
		beats    map[int32][]time.Time
		from, to int
		want     int
	}{
		{"none", map[int32][]time.Time{0: at(1, 2, 3)}, 1, 3, 1},
		{"from the fault on", map[int32][]time.Time{0: at(1, 9)}, 4, 10, 5},
		{"to the end", map[int32][]time.Time{0: at(1, 2)}, 1, 7, 5},
		{"in the middle", map[int32][]time.Time{0: at(1, 2, 6, 7)}, 1, 8, 4},
		{"the worst partition", map[int32][]time.Time{0: at(1, 2, 3, 4), 1: at(1, 4)}, 1, 4, 3},
		{"what others do", map[int32][]time.Time{0: at(1, 2, 3), 5: nil}, 1, 3, 1},
	} {
		p := newPulse()
		for id, beats := range c.beats {
			for _, b := range beats {
				p.beat(id, b, b)
			}
		}
		scope := []int32{0}
		if len(c.beats[1]) > 0 {
			scope = append(scope, 1)
		}
		got := p.silence(scope, time.Unix(int64(c.from), 0), time.Unix(int64(c.to), 0))
		if got != time.Duration(c.want)*time.Second {
			t.Errorf("%s: %s, want %d s", c.name, got, c.want)
		}
	}
}
