package onside

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"onside/internal/classify"
)

// Reader reads labelled files, in the compact format or as JSON Lines, and collects every fault that they have.
// The zero Reader is ready to use; the events of all files follow each other in the order of the calls.
type Reader struct {
	events []Event
	seen   map[string]bool // conversations of compact files
	faults []error
}

// Events are the events of all files read so far. The error joins every fault as "file:line: problem".
func (r *Reader) Events() ([]Event, error) { return r.events, errors.Join(r.faults...) }

// JSONL reads one labelled event a line: the event of the input topic with its "label".
func (r *Reader) JSONL(name, src string) {
	no := 0
	for line := range strings.Lines(src) {
		no++
		if strings.TrimSpace(line) == "" {
			continue
		}
		var w wireEvent
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			r.fault(name, no, "not an event: %v", err)
			continue
		}
		if !utf8.ValidString(line) {
			r.fault(name, no, "not valid UTF-8")
		}
		r.add(name, no, w)
	}
}

func (r *Reader) add(name string, no int, w wireEvent) {
	e := w.event(name, no, int64(len(r.events)))
	if w.EventID == "" || w.ConversationID == "" {
		r.fault(name, no, "event_id and conversation_id are needed")
	}
	if stage, ok := classify.ParseStage(w.Contract.Stage); ok {
		e.Stage = stage
	} else if w.Contract.Stage != "" {
		r.fault(name, no, "unknown stage %q", w.Contract.Stage)
	}
	for _, problem := range e.Label.faults() {
		r.fault(name, no, "%s", problem)
	}
	r.events = append(r.events, e)
}

// Compact reads conversations in the format of testdata/corpus/FORMAT.md. Times are made up: each conversation starts an
// hour after the one before, each message follows 47 seconds after its predecessor.
func (r *Reader) Compact(name, src string) {
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	c := conversation{reader: r, file: name}
	for line := range strings.Lines(src) {
		c.line++
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			c.read(line)
		}
	}
}

func (r *Reader) fault(file string, line int, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("%s:%d: %s", file, line, fmt.Sprintf(format, args...)))
}

// conversation is the place that the reader of a compact file has come to.
type conversation struct {
	reader   *Reader
	file     string
	line     int
	id, lang string
	stage    string
	messages int
	clock    time.Time
}

var (
	headLine    = regexp.MustCompile(`^#\s+(\S+)\s+stage=(\S+)\s+lang=(\S+)(?:\s+topic=(.*))?$`)
	stageLine   = regexp.MustCompile(`^@stage\s+(\S+)$`)
	messageLine = regexp.MustCompile(`^([cfsp]):(.*)$`)
	roles       = map[string]string{"c": "client", "f": "freelancer", "s": "system", "p": "support"}
	corpusEpoch = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
)

func (c *conversation) read(line string) {
	if m := headLine.FindStringSubmatch(line); m != nil {
		c.begin(m[1], m[2], m[3])
	} else if m := stageLine.FindStringSubmatch(line); m != nil {
		c.enter(m[1])
	} else if m := messageLine.FindStringSubmatch(line); m != nil && c.id != "" {
		c.message(roles[m[1]], m[2])
	} else {
		c.fault("not a line of the format: %.100s", line)
	}
}

func (c *conversation) begin(id, stage, lang string) {
	if c.reader.seen[id] {
		c.fault("conversation %s is there twice", id)
	}
	c.reader.seen[id] = true
	c.id, c.lang, c.messages = id, lang, 0
	c.clock = corpusEpoch.Add(time.Duration(len(c.reader.seen)) * time.Hour)
	c.enter(stage)
}

func (c *conversation) enter(stage string) {
	if _, ok := classify.ParseStage(stage); !ok {
		c.fault("unknown stage %q", stage)
	}
	c.stage = stage
}

func (c *conversation) message(role, rest string) {
	if first, n := utf8.DecodeRuneInString(rest); unicode.IsSpace(first) {
		rest = rest[n:]
	}
	text, words, _ := strings.Cut(rest, " ## ")
	label, faults := parseLabel(words)
	for _, problem := range append(faults, label.faults()...) {
		c.fault("%s", problem)
	}
	c.messages++
	c.clock = c.clock.Add(47 * time.Second)
	w := wireEvent{
		EventID:        fmt.Sprintf("%s-%02d", c.id, c.messages),
		ConversationID: c.id,
		MessageID:      fmt.Sprintf("%s-m%02d", c.id, c.messages),
		SentAt:         c.clock.Format(time.RFC3339),
		Sender:         wireSender{ID: c.id + "-" + role, Role: role},
		Lang:           c.lang,
		Text:           strings.ReplaceAll(text, `\n`, "\n"),
		Label:          label,
	}
	e := w.event(c.file, c.line, int64(len(c.reader.events)))
	e.Stage, _ = classify.ParseStage(c.stage)
	c.reader.events = append(c.reader.events, e)
}

