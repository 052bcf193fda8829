// Package integration drives the worker as an operator does: as processes, against a Kafka and a Redis, with nothing but its
// flags, its exit code, its admin pages and the topics it writes.
//
// By default Kafka and Redis are embedded in the test, so that go test ./... runs everywhere. With ONSIDE_TEST_KAFKA, the
// addresses of a cluster that deploy/dev/kafka.sh has started, the same assertions hold on a real Apache Kafka and on
// redis-servers that the tests start, kill and start again; then nothing is skipped, and what is missing is a failure:
//
//	deploy/dev/kafka.sh start 3
//	ONSIDE_TEST_KAFKA=$(cat .kafka/run/brokers) go test -race -count=1 ./test/integration
//	deploy/dev/kafka.sh stop
//
// With ONSIDE_TEST_REDIS=redis-server alone, Kafka is embedded and those are real.
//
// What must come out is what worker classify says of the same events.
package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a test waits for what must happen. A machine that is busy, and a broker that has just lost another
// one, take their time; a passing test never waits for it.
const patience = 5 * time.Minute

// workerBinary is the worker under test, built by TestMain.
var workerBinary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "onside-integration-")
	if err != nil {
		return complain(err)
	}
	defer os.RemoveAll(dir)
	workerBinary = filepath.Join(dir, "worker")
	if err := buildWorker(workerBinary); err != nil {
		return complain(err)
	}
	code := m.Run()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		return complain(err)
	}
	return 0
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "integration:", err)
	return 1
}

// buildWorker builds it with the race detector if the tests have it.
func buildWorker(path string) error {
	args := []string{"build", "-o", path}
	if raceDetector() {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "onside/cmd/worker")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build worker: %w\n%s", err, out)
	}
	return nil
}

func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
