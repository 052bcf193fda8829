package integration

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestRedisTrouble has Redis fail in each of its ways in the middle of the stream, and recover. The stream goes on at once and nothing is lost. Where
// claims cannot be relied on, flags say unverified; where Redis only forgets, nobody can know that it has. Nor can a worker tell whose answer it is that there
// is no claim.
func TestRedisTrouble(t *testing.T) {
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		for _, x := range troubles {
			t.Run(x.name, func(t *testing.T) {
				t.Parallel()
				x.test(deliver(newWorld(t, plaintextKafka(t))).withTopics())
			})
		}
	})
}

// trouble is a way in which a Redis fails.
type trouble struct {
	name       string
	begin, end func(s *store, p *redisProxy)
	unverified float64 // the least share of the claims made meanwhile that must be
}

var troubles = []trouble{
	{"hangs", func(_ *store, p *redisProxy) { p.hold(true) }, func(_ *store, p *redisProxy) { p.hold(false) }, 1},
	{"read-only", (*store).readOnly, (*store).writable, 1},
	{"out of memory", (*store).full, (*store).roomy, 1},
	{"wrong replies", func(_ *store, p *redisProxy) { p.confuse(true) }, func(_ *store, p *redisProxy) { p.confuse(false) }, 0.5},
	{"flushed", func(s *store, _ *redisProxy) { s.lose(1) }, nil, 0},
	{"evicts", func(s *store, _ *redisProxy) { s.lose(0.5) }, nil, 0},
	{"fails over to one that knows less", func(s *store, p *redisProxy) { p.cut(); s.kill(); s.start(); s.lose(0.5) }, nil, 0},
}

func (x *trouble) test(w *world) {
	t, l := w.t, newLoad(w.t, 200)
	p := newRedisProxy(t, w.redis)
	a := w.start("a", "--redis", p.addr, "--set", "redis.timeout=2s", "--set", "redis.breaker.probe_every=200ms",
		"--set", "redis.breaker.probe_timeout=500ms").ready() // a busy machine is no trouble of Redis
	w.sendInBits(l.part(0, 4))
	w.settled()

	before := a.claims("claimed")
	x.begin(w.redis, p)
	begun := time.Now()
	w.sendInBits(l.part(1, 4))
	w.settled()
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("%d events took %s", len(l.part(1, 4)), took)
	}
	u, c := a.claims("unverified"), a.claims("claimed")-before
	if u < x.unverified*(u+c) || x.unverified == 0 && u > 0 {
		t.Errorf("%v claims unverified, %v made", u, c)
	}
	if x.end != nil {
		x.end(w.redis, p)
	}
	rest := l.part(2, 4)
	for before := a.claims("claimed"); a.claims("claimed") == before; w.settled() {
		if len(rest) == 0 {
			t.Fatal("claims are not verified again")
		}
		n := min(len(rest), 20) // only requests find it out
		w.send(rest[:n])
		rest = rest[n:]
		time.Sleep(200 * time.Millisecond)
	}
	w.send(rest)
	w.settled()
	w.sendInBits(l.part(3, 4))
	w.settled()
	a.terminate()

	flags, _ := w.verifyOnce(l)
	flags.wantDedup(t, "claimed", l.part(0, 4))
	switch x.unverified {
	case 0:
		flags.wantDedup(t, "claimed", l.part(1, 4))
	case 1:
		flags.wantDedup(t, "unverified", l.part(1, 4))
	}
	flags.wantDedup(t, "claimed", l.part(3, 4))
}

func (s *store) readOnly(*redisProxy) {
	if s.mini != nil {
		s.mini.SetError("READONLY You can't write against a read only replica.")
		return
	}
	s.command("REPLICAOF", "127.0.0.1", "1") // of nobody, and it keeps what it has
}

func (s *store) writable(*redisProxy) {
	if s.mini != nil {
		s.mini.SetError("")
		return
	}
	s.command("REPLICAOF", "NO", "ONE")
}

func (s *store) full(*redisProxy) {
	if s.mini != nil {
		s.mini.SetError("OOM command not allowed when used memory > 'maxmemory'.")
		return
	}
	s.command("CONFIG", "SET", "maxmemory", "1")
}

func (s *store) roomy(*redisProxy) {
	if s.mini != nil {
		s.mini.SetError("")
		return
	}
	s.command("CONFIG", "SET", "maxmemory", "0")
}

// lose deletes a share of all keys.
func (s *store) lose(share float64) {
	keys := s.command("KEYS", "*").([]any)
	for _, k := range keys {
		if rand.Float64() < share {
			s.command("DEL", k)
		}
	}
}

// redisProxy stands before a Redis.
type redisProxy struct {
	addr string
	to   string

	mu      sync.Mutex
	held    chan struct{} // closed when it lets bytes through again; nil: it does
	clients map[net.Conn]bool

	confused atomic.Bool
}

func newRedisProxy(t *testing.T, s *store) *redisProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &redisProxy{addr: l.Addr().String(), to: s.addr, clients: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		p.hold(false)
		p.cut()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(c) })
		}
	})
	return p
}

func (p *redisProxy) serve(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer up.Close()
	p.mu.Lock()
	p.clients[c] = true
	p.mu.Unlock()
	go func() { // ends with either connection
		defer up.Close()
		_, _ = io.Copy(up, c)
	}()
	in := bufio.NewReader(up)
	buf := make([]byte, 64<<10)
	for wrong := false; ; {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		p.wait()
		if p.confused.Load() && !wrong {
			wrong = true // from here on, every reply is that to the request before
			_, _ = io.WriteString(c, "+OK\r\n")
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// wait returns when bytes are let through.
func (p *redisProxy) wait() {
	p.mu.Lock()
	held := p.held
	p.mu.Unlock()
	if held != nil {
		<-held
	}
}

// hold lets no reply through, or lets them all go.
func (p *redisProxy) hold(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on && p.held == nil {
		p.held = make(chan struct{})
	} else if !on && p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// confuse has each connection answer with a reply that belongs to another request.
func (p *redisProxy) confuse(on bool) {
	p.confused.Store(on)
	if !on {
		p.cut()
	}
}

// cut ends all connections.
func (p *redisProxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.clients {
		_ = c.Close()
	}
	clear(p.clients)
}
