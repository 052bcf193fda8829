package main

import "strings"

// lru is a map that forgets the key that was not asked for longest when it is full. Not safe for concurrent use.
type lru[V any] struct {
	max   int
	index map[string]int
	slots []slot[V] // slots[0] closes the ring of all slots: its next is the newest, its prev the oldest
}

type slot[V any] struct {
	key        string
	next, prev int
	value      V
}

func newLRU[V any](limit int) *lru[V] {
	return &lru[V]{max: max(limit, 1), index: map[string]int{}, slots: make([]slot[V], 1)}
}

// get returns the value of the key and makes it the newest; nil where the map does not have it. The pointer is
// valid until the next call of add.
func (l *lru[V]) get(key string) *V {
	i, ok := l.index[key]
	if !ok {
		return nil
	}
	l.unlink(i)
	l.push(i)
	return &l.slots[i].value
}

// add returns a zero value for a key that the map does not have. The key is copied.
func (l *lru[V]) add(key string) *V {
	i := len(l.slots)
	if i > l.max {
		i = l.slots[0].prev
		l.unlink(i)
		delete(l.index, l.slots[i].key)
		l.slots[i] = slot[V]{}
	} else {
		l.slots = append(l.slots, slot[V]{})
	}
	key = strings.Clone(key)
	l.slots[i].key = key
	l.index[key] = i
	l.push(i)
	return &l.slots[i].value
}

func (l *lru[V]) unlink(i int) {
	s := &l.slots[i]
	l.slots[s.prev].next = s.next
	l.slots[s.next].prev = s.prev
}

func (l *lru[V]) push(i int) {
	newest := l.slots[0].next
	l.slots[i].prev, l.slots[i].next = 0, newest
	l.slots[newest].prev = i
	l.slots[0].next = i
}
