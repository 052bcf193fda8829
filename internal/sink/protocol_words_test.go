package sink

import (
	"fmt"
	"slices"
	"strings"
)

// The model in words: the golden file is for people.

// outline says what a scenario is about.
func (m *model) outline() string {
	var lines []string
	for r, line := range m.log {
		text := fmt.Sprintf("m%d", r)
		if len(m.first) > 1 {
			text += fmt.Sprintf(" in %d", line.in)
		}
		switch {
		case line.spoilt:
			text += " is spoilt"
		case line.shows == "":
			text += " shows nothing"
		default:
			text += " shows " + strings.Join(strings.Split(line.shows, ""), " and ")
		}
		if line.event != "" {
			text += " as event " + line.event
		}
		if line.only != "" {
			text += " under " + line.only
		}
		if line.after > 0 {
			text += fmt.Sprintf(" to who knows m%d", line.after-1)
		}
		lines = append(lines, text)
	}
	text := strings.Join(lines, ", ")
	if m.rotates() {
		var rings []string
		for _, r := range m.secrets {
			rings = append(rings, r.String())
		}
		return text + "; secrets " + strings.Join(rings, ", ")
	}
	if len(m.policies) > 1 {
		text += "; policies " + strings.Join(m.policies, ", ")
	}
	return text
}

// rotates reports whether secrets change.
func (m *model) rotates() bool {
	return slices.ContainsFunc(m.secrets, func(r ring) bool { return r != m.secrets[0] })
}

func (r ring) String() string {
	if r.second == "" {
		return r.secret
	}
	return r.secret + " with " + r.second
}

// sentence says what an event does.
func (m *model) sentence(e event, before, after *state) string {
	switch e.kind {
	case redisForgets:
		return "Redis forgets everything"
	case claimEnds:
		return "the claim of " + m.subject(int(e.arg)) + " ends"
	case deploys:
		if m.rotates() {
			return "secret " + m.secrets[after.deployed].String() + " is deployed"
		}
		return "policy " + m.policies[after.deployed] + " is deployed"
	}
	who := [...]string{live: "lane", zombie: "zombie"}[e.who]
	if e.kind == shows || e.kind == getsThrough {
		who = "group"
	}
	if len(m.first) > 1 {
		who += fmt.Sprint(" of ", e.part)
	}
	return who + ": " + m.act(e, before, after)
}

// act says what a lane does, or what befalls it.
func (m *model) act(e event, before, after *state) string {
	l, next := &before.lanes[e.part][e.who], &after.lanes[e.part][e.who]
	begins := fmt.Sprint("; the next begins at ", after.lanes[e.part][live].done)
	switch e.kind {
	case fetches:
		return "fetches " + m.names(m.batch(int(e.part), l.done, next.end)) + m.outlook(next)
	case fetchesBlindly:
		return "fetches " + m.names(m.batch(int(e.part), l.done, next.end)) + ", and history does not answer" + m.outlook(next)
	case looks, looksInVain, carries, carriesInVain:
		return m.rotation(e, l, next)
	case asks, asksUnheard, asksUnanswered, asksCrossed:
		return m.asking(e, l, before) + m.outlook(next)
	case publishes:
		return fmt.Sprintf("publishes m%d, acknowledged", e.arg)
	case publishesUnacked:
		return fmt.Sprintf("publishes m%d, and the acknowledgement is lost", e.arg)
	case publishesAgain:
		return fmt.Sprintf("publishes m%d again, acknowledged", e.arg)
	case appends:
		return m.saving(l, next)
	case appendsInVain:
		return fmt.Sprintf("is done with all below %d, which history does not take", next.done)
	case commits:
		return fmt.Sprint("commits ", after.committed[e.part])
	case dies:
		return "dies" + begins
	case diesOvertaken:
		return "dies, and retention removes what comes next" + begins
	case losesPartition:
		return "loses its partition and does not know it" + begins
	case zombieEnds:
		return "ends"
	}
	return m.transaction(e, l, next, after.committed[e.part])
}

// transaction says what a lane does about its transactions.
func (m *model) transaction(e event, l, next *lane, committed uint8) string {
	switch e.kind {
	case fences:
		return "fences whoever had the partition"
	case locates:
		return fmt.Sprint("reads the position: ", next.done)
	case saves:
		return "appends to history" + m.outlook(next)
	case savesInVain:
		return "appends to history, which does not take it" + m.outlook(next)
	case passesOver:
		return fmt.Sprintf("is done with all below %d", next.done)
	case beginsAlone:
		return "begins a transaction of the position alone"
	case writes:
		return fmt.Sprintf("appends m%d to its transaction", e.arg)
	case adds:
		return fmt.Sprintf("adds position %d to its transaction", l.end)
	case aborts:
		return "aborts its transaction"
	case timesOut:
		return "its transaction is aborted by the broker, whose patience is at its end"
	case swallows:
		return fmt.Sprintf("appends m%d, which is held up on its way, and aborts its transaction", e.arg)
	case arrivesLate:
		return fmt.Sprintf("the append of m%d that was held up gets through, and is in its transaction", e.arg)
	case ends:
		return fmt.Sprintf("asks for the commit, is answered, and is done with all below %d", next.done)
	case endsUnanswered:
		return "asks for the commit: done, and the answer is lost"
	case endsUnheard:
		return "asks for the commit, and is not heard"
	case takesForAborted:
		return "takes that for an abort, and begins another transaction"
	case holdsUp:
		return fmt.Sprintf("is done with all below %d, and commits that outside a transaction, which is held up on its way", next.done)
	case shows:
		return fmt.Sprint("its position is ", committed)
	case getsThrough:
		return fmt.Sprintf("the commit that was held up gets through: its position is %d", committed)
	}
	panic("unknown event")
}

