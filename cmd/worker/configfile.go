package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fault is one thing wrong with the configuration, and where.
type fault struct {
	where     string // file, or the flag that said it
	line, col int    // 0 for a flag
	path      string
	problem   string
}

func (f fault) String() string {
	s := f.where + ": "
	if f.line > 0 {
		s = fmt.Sprintf("%s:%d:%d: ", f.where, f.line, f.col)
	}
	if f.path != "" {
		s += f.path + ": "
	}
	return s + f.problem
}

// place is where a setting was given.
type place struct {
	where     string
	line, col int
}

// configReader fills a configuration from a file and from flags, and collects every fault on the way.
type configReader struct {
	config config
	env    func(string) (string, bool)
	file   string
	places map[string]place // by path
	faults []fault
}

func newConfigReader(env func(string) (string, bool)) *configReader {
	return &configReader{config: defaultConfig(), env: env, file: "(defaults)", places: map[string]place{}}
}

// err is nil, or an error of all faults, one a line, in the order of the file.
func (r *configReader) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(r.faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.col, b.col))
	})
	lines := make([]string, len(r.faults))
	for i, f := range r.faults {
		lines[i] = f.String()
	}
	what := "1 fault"
	if n := len(lines); n > 1 {
		what = strconv.Itoa(n) + " faults"
	}
	return fail(exitConfig, fmt.Errorf("configuration has %s:\n%s", what, strings.Join(lines, "\n")))
}

// fault adds a fault of a setting, at the place where it, or else the group around it, was given.
func (r *configReader) fault(path, format string, args ...any) {
	f := fault{where: r.file, path: path, problem: fmt.Sprintf(format, args...)}
	for p := path; ; {
		if at, ok := r.places[p]; ok {
			f.where, f.line, f.col = at.where, at.line, at.col
			break
		}
		i := strings.LastIndexAny(p, ".[")
		if i < 0 {
			break
		}
		p = p[:i]
	}
	r.faults = append(r.faults, f)
}

// readFile reads a YAML file over what is there.
func (r *configReader) readFile(name string) {
	r.file = name
	src, err := os.ReadFile(name)
	if err != nil {
		r.faults = append(r.faults, fault{where: name, problem: "cannot be read: " + reason(err)})
		return
	}
	r.read(src)
}

func (r *configReader) read(src []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) {
			r.syntax(err)
		}
		return
	}
	r.group(doc.Content[0], setting{value: reflect.ValueOf(&r.config).Elem()})
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		r.at(&second, "", "a second document: there must be only one")
	} else if !errors.Is(err, io.EOF) {
		r.syntax(err)
	}
}

var (
	yamlError = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)
	// yamlParser matches the problems whose lines the YAML package counts from 0.
	yamlParser = regexp.MustCompile(`^did not find expected (',' or|key$|'-' indicator|<|node content)|^found a tab character that violates`)
)

func (r *configReader) syntax(err error) {
	f := fault{where: r.file, line: 1, col: 1, problem: err.Error()}
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		f.problem = "not YAML: " + m[2]
		f.line, _ = strconv.Atoi(cmp.Or(m[1], "0"))
		if yamlParser.MatchString(m[2]) || f.line == 0 {
			f.line++
		}
	}
	r.faults = append(r.faults, f)
}

func (r *configReader) at(n *yaml.Node, path, format string, args ...any) {
	r.faults = append(r.faults, fault{
		where: r.file, line: n.Line, col: n.Column, path: path, problem: fmt.Sprintf(format, args...),
	})
}

// group reads a mapping into the struct of s.
func (r *configReader) group(n *yaml.Node, s setting) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.at(n, s.path, "want %s, not %s", kindOf(s.value), describe(n))
		return
	}
	known, seen := s.fields(), map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		j := slices.IndexFunc(known, func(f setting) bool { return f.key() == key.Value })
		switch {
		case j < 0:
			r.unknown(key, s, known)
		case seen[key.Value]:
			r.at(key, known[j].path, "given twice")
		default:
			seen[key.Value] = true
			r.places[known[j].path] = place{r.file, value.Line, value.Column}
			r.value(value, known[j])
		}
	}
}

