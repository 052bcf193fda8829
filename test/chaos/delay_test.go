package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestOutage has Redis hang for a second for the owner of partition 0, and says what that has cost.
func TestOutage(t *testing.T) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }
	w := &world{delays: newDelays(), wounds: []*wound{
		{class: store, redis: redisHangs, at: at(0), over: at(1000), healed: at(2000), scope: []int32{0}, alone: true},
		{class: store, at: at(3000), over: at(3000), healed: at(3100), scope: []int32{0}, alone: true},
	}}
	for i, e := range []struct {
		partition          int32
		sent, shown, again int
		unverified         bool
	}{
		{sent: -1000, shown: -990},
		{sent: 100, shown: 350, unverified: true},
		{sent: 500, shown: 510, unverified: true},
		{sent: 1100, shown: 1250, unverified: true},
		{sent: 1300, shown: 1301},
		{sent: 2500, shown: 2520, again: 9000, unverified: true}, // after it had healed
		{partition: 1, sent: 500, shown: 900, unverified: true},
		{sent: 3050, shown: 3051},
	} {
		p := place{e.partition, int64(i)}
		w.delays.send(p, at(e.sent))
		w.delays.show(p, showing{at(e.shown), e.unverified})
		if e.again > 0 {
			w.delays.show(p, showing{at(e.again), false})
		}
	}
	if diff := cmp.Diff(outage{Meanwhile: quantiles{2, 0.01, 0.25, 0.25}, After: quantiles{1, 0.25, 0.25, 0.25}}, w.outage(redisHangs)); diff != "" {
		t.Errorf("outage (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(quantiles{2, 0.01, 0.02, 0.02}, w.calm()); diff != "" {
		t.Errorf("calm (-want +got):\n%s", diff)
	}
	if w.delays.verifiedAfter([]int32{0, 1}, at(0)) || !w.delays.verifiedAfter([]int32{0}, at(0)) {
		t.Error("only partition 0 was verified after the beginning")
	}
}
