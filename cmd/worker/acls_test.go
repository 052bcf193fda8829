package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"onside/internal/sink"
)

// TestACLsAreForTheDefaults keeps deploy/kafka-acls.sh to the names that a worker has without a configuration.
func TestACLsAreForTheDefaults(t *testing.T) {
	cmd := exec.Command("../../deploy/kafka-acls.sh", exactlyOnce)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // and none of those that rename
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		_, rights, _ := strings.Cut(strings.TrimSpace(line), "--operation ")
		got = append(got, rights)
	}
	c := defaultConfig().Kafka
	prefix, _ := strings.CutSuffix(sink.TransactionalID(c.Group, c.Topics.Events, 0), c.Topics.Events+"/0")
	want := []string{
		"Read --topic " + c.Topics.Events,
		"Write --topic " + c.Topics.Flags,
		"Write --topic " + c.Topics.Reminders,
		"Write --topic " + c.Topics.DeadLetters,
		"Read --group " + c.Group,
		"Write --transactional-id " + prefix + " --resource-pattern-type prefixed",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
