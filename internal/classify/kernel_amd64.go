//go:build !purego

package classify

import "golang.org/x/sys/cpu"

// The sums over weights run on the vectors of four numbers that every amd64 processor has; what gathers rows and squashes, on vectors of eight.

func (n *layers) sumHidden(in *[numInputs]float32, b *blocks, dst *[netHidden]float32) {
	if n.packed == nil || !hasAVX2 {
		dots4(&dst[0], netHidden/4, &n.hid[0][0], numInputs, &in[0], &b.at[0], b.n)
		return
	}
	for h := range n.packed {
		packed24(&dst[h*netHidden/2], &n.packed[h][0][0][0], &in[0], &b.at[0], b.n)
	}
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

var hasAVX2 = cpu.X86.HasAVX2

func (g *gathered) gather(rows []row, feats []feature) {
	if !hasAVX2 || len(feats) == 0 {
		g.gatherPortable(rows, feats)
		return
	}
	gatherAVX2(&rows[0], &feats[0], len(feats), g)
}

// The kernels are laid out for this shape.
var _ = [1]struct{}{}[minds^4|netWidth^48|wideHeads^3|netHidden^48]

func squash(x []float32) {
	if !hasAVX2 || len(x) == 0 {
		squashPortable(x)
		return
	}
	squashAVX2(&x[0], len(x), &tanhTerms[0], tanhEnd)
}

// dots4 sets dst to the dot products of 4·n rows of weights, stride numbers apart, with x: of each the blocks at.
//
//go:noescape
func dots4(dst *float32, n int, w *float32, stride int, x *float32, at *uint8, blocks int)

// packed24 sets dst to the dot products of half the units of a packedHidden with x: of each the blocks at.
//
//go:noescape
func packed24(dst, w, x *float32, at *uint8, blocks int)

// gatherAVX2 is gatherPortable for one feature or more.
//
//go:noescape
func gatherAVX2(rows *row, feats *feature, n int, sums *gathered)

// squashAVX2 is squashPortable for one number or more.
//
//go:noescape
func squashAVX2(x *float32, n int, terms *float32, end float32)
