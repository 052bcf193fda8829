package main

import (
	"slices"
	"sync"
	"time"
)

// pulse is when readers of the output topics saw something of each partition of the events. It is safe for concurrent use.
type pulse struct {
	mu     sync.Mutex
	beats  map[int32][]time.Time // when something was seen, in order
	latest map[int32]time.Time   // when the newest of it was published
}

func newPulse() *pulse {
	return &pulse{beats: map[int32][]time.Time{}, latest: map[int32]time.Time{}}
}

// beat notes that a record of the partition was published, by its own time, and seen. A dead letter has the time of its
// event, which says nothing: the zero Time stands for it.
func (p *pulse) beat(partition int32, published, seen time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if published.IsZero() {
		return
	}
	p.beats[partition] = append(p.beats[partition], seen)
	if published.After(p.latest[partition]) {
		p.latest[partition] = published
	}
}

// silent are those of the partitions of which nothing was seen that was published after t.
func (p *pulse) silent(partitions []int32, t time.Time) []int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(partitions), func(id int32) bool { return p.latest[id].After(t) })
}

// silence is the longest time within from and to in which one of the partitions showed nothing. What was silent before
// counts from from on.
func (p *pulse) silence(partitions []int32, from, to time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var longest time.Duration
	for _, id := range partitions {
		last := from
		for _, t := range append(within(p.beats[id], from, to), to) {
			longest = max(longest, t.Sub(last))
			last = t
		}
	}
	return longest
}

// within are the times after from, up to to.
func within(sorted []time.Time, from, to time.Time) []time.Time {
	first, _ := slices.BinarySearchFunc(sorted, from, time.Time.Compare)
	end, _ := slices.BinarySearchFunc(sorted, to, time.Time.Compare)
	return slices.Clone(sorted[first:max(first, end)])
}

// gaps are the times between two records of a partition, in calm and not: no silence can be told from chance that is not longer.
func (p *pulse) gaps() (list []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, beats := range p.beats {
		for i := 1; i < len(beats); i++ {
			list = append(list, beats[i].Sub(beats[i-1]))
		}
	}
	return list
}

// quantile is the nearest-rank quantile; 0 of nothing.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	rank := int(q * float64(len(d)))
	if float64(rank) < q*float64(len(d)) {
		rank++
	}
	return d[max(rank, 1)-1]
}
