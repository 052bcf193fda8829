package encoder

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
)

// Model is a trained encoder. It is immutable.
//
// Its file is little-endian, written by tools/train: magic "onsidesecond\x01"; the shape, nine uint32 in the order of shape; the rule
// of the blend; the pieces of the vocabulary (length as one byte, bytes), their scores (float32) and vectors (q4); the vectors of positions, settings and
// distances (float32); the first normalisation; layer by layer query, key, value, gathered (q4 and float32 bias), a normalisation, expand and contract (q4 and bias), a
// normalisation; mean and scale of what is known besides (float32); the layers side, hidden, out and skip of the judgement (int8 rows, float32 scales, float32 bias);
// and the SHA-256 of all before it. A normalisation is its weights and its biases. A matrix in q4 is, row by row, groups of 32 numbers:
// a float16 scale and 16 bytes, each a number in its low half and the one 16 places on in its high half, less 8.
type Model struct {
	shape
	Blend Blend

	tokenizer *tokenizer
	pieces    table
	positions []float32 // by place, width numbers each
	settings  []float32 // by setting
	distances []float32 // 0 the message itself; 2i-1 and 2i the i-th before it, of the other party and of the sender
	norm      normal
	layers    []layer
	sideMean  []float32
	sideScale []float32
	judgement struct {
		side, hidden, out, skip dense
	}
	sum [sha256.Size]byte
}

// shape is what differs from model to model.
type shape struct {
	Pieces, Layers, Positions, Settings, Distances, SideInputs, SideHidden, Hidden, Heads uint32
}

// Blend is the calibrated rule that makes one probability of two readers' log-odds, by head: review, payment, remind; and what makes a message doubtful:
// that the first reader's probability is between From and To, or between OpenFrom and To where it was above Open for one of the last messages before it.
type Blend struct {
	Heads                    [3]struct{ First, Second, Shift float32 }
	From, To, OpenFrom, Open float32
}

type layer struct {
	qkv             linear // in layers of messages by themselves
	query, keyValue linear // in the last layer
	gathered        linear
	expand          linear
	contract        linear
	afterAttention  normal
	afterAll        normal
}

const (
	modelMagic = "onsidesecond\x01"
	q4Group    = 32
	q4Bytes    = 2 + q4Group/2
	maxPieces  = 1 << 18
	maxSmall   = 1 << 12
)

var errModel = errors.New("encoder: model file cut short")

// Version is the beginning of the file's checksum.
func (m *Model) Version() string { return hex.EncodeToString(m.sum[:6]) }

// ParseModel reads a model file.
func ParseModel(file []byte) (*Model, error) {
	if len(file) < len(modelMagic)+sha256.Size || string(file[:len(modelMagic)]) != modelMagic {
		return nil, errors.New("encoder: not a model file of the second reader")
	}
	body, sum := file[:len(file)-sha256.Size], file[len(file)-sha256.Size:]
	m := &Model{sum: sha256.Sum256(body)}
	if string(m.sum[:]) != string(sum) {
		return nil, errors.New("encoder: model file damaged: its checksum is another")
	}
	c := cutter{rest: body[len(modelMagic):]}
	c.value(&m.shape)
	if err := m.check(); err != nil {
		return nil, err
	}
	c.value(&m.Blend)
	m.read(&c)
	switch {
	case c.short:
		return nil, errModel
	case len(c.rest) > 0:
		return nil, fmt.Errorf("encoder: %d bytes too many in the model file", len(c.rest))
	}
	return m, nil
}

// check refuses shapes that cannot be.
func (s *shape) check() error {
	small := max(s.Layers, s.Positions, s.Settings, s.SideInputs, s.SideHidden, s.Hidden, s.Heads)
	if s.Pieces <= specials || s.Pieces > maxPieces || small > maxSmall || s.Layers < 2 || s.Positions < maxTokens || s.Distances != 2*MaxEarlier+1 || s.Settings == 0 ||
		s.Heads == 0 || s.Hidden == 0 || s.SideHidden == 0 {
		return fmt.Errorf("encoder: a model of shape %+v cannot be read", *s)
	}
	return nil
}

func (m *Model) read(c *cutter) {
	pieces := make([]string, m.Pieces)
	for i := range pieces {
		if n := c.cut(1); n != nil {
			pieces[i] = string(c.cut(int(n[0])))
		}
	}
	scores := make([]float64, m.Pieces)
	for i, x := range c.floats(len(scores)) {
		scores[i] = float64(x)
	}
	if c.short {
		return
	}
	m.tokenizer = newTokenizer(pieces, scores)
	m.pieces = table(c.cut(len(pieces) * width / q4Group * q4Bytes))
	m.positions = c.floats(int(m.Positions) * width)
	m.settings = c.floats(int(m.Settings) * width)
	m.distances = c.floats(int(m.Distances) * width)
	m.norm = c.norm()
	m.layers = make([]layer, m.Layers)
	for i := range m.layers {
		m.layers[i].read(c, i == len(m.layers)-1)
	}
	m.sideMean, m.sideScale = c.floats(int(m.SideInputs)), c.floats(int(m.SideInputs))
	j := &m.judgement
	side, besides, hidden, heads := int(m.SideInputs), int(m.SideHidden), int(m.Hidden), int(m.Heads)
	j.side = c.dense(besides, side)
	j.hidden = c.dense(hidden, 2*width+besides)
	j.out = c.dense(heads, hidden)
	j.skip = c.dense(heads, side)
}

