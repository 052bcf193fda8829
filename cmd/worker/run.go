package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"onside/internal/sink"
)

func (c *cli) runCommand() *cobra.Command {
	var flags configFlags
	var createTopics bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Read events from Kafka, write flags",
		Long: "run joins the consumer group and works until SIGTERM or SIGINT: it stops reading, delivers what is in hand, commits and\n" +
			"leaves the group. A second signal ends it at once; nothing is lost, the next worker reads it again.",
		Example: "  worker run --config worker.yaml\n  worker run --brokers kafka:9092 --redis redis:6379 --create-topics",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := flags.load(cmd.Flags(), c.env)
			if err != nil {
				return err
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return c.serve(ctx, s, createTopics)
		},
	}
	flags.register(cmd.Flags(), "brokers", "group", "redis", "policy", "second-reader", "evidence", "admin", "log-level")
	cmd.Flags().BoolVar(&createTopics, "create-topics", false, "create the topics that are missing")
	return cmd
}

// untilSignal is a context that ends at the first SIGINT or SIGTERM; the second one ends the process.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// serve runs the worker with its admin server until ctx ends.
func (c *cli) serve(ctx context.Context, s *setup, createTopics bool) error {
	log := newLogger(c.err, s.Log.Level)
	defer log.Sync()
	sv, err := newService(s, log, time.Now)
	if err != nil {
		return fail(exitConfig, err)
	}
	if s.Admin.Listen != "" {
		a, err := startAdmin(s.Admin.Listen, sv.metrics, sv.health, time.Now)
		if err != nil {
			sv.close()
			return err
		}
		defer func() {
			if err := a.close(); err != nil {
				log.Warn("the admin server had ended", zap.Error(err))
			}
		}()
		log.Info("serving metrics and health", zap.Stringer("address", a.listener.Addr()))
	}
	log.Info("starting", zap.String("version", buildVersion()), zap.Strings("brokers", s.Kafka.Brokers),
		zap.String("group", s.Kafka.Group), zap.String("topic", s.Kafka.Topics.Events),
		zap.String("policy", s.policy.Version()), zap.String("model", s.model.Version()))
	if s.Redis.KeyFile == "" {
		log.Warn("redis.key_file is not set: keys and fingerprints are hashed with a public secret")
	}
	if s.second != nil {
		log.Info("redis.second_key_file is set: claims and history under it count too, and end this long after the last worker that has it as key_file",
			zap.Duration("after", max(s.Redis.ClaimWindow, s.Redis.HistoryTTL)))
	}
	if createTopics {
		if err := c.createTopics(ctx, s, log); err != nil {
			sv.close()
			return err
		}
	}
	if err := sv.run(ctx); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

func (c *cli) createTopics(ctx context.Context, s *setup, log *zap.Logger) error {
	t, n := s.Kafka.Topics, s.Kafka.Create
	var specs []sink.TopicSpec
	for _, name := range []string{t.Events, t.Flags, t.Reminders, t.DeadLetters} {
		specs = append(specs, sink.TopicSpec{Name: name, Partitions: n.Partitions, Replication: n.Replication, MinInSync: n.MinInSync})
	}
	log.Info("creating the topics that are missing; a Kafka that is away is waited for")
	if err := sink.CreateTopics(ctx, sinkConfig(s), specs...); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop: no topics, no work
		}
		return fmt.Errorf("create topics: %w", err)
	}
	return nil
}
