//go:build !amd64 || purego

package classify

func (n *layers) sumHidden(in *[numInputs]float32, b *blocks, dst *[netHidden]float32) {
	hiddenPortable(&n.hid, in, b, dst)
}

func (n *layers) sumMemory(from int, x []float32, b *blocks, dst *memory) {
	memoryPortable(&n.mem, from, x, b, dst)
}

func (n *layers) sumHeads(hidden *[netHidden]float32, b *blocks, dst *[numHeads]float32) {
	headsPortable(&n.out, hidden, b, dst)
}

func (g *gathered) gather(rows []row, feats []feature) { g.gatherPortable(rows, feats) }

func squash(x []float32) { squashPortable(x) }
