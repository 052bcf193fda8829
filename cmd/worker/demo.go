package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"onside"
	"onside/internal/sink"
)

func (c *cli) demoCommand() *cobra.Command {
	var limit, messages int
	var all bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the worker at work on embedded servers and a corpus of conversations",
		Long: "demo starts a Kafka broker and a Redis inside the process, plays the corpus of labelled conversations into the events\n" +
			"topic and shows flags as they come out of the flags topic. It needs no server and no configuration.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 || messages < 0 {
				return fail(exitUsage, errors.New("--limit and --messages: must not be below zero"))
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return c.demo(ctx, messages, limit, all)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 40, "how many flags are shown, spread over the corpus")
	cmd.Flags().IntVar(&messages, "messages", 12_000, "about how many messages are played, whole conversations from all over the corpus; 0: all")
	cmd.Flags().BoolVar(&all, "all", false, "show every flag")
	return cmd
}

const (
	demoPartitions = 4
	demoLasts      = 5500 * time.Millisecond // on a terminal, so that flags can be read as they scroll
	demoSections   = 40                      // of the corpus: one flag of each is shown, unless told otherwise
	demoPatience   = 60 * time.Second        // for one section
)

// demo is one showing. The corpus is played in sections: produce, wait until everything that came of it
// was read back, show the best flag. On a terminal each section takes its share of demoLasts.
type demo struct {
	screen   *screen
	events   []onside.Event
	messages map[string]*onside.Event // by message id
	tally    *tally
	client   *kafka.Client
	topics   topicsConfig
	busy     time.Duration // worked, without the pauses for the reader
	shown    map[string]int
}

func (c *cli) demo(ctx context.Context, messages, limit int, all bool) error {
	corpus, err := onside.Corpus()
	if err != nil {
		return err
	}
	events := sample(corpus, messages)
	r := newConfigReader(func(string) (string, bool) { return "", false })
	box, err := startSandbox(r.config.Kafka.Topics, demoPartitions)
	if err != nil {
		return err
	}
	defer box.close()
	r.set("demo", "kafka.brokers", strings.Join(box.kafka.ListenAddrs(), ","))
	r.set("demo", "redis.addresses", box.redis.Addr())
	s, err := r.finish()
	if err != nil {
		return err
	}
	log := newLogger(c.err, zap.ErrorLevel.String())
	sv, err := newService(s, log, time.Now)
	if err != nil {
		return err
	}
	d := &demo{
		screen: newScreen(c.out, c.env), events: events, messages: map[string]*onside.Event{}, tally: newTally(),
		topics: s.Kafka.Topics, shown: map[string]int{},
	}
	for i := range events {
		d.messages[events[i].MessageID] = &events[i]
	}
	sv.observe = d.tally.observer()
	defer d.screen.close()
	return d.beside(ctx, sv, s, limit, all)
}

// sample takes about n events, whole conversations from all over the corpus.
func sample(corpus []onside.Event, n int) []onside.Event {
	if n == 0 || n >= len(corpus) {
		return corpus
	}
	var out []onside.Event
	seen := 0
	for talk := range talks(corpus) {
		if len(out)*len(corpus) < seen*n || seen == 0 {
			out = append(out, talk...)
		}
		seen += len(talk)
	}
	return out
}

// beside plays while the service runs, and stops it afterwards.
func (d *demo) beside(ctx context.Context, sv *service, s *setup, limit int, all bool) error {
	transport := &kafka.Transport{ClientID: "onside-demo"}
	defer transport.CloseIdleConnections()
	d.client = &kafka.Client{Addr: kafka.TCP(s.Kafka.Brokers...), Transport: transport, Timeout: demoPatience}
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: s.Kafka.Brokers, Topic: d.topics.Flags, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 100 * time.Millisecond,
	})
	serving, stop := context.WithCancel(ctx)
	ended, read := make(chan error, 1), make(chan struct{})
	go func() { ended <- sv.run(serving) }()
	go func() {
		defer close(read)
		d.tally.read(serving, reader)
	}()
	playErr := d.play(ctx, limit, all)
	stop()
	runErr := <-ended
	<-read
	_ = reader.Close() // of a reader without a group there is nothing to lose
	if ctx.Err() != nil {
		return nil // somebody has seen enough
	}
	if err := errors.Join(playErr, runErr); err != nil {
		return err
	}
	d.screen.progress(0, 0)
	d.screen.bar = ""
	d.screen.print(d.summary())
	return nil
}

func (d *demo) play(ctx context.Context, limit int, all bool) error {
	sections := demoSections
	if !all && limit > 0 {
		sections = limit
	}
	size := (len(d.events) + sections - 1) / sections
	begun := time.Now()
	for i := range sections {
		part := d.events[min(i*size, len(d.events)):min((i+1)*size, len(d.events))]
		flags, err := d.section(ctx, part, i == sections-1)
		if err != nil {
			return err
		}
		d.show(flags, limit, all)
		if d.screen.tty {
			d.idle(ctx, begun.Add(demoLasts*time.Duration(i+1)/time.Duration(sections)))
		}
	}
	return nil
}

