package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// watch follows the group's positions: whatever happens, they never go back. It is safe for concurrent use.
type watch struct {
	kafka *kafka
	tell  func(format string, args ...any)

	mu     sync.Mutex
	at     map[int32]int64
	faults []string
}

const watchEvery = 100 * time.Millisecond

func newWatch(k *kafka, tell func(string, ...any)) *watch {
	return &watch{kafka: k, tell: tell, at: map[int32]int64{}}
}

// run watches until ctx ends.
func (w *watch) run(ctx context.Context) {
	for ctx.Err() == nil {
		if at, err := w.kafka.committed(ctx, maxParts); err == nil { // a broker that is away is asked again
			w.see(at)
		}
		pause(ctx, watchEvery)
	}
}

func (w *watch) see(at map[int32]int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, offset := range at {
		if was := w.at[id]; offset < was {
			fault := fmt.Sprintf("the group's position in partition %d went back from %d to %d", id, was, offset)
			w.faults = append(w.faults, fault)
			w.tell("%s", fault)
		}
	}
	w.at = at
}
