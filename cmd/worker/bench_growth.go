package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
)

// load is what a worker is measured under.
type load struct {
	mix           string
	flagged       float64 // part of the messages that a person would flag; 0: that of the mix
	length        int     // of every message, in bytes; 0: as it was written
	events        int
	conversations int  // under way at a time
	known         bool // every conversation has said something before
	partitions    int
	workers       int
	live          bool // the workers wait for the events; else the events for them
	rules         int  // of the policy at least; those that are added never apply
}

// series says how the cost of an event grows with one thing, all else as usual.
type series struct {
	name   string // of its files, and of the first column
	title  string
	axis   string
	at     []float64
	logY   bool
	speed  bool // the plot is of events a second, not of what each costs
	change func(l *load, x float64)
}

// lengthBytes is how much text is read at most for one length.
const lengthBytes = 32 << 20

// growths are all series. The most conversations that are tried are given.
func growths(conversations int) []series {
	var alive []float64
	for n := 1000; n < conversations; n *= 10 {
		alive = append(alive, float64(n))
	}
	alive = append(alive, float64(conversations))
	return []series{
		{name: "length", title: "Length of the message", axis: "bytes", at: []float64{10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 65_536}, logY: true,
			change: func(l *load, x float64) { l.length, l.events = int(x), min(l.events, lengthBytes/int(x)) }},
		{name: "rules", title: "Rules of the policy, in conversations that all solicit", axis: "rules", at: []float64{5, 15, 50, 150, 500, 1500, 5000},
			change: func(l *load, x float64) { l.rules, l.mix = int(x), mixWorst }},
		{name: "conversations", title: "Conversations alive", axis: "conversations that have said something before", at: alive,
			change: func(l *load, x float64) { l.conversations, l.known = int(x), true }},
		{name: "partitions", title: "Partitions", axis: "partitions of one worker", at: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256},
			change: func(l *load, x float64) { l.partitions = int(x) }},
		{name: "flagged", title: "Messages that a person would flag", axis: "per cent of all", at: []float64{.1, .3, 1, 3, 10, 30},
			change: func(l *load, x float64) { l.flagged = x / 100 }},
		{name: "workers", title: "Workers of one group, in one process", axis: "workers", at: []float64{1, 2, 3, 4}, speed: true,
			change: func(l *load, x float64) { l.workers, l.partitions, l.live = int(x), 12, true }},
	}
}

func growthNames() (names []string) {
	for _, s := range growths(0) {
		names = append(names, s.name)
	}
	return names
}

// growthRow is what was measured at one point.
type growthRow struct {
	x         float64
	events    int
	perSecond float64
	cores     float64
	micros    map[string]float64 // CPU of an event, by part
}

func (r *growthRow) of(parts ...string) (sum float64) {
	for _, p := range parts {
		sum += r.micros[p]
	}
	return sum
}

// growth measures series after series, each point on servers of its own where they are embedded.
type growth struct {
	*cli
	opt    benchOptions
	config func() (*configReader, error)
	given  givenServers
	corpus []onside.Event
}

// growthWarmUp is how many events go through before the first point: what is made at the first use is made then.
const growthWarmUp = 5000

func (g *growth) run(ctx context.Context) error {
	if err := os.MkdirAll(g.opt.growth, 0o755); err != nil {
		return err
	}
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 0 // only CPU counts here
	var err error
	if g.corpus, err = onside.Corpus(); err != nil {
		return err
	}
	usual := load{mix: g.opt.mix, events: g.opt.events, conversations: 2000, partitions: g.opt.partitions, workers: 1}
	warm := usual
	warm.events = min(growthWarmUp, warm.events)
	if _, err := g.measure(ctx, &warm); err != nil {
		return g.fault(ctx, err)
	}
	for _, s := range growths(g.opt.conversations) {
		if len(g.opt.series) > 0 && !slices.Contains(g.opt.series, s.name) {
			continue
		}
		var rows []growthRow
		fmt.Fprintf(g.out, "%-16s%10s%14s%14s%14s%14s\n", s.name, "events", "events/s", "worker µs", "classify µs", "rest µs")
		for _, x := range s.at {
			l := usual
			s.change(&l, x)
			row, err := g.measure(ctx, &l)
			if err != nil {
				return g.fault(ctx, fmt.Errorf("%s %s: %w", s.name, brief(x), err))
			}
			row.x = x
			rows = append(rows, row)
			all, classify := row.of(workerParts...), row.of(partClassify)
			fmt.Fprintf(g.out, "%-16s%10s%14s%14.2f%14.2f%14.2f\n", brief(x), number(row.events), number(int(row.perSecond)), all, classify, all-classify)
		}
		if err := errors.Join(g.write(s.name+".csv", rowsCSV(s.name, rows)), g.write(s.name+".svg", s.plot(rows).svg())); err != nil {
			return err
		}
	}
	return nil
}