func (c *conversation) fault(format string, args ...any) {
	c.reader.fault(c.file, c.line, format, args...)
}

// parseLabel reads what stands after " ## ": action, categories, intent, obf=a,b, group=g. Nothing is none.
func parseLabel(s string) (l Label, faults []string) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return Label{Action: "none"}, nil
	}
	l.Action = words[0]
	for _, w := range words[1:] {
		list := strings.Split(w, ",")
		if obf, ok := strings.CutPrefix(w, "obf="); ok {
			l.Obfuscation = strings.Split(obf, ",")
		} else if group, ok := strings.CutPrefix(w, "group="); ok {
			l.Group = group
		} else if slices.Contains(intents, w) {
			l.Intent = w
		} else if !slices.ContainsFunc(list, unknownCategory) {
			l.Categories = list
		} else {
			faults = append(faults, fmt.Sprintf("unknown word %q in the label", w))
		}
	}
	return l, faults
}

var (
	actions      = []string{"none", "remind", "review", "part"}
	intents      = []string{"share", "request", "propose", "comply", "refuse", "discuss"}
	obfuscations = []string{
		"spaced", "punct", "words", "mixed", "homoglyph", "leet", "emoji", "zero_width", "at_dot", "split", "reversed",
		"foreign_words", "code", "math", "embedded", "encoding", "typo", "acrostic", "attachment", "phonetic",
	}
)

func unknownCategory(s string) bool {
	_, ok := classify.ParseCategory(s)
	return !ok
}

// faults says what of the label is not in the vocabulary of the labelling guide.
func (l *Label) faults() []string {
	var out []string
	unknown := func(what, word string) { out = append(out, fmt.Sprintf("unknown %s %q", what, word)) }
	if l.Action == "" {
		out = append(out, "no label")
	} else if !slices.Contains(actions, l.Action) {
		unknown("action", l.Action)
	}
	if l.Intent != "" && !slices.Contains(intents, l.Intent) {
		unknown("intent", l.Intent)
	}
	for _, c := range l.Categories {
		if unknownCategory(c) {
			unknown("category", c)
		}
	}
	for _, o := range l.Obfuscation {
		if !slices.Contains(obfuscations, o) {
			unknown("obfuscation", o)
		}
	}
	if (l.Action == "review" || l.Action == "remind") && len(l.Categories) == 0 {
		out = append(out, l.Action+" needs a category")
	}
	return out
}

// wireEvent is the event of the input topic, with its label.
type wireEvent struct {
	EventID        string     `json:"event_id"`
	ConversationID string     `json:"conversation_id"`
	MessageID      string     `json:"message_id"`
	SentAt         string     `json:"sent_at"`
	Sender         wireSender `json:"sender"`
	Contract       struct {
		Stage string `json:"stage"`
	} `json:"contract"`
	Lang  string `json:"lang"`
	Text  string `json:"text"`
	Label Label  `json:"label"`
}

type wireSender struct {
	ID   string `json:"id"`
	Role string `json:"role"`
}

func (w *wireEvent) event(file string, line int, offset int64) Event {
	return Event{
		Message: classify.Message{
			EventID: w.EventID, ConversationID: w.ConversationID, MessageID: w.MessageID, SentAt: w.SentAt,
			SenderID: w.Sender.ID, SenderRole: w.Sender.Role, Lang: w.Lang, Text: w.Text, Offset: offset,
		},
		Label: w.Label,
		File:  strings.TrimSuffix(path.Base(file), path.Ext(file)),
		Line:  line,
	}
}

// MarshalJSON gives the event of the input topic with a "label" added.
func (e Event) MarshalJSON() ([]byte, error) {
	w := wireEvent{
		EventID: e.EventID, ConversationID: e.ConversationID, MessageID: e.MessageID, SentAt: e.SentAt,
		Sender: wireSender{ID: e.SenderID, Role: e.SenderRole}, Lang: e.Lang, Text: e.Text, Label: e.Label,
	}
	w.Contract.Stage = e.Stage.String()
	return json.Marshal(w)
}
