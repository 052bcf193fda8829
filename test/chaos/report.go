package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// report is what a run comes to.
type report struct {
	Protocol   string            `json:"protocol"`
	Seed       uint64            `json:"seed"`
	Kafka      string            `json:"kafka"`
	Redis      string            `json:"redis"`
	Workers    int               `json:"workers"`
	Rate       int               `json:"rate"`
	Session    float64           `json:"session_timeout_s"`
	Rebalance  float64           `json:"rebalance_timeout_s"`
	Seconds    float64           `json:"seconds"`
	Events     int               `json:"events"`
	Exact      bool              `json:"exact"` // every decision was known beforehand
	Kinds      map[string]tally  `json:"kinds"`
	Lost       int               `json:"lost"`
	Doubled    int               `json:"doubled"`    // shown twice under different ids, beyond what is documented
	Again      int               `json:"again"`      // records with an id that a reader has seen
	Otherwise  int               `json:"otherwise"`  // decided without all that was said before, while Redis had trouble
	Faults     map[class]int     `json:"faults"`     // that happened
	Silences   map[class]silence `json:"silences"`   // what they cost
	Own        silence           `json:"own"`        // what a restart cost the partitions of the worker
	Others     silence           `json:"others"`     // and the others
	Calm       quantiles         `json:"calm"`       // from an event to the record that shows it, of events that were sent while all was well
	Outages    map[string]outage `json:"outages"`    // by what Redis did instead of answering
	Resolution float64           `json:"resolution"` // seconds: of 100 records of a partition, 99 follow the one before within this time
	Said       map[string]int    `json:"said"`       // warnings and errors of the workers
	Broken     []string          `json:"broken"`     // promises
	Examples   []string          `json:"examples"`
	Logs       string            `json:"logs,omitempty"`
}

// silence is for how long a partition showed nothing because of a fault, in seconds: the worst partition of each fault. Of a kill it is the time to the next
// progress, of a restart the pause of its two rebalances. Alone are faults on which no other came before they had healed.
type silence struct {
	Faults   int     `json:"faults"`
	Alone    int     `json:"alone"`
	P50      float64 `json:"p50"` // of those alone
	P99      float64 `json:"p99"`
	Max      float64 `json:"max"`
	MaxOfAll float64 `json:"max_of_all"`
}

// quantiles are those of some times, in seconds.
type quantiles struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func quantilesOf(d []time.Duration) quantiles {
	return quantiles{len(d), quantile(d, 0.5).Seconds(), quantile(d, 0.99).Seconds(), quantile(d, 1).Seconds()}
}

// outage is what it costs that Redis does not answer.
type outage struct {
	Meanwhile quantiles `json:"meanwhile"` // from an event to the record that shows it, of events that were sent meanwhile
	After     quantiles `json:"after"`     // from the end of each outage to the last record that could not be verified
}

// report sums up. failure is why the run ended early.
func (w *world) report(failure error) *report {
	said, faults := w.hear()
	exact := w.exact() && said[redisAway]+said[redisVague] == 0
	var v verdict
	v.read(w.ledger, exact, w.flushes)
	r := &report{
		Protocol: w.protocol, Seed: w.seed, Kafka: w.kafkaName(), Redis: w.redisName(), Workers: len(w.workers), Rate: w.rate,
		Session: w.session.Seconds(), Rebalance: w.rebalance.Seconds(), Seconds: time.Since(w.begun).Seconds(),
		Events: w.ledger.size(), Exact: exact, Kinds: map[string]tally{},
		Lost: v.lost(), Doubled: v.doubled() + v.twoIDs, Again: v.again(), Otherwise: v.otherwise,
		Faults: map[class]int{}, Silences: map[class]silence{}, Outages: map[string]outage{}, Resolution: quantile(w.pulse.gaps(), 0.99).Seconds(), Said: said,
		Broken: append(v.broken(w.strict || !w.careless(), failure == nil), faults...), Examples: v.examples, Logs: w.dir,
	}
	for k := flagged; k < kinds; k++ {
		r.Kinds[k.String()] = v.tallies[k]
	}
	for _, x := range w.wounds {
		r.Faults[x.class]++
	}
	for c := range r.Faults {
		r.Silences[c] = w.silence(c, func(x *wound) []int32 { return x.scope })
	}
	r.Own = w.silence(restart, func(x *wound) []int32 { return x.owned })
	r.Others = w.silence(restart, func(x *wound) []int32 {
		return slices.DeleteFunc(slices.Clone(x.scope), func(id int32) bool { return slices.Contains(x.owned, id) })
	})
	r.Calm = w.calm()
	for _, what := range []string{redisHangs, redisGone} {
		r.Outages[what] = w.outage(what)
	}
	if failure != nil {
		r.Broken = append(r.Broken, failure.Error())
	}
	if r.Broken == nil {
		r.Broken, r.Logs = []string{}, w.options.dir
	}
	return r
}