// fault is the error of a run that failed or was stopped.
func (g *growth) fault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

func (g *growth) write(name string, content []byte) error {
	return os.WriteFile(filepath.Join(g.opt.growth, name), content, 0o644)
}

// plot is the picture of a series: what an event costs, and how much of that is the classifier.
func (s *series) plot(rows []growthRow) *plot {
	if s.speed {
		p := &plot{title: s.title, axisX: s.axis, axisY: "events a second", lines: []plotLine{{name: "events/s"}}}
		for i := range rows {
			p.lines[0].at = append(p.lines[0].at, [2]float64{rows[i].x, rows[i].perSecond})
		}
		return p
	}
	p := &plot{title: s.title, axisX: s.axis, axisY: "CPU of an event, µs", logY: s.logY, lines: []plotLine{{name: "worker"}, {name: "classify"}, {name: "the rest"}}}
	for i := range rows {
		r := &rows[i]
		all, classify := r.of(workerParts...), r.of(partClassify)
		for k, y := range []float64{all, classify, all - classify} {
			p.lines[k].at = append(p.lines[k].at, [2]float64{r.x, y})
		}
	}
	return p
}

func rowsCSV(name string, rows []growthRow) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	head := []string{name, "events", "events_per_second", "cores", "worker_us"}
	for _, p := range append(slices.Clip(workerParts), partBroker, partStore) {
		head = append(head, strings.ReplaceAll(p, "+", "_")+"_us")
	}
	lines := [][]string{head}
	for i := range rows {
		r := &rows[i]
		float := func(x float64, digits int) string { return strconv.FormatFloat(toDigits(x, digits), 'f', -1, 64) }
		line := []string{float(r.x, 3), strconv.Itoa(r.events), float(r.perSecond, 0), float(r.cores, 2), float(r.of(workerParts...), 3)}
		for _, p := range append(slices.Clip(workerParts), partBroker, partStore) {
			line = append(line, float(r.of(p), 3))
		}
		lines = append(lines, line)
	}
	_ = w.WriteAll(lines) // into memory
	return b.Bytes()
}

// measure is one point.
func (g *growth) measure(ctx context.Context, l *load) (row growthRow, err error) {
	r, err := g.config()
	if err != nil {
		return row, err
	}
	opt := g.opt
	opt.events, opt.partitions = l.events, l.partitions
	b := &bench{opt: opt, corpus: g.corpus}
	if b.servers, err = openServers(ctx, r, g.given, l.partitions); err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, b.servers.close()) }()
	b.log = b.servers.logger(g.err)
	if b.servers.setup.policy, err = withRules(b.servers.setup.policy, l.rules); err != nil {
		return row, err
	}
	if l.known {
		if err := b.acquaint(ctx, l.conversations); err != nil {
			return row, err
		}
	}
	return b.carry(ctx, l)
}

// acquaint has every conversation say something.
func (b *bench) acquaint(ctx context.Context, conversations int) error {
	f := newFeeder(ctx, b.servers.client, b.servers.setup.Kafka.Topics.Events, b.opt.partitions)
	for i := range conversations {
		if ctx.Err() != nil {
			break
		}
		e := onside.Event{Message: classify.Message{
			EventID: fmt.Sprintf("ae%08d", i), ConversationID: conversationID(growthPrefix, i+1), MessageID: "a", SenderID: "a", SenderRole: "client", Text: "hello",
		}}
		f.put(e.ConversationID, encodeEvent(&e))
	}
	if err := errors.Join(f.close(), ctx.Err()); err != nil {
		return err
	}
	w, err := b.start(ctx, 1, nil)
	if err != nil {
		return err
	}
	return w.finish(ctx, int64(conversations))
}

