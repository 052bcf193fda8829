package main

import (
	"fmt"
	"io"
	"maps"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
)

// crossValidated judges every event by a model that has seen nothing of its conversation: that of the other folds,
// calibrated as the given one. It tells progress how far it is.
func crossValidated(shipped *classify.Classifier, p *policy.Policy, events []onside.Event, progress io.Writer) (map[string]onside.Verdict, error) {
	out := make(map[string]onside.Verdict, len(events))
	for k := range folds {
		fmt.Fprintf(progress, "fold %d of %d\n", k+1, folds)
		var learn, judge []onside.Event
		for _, e := range events {
			if foldOf(e.ConversationID) == k {
				judge = append(judge, e)
			} else {
				learn = append(learn, e)
			}
		}
		model, err := fitted(learn, shipped.Calibration())
		if err != nil {
			return nil, err
		}
		maps.Copy(out, decideAll(model, p, judge))
	}
	return out, nil
}

// fitted is a classifier fitted to the events.
func fitted(events []onside.Event, c classify.Calibration) (*classify.Classifier, error) {
	examples, err := examplesOf(events)
	if err != nil {
		return nil, err
	}
	m, err := classify.Train(examples, c)
	if err != nil {
		return nil, err
	}
	return classify.New(m)
}
