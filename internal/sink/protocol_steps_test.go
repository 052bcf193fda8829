package sink

import "slices"

// What can happen in a state of the model.

// kind is one of these.
type kind uint8

const (
	fetches kind = iota
	fetchesBlindly
	looks
	looksInVain
	carries
	carriesInVain
	asks
	asksUnheard
	asksUnanswered
	asksCrossed
	publishes
	publishesUnacked
	publishesAgain
	appends
	appendsInVain
	commits
	dies
	diesOvertaken
	losesPartition
	zombieEnds
	redisForgets
	claimEnds
	deploys

	// With transactions.
	fences
	locates
	saves
	savesInVain
	passesOver
	beginsAlone
	writes
	adds
	aborts
	timesOut
	swallows
	arrivesLate
	ends
	endsUnanswered
	endsUnheard
	takesForAborted
	shows
	holdsUp
	getsThrough
	kinds = iota
)

// event is one thing that happens.
type event struct {
	kind kind
	part uint8
	who  uint8 // live or zombie
	arg  uint8 // a record, the place of a claim in its batch, or a key
}

// breach is the promise that an event breaks.
type breach uint8

const (
	kept     breach = iota
	lost            // a flag or dead letter stands nowhere, nor anything that shows the same
	doubled         // a reader sees one flag under two ids
	copied          // a worker has written a record twice
	repeated        // a repeat comes out though Redis is well
	passed          // a commit covers what is not acknowledged
	rewound         // a commit moves the position back
	twice           // a reader of committed transactions sees what came of a record twice
)

// emit takes what may happen, the state after it, and what it breaks.
type emit func(event, state, breach)

// next is everything that may happen in a state. Whatever goes wrong may go wrong any number of times.
func (m *model) next(s *state, out emit) {
	for p := range m.first {
		for who := range s.lanes[p] {
			m.work(s, p, who, out)
		}
		m.handOver(s, p, out)
		m.show(s, p, out)
	}
	m.forget(s, out)
	if n := s.deployed + 1; int(n) < len(m.policies) {
		t := *s
		t.deployed = n
		out(event{kind: deploys}, t, kept)
	}
}

func (m *model) may(k kind) bool { return !slices.Contains(m.spared, k) }

// work is what a lane may do. A zombie does the same, but its commits are refused and it may end at any time.
func (m *model) work(s *state, p, who int, out emit) {
	l := &s.lanes[p][who]
	switch l.phase {
	case gone:
		return
	case idle:
		m.fetch(s, p, who, out)
	case claiming:
		m.ask(s, p, who, out)
	case publishing:
		if !m.transacted {
			m.publish(s, p, who, out)
		}
	}
	if m.transacted {
		m.transact(s, p, who, out)
	}
	if !m.transacted || m.rules.apart && l.phase != entering && l.phase != locating {
		m.commit(s, p, who, out)
	}
	if who == zombie {
		t := *s
		t.lanes[p][who] = lane{}
		out(event{kind: zombieEnds, part: uint8(p), who: zombie}, t, kept)
	}
}

func (m *model) fetch(s *state, p, who int, out emit) {
	l := &s.lanes[p][who]
	for end := l.done + 1; int(end) <= m.size[p] && end <= l.done+modelBatch; end++ {
		t := *s
		m.begin(&t, p, who, end, true)
		out(event{kind: fetches, part: uint8(p), who: uint8(who)}, t, kept)
		if t = *s; m.remembers && !l.loaded && m.may(fetchesBlindly) {
			t.forgetful = true
			m.begin(&t, p, who, end, false)
			out(event{kind: fetchesBlindly, part: uint8(p), who: uint8(who)}, t, kept)
		}
	}
	if l.unsent != 0 && m.rules.commitsUnsaved {
		t := *s
		t.history |= l.unsent
		t.lanes[p][who].unsent = 0
		out(event{kind: appends, part: uint8(p), who: uint8(who)}, t, kept)
	}
}

