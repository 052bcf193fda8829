package main

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// command runs chaos in this process and reads its report.
func command(t *testing.T, args ...string) (code int, r report) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append(args, "--json", "--dir", t.TempDir()), &out, &errs)
	t.Logf("exit status %d\n%s%s", code, out.String(), errs.String())
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("read report: %v", err)
	}
	return code, r
}

// TestSETNX is the negative control: workers that take a claim for a proof of publication must be seen to lose flags. Each is killed with a
// claim in hand that was made by that very batch, so each kill must lose something, and whoever cannot see that sees nothing.
func TestSETNX(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and kills workers")
	}
	code, r := command(t, "--protocol", "setnx", "--faults", "kill=3")
	if code != exitBroken || r.Faults[kill] != 3 || r.Lost < 3 {
		t.Errorf("exit status %d, %d lost after %d kills: want %d, and 3 or more after 3", code, r.Lost, r.Faults[kill], exitBroken)
	}
}

// TestOwnedThere does the same to the real protocol, at the same moment.
func TestOwnedThere(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and kills workers")
	}
	if code, r := command(t, "--faults", "kill=3", "--at", "claimed"); code != 0 || r.Faults[kill] != 3 {
		t.Errorf("exit status %d after %d kills: %v", code, r.Faults[kill], r.Broken)
	}
}

// TestOwned is the same with the real protocol.
func TestOwned(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and kills workers")
	}
	code, r := command(t, "--faults", "kill=4,errors=2,restart=1,grow=1,broker=1", "--seed", "7")
	if code != 0 {
		t.Errorf("exit status %d: %v", code, r.Broken)
	}
	if n := r.Kinds["flags"].Expected; n < 100 {
		t.Errorf("only %d flags had to come: that shows nothing", n)
	}
}
