package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
)

// benchOptions are what the flags of worker bench say.
type benchOptions struct {
	mix           string
	events        int
	conversations int
	partitions    int
	seed          uint64
	rate          int
	lasts         time.Duration
	compare       bool
	against       []string
	growth        string
	series        []string
	json          bool
	cpuProfile    string
	memProfile    string
}

// How many events are read unless told otherwise: with the others, the slowest of them decides.
const (
	benchEvents        = 500_000
	benchEventsCompare = 30_000
	benchEventsGrowth  = 100_000
)

// How many conversations are under way at a time unless told otherwise, and how many the growth goes up to.
const (
	benchConversations       = 2000
	benchConversationsGrowth = 1_000_000
)

var errInterrupted = errors.New("interrupted")

func (c *cli) benchCommand() *cobra.Command {
	var flags configFlags
	opt := benchOptions{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the worker on a stream of conversations",
		Long: "bench plays conversations of the corpus into a topic, runs the worker over it and says what an event costs, stage by\n" +
			"stage, and how far the worker is from a loop that only fetches and counts. Then it lets events in at a fixed rate and\n" +
			"says how long a flag takes. Kafka and Redis are embedded where --brokers, --redis or --config name none; topics are the\n" +
			"benchmark's own, and deleted in the end.",
		Example: "  worker bench\n  worker bench --mix worst --rate 0 --json\n  worker bench --compare\n  worker bench --brokers kafka:9092 --redis redis:6379",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt.fill(cmd.Flags().Changed("conversations"))
			if err := opt.check(); err != nil {
				return fail(exitUsage, err)
			}
			config := func() (*configReader, error) { return flags.read(cmd.Flags(), c.env) }
			given := givenServers{
				kafka: flags.file != "" || cmd.Flags().Changed("brokers"),
				redis: flags.file != "" || cmd.Flags().Changed("redis"),
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			if opt.growth != "" {
				return (&growth{cli: c, opt: opt, config: config, given: given}).run(ctx)
			}
			r, err := config()
			if err != nil {
				return err
			}
			return c.bench(ctx, r, given, opt)
		},
	}
	f := cmd.Flags()
	flags.register(f, "brokers", "redis", "policy", "second-reader", "log-level")
	f.StringVar(&opt.mix, "mix", mixLife, "what is talked about: life, one message in a hundred solicits; plain, none does; worst, every conversation has one that does")
	f.IntVar(&opt.events, "events", 0, fmt.Sprintf("how many events are read; 0: %d, %d with --compare, %d a point with --growth", benchEvents, benchEventsCompare, benchEventsGrowth))
	f.IntVar(&opt.conversations, "conversations", benchConversations, "how many conversations are under way at a time; with --growth the most that are tried, a million unless told otherwise")
	f.IntVar(&opt.partitions, "partitions", 4, "partitions of the events topic")
	f.Uint64Var(&opt.seed, "seed", 1, "the same seed gives the same events")
	f.IntVar(&opt.rate, "rate", 10_000, "events a second while latency is measured; 0: it is not")
	f.DurationVar(&opt.lasts, "rate-for", 10*time.Second, "how long latency is measured")
	f.BoolVar(&opt.compare, "compare", false, "also read the same events as most people would, with regular expressions")
	f.StringArrayVar(&opt.against, "against", nil, "also have this `command` read the same events, as those of tools/sidebyside do; may be repeated; with --compare")
	f.StringVar(&opt.growth, "growth", "", "measure how the cost of an event grows with each of many things, and write a table and a plot of each into this `directory`")
	f.StringSliceVar(&opt.series, "series", nil, "of --growth only these: "+strings.Join(growthNames(), ", "))
	f.BoolVar(&opt.json, "json", false, "print one JSON object")
	f.StringVar(&opt.cpuProfile, "cpu-profile", "", "`file` for the CPU profile of the run, for go tool pprof")
	f.StringVar(&opt.memProfile, "mem-profile", "", "`file` for what was allocated until the end of the run, the making of the stream included")
	for _, other := range []string{"compare", "json", "cpu-profile", "mem-profile", "rate", "rate-for"} {
		cmd.MarkFlagsMutuallyExclusive("growth", other)
	}
	return cmd
}

