package encoder

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// eachWay is each for a benchmark.
func eachWay(b *testing.B, f func(b *testing.B)) {
	defer func(w way) { here = w }(here)
	for here = best(); here >= portable; here-- {
		b.Run(here.String(), f)
	}
}

// The products of a layer, from weights in the cache.
func BenchmarkMultiply(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range []struct{ depth, outs int }{{384, 384}, {384, 1536}, {1536, 384}} {
		m := newMatrix(randomBytes(rng, s.outs*s.depth), s.outs, s.depth)
		for _, tokens := range []int{20, 84} {
			x, dst := randomBytes(rng, tokens*s.depth), make([]int32, tokens*m.padded)
			b.Run(fmt.Sprintf("%d-%d/%d", s.depth, s.outs, tokens), func(b *testing.B) {
				eachWay(b, func(b *testing.B) {
					for b.Loop() {
						m.multiply(dst, x, tokens)
					}
					perSecond(b, s.outs*s.depth*tokens)
				})
			})
		}
	}
}

// The products of a message through four layers: 7 MB of weights, more than the nearer caches hold.
func BenchmarkMultiplyModel(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	var all []matrix
	for range 4 {
		for range 4 {
			all = append(all, newMatrix(randomBytes(rng, 384*384), 384, 384))
		}
		all = append(all, newMatrix(randomBytes(rng, 384*1536), 1536, 384), newMatrix(randomBytes(rng, 384*1536), 384, 1536))
	}
	for _, tokens := range []int{6, 20, 84, 250} {
		x, dst := randomBytes(rng, tokens*1536), make([]int32, tokens*1536)
		b.Run(fmt.Sprint(tokens), func(b *testing.B) {
			eachWay(b, func(b *testing.B) {
				work := 0
				for i := range all {
					work += len(all[i].packed) * tokens
				}
				for b.Loop() {
					for i := range all {
						all[i].multiply(dst, x, tokens)
					}
				}
				perSecond(b, work)
			})
		})
	}
}

func perSecond(b *testing.B, work int) {
	b.ReportMetric(float64(work)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
}
