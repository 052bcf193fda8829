package integration

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// worker is a worker process.
type worker struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	logs  output
	ended chan struct{}
	err   error // how it ended; valid once ended is closed
	admin string
}

// output is what a process has written so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// startWorker starts a process and does not wait for anything.
func startWorker(t *testing.T, name string, args ...string) *worker {
	t.Helper()
	w := &worker{t: t, name: name, cmd: exec.Command(workerBinary, args...), ended: make(chan struct{})}
	w.cmd.Stderr = &w.logs
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(w.ended)
		w.err = w.cmd.Wait()
	}()
	t.Cleanup(w.clean)
	return w
}

// clean leaves no process behind, and shows what it said where that is of use.
func (w *worker) clean() {
	w.kill()
	logs := w.logs.String()
	if strings.Contains(logs, "DATA RACE") || strings.Contains(logs, "panic:") {
		w.t.Errorf("worker %s has a fault of its own", w.name)
	}
	if w.t.Failed() {
		w.t.Logf("worker %s:\n%s", w.name, logs[max(0, len(logs)-20_000):])
	}
}

// kill is kill -9.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill() // an error says that it has ended already
	<-w.ended
}

func (w *worker) signal(s syscall.Signal) {
	w.t.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		w.t.Fatalf("worker %s: %v", w.name, err)
	}
}

// terminate asks it to stop, and wants it to end well.
func (w *worker) terminate() {
	w.t.Helper()
	w.signal(syscall.SIGTERM)
	select {
	case <-w.ended:
	case <-time.After(patience):
		w.t.Fatalf("worker %s does not stop", w.name)
	}
	if w.err != nil {
		w.t.Errorf("worker %s ended with %v", w.name, w.err)
	}
}

// get asks the admin server; ok is false while it does not answer with 200.
func (w *worker) get(path string) (body string, ok bool) {
	if w.admin == "" {
		w.admin = w.logged("address")
	}
	if w.admin == "" {
		return "", false
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + w.admin + path)
	if err != nil {
		return "", false
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err == nil && res.StatusCode == http.StatusOK
}

// logged is the last string that was logged under the key.
func (w *worker) logged(key string) (value string) {
	for line := range strings.Lines(w.logs.String()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil {
			if s, ok := entry[key].(string); ok {
				value = s
			}
		}
	}
	return value
}

// ready waits until it is a member of its group.
func (w *worker) ready() *worker {
	w.t.Helper()
	eventually(w.t, "worker "+w.name+" is ready", func() bool {
		select {
		case <-w.ended:
			w.t.Fatalf("worker %s ended with %v", w.name, w.err)
		default:
		}
		_, ok := w.get("/readyz")
		return ok
	})
	return w
}

// metric is the sum of a metric's series; -1 where there is none.
func (w *worker) metric(name string) float64 {
	body, _ := w.get("/metrics")
	sum, found := 0.0, false
	for line := range strings.Lines(body) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || (rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		value := rest[strings.LastIndexByte(rest, ' ')+1:]
		if v, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
			sum, found = sum+v, true
		}
	}
	if !found {
		return -1
	}
	return sum
}

// claims is how many findings' claims have had the outcome.
func (w *worker) claims(outcome string) float64 {
	return max(0, w.metric(`onside_claims_total{outcome="`+outcome+`"}`))
}
