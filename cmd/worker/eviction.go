package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// noEviction is the maxmemory-policy of a Redis that keeps what it has when it is full. All others may take claims, for claims have a
// time to live and are not read often.
const noEviction = "noeviction"

// evictionEvery is how often a running worker asks for the policy: somebody may change it.
const evictionEvery = 10 * time.Minute

// evictionPolicy asks a Redis for its maxmemory-policy; of a cluster, every node that has slots. Where some of them take claims, it names their policies.
func evictionPolicy(ctx context.Context, rdb redis.UniversalClient) (string, error) {
	cluster, ok := rdb.(*redis.ClusterClient)
	if !ok {
		return nodePolicy(ctx, rdb)
	}
	var mu sync.Mutex
	var evicting []string
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		p, err := nodePolicy(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		if err == nil && p != noEviction && !slices.Contains(evicting, p) {
			evicting = append(evicting, p)
		}
		return err
	})
	if len(evicting) > 0 {
		slices.Sort(evicting)
		return strings.Join(evicting, ", "), nil
	}
	if err != nil {
		return "", err
	}
	return noEviction, nil
}

// nodePolicy asks one server, in two ways: hosted ones refuse CONFIG.
func nodePolicy(ctx context.Context, node redis.Cmdable) (string, error) {
	if got, err := node.ConfigGet(ctx, "maxmemory-policy").Result(); err == nil && got["maxmemory-policy"] != "" {
		return got["maxmemory-policy"], nil
	}
	info, err := node.Info(ctx, "memory").Result()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(info) {
		if p, ok := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:"); ok {
			return p, nil
		}
	}
	return "", errors.New("redis does not tell its maxmemory-policy")
}

// watchEviction warns, until ctx ends, whenever it finds Redis with another policy that takes claims. One that does not tell is
// a matter for worker check --connect.
func watchEviction(ctx context.Context, rdb redis.UniversalClient, every time.Duration, log *zap.Logger) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for known := noEviction; ; {
		if p, err := evictionPolicy(ctx, rdb); err == nil && p != known {
			known = p
			if p != noEviction {
				log.Warn("redis takes claims when it is full: what they stand for is flagged again; set noeviction", zap.String("maxmemory_policy", p))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
