package classify

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// How the gate is trained; chosen by what it lets go of messages that it has not seen when it loses 0.3 % of what is flagged.
const (
	gateRows    = 36_000
	gateRarest  = 3 // conversations that a word must stand in
	gateEpochs  = 3
	gateRate    = 0.3
	gateDropout = 0.05
	gateDecay   = 2e-4
	gateTruth   = 0.4   // share of the label in what is learned; the rest is how networks of other conversations understood the message
	gateCare    = 1     // how much more a message that must be kept counts
	gateLoss    = 0.007 // share of the flagged messages that a gate of other conversations may lose
	gateCalm    = 0.15  // what is understood of messages in a calm is less likely
	gateFlag    = 0.3   // probability from which on a message counts as flagged
)

// sight is a lesson as the gate sees it.
type sight struct {
	lesson *lesson
	glance glance
	rows   []int32 // places of the rows
	want   float32
	doubt  float32 // of a gate of other conversations
}

// wants is how surely the message has to be kept.
func (q *lesson) wants() float32 {
	return gateTruth*is(q.labelled()) + (1-gateTruth)*q.flagged()
}

// labelled tells whether a person wanted something of the message.
func (q *lesson) labelled() bool {
	t := &q.target
	return t[headReview] == 1 || t[headPayment] == 1 || t[headRemind] == 1 || t[headPart] == 1
}

// flagged is how surely the networks want something of the message.
func (q *lesson) flagged() float32 {
	s := &q.read.Said
	p := max(s[saidPayment], s[saidRemind])
	if q.message.Stage == PreContract {
		p = max(p, s[saidReview], s[saidPart], s[saidWhole])
	}
	return float32(p) / certain
}

// teachGate fits a gate to lessons that networks of other conversations have understood.
func teachGate(r *reader, all []lesson, use func(*lesson) bool) *gate {
	sights := make([]sight, 0, len(all))
	var signals []Signal
	for i := range all {
		q := &all[i]
		if !use(q) || q.weight == 0 {
			continue
		}
		s := sight{lesson: q, want: q.wants()}
		s.glance.scan(q.message.Text)
		signals = window(all, i, signals)
		s.glance.recall(q.message.Stage, signals, q.signal.Sender)
		sights = append(sights, s)
	}
	g := gateVocabulary(sights, r.extract)
	for i := range sights {
		s := &sights[i]
		if s.glance.odd < 0 && g.name(&s.glance) {
			for _, key := range s.glance.keys {
				if at := g.find(key); at >= 0 {
					s.rows = append(s.rows, int32(at))
				}
			}
		}
		s.glance.words, s.glance.keys = nil, nil
	}
	part := func(s *sight) int { return int(hashString(s.lesson.message.ConversationID) % crossParts) }
	for k := range crossParts {
		p := newPupil(g)
		p.teach(sights, func(s *sight) bool { return part(s) != k })
		for i := range sights {
			if s := &sights[i]; part(s) == k {
				s.doubt = p.doubt(s, s.rows)
			}
		}
	}
	p := newPupil(g)
	p.teach(sights, func(*sight) bool { return true })
	p.layer.Bar += gateBar(sights)
	p.freeze(g)
	return g
}

// gateBar is the doubt below which gates of other conversations lose no more than they may, of all messages and of those in a calm.
func gateBar(sights []sight) float32 {
	bar := float32(never)
	for _, calm := range []bool{false, true} {
		flagged, doubts := 0, []float32{-never}
		for i := range sights {
			s := &sights[i]
			if s.lesson.flagged() < gateFlag || calm && !s.glance.calm() {
				continue
			}
			flagged++
			if s.glance.odd < 0 {
				doubts = append(doubts, s.doubt)
			}
		}
		slices.Sort(doubts)
		bar = min(bar, doubts[min(1+int(gateLoss*float64(flagged)), len(doubts)-1)])
	}
	return bar
}

// calm tells whether nothing was understood of the last messages.
func (s *glance) calm() bool {
	return slices.Max(s.in[gateWidth:gateWidth+numGist]) < gateCalm
}

