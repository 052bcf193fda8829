package main

import (
	"onside/internal/classify"
	"onside/internal/policy"
)

// judge decides messages in the order in which they are given, and remembers what their conversations have said.
// It serves one goroutine.
type judge struct {
	model  *classify.Classifier
	policy *policy.Policy
	talks  *lru[classify.Talk]
	result classify.Result
}

// judgeMemory is how much its second reader remembers: the messages of a conversation at least, which commands read as a whole, one by one.
const judgeMemory = 512 << 10

func newJudge(model *classify.Classifier, p *policy.Policy, conversations int) *judge {
	j := &judge{model: model, policy: p, talks: newLRU[classify.Talk](conversations)}
	j.result.Remember(judgeMemory)
	return j
}

// decide returns the decision on a message, whose offset must be above those of the messages before it.
// The decision is valid until the next call.
func (j *judge) decide(m *classify.Message) policy.Decision {
	talk := j.talks.get(m.ConversationID)
	if talk == nil {
		talk = j.talks.add(m.ConversationID)
	}
	return j.decideIn(m, talk)
}

// decideIn is decide for a message of the talk that is given.
func (j *judge) decideIn(m *classify.Message, talk *classify.Talk) policy.Decision {
	j.model.Next(m, talk, &j.result)
	return j.policy.Decide(m, j.result.Findings)
}

// before is the talk that the next message of the conversation meets. It is a copy.
func (j *judge) before(m *classify.Message) *classify.Talk {
	if known := j.talks.get(m.ConversationID); known != nil {
		return known.Clone()
	}
	return new(classify.Talk)
}
