// Command chaos shows that nothing is lost and nothing doubled whatever happens to the workers and to what they depend on.
//
//	go run ./test/chaos --kills 30
//	go run ./test/chaos --kills 30 --protocol setnx      # must lose something at every kill
//	go run ./test/chaos --faults restart=200             # rolling restarts only
//	go run ./test/chaos --strict --set delivery=exactly_once --faults kill,restart,stop
//	go run ./test/chaos --kills 100 --redis redis-server --brokers "$(cat .kafka/run/brokers)" --kafka-script deploy/dev/kafka.sh
//
// It writes events that are made of the labelled corpus, with a ledger of what must come of each: the classifier and the policy of
// the worker judge the same messages, in order and undisturbed, and a repeat within a conversation is expected to be suppressed. It
// runs workers as processes, each behind a proxy of its own to Redis, by which a kill can be aimed at a step of the protocol: before a claim, after
// it and before the flag, after the flag and before the commit. When all faults have happened it waits until everything is consumed, reads
// back what was published, and holds it against the ledger.
//
// What is held against the worker:
//
//   - An event that must come to a flag, a reminder or a dead letter and does not: lost.
//   - A repeat that was shown although the claim of the first stood: doubled. It is excused when one of the two is marked unverified,
//     for Redis was silent, and when Redis has lost what it knew.
//   - An event under two ids, or under one id with two contents, but for fingerprints where workers change their secret.
//   - A record whose id had come before, unless something happened between an acknowledgement and the commit: a kill, a stop, a broker away, a
//     commit refused. With --strict it is held against the worker always.
//   - A worker that ends by itself, a partition that does not go on, a position of the group that goes back.
//
// While Redis is made to fail, a worker may decide without all that was said before. Then only the first message of a
// conversation is held against it; what else it decides otherwise is counted.
//
// Exit status: 0 when nothing is held against it, 1 when something is, 64 for a wrong command line, 70 when it could not be run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const (
	exitBroken  = 1
	exitUsage   = 64
	exitUnable  = 70
	exitStopped = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the command.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	o, err := parse(args, errs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	r, err := chaos(ctx, o, errs)
	switch {
	case ctx.Err() != nil:
		return exitStopped
	case err != nil:
		fmt.Fprintln(errs, "chaos:", err)
		return exitUnable
	case o.json:
		err = r.writeJSON(out)
	default:
		r.write(out)
	}
	if err != nil {
		return exitUnable
	}
	if len(r.Broken) > 0 {
		return exitBroken
	}
	return 0
}

// chaos is one run. An error means that it shows nothing.
func chaos(ctx context.Context, o *options, log io.Writer) (*report, error) {
	w, err := newWorld(ctx, o, log)
	if err != nil {
		return nil, err
	}
	defer w.close()
	stop := w.begin(ctx)
	failure := w.torment(ctx)
	if err := errors.Join(stop(), w.count(ctx)); err != nil {
		return nil, fmt.Errorf("the ledger is void: %w", err)
	}
	if failure == nil {
		failure = w.finish(ctx)
	}
	r := w.report(failure)
	if len(r.Broken) == 0 {
		return r, w.forgetLogs()
	}
	return r, nil
}
