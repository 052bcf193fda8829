package sink

import (
	"encoding/hex"

	"onside/internal/classify"
	"onside/internal/policy"
)

// Schema is the version of the records that this package writes; it is in each of them.
const Schema = 1

// Flag is a record on the flags topic: one message that a reviewer should see. Its key is the conversation.
//
// The tags doc and enum are for the JSON Schema; a field without omitempty is always there.
type Flag struct {
	FlagID   string    `json:"flag_id" doc:"Deterministic: the same event under the same policy has the same id for ever."`
	Schema   int       `json:"schema" doc:"Version of this format." enum:"1"`
	Kind     string    `json:"kind" enum:"flag.raised"`
	Event    Event     `json:"event"`
	Action   string    `json:"action" enum:"review"`
	Severity string    `json:"severity" enum:"low,medium,high"`
	Findings []Finding `json:"findings" doc:"What counts towards the action, highest score first."`
	Reason   string    `json:"reason" doc:"The policy's reason, in words."`
	Policy   PolicyRef `json:"policy"`
	Model    string    `json:"model" doc:"Version of the classifier."`
	Reader   string    `json:"reader" doc:"The model that decided: first reads every message, second the doubtful ones again." enum:"first,second"`
	Skipped  bool      `json:"second_reader_skipped,omitempty" doc:"The message was in doubt, but so many of its conversation were that the second model did not read it."`
	Dedup    string    `json:"dedup" doc:"Whether the flag is known to be the only one of its kind within the window." enum:"claimed,unverified"`
	Source   Source    `json:"source"`
}

// Reminder is a record on the reminders topic: a nudge that the chat should show. It carries no evidence. Its key is the conversation.
type Reminder struct {
	ReminderID string    `json:"reminder_id" doc:"Deterministic, as a flag's id."`
	Schema     int       `json:"schema" doc:"Version of this format." enum:"1"`
	Kind       string    `json:"kind" enum:"reminder.due"`
	Event      Event     `json:"event"`
	Template   string    `json:"template" doc:"Key of the text to show: \"reminder.\" and the rule that decided."`
	Reason     string    `json:"reason" doc:"The policy's reason, in words."`
	Policy     PolicyRef `json:"policy"`
	Dedup      string    `json:"dedup" doc:"Whether the reminder is known to be the only one of its kind within the window." enum:"claimed,unverified"`
	Source     Source    `json:"source"`
}

// Event names the message.
type Event struct {
	EventID        string `json:"event_id"`
	Type           string `json:"type" enum:"message.created,message.edited,message.deleted"`
	ConversationID string `json:"conversation_id"`
	MessageID      string `json:"message_id"`
	SentAt         string `json:"sent_at,omitempty" doc:"RFC 3339, as the event gave it."`
	Stage          string `json:"stage" doc:"The contract's stage when the message was sent." enum:"pre_contract,active,ended"`
	Sender         Sender `json:"sender"`
	Lang           string `json:"lang,omitempty" doc:"BCP 47, as the event gave it."`
}

// Sender is who wrote the message.
type Sender struct {
	ID   string `json:"id"`
	Role string `json:"role,omitempty"`
}

// Finding is one category that the message touches.
type Finding struct {
	Category    string   `json:"category" enum:"contact.phone,contact.email,contact.handle,contact.link,contact.request,contact.hint,channel.messaging,channel.meeting,payment.direct,payment.fee_avoidance,call.proposal"`
	Act         string   `json:"act" doc:"What the sender does with it." enum:"share,request,propose,comply,refuse,discuss,defer"`
	Score       float64  `json:"score" doc:"Calibrated probability that a reviewer would agree, 0 to 1."`
	Spans       []Span   `json:"spans" doc:"Where it stands."`
	Normalized  string   `json:"normalized,omitempty" doc:"The evidence in its canonical form, masked unless the configuration says full."`
	DecodedBy   []string `json:"decoded_by,omitempty" doc:"What disguises were seen through, outermost first."`
	Fingerprint string   `json:"contact_fingerprint,omitempty" doc:"Keyed hash of the contact: equal contacts have equal ones."`
}

// Span is a half-open range of bytes of a message's text.
type Span struct {
	MessageID string `json:"message_id"`
	Start     int    `json:"start"`
	End       int    `json:"end"`
	Text      string `json:"text,omitempty" doc:"The words themselves; only where the configuration says evidence: full."`
}

// PolicyRef names the rule that decided.
type PolicyRef struct {
	Version string `json:"version"`
	Rule    string `json:"rule,omitempty"`
}

// Source is where the event stood.
type Source struct {
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	Offset    int64  `json:"offset"`
}

// The words of a record's dedup field.
const (
	dedupClaimed    = "claimed"
	dedupUnverified = "unverified"
)

func dedup(v verdict) string {
	if v == unverified {
		return dedupUnverified
	}
	return dedupClaimed
}

// identify is the id of what is said about an event: deterministic, so however often it is published a reader
// who ignores ids that it knows sees it once.
func identify(prefix string, m *classify.Message, policyVersion string, a policy.Action) string {
	sum := digest("id", m.EventID, m.ConversationID, policyVersion, a.String())
	return prefix + hex.EncodeToString(sum[:16])
}

func eventOf(m *classify.Message) Event {
	return Event{
		EventID:        m.EventID,
		Type:           typeOf(m.Kind),
		ConversationID: m.ConversationID,
		MessageID:      m.MessageID,
		SentAt:         m.SentAt,
		Stage:          m.Stage.String(),
		Sender:         Sender{ID: m.SenderID, Role: m.SenderRole},
		Lang:           m.Lang,
	}
}

func typeOf(k classify.Kind) string {
	switch k {
	case classify.Edited:
		return "message.edited"
	case classify.Deleted:
		return "message.deleted"
	default:
		return "message.created"
	}
}
