package classify

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// Model is a pair of trained networks with their vocabulary. It is immutable.
//
// Its file is little-endian: magic "onsidemodel\x03", the number of rows, then column by column the rows' grams (uint64, ascending)
// and rarities (uint8, in 1/20); for each network its vectors (netWidth int8), their scales (float32), wide weights (int16, in 1/1000) and
// the layers' float32s in the order of their fields; the calibration (float32); the gate: the number of its rows, their keys (uint32, ascending), weights
// (float32) and vectors (int8), and its layer; and the SHA-256 of all before it.
type Model struct {
	grams  []gram  // of the rows, ascending
	rarity []uint8 // of the rows, in idfStep
	rows   []row
	index  hashIndex
	minds  [minds]layers
	calib  calibration
	gate   gate
	sum    [sha256.Size]byte
}

// calibration turns log-odds into probabilities: 1/(1+exp(-(slope·z+shift))), for review, payment and remind.
type calibration [wideHeads]struct{ Slope, Shift float32 }

const (
	modelMagic = "onsidemodel\x03"
	idfStep    = 1.0 / 20
	wideStep   = 1.0 / 1000
	maxRows    = 1 << 20
)

// Version is the beginning of the file's checksum.
func (m *Model) Version() string { return hex.EncodeToString(m.sum[:6]) }

// freeze rounds students to a model.
func freeze(students [minds]*student, v *vocabulary, g *gate, c calibration) *Model {
	m := &Model{calib: c, gate: *g}
	for _, g := range slices.Sorted(maps.Keys(v.rows)) {
		var r row
		i := v.rows[g]
		for k, s := range students {
			r.round(&s.rows[i], k)
		}
		m.grams, m.rows = append(m.grams, g), append(m.rows, r)
		m.rarity = append(m.rarity, uint8(min(255, math.Round(float64(v.idf[i])/idfStep))))
	}
	for k, s := range students {
		m.minds[k] = s.layers
	}
	m.arrange()
	m.seal()
	return m
}

// seal sets the checksum.
func (m *Model) seal() { m.sum = sha256.Sum256(m.body()) }

// arrange sets what is found faster than where the file has it.
func (m *Model) arrange() {
	m.index = newHashIndex(len(m.grams))
	for i, g := range m.grams {
		m.index.add(uint64(g), i)
	}
	for k := range m.minds {
		m.minds[k].packed = pack(&m.minds[k].hid)
	}
}

// round sets what mind k knows of the row.
func (r *row) round(e *embedding, k int) {
	top := float32(1e-9)
	for _, x := range e.vec {
		top = max(top, max(x, -x))
	}
	scale := top / 7
	for i, x := range e.vec {
		r.vecs[k][i] = int8(math.Round(float64(x / scale)))
	}
	r.scales[k] = scale
	for i, x := range e.wide {
		r.wide[k][i] = int16(max(-32768, min(32767, math.Round(float64(x)/wideStep))))
	}
}

// consider lets mind k think through the scene, of which t has been told and has gathered the features.
func (m *Model) consider(k int, s *scene, t *thought) {
	t.vec, t.wide = t.gathered.vecs[k], t.gathered.wide[k]
	m.minds[k].ponder(s, t)
}

// ask lets each mind think about the scene with its own memories of the signals, and leaves in sig what they remember and
// how they understood it. Their answers are averaged in z.
func (m *Model) ask(s *scene, signals []Signal, t *thought, sig *Signal, z *[numHeads]float32) {
	*z = [numHeads]float32{}
	at := precede(signals, sig.Sender)
	t.gathered.gather(m.rows, s.feats)
	t.tell(s)
	for k := range m.minds {
		s.recall(&at, func(i int) memory { return signals[i].memory(k) })
		m.consider(k, s, t)
		for h, x := range t.z {
			z[h] += x / minds
		}
		var left memory
		m.minds[k].remember(t, &left)
		sig.keep(&left, k)
	}
	sig.Said = understood(z)
}

// of is the calibrated probability of one of the heads review, payment and remind.
func (c *calibration) of(z *[numHeads]float32, head int) float64 {
	p := c[head-headReview]
	return float64(sigmoid(p.Slope*z[head] + p.Shift))
}

// parts are the layers of a mind and the order in which the file holds them.
func (n *layers) parts() []any {
	return []any{&n.bias, &n.hid, &n.hidBias, &n.out, &n.outBias, &n.mem, &n.memBias}
}

func (m *Model) body() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte(modelMagic), uint32(len(m.rows)))
	for _, g := range m.grams {
		b = le.AppendUint64(b, uint64(g))
	}
	b = append(b, m.rarity...)
	for k := range m.minds {
		for i := range m.rows {
			b = m.rows[i].appendHalves(b, k)
		}
		for i := range m.rows {
			b = le.AppendUint32(b, math.Float32bits(m.rows[i].scales[k]))
		}
		for i := range m.rows {
			b = appendValue(b, &m.rows[i].wide[k])
		}
		for _, p := range m.minds[k].parts() {
			b = appendValue(b, p)
		}
	}
	b = appendValue(b, &m.calib)
	return m.gate.append(b)
}

// appendHalves appends the vector of mind k, two numbers a byte.
func (r *row) appendHalves(b []byte, k int) []byte {
	v := &r.vecs[k]
	for i := 0; i < netWidth; i += 2 {
		b = append(b, byte(v[i]&0xf|v[i+1]<<4))
	}
	return b
}

