//go:build !purego

package classify

// The kernels with the vectors of four numbers that every amd64 processor has. They are laid out for netWidth; another one is summed portably.

func (n *layers) sumHidden(in *[numInputs]float32, b *blocks, dst *[netHidden]float32) {
	dots4(&dst[0], netHidden/4, &n.hid[0][0], numInputs, &in[0], &b.at[0], b.n)
}

func (n *layers) sumMemory(from int, x []float32, b *blocks, dst *memory) {
	dots4(&dst[0], netMemory/4, &n.mem[0][from], netWidth+netHidden, &x[0], &b.at[0], b.n)
}

func (n *layers) sumHeads(hidden *[netHidden]float32, b *blocks, dst *[numHeads]float32) {
	dots4(&dst[0], numHeads/4, &n.out[0][0], netHidden, &hidden[0], &b.at[0], b.n)
	for k := numHeads &^ 3; k < numHeads; k++ {
		dst[k] = dotBlocks(n.out[k][:], hidden[:], b)
	}
}

func gather(rows []row, feats []feature, k int, vec *[netWidth]float32, wide *[wideHeads]float32) {
	if netWidth != 48 || len(feats) == 0 {
		gatherPortable(rows, feats, k, vec, wide)
		return
	}
	var w [4]float32
	gather4(&rows[0], &feats[0], len(feats), k, &vec[0], &w[0])
	*wide = [wideHeads]float32(w[:wideHeads])
}

// dots4 sets dst to the dot products of 4·n rows of weights, stride numbers apart, with x: of each the blocks at.
//
//go:noescape
func dots4(dst *float32, n int, w *float32, stride int, x *float32, at *uint8, blocks int)

// gather4 is gatherPortable for 48 columns; the fourth of the wide sums means nothing.
//
//go:noescape
func gather4(rows *row, feats *feature, n, k int, vec, wide *float32)
