package classify

// The sums of the network, one way of adding for all processors: sums over a row of weights run in four lanes, the i-th product
// going to lane i mod 4, and the lanes are added last. Processors with vectors of four numbers do the same additions in the same order,
// so the bits are the same; the conversions to float32 keep the others from fusing a product with its addition.

// blocks are the places, in units of four numbers, where a vector is not all zero. What is zero adds nothing to a sum, and
// most of what the network looks at is: facts that are not given, memories of a conversation that has just begun, hidden units that are silent.
type blocks struct {
	n  int
	at [numInputs / 4]uint8 // ascending
}

// The kernels read whole blocks and strips: a layer whose inputs are no multiple of four would lose its last ones.
var _ = [1]struct{}{}[numInputs%4+numOwn%4+netWidth%strip+netHidden%4+netMemory%4]

// A place is a byte.
var _ [256 - numInputs/4]struct{}

// of sets b to the blocks of x[from:to] that are not all zero.
func (b *blocks) of(x []float32, from, to int) {
	b.n = 0
	x = x[from:to]
	for k := uint8(from / 4); len(x) >= 4; k++ {
		b.at[b.n] = k
		if x[0] != 0 || x[1] != 0 || x[2] != 0 || x[3] != 0 {
			b.n++
		}
		x = x[4:]
	}
}

// add adds the blocks of c, which come after those of b.
func (b *blocks) add(c *blocks) { b.n += copy(b.at[b.n:], c.at[:c.n]) }

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

// dotBlocks2 is dotBlocks for two rows: their sums do not wait for each other.
func dotBlocks2(v, w, x []float32, b *blocks) (ofV, ofW float32) {
	var r0, r1, r2, r3, s0, s1, s2, s3 float32
	for _, k := range b.at[:b.n] {
		i := int(k) * 4
		o, p, q := v[i:i+4:i+4], w[i:i+4:i+4], x[i:i+4:i+4]
		q0, q1, q2, q3 := q[0], q[1], q[2], q[3]
		r0 += float32(o[0] * q0)
		r1 += float32(o[1] * q1)
		r2 += float32(o[2] * q2)
		r3 += float32(o[3] * q3)
		s0 += float32(p[0] * q0)
		s1 += float32(p[1] * q1)
		s2 += float32(p[2] * q2)
		s3 += float32(p[3] * q3)
	}
	return r0 + r1 + r2 + r3, s0 + s1 + s2 + s3
}

// hiddenPortable are the dot products of the rows of hid with in.
func hiddenPortable(hid *[netHidden][numInputs]float32, in *[numInputs]float32, b *blocks, dst *[netHidden]float32) {
	for j := 0; j < netHidden; j += 2 {
		dst[j], dst[j+1] = dotBlocks2(hid[j][:], hid[j+1][:], in[:], b)
	}
}

// packedHidden are the weights of a hidden layer, by block of inputs: those that are looked at lie side by side. Each half is of half the
// units, in eights, of which those four apart stand together: BenchmarkKernel.
type packedHidden [2][numInputs / 4][netHidden / 2][4]float32

func pack(hid *[netHidden][numInputs]float32) *packedHidden {
	p := new(packedHidden)
	for h := range p {
		for b := range p[h] {
			for s := range p[h][b] {
				row := h*netHidden/2 + s/8*8 + s%8/2 + s%2*4
				copy(p[h][b][s][:], hid[row][4*b:])
			}
		}
	}
	return p
}

// memoryPortable are the dot products of mem's rows, from the given column on, with x.
func memoryPortable(mem *[netMemory][netWidth + netHidden]float32, from int, x []float32, b *blocks, dst *memory) {
	for i := 0; i < netMemory; i += 2 {
		dst[i], dst[i+1] = dotBlocks2(mem[i][from:], mem[i+1][from:], x, b)
	}
}

// headsPortable are the dot products of the rows of out with hidden.
func headsPortable(out *[numHeads][netHidden]float32, hidden *[netHidden]float32, b *blocks, dst *[numHeads]float32) {
	for k := range out {
		dst[k] = dotBlocks(out[k][:], hidden[:], b)
	}
}

// gathered are the sums over the features of a message, as each mind knows them.
type gathered struct {
	vecs [minds][netWidth]float32
	wide [minds][wideHeads]float32
}

const strip = 12 // columns that are summed together, since so many sums stay in registers

// gatherPortable sums the rows of the features: vectors and wide weights.
func (g *gathered) gatherPortable(rows []row, feats []feature) {
	g.wide = [minds][wideHeads]float32{}
	for k := range minds {
		for _, f := range feats {
			for i, x := range rows[f.row].wide[k] {
				g.wide[k][i] += float32(float32(f.val*wideStep) * float32(x))
			}
		}
		for from := 0; from < netWidth; from += strip {
			gatherStrip(rows, feats, k, from, (*[strip]float32)(g.vecs[k][from:]))
		}
	}
}

// squashPortable sets each number to its tanh.
func squashPortable(x []float32) {
	for i, v := range x {
		x[i] = tanh(v)
	}
}

func gatherStrip(rows []row, feats []feature, k, from int, dst *[strip]float32) {
	var s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11 float32
	for _, f := range feats {
		r := &rows[f.row]
		w := f.val * r.scales[k]
		x := r.vecs[k][from : from+strip : from+strip]
		s0 += float32(w * float32(x[0]))
		s1 += float32(w * float32(x[1]))
		s2 += float32(w * float32(x[2]))
		s3 += float32(w * float32(x[3]))
		s4 += float32(w * float32(x[4]))
		s5 += float32(w * float32(x[5]))
		s6 += float32(w * float32(x[6]))
		s7 += float32(w * float32(x[7]))
		s8 += float32(w * float32(x[8]))
		s9 += float32(w * float32(x[9]))
		s10 += float32(w * float32(x[10]))
		s11 += float32(w * float32(x[11]))
	}
	*dst = [strip]float32{s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11}
}
