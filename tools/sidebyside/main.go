// Command sidebyside does the worker's job as others would, for worker bench --against: it reads the events topic, matches every text, asks
// Redis who is new and publishes those. What is matched with is the first argument; README.md says how to run it.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
)

// job is what worker bench asks for, by the environment.
type job struct {
	brokers, patterns []string
	redis             string
	group             string
	events, output    string // topics
	count             int
	out               *bufio.Writer
}

func newJob() (*job, error) {
	j := &job{
		brokers: strings.Split(os.Getenv("ONSIDE_BROKERS"), ","), redis: os.Getenv("ONSIDE_REDIS"), group: os.Getenv("ONSIDE_GROUP"),
		events: os.Getenv("ONSIDE_EVENTS"), output: os.Getenv("ONSIDE_OUTPUT"),
		patterns: strings.Split(os.Getenv("ONSIDE_PATTERNS"), "\n"), out: bufio.NewWriter(os.Stdout),
	}
	var err error
	if j.count, err = strconv.Atoi(os.Getenv("ONSIDE_COUNT")); err != nil || j.count < 1 {
		return nil, errors.New("run by worker bench --against 'sidebyside WAY', which says where the events are")
	}
	return j, nil
}

// ready says that the first event has been read: the clock runs.
func (j *job) ready(name string) {
	fmt.Fprintln(j.out, "ready", name)
	j.out.Flush()
}

func (j *job) found(id string) { fmt.Fprintln(j.out, "found", id) }

// done says that all is committed.
func (j *job) done() error {
	fmt.Fprintln(j.out, "done")
	return j.out.Flush()
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sidebyside:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	const usage = "want xurls, watermill, or lexicons DIRECTORY"
	if len(args) == 0 {
		return errors.New(usage)
	}
	j, err := newJob()
	if err != nil {
		return err
	}
	switch {
	case args[0] == "xurls" && len(args) == 1:
		return j.read(ctx, "xurls and phonenumbers, in batches", contacts())
	case args[0] == "lexicons" && len(args) == 2:
		match, err := lexicons(args[1])
		if err != nil {
			return err
		}
		return j.read(ctx, "regexp of the worker's lexicons, in batches", match)
	case args[0] == "watermill" && len(args) == 1:
		match, err := patterns(j.patterns)
		if err != nil {
			return err
		}
		return j.route(ctx, "Watermill's router, the five regexp, SETNX", match)
	}
	return errors.New(usage)
}
