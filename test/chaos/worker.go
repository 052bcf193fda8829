package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// worker is a place for a worker process: when one has ended, the next is started there.
type worker struct {
	name    string
	args    []string
	secrets []string // files: the first, and the second; nil: it has the public one
	path    string   // of the binary
	proxy   *proxy
	log     *os.File

	process *process // the present one
}

// process is one run of a worker.
type process struct {
	cmd    *exec.Cmd
	ended  chan struct{} // closed when it is gone and its output is read
	err    error         // how it ended; valid once ended is closed
	wanted bool          // we ended it

	mu         sync.Mutex
	joins      int
	generation int    // of the group, that it has joined last
	reads      string // versions of its model and policy
	partitions []int32
	faults     []string          // panics and data races
	said       map[[2]string]int // warnings and errors, by logger and message
}

func newWorker(name, path, dir string, p *proxy, args, secrets []string) (*worker, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("open log of worker: %w", err)
	}
	return &worker{name: name, path: path, proxy: p, args: args, secrets: slices.Clone(secrets), log: log}, nil
}

// start starts a process and waits for nothing.
func (w *worker) start() error {
	args := slices.Clone(w.args)
	if w.secrets != nil {
		args = append(args, "--set", "redis.key_file="+w.secrets[0], "--set", "redis.second_key_file="+w.secrets[1])
	}
	cmd := exec.Command(w.path, args...)
	out, err := cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{}), said: map[[2]string]int{}}
	w.process = p
	fmt.Fprintf(w.log, "{\"msg\":\"process %d begins\"}\n", cmd.Process.Pid)
	go func() {
		defer close(p.ended)
		p.listen(io.TeeReader(out, w.log))
		p.err = cmd.Wait()
	}()
	return nil
}

// close ends what runs and waits for it.
func (w *worker) close() {
	if w.process != nil {
		w.process.end()
	}
	w.proxy.close()
	_ = w.log.Close()
}

// kill is kill -9.
func (p *process) kill() { _ = p.cmd.Process.Kill() } // an error says that it is gone

// end kills it and waits until it is gone. A proxy calls it, whose connections end only afterwards: a worker that saw that would go on without
// its answer.
func (p *process) end() {
	p.kill()
	<-p.ended
}

func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("send %v: %w", s, err)
	}
	return nil
}

func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// listen reads the log until it ends.
func (p *process) listen(in io.Reader) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.hear(lines.Bytes())
	}
	_, _ = io.Copy(io.Discard, in) // a line too long: the process must not block on it
}

func (p *process) hear(line []byte) {
	var entry struct {
		Level, Logger, Msg string
		Generation         int
		Partitions         []int32
		Model, Policy      string
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if json.Unmarshal(line, &entry) != nil {
		if text := string(line); strings.Contains(text, "DATA RACE") || strings.HasPrefix(text, "panic:") || strings.HasPrefix(text, "fatal error:") {
			p.faults = append(p.faults, text)
		}
		return
	}
	switch entry.Msg {
	case "starting":
		p.reads = versions(entry.Model, entry.Policy)
	case "joined group":
		p.joins++
		p.generation, p.partitions = entry.Generation, entry.Partitions
	case "generation has ended", "partitions are lost", "drained":
		p.joins = 0
	}
	if entry.Level == "warn" || entry.Level == "error" {
		p.said[[2]string{entry.Logger, entry.Msg}]++
	}
}

// started says whether it has come so far as to say what it reads.
func (p *process) started() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reads != ""
}

// joined says whether it is a member of the group, as far as it knows.
func (p *process) joined() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.joins > 0
}

// as says whether it reads messages as the judge does.
func (p *process) as(j *judge) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if want := versions(j.model.Version(), j.policy.Version()); p.reads != want {
		return fmt.Errorf("the worker has another %s than the judge: %s", p.reads, want)
	}
	return nil
}

func versions(model, policy string) string { return "model " + model + ", policy " + policy }

// owned are the partitions that it has, or had last.
func (p *process) owned() []int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.partitions)
}
