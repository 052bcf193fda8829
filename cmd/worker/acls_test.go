package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"onside/internal/sink"
)

// TestACLsAreForTheDefaults keeps deploy/kafka-acls.sh to the names that a worker has without a configuration, and what old brokers want to those.
func TestACLsAreForTheDefaults(t *testing.T) {
	c := defaultConfig().Kafka
	prefix, _ := strings.CutSuffix(sink.TransactionalID(c.Group, c.Topics.Events, 0), c.Topics.Events+"/0")
	rights := []string{
		"Read --topic " + c.Topics.Events,
		"Write --topic " + c.Topics.Flags,
		"Write --topic " + c.Topics.Reminders,
		"Write --topic " + c.Topics.DeadLetters,
		"Read --group " + c.Group,
	}
	transactions := func(prefix string) string {
		return "Write --transactional-id " + prefix + " --resource-pattern-type prefixed"
	}
	for _, x := range []struct {
		delivery string
		env      []string
		more     []string
	}{
		{atLeastOnce, nil, nil},
		{atLeastOnce, []string{"OLD_BROKERS=yes", "ZOOKEEPER=yes"}, []string{"IdempotentWrite --cluster"}},
		{exactlyOnce, nil, []string{transactions(prefix)}},
		{exactlyOnce, []string{"OLD_BROKERS=yes", "ZOOKEEPER=yes"}, []string{transactions(c.Group)}},
	} {
		cmd := exec.Command("../../deploy/kafka-acls.sh", x.delivery)
		cmd.Env = append(x.env, "PATH="+os.Getenv("PATH")) // and none of those that rename
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(string(out)) {
			_, right, _ := strings.Cut(strings.TrimSpace(line), "--operation ")
			got = append(got, right)
		}
		if want := slices.Concat(rights, x.more); !slices.Equal(got, want) {
			t.Errorf("%s %q: got %q\nwant %q", x.delivery, x.env, got, want)
		}
	}
}
