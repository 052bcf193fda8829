package main

import (
	"slices"
	"sync"
	"time"
)

// delays are how long it took from an event to the record that shows it, each by its own time. They are safe for concurrent use.
type delays struct {
	mu       sync.Mutex
	sent     map[place]time.Time
	shown    map[place]showing   // the first record of each
	verified map[int32]time.Time // when the newest was published, by partition, that is
}

// place is where an event stands.
type place struct {
	partition int32
	offset    int64
}

type showing struct {
	at         time.Time
	unverified bool
}

func newDelays() *delays {
	return &delays{sent: map[place]time.Time{}, shown: map[place]showing{}, verified: map[int32]time.Time{}}
}

func (d *delays) send(p place, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent[p] = at
}

func (d *delays) show(p place, s showing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.shown[p]; !known {
		d.shown[p] = s
	}
	if !s.unverified && s.at.After(d.verified[p.partition]) {
		d.verified[p.partition] = s.at
	}
}

// of are the delays of the events that were sent at a time that counts.
func (d *delays) of(counts func(partition int32, sent time.Time) bool) (list []time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for p, s := range d.shown {
		if sent, ok := d.sent[p]; ok && counts(p.partition, sent) {
			list = append(list, s.at.Sub(sent))
		}
	}
	return list
}

// verifiedAfter says whether each of the partitions has shown something that was published after t and is verified.
func (d *delays) verifiedAfter(partitions []int32, t time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !slices.ContainsFunc(partitions, func(id int32) bool { return !d.verified[id].After(t) })
}

// unverified is when the last record of one of the partitions that says so was published after from and before to; from where there is none.
func (d *delays) unverified(partitions []int32, from, to time.Time) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := from
	for p, s := range d.shown {
		if s.unverified && slices.Contains(partitions, p.partition) && s.at.After(last) && s.at.Before(to) {
			last = s.at
		}
	}
	return last
}
