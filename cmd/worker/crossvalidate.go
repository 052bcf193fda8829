package main

import (
	"hash/crc32"
	"maps"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
)

// crossValidated judges every event by a model that has seen nothing of its conversation: that of the other folds, or of a share
// of their conversations, calibrated as the given one.
func crossValidated(shipped *classify.Classifier, p *policy.Policy, events []onside.Event, share float64) (map[string]onside.Verdict, error) {
	var parts [folds]map[string]onside.Verdict
	err := eachFold(func(k int) error {
		var learn, judge []onside.Event
		for _, e := range events {
			switch {
			case foldOf(e.ConversationID) == k:
				judge = append(judge, e)
			case rankOf(e.ConversationID) < share:
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

// rankOf puts a conversation between 0 and 1, independently of its fold; minimal pairs stay together.
func rankOf(conversation string) float64 {
	return float64(crc32.ChecksumIEEE([]byte(onside.Pair(conversation)))/folds%1000) / 1000
}

// fitted is a classifier fitted to the events.
func fitted(events []onside.Event, c classify.Calibration) (*classify.Classifier, error) {
	m, err := classify.Train(onside.Examples(events), c)
	if err != nil {
		return nil, err
	}
	return classify.New(m)
}
