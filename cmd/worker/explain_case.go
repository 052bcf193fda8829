package main

import (
	"math"

	"onside/internal/classify"
	"onside/internal/policy"
)

// inquest is everything that is known of how the last message of a conversation was decided.
type inquest struct {
	model       *classify.Classifier
	policy      *policy.Policy
	talk        []classify.Message // one conversation; the last message is the one in question
	explanation *classify.Explanation
	decision    policy.Decision
	trials      []policy.Trial
	flips       flips
}

func (q *inquest) message() *classify.Message { return &q.talk[len(q.talk)-1] }

// investigate judges a conversation, message by message as worker classify does, and asks about the last one.
func investigate(model *classify.Classifier, p *policy.Policy, talk []classify.Message) *inquest {
	q := examine(model, p, talk)
	q.flips = (&retrial{inquest: q}).search()
	return q
}

// examine is all of an investigation but the search for what would flip the decision.
func examine(model *classify.Classifier, p *policy.Policy, talk []classify.Message) *inquest {
	q := &inquest{model: model, policy: p, talk: talk}
	j := newJudge(model, p, 1)
	for i := range talk[:len(talk)-1] {
		j.decide(&talk[i])
	}
	m := q.message()
	before := j.before(m)
	q.explanation = model.Explain(m, &before.State, before.Earlier())
	q.decision = j.decide(m)
	q.trials = p.Try(m, q.explanation.Findings)
	return q
}

// oddsOf is how sure the classifier is of what an action stands for: of a reminder, or of a review.
func oddsOf(a policy.Action, review, remind classify.Odds) classify.Odds {
	if a == policy.Remind {
		return remind
	}
	return review
}

// rounded is x with so many decimals, and never minus zero.
func rounded(x float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(x*scale)/scale + 0
}
