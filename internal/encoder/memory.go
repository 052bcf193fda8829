package encoder

import "slices"

// Memory holds the messages that were encoded last, as they come out of the layers before the last one. There a message attends to itself only, so what
// comes out depends on its tokens and its setting, on nothing else: finding it here saves the way there and changes no bit. What is added takes
// the place of the oldest. The zero Memory holds nothing, until it is given room. Use one per goroutine.
type Memory struct {
	rows    int       // one of each token
	states  []float32 // by row, width numbers each
	tokens  []int32   // by row
	next    int       // where the next message goes
	entries []entry   // the oldest first
}

// entry is a message in the memory.
type entry struct{ from, to, setting int }

const rowBytes = 4*width + 4

// Resize makes room for so many bytes. A memory of another size than before is empty.
func (m *Memory) Resize(bytes int) {
	if rows := max(bytes, 0) / rowBytes; rows != m.rows {
		*m = Memory{rows: rows}
	}
}

// find returns the states of a message, nil where they are not known. They are valid until the next call of add.
func (m *Memory) find(tokens []int32, setting int) []float32 {
	for _, e := range m.entries { // some hundred at most, and most differ in the second token: no index is needed
		if e.setting == setting && slices.Equal(m.tokens[e.from:e.to], tokens) {
			return m.states[e.from*width : e.to*width]
		}
	}
	return nil
}

// add remembers a message that is not there.
func (m *Memory) add(tokens []int32, setting int, states []float32) {
	if len(tokens) > m.rows {
		return
	}
	if m.states == nil {
		m.states, m.tokens = make([]float32, m.rows*width), make([]int32, m.rows)
	}
	if m.next+len(tokens) > m.rows {
		m.forget(m.rows)
		m.next = 0
	}
	e := entry{m.next, m.next + len(tokens), setting}
	m.forget(e.to)
	copy(m.tokens[e.from:], tokens)
	copy(m.states[e.from*width:], states)
	m.entries = append(m.entries, e)
	m.next = e.to
}

// forget drops the messages that begin between the next place and to. They are the oldest: nothing has been written there since they were.
func (m *Memory) forget(to int) {
	n := 0
	for n < len(m.entries) && m.entries[n].from >= m.next && m.entries[n].from < to {
		n++
	}
	m.entries = slices.Delete(m.entries, 0, n)
}
