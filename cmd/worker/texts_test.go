package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"onside/internal/classify"
)

// TestTexts adds messages of some conversations, in any order, to texts of little room: what they give is what was added, and of what they do
// not give, as much has been added since as they have room for, or three later messages of the conversation.
func TestTexts(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		size := 1 + rng.IntN(3000)
		texts := newTexts(size)
		conversations := make([]recentTexts, 5)
		added := map[spoken]classify.Earlier{}
		var order []spoken
		var buffer []byte // events are read into memory that is used again
		for i := range 100 {
			k := spoken{rng.IntN(len(conversations)), int64(i)}
			if rng.IntN(5) == 0 { // one that was fetched
				k.offset = int64(rng.IntN(i + 1))
			}
			want, known := added[k]
			if !known {
				want = classify.Earlier{
					Offset: k.offset, Sender: uint16(rng.Uint32()), Stage: classify.Stage(rng.IntN(3)),
					SenderRole: strings.Repeat("r", rng.IntN(5)), Text: strings.Repeat(fmt.Sprint(i, " "), rng.IntN(100)),
				}
				added[k] = want
			}
			buffer = append(append(buffer[:0], want.SenderRole...), want.Text...)
			e := want
			e.SenderRole, e.Text = aliasOf(buffer[:len(want.SenderRole)]), aliasOf(buffer[len(want.SenderRole):])
			texts.add(&conversations[k.conversation], e)
			clear(buffer)
			order = append(order, k)

			for k, want := range added {
				got, ok := texts.get(&conversations[k.conversation], k.offset)
				if ok && got != want {
					t.Fatalf("seed %d, message %d, conversation %d: %+v at %d, want %+v", seed, i, k.conversation, got, k.offset, want)
				}
				if !ok && mustKnow(order, added, k, size) {
					t.Fatalf("seed %d, message %d, conversation %d: %d is forgotten", seed, i, k.conversation, k.offset)
				}
			}
			if got, ok := texts.get(&conversations[k.conversation], int64(i)+1); ok {
				t.Fatalf("a message that was not added: %+v", got)
			}
		}
	}
}

// spoken names a message.
type spoken struct {
	conversation int
	offset       int64
}

// mustKnow says that a message that was added last at its place in order cannot have been overwritten, nor have left its conversation.
func mustKnow(order []spoken, added map[spoken]classify.Earlier, k spoken, size int) bool {
	later := map[int64]bool{}
	for _, o := range order {
		if o.conversation == k.conversation && o.offset > k.offset {
			later[o.offset] = true
		}
	}
	if len(later) >= classify.EarlierMessages {
		return false
	}
	since, longest := 0, 0
	for i := len(order) - 1; ; i-- {
		n := len(added[order[i]].SenderRole) + len(added[order[i]].Text)
		since, longest = since+n, max(longest, n)
		if since+longest > size { // the end of the arena may be left out
			return false
		}
		if order[i] == k {
			return true
		}
	}
}

func TestTextsAllocateNothing(t *testing.T) {
	texts := newTexts(4096)
	var r recentTexts
	m := classify.Message{SenderID: "u-1", SenderRole: "client", Text: "are you on whatsapp?"}
	if n := testing.AllocsPerRun(1000, func() {
		m.Offset++
		texts.add(&r, m.Earlier())
		if e, ok := texts.get(&r, m.Offset); !ok || e.Text != m.Text {
			t.Fatal("forgotten at once")
		}
	}); n > 0 {
		t.Errorf("%v allocations a message", n)
	}
}