func (r *configReader) value(n *yaml.Node, s setting) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	_, isList := s.value.Interface().([]string)
	switch {
	case s.isGroup():
		r.group(n, s)
	case n.Tag == "!!null":
	case n.Kind == yaml.ScalarNode:
		r.scalar(n, s)
	case n.Kind == yaml.SequenceNode && isList:
		r.list(n, s)
	default:
		r.at(n, s.path, "want %s, not %s", kindOf(s.value), describe(n))
	}
}

func (r *configReader) scalar(n *yaml.Node, s setting) {
	text, ok := r.expand(n, s.path)
	if !ok {
		return
	}
	if err := setSetting(s, text); err != nil {
		r.at(n, s.path, "%v", err)
	}
}

func (r *configReader) list(n *yaml.Node, s setting) {
	out := []string{}
	for i, item := range n.Content {
		path := fmt.Sprintf("%s[%d]", s.path, i)
		if item.Kind != yaml.ScalarNode {
			r.at(item, path, "want a string, not %s", describe(item))
			continue
		}
		r.places[path] = place{r.file, item.Line, item.Column}
		if text, ok := r.expand(item, path); ok {
			out = append(out, text)
		}
	}
	s.value.Set(reflect.ValueOf(out))
}

// setSetting parses a text into a setting and checks that it is one of those allowed.
func setSetting(s setting, text string) error {
	if allowed := s.tag.Get("oneof"); allowed != "" {
		if words := strings.Split(allowed, ","); !slices.Contains(words, text) {
			return fmt.Errorf("%q is not one of %s%s", text, strings.Join(words, ", "), didYouMean(text, words))
		}
	}
	return setScalar(s.value, text)
}

func (r *configReader) unknown(key *yaml.Node, s setting, known []setting) {
	path := key.Value
	if s.path != "" {
		path = s.path + "." + path
	}
	words := make([]string, len(known))
	for i, f := range known {
		words[i] = f.key()
	}
	hint := didYouMean(key.Value, words)
	if hint == "" {
		hint = r.elsewhere(key.Value)
	}
	r.at(key, path, "unknown key%s", hint)
}

// elsewhere suggests a setting of another group with this very name.
func (r *configReader) elsewhere(key string) string {
	for _, s := range settings(&r.config) {
		if s.key() == key {
			return fmt.Sprintf("; did you mean %q?", s.path)
		}
	}
	return ""
}

// set gives a setting as a flag does: path=value, with variables as in the file.
func (r *configReader) set(flag, path, text string) {
	all := settings(&r.config)
	i := slices.IndexFunc(all, func(s setting) bool { return s.path == path && !s.isGroup() })
	if i < 0 {
		var words []string
		for _, s := range all {
			if !s.isGroup() {
				words = append(words, s.path)
			}
		}
		r.faults = append(r.faults, fault{where: flag, path: path, problem: "unknown setting" + didYouMean(path, words)})
		return
	}
	r.places[path] = place{where: flag}
	if err := setSetting(all[i], text); err != nil {
		r.faults = append(r.faults, fault{where: flag, path: path, problem: err.Error()})
	}
}

// variable is ${NAME} or ${NAME:-default}; $${ stands for itself.
var variable = regexp.MustCompile(`\$?\$\{[^}]*\}?`)
var variableForm = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}$`)

// expand replaces the variables in a scalar. It works on the value that YAML has parsed, so what a variable holds
// cannot change the structure of the document.
func (r *configReader) expand(n *yaml.Node, path string) (string, bool) {
	ok := true
	text := variable.ReplaceAllStringFunc(n.Value, func(v string) string {
		if strings.HasPrefix(v, "$$") {
			return v[1:]
		}
		m := variableForm.FindStringSubmatch(v)
		if m == nil {
			r.at(n, path, "%q is not a variable: want ${NAME} or ${NAME:-default}; write $${ for the characters themselves", v)
			ok = false
			return ""
		}
		value, set := r.env(m[1])
		if m[2] != "" && value == "" {
			return m[3]
		}
		if !set {
			r.at(n, path, "variable %s is not set and has no default; ${%s:-…} would give one", m[1], m[1])
			ok = false
		}
		return value
	})
	return text, ok
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return strconv.Quote(n.Value)
}

// reason is the cause of a file error without the name of the file.
func reason(err error) string {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
