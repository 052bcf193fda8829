package classify

// The sums of the network, one way of adding for all processors: sums over a row of weights run in four lanes, the i-th product
// going to lane i mod 4, and the lanes are added last. Processors with vectors of four numbers do the same additions in the same order,
// so the bits are the same; the conversions to float32 keep the others from fusing a product with its addition.

// blocks are the places, in units of four numbers, where a vector is not all zero. What is zero adds nothing to a sum, and
// most of what the network looks at is: facts that are not given, memories of a conversation that has just begun, hidden units that are silent.
type blocks struct {
	n  int
	at [numInputs / 4]uint8
}

// The kernels read whole blocks: a layer whose inputs are no multiple of four would lose its last ones.
var _ = [1]struct{}{}[numInputs%4+netWidth%4+netHidden%4+netMemory%4]

// of sets b to the blocks of x that are not all zero.
func (b *blocks) of(x []float32) {
	b.n = 0
	for k := uint8(0); len(x) >= 4; k++ {
		b.at[b.n] = k
		if x[0] != 0 || x[1] != 0 || x[2] != 0 || x[3] != 0 {
			b.n++
		}
		x = x[4:]
	}
}

// dotBlocks is dot for an x that is zero outside the blocks.
func dotBlocks(w, x []float32, b *blocks) float32 {
	var s0, s1, s2, s3 float32
	for _, k := range b.at[:b.n] {
		i := int(k) * 4
		p, q := w[i:i+4:i+4], x[i:i+4:i+4]
		s0 += float32(p[0] * q[0])
		s1 += float32(p[1] * q[1])
		s2 += float32(p[2] * q[2])
		s3 += float32(p[3] * q[3])
	}
	return s0 + s1 + s2 + s3
}

// hiddenPortable are the dot products of the rows of hid with in.
func hiddenPortable(hid *[netHidden][numInputs]float32, in *[numInputs]float32, b *blocks, dst *[netHidden]float32) {
	for j := range hid {
		dst[j] = dotBlocks(hid[j][:], in[:], b)
	}
}

// memoryPortable are the dot products of mem's rows, from the given column on, with x.
func memoryPortable(mem *[netMemory][netWidth + netHidden]float32, from int, x []float32, b *blocks, dst *memory) {
	for i := range mem {
		dst[i] = dotBlocks(mem[i][from:], x, b)
	}
}

// headsPortable are the dot products of the rows of out with hidden.
func headsPortable(out *[numHeads][netHidden]float32, hidden *[netHidden]float32, b *blocks, dst *[numHeads]float32) {
	for k := range out {
		dst[k] = dotBlocks(out[k][:], hidden[:], b)
	}
}

// gatherPortable sums the rows of the features as mind k knows them: vectors and wide weights.
func gatherPortable(rows []row, feats []feature, k int, vec *[netWidth]float32, wide *[wideHeads]float32) {
	*vec, *wide = [netWidth]float32{}, [wideHeads]float32{}
	for _, f := range feats {
		r := &rows[f.row]
		for i, x := range r.wide[k] {
			wide[i] += float32(float32(f.val*wideStep) * float32(x))
		}
	}
	const most = 8 // sums that stay in registers
	for from := 0; from < netWidth; from += most {
		var s0, s1, s2, s3, s4, s5, s6, s7 float32
		for _, f := range feats {
			r := &rows[f.row]
			w := f.val * r.scales[k]
			x := r.vecs[k][from : from+most : from+most]
			s0 += float32(w * float32(int8(x[0])))
			s1 += float32(w * float32(int8(x[1])))
			s2 += float32(w * float32(int8(x[2])))
			s3 += float32(w * float32(int8(x[3])))
			s4 += float32(w * float32(int8(x[4])))
			s5 += float32(w * float32(int8(x[5])))
			s6 += float32(w * float32(int8(x[6])))
			s7 += float32(w * float32(int8(x[7])))
		}
		copy(vec[from:], []float32{s0, s1, s2, s3, s4, s5, s6, s7})
	}
}
