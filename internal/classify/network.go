package classify

import "math"

// The shape of the network.
const (
	minds     = 4  // networks that are trained from different beginnings and asked together
	netWidth  = 48 // of a message's vector
	netMemory = 12 // of what a message leaves behind for later ones
	netHidden = 48
	numOwn    = netWidth + 4*netMemory // inputs that each mind has of its own
	numInputs = numOwn + numKnown
)

// The heads: one log-odds each. The categories and acts come first, in their own order.
const (
	headAct     = NumCategories              // the first of the acts
	headReview  = headAct + int(Discuss) + 1 // a person should look, before the contract
	headPayment = headReview + 1             // payment around the platform, in any stage
	headRemind  = headPayment + 1
	headNext    = headRemind + 1 // the other party's next message will comply
	headPart    = headNext + 1   // a piece of evidence that a later message completes
	headWhole   = headPart + 1   // completes evidence that earlier messages began
	numHeads    = headWhole + 1
	wideHeads   = 3 // review, payment and remind are also weighed feature by feature
)

// layers is all of the network but its vocabulary. It reads a message together with what earlier ones left behind: a
// bag of embedded grams gives the message's vector; the vector, the memories of earlier messages and the known facts go
// through one hidden layer to the heads; and what it made of the message is remembered for later ones.
type layers struct {
	bias    [netWidth]float32
	hid     [netHidden][numInputs]float32
	hidBias [netHidden]float32
	out     [numHeads][netHidden]float32
	outBias [numHeads]float32
	mem     [netMemory][netWidth + netHidden]float32
	memBias [netMemory]float32

	packed *packedHidden // hid once more; nil in training
}

// memory is what a message leaves behind.
type memory [netMemory]float32

// feature is a gram of the vocabulary and its weight in a message.
type feature struct {
	row int32
	val float32
}

// scene is everything the network looks at.
type scene struct {
	feats []feature
	known [numKnown]float32
	other memory // of the other party's last message
	own   memory // of the sender's last message
	older memory // of a few before those, fading
}

// thought is one pass through the network.
type thought struct {
	gathered gathered
	vec      [netWidth]float32
	wide     [wideHeads]float32
	bare     memory // sums for mine, before they are squashed
	mine     memory // of the bare message, to be compared with the other party's
	in       [numInputs]float32
	hidden   [netHidden]float32
	z        [numHeads]float32

	told, seen, fired blocks // of what all are told, of in and of hidden
}

// think completes t, whose vec and wide hold the sums over the message's grams.
func (n *layers) think(s *scene, t *thought) {
	t.tell(s)
	n.ponder(s, t)
}

// tell sets what all minds are told alike.
func (t *thought) tell(s *scene) {
	copy(t.in[numOwn:], s.known[:])
	t.told.of(t.in[:], numOwn, numInputs)
}

// ponder is think, for one who has been told.
func (n *layers) ponder(s *scene, t *thought) {
	for i, b := range n.bias {
		t.vec[i] += b
	}
	squash(t.vec[:])
	n.recognise(t)
	n.input(s, t)
	t.seen.of(t.in[:], 0, numOwn)
	t.seen.add(&t.told)
	n.sumHidden(&t.in, &t.seen, &t.hidden)
	for j, h := range t.hidden {
		t.hidden[j] = max(0, n.hidBias[j]+h)
	}
	t.fired.of(t.hidden[:], 0, netHidden)
	n.sumHeads(&t.hidden, &t.fired, &t.z)
	for k, b := range n.outBias {
		t.z[k] += b
	}
	for i, w := range t.wide {
		t.z[headReview+i] += w
	}
}

// input lays out what the hidden layer sees besides what it is told.
func (n *layers) input(s *scene, t *thought) {
	copy(t.in[:], t.vec[:])
	in := t.in[netWidth:]
	for i, o := range s.other {
		in[i] = t.mine[i] * o
	}
	copy(in[netMemory:], s.other[:])
	copy(in[2*netMemory:], s.own[:])
	copy(in[3*netMemory:], s.older[:])
}

// recognise sets the memory of a message by its words alone.
func (n *layers) recognise(t *thought) {
	t.seen.of(t.vec[:], 0, netWidth)
	n.sumMemory(0, t.vec[:], &t.seen, &t.bare)
	for i := range t.bare {
		t.bare[i] += n.memBias[i]
	}
	t.mine = t.bare
	squash(t.mine[:])
}

// remember is the memory of a message as it was understood.
func (n *layers) remember(t *thought, m *memory) {
	n.sumMemory(netWidth, t.hidden[:], &t.fired, m)
	for i := range m {
		m[i] += t.bare[i]
	}
	squash(m[:])
}

// tanh is a ratio of polynomials, within 1e-6 of math.Tanh, and made of plain multiplications and additions: it gives
// the same bits on processors with and without fused ones, so that a training can be repeated elsewhere.
func tanh(x float32) float32 {
	if x > tanhEnd {
		x = tanhEnd
	} else if x < -tanhEnd {
		x = -tanhEnd
	}
	q := x * x
	p := tanhTerms[0]
	for _, c := range tanhTerms[1:7] {
		p = float32(p*q) + c
	}
	d := tanhTerms[7]
	for _, c := range tanhTerms[8:] {
		d = float32(d*q) + c
	}
	return float32(x*p) / d
}

// tanhEnd is where tanh is 1.
const tanhEnd = 9

// tanhTerms are the coefficients of the polynomials, highest power first: those above, then those below.
var tanhTerms = [...]float32{
	-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08, 1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03,
	1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03,
}

func sigmoid(x float32) float32 { return 0.5 + float32(0.5*tanh(0.5*x)) }

// olderMemories is how many messages before the last ones still count, and oldestFade what is left from one to the next.
const (
	olderMemories = 4
	oldestFade    = 0.7
)

// precedents are the places among a conversation's signals of those whose memories a message of that sender meets: the
// other party's last, the sender's own last, and older ones, newest first; -1 for none.
type precedents [2 + olderMemories]int

func precede(signals []Signal, sender uint16) (at precedents) {
	for k := range at {
		at[k] = -1
	}
	older := 2
	for i, n := len(signals)-1, 0; i >= 0 && n < len(at); i-- {
		g := &signals[i]
		if g.Facts&FactSystem != 0 {
			continue
		}
		switch {
		case g.Sender != sender && at[0] < 0:
			at[0] = i
		case g.Sender == sender && at[1] < 0:
			at[1] = i
		case older < len(at):
			at[older] = i
			older++
		}
		n++
	}
	return at
}

// recall sets the memories of s to those of the precedents.
func (s *scene) recall(at *precedents, of func(i int) memory) {
	s.other, s.own, s.older = memory{}, memory{}, memory{}
	weight := float32(0.6)
	for k, i := range at {
		if i < 0 {
			continue
		}
		m := of(i)
		switch k {
		case 0:
			s.other = m
		case 1:
			s.own = m
		default:
			for j, v := range m {
				s.older[j] += weight * v
			}
			weight *= oldestFade
		}
	}
}

// memory is what a mind left in the signal.
func (g *Signal) memory(mind int) (m memory) {
	for i, v := range g.Memory[mind] {
		m[i] = float32(v) / 127
	}
	return m
}

// keep stores a mind's memory in the signal.
func (g *Signal) keep(m *memory, mind int) {
	for i, v := range m {
		g.Memory[mind][i] = int8(math.Round(float64(v) * 127))
	}
}