// begin takes a batch in hand. History is read once, and only what lies below the batch counts.
func (m *model) begin(t *state, p, who int, end uint8, load bool) {
	l := &t.lanes[p][who]
	in := m.batch(p, l.done, end)
	if m.remembers {
		if load && !l.loaded {
			l.loaded = true
			l.known |= t.history & m.batch(p, 0, l.done)
		}
		l.known |= in
	}
	l.phase, l.end = claiming, end
	for r := range m.log {
		if in.has(r) && m.wanted(r, l) {
			l.owed |= bit(r)
		}
	}
	if m.transacted && m.remembers && !m.rules.commitsUnsaved {
		l.phase = saving
		return
	}
	m.settle(l, 0)
}

// wanted is the policy's decision, which knows nothing of repeats.
func (m *model) wanted(r int, l *lane) bool {
	line := &m.log[r]
	if line.spoilt {
		return true
	}
	return len(m.asks[r][l.policy]) > 0 && (line.after == 0 || l.known.has(line.after-1))
}

// ask puts the next claim to Redis, once all are looked for under a second secret. The commands of a pipeline run in their order, and others'
// run between them.
func (m *model) ask(s *state, p, who int, out emit) {
	l := &s.lanes[p][who]
	b, asked := m.claimsOf(l), l.asked()
	if looked := count(l.there); b.second && looked < len(b.all) {
		m.look(s, p, who, looked, out)
		return
	}
	if l.there[asked] >= owned {
		m.carry(s, p, who, asked, out)
		return
	}
	me, n := b.all[asked].owner, b.numbers[asked]
	standing := s.claims[n.key]
	hear := func(k kind, a answer, h heard, made bool) {
		if !m.may(k) {
			return
		}
		t := *s
		if made && standing == 0 {
			t.claims[n.key] = n.value + 1
		}
		if b.second {
			a = known(answer{absent: l.there[asked] == free}, a)
		}
		if decide(me, a) == unverified {
			h = nothing // what decide does not tell apart is one state
		}
		u := &t.lanes[p][who]
		u.heard[asked] = h
		m.settle(u, asked+1)
		t.forgetful = t.forgetful || k != asks
		out(event{kind: k, part: uint8(p), who: uint8(who), arg: uint8(asked)}, t, kept)
	}
	if standing == 0 {
		hear(asks, answer{absent: true}, free, true)
		hear(asksUnanswered, answer{failed: true}, nothing, true)
	} else {
		h := owned + heard(standing-1)
		hear(asks, m.answer(me, h), h, false)
	}
	hear(asksUnheard, answer{failed: true}, nothing, false)
	crossed := answer{value: m.disowned(owner{tag: me.tag + 1, policy: me.policy, offset: 99}).encode()}
	hear(asksCrossed, crossed, stranger, true)
}

// look gets what stands for a claim under the second secret.
func (m *model) look(s *state, p, who, i int, out emit) {
	see := func(k kind, h heard) {
		if !m.may(k) {
			return
		}
		t := *s
		t.lanes[p][who].there[i] = h
		t.forgetful = t.forgetful || k != looks
		out(event{kind: k, part: uint8(p), who: uint8(who), arg: uint8(i)}, t, kept)
	}
	h := free
	if v := s.claims[m.claimsOf(&s.lanes[p][who]).numbers[i].second]; v > 0 {
		h = owned + heard(v-1)
	}
	see(looks, h)
	see(looksInVain, nothing)
}

