package classify

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Label is what a labelled message should be read as.
type Label struct {
	Action     string // none, remind, review, or part: a piece that counts only with its group
	Grouped    bool   // it belongs to evidence that is spread over messages
	Categories []Category
	Act        Act
	HasAct     bool
}

// Example is a labelled message.
type Example struct {
	Message
	Label
}

// options are the hyperparameters of training; all were chosen by cross-validation over conversations.
type options struct {
	epochs  int
	rate    float32 // of the embeddings' first steps; it falls linearly to a twentieth
	dense   float32 // the layers' rate, as a share of rate
	decay   float32 // L2 penalty
	dropout float64 // share of grams left out of each step
	smooth  float32 // targets are this far from 0 and 1
	rarest  int     // messages that a gram must stand in
	maxRows int
	seed    uint64
}

func defaultOptions() options {
	return options{epochs: 8, rate: 0.5, dense: 0.1, decay: 2e-5, dropout: 0.5, smooth: 0.02, rarest: 4, maxRows: 48_000, seed: 1}
}

// lesson is an example prepared for training: what does not change from one epoch to the next.
type lesson struct {
	message *Message
	words   int
	first   int       // the lesson that begins the conversation
	read    Signal    // what reading it leaves, as networks of other conversations understood it, without a memory
	signal  Signal    // what is left of it, without a memory
	grams   [2][]gram // words, characters
	scene   scene
	prior   precedents        // indices of lessons
	target  [numHeads]float32 // NaN where there is nothing to learn
	weight  float32
	held    bool // kept from training
	gone    bool // the gate lets it go
	memory  memory
}

// pieceWeight is how much more a piece of split evidence counts than what is none: one message in a hundred is one.
const pieceWeight = 6

// unknown is the target that teaches nothing.
var unknown = float32(math.NaN())

// targets are the heads' answers for a label in a stage.
func targets(e *Example, t *[numHeads]float32) {
	pre := e.Stage == PreContract
	for _, c := range e.Categories {
		t[c] = 1
	}
	t[headPayment] = max(t[PaymentDirect], t[PaymentFeeAvoidance])
	if e.HasAct && e.Act <= Discuss {
		t[headAct+int(e.Act)] = 1
	}
	switch e.Action {
	case "review":
		t[headReview] = 1
		t[headWhole] = is(e.Grouped)
	case "remind":
		t[headRemind] = 1
	case "part":
		t[headReview] = unknown
		t[headPart] = 1
	}
	if pre {
		return
	}
	for c := range Category(NumCategories) { // contact is free after the start: nothing says which of it there is
		if c != PaymentDirect && c != PaymentFeeAvoidance {
			t[c] = unknown
		}
	}
	t[headReview], t[headRemind] = unknown, unknown
}

// embedding is what a student knows about one gram.
type embedding struct {
	vec  [netWidth]float32
	wide [wideHeads]float32 // review, payment and remind are also weighed gram by gram
}

// student is a network in training.
type student struct {
	layers
	rows      []embedding
	opt       options
	rng       *rand.Rand
	kept      []feature
	keptOther []feature
}

func newStudent(rows int, o options) *student {
	s := &student{opt: o, rng: rand.New(rand.NewPCG(o.seed, 2))}
	s.rows = make([]embedding, rows)
	for i := range s.rows {
		for k := range s.rows[i].vec {
			s.rows[i].vec[k] = float32(s.rng.NormFloat64() * 0.3)
		}
	}
	random := func(w []float32, inputs int) {
		for i := range w {
			w[i] = float32(s.rng.NormFloat64() / math.Sqrt(float64(inputs)))
		}
	}
	for j := range s.hid {
		random(s.hid[j][:], numInputs)
	}
	for k := range s.out {
		random(s.out[k][:], netHidden)
	}
	for i := range s.mem {
		random(s.mem[i][:], netWidth)
	}
	return s
}

// consider thinks through the scene.
func (s *student) consider(sc *scene, t *thought) {
	t.vec, t.wide = [netWidth]float32{}, [wideHeads]float32{}
	for _, f := range sc.feats {
		e := &s.rows[f.row]
		for i := range t.vec {
			t.vec[i] += f.val * e.vec[i]
		}
		for i := range t.wide {
			t.wide[i] += f.val * e.wide[i]
		}
	}
	s.think(sc, t)
}

