package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// class is a kind of fault.
type class string

// The classes of faults.
const (
	kill    class = "kill"    // kill -9 of a worker, at a step of the protocol or at any time
	restart class = "restart" // SIGTERM, and start again when it has drained
	stop    class = "stop"    // SIGSTOP and SIGCONT, half of them long enough to be expelled
	store   class = "redis"   // Redis forgets, hangs, refuses connections, comes back empty
	broker  class = "broker"  // the broker restarts, or leaders and coordinators move
	errands class = "errors"  // produce, commit, fetch, heartbeat and others are refused, or done and not acknowledged
	grow    class = "grow"    // the events topic gets another partition

	coordinator class = "coordinator" // of several brokers, the one that keeps the group is killed
	secret      class = "secret"      // as restart, and of the two secrets that all workers have it has the other one first from then on
)

// shares are how many faults of a class go with one kill, unless they are counted out.
var shares = []struct {
	class
	share float64
}{{kill, 1}, {restart, 0.2}, {stop, 0.15}, {store, 0.2}, {broker, 0.1}, {errands, 0.25}, {grow, 0.03}, {coordinator, 0.05}, {secret, 0.1}}

// options are what a run is told.
type options struct {
	minutes    float64
	faults     map[class]int
	workers    int
	rate       int // events a second
	partitions int
	brokers    []string
	script     string
	redis      string
	protocol   string
	at         string // the step at which workers are killed; empty: each in its turn, and any time
	binary     string
	seed       uint64
	json       bool
	quiet      bool
	strict     bool
	dir        string
	lease      time.Duration // session timeout
	set        []string      // settings of the workers, path=value
}

// exact says that the judge knows every decision: nothing keeps a worker from what it remembers. Without Redis it decides
// by what it has seen itself; this is documented, and not held against it.
func (o *options) exact() bool { return o.faults[store] == 0 }

// careless says that something may end a worker between an acknowledgement and the commit: records may then come again.
func (o *options) careless() bool {
	return o.faults[kill]+o.faults[stop]+o.faults[broker]+o.faults[errands]+o.faults[coordinator] > 0
}

func (o *options) embedded() bool { return len(o.brokers) == 0 }

// pace are the times of the group.
type pace struct {
	session, rebalance time.Duration
	patience           time.Duration // how long anything may take before it counts as stuck
}

func (o *options) pace() pace {
	return pace{session: o.lease, rebalance: o.lease / 3, patience: 2*time.Minute + 10*o.lease}
}

// shortest is the shortest session: what brokers take.
func (o *options) shortest() time.Duration {
	if o.embedded() {
		return 200 * time.Millisecond
	}
	return 6 * time.Second
}

// parse reads the command line; its error has been written.
func parse(args []string, errs io.Writer) (*options, error) {
	o := &options{}
	var kills int
	var faults, brokers string
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.SetOutput(errs)
	f.IntVar(&kills, "kills", 30, "how often a worker is killed; other faults happen in proportion")
	f.StringVar(&faults, "faults", "", "only these `classes`, with commas; kill=500 counts one out.\n"+classNames())
	f.Float64Var(&o.minutes, "minutes", 0, "no more faults after this time; 0: until all have happened")
	f.IntVar(&o.workers, "workers", 3, "worker processes")
	f.IntVar(&o.rate, "rate", 300, "events a second")
	f.IntVar(&o.partitions, "partitions", 6, "of the events topic, at the beginning")
	f.StringVar(&brokers, "brokers", "", "`addresses` of a Kafka, host:port with commas; empty: one inside this process")
	f.StringVar(&o.script, "kafka-script", "", "the kafka.sh that started these brokers and may kill them; without it there are no faults of the classes broker and coordinator")
	f.StringVar(&o.redis, "redis", "", "`address` of a Redis, whose onside: keys are deleted; redis-server: a process of its own; empty: one inside this process")
	f.StringVar(&o.protocol, "protocol", "owned", "owned, or setnx: workers with a wrong protocol, which must lose flags")
	f.StringVar(&o.at, "at", "", "kill only at this `step`: "+strings.Join(stepNames(), ", ")+"; setnx alone means claimed: each kill must lose something.\nEmpty: at each in its turn, and at any time")
	f.StringVar(&o.binary, "worker", "", "`path` of a built worker; empty: it is built")
	f.Uint64Var(&o.seed, "seed", 0, "of events and faults; 0: another one each time")
	f.BoolVar(&o.json, "json", false, "the report as JSON")
	f.BoolVar(&o.quiet, "quiet", false, "only the report, not what happens")
	f.BoolVar(&o.strict, "strict", false, "a record whose id is known is a failure: what delivery exactly once would promise")
	f.DurationVar(&o.lease, "session", 0, "session timeout of the group, three times what a rebalance waits for a dead worker; 0: 4s, with --brokers 6s.\nA machine that cannot run all of this in time needs more: its workers are expelled for being late")
	f.Func("set", "any `path=value` of the workers' configuration; may be repeated", func(s string) error {
		o.set = append(o.set, s)
		return nil
	})
	f.StringVar(&o.dir, "dir", "", "`directory` for the workers' logs; empty: a temporary one that stays only after a failure")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if brokers != "" {
		o.brokers = strings.Split(brokers, ",")
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	if o.protocol == "setnx" && o.at == "" {
		o.at = "claimed"
	}
	if o.lease == 0 {
		o.lease = max(4*time.Second, o.shortest())
	}
	var err error
	o.faults, err = o.count(kills, faults)
	if err = errors.Join(err, o.check(f.Args())); err != nil {
		fmt.Fprintln(errs, err)
	}
	return o, err
}

func classNames() string {
	names := make([]string, len(shares))
	for i, s := range shares {
		names[i] = string(s.class)
	}
	return strings.Join(names, ", ")
}

// stepNames are what the command line calls the steps.
func stepNames() []string {
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i], _, _ = strings.Cut(s.name, " ")
	}
	return names
}