func (w *world) kafkaName() string {
	if w.embedded() {
		return "embedded"
	}
	return strings.Join(w.brokers, ",")
}

func (w *world) redisName() string {
	if w.options.redis == "" {
		return "embedded"
	}
	return w.options.redis
}

// silence is what the faults of a class have cost some of the partitions.
func (w *world) silence(c class, which func(*wound) []int32) (s silence) {
	var all, alone []time.Duration
	for _, x := range w.wounds {
		partitions := which(x)
		if x.class != c || x.healed.IsZero() || len(partitions) == 0 {
			continue
		}
		d := w.pulse.silence(partitions, x.at, x.healed)
		all = append(all, d)
		if x.alone {
			alone = append(alone, d)
		}
	}
	return silence{
		Faults: len(all), Alone: len(alone), P50: quantile(alone, 0.5).Seconds(), P99: quantile(alone, 0.99).Seconds(),
		Max: quantile(alone, 1).Seconds(), MaxOfAll: quantile(all, 1).Seconds(),
	}
}

// lasted says whether the fault had happened and not healed at the time.
func (x *wound) lasted(t time.Time) bool {
	return t.After(x.at) && (x.healed.IsZero() || t.Before(x.healed))
}

// calm are the delays of events that were sent while nothing had happened.
func (w *world) calm() quantiles {
	return quantilesOf(w.delays.of(func(_ int32, sent time.Time) bool {
		return !slices.ContainsFunc(w.wounds, func(x *wound) bool { return x.lasted(sent) })
	}))
}

// outage is what those have cost in which Redis did the same.
func (w *world) outage(what string) outage {
	var meanwhile, after []time.Duration
	for _, x := range w.wounds {
		if x.redis != what || !x.alone {
			continue
		}
		meanwhile = append(meanwhile, w.delays.of(func(partition int32, sent time.Time) bool {
			return slices.Contains(x.scope, partition) && sent.After(x.at) && sent.Before(x.over)
		})...)
		after = append(after, w.delays.unverified(x.scope, x.over, x.healed).Sub(x.over))
	}
	return outage{quantilesOf(meanwhile), quantilesOf(after)}
}

// What a worker says when it has to do without Redis.
const (
	redisAway  = "redis does not answer: flags go out unverified, history is what this worker has seen"
	redisVague = "sink: claims cannot be verified, publishing without"
)

// hear is what the workers have complained about, how often, and what was noticed besides the ledger.
func (w *world) hear() (said map[string]int, faults []string) {
	said = map[string]int{}
	processes := slices.Clone(w.past)
	for _, x := range w.workers {
		if x.process != nil && !slices.Contains(processes, x.process) {
			processes = append(processes, x.process)
		}
	}
	for _, p := range processes {
		p.mu.Lock()
		for what, n := range p.said {
			said[strings.TrimPrefix(what[0]+": "+what[1], ": ")] += n
		}
		for _, f := range p.faults {
			faults = append(faults, "a worker has a fault of its own: "+f)
		}
		p.mu.Unlock()
	}
	w.watch.mu.Lock()
	defer w.watch.mu.Unlock()
	faults = append(faults, w.watch.faults...)
	w.reader.mu.Lock()
	defer w.reader.mu.Unlock()
	if w.reader.fault != nil {
		faults = append(faults, w.reader.fault.Error())
	}
	return said, faults
}

