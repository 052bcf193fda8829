package source

import (
	"errors"
	"fmt"
	"strings"
)

// Mapping says where an event's fields are, as JSON pointers (RFC 6901), for topics whose events look otherwise. An
// empty pointer stands for the field's own place, so the zero Mapping is the event as documented.
type Mapping struct {
	EventID        string // /event_id
	ConversationID string // /conversation_id
	MessageID      string // /message_id
	Type           string // /type
	SentAt         string // /sent_at
	SenderID       string // /sender/id
	SenderRole     string // /sender/role
	Stage          string // /contract/stage
	Lang           string // /lang
	Text           string // /text
}

// field is something that the decoder reads.
type field uint8

const (
	fieldEventID field = iota
	fieldConversation
	fieldMessageID
	fieldType
	fieldSentAt
	fieldSenderID
	fieldSenderRole
	fieldStage
	fieldLang
	fieldText
	fieldSpecVersion
	fieldEnvelopeID
	fieldEnvelopeType
	fieldEnvelopeTime
	fieldData
	numFields
)

// These may be integers.
const integers = 1<<fieldEventID | 1<<fieldConversation | 1<<fieldMessageID | 1<<fieldSenderID | 1<<fieldSentAt

// These are of the envelope alone: in what turns out to be none, they are fields that nobody reads.
const envelopeOnly = 1<<fieldSpecVersion | 1<<fieldEnvelopeID | 1<<fieldEnvelopeType | 1<<fieldEnvelopeTime | 1<<fieldData

// node is a place in an event: the fields that its value is, or the places below it.
type node struct {
	fields   uint32
	children [longKey + 1][]child // by the length of the key, longer ones in the last
	count    int
}

const longKey = 16

type child struct {
	key  string
	bit  uint64 // one of its own among its siblings
	node *node
}

// inner tells whether there are places below.
func (n *node) inner() bool { return n.count > 0 }

func (n *node) find(key string) *child {
	same := n.children[min(len(key), longKey)]
	for i := range same {
		if same[i].key == key {
			return &same[i]
		}
	}
	return nil
}

// put is the place of that key, which replaces one that is there.
func (n *node) put(key string, place *node) {
	if c := n.find(key); c != nil {
		c.node = place
		return
	}
	i := min(len(key), longKey)
	n.children[i] = append(n.children[i], child{key, 1 << n.count, place})
	n.count++
}

func (m *Mapping) compile() (*node, error) {
	root := new(node)
	var errs []error
	for _, p := range [...]struct {
		field         field
		name          string
		pointer, home string
	}{
		{fieldEventID, "event_id", m.EventID, "/event_id"},
		{fieldConversation, "conversation_id", m.ConversationID, "/conversation_id"},
		{fieldMessageID, "message_id", m.MessageID, "/message_id"},
		{fieldType, "type", m.Type, "/type"},
		{fieldSentAt, "sent_at", m.SentAt, "/sent_at"},
		{fieldSenderID, "sender_id", m.SenderID, "/sender/id"},
		{fieldSenderRole, "sender_role", m.SenderRole, "/sender/role"},
		{fieldStage, "stage", m.Stage, "/contract/stage"},
		{fieldLang, "lang", m.Lang, "/lang"},
		{fieldText, "text", m.Text, "/text"},
	} {
		pointer := p.pointer
		if pointer == "" {
			pointer = p.home
		}
		if err := root.add(pointer, p.field); err != nil {
			errs = append(errs, fmt.Errorf("mapping.%s: %w", p.name, err))
		}
	}
	return root, errors.Join(errs...)
}

// add puts the field at the pointer's place. A place holds a value or has places below it, never both.
func (n *node) add(pointer string, f field) error {
	if !strings.HasPrefix(pointer, "/") {
		return fmt.Errorf("%q is no JSON pointer below the event: it starts with no /", pointer)
	}
	tokens := strings.Split(pointer[1:], "/")
	if len(tokens) >= MaxDepth {
		return fmt.Errorf("%q is deeper than %d", pointer, MaxDepth-1)
	}
	for _, token := range tokens {
		key, err := unescapeToken(token)
		if err != nil {
			return fmt.Errorf("%q is no JSON pointer: %w", pointer, err)
		}
		if n.fields != 0 {
			return fmt.Errorf("%q lies inside another field's value", pointer)
		}
		if n.find(key) == nil {
			n.put(key, new(node))
		}
		n = n.find(key).node
	}
	if n.inner() {
		return fmt.Errorf("%q holds other fields", pointer)
	}
	n.fields |= 1 << f
	return nil
}

var errTilde = errors.New("~ is followed by neither 0 nor 1")

func unescapeToken(t string) (string, error) {
	rest := strings.NewReplacer("~0", "", "~1", "").Replace(t)
	if strings.Contains(rest, "~") {
		return "", errTilde
	}
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(t), nil
}

// envelope is the event's tree with the places of a CloudEvents envelope beside its own.
func envelope(event *node) *node {
	root := new(node)
	for _, same := range event.children {
		for _, c := range same {
			root.put(c.key, c.node)
		}
	}
	for _, e := range [...]struct {
		key   string
		field field
	}{
		{"specversion", fieldSpecVersion},
		{"id", fieldEnvelopeID},
		{"type", fieldEnvelopeType},
		{"time", fieldEnvelopeTime},
		{"data", fieldData},
	} {
		place := &node{fields: 1 << e.field}
		if c := root.find(e.key); c != nil {
			place.fields |= c.node.fields
		}
		root.put(e.key, place)
	}
	return root
}
