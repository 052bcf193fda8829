package encoder

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMemory adds messages of all lengths by chance: what is found is what was added, and the last ones are always found.
func TestMemory(t *testing.T) {
	const rows = 200
	rng := rand.New(rand.NewPCG(1, 2))
	type added struct {
		tokens  []int32
		setting int
		states  []float32
	}
	var m Memory
	m.Resize(rows*rowBytes + 5)
	var all []added
	for range 3000 {
		a := added{tokens: make([]int32, 2+rng.IntN(maxTokens-1)), setting: rng.IntN(2)}
		for i := range a.tokens {
			a.tokens[i] = rng.Int32N(3)
		}
		if slices.ContainsFunc(all, func(b added) bool { return a.setting == b.setting && slices.Equal(a.tokens, b.tokens) }) {
			continue
		}
		a.states = normals(rng, len(a.tokens)*width, 1)
		m.add(a.tokens, a.setting, a.states)
		all = append(all, a)
		since, lost := 0, false
		for i := len(all) - 1; i >= max(0, len(all)-rows); i-- {
			a := &all[i]
			since += len(a.tokens)
			got := m.find(a.tokens, a.setting)
			if got != nil && !slices.Equal(got, a.states) {
				t.Fatal("found is what was not added")
			}
			if got != nil && lost {
				t.Fatal("an older message is remembered, a newer one is not")
			}
			lost = got == nil
			if lost && since <= rows-2*maxTokens { // what is left out at the end, and what was overwritten in part
				t.Fatalf("forgotten after %d of %d rows", since, rows)
			}
			if m.find(a.tokens, 2) != nil || m.find(a.tokens[:1], a.setting) != nil {
				t.Fatal("found is what differs")
			}
		}
	}
	if n := len(m.states); n != rows*width {
		t.Errorf("%d numbers, want %d", n, rows*width)
	}
	if m.Resize(rows * rowBytes); m.find(all[len(all)-1].tokens, all[len(all)-1].setting) == nil {
		t.Error("the same size is another memory")
	}
	if m.Resize(0); m.states != nil || m.find(all[len(all)-1].tokens, all[len(all)-1].setting) != nil {
		t.Error("a memory of nothing holds something")
	}
	m.add(all[0].tokens, 0, all[0].states)
}
