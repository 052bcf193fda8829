package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onside"
	"onside/internal/policy"
)

// TestGrowthMeasure carries a small load of every kind.
func TestGrowthMeasure(t *testing.T) {
	corpus, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	g := &growth{
		cli: &cli{out: io.Discard, err: &errs}, opt: benchOptions{seed: 1}, corpus: corpus,
		config: func() (*configReader, error) {
			return newConfigReader(func(string) (string, bool) { return "", false }), nil
		},
	}
	for name, l := range map[string]load{
		"usual":                {mix: mixLife, events: 300, conversations: 20, partitions: 2, workers: 1},
		"long messages":        {mix: mixPlain, events: 20, length: 65_536, conversations: 20, partitions: 1, workers: 1},
		"known conversations":  {mix: mixLife, events: 300, conversations: 50, partitions: 2, known: true, workers: 1},
		"two workers, waiting": {mix: mixLife, events: 300, conversations: 20, partitions: 4, workers: 2, live: true, rules: 40},
	} {
		t.Run(name, func(t *testing.T) {
			row, err := g.measure(t.Context(), &l)
			if err != nil {
				t.Fatal(err)
			}
			if row.events != l.events || row.perSecond <= 0 {
				t.Errorf("%+v", row)
			}
		})
	}
	if errs.Len() > 0 {
		t.Error(errs.String())
	}
}

func TestGrowthEvents(t *testing.T) {
	corpus, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{opt: benchOptions{seed: 1}, corpus: corpus}
	for _, e := range b.eventsOf(&load{mix: mixWorst, events: 50, length: 3000, conversations: 10}) {
		if n := len(e.Text); n > 3000 || n < 2996 {
			t.Errorf("a text of %d bytes, want 3000", n)
		}
		if !strings.Contains(string(e.value), e.EventID) || len(e.value) < 3000 {
			t.Errorf("not the event: %.80s", e.value)
		}
	}
	for _, part := range []float64{.001, .3} {
		const n = 40_000
		reviews := 0.
		for _, e := range b.eventsOf(&load{mix: mixLife, flagged: part, events: n, conversations: 500}) {
			if e.Label.Action == "review" {
				reviews++
			}
		}
		if got := reviews / n; got < part*.6 || got > part*1.4 {
			t.Errorf("%.4f of the messages solicit, want %.4f", got, part)
		}
	}
}

func TestWithRules(t *testing.T) {
	for _, n := range []int{0, 3, 70} {
		p, err := withRules(policy.Default(), n)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(p.Source()), "- id: "); got != max(n, 5) {
			t.Errorf("%d rules, want %d", got, max(n, 5))
		}
	}
}

func TestGrowthCSV(t *testing.T) {
	rows := []growthRow{{x: 10, events: 20, perSecond: 30.4, cores: 1.234, micros: map[string]float64{partClassify: 4.5, partDeliver: .25, partBroker: 1}}}
	want := "rules,events,events_per_second,cores,worker_us,fetch_us,decode_us,classify_us,reread_us,history_us,claim_publish_us,commit_us,other_us,gc_us,broker_us,store_us\n" +
		"10,20,30,1.23,4.75,0,0,4.5,0,0,0.25,0,0,0,1,0\n"
	if diff := cmp.Diff(want, string(rowsCSV("rules", rows))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPlots draws every series from the same rows: well-formed, every point within the axes, every line named.
func TestPlots(t *testing.T) {
	for _, s := range growths(1_000_000) {
		var rows []growthRow
		for i, x := range s.at {
			rows = append(rows, growthRow{x: x, perSecond: 1000, micros: map[string]float64{partClassify: float64(i * i), partHistory: 2.5}})
		}
		svg := s.plot(rows).svg()
		lines := 0
		for dec := xml.NewDecoder(bytes.NewReader(svg)); ; {
			tok, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", s.name, err, svg)
			}
			if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "polyline" {
				lines++
				if n := strings.Count(e.Attr[0].Value, ","); n != len(s.at) {
					t.Errorf("%s: a line of %d points, want %d", s.name, n, len(s.at))
				}
			}
		}
		if want := len(s.plot(rows).lines); lines != want || strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
			t.Errorf("%s: %d lines, want %d\n%s", s.name, lines, want, svg)
		}
	}
}

func TestPlotGolden(t *testing.T) {
	p := &plot{title: "A & B", axisX: "things", axisY: "µs", lines: []plotLine{
		{name: "one", at: [][2]float64{{1, 1}, {1000, 24}, {1e6, 27}}}, {name: "two", at: [][2]float64{{1, 1}, {1000, 2}, {1e6, 26.5}}},
	}}
	const file = "../../testdata/golden/plot.svg"
	if *update {
		if err := os.WriteFile(file, p.svg(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(p.svg())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBrief(t *testing.T) {
	got := map[float64]string{}
	want := map[float64]string{0: "0", .1: "0.1", 25: "25", 1500: "1.5k", 65_536: "65.5k", 1e6: "1M", 1e7: "10M"}
	for v := range maps.Keys(want) {
		got[v] = brief(v)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCPUTimesByLabel gives the time of a labelled goroutine to the part that the label names.
func TestCPUTimesByLabel(t *testing.T) {
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		t.Fatal(err)
	}
	pprof.Do(t.Context(), pprof.Labels(labelPart, partBench), func(context.Context) {
		for begun := time.Now(); time.Since(begun) < 300*time.Millisecond; {
			partOfFunction("nobody's")
		}
	})
	pprof.StopCPUProfile()
	c, err := cpuTimes(profile.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if c.of(partBench).cpu == 0 {
		t.Errorf("no time in %s: %v", partBench, c)
	}
}
