package main

import (
	"maps"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
)

// crossValidated judges every event by a model that has seen nothing of its conversation: that of the other folds,
// calibrated as the given one.
func crossValidated(shipped *classify.Classifier, p *policy.Policy, events []onside.Event) (map[string]onside.Verdict, error) {
	var parts [folds]map[string]onside.Verdict
	err := eachFold(func(k int) error {
		var learn, judge []onside.Event
		for _, e := range events {
			if foldOf(e.ConversationID) == k {
				judge = append(judge, e)
			} else {
				learn = append(learn, e)
			}
		}
		model, err := fitted(learn, shipped.Calibration())
		if err == nil {
			parts[k] = decideAll(model, p, judge)
		}
		return err
	})
	out := make(map[string]onside.Verdict, len(events))
	for _, part := range parts {
		maps.Copy(out, part)
	}
	return out, err
}

// fitted is a classifier fitted to the events.
func fitted(events []onside.Event, c classify.Calibration) (*classify.Classifier, error) {
	m, err := classify.Train(onside.Examples(events), c)
	if err != nil {
		return nil, err
	}
	return classify.New(m)
}
