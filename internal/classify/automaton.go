package classify

import (
	"regexp/syntax"
	"slices"
)

// automaton matches digits against several patterns at once, with one table access for each digit.
type automaton struct {
	next    [][10]uint16 // by state: the state after each digit; state 0 matches nothing any more, state 1 is the first
	matched []uint16     // by state: the patterns that match what has been read, a bit each
}

// newAutomaton builds the automaton of at most sixteen patterns of package regexp, in which nothing but digits and their classes stands;
// an assertion such as $ is taken to hold wherever it stands.
func newAutomaton(patterns ...string) (*automaton, error) {
	b := automatonBuilder{places: map[string]uint16{}}
	var first []thread
	for i, p := range patterns {
		re, err := syntax.Parse(p, syntax.Perl)
		if err != nil {
			return nil, err
		}
		prog, err := syntax.Compile(re.Simplify())
		if err != nil {
			return nil, err
		}
		b.progs = append(b.progs, prog)
		first = b.follow(thread{uint16(i), uint16(prog.Start)}, first)
	}
	b.state(nil)
	b.state(first)
	for i := 1; i < len(b.threads); i++ {
		for d := range byte(10) {
			b.a.next[i][d] = b.state(b.step(b.threads[i], '0'+rune(d)))
		}
	}
	return &b.a, nil
}

// read is the state after the digits.
func (a *automaton) read(digits string) (state uint16) {
	state = 1
	for i := 0; i < len(digits) && state != 0; i++ {
		state = a.next[state][digits[i]-'0']
	}
	return state
}

// match is the set of patterns that match the digits from the first to the last.
func (a *automaton) match(digits string) uint16 { return a.matched[a.read(digits)] }

// begins reports whether some pattern matches digits that the digits begin with.
func (a *automaton) begins(digits string) bool {
	state := uint16(1)
	for i := 0; ; i++ {
		if a.matched[state] != 0 {
			return true
		}
		if i == len(digits) || state == 0 {
			return false
		}
		state = a.next[state][digits[i]-'0']
	}
}

// thread is a place in the program of a pattern.
type thread struct{ prog, pc uint16 }

type automatonBuilder struct {
	a       automaton
	progs   []*syntax.Prog
	threads [][]thread        // by state
	places  map[string]uint16 // states by their threads
	key     []byte
}

// state is the state in which the threads are, made when it is new.
func (b *automatonBuilder) state(ts []thread) uint16 {
	slices.SortFunc(ts, func(x, y thread) int { return int(x.prog)<<16 + int(x.pc) - int(y.prog)<<16 - int(y.pc) })
	ts = slices.Compact(ts)
	b.key = b.key[:0]
	for _, t := range ts {
		b.key = append(b.key, byte(t.prog), byte(t.pc>>8), byte(t.pc))
	}
	if i, ok := b.places[string(b.key)]; ok {
		return i
	}
	i := uint16(len(b.threads))
	b.places[string(b.key)] = i
	b.threads = append(b.threads, ts)
	b.a.next = append(b.a.next, [10]uint16{})
	matched := uint16(0)
	for _, t := range ts {
		if b.progs[t.prog].Inst[t.pc].Op == syntax.InstMatch {
			matched |= 1 << t.prog
		}
	}
	b.a.matched = append(b.a.matched, matched)
	return i
}

// step is where the threads stand after the digit.
func (b *automatonBuilder) step(ts []thread, digit rune) (to []thread) {
	for _, t := range ts {
		if inst := &b.progs[t.prog].Inst[t.pc]; inst.Op != syntax.InstMatch && inst.MatchRune(digit) {
			to = b.follow(thread{t.prog, uint16(inst.Out)}, to)
		}
	}
	return to
}

// follow appends the places that wait for a digit, or have matched, which the thread leads to without one.
func (b *automatonBuilder) follow(t thread, to []thread) []thread {
	switch inst := &b.progs[t.prog].Inst[t.pc]; inst.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		to = b.follow(thread{t.prog, uint16(inst.Out)}, to)
		return b.follow(thread{t.prog, uint16(inst.Arg)}, to)
	case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
		return b.follow(thread{t.prog, uint16(inst.Out)}, to)
	case syntax.InstFail:
		return to
	}
	return append(to, t)
}