// fill puts in what nobody has said.
func (o *benchOptions) fill(conversations bool) {
	switch {
	case o.events != 0:
	case o.compare:
		o.events = benchEventsCompare
	case o.growth != "":
		o.events = benchEventsGrowth
	default:
		o.events = benchEvents
	}
	if o.growth != "" && !conversations {
		o.conversations = benchConversationsGrowth
	}
}

// check reports everything that is wrong with the options.
func (o *benchOptions) check() error {
	var errs []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	fault(o.mix != mixLife && o.mix != mixPlain && o.mix != mixWorst, "--mix %s: want life, plain or worst", o.mix)
	fault(o.events < 1 || o.events > 50_000_000, "--events %d: want 1 to 50000000", o.events)
	fault(o.conversations < 1 || o.conversations > 10_000_000, "--conversations %d: want 1 to 10000000", o.conversations)
	fault(o.partitions < 1 || o.partitions > 1000, "--partitions %d: want 1 to 1000", o.partitions)
	for _, name := range o.series {
		fault(!slices.Contains(growthNames(), name), "--series %s: want some of %s", name, strings.Join(growthNames(), ", "))
	}
	fault(len(o.against) > 0 && !o.compare, "--against is for --compare")
	for _, command := range o.against {
		fault(strings.TrimSpace(command) == "", "--against: want a command")
	}
	fault(len(o.series) > 0 && o.growth == "", "--series is for --growth")
	fault(o.rate < 0 || o.rate > 1_000_000, "--rate %d: want 0 to 1000000", o.rate)
	fault(o.lasts < 100*time.Millisecond || o.lasts > time.Hour, "--rate-for %s: want 100ms to 1h", o.lasts)
	return errors.Join(errs...)
}

// bench is one run of worker bench.
type bench struct {
	opt     benchOptions
	log     *zap.Logger
	corpus  []onside.Event
	servers *benchServers

	// With --compare:
	events []onside.Event
	found  finds         // by the worker
	used   time.Duration // CPU, by the worker
	errs   io.Writer
}

func (c *cli) bench(ctx context.Context, r *configReader, given givenServers, opt benchOptions) (err error) {
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = heapSample
	b := &bench{opt: opt, errs: c.err}
	if b.corpus, err = onside.Corpus(); err != nil {
		return err
	}
	if b.servers, err = openServers(ctx, r, given, opt.partitions); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.servers.close()) }()
	b.log = b.servers.logger(c.err)
	report := &benchReport{Mix: opt.mix, Seed: opt.seed, Servers: given.String(), Processors: runtime.GOMAXPROCS(0), Version: buildVersion()}
	for _, step := range b.steps() {
		if err := step(ctx, report); err != nil {
			if ctx.Err() != nil {
				return errInterrupted
			}
			return err
		}
	}
	if opt.json {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	return report.write(c.out)
}

func (b *bench) steps() []func(context.Context, *benchReport) error {
	steps := []func(context.Context, *benchReport) error{b.fill, b.throughput, b.bare}
	if b.opt.compare {
		steps = append(steps, b.others)
	}
	if b.opt.rate > 0 {
		steps = append(steps, b.latency)
	}
	return steps
}

// fill writes the stream to the topic, before anything is measured.
func (b *bench) fill(ctx context.Context, r *benchReport) error {
	s := newStream(b.corpus, b.opt.mix, b.opt.seed, b.opt.conversations, "b")
	f := newFeeder(ctx, b.servers.client, b.servers.setup.Kafka.Topics.Events, b.opt.partitions)
	for i := range b.opt.events {
		if ctx.Err() != nil {
			break
		}
		e := s.next(i)
		r.Bytes += int64(len(e.value))
		if e.Label.Action == "review" {
			r.Labelled++
		}
		if b.opt.compare {
			b.events = append(b.events, e.Event)
		}
		f.put(e.ConversationID, e.value)
	}
	r.Events, r.Conversations, r.Partitions = b.opt.events, s.begun, b.opt.partitions
	return errors.Join(f.close(), ctx.Err())
}

// seen notes what the worker finds, where it is compared with others.
func (b *bench) seen() func(*classify.Message, *policy.Decision) {
	if !b.opt.compare {
		return nil
	}
	return func(m *classify.Message, d *policy.Decision) {
		if d.Action == policy.Review {
			b.found.add(m.EventID)
		}
	}
}
