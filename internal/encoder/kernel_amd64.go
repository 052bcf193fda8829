//go:build !purego

package encoder

import "golang.org/x/sys/cpu"

func best() way {
	x := &cpu.X86
	switch {
	case x.HasAVX2 && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VNNI:
		return vnni
	case x.HasAVX2:
		return avx2
	}
	return portable
}

// multiply sets the row of padded sums that each token has in dst to the products of its row of x with the weights. A number in x may be any.
func (m *matrix) multiply(dst []int32, x []int8, tokens int) {
	if tokens <= 0 {
		return
	}
	dst, x = dst[:tokens*m.padded], x[:tokens*m.depth]
	switch here {
	case vnni:
		for len(x) > 0 {
			n := min(len(x)/m.depth, chunk)
			m.multiplyVNNI(dst, x, n)
			dst, x = dst[n*m.padded:], x[n*m.depth:]
		}
	case avx2:
		m.multiplyAVX2(dst, x, tokens)
	default:
		m.multiplyPortable(dst, x, tokens)
	}
}

const chunk = 252 // tokens: as many as most messages have, and whole tiles

// multiplyVNNI goes through the weights once, two groups of outputs at a time, and for each of them through the tokens in tiles of 12. A tile at the
// end may begin with tokens that an earlier one had. Weights + 128 make sums that are 128·Σx too large.
func (m *matrix) multiplyVNNI(dst []int32, x []int8, tokens int) {
	var less [chunk]int32
	sumsVNNI(&less[0], &x[0], tokens, m.depth)
	size := group * m.depth
	for from := 0; from < m.padded; from += 2 * group {
		w := &m.packed[from*m.depth]
		next, nextWeights := group, size
		if from+group == m.padded { // one group is left: twice the same
			next, nextWeights = 0, 0
		}
		if tokens < 4 {
			for t := range tokens { // four times the same
				same := [4]int32{less[t], less[t], less[t], less[t]}
				tileVNNI(&dst[t*m.padded+from], 0, next, w, nextWeights, &x[t*m.depth], 0, m.depth, &same[0], 1)
			}
			continue
		}
		for t := 0; t < tokens; {
			fours := min((tokens-t+3)/4, 3, tokens/4)
			t = min(t, tokens-4*fours)
			tileVNNI(&dst[t*m.padded+from], m.padded, next, w, nextWeights, &x[t*m.depth], m.depth, m.depth, &less[t], fours)
			t += 4 * fours
		}
	}
}

// multiplyAVX2 does the same with one group and four tokens.
func (m *matrix) multiplyAVX2(dst []int32, x []int8, tokens int) {
	for from := 0; from < m.padded; from += group {
		w := &m.packed[from*m.depth]
		if tokens < 4 {
			for t := range tokens {
				tileAVX2(&dst[t*m.padded+from], 0, w, &x[t*m.depth], 0, m.depth)
			}
			continue
		}
		for t := 0; t < tokens; t += 4 {
			t = min(t, tokens-4)
			tileAVX2(&dst[t*m.padded+from], m.padded, w, &x[t*m.depth], m.depth, m.depth)
		}
	}
}

// sumsVNNI sets less to -128 times the sums of the rows of x.
//
//go:noescape
func sumsVNNI(less *int32, x *int8, tokens, depth int)

// tileVNNI has the sums of 4·fours tokens and of two groups, the second one next numbers after the first.
//
//go:noescape
func tileVNNI(dst *int32, stride, next int, w *uint8, nextWeights int, x *int8, xStride, depth int, less *int32, fours int)

// tileAVX2 has the sums of four tokens and of one group.
//
//go:noescape
func tileAVX2(dst *int32, stride int, w *uint8, x *int8, xStride, depth int)
