package sink

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"onside/internal/classify"
	"onside/internal/policy"
)

// parcel is something to publish. It can be made smaller, never dropped.
type parcel interface {
	// render is the parcel's largest message of at most limit bytes; where none is so small, its smallest. It reports
	// whether anything is missing from it.
	render(limit int) (m message, shortened bool)
}

// detail is how much of itself a flag or reminder shows. Each level drops more than the one before.
type detail uint8

const (
	whole   detail = iota
	lean           // no text of the evidence
	bare           // no spans and decoders either
	clipped        // long words and lists cut: the ids alone were too large
	details = iota
)

// Bounds of the clipped level.
const (
	maxWord     = 256
	maxFindings = 32
)

// notice is an item on its way out, as a flag or as a reminder.
type notice struct {
	item    *Item
	verdict verdict
	origin  Origin
	now     time.Time
	shape   *shape
}

// shape is what every notice of a sink has in common.
type shape struct {
	secret   []byte
	policy   string
	model    string
	evidence Evidence
}

func (n *notice) render(limit int) (m message, shortened bool) {
	for d := range detail(details) {
		if n.item.Decision.Action == policy.Remind {
			m = n.reminder(d)
		} else {
			m = n.flag(d)
		}
		if bodySize(m) <= limit {
			return m, d > whole
		}
	}
	return m, true
}

func (n *notice) flag(d detail) message {
	dec := &n.item.Decision
	f := Flag{
		FlagID:   identify("f_", n.item.Message, n.shape.policy, dec.Action),
		Schema:   Schema,
		Kind:     "flag.raised",
		Event:    n.event(d),
		Action:   dec.Action.String(),
		Severity: dec.Severity.String(),
		Findings: n.findings(d),
		Reason:   cut(d, dec.Reason),
		Policy:   n.policy(d),
		Model:    n.shape.model,
		Reader:   n.item.Reader.String(),
		Skipped:  n.item.Skipped,
		Dedup:    dedup(n.verdict),
		Source:   n.source(),
	}
	return n.message(d, f, "flag_id", f.FlagID)
}

func (n *notice) reminder(d detail) message {
	dec := &n.item.Decision
	r := Reminder{
		ReminderID: identify("r_", n.item.Message, n.shape.policy, dec.Action),
		Schema:     Schema,
		Kind:       "reminder.due",
		Event:      n.event(d),
		Template:   cut(d, template(dec.Rule)),
		Reason:     cut(d, dec.Reason),
		Policy:     n.policy(d),
		Dedup:      dedup(n.verdict),
		Source:     n.source(),
	}
	return n.message(d, r, "reminder_id", r.ReminderID)
}

// template is the key of a reminder's text. A chat keeps one text for each rule, and one for none.
func template(rule string) string {
	if rule == "" {
		rule = "default"
	}
	return "reminder." + rule
}

func (n *notice) message(d detail, body any, idHeader, id string) message {
	m := message{
		millis: n.now.UnixMilli(),
		key:    []byte(cut(d, n.item.Message.ConversationID)),
		value:  marshal(body),
		headers: []Header{
			{Key: idHeader, Value: []byte(id)},
			{Key: "schema", Value: []byte(strconv.Itoa(Schema))},
		},
	}
	if n.item.TraceParent != "" {
		m.headers = append(m.headers, Header{Key: "traceparent", Value: []byte(cut(d, n.item.TraceParent))})
	}
	return m
}

func (n *notice) event(d detail) Event {
	e := eventOf(n.item.Message)
	for _, s := range []*string{&e.EventID, &e.ConversationID, &e.MessageID, &e.SentAt, &e.Sender.ID, &e.Sender.Role, &e.Lang} {
		*s = cut(d, *s)
	}
	return e
}

func (n *notice) policy(d detail) PolicyRef {
	return PolicyRef{Version: n.shape.policy, Rule: cut(d, n.item.Decision.Rule)}
}

func (n *notice) source() Source {
	return Source{Topic: n.origin.Topic, Partition: n.origin.Partition, Offset: n.item.Offset}
}

func (n *notice) findings(d detail) []Finding {
	from := n.item.Decision.Findings
	if d == clipped {
		from = from[:min(len(from), maxFindings)]
	}
	list := make([]Finding, len(from))
	for i := range from {
		list[i] = n.finding(d, &from[i])
	}
	return list
}

func (n *notice) finding(d detail, f *classify.Finding) Finding {
	out := Finding{
		Category:    f.Category.String(),
		Act:         f.Act.String(),
		Score:       rounded(f.Score),
		Spans:       []Span{},
		Normalized:  n.shape.show(d, f),
		Fingerprint: n.shape.fingerprint(f),
	}
	if d < bare {
		out.Spans = n.spans(d, f.Spans)
		out.DecodedBy = f.DecodedBy
	}
	return out
}

func (n *notice) spans(d detail, from []classify.Span) []Span {
	m := n.item.Message
	list := make([]Span, len(from))
	for i, s := range from {
		list[i] = Span{MessageID: s.MessageID, Start: s.Start, End: s.End}
		if s.MessageID != "" && s.MessageID != m.MessageID {
			continue // its text is not at hand
		}
		list[i].MessageID = m.MessageID
		if d == whole && n.shape.evidence == Full && 0 <= s.Start && s.Start <= s.End && s.End <= len(m.Text) {
			list[i].Text = m.Text[s.Start:s.End]
		}
	}
	return list
}

// show is a finding's evidence as the configuration wants it shown.
func (s *shape) show(d detail, f *classify.Finding) string {
	if d > whole {
		return ""
	}
	return s.evidence.Show(f)
}

// fingerprint tells equal contacts from unequal ones without showing them. What needs no mask needs none.
func (s *shape) fingerprint(f *classify.Finding) string {
	if f.Normalized == "" || mask(f.Category, f.Normalized) == f.Normalized {
		return ""
	}
	sum := keyed(s.secret, "contact", f.Normalized)
	return "h_" + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// rounded keeps four decimals of a probability; what is none becomes 0, for JSON knows no NaN.
func rounded(p float64) float64 {
	if !(p >= 0 && p <= 1) {
		return 0
	}
	return math.Round(p*1e4) / 1e4
}

// cut shortens a word on the clipped level, and says so by an ellipsis.
func cut(d detail, s string) string {
	if d < clipped || len(s) <= maxWord {
		return s
	}
	return strings.ToValidUTF8(s[:maxWord], "") + "…"
}

// marshal encodes a record. The types that it is given cannot fail to encode.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("sink: internal error: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
