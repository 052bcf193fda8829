package sink

// The model with delivery exactly_once. Claims, history and decisions are as without; what a batch comes to and the position behind it are
// one transaction, and a lane begins with fencing whoever had the partition before, and reads the position then.

// txn is a lane's transaction as the broker has it.
type txn struct {
	written  bits // records that are in it
	late     bits // records that are in it by an append of an aborted one
	onTheWay bits // such appends, which a connection has swallowed and may yet give back
	position bool // the position behind the batch is in it
	decided  bool // it is committed, and the lane does not know it yet
	outdated bool // its epoch is over: nothing more is taken from the lane
}

func (x *txn) open() bool { return !x.decided && (x.written|x.late != 0 || x.position) }

// abort leaves only what is on its way.
func (x *txn) abort() { *x = txn{onTheWay: x.onTheWay, outdated: x.outdated} }

// move is a position that is committed and does not show yet.
type move struct {
	to     uint8 // counted from 1; 0 is none
	policy uint8
}

// entrance is where a lane begins.
func (m *model) entrance() phase {
	switch {
	case !m.transacted:
		return idle
	case m.rules.readsFirst:
		return locating
	}
	return entering
}

// does has a lane do something.
type does func(k kind, arg int, change func(t *state, l *lane) breach)

// transact is what a lane may do because of its transactions.
func (m *model) transact(s *state, p, who int, out emit) {
	l := &s.lanes[p][who]
	do := func(k kind, arg int, change func(t *state, l *lane) breach) {
		t := *s
		b := change(&t, &t.lanes[p][who])
		out(event{kind: k, part: uint8(p), who: uint8(who), arg: uint8(arg)}, t, b)
	}
	switch l.phase {
	case entering, locating:
		m.enter(s, p, who, do)
	case saving:
		do(saves, 0, func(t *state, l *lane) breach { return m.saveFirst(t, p, l, true) })
		if m.may(appendsInVain) {
			do(savesInVain, 0, func(t *state, l *lane) breach { return m.saveFirst(t, p, l, false) })
		}
	case idle:
		if l.done > s.committed[p] && s.moves[p].to == 0 && !l.tx.outdated && !m.rules.apart && !m.rules.plainAlone {
			do(beginsAlone, 0, func(_ *state, l *lane) breach {
				l.phase, l.end = publishing, l.done
				return kept
			})
		}
	case publishing:
		if l.owed == 0 && l.end > l.done {
			m.passOver(s, p, who, do)
		} else if !l.tx.outdated {
			m.write(l, do)
			m.end(s, p, who, do)
		}
	case doubting:
		m.insist(s, p, l, do)
	}
	if l.tx.open() && !l.tx.outdated {
		do(timesOut, 0, func(_ *state, l *lane) breach {
			l.tx.abort()
			l.tx.outdated = true
			return kept
		})
	}
}

// enter raises the epoch, which aborts what the last owner has open, and reads the position when nothing is about to move it.
func (m *model) enter(s *state, p, who int, do does) {
	if s.lanes[p][who].phase == entering {
		do(fences, 0, func(t *state, l *lane) breach {
			l.phase, l.tx = locating, txn{}
			if m.rules.readsFirst {
				l.phase = idle
			}
			if other := &t.lanes[p][1-who]; other.phase != gone && !m.rules.noEpochs {
				other.tx.outdated = true
				if !other.tx.decided {
					other.tx.abort()
				}
			}
			return kept
		})
		return
	}
	other := &s.lanes[p][1-who].tx
	if other.position && !other.decided && !m.rules.readsBesideOpen || s.moves[p].to != 0 && !m.rules.readsStale {
		return
	}
	do(locates, 0, func(t *state, l *lane) breach {
		l.phase, l.done = idle, t.committed[p]
		if m.rules.readsFirst {
			l.phase = entering
		}
		return kept
	})
}

// saveFirst appends to history what the batch says, before its claims: what is committed will not be read again.
func (m *model) saveFirst(t *state, p int, l *lane, taken bool) breach {
	l.unsent |= m.batch(p, l.done, l.end)
	if taken {
		t.history |= l.unsent
		l.unsent = 0
	}
	t.forgetful = t.forgetful || !taken
	l.phase = claiming
	m.settle(l, 0)
	return kept
}

// passOver is done with a batch that nothing came of. Its position goes with the next transaction.
func (m *model) passOver(s *state, p, who int, do does) {
	do(passesOver, 0, func(_ *state, l *lane) breach { return m.done(p, l) })
	if m.rules.plainAlone && s.held[p].to == 0 && who == live {
		do(holdsUp, 0, func(t *state, l *lane) breach {
			t.held[p] = move{l.end + 1, l.policy}
			return m.done(p, l)
		})
	}
}

