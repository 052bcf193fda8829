package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// configFlags are the flags that go over the file.
type configFlags struct {
	file  string
	set   []string
	short map[string]*string // value by path
}

// shortFlags are settings with a flag of their own; every setting can be given by --set.
var shortFlags = []struct{ name, path, usage string }{
	{"brokers", "kafka.brokers", "Kafka `addresses`, host:port with commas"},
	{"group", "kafka.group", "consumer `group`"},
	{"redis", "redis.addresses", "Redis `addresses`, host:port with commas"},
	{"policy", "policy", "policy `file`"},
	{"second-reader", "second_reader", "which messages a second model reads again: off, auto or always"},
	{"evidence", "evidence", "how much of a contact is shown: full, masked or none"},
	{"admin", "admin.listen", "`address` of metrics and health"},
	{"log-level", "log.level", "`level`: debug, info, warn or error"},
}

// register adds --config, --set and those of shortFlags that are named.
func (f *configFlags) register(flags *pflag.FlagSet, names ...string) {
	f.short = map[string]*string{}
	flags.StringVarP(&f.file, "config", "c", "", "configuration `file` (worker check --print-config prints one)")
	flags.StringArrayVar(&f.set, "set", nil, "any `path=value` of the configuration; may be repeated")
	for _, s := range shortFlags {
		for _, name := range names {
			if s.name == name {
				f.short[s.path] = flags.String(name, "", s.usage)
			}
		}
	}
}

// load reads the file, then the flags that were given, and checks the whole.
func (f *configFlags) load(flags *pflag.FlagSet, env func(string) (string, bool)) (*setup, error) {
	r, err := f.read(flags, env)
	if err != nil {
		return nil, err
	}
	return r.finish()
}

// read is load without the check.
func (f *configFlags) read(flags *pflag.FlagSet, env func(string) (string, bool)) (*configReader, error) {
	r := newConfigReader(env)
	if f.file != "" {
		r.readFile(f.file)
	}
	for _, s := range shortFlags {
		if f.short[s.path] != nil && flags.Changed(s.name) {
			r.set("--"+s.name, s.path, *f.short[s.path])
		}
	}
	for _, text := range f.set {
		path, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fail(exitUsage, fmt.Errorf("--set %s: want path=value", text))
		}
		r.set("--set "+text, path, value)
	}
	return r, nil
}
