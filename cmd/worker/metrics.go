package main

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"onside/internal/classify"
	"onside/internal/policy"
	"onside/internal/sink"
	"onside/internal/source"
)

// metrics count what the packages report. Their labels come from closed lists: nothing that a sender can write
// becomes a series.
type metrics struct {
	registry *prometheus.Registry

	events      prometheus.Counter
	decisions   [3][classify.NumCategories + 1]prometheus.Counter // by action and category; the last is "none"
	published   *prometheus.CounterVec
	suppressed  prometheus.Counter
	shortened   prometheus.Counter
	claims      *prometheus.CounterVec
	deadLetters *prometheus.CounterVec
	batch       prometheus.Histogram
	stages      *prometheus.HistogramVec

	lagMessages, lagSeconds *prometheus.GaugeVec
	gaps, gapRecords        prometheus.Counter
	groupState              *prometheus.GaugeVec
	partitions              prometheus.Gauge
	commits                 *prometheus.CounterVec
	lastCommit              prometheus.Gauge
	transactions            *prometheus.CounterVec
	fetches                 *prometheus.CounterVec
	fetchedBytes            prometheus.Counter

	history        *prometheus.CounterVec
	historyLost    prometheus.Counter
	reread         prometheus.Histogram
	rereadSkipped  prometheus.Counter
	texts          [numOrigins]prometheus.Counter
	breakerOpen    prometheus.Gauge
	breakerChanges prometheus.Counter
}

// The stages of a batch, in their order.
const (
	stageRecall  = "recall"  // the conversations' history from Redis
	stageDecide  = "decide"  // classify and decide
	stageEarlier = "earlier" // earlier messages from Kafka, for those that are read with them
	stageClaim   = "claim"   // claims in Redis
	stagePublish = "publish" // until acknowledged
	stageAppend  = "append"  // the batch's signals to Redis
)

func newMetrics(version, model, policyVersion string) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	m.events = m.counter("events_total", "Records read from the events topic.")
	decisions := m.counters("decisions_total", "Decisions on messages, once for each category that they were decided for.", "action", "category")
	for a := range m.decisions {
		for c := range m.decisions[a] {
			if (policy.Action(a) == policy.None) == (c == classify.NumCategories) {
				m.decisions[a][c] = decisions.WithLabelValues(policy.Action(a).String(), categoryLabel(c))
			}
		}
	}
	m.published = m.counters("published_total", "Records published and acknowledged.", "kind")
	m.suppressed = m.counter("suppressed_total", "Flags and reminders that were duplicates.")
	m.shortened = m.counter("shortened_total", "Records that were too large to be published whole.")
	m.claims = m.counters("claims_total", "Claims of findings by outcome.", "outcome")
	m.deadLetters = m.counters("dead_letters_total", "Records that could not be read, by code.", "code")
	m.batch = m.histogram("batch_records", "Records of a batch.", prometheus.ExponentialBuckets(1, 4, 6))
	m.stages = m.histograms("stage_duration_seconds", "Time that a batch spent in a stage.", prometheus.ExponentialBuckets(50e-6, 4, 10), "stage")

	m.lagMessages = m.gauges("lag_messages", "Records between what is done and the end of the partition.", "partition")
	m.lagSeconds = m.gauges("lag_seconds", "Age of the newest record that is done, 0 when nothing waits.", "partition")
	m.gaps = m.counter("gaps_total", "Times that the position was no longer in the log.")
	m.gapRecords = m.counter("gap_records_total", "Records that retention removed before they were read.")
	m.groupState = m.gauges("group_state", "1 for the state that this worker is in with its group.", "state")
	m.partitions = m.gauge("assigned_partitions", "Partitions that this worker owns.")
	m.commits = m.counters("commits_total", "Commits of offsets by result.", "result")
	m.lastCommit = m.gauge("last_commit_timestamp_seconds", "When offsets were last committed, Unix time.")
	m.transactions = m.counters("transactions_total", "Transactions by outcome, with delivery exactly_once: committed, aborted and tried again, fenced because the partition has another owner, or in_doubt.", "outcome")
	for _, o := range sink.Outcomes() {
		m.transactions.WithLabelValues(string(o)) // there from the start, so that a rate sees the first
	}
	m.fetches = m.counters("fetches_total", "Fetch requests by result.", "result")
	m.fetchedBytes = m.counter("fetched_bytes_total", "Bytes of the answers to fetch requests.")

	m.history = m.counters("history_requests_total", "Round trips for the history of conversations by operation and result.", "operation", "result")
	m.historyLost = m.counter("history_lost_signals_total", "Signals that were given up because Redis did not take them in time, or that it gave back unreadable.")
	m.reread = m.histogram("second_reader_duration_seconds", "Time that the second reader took for a message; the count is how many it has read.", prometheus.ExponentialBuckets(250e-6, 2, 9))
	m.rereadSkipped = m.counter("second_reader_skipped_total", "Doubtful messages that the second reader did not read, since so many of their conversation were.")
	texts := m.counters("second_reader_texts_total", "Earlier messages that a doubtful one was to be read with: from memory, from the stream, or gone from it.", "from")
	for o, name := range originNames {
		m.texts[o] = texts.WithLabelValues(name)
	}
	m.breakerOpen = m.gauge("redis_breaker_open", "1 while Redis, or any node of a cluster, is not asked because it did not answer.")
	m.breakerChanges = m.counter("redis_breaker_opened_total", "Times that Redis, or a node of a cluster, stopped answering.")

	m.gauges("build_info", "1, with what is running.", "version", "model", "policy").WithLabelValues(version, model, policyVersion).Set(1)
	m.setGroup(source.Waiting)
	return m
}