func (m *model) done(p int, l *lane) breach {
	if m.rules.commitsUnsaved {
		l.unsent |= m.batch(p, l.done, l.end)
	}
	l.phase, l.done, l.end, l.owed = idle, l.end, 0, 0
	l.tx = txn{onTheWay: l.tx.onTheWay, outdated: l.tx.outdated}
	return kept
}

// write appends to the transaction, in any order, or gives it up to begin again.
func (m *model) write(l *lane, do does) {
	for r := range m.log {
		switch {
		case l.tx.onTheWay.has(r):
			do(arrivesLate, r, func(_ *state, l *lane) breach {
				l.tx.onTheWay &^= bit(r)
				l.tx.late |= bit(r)
				return kept
			})
		case l.owed.has(r) && !l.tx.written.has(r) && m.oldBroker:
			do(swallows, r, func(_ *state, l *lane) breach {
				l.tx.onTheWay |= bit(r)
				l.tx.abort()
				return kept
			})
		}
		if l.owed.has(r) && !l.tx.written.has(r) {
			do(writes, r, func(_ *state, l *lane) breach {
				l.tx.written |= bit(r)
				return kept
			})
		}
	}
	if l.tx.open() {
		do(aborts, 0, func(_ *state, l *lane) breach {
			l.tx.abort()
			return kept
		})
	}
}

// end adds the position, which is refused from a member of an earlier generation, and asks for the commit.
func (m *model) end(s *state, p, who int, do does) {
	l := &s.lanes[p][who]
	switch {
	case l.owed&^l.tx.written != 0 && !m.rules.endsEarly:
	case !l.tx.position && !m.rules.apart:
		if who == live || m.rules.anyMember {
			do(adds, 0, func(_ *state, l *lane) breach {
				l.tx.position = true
				return kept
			})
		}
	case s.moves[p].to == 0:
		m.askCommit(p, do)
		do(endsUnheard, 0, func(_ *state, l *lane) breach {
			l.phase = doubting
			return kept
		})
	}
}

func (m *model) askCommit(p int, do does) {
	do(ends, 0, func(t *state, l *lane) breach {
		b := m.seal(t, p, l)
		m.done(p, l)
		return b
	})
	do(endsUnanswered, 0, func(t *state, l *lane) breach {
		l.phase = doubting
		return m.seal(t, p, l)
	})
}

// insist asks for the commit until it is answered. Refused, the lane can only end.
func (m *model) insist(s *state, p int, l *lane, do does) {
	switch {
	case l.tx.outdated:
	case l.tx.decided:
		do(ends, 0, func(_ *state, l *lane) breach { return m.done(p, l) })
	case s.moves[p].to == 0:
		m.askCommit(p, do)
	}
	if m.rules.doubtIsAbort {
		do(takesForAborted, 0, func(_ *state, l *lane) breach {
			l.phase, l.tx = publishing, txn{}
			return kept
		})
	}
}

// seal commits the lane's transaction at the broker.
func (m *model) seal(t *state, p int, l *lane) (b breach) {
	for r := range m.log {
		if !(l.tx.written | l.tx.late).has(r) {
			continue
		}
		id := uint8(1) << m.id[r][l.policy]
		switch {
		case t.sealed.has(r) || l.tx.written.has(r) && l.tx.late.has(r):
			b = twice
		case b == kept && t.out&id == 0 && !t.forgetful && !m.log[r].spoilt && !m.owns(t, l.policy, r):
			b = repeated
		}
		t.out |= id
		t.sealed |= bit(r)
	}
	l.tx.decided = true
	if !m.rules.apart {
		t.moves[p] = move{l.end + 1, l.policy}
	}
	return b
}

// show is when the group takes over a position, some time after it is committed, or a plain commit arrives.
func (m *model) show(s *state, p int, out emit) {
	if to := s.moves[p]; to.to != 0 {
		t := *s
		t.moves[p] = move{}
		b := m.cover(&t, p, to.to-1, to.policy)
		out(event{kind: shows, part: uint8(p)}, t, b)
	}
	if to := s.held[p]; to.to != 0 {
		t := *s
		t.held[p] = move{}
		b := m.cover(&t, p, to.to-1, to.policy)
		out(event{kind: getsThrough, part: uint8(p)}, t, b)
	}
}
