package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2/proto"
)

// proxy stands between one worker and Redis. It can let the worker's requests hang, cut its connections, and strike when the worker
// is at a certain step of the protocol, which it knows by what the worker asks for.
type proxy struct {
	listener net.Listener
	backend  string
	joined   sync.WaitGroup

	mu struct {
		sync.Mutex
		conns map[net.Conn]bool
		cut   bool
		held  chan struct{} // closed when what hangs may go on; nil: nothing hangs
		aim   *aim
	}
}

// aim is a step of the protocol at which something happens to the worker, once.
type aim struct {
	step
	strike func()
	hit    chan struct{} // closed after the strike
}

// step is a moment in the life of a batch.
type step struct {
	name     string // its first word is what the command line calls it
	word     []byte // in the request that marks the step
	answered bool   // the moment is after Redis has done all of the request, and before the worker knows
	fresh    bool   // and only if that has made a claim: a batch of repeats has nothing to lose
}

// steps are those at which a crash matters.
var steps = []step{
	{"before the claim", []byte("\r\nset\r\n"), false, false},
	{"claimed and not published", []byte("\r\nset\r\n"), true, true},
	{"published and not remembered", []byte("\r\nhset\r\n"), false, false},
	{"remembered and not committed", []byte("\r\nhset\r\n"), true, false},
}

func newProxy(backend string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a worker's Redis connections: %w", err)
	}
	p := &proxy{listener: l, backend: backend}
	p.mu.conns = map[net.Conn]bool{}
	p.joined.Go(p.accept)
	return p, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) close() {
	_ = p.listener.Close()
	p.release()
	p.cut(true)
	p.joined.Wait()
}

// arm has the proxy strike at the next such step. Disarm returns false when it has struck, or is about to.
func (p *proxy) arm(s step, strike func()) (a *aim, disarm func() bool) {
	a = &aim{step: s, strike: strike, hit: make(chan struct{})}
	p.mu.Lock()
	p.mu.aim = a
	p.mu.Unlock()
	return a, func() bool { return p.take(a) }
}

// take takes the aim back; only who is told true has it.
func (p *proxy) take(a *aim) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.aim != a {
		return false
	}
	p.mu.aim = nil
	return true
}

// hold lets all requests hang until release.
func (p *proxy) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.held == nil {
		p.mu.held = make(chan struct{})
	}
}

func (p *proxy) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.held != nil {
		close(p.mu.held)
		p.mu.held = nil
	}
}

// cut ends all connections, and new ones too for as long as it is on.
func (p *proxy) cut(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.cut = on
	if on {
		for c := range p.mu.conns {
			_ = c.Close()
		}
	}
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.joined.Go(func() { p.serve(c) })
	}
}

// keep registers a connection; false means that it must not live.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.cut {
		return false
	}
	p.mu.conns[c] = true
	return true
}

func (p *proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.conns, c)
	_ = c.Close()
}

func (p *proxy) serve(worker net.Conn) {
	defer p.drop(worker)
	if !p.keep(worker) {
		return
	}
	redis, err := net.DialTimeout("tcp", p.backend, time.Second)
	if err != nil {
		return
	}
	defer p.drop(redis)
	if !p.keep(redis) {
		return
	}
	l := &link{proxy: p, worker: worker, redis: redis}
	var answers sync.WaitGroup
	answers.Go(l.replies)
	l.requests()
	answers.Wait()
}

// link is one connection of the worker.
type link struct {
	*proxy
	worker, redis net.Conn

	mu      sync.Mutex
	marked  *aim // waits for the answers to the request on its way
	answers int  // how many these are
}

const chunkSize = 64 << 10

func (l *link) requests() {
	defer l.redis.Close()
	for buf := make([]byte, chunkSize); ; {
		n, err := l.worker.Read(buf)
		if err != nil {
			return
		}
		l.wait()
		if a := l.aimed(buf[:n]); a != nil {
			if !a.answered && l.take(a) {
				a.fire()
				return
			}
			l.mark(a, buf[:n])
		}
		if _, err := l.redis.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (l *link) replies() {
	defer l.worker.Close()
	var kept []byte // of answers that are not yet complete
	for buf := make([]byte, chunkSize); ; {
		n, err := l.redis.Read(buf)
		if err != nil {
			return
		}
		kept = append(kept, buf[:n]...)
		a, complete := l.judge(kept)
		if !complete {
			continue
		}
		if a != nil && l.take(a) {
			a.fire()
			return
		}
		l.wait()
		if _, err := l.worker.Write(kept); err != nil {
			return
		}
		kept = kept[:0]
	}
}

// mark notes that the aim depends on the answers to a request.
func (l *link) mark(a *aim, request []byte) {
	_, n := read(request, math.MaxInt)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marked, l.answers = a, n
}

// judge looks at what has been answered so far. It returns the aim that is to strike now, or none; incomplete answers must wait for
// the rest of them.
func (l *link) judge(answered []byte) (a *aim, complete bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.marked == nil {
		return nil, true
	}
	fresh, n := read(answered, l.answers)
	if n < l.answers {
		return nil, false
	}
	a, l.marked = l.marked, nil
	if a.fresh && !fresh {
		return nil, true
	}
	return a, true
}

// read counts the commands or answers that are complete, up to limit, and says whether one of them is a null: what Redis answers to a claim
// that nobody had.
func read(b []byte, limit int) (null bool, n int) {
	for r := bufio.NewReader(bytes.NewReader(b)); n < limit; n++ {
		s, err := proto.Read(r)
		if err != nil {
			break
		}
		null = null || s == "_\r\n" || s == "$-1\r\n" // RESP 3 and 2
	}
	return null, n
}

// wait returns when nothing hangs.
func (l *link) wait() {
	l.proxy.mu.Lock()
	held := l.proxy.mu.held
	l.proxy.mu.Unlock()
	if held != nil {
		<-held
	}
}

// aimed is the aim, if the request is one that it waits for.
func (l *link) aimed(request []byte) *aim {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if a := l.proxy.mu.aim; a != nil && bytes.Contains(request, a.word) {
		return a
	}
	return nil
}

func (a *aim) fire() {
	a.strike()
	close(a.hit)
}