// carry has what stands under the second secret stand under the lane's own.
func (m *model) carry(s *state, p, who, i int, out emit) {
	l := &s.lanes[p][who]
	b := m.claimsOf(l)
	o, ok := b.all[i].carried(answer{value: m.values[l.there[i]-owned]})
	if !ok {
		panic("a claim under the second secret is none")
	}
	if m.rules.carriesAsItsOwn {
		o = b.all[i].owner
	}
	bring := func(k kind, made bool) {
		if !m.may(k) {
			return
		}
		t := *s
		if key := b.numbers[i].key; made && t.claims[key] == 0 {
			t.claims[key] = uint8(slices.Index(m.values, o.encode())) + 1
		}
		t.lanes[p][who].there[i] = stranger
		t.forgetful = t.forgetful || k != carries
		out(event{kind: k, part: uint8(p), who: uint8(who), arg: uint8(i)}, t, kept)
	}
	bring(carries, true)
	bring(carriesInVain, false)
}

// asked is how many claims of its batch the lane has put to Redis.
func (l *lane) asked() int { return count(l.heard) }

func count(list [modelAsks]heard) (n int) {
	for n < len(list) && list[n] != unasked {
		n++
	}
	return n
}

// settle goes on to publishing once all claims of the batch are asked. What comes out is decided by the sink.
func (m *model) settle(l *lane, asked int) {
	b := m.claimsOf(l)
	if asked < len(b.all) {
		return
	}
	owed, ok := b.settled[l.heard]
	if !ok {
		answers := make([]answer, len(b.all))
		for i, cl := range b.all {
			answers[i] = m.answer(cl.owner, l.heard[i])
		}
		owed = l.owed
		for i, v := range settle(b.lists, answers, &Claims{}) {
			if v == duplicate {
				owed &^= bit(b.items[i])
			}
		}
		b.settled[l.heard] = owed
	}
	l.phase, l.owed, l.there, l.heard = publishing, owed, [modelAsks]heard{}, [modelAsks]heard{}
}

// answer is what the sink reads.
func (m *model) answer(me owner, h heard) answer {
	switch h {
	case nothing:
		return answer{failed: true}
	case free:
		return answer{absent: true}
	case stranger:
		return m.strangers(me)
	}
	value := m.values[h-owned]
	standing, _ := decodeOwner(value)
	later := standing.source == me.source && standing.offset > me.offset
	if m.rules.plainSetNX || m.rules.believesLater && later {
		return m.strangers(me)
	}
	return answer{value: value}
}

// strangers is the claim of some record elsewhere.
func (m *model) strangers(me owner) answer {
	return answer{value: owner{tag: me.tag, policy: me.policy, offset: 99}.encode()}
}

// publish sends what the batch owes, in any order, or ends the batch where it owes nothing.
func (m *model) publish(s *state, p, who int, out emit) {
	l := &s.lanes[p][who]
	if l.owed == 0 {
		m.save(s, p, who, out)
		return
	}
	for r := range m.log {
		switch {
		case l.unacked.has(r):
			m.send(s, p, who, r, publishesAgain, out)
		case l.owed.has(r):
			m.send(s, p, who, r, publishes, out)
			m.send(s, p, who, r, publishesUnacked, out)
		}
	}
}

func (m *model) send(s *state, p, who, r int, k kind, out emit) {
	t := *s
	l := &t.lanes[p][who]
	t.out |= 1 << m.id[r][l.policy]
	if k == publishesUnacked {
		l.unacked |= bit(r)
	} else {
		l.owed &^= bit(r)
		l.unacked &^= bit(r)
	}
	out(event{kind: k, part: uint8(p), who: uint8(who), arg: uint8(r)}, t, m.judge(s, l.policy, r, k))
}

// judge is what sending a record breaks.
func (m *model) judge(s *state, policy uint8, r int, k kind) breach {
	there := s.out>>m.id[r][policy]&1 != 0
	switch {
	case k == publishesAgain && m.rules.plainProducer:
		return copied
	case k == publishesAgain:
		return kept
	case there && m.rules.randomIDs:
		return doubled
	case !there && !s.forgetful && !m.log[r].spoilt && !m.owns(s, policy, r):
		return repeated
	}
	return kept
}

