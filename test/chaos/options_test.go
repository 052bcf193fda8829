package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const foreign = "--brokers=b:9092"
	for _, c := range []struct {
		name string
		args []string
		want map[class]int // nil: refused
	}{
		{"in proportion", []string{"--kills", "30"}, map[class]int{kill: 30, restart: 6, stop: 5, secret: 3, store: 6, broker: 3, errands: 8, grow: 1}},
		{"some classes", []string{"--kills", "10", "--faults", "kill,restart"}, map[class]int{kill: 10, restart: 2}},
		{"counted out", []string{"--faults", "restart=200"}, map[class]int{restart: 200}},
		{"a broker that cannot be killed", []string{"--kills", "10", foreign}, map[class]int{kill: 10, restart: 2, stop: 2, store: 2, grow: 1, secret: 1}},
		{"one that can", []string{"--kills", "10", "--kafka-script", "x", foreign}, map[class]int{kill: 10, restart: 2, stop: 2, store: 2, broker: 1, grow: 1, secret: 1}},
		{"several that can", []string{"--kills", "10", "--kafka-script", "x", foreign + ",b:9093,b:9094"}, map[class]int{kill: 10, restart: 2, stop: 2, store: 2, broker: 1, grow: 1, secret: 1, coordinator: 1}},
		{"impossible and counted out", []string{"--faults", "errors=3", foreign}, nil},
		{"unknown class", []string{"--faults", "fire"}, nil},
		{"no number", []string{"--faults", "kill=many"}, nil},
		{"no such protocol", []string{"--protocol", "hope"}, nil},
		{"a wrong protocol in any worker", []string{"--protocol", "setnx", "--worker", "w"}, nil},
		{"one step", []string{"--kills", "2", "--at", "claimed", "--faults", "kill"}, map[class]int{kill: 2}},
		{"no such step", []string{"--at", "lunch"}, nil},
		{"a step that some workers never come to", []string{"--at", "claimed", "--partitions", "2"}, nil},
		{"arguments", []string{"now"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var errs bytes.Buffer
			o, err := parse(c.args, &errs)
			if c.want == nil {
				if err == nil || errs.Len() == 0 {
					t.Errorf("no error, or none that is told: %v, %q", err, errs.String())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, o.faults); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPromises says which faults excuse what.
func TestPromises(t *testing.T) {
	for _, c := range []struct {
		faults          string
		exact, careless bool
	}{
		{"restart=9,grow=1", true, false},
		{"kill=1", true, true},
		{"stop=1", true, true},
		{"broker=1", true, true},
		{"errors=1", true, true},
		{"redis=1", false, false},
	} {
		o, err := parse([]string{"--faults", c.faults}, &bytes.Buffer{})
		if err != nil {
			t.Fatal(err)
		}
		if o.exact() != c.exact || o.careless() != c.careless {
			t.Errorf("%s: exact %v, careless %v", c.faults, o.exact(), o.careless())
		}
	}
}
