package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"onside/internal/classify"
)

// Parse reads a policy file. The error lists every fault, one a line, as "line:col: path: problem".
func Parse(source []byte) (*Policy, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(source, &doc); err != nil {
		return nil, fmt.Errorf("parse policy: %w", err)
	}
	p := &Policy{source: source, version: version(source), words: map[string]string{}}
	var r reader
	if len(doc.Content) == 0 {
		return nil, errors.New("1:1: policy: the file is empty; worker check --print-policy prints the default")
	}
	r.policy(doc.Content[0], p)
	if r.faults != nil {
		return nil, errors.New(strings.Join(r.faults, "\n"))
	}
	return p, nil
}

// reader collects the faults of a file while it is read.
type reader struct{ faults []string }

func (r *reader) fault(n *yaml.Node, path, format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf("%d:%d: %s: %s", n.Line, n.Column, path, fmt.Sprintf(format, args...)))
}

// fields calls the reader of each key of a mapping; unknown, repeated and missing keys are faults.
func (r *reader) fields(n *yaml.Node, path string, read map[string]func(*yaml.Node), required ...string) {
	if n.Kind != yaml.MappingNode {
		r.fault(n, path, "want keys and values")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if f, ok := read[key.Value]; !ok {
			r.fault(key, join(path, key.Value), "unknown key; want one of %s", names(read))
		} else if seen[key.Value] {
			r.fault(key, join(path, key.Value), "stands twice")
		} else {
			f(n.Content[i+1])
		}
		seen[key.Value] = true
	}
	for _, k := range required {
		if !seen[k] {
			r.fault(n, join(path, k), "is missing")
		}
	}
}

func (r *reader) policy(n *yaml.Node, p *Policy) {
	r.fields(n, "", map[string]func(*yaml.Node){
		"name":         func(n *yaml.Node) { r.text(n, "name", &p.name) },
		"exempt_roles": func(n *yaml.Node) { p.exempt = r.list(n, "exempt_roles") },
		"own_tools":    func(n *yaml.Node) { p.ownTools = r.list(n, "own_tools") },
		"words":        func(n *yaml.Node) { r.words(n, p) },
		"rules":        func(n *yaml.Node) { r.rules(n, p) },
	}, "name", "words", "rules")
}

// words reads how the reasons name things: every category, act that counts, and stage must have its word.
func (r *reader) words(n *yaml.Node, p *Policy) {
	read := map[string]func(*yaml.Node){}
	want := slices.Concat(categoryWords, actWords, stageWords)
	for _, w := range want {
		read[w] = func(n *yaml.Node) {
			var s string
			r.text(n, "words."+w, &s)
			p.words[w] = s
		}
	}
	r.fields(n, "words", read, slices.DeleteFunc(want, func(w string) bool { return w == "refuse" || w == "defer" })...)
}

func (r *reader) rules(n *yaml.Node, p *Policy) {
	if n.Kind != yaml.SequenceNode {
		r.fault(n, "rules", "want a list")
		return
	}
	ids := map[string]bool{}
	for i, item := range n.Content {
		path := fmt.Sprintf("rules[%d]", i)
		var x rule
		r.rule(item, path, &x)
		if x.id != "" && ids[x.id] {
			r.fault(item, path+".id", "%q names two rules", x.id)
		}
		ids[x.id] = true
		p.rules = append(p.rules, x)
	}
}

func (r *reader) rule(n *yaml.Node, path string, x *rule) {
	r.fields(n, path, map[string]func(*yaml.Node){
		"id": func(n *yaml.Node) { r.text(n, path+".id", &x.id) },
		"action": func(n *yaml.Node) {
			a, _ := one(r, n, path+".action", actionNames)
			x.action = Action(a)
		},
		"severity": func(n *yaml.Node) {
			s, _ := one(r, n, path+".severity", severityNames)
			x.severity = Severity(s)
		},
		"stages":     func(n *yaml.Node) { x.stages = uint8(r.set(n, path+".stages", stageWords)) },
		"categories": func(n *yaml.Node) { x.categories = r.set(n, path+".categories", categoryWords) },
		"acts":       func(n *yaml.Node) { x.acts = uint8(r.set(n, path+".acts", actWords)) },
		"min_score":  func(n *yaml.Node) { r.share(n, path+".min_score", &x.minScore) },
	}, "id", "action", "severity", "stages", "categories", "acts", "min_score")
}

func (r *reader) text(n *yaml.Node, path string, into *string) {
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		r.fault(n, path, "want a text")
		return
	}
	*into = n.Value
}

// share reads a number from 0 to 1.
func (r *reader) share(n *yaml.Node, path string, into *float64) {
	x, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || !(x >= 0 && x <= 1) {
		r.fault(n, path, "want a number from 0 to 1, not %q", n.Value)
		return
	}
	*into = x
}

func (r *reader) list(n *yaml.Node, path string) []string {
	if n.Kind != yaml.SequenceNode {
		r.fault(n, path, "want a list")
		return nil
	}
	var out []string
	for i, item := range n.Content {
		var s string
		r.text(item, fmt.Sprintf("%s[%d]", path, i), &s)
		out = append(out, s)
	}
	return out
}

// set reads a list of words as bits by their place among those that are known.
func (r *reader) set(n *yaml.Node, path string, known []string) (bits uint32) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fault(n, path, "want a list of %s", strings.Join(known, ", "))
		return 0
	}
	for i, item := range n.Content {
		if k, ok := one(r, item, fmt.Sprintf("%s[%d]", path, i), known); ok {
			bits |= 1 << k
		}
	}
	return bits
}

// one reads one of the known words as its place among them.
func one(r *reader, n *yaml.Node, path string, known []string) (int, bool) {
	i := slices.Index(known, n.Value)
	if n.Kind != yaml.ScalarNode || i < 0 {
		r.fault(n, path, "want one of %s, not %q", strings.Join(known, ", "), n.Value)
		return 0, false
	}
	return i, true
}

var (
	stageWords    = wordsOf(3, func(i int) string { return classify.Stage(i).String() })
	categoryWords = wordsOf(classify.NumCategories, func(i int) string { return classify.Category(i).String() })
	actWords      = wordsOf(classify.NumActs, func(i int) string { return classify.Act(i).String() })
)

func wordsOf(n int, word func(int) string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = word(i)
	}
	return out
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func names[V any](m map[string]V) string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
