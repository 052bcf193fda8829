package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// rival is a program of somebody else that does the worker's job, for worker bench --against. It learns from the environment where the events
// are, and says on standard output, a line each, "ready" and what it is when it has read the first event, "found" and an event's id for each
// that it would flag, and "done" when all is committed. tools/sidebyside has some.
type rival struct {
	*bench
	command []string
	group   string

	name        string
	found       finds
	begun, over time.Time
	before      time.Duration // CPU until begun
}

// rivalGrace is how long a rival that was told to end may take.
const rivalGrace = 5 * time.Second

func (r *rival) run(ctx context.Context) (otherReport, error) {
	cmd := exec.CommandContext(ctx, r.command[0], r.command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = rivalGrace
	cmd.Env = append(os.Environ(), r.environment()...)
	cmd.Stderr = r.errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return otherReport{}, err
	}
	if err := cmd.Start(); err != nil {
		return otherReport{}, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		r.line(lines.Text(), cmd.Process.Pid)
	}
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil {
		return otherReport{}, err
	}
	if r.begun.IsZero() || r.over.IsZero() {
		return otherReport{}, errors.New("has not said that it was ready, and that it was done")
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() - r.before
	return r.other(r.name, rateOf(int64(r.opt.events), r.over.Sub(r.begun)), used, &r.found), nil
}

func (r *rival) environment() []string {
	s := r.servers.setup
	var patterns []string
	for _, p := range usualPatterns {
		patterns = append(patterns, p.String())
	}
	return []string{
		"ONSIDE_BROKERS=" + strings.Join(s.Kafka.Brokers, ","), "ONSIDE_REDIS=" + s.Redis.Addresses[0], "ONSIDE_GROUP=" + r.group,
		"ONSIDE_EVENTS=" + s.Kafka.Topics.Events, "ONSIDE_OUTPUT=" + s.Kafka.Topics.DeadLetters, // not the worker's flags
		"ONSIDE_COUNT=" + strconv.Itoa(r.opt.events), "ONSIDE_PATTERNS=" + strings.Join(patterns, "\n"),
	}
}

func (r *rival) line(text string, pid int) {
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "ready":
		r.name, r.begun, r.before = rest, time.Now(), cpuOf(pid)
	case "found":
		r.found.add(rest)
	case "done":
		r.over = time.Now()
	}
}

// clockTick is the unit of /proc/PID/stat.
const clockTick = time.Second / 100

// cpuOf is the CPU time that a process has used; 0 where the system does not say.
func cpuOf(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before may hold anything
	var ticks int64
	for i, field := range strings.Fields(rest) {
		if i == 11 || i == 12 { // in user mode, in the kernel
			n, _ := strconv.ParseInt(field, 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * clockTick
}
