package main

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestLRUAgainstModel compares with a list that is searched.
func TestLRUAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		l := newLRU[int](limit)
		var keys []string // newest last
		values := map[string]int{}
		for step := range rapid.IntRange(0, 60).Draw(t, "steps") {
			key := fmt.Sprint(rapid.IntRange(0, 7).Draw(t, "key"))
			got := l.get(key)
			i := slices.Index(keys, key)
			if (got != nil) != (i >= 0) {
				t.Fatalf("step %d: get %s found it: %v, want %v", step, key, got != nil, i >= 0)
			}
			if got == nil {
				if got = l.add(key); *got != 0 {
					t.Fatalf("step %d: a new value is %d", step, *got)
				}
				*got = step + 1
				values[key] = step + 1
			} else {
				keys = slices.Delete(keys, i, i+1)
			}
			if *got != values[key] {
				t.Fatalf("step %d: %s is %d, want %d", step, key, *got, values[key])
			}
			keys = append(keys, key)
			keys = keys[max(0, len(keys)-limit):]
		}
		if len(l.index) != len(keys) {
			t.Fatalf("%d keys, want %d", len(l.index), len(keys))
		}
	})
}
