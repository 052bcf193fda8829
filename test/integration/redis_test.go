package integration

import (
	"net"
	"os/exec"
	"testing"

	"github.com/alicebob/miniredis/v2"
)

// store is a Redis that can be taken away: a redis-server where Kafka is real, else an embedded one.
type store struct {
	t    *testing.T
	addr string
	mini *miniredis.Miniredis // nil: a process
	cmd  *exec.Cmd
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{t: t}
	if realBrokers() == "" {
		s.mini = miniredis.RunT(t)
		s.addr = s.mini.Addr()
		return s
	}
	s.addr = freeAddress(t)
	s.start()
	t.Cleanup(s.kill)
	return s
}

// start starts it at the address that it had. A real one comes back empty.
func (s *store) start() {
	s.t.Helper()
	if s.mini != nil {
		if err := s.mini.Restart(); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	host, port, _ := net.SplitHostPort(s.addr)
	s.cmd = exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no")
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("the tests on a real Kafka want a real Redis: %v", err)
	}
	eventually(s.t, "redis-server listens", func() bool {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// kill ends it without a word.
func (s *store) kill() {
	if s.mini != nil {
		s.mini.Close()
		return
	}
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // it says that it was killed
		s.cmd = nil
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
