package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"sync/atomic"

	"onside/internal/classify"
	"onside/internal/policy"
	"onside/internal/sink"
	"onside/internal/source"
)

const (
	shards         = 8 // of the conversations; fixed, so that what is forgotten does not depend on the number of workers
	linesPerBatch  = 512
	bytesPerBatch  = 1 << 20
	batchesPending = 4
	badLinesNamed  = 5
)

// verdictOptions are what writeVerdicts decides with.
type verdictOptions struct {
	model         *classify.Classifier
	policy        *policy.Policy
	mapping       source.Mapping
	evidence      sink.Evidence
	conversations int // that are remembered
	maxLine       int // bytes
	workers       int
}

// verdictSummary counts what was read.
type verdictSummary struct {
	lines, bad int
	first      []badLine // of the bad ones, at most badLinesNamed
}

type badLine struct {
	number int
	code   source.Code
}

// writeVerdicts reads an event a line and writes a verdict a line, in order. One goroutine reads and decodes, workers
// own the conversations by hash, the caller's goroutine writes; each works on a batch of its own. Never more than a few
// batches and opt.conversations states are held.
func writeVerdicts(in io.Reader, out io.Writer, opt verdictOptions) (verdictSummary, error) {
	p := &pipeline{opt: opt, order: make(chan *verdictBatch, batchesPending)}
	for i := range p.judges {
		p.judges[i] = newJudge(opt.model, opt.policy, (opt.conversations+shards-1)/shards)
	}
	var joined sync.WaitGroup
	for range min(max(opt.workers, 1), shards) {
		w := make(chan *verdictBatch, batchesPending)
		p.workers = append(p.workers, w)
	}
	for i := range p.workers {
		joined.Go(func() { p.decide(i) })
	}
	var readErr error
	joined.Go(func() { readErr = p.read(in) })
	sum, err := p.write(out)
	joined.Wait()
	return sum, errors.Join(err, readErr)
}

// pipeline carries batches from the reader through all workers to the writer.
type pipeline struct {
	opt     verdictOptions
	judges  [shards]*judge // judges[s] belongs to worker s modulo the number of workers
	workers []chan *verdictBatch
	order   chan *verdictBatch // what the workers were given, as it was read
	pool    sync.Pool
	stopped atomic.Bool // the writer failed: read no more
}

// read fills batches until the input ends.
func (p *pipeline) read(in io.Reader) error {
	defer close(p.order)
	defer func() {
		for _, w := range p.workers {
			close(w)
		}
	}()
	r := lineReader{r: bufio.NewReaderSize(in, 1<<16), max: p.opt.maxLine}
	for !p.stopped.Load() {
		b, ok := p.pool.Get().(*verdictBatch)
		if !ok {
			b = p.batch()
		}
		err := b.fill(&r)
		b.decode()
		b.undecided.Add(len(p.workers))
		for _, w := range p.workers {
			w <- b
		}
		p.order <- b
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
	}
	return nil
}

func (p *pipeline) batch() *verdictBatch {
	d, err := source.NewDecoder(p.opt.mapping)
	if err != nil {
		panic("worker: mapping was checked: " + err.Error())
	}
	return &verdictBatch{decoder: d}
}

// decide gives the verdicts of the conversations that worker i owns.
func (p *pipeline) decide(i int) {
	var enc verdictEncoder
	for b := range p.workers[i] {
		for j := range b.lines {
			if l := &b.lines[j]; l.shard%len(p.workers) == i {
				l.verdict = enc.append(l.verdict[:0], l, p.judges[l.shard], p.opt.evidence)
			}
		}
		b.undecided.Done()
	}
}

// write waits for each batch in turn and writes its verdicts. It takes every batch that was read, also after an error.
func (p *pipeline) write(out io.Writer) (sum verdictSummary, err error) {
	w := bufio.NewWriterSize(out, 1<<16)
	for b := range p.order {
		b.undecided.Wait()
		for i := range b.lines {
			sum.count(&b.lines[i])
			w.Write(b.lines[i].verdict)
		}
		p.pool.Put(b)
		if len(p.order) == 0 || err != nil {
			err = w.Flush()
			p.stopped.Store(err != nil)
		}
	}
	if err = w.Flush(); err != nil {
		return sum, fmt.Errorf("write verdicts: %w", err)
	}
	return sum, nil
}

