package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// readConfig reads a file's text and returns what was read with the faults, one a line.
func readConfig(src string, env map[string]string) (config, []string) {
	r := newConfigReader(func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	})
	r.file = "worker.yaml"
	r.read([]byte(src))
	r.check()
	err := r.err()
	if err == nil {
		return r.config, nil
	}
	return r.config, strings.Split(err.Error(), "\n")[1:]
}

func printedConfig(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := printConfig(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPrintedConfigIsTheDefault(t *testing.T) {
	got, faults := readConfig(printedConfig(t), nil)
	if len(faults) > 0 {
		t.Errorf("faults: %q", faults)
	}
	if diff := cmp.Diff(defaultConfig(), got); diff != "" {
		t.Errorf("printed and read again (-want +got):\n%s", diff)
	}
}

// TestReferenceIsGenerated keeps the reference in docs equal to what the program prints.
func TestReferenceIsGenerated(t *testing.T) {
	const path = "../../docs/CONFIG.md"
	want := "# Configuration\n\n" +
		"`worker run --config FILE` reads one YAML file. Every setting has a default; flags go over the file, and `--set path=value` gives any\n" +
		"setting. `worker check --config FILE` prints every fault with its line and column and exits with 78. This page is generated:\n" +
		"`worker check --print-config` prints the same, and `go test ./cmd/worker -run Reference -update` writes it.\n\n" +
		"```yaml\n" + printedConfig(t) + "```\n"
	if *update {
		write(t, path, want)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestMutatedConfig renames, retypes and removes each key of the full configuration, one at a time. All but
// removals must be found, on the right line.
func TestMutatedConfig(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(printedConfig(t), "\n"), "\n")
	c := defaultConfig()
	all := settings(&c)
	next := 0
	for i, line := range lines {
		if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
			continue
		}
		s := all[next]
		next++
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		end := i + 1
		for s.isGroup() && end < len(lines) && (lines[end] == "" || strings.HasPrefix(lines[end], indent+" ")) {
			end++
		}
		mutate := func(with ...string) string {
			return strings.Join(slices.Concat(lines[:i], with, lines[end:]), "\n")
		}
		renamed := slices.Clone(lines)
		renamed[i] = strings.Replace(line, s.key()+":", s.key()+"x:", 1)
		wantFault(t, "renamed", strings.Join(renamed, "\n"), i+1, s.path+"x: unknown key; did you mean")
		for _, value := range wrongValues(s) {
			wantFault(t, "retyped", mutate(indent+s.key()+": "+value), i+1, s.path)
		}
		if _, faults := readConfig(mutate(), nil); len(faults) > 0 {
			t.Errorf("%s removed: %q", s.path, faults)
		}
		wantFault(t, "doubled", mutate(append(slices.Clone(lines[i:end]), lines[i:end]...)...), i+1+end-i, s.path+": given twice")
	}
	if next != len(all) {
		t.Fatalf("%d keys in the printed configuration, %d settings", next, len(all))
	}
}

// wrongValues are YAML values of every type that the setting is not.
func wrongValues(s setting) []string {
	if s.isGroup() {
		return []string{"word", "7", "true", "[a, b]"}
	}
	wrong := []string{"{a: b}"}
	switch s.value.Interface().(type) {
	case []string:
		return append(wrong, "[{a: b}]", "[[a]]")
	case string:
		if s.tag.Get("oneof") != "" {
			return append(wrong, "[a, b]", "word", "7")
		}
		return append(wrong, "[a, b]")
	case bool:
		return append(wrong, "[a]", "word", "7", "1s")
	case int:
		return append(wrong, "[a]", "word", "true", "1.5", "1s")
	case size:
		return append(wrong, "[a]", "word", "true", "1.5MiB", "-1", "99999999999GiB", "0")
	case time.Duration:
		return append(wrong, "[a]", "word", "true", "30", "-1s", "0s")
	}
	panic("no wrong values for " + s.path)
}

func wantFault(t *testing.T, what, src string, line int, contains string) {
	t.Helper()
	_, faults := readConfig(src, nil)
	for _, f := range faults {
		if strings.HasPrefix(f, "worker.yaml:"+itoa(line)+":") && strings.Contains(f, contains) {
			return
		}
	}
	t.Errorf("%s: want a fault %q on line %d, got %q", what, contains, line, faults)
}

func itoa(n int) string { return strconv.Itoa(n) }

func TestConfigFaults(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	short := filepath.Join(t.TempDir(), "short")
	write(t, short, "secret")
	public := filepath.Join(t.TempDir(), "public")
	write(t, public, publicSecret)
	for _, test := range []struct {
		name, src string
		want      []string
	}{
		{"not YAML", "kafka:\n  group: [a\n", []string{"worker.yaml:2:1: not YAML: did not find expected ',' or ']'"}},
		{"not YAML either", "kafka:\n  group: a\n\tbrokers: [a:1]\n", []string{"worker.yaml:3:1: not YAML: found a tab character that violates indentation"}},
		{"wrong indent", "kafka:\n  group: a\n brokers: [a:1]\n", []string{"worker.yaml:3:1: not YAML: did not find expected key"}},
		{"two documents", "evidence: full\n---\nevidence: none\n", []string{"worker.yaml:2:1: a second document: there must be only one"}},
		{"key of another group", "brokers: [a:1]\n", []string{`worker.yaml:1:1: brokers: unknown key; did you mean "kafka.brokers"?`}},
		{"variables", "kafka:\n  group: \"a${NOT_SET}\"\n  topics: {flags: \"${bad name}\", reminders: \"$${x}\"}\n", []string{
			"worker.yaml:2:10: kafka.group: variable NOT_SET is not set and has no default; ${NOT_SET:-…} would give one",
			`worker.yaml:3:19: kafka.topics.flags: "${bad name}" is not a variable: want ${NAME} or ${NAME:-default}; write $${ for the characters themselves`,
		}},
		{"files", "kafka:\n  tls:\n    enabled: true\n    ca_file: " + missing + "\n    cert_file: x\nredis:\n  key_file: " + short +
			"\n  password: a\n  password_file: " + short + "\npolicy: " + missing + "\n", []string{
			"worker.yaml:3:5: kafka.tls: cert_file and key_file go together",
			"worker.yaml:4:14: kafka.tls.ca_file: " + missing + " cannot be read: no such file or directory",
			"worker.yaml:7:13: redis.key_file: " + short + " has 6 bytes, want at least 16",
			"worker.yaml:8:13: redis.password: given here and in redis.password_file: one of the two must go",
			"worker.yaml:10:9: policy: " + missing + " cannot be read: no such file or directory",
		}},
		{"a second secret that is none", "redis:\n  key_file: ''\n  second_key_file: " + public + "\n", []string{
			"worker.yaml:3:20: redis.second_key_file: " + public + " has the secret that is in use without it",
		}},
		{"a second secret that is short", "redis:\n  second_key_file: " + short + "\n", []string{
			"worker.yaml:2:20: redis.second_key_file: " + short + " has 6 bytes, want at least 16",
		}},
		{"what does not fit together", `kafka:
  brokers: [here, "there:9092"]
  session_timeout: 500ms
  topics: {flags: chat.messages, dead_letters: ""}
  sasl: {username: a}
  tls: {ca_file: x}
redis:
  mode: sentinel
  addresses: "a,b:1"
  database: -1
events: {text: text}
admin: {listen: "9464"}
`, []string{
			"worker.yaml:2:3: kafka.heartbeat_interval: 300ms is more than a third of session_timeout 500ms",
			`worker.yaml:2:12: kafka.brokers: "here" is not host:port`,
			"worker.yaml:4:19: kafka.topics.flags: must not be the topic that events are read from",
			"worker.yaml:4:48: kafka.topics.dead_letters: a name is needed",
			"worker.yaml:5:9: kafka.sasl.mechanism: must be named for username and password to count: plain, scram-sha-256 or scram-sha-512",
			"worker.yaml:6:8: kafka.tls.enabled: must be true for the other settings of tls to count",
			"worker.yaml:8:3: redis.master: is needed with mode sentinel",
			`worker.yaml:9:14: redis.addresses[0]: "a" is not host:port`,
			"worker.yaml:10:13: redis.database: -1 is not possible with mode sentinel",
			`worker.yaml:11:16: events.text: "text" is no JSON pointer below the event: it starts with no /`,
			`worker.yaml:12:17: admin.listen: "9464" is not host:port`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, faults := readConfig(test.src, nil)
			for _, w := range test.want {
				if !slices.Contains(faults, w) {
					t.Errorf("no fault %q in %q", w, faults)
				}
			}
			if len(faults) != len(test.want) {
				t.Errorf("faults:\n%s", strings.Join(faults, "\n"))
			}
		})
	}
}

// TestVariablesCannotChangeTheStructure expands hostile values inside scalars.
func TestVariablesCannotChangeTheStructure(t *testing.T) {
	hostile := "a: b\nredis: {mode: cluster}\n# "
	c, faults := readConfig("kafka:\n  group: ${X}\n  brokers: ${B}\n  topics: {flags: \"${UNSET:-f}\", reminders: \"${EMPTY:-r}\"}\n  sasl: {mechanism: plain, username: u, password: \"$${X}\"}\n",
		map[string]string{"X": hostile, "EMPTY": "", "B": "a:1, b:2"})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := defaultConfig()
	want.Kafka.Group, want.Kafka.Brokers = hostile, []string{"a:1", "b:2"}
	want.Kafka.Topics.Flags, want.Kafka.Topics.Reminders = "f", "r"
	want.Kafka.SASL = saslConfig{Mechanism: "plain", Username: "u", Password: "${X}"}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFlagsGoOverTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker.yaml")
	write(t, path, "kafka:\n  group: file\n  brokers: [file:1]\n")
	var flags configFlags
	given := pflag.NewFlagSet("worker", pflag.ContinueOnError)
	flags.register(given)
	flags.file, flags.set = path, []string{"kafka.group=flag", "redis.timeout=1s"}
	s, err := flags.load(given, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if s.Kafka.Group != "flag" || s.Redis.Timeout != time.Second || !reflect.DeepEqual(s.Kafka.Brokers, []string{"file:1"}) {
		t.Errorf("group %q, timeout %s, brokers %q", s.Kafka.Group, s.Redis.Timeout, s.Kafka.Brokers)
	}
	flags.set = []string{"kafka.grup=x", "redis.timeout=soon"}
	_, err = flags.load(given, noEnv)
	for _, want := range []string{
		`--set kafka.grup=x: kafka.grup: unknown setting; did you mean "kafka.group"?`,
		`--set redis.timeout=soon: redis.timeout: "soon" is not a duration`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, x := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"group", "group", 0}, {"grop", "group", 1}, {"gruop", "group", 1}, {"brokers", "breakers", 2}} {
		if got := editDistance(x.a, x.b); got != x.want {
			t.Errorf("%s to %s: %d, want %d", x.a, x.b, got, x.want)
		}
		if got := editDistance(x.b, x.a); got != x.want {
			t.Errorf("%s to %s: %d, want %d", x.b, x.a, got, x.want)
		}
	}
}
