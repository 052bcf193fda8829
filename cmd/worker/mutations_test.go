//go:build !race

// Thousands of messages on one goroutine: under the race detector they take ten times as long and prove nothing more.

package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestMutationsGolden holds what gets through in which disguise: a change of the classifier shows in its diff. After a new model:
// go test ./cmd/worker -run TestMutationsGolden -update
func TestMutationsGolden(t *testing.T) {
	code, out, errs := command(t, t.Context(), "", "eval", "--mutations", "--sample", "12")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	families, _, _ := strings.Cut(out, "\n\nfamily, variant")
	golden(t, "../../../testdata/golden/mutations.txt", families+"\n")
}

func TestMutationsOfMyOwn(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/mine.txt", "# m-1 stage=pre_contract lang=en\nc: call me on +92 300 1234567 ## review contact.phone share\nf: that is 48213 stitches\n")
	write(t, dir+"/benign.jsonl", `{"text":"the order is 48213 as said"}`+"\n")
	code, out, errs := command(t, t.Context(), "", "eval", dir+"/mine.txt", "--mutations", "--benign", dir+"/benign.jsonl", "--json")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(out), &v); err != nil || len(v) == 0 {
		t.Errorf("not a JSON object with figures (%v): %s", err, out)
	}
	if code, _, errs := command(t, t.Context(), "", "eval", "--mutations", "--benign", dir+"/none.jsonl"); code == exitOK || !strings.Contains(errs, "none.jsonl") {
		t.Errorf("exit code %d for a file that is not there: %s", code, errs)
	}
}
