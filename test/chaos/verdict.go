package main

import (
	"fmt"
	"time"
)

// tally is what became of the events that must come to one kind of record.
type tally struct {
	Expected   int `json:"expected"`   // must come, once
	Lost       int `json:"lost"`       // did not
	Repeats    int `json:"repeats"`    // show what was shown before, and must not come
	Suppressed int `json:"suppressed"` // of these, did not come
	Records    int `json:"records"`    // stand in the topic
	Again      int `json:"again"`      // of these, have an id that stood there before
	Differing  int `json:"differing"`  // of these, with another content

	LetThrough letThrough `json:"let_through"` // repeats that came
}

// letThrough counts repeats that came by what excuses them.
type letThrough struct {
	Unverified int `json:"unverified"` // Redis was silent, and the record says so, or that of the one before it does
	Forgotten  int `json:"forgotten"`  // Redis had lost what it knew
	Otherwise  int `json:"otherwise"`  // decided by a worker that knew less than the judge, while Redis had trouble
	Doubled    int `json:"doubled"`    // nothing excuses them
}

// verdict is what a run has shown.
type verdict struct {
	tallies   [kinds]tally
	otherwise int      // events about which a worker that knew less than the judge decided something else, while Redis had trouble
	wrong     int      // events of which came what must not come of them
	twoIDs    int      // events that came under two ids
	strange   int      // records that name no event
	examples  []string // of what is wrong
}

const maxExamples = 20

// read holds the ledger against what was promised.
func (v *verdict) read(l *ledger, exact bool, flushes []time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v.strange = len(l.strange)
	for at := range l.entries {
		e := &l.entries[at]
		v.expect(at, e, exact || e.first)
		if e.seen.records > 0 {
			v.saw(l, at, exact || e.first, flushes)
		}
	}
}

// expect counts an event by what must come of it. sure says that no worker can have decided otherwise.
func (v *verdict) expect(at int, e *entry, sure bool) {
	t := &v.tallies[e.must]
	came := e.seen.records > 0 && e.seen.as == e.must
	switch {
	case e.must == nothing:
	case e.repeat:
		t.Repeats++
		if !came {
			t.Suppressed++
		}
	case came:
		t.Expected++
	case sure:
		t.Expected++
		t.Lost++
		v.example("%s of event %d is lost", e.must, at)
	default:
		v.otherwise++
	}
}

// saw counts what came of an event.
func (v *verdict) saw(l *ledger, at int, sure bool, flushes []time.Time) {
	e := &l.entries[at]
	s := &e.seen
	t := &v.tallies[s.as]
	t.Records += s.records
	t.Again += s.records - 1 - s.others
	if s.others > 0 {
		v.odd(&v.twoIDs, sure, "event %d came under two ids", at)
	}
	if s.differing > 0 && sure {
		t.Differing += s.differing
		v.example("event %d came %d times, not always the same", at, s.records)
	}
	switch {
	case s.as != e.must:
		v.odd(&v.wrong, sure, "of event %d came %s, it must come to %s", at, s.as, e.must)
	case e.repeat:
		v.excuse(&t.LetThrough, l, at, sure, flushes)
	}
}

// odd counts what must not be; where it may be, as something decided otherwise.
func (v *verdict) odd(count *int, sure bool, format string, args ...any) {
	if !sure {
		v.otherwise++
		return
	}
	*count++
	v.example(format, args...)
}

// excuse counts a repeat that came.
func (v *verdict) excuse(t *letThrough, l *ledger, at int, sure bool, flushes []time.Time) {
	e := &l.entries[at]
	unverified := e.seen.unverified
	for _, h := range e.holders {
		unverified = unverified || l.entries[h].seen.unverified
	}
	switch {
	case unverified:
		t.Unverified++
	case len(flushes) > 0 && !flushes[0].After(e.seen.at):
		t.Forgotten++
	case !sure:
		t.Otherwise++
	default:
		t.Doubled++
		v.example("event %d repeats what event %d has shown, and came all the same", at, e.holders[0])
	}
}

func (v *verdict) example(format string, args ...any) {
	if len(v.examples) < maxExamples {
		v.examples = append(v.examples, fmt.Sprintf(format, args...))
	}
}

// sum adds up a figure of all kinds.
func (v *verdict) sum(figure func(*tally) int) (n int) {
	for k := range v.tallies {
		n += figure(&v.tallies[k])
	}
	return n
}

func (v *verdict) lost() int    { return v.sum(func(t *tally) int { return t.Lost }) }
func (v *verdict) doubled() int { return v.sum(func(t *tally) int { return t.LetThrough.Doubled }) }
func (v *verdict) again() int   { return v.sum(func(t *tally) int { return t.Again }) }

// broken are the promises that the run has seen broken. oncePerID says that no id may come twice: nothing happened that excuses it. What has not come is
// lost only in a run that went to its end.
func (v *verdict) broken(oncePerID, ended bool) (list []string) {
	check := func(n int, what string) {
		if n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n, what))
		}
	}
	if ended {
		check(v.lost(), "lost")
	} else {
		check(v.lost(), "had not come when the run was given up")
	}
	check(v.doubled(), "repeats shown again with nothing to excuse it")
	check(v.twoIDs, "events under two ids")
	check(v.sum(func(t *tally) int { return t.Differing }), "records that came again with another content")
	check(v.wrong, "records that nobody expected")
	check(v.strange, "records that name no event")
	if oncePerID {
		check(v.again(), "records with an id that had come, and nothing that excuses it")
	}
	return list
}
