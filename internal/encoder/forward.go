package encoder

import "math"

// The shape that every model has.
const (
	width   = 384
	heads   = 12
	perHead = width / heads
	inner   = 4 * width

	// maxTokens is how much of a message is read: where it is longer, the beginning and the end.
	maxTokens = 64
	// MaxEarlier is how many messages before the one that is read are looked at.
	MaxEarlier = 3
)

// Text is a message as it is read.
type Text struct {
	Head, Tail string // Tail is empty for a text that is read whole
	Setting    int    // below Settings: who wrote it, and in which stage
	Own        bool   // the sender of the message that is read wrote it
}

// Scratch is the memory that reading needs. Reuse one per goroutine; the zero Scratch is ready to use.
type Scratch struct {
	lattice                     lattice
	tokens                      []int32
	spans                       [1 + MaxEarlier]span
	fresh                       [1 + MaxEarlier]passage
	encoded                     []float32 // of the fresh messages, which are not known
	x, wide, y, key, att        []float32
	ints                        []int8
	sums                        []int32
	scales                      []float32
	weights                     []float32
	pooled                      [2 * width]float32
	told, hidden, input, padded []float32
}

// span is where a message's tokens stand.
type span struct{ from, to, setting int }

func (p span) len() int { return p.to - p.from }

// Read appends to dst the heads' log-odds for a message, given the messages before it, newest first, and what else is known of it: SideInputs
// numbers. The answer depends on nothing else. What the memory holds is not encoded again.
func (m *Model) Read(own Text, earlier []Text, side []float32, known *Memory, s *Scratch, dst []float32) []float32 {
	earlier = earlier[:min(len(earlier), MaxEarlier)]
	s.tokens = s.tokens[:0]
	m.look(&own, 0, s)
	for i := range earlier {
		m.look(&earlier[i], 1+i, s)
	}
	messages := s.spans[:1+len(earlier)]
	m.encode(s, known, messages)
	m.layers[len(m.layers)-1].across(s, messages, m, earlier)
	m.pool(s, messages[0].len())
	return m.judge(s, side, dst)
}

// look cuts a text into tokens.
func (m *Model) look(t *Text, i int, s *Scratch) {
	from := len(s.tokens)
	s.tokens = append(s.tokens, pieceBegin)
	s.tokens = m.tokenizer.tokens(t.Head, &s.lattice, s.tokens)
	if t.Tail != "" {
		s.tokens = m.tokenizer.tokens(t.Tail, &s.lattice, s.tokens)
	}
	const half = maxTokens/2 - 1
	if said := s.tokens[from+1:]; len(said) > 2*half {
		copy(said[half:], said[len(said)-half:])
		s.tokens = s.tokens[:from+1+2*half]
	}
	s.tokens = append(s.tokens, pieceEnd)
	s.spans[i] = span{from, len(s.tokens), t.Setting}
}

// encode leaves in s.x what the layers before the last one make of the messages, each by itself: what is known, and the rest anew.
func (m *Model) encode(s *Scratch, known *Memory, messages []span) {
	s.x = resize(s.x, len(s.tokens)*width)
	fresh, rows := s.fresh[:0], 0
	for _, p := range messages {
		if states := known.find(s.tokens[p.from:p.to], p.setting); states != nil {
			copy(s.x[p.from*width:], states)
			continue
		}
		fresh = append(fresh, passage{p, rows})
		rows += p.len()
	}
	s.encoded = resize(s.encoded, rows*width)
	for _, p := range fresh {
		m.embed(s.tokens[p.from:p.to], p.setting, s.encoded[p.at*width:])
	}
	for i := range m.layers[:len(m.layers)-1] {
		m.layers[i].within(s, s.encoded, fresh)
	}
	for _, p := range fresh {
		states := s.encoded[p.at*width:][:p.len()*width]
		copy(s.x[p.from*width:], states)
		known.add(s.tokens[p.from:p.to], p.setting, states)
	}
}

// passage is a message that is encoded: its states begin at that row.
type passage struct {
	span
	at int
}

// embed turns a message's tokens into vectors.
func (m *Model) embed(tokens []int32, setting int, x []float32) {
	set := m.settings[setting*width:][:width]
	for i, piece := range tokens {
		row := x[i*width:][:width]
		m.pieces.row(int(piece), row)
		for k := range row {
			row[k] += set[k]
		}
	}
	m.norm.add(x, m.positions, len(tokens))
}

// within lets the tokens of each message attend to those of the same message.
func (l *layer) within(s *Scratch, x []float32, messages []passage) {
	n := len(x) / width
	s.wide = l.qkv.apply(x, n, s, s.wide)
	s.att = resize(s.att, n*width)
	for _, p := range messages {
		for h := range heads {
			at := s.wide[p.at*3*width+h*perHead:]
			q, k, v := rows{at, 3 * width}, rows{at[width:], 3 * width}, rows{at[2*width:], 3 * width}
			s.weights = attend(rows{s.att[p.at*width+h*perHead:], width}, q, p.len(), k, v, p.len(), s.weights)
		}
	}
	l.settle(s, x, n)
}