func (o *options) check(rest []string) error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(len(rest) == 0, "unknown arguments: %s", strings.Join(rest, " "))
	check(o.workers >= 1 && o.workers <= 16, "--workers %d: want 1 to 16", o.workers)
	check(o.rate >= 1 && o.rate <= 100_000, "--rate %d: want 1 to 100000", o.rate)
	check(o.partitions >= 1 && o.partitions <= 64, "--partitions %d: want 1 to 64", o.partitions)
	check(o.minutes >= 0, "--minutes %v: must not be below zero", o.minutes)
	check(o.lease >= o.shortest(), "--session %s: want %s at least", o.lease, o.shortest())
	check(o.protocol == "owned" || o.protocol == "setnx", "--protocol %s: want owned or setnx", o.protocol)
	check(o.at == "" || slices.Contains(stepNames(), o.at), "--at %s: want one of %s", o.at, strings.Join(stepNames(), ", "))
	check(o.at == "" || o.workers <= o.partitions, "--at %s: a worker without a partition never gets there; want --partitions %d at least", o.at, o.workers)
	check(o.binary == "" || o.protocol == "owned", "--protocol %s: needs a worker built for it, not the one of --worker", o.protocol)
	return errors.Join(faults...)
}

// count is how many faults of each class there will be.
func (o *options) count(kills int, spec string) (map[class]int, error) {
	counts := map[class]int{}
	if kills < 0 {
		return counts, fmt.Errorf("--kills %d: must not be below zero", kills)
	}
	if spec == "" {
		spec = classNames()
	}
	for word := range strings.SplitSeq(spec, ",") {
		name, number, counted := strings.Cut(strings.TrimSpace(word), "=")
		i := slices.IndexFunc(shares, func(s struct {
			class
			share float64
		}) bool {
			return string(s.class) == name
		})
		if i < 0 {
			return counts, fmt.Errorf("--faults %s: want some of %s", name, classNames())
		}
		n := int(math.Ceil(shares[i].share * float64(kills)))
		if counted {
			var err error
			if n, err = strconv.Atoi(number); err != nil || n < 0 {
				return counts, fmt.Errorf("--faults %s: %q is no number of faults", name, number)
			}
		}
		if o.possible(shares[i].class) {
			counts[shares[i].class] = n
		} else if counted {
			return counts, fmt.Errorf("--faults %s: not with these brokers", name)
		}
	}
	return counts, nil
}

// possible says whether the servers can be made to fail so.
func (o *options) possible(c class) bool {
	switch c {
	case broker:
		return o.embedded() || o.script != ""
	case errands:
		return o.embedded()
	case coordinator:
		return o.script != "" && len(o.brokers) > 1
	default:
		return true
	}
}