// gateVocabulary is a gate that knows the commonest words and pairs, and the numbers and tools of the lexicon. It weighs nothing but the names of
// tools.
func gateVocabulary(sights []sight, x *extractor) *gate {
	type counted struct {
		key  uint32
		n    int
		last string
	}
	numbers := x.names(func(t term) bool { return t.kind <= termHundreds && !t.weak })
	tools := x.names(func(t term) bool { return t.kind == termTool && !t.weak && x.tools[t.val].kind != toolOwn })
	count := map[uint32]*counted{}
	add := func(key uint32, conversation string) {
		c := count[key]
		if c == nil {
			c = &counted{key: key}
			count[key] = c
		}
		if c.last != conversation {
			c.n++
			c.last = conversation
		}
	}
	commonest := func(n int) *gate {
		var all []*counted
		for _, c := range count {
			if c.n >= gateRarest {
				all = append(all, c)
			}
		}
		slices.SortFunc(all, func(a, b *counted) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.key, b.key)) })
		g := newGate(n + len(numbers) + len(tools))
		for _, key := range lexiconKeys(tools) {
			g.add(gateRow{key: key, wide: never})
		}
		for _, key := range lexiconKeys(numbers) {
			g.add(gateRow{key: key | 1})
		}
		for _, c := range all[:min(n, len(all))] {
			g.add(gateRow{key: c.key})
		}
		return g
	}
	for i := range sights {
		for _, w := range sights[i].glance.words {
			add(gateKey(w.hash), sights[i].lesson.message.ConversationID)
		}
	}
	words := commonest(gateRows)
	clear(count)
	for i := range sights {
		s := &sights[i]
		if s.glance.odd >= 0 {
			continue
		}
		if words.name(&s.glance) {
			for _, key := range s.glance.keys[:len(s.glance.keys)-1] { // less the whole
				add(key, s.lesson.message.ConversationID)
			}
		}
		s.glance.odd = -1 // a word may be known yet to the gate that comes of it
	}
	return commonest(gateRows)
}

// newGate is a gate with room for n rows.
func newGate(n int) *gate {
	size := 2
	for 3*size < 4*n {
		size *= 2
	}
	return &gate{rows: make([]gateRow, size)}
}

// add adds a row, unless there is one of its key.
func (g *gate) add(r gateRow) {
	if g.find(r.key&^1) >= 0 {
		return
	}
	mask := len(g.rows) - 1
	at := int(r.key&^1) & mask
	for g.rows[at].key != 0 {
		at = (at + 1) & mask
	}
	g.rows[at] = r
}

// lexiconKeys are the keys of names of one word, or of two.
func lexiconKeys(names []string) (keys []uint32) {
	var s glance
	for _, name := range names {
		s.scan(name)
		switch w := s.words; {
		case s.odd >= 0:
		case len(w) == 1:
			keys = append(keys, gateKey(w[0].hash))
		case len(w) == 2:
			keys = append(keys, pairKey(w[0].hash, w[1].hash))
		}
	}
	return keys
}

// names are the entries of the lexicon that have a meaning of the sort.
func (x *evidenceLexicon) names(sort func(term) bool) (names []string) {
	var walk func(node int32, path []byte)
	walk = func(node int32, path []byte) {
		if node < 0 {
			return
		}
		if list := x.nodes[node].list; list != 0 && slices.ContainsFunc(x.terms[list], sort) {
			names = append(names, string(path))
		}
		for b := range 256 {
			walk(x.step(node, byte(b)), append(path, byte(b)))
		}
	}
	for b, node := range x.root {
		walk(node, []byte{byte(b)})
	}
	return names
}

// pupil is a gate in training.
type pupil struct {
	layer  gateLayer
	rows   []pupilRow // as in the gate
	rng    *rand.Rand
	kept   []int32
	hidden [gateHidden]float32
}

type pupilRow struct {
	wide float32
	vec  [gateWidth]float32
}

func newPupil(g *gate) *pupil {
	p := &pupil{rows: make([]pupilRow, len(g.rows)), rng: rand.New(rand.NewPCG(1, 3))}
	for i := range p.rows {
		p.rows[i].wide = g.rows[i].wide
	}
	for j := range p.layer.Hid {
		for k := range p.layer.Hid[j] {
			p.layer.Hid[j][k] = float32(p.rng.NormFloat64() / math.Sqrt(gateInputs))
		}
		p.layer.Out[j] = float32(p.rng.NormFloat64() / math.Sqrt(gateHidden))
	}
	p.layer.Bar = 2
	return p
}