func (m *model) names(b bits) string {
	var list []string
	for r := range m.log {
		if b.has(r) {
			list = append(list, fmt.Sprint("m", r))
		}
	}
	return strings.Join(list, ", ")
}

// letter is what a key's claims are about.
func (m *model) letter(key int) string {
	for r, line := range m.log {
		for _, list := range m.asks[r] {
			for i, cl := range list {
				if cl.key == m.keys[key] {
					return line.shows[i : i+1]
				}
			}
		}
	}
	panic("a key that nobody claims")
}

// subject is a key's letter, with its secret where there are several.
func (m *model) subject(key int) string {
	if !m.rotates() {
		return m.letter(key)
	}
	for _, lists := range m.asks {
		for p, list := range lists {
			if slices.ContainsFunc(list, func(cl claim) bool { return cl.key == m.keys[key] }) {
				return m.letter(key) + " under " + m.secrets[p].secret
			}
		}
	}
	panic("a key that nobody claims")
}

// rotation says what a lane does about a claim under the second secret.
func (m *model) rotation(e event, l, next *lane) string {
	n := m.claimsOf(l).numbers[e.arg]
	switch e.kind {
	case looksInVain:
		return fmt.Sprintf("looks for %s: Redis is away", m.subject(int(n.second)))
	case looks:
		text := fmt.Sprintf("looks for %s: ", m.subject(int(n.second)))
		if h := next.there[e.arg]; h >= owned {
			return text + fmt.Sprintf("m%d has it", m.owners[h-owned])
		}
		return text + "there is none"
	case carriesInVain:
		return fmt.Sprintf("carries that over to %s: Redis is away", m.subject(int(n.key)))
	}
	return "carries that over to " + m.subject(int(n.key))
}

// asking says how a claim goes.
func (m *model) asking(e event, l *lane, before *state) string {
	b := m.claimsOf(l)
	r, i := 0, int(e.arg)
	for ; i >= len(b.lists[r]); r++ {
		i -= len(b.lists[r])
	}
	key := b.numbers[e.arg].key
	text := fmt.Sprintf("claims %s for m%d: ", m.subject(int(key)), b.items[r])
	standing := before.claims[key]
	switch {
	case e.kind == asksUnheard:
		return text + "Redis is away"
	case e.kind == asksUnanswered:
		return text + "done, and the answer is lost"
	case e.kind == asksCrossed:
		return text + "the answer is that to another"
	case standing == 0:
		return text + "it is free"
	case m.rules.plainSetNX:
		return text + "it is taken"
	case m.rules.workersClaim:
		return text + "the worker has it"
	}
	return text + fmt.Sprintf("m%d has it", m.owners[standing-1])
}

// outlook says what a batch comes to, once that is known.
func (m *model) outlook(l *lane) string {
	switch {
	case l.phase != publishing:
		return ""
	case l.owed == 0:
		return "; nothing is to come out"
	}
	return "; to come out: " + m.names(l.owed)
}

func (m *model) saving(before, after *lane) string {
	switch {
	case after.done == before.done:
		return "appends to history"
	case after.unsent != 0:
		return fmt.Sprintf("is done with all below %d, which is not in history yet", after.done)
	case m.remembers:
		return fmt.Sprintf("appends to history, is done with all below %d", after.done)
	}
	return fmt.Sprintf("is done with all below %d", after.done)
}

// lament says what is broken.
func (m *model) lament(b breach, s *state, e event) string {
	switch b {
	case lost:
		return "LOST: " + m.names(m.missing(s)) + "; nothing that came out shows the same"
	case doubled:
		return fmt.Sprintf("DOUBLED: a reader sees m%d under two ids", e.arg)
	case copied:
		return fmt.Sprintf("COPIED: one worker has written m%d twice", e.arg)
	case repeated:
		return fmt.Sprintf("REPEATED: m%d comes out, and others had claimed all that it shows", e.arg)
	case passed:
		return "PASSED: the commit covers what is not acknowledged"
	case rewound:
		return "REWOUND: the position moves back"
	case twice:
		return "TWICE: a reader of committed transactions sees what came of a record twice"
	}
	panic("nothing is broken")
}
