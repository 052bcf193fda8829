package main

import (
	"testing"

	"onside/internal/classify"
	"onside/internal/policy"
)

// TestJudge reads a conversation in which a number is given, given again, and given by the other side.
func TestJudge(t *testing.T) {
	const text = "Call me on +44 7946 118302, that is quicker"
	say := func(sender, text string) classify.Message {
		return classify.Message{ConversationID: "c", SenderID: sender, SenderRole: "client", Text: text}
	}
	got := newJudge().read([]classify.Message{say("a", text), say("a", "Thank you, see you tomorrow."), say("a", text), say("b", text)})
	for i, want := range []struct {
		action policy.Action
		repeat bool
	}{{policy.Review, false}, {policy.None, false}, {policy.Review, true}, {policy.Review, false}} {
		if got[i].action != want.action || got[i].repeat != want.repeat {
			t.Errorf("message %d: %+v, want %+v", i, got[i], want)
		}
	}
	if len(got[2].holders) == 0 || got[2].holders[0] != 0 {
		t.Errorf("the repeat is suppressed by %v, want the first message", got[2].holders)
	}
}
