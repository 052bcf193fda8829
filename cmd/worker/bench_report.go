package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// benchReport is what worker bench prints; its JSON is for comparing runs.
type benchReport struct {
	Version    string `json:"version"`
	Processors int    `json:"processors"`
	Servers    string `json:"servers,omitempty"` // which are embedded; empty for none

	Mix           string `json:"mix"`
	Seed          uint64 `json:"seed"`
	Events        int    `json:"events"`
	Bytes         int64  `json:"bytes"` // of the events' JSON
	Conversations int    `json:"conversations"`
	Partitions    int    `json:"partitions"`
	Labelled      int    `json:"labelled"` // events that a person would flag

	Ready     float64       `json:"ready_seconds"` // from loading the model to the first assignment
	Worker    speed         `json:"worker"`
	Bare      speed         `json:"bare"`
	Ratio     float64       `json:"ratio"`
	Cores     float64       `json:"cores"` // that were had for worker and embedded servers
	Committed int64         `json:"committed"`
	Flags     int           `json:"flags"`
	Reread    int64         `json:"reread"` // events that the second reader read
	Allocs    float64       `json:"allocs_per_event"`
	Allocated float64       `json:"bytes_per_event"`
	Memory    memoryReport  `json:"memory"`
	Stages    []stageReport `json:"stages"`

	Compared []otherReport  `json:"compared,omitempty"`
	Latency  *latencyReport `json:"latency,omitempty"`
}

// speed is events in a time.
type speed struct {
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"events_per_second"`
}

func rateOf(events int64, took time.Duration) speed {
	s := max(took.Seconds(), 1e-9)
	return speed{Seconds: toDigits(s, 4), PerSecond: math.Round(float64(events) / s)}
}

// stageReport is what one stage costs an event. Servers that are embedded, and what measures, have rows of their own.
type stageReport struct {
	Stage  string  `json:"stage"`
	Worker bool    `json:"worker"` // the worker's own
	Micros float64 `json:"cpu_us_per_event"`
	Allocs float64 `json:"allocs_per_event"`
	Bytes  float64 `json:"bytes_per_event"`
}

type memoryReport struct {
	PeakRSS int64 `json:"peak_rss"`       // bytes; 0 where the system does not say
	Before  int64 `json:"rss_before_run"` // of those, what was there before: model, corpus, embedded servers and the stream in them
}

type latencyReport struct {
	Rate    float64 `json:"events_per_second"`
	Seconds float64 `json:"seconds"`
	Flags   int     `json:"flags"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	P999    float64 `json:"p999_ms"`
	Max     float64 `json:"max_ms"`
}

// otherReport is one way to do the job.
type otherReport struct {
	Name      string  `json:"name"`
	PerSecond float64 `json:"events_per_second"`
	Micros    float64 `json:"cpu_us_per_event"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// stages takes the costs of a run in.
func (r *benchReport) stages(used costs) {
	n := float64(r.Events)
	row := func(name string, own bool, c cost) stageReport {
		return stageReport{Stage: name, Worker: own, Micros: toDigits(float64(c.cpu.Microseconds())/n, 3), Allocs: toDigits(c.allocs/n, 2), Bytes: toDigits(c.bytes/n, 1)}
	}
	for _, part := range workerParts {
		r.Stages = append(r.Stages, row(part, true, *used.of(part)))
	}
	for _, part := range []string{partBroker, partStore, partBench} {
		if c := used.of(part); *c != (cost{}) {
			r.Stages = append(r.Stages, row(part, false, *c))
		}
	}
	var cpu time.Duration
	for _, c := range used {
		cpu += c.cpu
	}
	r.Cores = toDigits(cpu.Seconds()/r.Worker.Seconds, 2)
	sum := row("", true, used.worker())
	r.Allocs, r.Allocated = sum.Allocs, sum.Bytes
}

func (r *benchReport) write(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s%s\n", name, fmt.Sprintf(format, args...))
	}
	line("stream", "%s events of %d bytes in %s conversations, %d partitions, mix %s, seed %d; %.2f %% solicit",
		number(r.Events), r.Bytes/int64(r.Events), number(r.Conversations), r.Partitions, r.Mix, r.Seed, 100*float64(r.Labelled)/float64(r.Events))
	line("worker", "%s events/s, %.2f s until all was committed, %.2f of %d cores; %s flags", number(int(r.Worker.PerSecond)), r.Worker.Seconds, r.Cores, r.Processors, number(r.Flags))
	line("reread", "%s events by the second reader, %.2f %%", number(int(r.Reread)), 100*float64(r.Reread)/float64(r.Events))
	line("bare loop", "%s events/s fetched and counted; the worker does %.2f of that", number(int(r.Bare.PerSecond)), r.Ratio)
	line("allocated", "%.1f times and %.0f bytes an event", r.Allocs, r.Allocated)
	if r.Memory.PeakRSS > 0 {
		line("memory", "%d MiB at the peak, %d MiB of them before the run (model, corpus, %s)", r.Memory.PeakRSS>>20, r.Memory.Before>>20, r.beside())
	}
	line("ready", "%.2f s from the start to the first partition", r.Ready)
	r.writeStages(&b)
	r.writeCompared(&b)
	if l := r.Latency; l != nil {
		fmt.Fprintf(&b, "\nlatency     produce to flag at %s events/s, %s flags in %.1f s: p50 %.1f ms, p99 %.1f ms, p999 %.1f ms, worst %.1f ms\n",
			number(int(l.Rate)), number(l.Flags), l.Seconds, l.P50, l.P99, l.P999, l.Max)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *benchReport) beside() string {
	switch r.Servers {
	case "":
		return "no servers"
	case "embedded":
		return "embedded servers with the stream in them"
	}
	return r.Servers
}

func (r *benchReport) writeStages(b *strings.Builder) {
	fmt.Fprintf(b, "\n%-16s%12s%16s%16s\n", "stage", "CPU µs/event", "allocs/event", "bytes/event")
	var micros float64
	for _, s := range r.Stages {
		if s.Worker {
			micros += s.Micros
			fmt.Fprintf(b, "%-16s%12.2f%16.2f%16.0f\n", s.Stage, s.Micros, s.Allocs, s.Bytes)
		}
	}
	fmt.Fprintf(b, "%-16s%12.2f%16.2f%16.0f\n", "worker", micros, r.Allocs, r.Allocated)
	for _, s := range r.Stages {
		if !s.Worker {
			fmt.Fprintf(b, "%-16s%12.2f%16.2f%16.0f\n", "beside: "+s.Stage, s.Micros, s.Allocs, s.Bytes)
		}
	}
}

func (r *benchReport) writeCompared(b *strings.Builder) {
	if len(r.Compared) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%-52s%12s%10s%11s%8s%8s\n", "the same events", "events/s", "CPU µs", "precision", "recall", "F1")
	for _, o := range r.Compared {
		fmt.Fprintf(b, "%-52s%12s%10.1f%11.3f%8.3f%8.3f\n", o.Name, number(int(o.PerSecond)), o.Micros, o.Precision, o.Recall, o.F1)
	}
	fmt.Fprintf(b, "The worker's model was fitted on this corpus; docs/QUALITY.md says what it finds in conversations that it has not seen.\n")
}

func seconds(d time.Duration) float64 { return toDigits(d.Seconds(), 3) }

func millis(d time.Duration) float64 { return toDigits(float64(d.Microseconds())/1000, 2) }

func toDigits(x float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(x*p) / p
}
