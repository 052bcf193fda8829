package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// printConfig writes the default configuration as a file to start from: every setting, each with what it does.
func printConfig(w io.Writer) error {
	c := defaultConfig()
	b := bufio.NewWriter(w)
	b.WriteString("# Every setting of worker run with its default: a file needs only those that differ.\n" +
		"# ${NAME} stands for an environment variable, ${NAME:-default} for one that may be unset.\n" +
		"# A flag goes over the file: --set kafka.group=other\n")
	for _, s := range settings(&c) {
		depth := strings.Count(s.path, ".")
		if depth == 0 {
			b.WriteByte('\n')
		}
		indent := strings.Repeat("  ", depth)
		for _, line := range comment(s, 100-len(indent)) {
			b.WriteString(indent + "# " + line + "\n")
		}
		b.WriteString(indent + s.key() + ":" + printed(s) + "\n")
	}
	return b.Flush()
}

// comment is what is said above a setting, in lines of at most width characters.
func comment(s setting, width int) []string {
	text := s.tag.Get("doc")
	if words := s.tag.Get("oneof"); words != "" {
		text = strings.TrimSpace(text + " One of " + strings.ReplaceAll(words, ",", ", ") + ".")
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// printed is a setting's value as YAML, behind a space; empty for a group.
func printed(s setting) string {
	switch v := s.value.Interface().(type) {
	case string:
		return " " + quoted(v)
	case []string:
		words := make([]string, len(v))
		for i, word := range v {
			words[i] = quoted(word)
		}
		return " [" + strings.Join(words, ", ") + "]"
	case time.Duration:
		return " " + shortDuration(v)
	case bool, int, size:
		return fmt.Sprint(" ", v)
	}
	return ""
}

// quoted quotes what is not a plain word.
func quoted(s string) string {
	if s == "" || strings.ContainsAny(s[:1], `:#{}[]&*!|>'"%@-`) || strings.HasSuffix(s, ":") {
		return strconv.Quote(s)
	}
	return s
}

// shortDuration leaves out the minutes and seconds that are zero: 24h0m0s is 24h.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