// carry has the workers do all events of the load.
func (b *bench) carry(ctx context.Context, l *load) (row growthRow, err error) {
	events := b.eventsOf(l)
	feed := func() error {
		f := newFeeder(ctx, b.servers.client, b.servers.setup.Kafka.Topics.Events, l.partitions)
		for i := range events {
			f.put(events[i].ConversationID, events[i].value)
		}
		return f.close()
	}
	var w *watched
	work := func() (err error) {
		w, err = b.start(ctx, l.workers, nil)
		return err
	}
	before, during := feed, work
	if l.live {
		before, during = func() error { return errors.Join(work(), w.gather(ctx)) }, feed
	}
	if err := before(); err != nil {
		return row, err
	}
	runtime.GC() // what making the events has left behind is not the worker's
	var costs sampler
	if err := costs.start(); err != nil {
		return row, err
	}
	begun := time.Now()
	if err = during(); err == nil {
		err = w.finish(ctx, int64(l.events))
	} else if w != nil {
		err = errors.Join(err, w.leave())
	}
	used, profileErr := costs.stop()
	if err := errors.Join(err, profileErr); err != nil {
		return row, err
	}
	if !l.live {
		begun = <-w.joined
	}
	took := time.Unix(0, w.last.Load()).Sub(begun)
	row = growthRow{events: l.events, perSecond: rateOf(int64(l.events), took).PerSecond, micros: map[string]float64{}}
	for part, c := range used {
		row.micros[part] = float64(c.cpu.Microseconds()) / float64(l.events)
		row.cores += c.cpu.Seconds() / took.Seconds()
	}
	return row, nil
}

const growthPrefix = "g"

// eventsOf are the events of the load.
func (b *bench) eventsOf(l *load) []streamEvent {
	s := newStream(b.corpus, l.mix, b.opt.seed, l.conversations, growthPrefix)
	if l.flagged > 0 {
		s.share = shareFor(l.flagged, s.plain, s.soliciting)
	}
	var texts []string
	if l.length > 0 {
		texts = s.texts()
	}
	events := make([]streamEvent, l.events)
	for i := range events {
		events[i] = s.next(i)
		if l.length > 0 {
			events[i].Text = ofLength(texts, s.random.IntN(len(texts)), l.length)
			events[i].value = encodeEvent(&events[i].Event)
		}
	}
	return events
}

// texts are those that the stream draws from, in order.
func (s *stream) texts() (texts []string) {
	from := s.ordinary
	if len(from) == 0 {
		from = s.others
	}
	for i := range from {
		if i > 0 && &from[i][0] == &from[i-1][0] {
			continue // drawn the more often the longer it is
		}
		for k := range from[i] {
			texts = append(texts, from[i][k].Text)
		}
	}
	return texts
}

// ofLength is as much of the texts, one after the other from the given one on, as fits.
func ofLength(texts []string, from, length int) string {
	var b strings.Builder
	for i := from; b.Len() < length; i++ {
		b.WriteString(texts[i%len(texts)])
		b.WriteByte(' ')
	}
	return strings.ToValidUTF8(b.String()[:length], "")
}

// withRules is a policy with rules that never apply after its own, as many as it takes to have so many in all.
func withRules(p *policy.Policy, rules int) (*policy.Policy, error) {
	var b strings.Builder
	b.Write(p.Source())
	for i := bytes.Count(p.Source(), []byte("\n  - id:")); i < rules; i++ {
		fmt.Fprintf(&b, "\n  - id: never-%d\n    action: review\n    severity: high\n    stages: [pre_contract, active, ended]\n", i)
		fmt.Fprintf(&b, "    categories: [contact.phone, contact.email, contact.handle, contact.link, contact.request, contact.hint, channel.messaging, channel.meeting, payment.direct, payment.fee_avoidance, call.proposal]\n")
		fmt.Fprintf(&b, "    acts: [share, request, propose, comply, refuse, discuss]\n    min_score: 1\n")
	}
	return policy.Parse([]byte(b.String()))
}
