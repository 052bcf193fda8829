package encoder

import (
	"encoding/binary"
	"math"
)

// The arithmetic of the encoder. A product of matrices is one of whole numbers and exact, whoever computes it. Sums of floats run in
// eight lanes, the i-th number going to lane i mod 8, and the lanes are added last, two by two: processors with vectors of eight numbers do
// the same additions in the same order, so the bits are the same. The conversions to float32 keep the others from fusing a product with its addition.
// Floats must be finite.

// way is one of the ways to compute.
type way int

const (
	portable way = iota
	avx2
	vnni // AVX-512 with the products of bytes
)

// here is the best way on this processor.
var here = best()

func (w way) String() string { return [...]string{"portable", "avx2", "vnni"}[w] }

const group = 16 // outputs whose weights lie together

// matrix multiplies rows of bytes.
type matrix struct {
	outs, depth int
	padded      int     // outs, rounded up to whole groups: the sums of a row
	packed      []uint8 // weights + 128: [padded/group][depth/4][group][4]
}

// newMatrix has rows of depth weights, one for each output. A depth is a multiple of 4, a weight in [-127, 127].
func newMatrix(w []int8, outs, depth int) matrix {
	if outs < 1 || depth < 4 || depth%4 != 0 || depth > math.MaxInt32>>14 || len(w) != outs*depth {
		panic("encoder: a matrix of impossible shape")
	}
	m := matrix{outs: outs, depth: depth, padded: (outs + group - 1) &^ (group - 1)}
	m.packed = make([]uint8, m.padded*depth)
	for i := range m.packed {
		m.packed[i] = 128
	}
	for o := range outs {
		to := m.packed[(o&^(group-1))*depth+o%group*4:]
		for k, weight := range w[o*depth : (o+1)*depth] {
			if weight == -128 {
				panic("encoder: a weight of -128")
			}
			to[k/4*(group*4)+k%4] = uint8(weight) + 128
		}
	}
	return m
}

// multiplyPortable is multiply. Two outputs share a product of 64 bits, the sum of one in each half: the lower sum borrows from the upper one, and
// gives back at the end.
func (m *matrix) multiplyPortable(dst []int32, x []int8, tokens int) {
	for from := 0; from < m.padded; from += group {
		weights := m.packed[from*m.depth : (from+group)*m.depth]
		for t := 0; t < tokens; t += 4 {
			var rows [4][]int8
			for i := range rows { // the last one again, where there are no more
				at := min(t+i, tokens-1) * m.depth
				rows[i] = x[at : at+m.depth]
			}
			for o := 0; o < group; o += 2 {
				for i, sums := range multiplyPair(weights[o*4:], rows[0], rows[1], rows[2], rows[3]) {
					low := int32(sums)
					to := dst[min(t+i, tokens-1)*m.padded+from+o:]
					to[0], to[1] = low, int32((sums-uint64(low))>>32)
				}
			}
		}
	}
}

// multiplyPair is the sums of two outputs for four tokens: two products at once make 4 GMAC/s of 2 (BenchmarkMultiply).
func multiplyPair(w []uint8, x0, x1, x2, x3 []int8) [4]uint64 {
	const (
		low    = 0x000000ff000000ff // a weight of each
		offset = 128 + 128<<32
	)
	var s0, s1, s2, s3 uint64
	for len(x0) >= 4 && len(x1) >= 4 && len(x2) >= 4 && len(x3) >= 4 {
		v := binary.LittleEndian.Uint64(w)
		a, b, c, d := v&low-offset, v>>8&low-offset, v>>16&low-offset, v>>24&low-offset
		s0 += a*uint64(x0[0]) + b*uint64(x0[1]) + c*uint64(x0[2]) + d*uint64(x0[3])
		s1 += a*uint64(x1[0]) + b*uint64(x1[1]) + c*uint64(x1[2]) + d*uint64(x1[3])
		s2 += a*uint64(x2[0]) + b*uint64(x2[1]) + c*uint64(x2[2]) + d*uint64(x2[3])
		s3 += a*uint64(x3[0]) + b*uint64(x3[1]) + c*uint64(x3[2]) + d*uint64(x3[3])
		x0, x1, x2, x3 = x0[4:], x1[4:], x2[4:], x3[4:]
		w = w[min(len(w), group*4):]
	}
	return [4]uint64{s0, s1, s2, s3}
}
