package classify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Model is a pair of trained networks with their vocabulary. It is immutable.
//
// Its file is little-endian: magic "onsidemodel\x01", the number of rows, then column by column the rows' grams (uint64, ascending)
// and rarities (uint8, in 1/20); for each network its vectors (netWidth int8), their scales (float32), wide weights (int16, in 1/1000) and
// the layers' float32s in the order of their fields; the calibration (float32), and the SHA-256 of all before it.
type Model struct {
	grams []gram
	index []int32 // open addressing: 1 + the row, 0 where free
	idf   []uint8
	minds [minds]mind
	calib calibration
	sum   [sha256.Size]byte
}

// mind is one network.
type mind struct {
	vecs   []int8
	scales []float32
	wide   []int16
	layers layers
}

// calibration turns log-odds into probabilities: 1/(1+exp(-(slope·z+shift))), for review, payment and remind.
type calibration [wideHeads]struct{ Slope, Shift float32 }

const (
	modelMagic = "onsidemodel\x01"
	idfStep    = 1.0 / 20
	wideStep   = 1.0 / 1000
	maxRows    = 1 << 20
)

// Version is the beginning of the file's checksum.
func (m *Model) Version() string { return hex.EncodeToString(m.sum[:6]) }

// freeze rounds students to a model.
func freeze(students [minds]*student, v *vocabulary, c calibration) *Model {
	m := &Model{calib: c}
	m.grams = make([]gram, 0, len(v.rows))
	for g := range v.rows {
		m.grams = append(m.grams, g)
	}
	slices.Sort(m.grams)
	for _, g := range m.grams {
		row := v.rows[g]
		m.idf = append(m.idf, uint8(min(255, math.Round(float64(v.idf[row])/idfStep))))
		for k, s := range students {
			m.minds[k].add(&s.rows[row])
		}
	}
	for k, s := range students {
		m.minds[k].layers = s.layers
	}
	m.reindex()
	m.sum = sha256.Sum256(m.body())
	return m
}

// add rounds one row.
func (n *mind) add(e *embedding) {
	top := float32(1e-9)
	for _, x := range e.vec {
		top = max(top, max(x, -x))
	}
	scale := top / 127
	for _, x := range e.vec {
		n.vecs = append(n.vecs, int8(math.Round(float64(x/scale))))
	}
	n.scales = append(n.scales, scale)
	for _, x := range e.wide {
		n.wide = append(n.wide, int16(max(-32768, min(32767, math.Round(float64(x)/wideStep)))))
	}
}

func (m *Model) reindex() {
	size := 1
	for size < 2*len(m.grams)+1 {
		size *= 2
	}
	m.index = make([]int32, size)
	for row, g := range m.grams {
		at := int(g) & (size - 1)
		for m.index[at] != 0 {
			at = (at + 1) & (size - 1)
		}
		m.index[at] = int32(row) + 1
	}
}

// row is the row of a gram, -1 for one that the model does not know.
func (m *Model) row(g gram) int32 {
	mask := len(m.index) - 1
	for at := int(g) & mask; ; at = (at + 1) & mask {
		r := m.index[at] - 1
		if r < 0 || m.grams[r] == g {
			return r
		}
	}
}

// features weighs the grams of a message that the model knows: each group has length 1.
func (m *Model) features(groups [2][]gram, dst []feature) []feature {
	for _, group := range groups {
		first, sum := len(dst), float32(0)
		for _, g := range group {
			if row := m.row(g); row >= 0 {
				w := float32(m.idf[row]) * idfStep
				sum += w * w
				dst = append(dst, feature{row, w})
			}
		}
		scale := float32(1 / math.Sqrt(float64(sum)+1e-9))
		for i := range dst[first:] {
			dst[first+i].val *= scale
		}
	}
	return dst
}

// consider thinks through the scene.
func (n *mind) consider(s *scene, t *thought) {
	t.vec, t.wide = [netWidth]float32{}, [wideHeads]float32{}
	for _, f := range s.feats {
		w := f.val * n.scales[f.row]
		for i, x := range n.vecs[int(f.row)*netWidth:][:netWidth] {
			t.vec[i] += w * float32(x)
		}
		for i, x := range n.wide[int(f.row)*wideHeads:][:wideHeads] {
			t.wide[i] += f.val * wideStep * float32(x)
		}
	}
	n.layers.think(s, t)
}

// probability is the calibrated probability of one of the heads review, payment and remind.
func (m *Model) probability(z *[numHeads]float32, head int) float64 {
	c := m.calib[head-headReview]
	return float64(sigmoid(c.Slope*z[head] + c.Shift))
}

// columns are the parts of the file after the number of rows, each a value that encoding/binary reads and writes.
func (m *Model) columns() []any {
	cols := []any{m.grams, m.idf}
	for k := range m.minds {
		n := &m.minds[k]
		cols = append(cols, n.vecs, n.scales, n.wide, &n.layers.bias, &n.layers.hid, &n.layers.hidBias, &n.layers.out,
			&n.layers.outBias, &n.layers.mem, &n.layers.memBias)
	}
	return append(cols, &m.calib)
}

func (m *Model) body() []byte {
	var b bytes.Buffer
	b.WriteString(modelMagic)
	for _, col := range append([]any{uint32(len(m.grams))}, m.columns()...) {
		if err := binary.Write(&b, binary.LittleEndian, col); err != nil {
			panic("classify: model: " + err.Error()) // all columns have a fixed size
		}
	}
	return b.Bytes()
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
	m.grams, m.idf = make([]gram, rows), make([]uint8, rows)
	for k := range m.minds {
		m.minds[k].scales = make([]float32, rows)
		m.minds[k].vecs, m.minds[k].wide = make([]int8, rows*netWidth), make([]int16, rows*wideHeads)
	}
	r := bytes.NewReader(file[len(modelMagic)+4 : n])
	for _, col := range m.columns() {
		if err := binary.Read(r, binary.LittleEndian, col); err != nil {
			return nil, fmt.Errorf("parse model: %w: %w", err, ErrModel)
		}
	}
	if r.Len() != 0 {
		return nil, fmt.Errorf("parse model: %d bytes too many: %w", r.Len(), ErrModel)
	}
	m.reindex()
	return m, nil
}
