package classify

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The kernels of this processor give the bits of the portable ones, whatever is zero.
func TestKernels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	number := func() float32 { return float32(rng.NormFloat64()) }
	fill := func(x []float32, share float64) {
		for i := range x {
			if x[i] = 0; rng.Float64() < share {
				x[i] = number()
			}
		}
	}
	var n layers
	for j := range n.hid {
		fill(n.hid[j][:], 1)
	}
	for k := range n.out {
		fill(n.out[k][:], 1)
	}
	for i := range n.mem {
		fill(n.mem[i][:], 1)
	}
	for _, share := range []float64{0, 0.02, 0.3, 1} {
		for range 20 {
			checkSums(t, &n, func(x []float32) { fill(x, share) })
		}
	}
}

func checkSums(t *testing.T, n *layers, fill func(x []float32)) {
	t.Helper()
	var in [numInputs]float32
	var hidden, packed, wantHidden [netHidden]float32
	var mem, wantMem memory
	var heads, wantHeads [numHeads]float32
	var b blocks
	fill(in[:])
	b.of(in[:], 0, numInputs)
	n.sumHidden(&in, &b, &hidden)
	hiddenPortable(&n.hid, &in, &b, &wantHidden)
	n.packed = pack(&n.hid)
	n.sumHidden(&in, &b, &packed)
	n.packed = nil
	x := in[:netHidden]
	b.of(x, 0, netHidden)
	for _, from := range []int{0, netWidth} {
		n.sumMemory(from, x, &b, &mem)
		memoryPortable(&n.mem, from, x, &b, &wantMem)
		if mem != wantMem {
			t.Errorf("sums of the memory from %d: %v, portably %v", from, mem, wantMem)
		}
	}
	n.sumHeads((*[netHidden]float32)(x), &b, &heads)
	headsPortable(&n.out, (*[netHidden]float32)(x), &b, &wantHeads)
	if hidden != wantHidden || packed != wantHidden || heads != wantHeads {
		t.Errorf("sums %v, packed %v, portably %v; of the heads %v, portably %v", hidden, packed, wantHidden, heads, wantHeads)
	}
}

func TestGather(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	rows := make([]row, 50)
	for i := range rows {
		r := &rows[i]
		for k := range minds {
			r.scales[k] = rng.Float32()
			for j := range r.vecs[k] {
				r.vecs[k][j] = int8(rng.Uint32())
			}
			for j := range r.wide[k] {
				r.wide[k][j] = int16(rng.Uint32())
			}
		}
	}
	for n := range 30 {
		var feats []feature
		for range n {
			feats = append(feats, feature{rng.Int32N(int32(len(rows))), rng.Float32()})
		}
		var got, want gathered
		got.gather(rows, feats)
		want.gatherPortable(rows, feats)
		if got != want {
			t.Errorf("%d rows: %v, portably %v", n, got, want)
		}
	}
}

func TestSquash(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := range 50 {
		got := make([]float32, n+8) // what lies beyond is not touched
		for i := range got {
			got[i] = float32(rng.NormFloat64() * 6)
		}
		want := slices.Clone(got)
		squash(got[:n])
		squashPortable(want[:n])
		if !slices.Equal(got, want) {
			t.Errorf("%v, portably %v", got, want)
		}
	}
}

func BenchmarkKernel(b *testing.B) {
	var n layers
	var in [numInputs]float32
	var dst [netHidden]float32
	for i := range in {
		in[i] = float32(i % 3)
	}
	var all blocks
	all.of(in[:], 0, numInputs)
	here := func(b *testing.B) {
		for b.Loop() {
			n.sumHidden(&in, &all, &dst)
		}
	}
	b.Run("here", here)
	n.packed = pack(&n.hid)
	b.Run("packed", here)
	b.Run("portable", func(b *testing.B) {
		for b.Loop() {
			hiddenPortable(&n.hid, &in, &all, &dst)
		}
	})
}
