package encoder

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// each runs f with every way that this processor has.
func each(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	defer func(w way) { here = w }(here)
	for here = best(); here >= portable; here-- {
		t.Run(here.String(), f)
	}
}

// products are the sums as the definition has them.
func products(w, x []int8, outs, depth, padded, tokens int) []int32 {
	sums := make([]int32, tokens*padded)
	for t := range tokens {
		for o := range outs {
			for k := range depth {
				sums[t*padded+o] += int32(w[o*depth+k]) * int32(x[t*depth+k])
			}
		}
	}
	return sums
}

func checkMultiply(t *testing.T, w, x []int8, outs, depth, tokens int) {
	t.Helper()
	m := newMatrix(w, outs, depth)
	want := products(w, x, outs, depth, m.padded, tokens)
	got := make([]int32, len(want)+1)
	for i := range got {
		got[i] = 1 << 30
	}
	m.multiply(got, x, tokens)
	for i, sum := range want {
		if got[i] != sum {
			t.Fatalf("%d outputs of depth %d, token %d of %d, output %d: %d, want %d", outs, depth, i/m.padded, tokens, i%m.padded, got[i], sum)
		}
	}
	if got[len(want)] != 1<<30 {
		t.Fatalf("%d outputs of depth %d, %d tokens: something is written behind the sums", outs, depth, tokens)
	}
}

func randomBytes(rng *rand.Rand, n int) []int8 {
	b := make([]int8, n)
	for i := range b {
		b[i] = int8(rng.IntN(255) - 127)
	}
	return b
}

func TestMultiply(t *testing.T) {
	shapes := []struct{ outs, depth, tokens int }{{1, 4, 3}, {16, 4, 4}, {17, 60, 5}, {23, 68, 25}, {48, 64, 11}, {40, 20, 253}, {16, 8, 600}, {384, 384, 20}}
	for _, depth := range []int{384, 1536} {
		for tokens := range 10 {
			shapes = append(shapes, struct{ outs, depth, tokens int }{23, depth, tokens})
		}
	}
	if !testing.Short() {
		shapes = append(shapes, struct{ outs, depth, tokens int }{1536, 384, 13}, struct{ outs, depth, tokens int }{384, 1536, 21})
	}
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, s := range shapes {
			checkMultiply(t, randomBytes(rng, s.outs*s.depth), randomBytes(rng, s.tokens*s.depth), s.outs, s.depth, s.tokens)
		}
	})
}

func TestMultiplyExtremes(t *testing.T) {
	each(t, func(t *testing.T) {
		const outs, depth, tokens = 23, 1536, 9
		for _, weight := range []int8{-127, 0, 127} {
			for _, number := range []int8{-128, -127, 0, 1, 127} {
				w, x := slices.Repeat([]int8{weight}, outs*depth), slices.Repeat([]int8{number}, tokens*depth)
				checkMultiply(t, w, x, outs, depth, tokens)
				for i := range w {
					w[i] *= int8(1 - i&2) // signs by twos: the two products of a pair do not cancel
				}
				checkMultiply(t, w, x, outs, depth, tokens)
			}
		}
	})
}

func FuzzMultiply(f *testing.F) {
	f.Add(uint8(23), uint8(3), uint8(5), []byte{127, 129, 0, 128})
	f.Add(uint8(16), uint8(17), uint8(13), []byte("whatever"))
	f.Fuzz(func(t *testing.T, outs, fours, tokens uint8, data []byte) {
		if outs == 0 || fours == 0 || len(data) == 0 {
			return
		}
		depth := 4 * int(fours)
		w, x := make([]int8, int(outs)*depth), make([]int8, int(tokens)*depth)
		for i := range w {
			w[i] = max(int8(data[i%len(data)]), -127)
		}
		for i := range x {
			x[i] = int8(data[(len(w)+i)%len(data)])
		}
		each(t, func(t *testing.T) { checkMultiply(t, w, x, int(outs), depth, int(tokens)) })
	})
}

func TestImpossibleMatrix(t *testing.T) {
	for name, f := range map[string]func(){
		"a depth of 6": func() { newMatrix(make([]int8, 12), 2, 6) },
		"too few":      func() { newMatrix(make([]int8, 15), 2, 8) },
		"-128":         func() { newMatrix([]int8{0, 1, -128, 0}, 1, 4) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