// teach trains on the lessons that use picks, in a seeded order: the same lessons give the same network.
// Gradients reach the other party's last message, no further.
func (s *student) teach(all []lesson, use func(*lesson) bool) {
	var order []int
	for i := range all {
		if use(&all[i]) && all[i].weight > 0 {
			order = append(order, i)
		}
	}
	step, total := 0, s.opt.epochs*len(order)
	for range s.opt.epochs {
		s.recallAll(all)
		s.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			s.step(all, i, s.opt.rate*(1-0.95*float32(step)/float32(total)))
			step++
		}
	}
}

// recallAll thinks through every lesson in order, as live, and leaves its memory.
func (s *student) recallAll(all []lesson) {
	var t thought
	for i := range all {
		q := &all[i]
		q.remember(all)
		s.consider(&q.scene, &t)
		q.leave(&s.layers, &t)
	}
}

// leave sets what is remembered of the lesson: nothing where the gate lets it go.
func (q *lesson) leave(n *layers, t *thought) {
	q.memory = memory{}
	if !q.gone {
		n.remember(t, &q.memory)
	}
}

// remember sets the scene's memories from those of earlier lessons.
func (q *lesson) remember(all []lesson) {
	q.scene.recall(&q.prior, func(i int) memory { return all[i].memory })
}

func (s *student) dropped(feats, into []feature) []feature {
	keep := float32(1 / (1 - s.opt.dropout))
	into = into[:0]
	for _, f := range feats {
		if s.rng.Float64() >= s.opt.dropout {
			into = append(into, feature{f.row, f.val * keep})
		}
	}
	return into
}

// step learns from one lesson.
func (s *student) step(all []lesson, i int, rate float32) {
	q := &all[i]
	q.remember(all)
	var before, t thought
	other := q.prior[0]
	var scene scene
	if other >= 0 && all[other].gone {
		other = -1
	}
	if other >= 0 {
		o := &all[other]
		o.remember(all)
		scene = o.scene
		s.keptOther = s.dropped(o.scene.feats, s.keptOther)
		scene.feats = s.keptOther
		s.consider(&scene, &before)
		s.layers.remember(&before, &o.memory)
		q.scene.other = o.memory
	}
	otherScene := scene
	scene = q.scene
	s.kept = s.dropped(q.scene.feats, s.kept)
	scene.feats = s.kept
	s.consider(&scene, &t)
	var dz [numHeads]float32
	for k := range dz {
		if y := q.target[k]; y == y {
			dz[k] = (sigmoid(t.z[k]) - (s.opt.smooth + y*(1-2*s.opt.smooth))) * q.weight
			if k >= headPart && y == 1 {
				dz[k] *= pieceWeight
			}
		}
	}
	dOther := s.learn(&scene, &t, &dz, rate)
	if other >= 0 {
		s.learnMemory(&otherScene, &before, &all[other].memory, &dOther, rate)
	}
}

// learn takes the heads' errors one step down and returns the error of the other party's memory.
func (s *student) learn(sc *scene, t *thought, dz *[numHeads]float32, rate float32) (dOther memory) {
	dense := rate * s.opt.dense
	var dh [netHidden]float32
	for k, e := range dz {
		if e == 0 {
			continue
		}
		w := &s.out[k]
		for j, a := range t.hidden {
			dh[j] += e * w[j]
			w[j] -= dense * e * a
		}
		s.outBias[k] -= dense * e
	}
	var din [numInputs]float32
	for j, a := range t.hidden {
		if a <= 0 || dh[j] == 0 {
			continue
		}
		d, w := dh[j], &s.hid[j]
		for i, x := range t.in {
			din[i] += d * w[i]
			w[i] -= dense * d * x
		}
		s.hidBias[j] -= dense * d
	}
	var dvec [netWidth]float32
	copy(dvec[:], din[:netWidth])
	var dmine memory
	for i := range dmine {
		d := din[netWidth+i]
		dmine[i] = d * sc.other[i]
		dOther[i] = d*t.mine[i] + din[netWidth+netMemory+i]
	}
	s.learnBare(t, &dmine, &dvec, dense)
	s.learnRows(sc.feats, t, &dvec, dz, rate)
	return dOther
}