// across lets the tokens of the first message attend to those of all, and leaves only that one's in s.x. Its keys and values know how far back a
// message stands and whether the same person wrote it.
func (l *layer) across(s *Scratch, messages []span, m *Model, earlier []Text) {
	all, n := len(s.x)/width, messages[0].len()
	s.y = l.query.apply(s.x[:n*width], n, s, s.y)
	s.key = resize(s.key, all*width)
	for i, p := range messages {
		seg := m.distances[:width]
		if i > 0 {
			k := 2*i - 1
			if earlier[i-1].Own {
				k++
			}
			seg = m.distances[k*width:][:width]
		}
		for t := p.from; t < p.to; t++ {
			x, k := s.x[t*width:][:width], s.key[t*width:][:width]
			for j := range k {
				k[j] = x[j] + seg[j]
			}
		}
	}
	s.wide = l.keyValue.apply(s.key, all, s, s.wide)
	s.att = resize(s.att, n*width)
	for h := range heads {
		k, v := rows{s.wide[h*perHead:], 2 * width}, rows{s.wide[width+h*perHead:], 2 * width}
		s.weights = attend(rows{s.att[h*perHead:], width}, rows{s.y[h*perHead:], width}, n, k, v, all, s.weights)
	}
	s.x = s.x[:n*width]
	l.settle(s, s.x, n)
}

// settle does with what the tokens have gathered what follows attention in a layer.
func (l *layer) settle(s *Scratch, x []float32, n int) {
	s.y = l.gathered.apply(s.att, n, s, s.y)
	l.afterAttention.add(x, s.y, n)
	s.wide = l.expand.apply(x, n, s, s.wide)
	gelu(s.wide[:n*inner])
	s.y = l.contract.apply(s.wide, n, s, s.y)
	l.afterAll.add(x, s.y, n)
}

// pool sums up the tokens of the message: their mean and their largest, number by number.
func (m *Model) pool(s *Scratch, n int) {
	mean, top := s.pooled[:width], s.pooled[width:]
	copy(mean, s.x[:width])
	copy(top, s.x[:width])
	for t := 1; t < n; t++ {
		for k, x := range s.x[t*width:][:width] {
			mean[k] += x
			top[k] = max(top[k], x)
		}
	}
	for k := range mean {
		mean[k] /= float32(n)
	}
}

// judge asks the heads.
func (m *Model) judge(s *Scratch, side, dst []float32) []float32 {
	s.told = resize(s.told, len(side))
	for i, x := range side {
		s.told[i] = min(max(float32((x-m.sideMean[i])*m.sideScale[i]), -sideBound), sideBound)
	}
	h := &m.judgement
	s.hidden = h.side.apply(s.told, s.hidden)
	for i, x := range s.hidden {
		s.hidden[i] = tanh(x)
	}
	s.input = append(append(s.input[:0], s.pooled[:]...), s.hidden...)
	s.hidden = h.hidden.apply(s.input, s.hidden)
	for i, x := range s.hidden {
		s.hidden[i] = tanh(x)
	}
	first := len(dst)
	s.padded = h.out.apply(s.hidden, s.padded)
	dst = append(dst, s.padded...)
	s.padded = h.skip.apply(s.told, s.padded)
	for i, x := range s.padded {
		dst[first+i] += x
	}
	return dst
}

// sideBound is how far, in standard deviations, what is known besides may be from its mean.
const sideBound = 4

func tanh(x float32) float32 { return float32(math.Tanh(float64(x))) }

// norm is a layer normalisation.
type normal struct{ weight, bias []float32 }

// add adds y to x, and normalises row by row.
func (n *normal) add(x, y []float32, rows int) {
	normalize(x[:rows*width], y, n.weight, n.bias)
}

// linear is a layer of weights in whole numbers.
type linear struct {
	matrix matrix
	scale  []float32 // by output
	bias   []float32
}

// apply multiplies n rows, and returns dst, resized.
func (l *linear) apply(x []float32, n int, s *Scratch, dst []float32) []float32 {
	in, out := l.matrix.depth, l.matrix.outs
	s.ints, s.scales = resize(s.ints, n*in), resize(s.scales, n)
	for t := range n {
		s.scales[t] = quantize(s.ints[t*in:][:in], x[t*in:][:in])
	}
	s.sums = resize(s.sums, n*l.matrix.padded)
	l.matrix.multiply(s.sums, s.ints, n)
	dst = resize(dst, n*out)
	for t := range n {
		dequantize(dst[t*out:][:out], s.sums[t*l.matrix.padded:][:out], s.scales[t], l.scale, l.bias)
	}
	return dst
}

// dense is a small layer in floating point.
type dense struct {
	in     int
	weight []float32
	bias   []float32
}

func (d *dense) apply(x, dst []float32) []float32 {
	dst = resize(dst, len(d.bias))
	dots(dst, d.weight, x[:d.in])
	for o, b := range d.bias {
		dst[o] += b
	}
	return dst
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
