//go:build !race

// The whole corpus is plain arithmetic: under the race detector it takes ten times as long and proves nothing more.

package main

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
)

// TestExplainAgreesWithTheRun judges the whole corpus and explains every message of it: findings, signals and decisions must
// be those of the run, whose memory has been through other conversations. A sample is investigated to the end, and what is
// said to flip a decision must.
func TestExplainAgreesWithTheRun(t *testing.T) {
	talks := corpusTalks(t)
	const parts, everyNth = 4, 25
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			j := newJudge(testModel(), policy.Default(), 1)
			for i := part; i < len(talks) && !t.Failed(); i += parts {
				last := agreesWith(t, j, talks[i])
				if i/parts%everyNth == 0 {
					agreesToTheEnd(t, investigate(j.model, j.policy, talks[i]), last)
				}
			}
		})
	}
}

// corpusTalks are the conversations of the corpus.
func corpusTalks(t *testing.T) (talks [][]classify.Message) {
	events, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for _, e := range events {
		i, ok := at[e.ConversationID]
		if !ok {
			i, talks = len(talks), append(talks, nil)
			at[e.ConversationID] = i
		}
		talks[i] = append(talks[i], e.Message)
	}
	return talks
}

// agreesWith explains the messages of a conversation as j comes to them, and returns its last decision.
func agreesWith(t *testing.T, j *judge, talk []classify.Message) (d policy.Decision) {
	t.Helper()
	for i := range talk {
		m := &talk[i]
		before := j.before(m)
		e := j.model.Explain(m, &before.State, before.Earlier())
		mine, trials := j.policy.Decide(m, e.Findings), j.policy.Try(m, e.Findings)
		d = j.decide(m)
		if !reflect.DeepEqual(d, mine) || !slices.EqualFunc(e.Findings, j.result.Findings, func(a, b classify.Finding) bool { return reflect.DeepEqual(a, b) }) ||
			e.Signal != j.result.Signal {
			t.Errorf("%s: run and explain differ", m.EventID)
		}
		rule := slices.ContainsFunc(trials, func(x policy.Trial) bool { return x.Miss == "" && x.Rule == d.Rule })
		if rule != (d.Action != policy.None) {
			t.Errorf("%s: rule %q is not among the trials", m.EventID, d.Rule)
		}
	}
	return d
}

func agreesToTheEnd(t *testing.T, q *inquest, d policy.Decision) {
	t.Helper()
	id := q.message().EventID
	r := newReport(q)
	if r.Decision.Action != d.Action.String() || r.Decision.Rule != d.Rule || r.Decision.Reason != d.Reason {
		t.Errorf("%s: the report says %+v, the run %+v", id, r.Decision, d)
	}
	for _, f := range r.Pushes {
		if f.Family == classify.FamilyRest {
			t.Errorf("%s: some of what the network saw has no name", id)
		}
	}
	for _, f := range q.flips.found {
		if got := changed(q, &f); got != f.action {
			t.Errorf("%s: %s: it is %s", id, newFlip(q, &f).Words, got)
		}
	}
}