// learnBare carries the error of the bare memory back to the vector.
func (s *student) learnBare(t *thought, dm *memory, dvec *[netWidth]float32, dense float32) {
	for i, d := range dm {
		d *= 1 - t.mine[i]*t.mine[i]
		w := &s.mem[i]
		for k, x := range t.vec {
			dvec[k] += d * w[k]
			w[k] -= dense * d * x
		}
		s.memBias[i] -= dense * d
	}
}

// learnMemory carries the error of a memory back to the vector of its message.
func (s *student) learnMemory(sc *scene, t *thought, m, dm *memory, rate float32) {
	dense := rate * s.opt.dense
	var dvec [netWidth]float32
	for i, d := range dm {
		d *= 1 - m[i]*m[i]
		w := &s.mem[i]
		for k, x := range t.vec {
			dvec[k] += d * w[k]
			w[k] -= dense * d * x
		}
		for j, x := range t.hidden {
			w[netWidth+j] -= dense * d * x
		}
		s.memBias[i] -= dense * d
	}
	s.learnRows(sc.feats, t, &dvec, nil, rate)
}

// learnRows carries the error of the vector, and of the heads that are weighed gram by gram, back to the grams.
func (s *student) learnRows(feats []feature, t *thought, dvec *[netWidth]float32, dz *[numHeads]float32, rate float32) {
	var g [netWidth]float32
	for i, v := range t.vec {
		g[i] = rate * dvec[i] * (1 - v*v)
		s.bias[i] -= 0.05 * g[i]
	}
	var wide [wideHeads]float32
	if dz != nil {
		for i := range wide {
			wide[i] = rate * dz[headReview+i]
		}
	}
	shrink := 1 - rate*s.opt.decay
	for _, f := range feats {
		e := &s.rows[f.row]
		for i := range e.vec {
			e.vec[i] = e.vec[i]*shrink - g[i]*f.val
		}
		for i := range e.wide {
			e.wide[i] -= wide[i] * f.val
		}
	}
}

// vocabulary numbers the grams that stand in enough of the lessons, the commonest first if there are too many,
// and weighs each by its rarity.
type vocabulary struct {
	rows map[gram]int32
	idf  []float32
}

func newVocabulary(all []lesson, use func(*lesson) bool, o options) *vocabulary {
	count := map[gram]int{}
	n := 0
	for i := range all {
		if !use(&all[i]) {
			continue
		}
		n++
		for _, group := range all[i].grams {
			for _, g := range group {
				count[g]++
			}
		}
	}
	type entry struct {
		g gram
		n int
	}
	var kept []entry
	for g, k := range count {
		if k >= o.rarest {
			kept = append(kept, entry{g, k})
		}
	}
	slices.SortFunc(kept, func(a, b entry) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.g, b.g)) })
	kept = kept[:min(len(kept), o.maxRows)]
	v := &vocabulary{rows: make(map[gram]int32, len(kept))}
	for i, e := range kept {
		v.rows[e.g] = int32(i)
		v.idf = append(v.idf, float32(math.Log(float64(n)/float64(e.n))))
	}
	return v
}

