package main

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	zapobserver "go.uber.org/zap/zaptest/observer"
)

// full is a Redis that tells its maxmemory-policy, by CONFIG, by INFO or not at all.
func full(t *testing.T, policy func() string, config, info bool) *redis.Client {
	t.Helper()
	s, err := server.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	answer := func(command string, allowed bool, f func(*server.Peer)) {
		err := s.Register(command, func(c *server.Peer, _ string, _ []string) {
			if allowed {
				f(c)
			} else {
				c.WriteError("NOPERM this user has no permissions to run the '" + command + "' command")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	answer("CONFIG", config, func(c *server.Peer) { c.WriteStrings([]string{"maxmemory-policy", policy()}) })
	answer("INFO", info, func(c *server.Peer) {
		c.WriteBulk("# Memory\r\nmaxmemory:1000\r\nmaxmemory_policy:" + policy() + "\r\n")
	})
	rdb := redis.NewClient(&redis.Options{Addr: s.Addr().String(), DisableIdentity: true})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func TestEvictionIsFoundOut(t *testing.T) {
	for _, test := range []struct {
		name         string
		policy       string
		config, info bool
		want         string
	}{
		{"told by CONFIG", "allkeys-lru", true, false, "redis has maxmemory-policy allkeys-lru: claims that it evicts are flagged again; set noeviction"},
		{"told by INFO", "volatile-ttl", false, true, "redis has maxmemory-policy volatile-ttl: claims that it evicts are flagged again; set noeviction"},
		{"none", "noeviction", true, true, "redis keeps what it has when it is full"},
		{"not told", "allkeys-lru", false, false, "redis does not tell its maxmemory-policy to this user; it should be noeviction"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := full(t, func() string { return test.policy }, test.config, test.info)
			if got := checkEviction(context.Background(), rdb); got.text != test.want {
				t.Errorf("got %q, want %q", got.text, test.want)
			}
		})
	}
}

// Every node of a cluster is asked that has slots: one that takes claims is enough, and one that does not tell hides no other.
func TestEvictionOnACluster(t *testing.T) {
	for _, test := range []struct {
		name     string
		policies []string // of the nodes; "": not told
		want     string
	}{
		{"none", []string{"noeviction", "noeviction", "noeviction"}, "redis keeps what it has when it is full"},
		{"one", []string{"noeviction", "noeviction", "allkeys-lru"}, "redis has maxmemory-policy allkeys-lru: claims that it evicts are flagged again; set noeviction"},
		{"two ways", []string{"volatile-ttl", "noeviction", "allkeys-lru"}, "redis has maxmemory-policy allkeys-lru, volatile-ttl: claims that it evicts are flagged again; set noeviction"},
		{"one, and one does not tell", []string{"", "noeviction", "allkeys-lru"}, "redis has maxmemory-policy allkeys-lru: claims that it evicts are flagged again; set noeviction"},
		{"one does not tell", []string{"noeviction", "", "noeviction"}, "redis does not tell its maxmemory-policy to this user; it should be noeviction"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var slots []redis.ClusterSlot
			for i, p := range test.policies {
				node := full(t, func() string { return p }, p != "", p != "")
				slots = append(slots, redis.ClusterSlot{Start: i, End: i, Nodes: []redis.ClusterNode{{Addr: node.Options().Addr}}})
			}
			rdb := redis.NewClusterClient(&redis.ClusterOptions{
				ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) { return slots, nil }, DisableIdentity: true,
			})
			defer rdb.Close()
			if got := checkEviction(context.Background(), rdb); got.text != test.want {
				t.Errorf("got %q, want %q", got.text, test.want)
			}
		})
	}
}

// A worker says once which policy takes its claims, and again when it becomes another.
func TestEvictionIsWatched(t *testing.T) {
	var asked atomic.Int64
	policies := []string{"noeviction", "allkeys-lru", "allkeys-lru", "noeviction", "noeviction", "volatile-ttl"}
	rdb := full(t, func() string { return policies[min(asked.Add(1), int64(len(policies)))-1] }, true, false)
	logs, seen := zapobserver.New(zap.DebugLevel)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { watchEviction(ctx, rdb, time.Millisecond, zap.New(logs)) })
	eventually(t, 10*time.Second, "it has been asked often", func() bool { return asked.Load() > 10 })
	stop()
	wg.Wait()
	var said []string
	for _, e := range seen.All() {
		said = append(said, e.ContextMap()["maxmemory_policy"].(string))
	}
	if len(said) != 2 || said[0] != "allkeys-lru" || said[1] != "volatile-ttl" {
		t.Errorf("said %q", said)
	}
}
