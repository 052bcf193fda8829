package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"onside/internal/classify"
)

const sample = `{"event_id":"01JC","type":"message.created","conversation_id":"c-42","message_id":"m-7","sent_at":"2026-03-02T09:00:47Z",` +
	`"sender":{"id":"u-9","role":"freelancer"},"contract":{"stage":"active"},"lang":"en","text":"call me, please"}`

func mustDecoder(t testing.TB, m Mapping) *Decoder {
	t.Helper()
	d, err := NewDecoder(m)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecode(t *testing.T) {
	full := classify.Message{
		EventID: "01JC", ConversationID: "c-42", MessageID: "m-7", SentAt: "2026-03-02T09:00:47Z", SenderID: "u-9",
		SenderRole: "freelancer", Stage: classify.Active, Lang: "en", Text: "call me, please",
	}
	short := classify.Message{EventID: "e", ConversationID: "c", MessageID: "e", Text: "t"}
	with := func(m classify.Message, change func(*classify.Message)) classify.Message {
		change(&m)
		return m
	}
	for _, test := range []struct {
		name, in string
		want     classify.Message
	}{
		{"all fields", sample, full},
		{"required ones only: the strictest stage", `{"event_id":"e","conversation_id":"c","text":"t"}`, short},
		{"space everywhere", "\n {\t\"event_id\" : \"e\" , \"conversation_id\":\r\n\"c\",\"text\":\"t\" } \n", short},
		{"unknown fields of every kind",
			`{"a":[1,-2.5e+3,{"text":"no"},[]],"event_id":"e","b":{"text":"no","c":{}},"conversation_id":"c","d":true,"e":null,"text":"t","f":false}`, short},
		{"unknown keys may repeat", `{"x":1,"event_id":"e","x":2,"conversation_id":"c","text":"t"}`, short},
		{"null is absent", `{"event_id":"e","conversation_id":"c","text":"t","sender":null,"contract":{"stage":null},"lang":null,"type":null}`, short},
		{"integers as identifiers", `{"event_id":12,"conversation_id":-7,"text":"t","sent_at":1700000000000}`,
			classify.Message{EventID: "12", ConversationID: "-7", MessageID: "12", SentAt: "1700000000000", Text: "t"}},
		{"empty text", `{"event_id":"e","conversation_id":"c","text":""}`, with(short, func(m *classify.Message) { m.Text = "" })},
		{"escapes", `{"event_id":"e","conversation_id":"c","text":"\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00x"}`,
			with(short, func(m *classify.Message) { m.Text = "\"\\/\b\f\n\r\täx" })},
		{"surrogates without a partner", `{"event_id":"e","conversation_id":"c","text":"a\ud83db\ude00\ud83d\u0041\ud83d"}`,
			with(short, func(m *classify.Message) { m.Text = "a\ufffdb\ufffd\ufffdA\ufffd" })},
		{"escaped key", `{"event_id":"e","conversation_id":"c","te\u0078t":"t"}`, short},
		{"bare type", `{"event_id":"e","conversation_id":"c","text":"t","type":"edited"}`, with(short, func(m *classify.Message) { m.Kind = classify.Edited })},
		{"deletion without text", `{"event_id":"e","conversation_id":"c","type":"message.deleted"}`,
			classify.Message{EventID: "e", ConversationID: "c", MessageID: "e", Kind: classify.Deleted}},
		{"keys differ by case", `{"Text":"no","event_id":"e","conversation_id":"c","text":"t"}`, short},
		{"envelope", `{"specversion":"1.0","id":"ce","source":"/x","type":"com.acme.chat.message.edited","time":"T","datacontenttype":"application/json",` +
			`"data":{"event_id":"e","conversation_id":"c","text":"t"}}`,
			with(short, func(m *classify.Message) { m.Kind, m.SentAt = classify.Edited, "T" })},
		{"envelope, data first, what it lacks from outside", `{"data":{"conversation_id":"c","text":"t"},"id":"ce","type":"org.x.chat","specversion":"1.0"}`,
			classify.Message{EventID: "ce", ConversationID: "c", MessageID: "ce", Text: "t"}},
		{"envelope, fields beside data are not the event's", `{"specversion":"1.0","text":5,"event_id":"no","data":{"event_id":"e","conversation_id":"c","text":"t"}}`, short},
		{"no envelope: its keys mean nothing", `{"event_id":"e","conversation_id":"c","text":"t","data":[1],"id":{"a":1},"time":true,"id":4,"specversion":1}`, short},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got classify.Message
			if code := mustDecoder(t, Mapping{}).Decode([]byte(test.in), &got); code != "" {
				t.Fatalf("code %s", code)
			}
			if test.name == "escapes" {
				test.want.Text = "\"\\/\b\f\n\r\t\u00e4\U0001f600x"
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeFaults(t *testing.T) {
	event := func(rest string) string { return `{"event_id":"e","conversation_id":"c","text":"t"` + rest + `}` }
	for in, want := range map[string]Code{
		"":                                     CodeJSON,
		" ":                                    CodeJSON,
		"null":                                 CodeJSON,
		"[]":                                   CodeJSON,
		`"text"`:                               CodeJSON,
		"{}":                                   CodeEventID,
		"{":                                    CodeJSON,
		"\xef\xbb\xbf{}":                       CodeJSON, // a byte order mark
		event(`}{`):                            CodeJSON,
		event(`,`):                             CodeJSON,
		event(`,"a"`):                          CodeJSON,
		event(`,"a":`):                         CodeJSON,
		event(`,"a":tru`):                      CodeJSON,
		event(`,"a":truefalse`):                CodeJSON,
		event(`,"a":01`):                       CodeJSON,
		event(`,"a":-`):                        CodeJSON,
		event(`,"a":1.`):                       CodeJSON,
		event(`,"a":1e`):                       CodeJSON,
		event(`,"a":+1`):                       CodeJSON,
		event(`,"a":[1,]`):                     CodeJSON,
		event(`,"a":[1 2]`):                    CodeJSON,
		event(`,"a":{"b":1,}`):                 CodeJSON,
		event(`,"a":{b:1}`):                    CodeJSON,
		event(`,"a":"\x"`):                     CodeJSON,
		event(`,"a":"\u12g4"`):                 CodeJSON,
		event(`,"a":"` + "\n" + `"`):           CodeJSON,
		event(`,"a":"` + "\x00" + `12345678"`): CodeJSON,
		event(`,"a":"open`):                    CodeJSON,
		event(`,"a":"` + "\xff" + `"`):         CodeUTF8,
		event(`,"a":"` + "\xed\xa0\x80" + `"`): CodeUTF8, // a surrogate
		"\xff":                                 CodeUTF8,
		event(`,"text":"t"`):                   CodeDuplicate,
		event(`,"te\u0078t":"t"`):              CodeDuplicate,
		event(`,"text":null`):                  CodeDuplicate,
		event(`,"sender":{"id":"a","id":"b"}`): CodeDuplicate,
		event(`,"sender":{},"sender":{}`):      CodeDuplicate,
		event(`,"lang":7`):                     CodeFieldType,
		event(`,"lang":{}`):                    CodeFieldType,
		event(`,"sender":"u"`):                 CodeFieldType,
		event(`,"sender":3`):                   CodeFieldType,
		event(`,"sender":{"id":1.5}`):          CodeFieldType,
		event(`,"sender":{"id":1e3}`):          CodeFieldType,
		event(`,"sender":{"id":true}`):         CodeFieldType,
		event(`,"sender":[{"id":"u"}]`):        "", // an array has no such place
		event(`,"type":"message.archived"`):    CodeType,
		event(`,"type":"user.created"`):        CodeType,
		event(`,"type":""`):                    CodeType,
		event(`,"contract":{"stage":"later"}`): CodeStage,
		event(`,"a":` + strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1)):         "",
		event(`,"a":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)):             CodeDepth,
		event(`,"a":` + strings.Repeat(`{"a":`, 100000)):                                           CodeDepth,
		`{"conversation_id":"c","text":"t"}`:                                                       CodeEventID,
		`{"event_id":"","conversation_id":"c","text":"t"}`:                                         CodeEventID,
		`{"event_id":null,"conversation_id":"c","text":"t"}`:                                       CodeEventID,
		`{"event_id":"e","text":"t"}`:                                                              CodeConversation,
		`{"event_id":"e","conversation_id":"c"}`:                                                   CodeText,
		`{"event_id":"e","conversation_id":"c","text":null,"type":"created"}`:                      CodeText,
		`{"event_id":5.5,"conversation_id":"c","text":`:                                            CodeJSON, // syntax comes before types
		`{"specversion":"1.0","data":"x"}`:                                                         CodeFieldType,
		`{"specversion":"1.0","data":null,"id":"i"}`:                                               CodeConversation,
		`{"specversion":"1.0","id":"i"}`:                                                           CodeConversation,
		`{"specversion":"1.0","id":{},"data":{"event_id":"e","conversation_id":"c","text":"t"}}`:   CodeFieldType,
		`{"specversion":"1.0","data":{},"data":{"event_id":"e","conversation_id":"c","text":"t"}}`: CodeDuplicate,
	} {
		var got classify.Message
		if code := mustDecoder(t, Mapping{}).Decode([]byte(in), &got); code != want {
			t.Errorf("%.80q: code %q, want %q", in, code, want)
		} else if want != "" && got != (classify.Message{}) {
			t.Errorf("%.80q: message is left at %+v", in, got)
		}
	}
	if code := mustDecoder(t, Mapping{}).Decode(nil, new(classify.Message)); code != CodeNull {
		t.Errorf("nil: code %q", code)
	}
}

func TestDecodeMapping(t *testing.T) {
	d := mustDecoder(t, Mapping{
		EventID: "/meta/id", ConversationID: "/meta/a~1b~0c", MessageID: "/meta/id", SenderID: "/from/0/key", SenderRole: "/from/1",
		Stage: "/stage", Text: "/data/body",
	})
	in := `{"specversion":"1.0","meta":{"id":7,"a/b~c":"conv"},"from":[{"key":"u"},"client",{"key":"x"}],"stage":"ended","data":{"body":"hi"},"text":3}`
	var got classify.Message
	if code := d.Decode([]byte(in), &got); code != "" {
		t.Fatalf("code %s", code)
	}
	want := classify.Message{EventID: "7", ConversationID: "conv", MessageID: "7", SenderID: "u", SenderRole: "client", Stage: classify.Ended, Text: "hi"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMappingFaults(t *testing.T) {
	_, err := NewDecoder(Mapping{EventID: "id", Text: "/sender", Lang: "/lang~2", Type: "/text/a/b" + strings.Repeat("/x", 40)})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"mapping.event_id", "mapping.text", "mapping.lang", "mapping.type"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported in:\n%v", want, err)
		}
	}
}

// A message's strings must stay as they are while later ones are decoded with the same arena.
func TestDecodeArena(t *testing.T) {
	d := mustDecoder(t, Mapping{})
	var messages [200]classify.Message
	for i := range messages {
		in := `{"event_id":"e","conversation_id":"c","text":"n\u006f ` + strconv.Itoa(i) + `"}`
		if code := d.Decode([]byte(in), &messages[i]); code != "" {
			t.Fatal(code)
		}
	}
	for i, m := range messages {
		if want := "no " + strconv.Itoa(i); m.Text != want {
			t.Fatalf("message %d: %q", i, m.Text)
		}
	}
	d.Reset()
	if len(d.arena) != 0 {
		t.Error("Reset keeps the arena")
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	d := mustDecoder(t, Mapping{})
	escaped := []byte(strings.Replace(sample, "call me,", `call\nme \u00e4`, 1))
	var m classify.Message
	n := testing.AllocsPerRun(100, func() {
		d.Reset()
		if d.Decode(escaped, &m) != "" {
			t.Fatal("not decoded")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// slowDecode is the decoder as one would write it with encoding/json, for the zero Mapping: token by token, without any
// of the fast one's parts.
func slowDecode(value []byte) (classify.Message, Code) {
	if !utf8.Valid(value) {
		return classify.Message{}, CodeUTF8
	}
	root, code := slowParse(value)
	if code != "" {
		return classify.Message{}, code
	}
	if spec, ok := root.last("specversion").(string); ok {
		_ = spec
		return slowEnvelope(root)
	}
	got, fault := map[string]string{}, Code("")
	slowEvent(root, got, &fault)
	return slowFill(got, fault)
}

// slowObject keeps keys in order, repeated ones too.
type slowObject []slowMember

type slowMember struct {
	key   string
	value any
}

// last string wins, as in the fast one; anything else does not count.
func (o slowObject) last(key string) (v any) {
	for _, m := range o {
		if m.key == key {
			if _, ok := m.value.(string); ok {
				v = m.value
			}
		}
	}
	return v
}

var errSlowDepth = errors.New("too deep")

func slowParse(value []byte) (slowObject, Code) {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	first, err := dec.Token()
	if err != nil || first != json.Delim('{') {
		return nil, CodeJSON
	}
	o, err := slowMembers(dec, 1)
	if errors.Is(err, errSlowDepth) {
		return nil, CodeDepth
	}
	if err != nil {
		return nil, CodeJSON
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, CodeJSON
	}
	return o, ""
}

func slowMembers(dec *json.Decoder, depth int) (slowObject, error) {
	o := slowObject{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := slowValue(dec, depth)
		if err != nil {
			return nil, err
		}
		o = append(o, slowMember{key.(string), v})
	}
	_, err := dec.Token()
	return o, err
}

func slowValue(dec *json.Decoder, depth int) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	d, ok := tok.(json.Delim)
	if !ok {
		return tok, nil
	}
	if depth >= MaxDepth {
		return nil, errSlowDepth
	}
	if d == '{' {
		return slowMembers(dec, depth+1)
	}
	var a []any
	for dec.More() {
		v, err := slowValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	_, err = dec.Token()
	return a, err
}

var slowPlaces = map[string]string{
	"event_id": "event_id", "conversation_id": "conversation_id", "message_id": "message_id", "type": "type", "sent_at": "sent_at",
	"sender/id": "sender_id", "sender/role": "sender_role", "contract/stage": "stage", "lang": "lang", "text": "text",
}

var slowIntegers = map[string]bool{"event_id": true, "conversation_id": true, "message_id": true, "sender_id": true, "sent_at": true}

func slowEvent(o slowObject, got map[string]string, fault *Code) {
	blame := func(c Code) {
		if *fault == "" {
			*fault = c
		}
	}
	var walk func(o slowObject, prefix string)
	walk = func(o slowObject, prefix string) {
		seen := map[string]bool{}
		for _, m := range o {
			path := prefix + m.key
			field, leaf := slowPlaces[path]
			inner := prefix == "" && (m.key == "sender" || m.key == "contract")
			leaf = leaf && !strings.Contains(m.key, "/")
			if !leaf && !inner {
				continue
			}
			if seen[m.key] {
				blame(CodeDuplicate)
			}
			seen[m.key] = true
			switch v := m.value.(type) {
			case nil:
			case slowObject:
				if !inner {
					blame(CodeFieldType)
					continue
				}
				walk(v, path+"/")
			case []any:
				if !inner {
					blame(CodeFieldType)
				}
			case string:
				if inner {
					blame(CodeFieldType)
					continue
				}
				got[field] = v
			case json.Number:
				if inner || !slowIntegers[field] || strings.ContainsAny(v.String(), ".eE") {
					blame(CodeFieldType)
					continue
				}
				got[field] = v.String()
			default:
				blame(CodeFieldType)
			}
		}
	}
	walk(o, "")
}

func slowEnvelope(o slowObject) (classify.Message, Code) {
	outer, fault := map[string]string{}, Code("")
	var data any
	seen := map[string]bool{}
	for _, m := range o {
		switch m.key {
		case "specversion", "id", "type", "time", "data":
		default:
			continue
		}
		if seen[m.key] && fault == "" {
			fault = CodeDuplicate
		}
		seen[m.key] = true
		if m.key == "data" {
			if m.value != nil {
				data = m.value
			}
			continue
		}
		switch v := m.value.(type) {
		case nil:
		case string:
			outer[m.key] = v
		default:
			if fault == "" {
				fault = CodeFieldType
			}
		}
	}
	got := map[string]string{}
	switch v := data.(type) {
	case nil:
	case slowObject:
		slowEvent(v, got, &fault)
	default:
		if fault == "" {
			fault = CodeFieldType
		}
		return slowFill(got, fault)
	}
	standIn := func(from, to string) {
		if s, ok := outer[from]; ok {
			if _, ok := got[to]; !ok {
				got[to] = s
			}
		}
	}
	standIn("id", "event_id")
	standIn("time", "sent_at")
	if i := strings.LastIndex(outer["type"], ".message."); i >= 0 {
		outer["type"] = outer["type"][i+1:]
	}
	switch strings.TrimPrefix(outer["type"], "message.") {
	case "created", "edited", "deleted":
		standIn("type", "type")
	}
	return slowFill(got, fault)
}

func slowFill(got map[string]string, fault Code) (m classify.Message, code Code) {
	if fault != "" {
		return m, fault
	}
	kinds := map[string]classify.Kind{"created": classify.Created, "edited": classify.Edited, "deleted": classify.Deleted}
	if s, ok := got["type"]; ok {
		if m.Kind, ok = kinds[strings.TrimPrefix(s, "message.")]; !ok {
			return classify.Message{}, CodeType
		}
	}
	if s, ok := got["stage"]; ok {
		if m.Stage, ok = classify.ParseStage(s); !ok {
			return classify.Message{}, CodeStage
		}
	}
	_, hasText := got["text"]
	switch {
	case got["event_id"] == "":
		return classify.Message{}, CodeEventID
	case got["conversation_id"] == "":
		return classify.Message{}, CodeConversation
	case !hasText && m.Kind != classify.Deleted:
		return classify.Message{}, CodeText
	}
	m.EventID, m.ConversationID, m.MessageID = got["event_id"], got["conversation_id"], got["message_id"]
	if m.MessageID == "" {
		m.MessageID = m.EventID
	}
	m.SentAt, m.SenderID, m.SenderRole, m.Lang, m.Text = got["sent_at"], got["sender_id"], got["sender_role"], got["lang"], got["text"]
	return m, ""
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		sample,
		`{"event_id":12,"conversation_id":"c","text":"\ud83d\ude00\u0000\"","type":"edited","sender":{"id":1.5}}`,
		`{"specversion":"1.0","id":"a","time":"t","type":"x.message.deleted","data":{"conversation_id":"c","contract":{"stage":"ended"}}}`,
		`{"a":[[[[1,2.5e-7,-0,true,null]]]],"text":null,"text":"x","sender":[],"contract":{"stage":[]}}`,
		`{"te\u0078t":"a","event_id":"\/","conversation_id":"ä\uDC00"}`,
		strings.Repeat(`{"a":`, 40), `{"a":` + strings.Repeat("[", 40), "[]", "nul", "{\"\xff\":1}",
	} {
		f.Add([]byte(s))
	}
	d := mustDecoder(f, Mapping{})
	f.Fuzz(func(t *testing.T, value []byte) {
		if value == nil {
			return
		}
		d.Reset()
		var got classify.Message
		code := d.Decode(value, &got)
		want, wantCode := slowDecode(value)
		if code != wantCode {
			t.Fatalf("%q: code %q, want %q", value, code, wantCode)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: %s", value, diff)
		}
	})
}

// FuzzMapping puts values where pointers say: a decoder that takes the pointers finds the values.
func FuzzMapping(f *testing.F) {
	for _, p := range [][3]string{{"/a/b", "/a/c", "/a/d/e"}, {"/a~1b/~0", "/é", "/body"}, {"", "/x", "/x"}, {"a", "//", "/~2"}, {"/0", "/-", "/ "}} {
		f.Add(p[0], p[1], p[2])
	}
	documented := []string{"specversion", "id", "type", "time", "data", "event_id", "conversation_id", "message_id", "sent_at", "sender", "contract", "lang", "text"}
	f.Fuzz(func(t *testing.T, id, conversation, text string) {
		d, err := NewDecoder(Mapping{EventID: id, ConversationID: conversation, Text: text})
		if err != nil {
			return
		}
		event := map[string]any{}
		for i, p := range []string{id, conversation, text} {
			if p == "" {
				p = documentedPlaces[i]
			}
			keys := strings.Split(strings.NewReplacer("~1", "/", "~0", "~").Replace(strings.ReplaceAll(p[1:], "/", "\x00")), "\x00")
			own := p == documentedPlaces[i]
			if !own && slices.Contains(documented, keys[0]) || !utf8.ValidString(p) || strings.Contains(p, "\x00") || len(keys) > 20 || !place(event, keys, fmt.Sprint("value ", i)) {
				return
			}
		}
		value, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		var m classify.Message
		if code := d.Decode(value, &m); code != "" || m.EventID != "value 0" || m.ConversationID != "value 1" || m.Text != "value 2" {
			t.Fatalf("%s by %q, %q, %q: code %q, %+v", value, id, conversation, text, code, m)
		}
	})
}

var documentedPlaces = []string{"/event_id", "/conversation_id", "/text"}

// place sets what is below the keys; false where something is there, or on the way.
func place(in map[string]any, keys []string, value string) bool {
	if len(keys) == 1 {
		_, taken := in[keys[0]]
		in[keys[0]] = value
		return !taken
	}
	if in[keys[0]] == nil {
		in[keys[0]] = map[string]any{}
	}
	below, ok := in[keys[0]].(map[string]any)
	return ok && place(below, keys[1:], value)
}

func BenchmarkDecode(b *testing.B) {
	d := mustDecoder(b, Mapping{})
	event := []byte(strings.Replace(sample, "call me, please", strings.Repeat("I can start on Monday morning. ", 4), 1))
	var m classify.Message
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		d.Reset()
		if d.Decode(event, &m) != "" {
			b.Fatal("not decoded")
		}
	}
}