// writeJSON writes it for machines, write for people.
func (r *report) writeJSON(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

func (r *report) write(out io.Writer) {
	p := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	p("%d workers, %d events in %.0f s; Kafka %s, Redis %s, protocol %s, seed %d", r.Workers, r.Events, r.Seconds, r.Kafka, r.Redis, r.Protocol, r.Seed)
	p("\n%-14s%9s%7s%10s%12s%11s%9s", "", "expected", "lost", "repeats", "suppressed", "unexcused", "records")
	for _, name := range kindNames[flagged:] {
		t := r.Kinds[name]
		p("%-14s%9d%7d%10d%12d%11d%9d", name, t.Expected, t.Lost, t.Repeats, t.Suppressed, t.LetThrough.Doubled, t.Records)
	}
	if !r.Exact {
		p("Redis had trouble: only what cannot depend on it is expected.")
	}
	p("\nA reader sees %d records whose id had come before, and ignores them.", r.Again)
	r.writeExcused(p)
	p("\n%-12s%6s%7s%9s%9s%9s%12s   seconds of silence", "fault", "n", "alone", "p50", "p99", "max", "max of all")
	row := func(what string, n int, s silence) {
		p("%-12s%6d%7d%9.2f%9.2f%9.2f%12.2f", what, n, s.Alone, s.P50, s.P99, s.Max, s.MaxOfAll)
	}
	for _, c := range slices.Sorted(maps.Keys(r.Faults)) {
		row(string(c), r.Faults[c], r.Silences[c])
		if c == restart {
			row("  its own", r.Own.Faults, r.Own)
			row("  others", r.Others.Faults, r.Others)
		}
	}
	p("99 of 100 records of a partition follow the one before within %.2f s: what is shorter is chance. Sessions end after %.1f s, rebalances wait for %.1f s at most.", r.Resolution, r.Session, r.Rebalance)
	r.writeOutages(p)
	for _, e := range r.Examples {
		p("  %s", e)
	}
	if len(r.Broken) == 0 {
		p("\nNothing lost, nothing doubled.")
		return
	}
	p("\nBROKEN: %s\nThe workers' logs are in %s", strings.Join(r.Broken, "\n        "), r.Logs)
}

// writeOutages says what it costs that Redis does not answer.
func (r *report) writeOutages(p func(format string, args ...any)) {
	if r.Faults[store] == 0 {
		return
	}
	row := func(what string, q quantiles) { p("%-28s%8d%9.3f%9.3f%9.3f", what, q.N, q.P50, q.P99, q.Max) }
	p("\n%-28s%8s%9s%9s%9s   seconds from an event to its record", "Redis", "n", "p50", "p99", "max")
	row("answers", r.Calm)
	for _, what := range slices.Sorted(maps.Keys(r.Outages)) {
		row(what, r.Outages[what].Meanwhile)
	}
	p("Until all is verified again:")
	for _, what := range slices.Sorted(maps.Keys(r.Outages)) {
		row("after it "+what, r.Outages[what].After)
	}
}

// writeExcused names what came and need not have come, or the reverse, and why that is no failure.
func (r *report) writeExcused(p func(format string, args ...any)) {
	var sum letThrough
	for _, t := range r.Kinds {
		sum.Unverified += t.LetThrough.Unverified
		sum.Forgotten += t.LetThrough.Forgotten
		sum.Otherwise += t.LetThrough.Otherwise
	}
	if sum != (letThrough{}) {
		p("Repeats shown again: %d marked unverified while Redis did not answer, %d after Redis had forgotten, %d others while Redis had trouble.",
			sum.Unverified, sum.Forgotten, sum.Otherwise)
	}
	if r.Otherwise > 0 {
		p("Decided otherwise, by workers that could not ask Redis what was said before: %d.", r.Otherwise)
	}
}