// features weighs the grams of a message that the vocabulary knows: each group has length 1.
func (v *vocabulary) features(groups [2][]gram, dst []feature) []feature {
	for _, group := range groups {
		first, sum := len(dst), float32(0)
		for _, g := range group {
			if row, ok := v.rows[g]; ok {
				w := v.idf[row]
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

// lessons prepares examples, which stand conversation by conversation in order.
func lessons(r *reader, examples []Example) []lesson {
	all := make([]lesson, len(examples))
	var d view
	var signals []Signal
	first := 0
	for i := range examples {
		e, q := &examples[i], &all[i]
		if e.ConversationID != examples[first].ConversationID {
			first, signals = i, signals[:0]
		}
		r.read(e.Text, &d)
		q.message, q.words, q.first, q.weight = &e.Message, len(d.tokens), first, 1
		n := max(len(d.tokens), len(d.hits))
		q.grams = [2][]gram{distinct(d.wordGrams(0, n)), distinct(d.charGrams(0, n))}
		q.signal = Signal{Offset: int64(i), Sender: senderOf(e.SenderID), Facts: d.facts}
		if _, ok := r.assemble(&d, signals); ok {
			q.signal.Facts |= FactComplete
		}
		if exempt(e.SenderRole) {
			q.signal.Facts |= FactSystem
			q.weight = 0
		}
		q.prior = precede(signals, q.signal.Sender)
		for k, at := range q.prior {
			if at >= 0 {
				q.prior[k] = int(signals[at].Offset)
			}
		}
		targets(e, &q.target)
		q.signal.Fragment, _, _ = d.piecesOf()
		q.read = q.signal
		signals = append(signals, q.signal)
	}
	foresee(examples, all)
	return all
}

// know sets what lesson i knows of the messages before it, as they were understood.
func know(all []lesson, i int, signals []Signal) []Signal {
	q := &all[i]
	signals = window(all, i, signals)
	q.scene.know(q.message, q.words, q.read.Facts, signals, q.read.Sender)
	return signals
}

// window are the signals before lesson i.
func window(all []lesson, i int, signals []Signal) []Signal {
	signals = signals[:0]
	for j := max(all[i].first, i-Window); j < i; j++ {
		signals = append(signals, all[j].signal)
	}
	return signals
}

// crossFit lets each lesson be understood by a student of other conversations, so that a network learns from
// misunderstandings as they will happen, not from lessons that it knows by heart.
func crossFit(all []lesson, use func(*lesson) bool, v *vocabulary, o options) {
	part := func(q *lesson) int { return int(hashString(q.message.ConversationID) % crossParts) }
	var signals []Signal
	for i := range all {
		all[i].signal.Said = Said{}
		signals = know(all, i, signals)
	}
	for k := range crossParts {
		s := newStudent(len(v.idf), o)
		s.teach(all, func(q *lesson) bool { return use(q) && part(q) != k })
		s.recite(all, func(q *lesson) bool { return part(q) == k })
	}
}

const crossParts = 5

// recite thinks through all lessons in order, as live, and has those that are asked for understood.
func (s *student) recite(all []lesson, asked func(*lesson) bool) {
	var t thought
	for i := range all {
		q := &all[i]
		q.remember(all)
		s.consider(&q.scene, &t)
		q.leave(&s.layers, &t)
		if asked(q) {
			q.signal.Said = understood(&t.z)
		}
	}
}

// distinct is a copy of the grams in order, each once.
func distinct(g []gram) []gram {
	g = slices.Clone(g)
	slices.Sort(g)
	return slices.Compact(g)
}

func exempt(role string) bool { return role == "system" || role == "support" }

// foresee sets the target of headNext: whether the other party's next message complies.
func foresee(examples []Example, all []lesson) {
	for i := range examples {
		for j := i + 1; j < len(examples) && j <= i+2 && examples[j].ConversationID == examples[i].ConversationID; j++ {
			n := &examples[j]
			if n.SenderID == examples[i].SenderID || exempt(n.SenderRole) {
				continue
			}
			if n.Action == "review" && n.HasAct && n.Act == Comply {
				all[i].target[headNext] = 1
			}
			break
		}
	}
}

// Train fits a model to labelled messages, which stand conversation by conversation in order. The same examples give
// the same model, byte for byte.
func Train(examples []Example, c Calibration) (*Model, error) {
	r, err := newReader()
	if err != nil {
		return nil, err
	}
	all := lessons(r, examples)
	m := train(r, all, func(*lesson) bool { return true }, c.calibration)
	m.keepFlagged(all)
	m.seal()
	return m, nil
}

func train(r *reader, all []lesson, use func(*lesson) bool, c calibration) *Model {
	o := defaultOptions()
	v := newVocabulary(all, use, o)
	for i := range all {
		all[i].scene.feats = v.features(all[i].grams, nil)
	}
	crossFit(all, use, v, o)
	for i := range all {
		all[i].read.Said = all[i].signal.Said
	}
	var g *gate
	for range 2 { // the second learns from what the first leaves of earlier messages
		g = teachGate(r, all, use)
		g.sift(all)
	}
	var signals []Signal
	for i := range all {
		signals = know(all, i, signals)
	}
	var students [minds]*student
	for k := range students {
		o.seed = uint64(k + 1)
		students[k] = newStudent(len(v.idf), o)
		students[k].teach(all, use)
	}
	return freeze(students, v, g, c)
}

// Calibration turns a model's log-odds into probabilities. The zero Calibration makes everything even: fit one.
type Calibration struct{ calibration }

// Calibration is the model's own.
func (m *Model) Calibration() Calibration { return Calibration{m.calib} }

// Unseen are the log-odds that a model gave to messages that it was not fitted on.
type Unseen [wideHeads]float32

// Guess is what a model made of a message that it was not fitted on: all that the second reader is told of it, and is to learn.
type Guess struct {
	Unseen Unseen
	Heads  []float32 // as Target
	Known  []float32 // what the networks are told besides words
	Target []float32 // NaN where the label says nothing
	Opens  bool      // no more than an opening, see openingDoubt
	LetGo  bool      // by the gate
}

// HoldOut fits a model to the examples of the other conversations, lets it read those that are held out, and tells of each, by its place
// among the examples. The guess is valid during the call.
func HoldOut(examples []Example, held func(conversation string) bool, told func(i int, g *Guess)) error {
	r, err := newReader()
	if err != nil {
		return err
	}
	all := lessons(r, examples)
	for i := range all {
		all[i].held = held(examples[i].ConversationID)
	}
	m := train(r, all, func(q *lesson) bool { return !q.held }, calibration{})
	var signals []Signal
	m.recite(all, func(q *lesson, _ *glance, z *[numHeads]float32) {
		i := int(q.read.Offset)
		signals = window(all, i, signals)
		told(i, &Guess{
			Unseen: Unseen(z[headReview : headRemind+1]), Heads: z[:], Known: q.scene.known[:], Target: q.target[:],
			Opens: doubtsOpening(signals, q.read.Facts), LetGo: q.gone,
		})
	})
	return nil
}

// recite lets the model read lessons in order, as live: all, or where some are held, those. What it says of those that the gate lets go is
// told too.
func (m *Model) recite(all []lesson, told func(*lesson, *glance, *[numHeads]float32)) {
	some := slices.ContainsFunc(all, func(q lesson) bool { return q.held })
	var signals []Signal
	var set rowSet
	var t thought
	var s glance
	var z [numHeads]float32
	for i := range all {
		q := &all[i]
		if some && !q.held {
			continue
		}
		q.signal = q.read
		signals = know(all, i, signals)
		q.scene.feats = m.features(q.grams, &set, q.scene.feats[:0])
		m.ask(&q.scene, signals, &t, &q.signal, &z)
		if q.gone = q.weight > 0 && m.gate.lets(q.message, signals, &s); q.gone {
			q.signal = q.read.lettingGo(&s)
		}
		told(q, &s, &z)
	}
}

// Calibrate fits a calibration to what models said of examples that they had not seen.
func Calibrate(examples []Example, unseen []Unseen) Calibration {
	var c calibration
	for h := range c {
		c[h].Slope, c[h].Shift = platt(examples, unseen, h)
	}
	return Calibration{c}
}

// Bin is a tenth of the probabilities: how many messages of a calibration were given one in it, what they were given on average,
// and how many of them a person should look at.
type Bin struct {
	Messages, Reviews int
	Mean              float64
}

// Reliability is the curve of a calibration: among the messages that models gave a probability to without having seen them, those of each
// tenth should be reviews as often as it says.
func (c Calibration) Reliability(examples []Example, unseen []Unseen) (bins [10]Bin) {
	for i := range examples {
		var t [numHeads]float32
		targets(&examples[i], &t)
		if want := t[headReview]; want == want && !exempt(examples[i].SenderRole) {
			p := float64(sigmoid(c.calibration[0].Slope*unseen[i][0] + c.calibration[0].Shift))
			b := &bins[min(int(p*10), 9)]
			b.Mean = (b.Mean*float64(b.Messages) + p) / float64(b.Messages+1)
			b.Messages++
			b.Reviews += int(want)
		}
	}
	return bins
}

// platt fits slope and shift of one head by gradient descent on the log loss.
func platt(examples []Example, z []Unseen, h int) (slope, shift float32) {
	var x, y []float64
	for i := range examples {
		var t [numHeads]float32
		targets(&examples[i], &t)
		if want := t[headReview+h]; want == want && !exempt(examples[i].SenderRole) {
			x, y = append(x, float64(z[i][h])), append(y, float64(want))
		}
	}
	a, b, n := 1.0, 0.0, float64(len(x))
	for range 400 {
		var ga, gb float64
		for i := range x {
			e := 1/(1+math.Exp(-(a*x[i]+b))) - y[i]
			ga, gb = ga+e*x[i], gb+e
		}
		a, b = a-0.5*ga/n, b-2*gb/n
	}
	return float32(a), float32(b)
}