func (l *layer) read(c *cutter, last bool) {
	var w, bias [3][]float32
	for i := range w {
		w[i], bias[i] = c.quarters(width, width), c.floats(width)
	}
	if last {
		l.query = newLinear(w[0], bias[0], width)
		l.keyValue = newLinear(append(w[1], w[2]...), append(bias[1], bias[2]...), width)
	} else {
		l.qkv = newLinear(append(append(w[0], w[1]...), w[2]...), append(append(bias[0], bias[1]...), bias[2]...), width)
	}
	l.gathered = newLinear(c.quarters(width, width), c.floats(width), width)
	l.afterAttention = c.norm()
	l.expand = newLinear(c.quarters(inner, width), c.floats(inner), width)
	l.contract = newLinear(c.quarters(width, inner), c.floats(width), inner)
	l.afterAll = c.norm()
}

// newLinear rounds rows of weights to whole numbers, each row by its own scale. What is left of the quarters' scales is lost: less than a
// hundredth of a row's largest weight.
func newLinear(w, bias []float32, depth int) linear {
	outs := len(bias)
	if outs == 0 || len(w) != outs*depth {
		return linear{} // the file is cut short, which the cutter tells
	}
	l := linear{scale: make([]float32, outs), bias: bias}
	ints := make([]int8, len(w))
	for o := range outs {
		l.scale[o] = quantize(ints[o*depth:][:depth], w[o*depth:][:depth])
	}
	l.matrix = newMatrix(ints, outs, depth)
	return l
}

// table holds the vectors of the pieces in q4.
type table []byte

// row sets dst to a piece's vector.
func (t table) row(i int, dst []float32) {
	const size = width / q4Group * q4Bytes
	b := t[i*size:][:size]
	for ; len(b) > 0; b, dst = b[q4Bytes:], dst[q4Group:] {
		quarter(b, dst)
	}
}

// quarter sets 32 numbers from their group.
func quarter(b []byte, dst []float32) {
	scale := half(binary.LittleEndian.Uint16(b))
	for k, x := range b[2:q4Bytes] {
		dst[k] = scale * float32(int(x&15)-8)
		dst[k+q4Group/2] = scale * float32(int(x>>4)-8)
	}
}

// half is a float16.
func half(b uint16) float32 {
	exp, frac := uint32(b>>10&31), uint32(b&1023)
	x := float32(frac) / (1 << 24)
	if exp > 0 {
		x = math.Float32frombits((exp+127-15)<<23 | frac<<13)
	}
	if b>>15 == 1 {
		x = -x
	}
	return x
}

// cutter cuts values off a file; short says that it ended too early.
type cutter struct {
	rest  []byte
	short bool
}

func (c *cutter) cut(n int) []byte {
	if c.short || n < 0 || n > len(c.rest) {
		c.short = true
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cutter) value(p any) {
	if _, err := binary.Decode(c.cut(binary.Size(p)), binary.LittleEndian, p); err != nil {
		c.short = true
	}
}

func (c *cutter) floats(n int) []float32 {
	b := c.cut(4 * n)
	if b == nil {
		return nil
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

func (c *cutter) norm() normal { return normal{c.floats(width), c.floats(width)} }

// quarters are the numbers of a matrix in q4.
func (c *cutter) quarters(outs, depth int) []float32 {
	b := c.cut(outs * depth / q4Group * q4Bytes)
	if b == nil {
		return nil
	}
	out := make([]float32, outs*depth)
	for i := 0; i < len(out); i += q4Group {
		quarter(b[i/q4Group*q4Bytes:], out[i:])
	}
	return out
}

// dense is a layer of int8 rows.
func (c *cutter) dense(outs, in int) dense {
	d := dense{in: in, weight: make([]float32, outs*in)}
	b, scale := c.cut(outs*in), c.floats(outs)
	d.bias = c.floats(outs)
	if c.short {
		return d
	}
	for i, x := range b {
		d.weight[i] = float32(int8(x)) * scale[i/in]
	}
	return d
}

// Fits tells whether the model answers questions of that shape.
func (m *Model) Fits(settings, sideInputs, heads int) error {
	if int(m.Settings) != settings || int(m.SideInputs) != sideInputs || int(m.Heads) != heads {
		return fmt.Errorf("encoder: the model reads %d settings and %d numbers besides, and has %d heads; wanted are %d, %d and %d: train it again",
			m.Settings, m.SideInputs, m.Heads, settings, sideInputs, heads)
	}
	return nil
}
