package encoder

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// attendPlainly is attend, row by row.
func attendPlainly(dst, q rows, n int, k, v rows, of int) {
	for t := range n {
		w := make([]float32, of)
		scoresPortable(w, q.at(t), k.first, k.stride, attentionScale)
		softmaxPortable(w)
		mixPortable(dst.at(t), w, v.first, v.stride)
	}
}

func TestAttend(t *testing.T) {
	each(t, func(t *testing.T) {
		samples(func(rng *rand.Rand, of int) {
			if of == 0 {
				return
			}
			weights := normals(rng, rng.IntN(500), 1e30) // what others have left there
			for _, n := range []int{1, 2, 3, 4, 5, 11, min(of, 64)} {
				for _, scale := range []float64{0, 0.1, 1, 30} {
					tokens := func(n, stride int) rows { return rows{normals(rng, n*stride, scale), stride} }
					q, k, v := tokens(n, 40), tokens(of, 35), tokens(of, 100)
					got, want := rows{make([]float32, n*50), 50}, rows{make([]float32, n*50), 50}
					weights = attend(got, q, n, k, v, of, weights)
					attendPlainly(want, q, n, k, v, of)
					same(t, "attend", got.first, want.first)
				}
			}
		})
	})
}

// One head of a message, of few tokens and of many, in a layer's memory.
func BenchmarkAttend(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{5, 17, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			wide, dst := normals(rng, n*3*width, 1), make([]float32, n*width)
			q, k, v := rows{wide, 3 * width}, rows{wide[width:], 3 * width}, rows{wide[2*width:], 3 * width}
			eachWay(b, func(b *testing.B) {
				var weights []float32
				for b.Loop() {
					weights = attend(rows{dst, width}, q, n, k, v, n, weights)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*n), "ns/pair")
			})
		})
	}
}