func categoryLabel(c int) string {
	if c == classify.NumCategories {
		return "none"
	}
	return classify.Category(c).String()
}

// decided counts a decision, and a message that only the first reader has read though it was doubtful.
func (m *metrics) decided(d *policy.Decision, read *classify.Result) {
	if read.Skipped {
		m.rereadSkipped.Inc()
	}
	row := &m.decisions[d.Action]
	if d.Action == policy.None {
		row[classify.NumCategories].Inc()
		return
	}
	var seen [classify.NumCategories]bool
	for i := range d.Findings {
		if c := d.Findings[i].Category; !seen[c] {
			seen[c] = true
			row[c].Inc()
		}
	}
}

// delivered counts what became of a batch.
func (m *metrics) delivered(s *sink.Stats) {
	m.published.WithLabelValues("flag").Add(float64(s.Flags))
	m.published.WithLabelValues("reminder").Add(float64(s.Reminders))
	m.published.WithLabelValues("dead_letter").Add(float64(s.DeadLetters))
	m.suppressed.Add(float64(s.Suppressed))
	m.shortened.Add(float64(s.Shortened))
	m.claims.WithLabelValues("claimed").Add(float64(s.Claims.Claimed))
	m.claims.WithLabelValues("again").Add(float64(s.Claims.Again))
	m.claims.WithLabelValues("duplicate").Add(float64(s.Claims.Duplicate))
	m.claims.WithLabelValues("unverified").Add(float64(s.Claims.Unverified))
	m.stage(stageClaim, s.ClaimTime)
	m.stage(stagePublish, s.PublishTime)
}

func (m *metrics) stage(name string, d time.Duration) {
	m.stages.WithLabelValues(name).Observe(d.Seconds())
}

// hooks are the facts of the source.
func (m *metrics) hooks() source.Hooks {
	return source.Hooks{
		Group: m.setGroup,
		Assigned: func(partitions []int) {
			m.partitions.Set(float64(len(partitions)))
		},
		Revoked: func(partitions []int) {
			m.partitions.Set(0)
			m.lagMessages.Reset()
			m.lagSeconds.Reset()
		},
		Gap: func(g source.Gap) {
			m.gaps.Inc()
			m.gapRecords.Add(float64(g.Lost))
		},
		Lag: func(l source.Lag) {
			p := strconv.Itoa(l.Partition)
			m.lagMessages.WithLabelValues(p).Set(float64(l.Messages))
			m.lagSeconds.WithLabelValues(p).Set(l.Behind.Seconds())
		},
		Fetch: func(bytes int, err error) {
			m.fetches.WithLabelValues(result(err)).Inc()
			m.fetchedBytes.Add(float64(bytes))
		},
	}
}

// committed counts commits of offsets.
func (m *metrics) committed(err error, now func() time.Time) {
	m.commits.WithLabelValues(result(err)).Inc()
	if err == nil {
		m.lastCommit.Set(float64(now().UnixMilli()) / 1000)
	}
}

func (m *metrics) transaction(o sink.Outcome) { m.transactions.WithLabelValues(string(o)).Inc() }

func (m *metrics) setGroup(state source.GroupState) {
	for _, s := range []source.GroupState{source.Waiting, source.Joined, source.Left} {
		v := 0.0
		if s == state {
			v = 1
		}
		m.groupState.WithLabelValues(string(s)).Set(v)
	}
}

// breaker notes what became of a breaker of Redis.
func (m *metrics) breaker(c breakerChange) {
	m.breakerOpen.Set(float64(min(c.open, 1)))
	if c.to == breakerOpen {
		m.breakerChanges.Inc()
	}
}

func result(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}

const namespace = "onside"

func (m *metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *metrics) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	m.registry.MustRegister(g)
	return g
}

func (m *metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(g)
	return g
}

func (m *metrics) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

func (m *metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}
