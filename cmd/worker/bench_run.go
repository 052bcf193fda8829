package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"onside/internal/classify"
	"onside/internal/policy"
	"onside/internal/sink"
	"onside/internal/source"
)

// benchPatience is how long nothing may move before worker bench gives up.
const benchPatience = 60 * time.Second

// service starts a worker as worker run does.
func (b *bench) service() (*service, error) {
	return newService(b.servers.setup, b.log, time.Now)
}

// watched are services of one group under observation.
type watched struct {
	records atomic.Int64
	flags   atomic.Int64
	reread  atomic.Int64
	joined  chan time.Time // holds the first
	last    atomic.Int64   // when was committed, Unix nanoseconds
	stop    context.CancelFunc
	ended   chan error // one of each service
	workers int

	outside atomic.Int64 // services that have not joined yet
	moved   atomic.Int64 // when one joined last, Unix nanoseconds
}

func (b *bench) start(ctx context.Context, workers int, decided func(*classify.Message, *policy.Decision)) (*watched, error) {
	w := &watched{joined: make(chan time.Time, 1), ended: make(chan error, workers), workers: workers}
	w.outside.Store(int64(workers))
	var services []*service
	for range workers {
		sv, err := b.service()
		if err != nil {
			for _, sv := range services {
				sv.close()
			}
			return nil, err
		}
		sv.observe = w.observer(decided)
		services = append(services, sv)
	}
	ctx, w.stop = context.WithCancel(ctx)
	for _, sv := range services {
		go func() { w.ended <- sv.run(ctx) }()
	}
	return w, nil
}

// observer watches one service.
func (w *watched) observer(decided func(*classify.Message, *policy.Decision)) observer {
	inside := sync.OnceFunc(func() { w.outside.Add(-1) })
	return observer{
		decided: decided,
		reread:  func(*classify.Message, []classify.Earlier) { w.reread.Add(1) },
		delivered: func(n int, st *sink.Stats) {
			w.records.Add(int64(n))
			w.flags.Add(int64(st.Flags))
		},
		joined: func() {
			now := time.Now()
			select {
			case w.joined <- now:
			default:
			}
			w.moved.Store(now.UnixNano())
			inside()
		},
		committed: func(err error) {
			if err == nil {
				w.last.Store(time.Now().UnixNano())
			}
		},
	}
}

// gathered is how long nobody may have joined for all to be where they will stay.
const gathered = 1500 * time.Millisecond

// gather returns when all services share the partitions.
func (w *watched) gather(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); w.outside.Load() > 0 || time.Since(time.Unix(0, w.moved.Load())) < gathered; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), w.leave())
		}
		if time.Since(begun) > benchPatience {
			return errors.Join(errors.New("the workers do not join their group"), w.leave())
		}
	}
	return nil
}

// finish waits until the worker has delivered so many records, and has it leave.
func (w *watched) finish(ctx context.Context, records int64) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	seen, moved := int64(-1), time.Now()
	for {
		n := w.records.Load()
		if n >= records {
			break
		}
		if n != seen {
			seen, moved = n, time.Now()
		}
		if time.Since(moved) > benchPatience {
			return errors.Join(fmt.Errorf("the worker has done %d of %d events and does not go on", n, records), w.leave())
		}
		select {
		case <-tick.C:
		case err := <-w.ended:
			w.workers--
			return errors.Join(fmt.Errorf("the worker has ended after %d of %d events", n, records), err, w.leave())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), w.leave())
		}
	}
	return w.leave()
}

// leave stops the services and returns when they have committed and left.
func (w *watched) leave() (err error) {
	w.stop()
	for range w.workers {
		err = errors.Join(err, <-w.ended)
	}
	return err
}

// throughput runs the worker over the whole topic.
func (b *bench) throughput(ctx context.Context, r *benchReport) error {
	before := forgetPeak()
	var costs sampler
	if err := costs.start(); err != nil {
		return err
	}
	begun := time.Now()
	w, err := b.start(ctx, 1, b.seen())
	if err != nil {
		return err
	}
	err = w.finish(ctx, int64(b.opt.events))
	used, profileErr := costs.stop()
	if err := errors.Join(err, profileErr, b.keepProfiles(&costs)); err != nil {
		return err
	}
	joined := <-w.joined
	r.Ready = seconds(b.servers.loaded + joined.Sub(begun))
	r.Worker = rateOf(int64(b.opt.events), time.Unix(0, w.last.Load()).Sub(joined))
	r.Flags = int(w.flags.Load())
	r.Reread = w.reread.Load()
	r.Memory = memoryReport{PeakRSS: peakRSS(), Before: before}
	r.stages(used)
	b.used = used.worker().cpu
	if r.Committed, err = b.servers.committed(ctx, b.servers.setup.Kafka.Group, b.opt.partitions); err != nil {
		return err
	}
	if r.Committed != int64(b.opt.events) {
		return fmt.Errorf("%d of %d events are committed", r.Committed, b.opt.events)
	}
	return nil
}

// keepProfiles writes the files that were asked for.
func (b *bench) keepProfiles(s *sampler) error {
	if b.opt.cpuProfile != "" {
		if err := os.WriteFile(b.opt.cpuProfile, s.profile(), 0o644); err != nil {
			return fmt.Errorf("write profile: %w", err)
		}
	}
	if b.opt.memProfile != "" {
		var heap bytes.Buffer
		if err := errors.Join(pprof.Lookup("allocs").WriteTo(&heap, 0), os.WriteFile(b.opt.memProfile, heap.Bytes(), 0o644)); err != nil {
			return fmt.Errorf("write profile: %w", err)
		}
	}
	return nil
}

// bare runs the loop that the worker is compared with: fetches of the same topic that only count.
func (b *bench) bare(ctx context.Context, r *benchReport) error {
	cfg := sourceConfig(&b.servers.setup.config)
	cfg.TLS, cfg.SASL = b.servers.setup.kafkaTLS, b.servers.setup.kafkaSASL
	c, err := source.New(cfg, b.log)
	if err != nil {
		return err
	}
	begun := time.Now()
	got, err := c.Skim(ctx, int64(b.opt.events))
	if err != nil {
		return err
	}
	r.Bare = rateOf(got.Records, time.Since(begun))
	r.Ratio = r.Worker.PerSecond / r.Bare.PerSecond
	return nil
}

// forgetPeak makes the peak of the resident memory what it is now, where the system can, and returns that.
func forgetPeak() (rss int64) {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // Linux; elsewhere there is no peak either
	return procMemory("VmRSS:")
}

func peakRSS() int64 { return procMemory("VmHWM:") }

// procMemory is a line of /proc/self/status in bytes; 0 where there is none.
func procMemory(name string) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