// spoiled are records that are no events, so that dead letters are seen too.
var spoiled = []string{
	`{"event_id":"spoiled-1","conversation_id":"spoiled","text":"cut off in the mid`,
	`{"event_id":"spoiled-2","conversation_id":"spoiled"}`,
	"{\"event_id\":\"spoiled-3\",\"conversation_id\":\"spoiled\",\"text\":\"\xff\"}",
}

// section produces events and returns the flags that came of them.
func (d *demo) section(ctx context.Context, events []onside.Event, last bool) ([]*sink.Flag, error) {
	begun := time.Now()
	records := len(events)
	f := newFeeder(ctx, d.client, d.topics.Events, demoPartitions)
	for i := range events {
		f.put(events[i].ConversationID, encodeEvent(&events[i]))
	}
	if last {
		records += len(spoiled)
		for _, s := range spoiled {
			f.put("spoiled", []byte(s))
		}
	}
	if err := f.close(); err != nil {
		return nil, err
	}
	err := d.wait(ctx, records)
	d.busy += time.Since(begun)
	return d.tally.take(), err
}

// wait returns when n more records are done and their flags were read back.
func (d *demo) wait(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	d.tally.expect(n)
	for !d.tally.settled() {
		select {
		case <-d.tally.news:
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for the worker: %w", ctx.Err())
		}
		d.progress()
	}
	return nil
}

// idle leaves the reader time until the deadline.
func (d *demo) idle(ctx context.Context, until time.Time) {
	d.progress()
	select {
	case <-time.After(time.Until(until)):
	case <-ctx.Done():
	}
}

func (d *demo) progress() {
	t := d.tally.count()
	d.screen.progress(t.records, len(d.events)+len(spoiled),
		number(t.records)+" events", number(t.stats.Flags)+" flags", number(t.stats.Reminders)+" reminders",
		number(t.stats.Suppressed)+" repeats")
}

// show prints the flags of a section: all, or the one that shows most.
func (d *demo) show(flags []*sink.Flag, limit int, all bool) {
	slices.SortFunc(flags, func(a, b *sink.Flag) int { return cmp.Compare(a.Event.EventID, b.Event.EventID) })
	if !all {
		if limit == 0 || len(flags) == 0 {
			return
		}
		flags = []*sink.Flag{slices.MaxFunc(flags, func(a, b *sink.Flag) int { return cmp.Compare(d.interest(a), d.interest(b)) })}
	}
	for _, f := range flags {
		d.remember(f)
		c := card{flag: f, message: func(id string) *onside.Event { return d.messages[id] }, style: d.screen.style, width: d.screen.width()}
		if d.screen.tty {
			c.edge = "▌ "
		}
		d.screen.print(c.String() + "\n")
	}
}

// interest is how much there is to see in a flag that was not seen before.
func (d *demo) interest(f *sink.Flag) int {
	n := 0
	for _, x := range f.Findings {
		n -= 2 * d.shown[x.Category]
		n -= d.shown[x.Act]
		if len(x.DecodedBy) > 0 {
			n += 2
		}
		for _, s := range x.Spans {
			if s.MessageID != f.Event.MessageID {
				n += 2
			}
		}
	}
	n /= max(1, len(f.Findings))
	return n - 2*d.shown[f.Event.Lang]
}

func (d *demo) remember(f *sink.Flag) {
	d.shown[f.Event.Lang]++
	for _, x := range f.Findings {
		d.shown[x.Category]++
		d.shown[x.Act]++
	}
}

// summary is the end of the showing.
func (d *demo) summary() string {
	t := d.tally.count()
	st := d.screen.style
	var b strings.Builder
	row := func(n int, what, note string) {
		fmt.Fprintf(&b, "%s  %s", st.paint(bold, fmt.Sprintf("%8s", number(n))), pad(what, 14))
		b.WriteString(st.paint(dim, note) + "\n")
	}
	rate := float64(t.records) / d.busy.Seconds()
	row(t.records, "events", fmt.Sprintf("%s a second through broker, worker and store in this one process", number(int(rate))))
	row(t.stats.Flags, "flags", "for reviewers, on "+d.topics.Flags)
	row(t.stats.Reminders, "reminders", "for the chat, on "+d.topics.Reminders)
	row(t.stats.Suppressed, "repeats", "suppressed: the same finding was flagged in the same conversation")
	row(t.stats.DeadLetters, "dead letters", "records spoiled on purpose, kept byte for byte on "+d.topics.DeadLetters)
	score := onside.Score(d.events, t.verdicts).Review
	fmt.Fprintf(&b, "\nAgainst the labels that people gave these messages:  %s\n%s\n",
		st.paint(bold, fmt.Sprintf("precision %.3f   recall %.3f   F1 %.3f", score.Precision(), score.Recall(), score.F1())),
		st.paint(dim, "The model was fitted on this corpus, so it will do worse on yours: worker eval your-labelled.jsonl"))
	fmt.Fprintf(&b, "\nNext: worker eval, worker check --print-policy, worker run --help\n")
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

// number writes 27719 as 27,719.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
