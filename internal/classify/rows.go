package classify

import (
	"math"
	"math/bits"
)

// row is what a model's networks know of one gram, side by side: 256 bytes, so that few memory accesses bring all that a message needs of it.
type row struct {
	vecs   [minds][netWidth]int8   // of which the file has four bits
	scales [minds]float32          // of the vectors
	wide   [minds][wideHeads]int16 // in wideStep
	_      [24]byte
}

// hashIndex finds places in a list by hash: open addressing at the hash's low bits. An entry is 1 + the place in its low bits and the
// beginning of the hash in the others, which spares nearly all that is not in the list the way there; 0 is free.
type hashIndex struct {
	at  []uint32
	low uint32 // mask of the place's bits
}

// newHashIndex is an index for n places, at most half full.
func newHashIndex(n int) hashIndex {
	size := 1
	for size < 2*n+1 {
		size *= 2
	}
	return hashIndex{make([]uint32, size), 1<<bits.Len(uint(n)) - 1}
}

// tag is the part of an entry that comes from the hash.
func (x *hashIndex) tag(h uint64) uint32 { return uint32(h>>32) &^ x.low }

// first is the entry where the search for the hash begins.
func (x *hashIndex) first(h uint64) uint32 { return x.at[int(h)&(len(x.at)-1)] }

func (x *hashIndex) add(h uint64, place int) {
	mask := len(x.at) - 1
	at := int(h) & mask
	for x.at[at] != 0 {
		at = (at + 1) & mask
	}
	x.at[at] = x.tag(h) | uint32(place+1)
}

// row is the row of a gram, -1 for one that the model does not know.
func (m *Model) row(g gram) int32 { return m.rowFrom(g, m.index.first(uint64(g))) }

// rowFrom is row, where the first entry of the index for the gram has been read.
func (m *Model) rowFrom(g gram, e uint32) int32 {
	x := &m.index
	tag, at := x.tag(uint64(g)), int(g)
	for e != 0 {
		if r := e&x.low - 1; e&^x.low == tag && m.grams[r] == g {
			return int32(r)
		}
		at++
		e = x.at[at&(len(x.at)-1)]
	}
	return -1
}

// look adds the rows of the grams that the model knows. It reads the entries of many grams before it looks at any, so that the waits for
// memory overlap: what comes of an entry cannot be foretold.
func (m *Model) look(grams []gram, set *rowSet) {
	var entries [64]uint32
	for len(grams) > 0 {
		now := grams[:min(len(grams), len(entries))]
		grams = grams[len(now):]
		for i, g := range now {
			entries[i] = m.index.first(uint64(g))
		}
		for i, g := range now {
			if row := m.rowFrom(g, entries[i]); row >= 0 {
				set.add(row)
			}
		}
	}
}

// rowSet is a set of rows that gives them back in order. The zero set is empty.
type rowSet struct {
	bits []uint64
	full []uint64 // a bit for each word of bits that is not zero
}

// fit makes room for rows below n.
func (s *rowSet) fit(n int) {
	if len(s.full) <= n>>12 {
		s.full = make([]uint64, n>>12+1)
		s.bits = make([]uint64, len(s.full)*64)
	}
}

func (s *rowSet) add(row int32) {
	s.bits[row>>6] |= 1 << (row & 63)
	s.full[row>>12] |= 1 << (row >> 6 & 63)
}

// drain appends a feature for each row of the set, in ascending order, and empties it.
func (s *rowSet) drain(dst []feature) []feature {
	for i, full := range s.full {
		for ; full != 0; full &= full - 1 {
			w := i<<6 + bits.TrailingZeros64(full)
			for b := s.bits[w]; b != 0; b &= b - 1 {
				dst = append(dst, feature{row: int32(w<<6 + bits.TrailingZeros64(b))})
			}
			s.bits[w] = 0
		}
		s.full[i] = 0
	}
	return dst
}

// features weighs the grams of a message that the model knows: each group has length 1. A gram counts once, and the features of a
// group stand in the order of their rows, however the grams came: sums over them are the same for the same grams.
func (m *Model) features(groups [2][]gram, set *rowSet, dst []feature) []feature {
	set.fit(len(m.rows))
	for _, group := range groups {
		m.look(group, set)
		dst = m.weigh(set, dst)
	}
	return dst
}

// gramsAtOnce is of how many tokens the grams are made at once: some hundred kilobytes. All grams of a long text would be thirty times as long as it is.
const gramsAtOnce = 1024

// featuresOf are the features of the message that was read into d.
func (m *Model) featuresOf(d *view, dst []feature) []feature {
	d.rows.fit(len(m.rows))
	n := max(len(d.tokens), len(d.hits), 1)
	for at := 0; at < n; at += gramsAtOnce {
		m.look(d.wordGrams(at, gramsAtOnce), &d.rows)
	}
	dst = m.weigh(&d.rows, dst)
	for at := 0; at < n; at += gramsAtOnce {
		m.look(d.charGrams(at, gramsAtOnce), &d.rows)
	}
	return m.weigh(&d.rows, dst)
}

// weigh appends a group of features, those of the set's rows, and empties it.
func (m *Model) weigh(set *rowSet, dst []feature) []feature {
	first, sum := len(dst), float32(0)
	dst = set.drain(dst)
	for i := range dst[first:] {
		f := &dst[first+i]
		f.val = float32(m.rarity[f.row]) * idfStep
		sum += float32(f.val * f.val)
	}
	scale := float32(1 / math.Sqrt(float64(sum)+1e-9))
	for i := range dst[first:] {
		dst[first+i].val *= scale
	}
	return dst
}