// readHalves is the inverse of appendHalves.
func (r *row) readHalves(b []byte, k int) {
	v := &r.vecs[k]
	for i, x := range b[:netWidth/2] {
		v[2*i], v[2*i+1] = int8(x<<4)>>4, int8(x)>>4
	}
}

// appendValue appends a value of fixed size.
func appendValue(b []byte, v any) []byte {
	b, err := binary.Append(b, binary.LittleEndian, v)
	if err != nil {
		panic("classify: model: " + err.Error())
	}
	return b
}

// MarshalBinary is the model's file. It never fails.
func (m *Model) MarshalBinary() ([]byte, error) {
	b := m.body()
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

// ErrModel is what reading a damaged or foreign model file wraps.
var ErrModel = errors.New("not a model file of this version")

// ParseModel reads a model's file. It checks size and checksum before anything else.
func ParseModel(file []byte) (*Model, error) {
	n := len(file) - sha256.Size
	if n < len(modelMagic)+4 || string(file[:len(modelMagic)]) != modelMagic {
		return nil, fmt.Errorf("parse model of %d bytes: %w", len(file), ErrModel)
	}
	m := &Model{sum: sha256.Sum256(file[:n])}
	if !bytes.Equal(m.sum[:], file[n:]) {
		return nil, fmt.Errorf("parse model: checksum differs: %w", ErrModel)
	}
	rows := int(binary.LittleEndian.Uint32(file[len(modelMagic):]))
	if rows > maxRows {
		return nil, fmt.Errorf("parse model of %d rows: %w", rows, ErrModel)
	}
	m.grams, m.rows = make([]gram, rows), make([]row, rows)
	c := cutter{b: file[len(modelMagic)+4 : n]}
	m.read(&c)
	if c.err == nil && len(c.b) > 0 {
		c.err = fmt.Errorf("%d bytes too many", len(c.b))
	}
	if c.err != nil {
		return nil, fmt.Errorf("parse model: %w: %w", c.err, ErrModel)
	}
	m.arrange()
	return m, nil
}

// columns are the parts of the file that hold what the minds know of every row.
type columns struct {
	minds [minds]struct{ vecs, scales, wide []byte }
}

// read sets rows, layers and calibration.
func (m *Model) read(c *cutter) {
	var cols columns
	n := len(m.rows)
	grams := c.cut(8 * n)
	m.rarity = slices.Clone(c.cut(n))
	for k := range cols.minds {
		of := &cols.minds[k]
		of.vecs, of.scales, of.wide = c.cut(netWidth/2*n), c.cut(4*n), c.cut(2*wideHeads*n)
		for _, p := range m.minds[k].parts() {
			c.value(p)
		}
	}
	c.value(&m.calib)
	m.gate.read(c)
	if c.err != nil {
		return
	}
	for i := range m.rows {
		m.grams[i] = gram(binary.LittleEndian.Uint64(grams[8*i:]))
		m.rows[i].read(&cols, i)
	}
}

// read sets row i from the columns.
func (r *row) read(cols *columns, i int) {
	le := binary.LittleEndian
	for k := range r.vecs {
		of := &cols.minds[k]
		r.scales[k] = math.Float32frombits(le.Uint32(of.scales[4*i:]))
		r.readHalves(of.vecs[netWidth/2*i:], k)
		wide := of.wide[2*wideHeads*i:]
		for j := range r.wide[k] {
			r.wide[k][j] = int16(le.Uint16(wide[2*j:]))
		}
	}
}

// cutter cuts a model's file into its parts; err is the first error.
type cutter struct {
	b   []byte
	err error
}

func (c *cutter) cut(n int) []byte {
	if n > len(c.b) {
		c.b, c.err = nil, io.ErrUnexpectedEOF
		return nil
	}
	part := c.b[:n]
	c.b = c.b[n:]
	return part
}

// value reads a value of fixed size.
func (c *cutter) value(p any) {
	if _, err := binary.Decode(c.cut(binary.Size(p)), binary.LittleEndian, p); err != nil && c.err == nil {
		c.err = err
	}
}

// append appends the gate's part of a model's file.
func (g *gate) append(b []byte) []byte {
	rows := slices.DeleteFunc(slices.Clone(g.rows), func(r gateRow) bool { return r.key == 0 })
	slices.SortFunc(rows, func(a, b gateRow) int { return cmp.Compare(a.key, b.key) })
	b = binary.LittleEndian.AppendUint32(b, uint32(len(rows)))
	for i := range rows {
		b = binary.LittleEndian.AppendUint32(b, rows[i].key)
	}
	for i := range rows {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(rows[i].wide))
	}
	for i := range rows {
		b = appendValue(b, &rows[i].vec)
	}
	return appendValue(b, &g.layer)
}

// read is the inverse of append.
func (g *gate) read(c *cutter) {
	le := binary.LittleEndian
	count := c.cut(4)
	if c.err != nil {
		return
	}
	n := int(le.Uint32(count))
	if n > len(c.b) {
		c.err = io.ErrUnexpectedEOF
		return
	}
	keys, wides, vecs := c.cut(4*n), c.cut(4*n), c.cut(gateWidth*n)
	c.value(&g.layer)
	if c.err != nil {
		return
	}
	*g = gate{rows: newGate(n).rows, layer: g.layer}
	for i := range n {
		r := gateRow{key: le.Uint32(keys[4*i:]), wide: math.Float32frombits(le.Uint32(wides[4*i:]))}
		for k := range r.vec {
			r.vec[k] = int8(vecs[gateWidth*i+k])
		}
		g.add(r)
	}
}
