package main

import (
	"unsafe"

	"onside/internal/classify"
)

// texts remembers what was said last in all conversations of a lane, in so many bytes: what is added takes the place of the oldest. What was
// said where in them, each conversation knows itself. Not safe for concurrent use.
type texts struct {
	arena []byte
	end   int64 // bytes written so far, and left out where the arena ends: what is at or above end-len(arena) is still there
}

// laneTexts is how much a lane remembers: the last ten thousand messages of ordinary talk.
const laneTexts = 1 << 20

func newTexts(size int) *texts { return &texts{arena: make([]byte, size)} }

// recentTexts are the last messages of a conversation that were added, the newest first.
type recentTexts [classify.EarlierMessages]placedText

// placedText is a message whose strings are in the arena, unless they have been overwritten.
type placedText struct {
	known      bool
	stage      classify.Stage
	sender     uint16
	role, text uint16 // lengths; the text comes behind the role
	offset     int64
	at         int64 // of the first byte, counted as end is
}

// add remembers a message as one of the conversation's last, unless it has later ones enough. Its strings are copied.
func (t *texts) add(r *recentTexts, e classify.Earlier) {
	i := 0
	for i < len(r) && r[i].known && r[i].offset > e.Offset {
		i++
	}
	n := len(e.SenderRole) + len(e.Text)
	if i == len(r) || n > len(t.arena) {
		return
	}
	if !r[i].known || r[i].offset != e.Offset {
		copy(r[i+1:], r[i:])
	}
	if room := len(t.arena) - t.index(t.end); n > room {
		t.end += int64(room)
	}
	r[i] = placedText{
		known: true, stage: e.Stage, sender: e.Sender, role: uint16(len(e.SenderRole)), text: uint16(len(e.Text)), offset: e.Offset, at: t.end,
	}
	to := t.arena[t.index(t.end):]
	copy(to[copy(to, e.SenderRole):], e.Text)
	t.end += int64(n)
}

func (t *texts) index(at int64) int { return int(at % int64(len(t.arena))) }

// get is the conversation's message at the offset; false if it was not added, or is forgotten. Its strings are valid until the next add.
func (t *texts) get(r *recentTexts, offset int64) (classify.Earlier, bool) {
	for i := range r {
		p := &r[i]
		if !p.known || p.offset != offset {
			continue
		}
		if t.end-p.at > int64(len(t.arena)) {
			break
		}
		all := t.arena[t.index(p.at):][:int(p.role)+int(p.text)]
		return classify.Earlier{
			Offset: offset, Sender: p.sender, Stage: p.stage, SenderRole: aliasOf(all[:p.role]), Text: aliasOf(all[p.role:]),
		}, true
	}
	return classify.Earlier{}, false
}

// aliasOf is a string that changes with the bytes.
func aliasOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// cloned is the message with strings of its own.
func cloned(e classify.Earlier) classify.Earlier {
	all := e.SenderRole + e.Text
	e.SenderRole, e.Text = all[:len(e.SenderRole)], all[len(e.SenderRole):]
	return e
}