// doubt is what the gate would make of the rows.
func (p *pupil) doubt(s *sight, rows []int32) float32 {
	z := -p.layer.Bar
	in := &s.glance.in
	clear(in[:gateWidth])
	for _, at := range rows {
		r := &p.rows[at]
		z += r.wide
		for k, x := range r.vec {
			in[k] += x
		}
	}
	return z + p.layer.think(in, &p.hidden)
}

// teach trains on the sights that use picks, in a seeded order.
func (p *pupil) teach(sights []sight, use func(*sight) bool) {
	var order []*sight
	for i := range sights {
		if s := &sights[i]; s.glance.odd < 0 && use(s) {
			order = append(order, s)
		}
	}
	step, total := 0, gateEpochs*len(order)
	for range gateEpochs {
		p.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, s := range order {
			p.step(s, gateRate*(1-0.95*float32(step)/float32(total)))
			step++
		}
	}
}

// step learns from one sight.
func (p *pupil) step(s *sight, rate float32) {
	p.kept = p.kept[:0]
	for _, at := range s.rows {
		if p.rng.Float64() >= gateDropout && p.rows[at].wide < never {
			p.kept = append(p.kept, at)
		}
	}
	e := (sigmoid(p.doubt(s, p.kept)) - s.want) * (1 + gateCare*s.want)
	n, in, dense := &p.layer, &s.glance.in, rate*0.1*e
	var back [gateWidth]float32
	for j, h := range p.hidden {
		if h <= 0 {
			continue
		}
		out, w := n.Out[j], &n.Hid[j]
		n.Out[j] -= dense * h
		for k := range back {
			back[k] += out * w[k]
		}
		for k, x := range in {
			w[k] -= dense * out * x
		}
		n.Bias[j] -= dense * out
	}
	for k, x := range in[gateWidth:] {
		n.Told[k] -= dense * x
	}
	n.Bar += dense
	shrink := 1 - rate*gateDecay
	for _, at := range p.kept {
		r := &p.rows[at]
		for k, d := range back {
			r.vec[k] = r.vec[k]*shrink - rate*0.5*e*d
		}
		r.wide = r.wide*shrink - rate*0.2*e
	}
}

// freeze rounds the pupil to the gate.
func (p *pupil) freeze(g *gate) {
	top := float32(1e-9)
	for i := range p.rows {
		for _, x := range p.rows[i].vec {
			top = max(top, x, -x)
		}
	}
	p.layer.Step = top / 127
	for i := range g.rows {
		r := &g.rows[i]
		if r.key == 0 {
			continue
		}
		r.wide = p.rows[i].wide
		for k, x := range p.rows[i].vec {
			r.vec[k] = int8(math.Round(float64(x / p.layer.Step)))
		}
	}
	g.layer = p.layer
}

// sift lets go of lessons in order, as live: what is left of them is what later lessons learn from.
func (g *gate) sift(all []lesson) {
	var s glance
	var signals []Signal
	for i := range all {
		q := &all[i]
		signals = window(all, i, signals)
		if q.gone = q.weight > 0 && g.lets(q.message, signals, &s); q.gone {
			q.signal = q.read.lettingGo(&s)
		}
	}
}

// lettingGo is what is left of a message that the gate lets go.
func (g *Signal) lettingGo(s *glance) Signal {
	left := Signal{Offset: g.Offset, Sender: g.Sender}
	if s.question {
		left.Facts = FactQuestion
	}
	return left
}

// keepFlagged adds to the gate, word for word, each message of the lessons that it would let go and that the model flags or that a person
// did, or in which a detector found something: of what training has seen, nothing is lost.
func (m *Model) keepFlagged(all []lesson) {
	for range 8 {
		lost := 0
		m.recite(all, func(q *lesson, s *glance, z *[numHeads]float32) {
			p := max(m.calib.of(z, headRemind), m.calib.of(z, reviewHead(q.message.Stage)))
			if q.gone && (p >= gateFlag || q.labelled() || q.read.Facts&^(FactQuestion|FactDefer) != 0) {
				m.gate.keep(s.whole())
				lost++
			}
		})
		if lost == 0 {
			return
		}
	}
}

// keep adds a row that keeps the messages with the key.
func (g *gate) keep(key uint32) {
	if at := g.find(key); at >= 0 {
		g.rows[at].wide = never
		return
	}
	g.add(gateRow{key: key, wide: never})
}