func (s *verdictSummary) count(l *verdictLine) {
	s.lines++
	if l.code == "" {
		return
	}
	s.bad++
	if len(s.first) < badLinesNamed {
		s.first = append(s.first, badLine{l.number, l.code})
	}
}

// verdictBatch is a run of lines that are not blank.
type verdictBatch struct {
	buf       []byte // the lines, one after the other: the messages alias it, and the memory of the decoder
	decoder   *source.Decoder
	lines     []verdictLine
	undecided sync.WaitGroup // one for each worker
}

type verdictLine struct {
	number     int         // from 1
	start, end int         // in buf
	code       source.Code // why it is no event; empty where it is one
	message    classify.Message
	eventID    string // also of a line that is no event, where it can be seen
	shard      int
	verdict    []byte // a line of output
}

// fill takes lines until the batch is large enough or the next one would have to be waited for.
func (b *verdictBatch) fill(r *lineReader) error {
	b.buf, b.lines = b.buf[:0], b.lines[:0]
	for len(b.lines) < linesPerBatch && len(b.buf) < bytesPerBatch && (len(b.lines) == 0 || r.ready()) {
		start := len(b.buf)
		var whole bool
		var err error
		b.buf, whole, err = r.appendLine(b.buf)
		if text := b.buf[start:]; len(bytes.TrimSpace(text)) > 0 {
			l := b.next()
			l.number, l.start, l.end, l.code = r.number, start, len(b.buf), ""
			if !whole {
				l.code = source.CodeTooLarge
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// next is a line more, with the memory of the one that was there in an earlier batch.
func (b *verdictBatch) next() *verdictLine {
	if n := len(b.lines); n < cap(b.lines) {
		b.lines = b.lines[:n+1]
	} else {
		b.lines = append(b.lines, verdictLine{})
	}
	return &b.lines[len(b.lines)-1]
}

// decode reads the events and finds the shards of their conversations.
func (b *verdictBatch) decode() {
	b.decoder.Reset()
	for i := range b.lines {
		l := &b.lines[i]
		text := b.buf[l.start:l.end]
		l.message = classify.Message{}
		if l.code == "" {
			l.code = b.decoder.Decode(text, &l.message)
		}
		l.message.Offset = int64(l.number)
		l.eventID = l.message.EventID
		if l.code != "" {
			l.eventID = seenEventID(text)
		}
		l.shard = shardOf(l.message.ConversationID)
	}
}

// shardOf is FNV-1a.
func shardOf(conversation string) int {
	h := uint32(2166136261)
	for i := range len(conversation) {
		h = (h ^ uint32(conversation[i])) * 16777619
	}
	return int(h % shards)
}

var eventIDField = regexp.MustCompile(`"event_id"\s*:\s*"([^"\\\x00-\x1f]{1,256})"`)

// seenEventID looks for the event id in a line that is no event.
func seenEventID(line []byte) string {
	m := eventIDField.FindSubmatch(line[:min(len(line), 1<<16)])
	if m == nil {
		return ""
	}
	return string(bytes.ToValidUTF8(m[1], []byte("\uFFFD")))
}

// lineReader reads lines of which it keeps at most max bytes.
type lineReader struct {
	r      *bufio.Reader
	max    int
	number int // of the line read last
}

// appendLine appends the next line without its end; whole is false where it was cut at the limit.
func (r *lineReader) appendLine(dst []byte) (line []byte, whole bool, err error) {
	r.number++
	room := r.max
	whole = true
	for {
		part, err := r.r.ReadSlice('\n')
		end := err == nil
		part = bytes.TrimSuffix(part, []byte("\n"))
		if len(part) > room {
			part, whole = part[:room], false
		}
		dst, room = append(dst, part...), room-len(part)
		if end || !errors.Is(err, bufio.ErrBufferFull) {
			return dst, whole, err
		}
	}
}

// ready says whether a whole line can be had without waiting.
func (r *lineReader) ready() bool {
	have, _ := r.r.Peek(r.r.Buffered())
	return bytes.IndexByte(have, '\n') >= 0
}
