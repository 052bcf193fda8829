package source

import (
	"strings"
	"testing"
	"time"
)

func TestValidateReportsAllFaults(t *testing.T) {
	err := Config{
		Brokers: []string{"kafka"}, OutOfRange: "newest", SessionTimeout: 500 * time.Millisecond, FetchWait: -1,
		MaxBatchBytes: 5, Mapping: Mapping{Text: "text"},
	}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`brokers: "kafka" is not host:port`, "topic:", "group:", `out_of_range: "newest"`, "heartbeat_interval: 300ms", "fetch_wait: -1ns",
		"max_batch_bytes: 5", "mapping.text:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported in:\n%v", want, err)
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	c, err := New(Config{Brokers: []string{"localhost:9092"}, Topic: "t", Group: "g"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// What a worker costs that is lost together with its coordinator is the shorter of these two: nobody leaves in its name.
	if c.cfg.RebalanceTimeout > 5*time.Second || c.cfg.SessionTimeout < 4*c.cfg.RebalanceTimeout {
		t.Errorf("rebalance timeout %s, session timeout %s", c.cfg.RebalanceTimeout, c.cfg.SessionTimeout)
	}
}

func TestNewNamesNothingTwice(t *testing.T) {
	if _, err := New(Config{}, nil); err == nil || strings.Count(err.Error(), "topic:") != 1 {
		t.Errorf("error %v", err)
	}
}
