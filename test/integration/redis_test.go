package integration

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// store is a Redis that can be taken away: a redis-server where the servers are real, else an embedded one.
type store struct {
	t    *testing.T
	addr string
	mini *miniredis.Miniredis // nil: a process
	cmd  *exec.Cmd
	args []string    // of the process
	tls  *tls.Config // of the test's own client; nil: plaintext
}

func newStore(t *testing.T) *store {
	t.Helper()
	if realRedis() {
		return startRedis(t, freeAddress(t))
	}
	s := &store{t: t, mini: miniredis.RunT(t)}
	s.addr = s.mini.Addr()
	return s
}

// realRedis reports whether redis-servers are wanted: with a real Kafka always, beside an embedded one if ONSIDE_TEST_REDIS names any.
func realRedis() bool { return realBrokers() != "" || os.Getenv("ONSIDE_TEST_REDIS") != "" }

// needsRedisServers skips a test that nothing embedded will do for.
func needsRedisServers(t *testing.T) {
	t.Helper()
	if !realRedis() {
		t.Skip("needs redis-server, and ONSIDE_TEST_KAFKA or ONSIDE_TEST_REDIS=redis-server")
	}
}

// startRedis starts a redis-server of the test's own at the address. It keeps nothing on disk that outlives it, but for what arguments may say.
func startRedis(t *testing.T, addr string, more ...string) *store {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	args := []string{"--bind", host, "--port", port, "--dir", t.TempDir(), "--save", "", "--appendonly", "no"}
	return startRedisArgs(t, addr, append(args, more...)...)
}

// startRedisArgs starts one with no arguments but these, and waits until it listens at the address.
func startRedisArgs(t *testing.T, addr string, args ...string) *store {
	t.Helper()
	s := &store{t: t, addr: addr, args: args}
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
	s.cmd = exec.Command("redis-server", s.args...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("the tests on real servers want a redis-server: %v", err)
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

// signal sends one to the process.
func (s *store) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// client is one of the test's own.
func (s *store) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.addr, TLSConfig: s.tls})
}

// command runs one on the Redis itself.
func (s *store) command(args ...any) any {
	s.t.Helper()
	c := s.client()
	defer c.Close()
	res, err := c.Do(context.Background(), args...).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// info is a field of INFO; "" where there is none.
func (s *store) info(field string) string {
	s.t.Helper()
	for line := range strings.Lines(s.command("INFO").(string)) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// claims are the keys of all claims that it has.
func (s *store) claims() map[string]bool {
	s.t.Helper()
	keys := map[string]bool{}
	for _, k := range s.command("KEYS", "onside:claim:*").([]any) {
		keys[k.(string)] = true
	}
	return keys
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
