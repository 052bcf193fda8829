package main

import (
	"bytes"
	"encoding/json"
	"math"

	"onside/internal/classify"
	"onside/internal/policy"
	"onside/internal/sink"
)

// verdict is a line of worker classify.
type verdict struct {
	EventID    string           `json:"event_id"`
	Action     string           `json:"action,omitempty"`
	Categories []string         `json:"categories"`
	Findings   []verdictFinding `json:"findings"`
	Rule       string           `json:"rule,omitempty"`
	Severity   string           `json:"severity,omitempty"`
	Reason     string           `json:"reason,omitempty"`
	Reader     string           `json:"reader"`                          // first or second: the model that decided
	Skipped    bool             `json:"second_reader_skipped,omitempty"` // the second should have read it
}

type verdictFinding struct {
	Category   string        `json:"category"`
	Act        string        `json:"act"`
	Score      float64       `json:"score"`
	Spans      []verdictSpan `json:"spans"`
	Normalized string        `json:"normalized,omitempty"`
	DecodedBy  []string      `json:"decoded_by,omitempty"`
}

type verdictSpan struct {
	MessageID string `json:"message_id"`
	Start     int    `json:"start"` // bytes of the text
	End       int    `json:"end"`
}

// badVerdict is the line for a line that is no event.
type badVerdict struct {
	EventID string `json:"event_id"`
	Error   string `json:"error"`
	Line    int    `json:"line"`
}

// verdictEncoder writes verdicts as JSON Lines.
type verdictEncoder struct{ buf bytes.Buffer }

// append appends the verdict of a line, decided by j.
func (e *verdictEncoder) append(dst []byte, l *verdictLine, j *judge, show sink.Evidence) []byte {
	if l.code != "" {
		return e.json(dst, badVerdict{EventID: l.eventID, Error: string(l.code), Line: l.number})
	}
	d := j.decide(&l.message)
	v := newVerdict(&l.message, d, show)
	v.Reader, v.Skipped = j.result.Reader.String(), j.result.Skipped
	return e.json(dst, v)
}

func (e *verdictEncoder) json(dst []byte, v any) []byte {
	e.buf.Reset()
	enc := json.NewEncoder(&e.buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("worker: verdict is no JSON: " + err.Error())
	}
	return append(dst, e.buf.Bytes()...)
}

func newVerdict(m *classify.Message, d policy.Decision, show sink.Evidence) verdict {
	v := verdict{EventID: m.EventID, Action: d.Action.String(), Categories: categories(d.Findings), Findings: []verdictFinding{}}
	if d.Action == policy.None {
		return v
	}
	v.Rule, v.Severity, v.Reason = d.Rule, d.Severity.String(), d.Reason
	for i := range d.Findings {
		v.Findings = append(v.Findings, newVerdictFinding(m, &d.Findings[i], show))
	}
	return v
}

func newVerdictFinding(m *classify.Message, f *classify.Finding, show sink.Evidence) verdictFinding {
	out := verdictFinding{
		Category: f.Category.String(), Act: f.Act.String(), Score: math.Round(f.Score*1000) / 1000,
		Spans: make([]verdictSpan, len(f.Spans)), Normalized: show.Show(f), DecodedBy: f.DecodedBy,
	}
	for i, s := range f.Spans {
		out.Spans[i] = verdictSpan{MessageID: s.MessageID, Start: s.Start, End: s.End}
		if s.MessageID == "" {
			out.Spans[i].MessageID = m.MessageID
		}
	}
	return out
}