// owns reports whether one of the record's claims names it, and under no secret another record.
func (m *model) owns(s *state, policy uint8, r int) bool {
	for i := range m.asks[r][policy] {
		its, others := false, false
		for p, list := range m.asks[r] {
			if m.policies[p] != m.policies[policy] {
				continue
			}
			if v := s.claims[m.numbers(list[i]).key]; v > 0 {
				its, others = its || m.owners[v-1] == r, others || m.owners[v-1] != r
			}
		}
		if its && !others {
			return true
		}
	}
	return false
}

// save appends the batch's signals to history, and is done with the batch.
func (m *model) save(s *state, p, who int, out emit) {
	m.finish(s, p, who, appends, out)
	if m.remembers && m.may(appendsInVain) {
		m.finish(s, p, who, appendsInVain, out)
	}
}

func (m *model) finish(s *state, p, who int, k kind, out emit) {
	t := *s
	l := &t.lanes[p][who]
	if m.remembers {
		l.unsent |= m.batch(p, l.done, l.end)
	}
	if k == appends && !m.rules.commitsUnsaved {
		t.history |= l.unsent
		l.unsent = 0
	}
	t.forgetful = t.forgetful || k != appends
	l.phase, l.done, l.end = idle, l.end, 0
	out(event{kind: k, part: uint8(p), who: uint8(who)}, t, kept)
}

// commit may happen at any time after a batch is done, or never: a lane does not wait for it.
func (m *model) commit(s *state, p, who int, out emit) {
	l := &s.lanes[p][who]
	to := l.done
	if m.rules.commitsFetched {
		to = max(l.done, l.end)
	}
	if to == s.committed[p] || who == zombie && !m.rules.unfenced {
		return
	}
	t := *s
	b := m.cover(&t, p, to, l.policy)
	if b == kept && l.owed&m.batch(p, 0, to) != 0 {
		b = passed
	}
	out(event{kind: commits, part: uint8(p), who: uint8(who)}, t, b)
}

// cover moves the position.
func (m *model) cover(t *state, p int, to, policy uint8) breach {
	from := t.committed[p]
	t.committed[p] = to
	for o := from; o < to; o++ {
		t.under[m.first[p]+int(o)] = policy + 1
	}
	if to < from {
		return rewound
	}
	return kept
}

// handOver is what may happen to the partition's lane from outside: another begins at the position.
func (m *model) handOver(s *state, p int, out emit) {
	old := s.lanes[p][live]
	fresh := lane{phase: m.entrance(), policy: s.deployed, done: s.committed[p]}
	if m.transacted {
		fresh.done = 0 // until it has read the position
	}
	e := event{kind: dies, part: uint8(p)}
	if old != fresh {
		t := *s
		t.lanes[p][live] = fresh
		out(e, t, kept)
		if m.trims && int(s.committed[p]) < m.size[p] {
			t.under[m.first[p]+int(s.committed[p])] = unread
			t.committed[p]++
			t.lanes[p][live].done++
			e.kind = diesOvertaken
			out(e, t, kept)
		}
	}
	if s.lanes[p][zombie].phase == gone && m.may(losesPartition) {
		t := *s
		t.lanes[p] = [2]lane{live: fresh, zombie: old}
		e.kind = losesPartition
		out(e, t, kept)
	}
}

// forget is what Redis may lose: everything, or one claim, whose time may just be over.
func (m *model) forget(s *state, out emit) {
	if (s.claims != [modelKeys]uint8{} || s.history != 0) && m.may(redisForgets) {
		t := *s
		t.claims, t.history, t.forgetful = [modelKeys]uint8{}, 0, true
		out(event{kind: redisForgets}, t, kept)
	}
	for key, standing := range s.claims {
		if standing == 0 || !m.may(claimEnds) {
			continue
		}
		t := *s
		t.claims[key], t.forgetful = 0, true
		out(event{kind: claimEnds, arg: uint8(key)}, t, kept)
	}
}
