// Package onside holds the labelled corpus of conversations and the scorer that measures verdicts against it.
//
// The corpus is written by hand in a compact format (testdata/corpus/FORMAT.md) and embedded in the binary: worker demo
// plays it, worker eval scores against it, and the tests of the classifier train and tune on it. The order of the files is the order
// of their names; nothing here depends on the clock or on the machine, so the same corpus is the same bytes everywhere.
package onside

import (
	"fmt"
	"io/fs"
	"strings"

	"onside/internal/classify"
)

const (
	corpusDir = "testdata/corpus/"
	splitFile = "split.txt"
)

// Event is one chat message and the label that a person gave it.
type Event struct {
	classify.Message
	Label Label
	File  string // name of the file without its extension: "d1-english"
	Line  int
}

// Label is what the labelling guide says of a message that is read with all that came before it.
type Label struct {
	Action      string   `json:"action"`                // none, remind, review, or part of evidence that a later message completes
	Categories  []string `json:"categories,omitempty"`  // empty for none
	Intent      string   `json:"intent,omitempty"`      // share, request, propose, comply, refuse, discuss
	Obfuscation []string `json:"obfuscation,omitempty"` // how the evidence is disguised; empty when it stands in the open
	Group       string   `json:"group,omitempty"`       // joins split evidence; unique within the conversation
}

// Corpus reads the embedded corpus: every message of every conversation, in order. Message.Offset counts
// the events from 0.
func Corpus() ([]Event, error) {
	var r Reader
	for _, name := range corpusFiles() {
		src, err := fs.ReadFile(corpus(), corpusDir+name)
		if err != nil {
			return nil, fmt.Errorf("read corpus: %w", err)
		}
		r.Compact(name, string(src))
	}
	return r.Events()
}

// Split divides events of the corpus by conversation into the part that models are fitted on and the part that they are
// tuned and measured on, about four to one. The conversations to tune on are written down in testdata/corpus/split.txt;
// minimal pairs are never torn apart.
func Split(events []Event) (train, tune []Event) {
	held := tuneConversations()
	for _, e := range events {
		if held[e.ConversationID] {
			tune = append(tune, e)
		} else {
			train = append(train, e)
		}
	}
	return train, tune
}

// Pair is what the ids of conversations that differ only in a detail have in common: d18-007a and d18-007b are of d18-007.
// It is the id itself for other conversations.
func Pair(conversation string) string {
	n := len(conversation)
	if n < 2 || conversation[n-1] < 'a' || conversation[n-1] > 'c' || conversation[n-2] < '0' || conversation[n-2] > '9' {
		return conversation
	}
	return conversation[:n-1]
}

// Examples are the events as a model learns from them. Their labels are those that a Reader has checked.
func Examples(events []Event) []classify.Example {
	out := make([]classify.Example, len(events))
	for i, e := range events {
		out[i] = classify.Example{Message: e.Message, Label: classify.Label{Action: e.Label.Action, Grouped: e.Label.Group != ""}}
		for _, name := range e.Label.Categories {
			if c, ok := classify.ParseCategory(name); ok {
				out[i].Categories = append(out[i].Categories, c)
			}
		}
		out[i].Act, out[i].HasAct = classify.ParseAct(e.Label.Intent)
	}
	return out
}

func corpusFiles() []string {
	paths, err := fs.Glob(corpus(), corpusDir+"*.txt")
	if err != nil {
		panic("onside: bad pattern: " + err.Error())
	}
	names := make([]string, 0, len(paths))
	for _, p := range paths {
		if name := strings.TrimPrefix(p, corpusDir); name != splitFile {
			names = append(names, name)
		}
	}
	return names
}

func tuneConversations() map[string]bool {
	src, err := fs.ReadFile(corpus(), corpusDir+splitFile)
	if err != nil {
		panic("onside: no split in the binary: " + err.Error())
	}
	held := map[string]bool{}
	for line := range strings.Lines(string(src)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			held[line] = true
		}
	}
	return held
}
