package main

import (
	"strings"
	"testing"

	"onside"
	"onside/internal/classify"
	"onside/internal/sink"
)

// TestCards draws the flags of the demo in every dress that they have.
func TestCards(t *testing.T) {
	messages := map[string]*onside.Event{}
	say := func(id, role, text string) {
		messages[id] = &onside.Event{Message: classify.Message{MessageID: id, SenderRole: role, Text: text}}
	}
	say("m1", "client", "my number comes in two parts, 0794 first")
	say("m2", "client", "and then "+strings.Repeat("well, ", 30)+"6 118 302, ring me "+strings.Repeat("or not ", 40))
	say("m3", "freelancer", "加我微信 abc123 😀 \x1b[31m")
	split := &sink.Flag{
		Severity: "high", Reason: "A phone number was shared before the contract started.",
		Event: sink.Event{EventID: "e2", MessageID: "m2", Stage: "pre_contract", Lang: "en"},
		Findings: []sink.Finding{{
			Category: "contact.phone", Act: "share", DecodedBy: []string{"split", "number_words:en"},
			Spans: []sink.Span{{MessageID: "m2", Start: 189, End: 198}, {MessageID: "m1", Start: 30, End: 34}, {MessageID: "gone", Start: 0, End: 9}},
		}},
	}
	wide := &sink.Flag{
		Severity: "medium", Reason: "An outside messenger was proposed.",
		Event: sink.Event{EventID: "e3", MessageID: "m3", Stage: "active"},
		Findings: []sink.Finding{
			{Category: "channel.messaging", Act: "propose", Spans: []sink.Span{{MessageID: "m3", Start: 6, End: 12}}},
			{Category: "contact.handle", Act: "share", Spans: []sink.Span{{MessageID: "m3", Start: 13, End: 19}, {MessageID: "m3", Start: 500, End: 600}}},
		},
	}
	var b strings.Builder
	for _, dress := range []struct {
		name  string
		style style
		width int
		edge  string
	}{{"plain", style{}, 100, ""}, {"terminal", style{sgr: true}, 80, "▌ "}, {"narrow", style{}, 30, "▌ "}} {
		b.WriteString("== " + dress.name + "\n")
		for _, f := range []*sink.Flag{split, wide} {
			c := card{flag: f, message: func(id string) *onside.Event { return messages[id] }, style: dress.style, width: dress.width, edge: dress.edge}
			b.WriteString(c.String() + "\n")
		}
	}
	if strings.Contains(b.String(), "\x1b[31m\n") {
		t.Error("a message could colour the terminal")
	}
	golden(t, "cards.txt", strings.ReplaceAll(b.String(), "\x1b", "␛"))
}
