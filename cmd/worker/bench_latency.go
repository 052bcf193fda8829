package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// paceWarmUp is how long events flow before latencies count.
const paceWarmUp = time.Second

// latency lets events in at a fixed rate, and takes the time from when an event was due to when its flag can be read. Due, not sent: what
// a stall holds up counts as late.
func (b *bench) latency(ctx context.Context, r *benchReport) error {
	warm := int(paceWarmUp.Seconds() * float64(b.opt.rate))
	n := warm + int(b.opt.lasts.Seconds()*float64(b.opt.rate))
	events := make([]streamEvent, n)
	s := newStream(b.corpus, b.opt.mix, b.opt.seed+1, b.opt.conversations, "r")
	for i := range events {
		events[i] = s.next(i)
	}
	watch := b.watchFlags(ctx, n)
	defer watch.close()
	w, err := b.start(ctx, 1, nil)
	if err != nil {
		return err
	}
	select {
	case <-w.joined:
	case <-time.After(benchPatience):
		return errors.Join(errors.New("the worker does not join its group"), w.leave())
	case <-ctx.Done():
		return errors.Join(ctx.Err(), w.leave())
	}
	begun := time.Now()
	due := func(i int) time.Time { return begun.Add(time.Duration(i) * time.Second / time.Duration(b.opt.rate)) }
	f := newFeeder(ctx, b.servers.client, b.servers.setup.Kafka.Topics.Events, b.opt.partitions)
	for i := range events {
		if wait := time.Until(due(i)); wait > 0 {
			time.Sleep(wait)
		}
		if ctx.Err() != nil {
			break
		}
		f.put(events[i].ConversationID, events[i].value)
	}
	sent := time.Since(begun)
	if err := errors.Join(f.close(), w.finish(ctx, int64(n))); err != nil {
		return err
	}
	seen, err := watch.wait(ctx, int(w.flags.Load()))
	if err != nil {
		return err
	}
	var late []time.Duration
	for i, at := range seen {
		if i >= warm && !at.IsZero() {
			late = append(late, at.Sub(due(i)))
		}
	}
	r.Latency = latencyOf(late)
	r.Latency.Rate, r.Latency.Seconds = float64(n)/sent.Seconds(), seconds(b.opt.lasts)
	return nil
}

func latencyOf(late []time.Duration) *latencyReport {
	slices.Sort(late)
	at := func(q float64) float64 {
		if len(late) == 0 {
			return 0
		}
		return millis(late[max(0, int(math.Ceil(q*float64(len(late))))-1)])
	}
	return &latencyReport{Flags: len(late), P50: at(.5), P99: at(.99), P999: at(.999), Max: at(1)}
}

// flagWatch reads the flags topic and notes when the flag of each event came.
type flagWatch struct {
	reader *kafka.Reader
	stop   context.CancelFunc
	joined sync.WaitGroup
	news   chan struct{}

	mu struct {
		sync.Mutex
		at   []time.Time // by the event's number
		seen int
	}
}

func (b *bench) watchFlags(ctx context.Context, events int) *flagWatch {
	w := &flagWatch{news: make(chan struct{}, 1)}
	w.mu.at = make([]time.Time, events)
	w.reader = kafka.NewReader(kafka.ReaderConfig{
		Brokers: b.servers.setup.Kafka.Brokers, Topic: b.servers.setup.Kafka.Topics.Flags, Dialer: b.servers.dialer(),
		MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 100 * time.Millisecond,
	})
	ctx, w.stop = context.WithCancel(ctx)
	w.joined.Go(func() { w.run(ctx) })
	return w
}

func (w *flagWatch) run(ctx context.Context) {
	for {
		m, err := w.reader.FetchMessage(ctx)
		if err != nil {
			return // ctx has ended; the reader tries everything else again
		}
		now := time.Now()
		var flag struct {
			Event struct {
				EventID string `json:"event_id"`
			} `json:"event"`
		}
		number, ours := strings.CutPrefix(eventOf(m.Value, &flag, &flag.Event.EventID), "re")
		i, err := strconv.Atoi(number)
		if !ours || err != nil || i >= len(w.mu.at) {
			continue
		}
		w.mu.Lock()
		if w.mu.at[i].IsZero() {
			w.mu.at[i] = now
			w.mu.seen++
		}
		w.mu.Unlock()
		select {
		case w.news <- struct{}{}:
		default:
		}
	}
}

func eventOf(value []byte, into any, id *string) string {
	if json.Unmarshal(value, into) != nil {
		return ""
	}
	return *id
}

// wait returns when so many flags were read.
func (w *flagWatch) wait(ctx context.Context, flags int) ([]time.Time, error) {
	limit := time.After(benchPatience)
	for {
		w.mu.Lock()
		seen := w.mu.seen
		w.mu.Unlock()
		if seen >= flags {
			return w.mu.at, nil
		}
		select {
		case <-w.news:
		case <-limit:
			return nil, fmt.Errorf("%d of %d flags can be read", seen, flags)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (w *flagWatch) close() {
	w.stop()
	w.joined.Wait()
	_ = w.reader.Close() // of a reader without a group there is nothing to lose
}
