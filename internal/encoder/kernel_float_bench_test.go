package encoder

import (
	"math/rand/v2"
	"testing"
)

// What is done to each number, in nanoseconds a number: for scores and mix, a row of 32.
func BenchmarkFloats(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	const tokens = 84
	wide, scale := normals(rng, 1536, 1), normals(rng, 1536, 1)
	bytes, sums, attention := make([]int8, 1536), make([]int32, 1536), make([]float32, tokens)
	rows, more := normals(rng, tokens*384, 1), normals(rng, tokens*384, 1)
	for _, k := range []struct {
		name string
		work int
		f    func()
	}{
		{"scores", tokens, func() { scores(attention, wide, rows, 384, 0.2) }},
		{"softmax", tokens, func() { softmax(attention) }},
		{"mix", tokens, func() { mix(wide, attention, rows, 384) }},
		{"gelu", 1536, func() { copy(wide, scale); gelu(wide) }}, // or the numbers vanish
		{"normalize", tokens * 384, func() { normalize(rows, more, scale, scale) }},
		{"quantize", 1536, func() { quantize(bytes, scale) }},
		{"dots", 24 * 896, func() { dots(attention[:24], rows[:24*896], more[:896]) }},
		{"dequantize", 1536, func() { dequantize(wide, sums, 0.1, scale, scale) }},
	} {
		b.Run(k.name, func(b *testing.B) {
			eachWay(b, func(b *testing.B) {
				for b.Loop() {
					k.f()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*k.work), "ns/number")
			})
		})
	}
}
