package source

import (
	"strings"
	"unicode/utf8"

	"onside/internal/classify"
)

// MaxDepth is how deep an event's JSON may nest; the event itself is the first level.
const MaxDepth = 32

// Decoder reads events. It holds the Mapping and scratch memory: use one per goroutine.
//
// An event is one JSON object:
//
//   - event_id, conversation_id and text are required; a deletion needs no text.
//   - type is created, edited or deleted, bare or after "message."; absent means created.
//   - contract.stage is pre_contract, active or ended; absent means pre_contract, where the rules are strictest.
//   - message_id defaults to event_id; sender.id, sender.role, lang and sent_at may be absent, and null is as good as absent.
//   - Identifiers and sent_at may be JSON integers; they are taken digit by digit.
//   - Fields that nobody reads are ignored, but must be JSON. A key that is read may occur once, escaped spellings included.
//   - Escaped surrogates without a partner become U+FFFD: senders that cut a text within an emoji write them.
//
// A CloudEvents envelope in structured mode (an object with specversion) is opened where no Mapping is given: its data is
// the event; its id, type and time stand in for an event_id, type and sent_at that data does not have.
type Decoder struct {
	event    *node
	envelope *node // nil where a Mapping says where everything is
	arena    []byte
	got      [numFields]string
	set      uint32 // which of got are set, by bit
	fault    Code   // the first fault that is not one of syntax

	envelopeFault Code // the same, of the envelope's own fields
}

// NewDecoder checks the mapping. It is an error if two pointers contradict each other or one is no JSON pointer.
func NewDecoder(m Mapping) (*Decoder, error) {
	d := new(Decoder)
	var err error
	if d.event, err = m.compile(); err != nil {
		return nil, err
	}
	if m == (Mapping{}) {
		d.envelope = envelope(d.event)
	}
	return d, nil
}

// Reset forgets the unescaped strings of the messages decoded so far: they must not be used any more.
func (d *Decoder) Reset() { d.arena = d.arena[:0] }

// Decode reads one event into m. The strings of m alias value, or memory of the decoder that lasts until Reset. With any
// Code but the empty one, m is zero. Offset is left to the caller.
//
// Among several faults, invalid UTF-8 comes first, then syntax and depth, then what comes first in the text, then what is missing.
func (d *Decoder) Decode(value []byte, m *classify.Message) Code {
	*m = classify.Message{}
	if value == nil {
		return CodeNull
	}
	if !utf8.Valid(value) {
		return CodeUTF8
	}
	root := d.event
	if d.envelope != nil {
		root = d.envelope
	}
	d.set, d.fault, d.envelopeFault = 0, "", ""
	if code := d.parse(value, root); code != "" {
		return code
	}
	if d.has(fieldSpecVersion) {
		d.openEnvelope()
	}
	if d.fault != "" {
		return d.fault
	}
	return d.fill(m)
}

func (d *Decoder) has(f field) bool { return d.set&(1<<f) != 0 }

// openEnvelope reads the event in an envelope's data. What the envelope itself holds at the places of an event's fields is
// no part of the event.
func (d *Decoder) openEnvelope() {
	set, fault := d.set, d.envelopeFault
	id, typ, time, data := d.got[fieldEnvelopeID], d.got[fieldEnvelopeType], d.got[fieldEnvelopeTime], d.got[fieldData]
	d.set, d.fault = 0, fault
	if set&(1<<fieldData) != 0 {
		if data[0] != '{' {
			d.blame(CodeFieldType, d.event)
			return
		}
		d.parse(bytesOf(data), d.event) // its syntax has been checked with the envelope's
	}
	d.standIn(set, fieldEnvelopeID, fieldEventID, id)
	d.standIn(set, fieldEnvelopeTime, fieldSentAt, time)
	if i := strings.LastIndex(typ, ".message."); i >= 0 {
		typ = typ[i+1:] // a reverse DNS prefix
	}
	if _, ok := parseKind(typ); ok {
		d.standIn(set, fieldEnvelopeType, fieldType, typ)
	}
}

func (d *Decoder) standIn(set uint32, from, to field, s string) {
	if set&(1<<from) != 0 && !d.has(to) {
		d.got[to] = s
		d.set |= 1 << to
	}
}

// fill makes the message of the fields, or says what is missing or unknown.
func (d *Decoder) fill(m *classify.Message) Code {
	var kind classify.Kind
	var stage classify.Stage // the zero stage is PreContract, the strictest
	var ok bool
	if d.has(fieldType) {
		if kind, ok = parseKind(d.got[fieldType]); !ok {
			return CodeType
		}
	}
	if d.has(fieldStage) {
		if stage, ok = classify.ParseStage(d.got[fieldStage]); !ok {
			return CodeStage
		}
	}
	switch {
	case d.str(fieldEventID) == "":
		return CodeEventID
	case d.str(fieldConversation) == "":
		return CodeConversation
	case !d.has(fieldText) && kind != classify.Deleted:
		return CodeText
	}
	m.EventID = d.got[fieldEventID]
	m.ConversationID = d.got[fieldConversation]
	m.MessageID = d.str(fieldMessageID)
	if m.MessageID == "" {
		m.MessageID = m.EventID
	}
	m.Kind = kind
	m.SentAt = d.str(fieldSentAt)
	m.SenderID = d.str(fieldSenderID)
	m.SenderRole = d.str(fieldSenderRole)
	m.Stage = stage
	m.Lang = d.str(fieldLang)
	m.Text = d.str(fieldText)
	return ""
}

func (d *Decoder) str(f field) string {
	if d.has(f) {
		return d.got[f]
	}
	return ""
}

func parseKind(s string) (classify.Kind, bool) {
	switch strings.TrimPrefix(s, "message.") {
	case "created":
		return classify.Created, true
	case "edited":
		return classify.Edited, true
	case "deleted":
		return classify.Deleted, true
	}
	return 0, false
}
