package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onside"
	"onside/internal/classify"
	"onside/internal/source"
)

// talkReader finds a message in a file, with the conversation before it.
type talkReader struct {
	message string // id of the message or of its event; empty: the last one
	mapping source.Mapping
	maxLine int // bytes
	sum     verdictSummary
}

// readFile reads the file of that name, or in for "-".
func (r *talkReader) readFile(name string, in io.Reader) ([]classify.Message, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read conversation: %w", err)
		}
		defer f.Close()
		in = f
	}
	src := bufio.NewReaderSize(in, 1<<16)
	first, err := src.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read conversation: %w", err)
	}
	var events []classify.Message
	if filepath.Ext(name) == ".txt" || string(first) == "#" {
		events, err = compactEvents(name, src)
	} else {
		events, err = r.jsonEvents(src)
	}
	if err != nil {
		return nil, err
	}
	return r.choose(name, events)
}

func compactEvents(name string, in io.Reader) ([]classify.Message, error) {
	src, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read conversation: %w", err)
	}
	var labelled onside.Reader
	labelled.Compact(name, string(src))
	events, err := labelled.Events()
	if err != nil {
		return nil, fail(exitData, fmt.Errorf("read conversation:\n%w", err))
	}
	out := make([]classify.Message, len(events))
	for i := range events {
		out[i] = events[i].Message
	}
	return out, nil
}

// jsonEvents reads events as worker classify does. Each batch has memory of its own, which its messages keep.
func (r *talkReader) jsonEvents(in *bufio.Reader) ([]classify.Message, error) {
	p := &pipeline{opt: verdictOptions{mapping: r.mapping}}
	lines := lineReader{r: in, max: r.maxLine}
	var out []classify.Message
	for {
		b := p.batch()
		err := b.fill(&lines)
		b.decode()
		for i := range b.lines {
			r.sum.count(&b.lines[i])
			if b.lines[i].code == "" {
				out = append(out, b.lines[i].message)
			}
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read conversation: %w", err)
		}
	}
}

// choose cuts the events down to the conversation of the wanted message, which becomes the last one.
func (r *talkReader) choose(name string, events []classify.Message) ([]classify.Message, error) {
	at := len(events) - 1
	if r.message != "" {
		var err error
		if at, err = find(events, r.message); err != nil {
			return nil, fail(exitData, fmt.Errorf("%s: %w", shown(name), err))
		}
	}
	if at < 0 {
		return nil, fail(exitData, fmt.Errorf("%s: there is no event to explain", shown(name)))
	}
	id := events[at].ConversationID
	return slices.DeleteFunc(events[:at+1], func(m classify.Message) bool { return m.ConversationID != id }), nil
}

func shown(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// find is the place of an event by its id, or of the last event about a message by the id of that.
func find(events []classify.Message, id string) (int, error) {
	if i := slices.IndexFunc(events, func(m classify.Message) bool { return m.EventID == id }); i >= 0 {
		return i, nil
	}
	at := -1
	var in []string
	for i := range events {
		if events[i].MessageID == id {
			at, in = i, addNew(in, events[i].ConversationID)
		}
	}
	switch {
	case at < 0:
		return 0, fmt.Errorf("no event and no message has the id %q; there are %d events", id, len(events))
	case len(in) > 1:
		return 0, fmt.Errorf("message %q is in the conversations %s: give the event's id", id, strings.Join(in, ", "))
	}
	return at, nil
}
