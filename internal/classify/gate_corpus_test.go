package classify_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"onside"
	"onside/internal/classify"
	"onside/internal/mutate"
)

// lost counts what the gate costs: messages that a full reading flags and the gate lets go.
type lost struct {
	c         *classify.Classifier
	full      classify.Result
	messages  int
	letGo     int
	flagged   int
	lost      int
	lostTexts []string
}

// read classifies the message, and reads it in full as well.
func (l *lost) read(m *classify.Message, s *classify.State, res *classify.Result) {
	l.c.Read(m, s, &l.full)
	flags := slices.ContainsFunc(l.full.Findings, func(f classify.Finding) bool { return f.Score >= 0.3 })
	letGo := l.c.Lets(m, s, res)
	l.messages++
	if letGo {
		l.letGo++
	}
	if flags {
		l.flagged++
	}
	if flags && letGo {
		l.lost++
		l.lostTexts = append(l.lostTexts, m.Text)
	}
	l.c.Classify(m, s, res)
}

func (l *lost) report(t *testing.T, most int) {
	t.Logf("%d messages, %d let go, %d flagged, %d of them lost", l.messages, l.letGo, l.flagged, l.lost)
	if l.lost > most {
		t.Errorf("%d of %d flagged messages are let go, at most %d may be: %.60q", l.lost, l.flagged, most, l.lostTexts[:min(8, l.lost)])
	}
}

// TestGateLosesNothingOfTheCorpus reads every message of the corpus in its conversation.
func TestGateLosesNothingOfTheCorpus(t *testing.T) {
	events, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	l := lost{c: classify.Default()}
	var s classify.State
	var res classify.Result
	for i := range events {
		m := &events[i].Message
		if i == 0 || events[i-1].ConversationID != m.ConversationID {
			s = classify.State{}
		}
		if !isPlatform(m) {
			l.read(m, &s, &res)
		} else {
			l.c.Classify(m, &s, &res)
		}
		s.Fold(res.Signal)
	}
	l.report(t, 0)
}

func isPlatform(m *classify.Message) bool {
	return m.SenderRole == "system" || m.SenderRole == "support"
}

// TestGateLosesNoDisguise writes contacts of the corpus in every disguise and reads them as the first thing that is said.
func TestGateLosesNoDisguise(t *testing.T) {
	events, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	l := lost{c: classify.Default()}
	var res classify.Result
	for i := 0; i < len(events); i += 97 {
		e := &events[i]
		if e.Label.Action != "review" {
			continue
		}
		for _, target := range mutate.Find(e.Text) {
			for _, mutant := range mutate.Mutants(mutate.Source{Text: e.Text, Target: target, Lang: e.Lang, Seed: uint64(i)}) {
				var s classify.State
				for k, line := range mutant.Lines {
					m := e.Message
					m.Text, m.Offset = line.Text, int64(k)
					if line.Decoy {
						m.SenderID += "other"
					}
					l.read(&m, &s, &res)
					s.Fold(res.Signal)
				}
			}
		}
	}
	l.report(t, l.flagged*3/1000)
}

// TestGateAgainstChance reads what is put together from halves of messages.
func TestGateAgainstChance(t *testing.T) {
	events, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	l := lost{c: classify.Default()}
	r := rand.New(rand.NewPCG(1, 1))
	half := func(second bool) string {
		words := strings.Fields(events[r.IntN(len(events))].Text)
		if second {
			return strings.Join(words[len(words)/2:], " ")
		}
		return strings.Join(words[:len(words)/2], " ")
	}
	var res classify.Result
	for range 20_000 {
		m := &classify.Message{SenderID: "a", SenderRole: "client", Text: half(false) + " " + half(true)}
		l.read(m, &classify.State{}, &res)
	}
	l.report(t, l.flagged*5/1000)
}
