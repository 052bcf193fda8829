package main

import (
	"onside/internal/classify"
	"onside/internal/policy"
)

// judge decides messages in the order in which they are given, and remembers what their conversations have said.
// It serves one goroutine.
type judge struct {
	model         *classify.Classifier
	policy        *policy.Policy
	conversations *lru[classify.State]
	result        classify.Result
}

func newJudge(model *classify.Classifier, p *policy.Policy, conversations int) *judge {
	return &judge{model: model, policy: p, conversations: newLRU[classify.State](conversations)}
}

// decide returns the decision on a message, whose offset must be above those of the messages before it.
// The decision is valid until the next call.
func (j *judge) decide(m *classify.Message) policy.Decision {
	state := j.conversations.get(m.ConversationID)
	if state == nil {
		state = j.conversations.add(m.ConversationID)
	}
	return j.decideIn(m, state)
}

// decideIn is decide for a message of the conversation whose state is given.
func (j *judge) decideIn(m *classify.Message, state *classify.State) policy.Decision {
	j.model.Classify(m, state, &j.result)
	state.Fold(j.result.Signal)
	return j.policy.Decide(m, j.result.Findings)
}
