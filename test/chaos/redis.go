package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// redisServer is the Redis behind the proxies.
type redisServer interface {
	addr() string
	forget(ctx context.Context) error  // loses everything of this run
	restart(ctx context.Context) error // goes and comes back empty; at once, for the proxies make the pause
	close()
}

// startRedis gives the Redis that the options name.
func startRedis(ctx context.Context, name string) (redisServer, error) {
	switch name {
	case "":
		m, err := miniredis.Run()
		if err != nil {
			return nil, fmt.Errorf("start embedded Redis: %w", err)
		}
		return &embeddedRedis{m}, nil
	case "redis-server":
		s := &redisProcess{}
		return s, s.start(ctx)
	default:
		return &foreignRedis{address: name, client: redis.NewClient(&redis.Options{Addr: name})}, nil
	}
}

// embeddedRedis runs in this process.
type embeddedRedis struct{ mini *miniredis.Miniredis }

func (r *embeddedRedis) addr() string { return r.mini.Addr() }

func (r *embeddedRedis) close() { r.mini.Close() }

func (r *embeddedRedis) forget(context.Context) error {
	r.mini.FlushAll()
	return nil
}

func (r *embeddedRedis) restart(ctx context.Context) error {
	r.mini.Close()
	if err := r.mini.Restart(); err != nil {
		return fmt.Errorf("restart embedded Redis: %w", err)
	}
	return r.forget(ctx)
}

// redisProcess is a redis-server that this run has started.
type redisProcess struct {
	address string
	cmd     *exec.Cmd
}

func (r *redisProcess) addr() string { return r.address }

func (r *redisProcess) start(ctx context.Context) error {
	if r.address == "" {
		var err error
		if r.address, err = freeAddress(); err != nil {
			return err
		}
	}
	host, port, _ := net.SplitHostPort(r.address)
	r.cmd = exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no")
	if err := r.cmd.Start(); err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	return until(ctx, 10*time.Second, "redis-server listens", func(context.Context) (bool, error) {
		c, err := net.Dial("tcp", r.address)
		if err != nil {
			return false, err
		}
		return true, c.Close()
	})
}

func (r *redisProcess) close() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait() // it says that it was killed
}

func (r *redisProcess) forget(ctx context.Context) error { return forgetAll(ctx, r.address, "*") }

func (r *redisProcess) restart(ctx context.Context) error {
	r.close()
	return r.start(ctx)
}

// foreignRedis is somebody's. Only keys with the worker's prefix are touched.
type foreignRedis struct {
	address string
	client  *redis.Client
}

func (r *foreignRedis) addr() string { return r.address }

func (r *foreignRedis) close() { _ = r.client.Close() }

func (r *foreignRedis) forget(ctx context.Context) error {
	return forgetAll(ctx, r.address, "onside:*")
}

func (r *foreignRedis) restart(ctx context.Context) error { return r.forget(ctx) }

func forgetAll(ctx context.Context, address, pattern string) error {
	client := redis.NewClient(&redis.Options{Addr: address})
	defer client.Close()
	keys := client.Scan(ctx, 0, pattern, 1000).Iterator()
	for keys.Next(ctx) {
		if err := client.Del(ctx, keys.Val()).Err(); err != nil {
			return fmt.Errorf("delete keys: %w", err)
		}
	}
	if err := keys.Err(); err != nil {
		return fmt.Errorf("delete keys: %w", err)
	}
	return nil
}

// freeAddress is one that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
