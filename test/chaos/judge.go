package main

import (
	"onside/internal/classify"
	"onside/internal/policy"
)

// judge says what must come of a conversation: with the worker's classifier and policy, and with claims as the documentation
// describes them, but without Kafka, Redis or a crash.
type judge struct {
	model  *classify.Classifier
	policy *policy.Policy
	result classify.Result
}

func newJudge() *judge { return &judge{model: classify.Default(), policy: policy.Default()} }

// opinion is what must come of one message.
type opinion struct {
	action  policy.Action
	repeat  bool  // each of its findings was shown before, so it is suppressed
	holders []int // the earlier messages that have shown them
}

// finding is what a claim is about. Two findings of a conversation are the same for a reviewer if all of it is equal.
type finding struct {
	action   policy.Action
	severity policy.Severity
	sender   string
	category string // empty where a rule decided without findings
	evidence string
}

// read judges the messages of one conversation, from its beginning.
func (j *judge) read(messages []classify.Message) []opinion {
	var talk classify.Talk
	holder := map[finding]int{}
	opinions := make([]opinion, len(messages))
	for i := range messages {
		m := &messages[i]
		m.Offset = int64(i)
		j.model.Next(m, &talk, &j.result)
		d := j.policy.Decide(m, j.result.Findings)
		opinions[i] = opinion{action: d.Action}
		if d.Action != policy.None {
			opinions[i].claim(i, findings(m, &d), holder)
		}
	}
	return opinions
}

func (o *opinion) claim(me int, list []finding, holder map[finding]int) {
	o.repeat = true
	for _, f := range list {
		if first, held := holder[f]; held {
			o.holders = append(o.holders, first)
			continue
		}
		holder[f], o.repeat = me, false
	}
}

// findings are what a decision would have claimed.
func findings(m *classify.Message, d *policy.Decision) []finding {
	one := finding{action: d.Action, severity: d.Severity, sender: m.SenderID}
	if len(d.Findings) == 0 {
		one.evidence = "rule " + d.Rule
		return []finding{one}
	}
	list := make([]finding, len(d.Findings))
	for i, f := range d.Findings {
		one.category, one.evidence = f.Category.String(), "act "+f.Act.String()
		if f.Normalized != "" {
			one.evidence = "evidence " + f.Normalized
		}
		list[i] = one
	}
	return list
}
