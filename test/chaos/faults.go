package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// plan is the order in which faults happen.
func plan(counts map[class]int, rng *rand.Rand) []class {
	var order []class
	for _, c := range slices.Sorted(maps.Keys(counts)) {
		order = append(order, slices.Repeat([]class{c}, counts[c])...)
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

const (
	overlap  = 0.25                    // share of faults that do not wait until the one before has healed
	aimed    = 0.7                     // share of kills at a step of the protocol
	aimWait  = 1500 * time.Millisecond // for that step
	calm     = 400 * time.Millisecond  // at most, between two faults
	maxParts = 24
)

// torment lets the faults happen. An error means that the run could not go on: something is stuck, or ended by itself.
func (w *world) torment(ctx context.Context) error {
	deadline := time.Now().Add(time.Duration(w.minutes * float64(time.Minute)))
	if err := w.goesOn(ctx, w.everywhere(), time.Now()); err != nil {
		return err
	}
	order := plan(w.faults, w.rng)
	for i, c := range order {
		if ctx.Err() != nil || w.minutes > 0 && time.Now().After(deadline) {
			return ctx.Err()
		}
		x, over, err := w.inflict(ctx, c)
		if x != nil {
			x.over = over
			w.wounds = append(w.wounds, x)
			w.tell("%3d/%d  %-8s %s", i+1, len(order), c, x.what)
		}
		if err != nil {
			return err
		}
		if w.rng.Float64() < overlap && i < len(order)-1 && c != coordinator { // which is over when everything goes on
			continue
		}
		if err := w.heal(ctx, x); err != nil {
			return fmt.Errorf("after %s (%s): %w", x.class, x.what, err)
		}
		pause(ctx, between(w.rng, 0, calm))
	}
	return nil
}

// everywhere are the partitions of the events.
func (w *world) everywhere() []int32 {
	ids := make([]int32, w.parts)
	for i := range ids {
		ids[i] = int32(i)
	}
	return ids
}

// heal waits until everything goes on, and notes when.
func (w *world) heal(ctx context.Context, x *wound) error {
	if err := w.goesOn(ctx, x.scope, x.over); err != nil {
		return err
	}
	if x.class == store {
		verified := func(context.Context) (bool, error) { return w.delays.verifiedAfter(x.scope, x.over), nil }
		if err := until(ctx, w.patience, "claims are verified again", verified); err != nil {
			return err
		}
	}
	now := time.Now()
	open := 0
	for _, x := range slices.Backward(w.wounds) {
		if !x.healed.IsZero() {
			break
		}
		x.healed = now
		open++
	}
	if open == 1 {
		w.wounds[len(w.wounds)-1].alone = true
	}
	return nil
}

// goesOn waits until all workers are in the group and every partition has shown something that was published after t.
func (w *world) goesOn(ctx context.Context, scope []int32, t time.Time) error {
	var silent []int32
	well := func(ctx context.Context) (bool, error) {
		if ok, err := w.joined(ctx); !ok || err != nil {
			return false, err
		}
		silent = w.pulse.silent(scope, t)
		return len(silent) == 0, nil
	}
	if err := until(ctx, w.patience, "all workers are in the group, and no partition is silent", well); err != nil {
		return fmt.Errorf("%w; silent: %v", err, silent)
	}
	return nil
}

// inflict makes one fault. It returns at what time it was over: from then on, things must go on.
func (w *world) inflict(ctx context.Context, c class) (x *wound, over time.Time, err error) {
	x = &wound{class: c, at: time.Now(), scope: w.everywhere()}
	switch c {
	case kill:
		return x, time.Now(), w.kill(ctx, x)
	case restart:
		err = w.restart(ctx, x, w.victim())
	case secret:
		v := w.victim()
		slices.Reverse(v.secrets)
		err = w.restart(ctx, x, v)
	case stop:
		err = w.stop(ctx, x)
	case store:
		err = w.robRedis(ctx, x)
	case broker:
		x.what, err = w.cluster.trouble(ctx, w.rng)
	case errands:
		what, hits := w.cluster.mishaps(ctx, w.rng, w.kafka.run, between(w.rng, 200*time.Millisecond, time.Second))
		x.what = fmt.Sprintf("%s, %d times", what, hits)
	case grow:
		err = w.grow(ctx, x)
	case coordinator:
		err = w.loseCoordinator(ctx, x)
	}
	return x, time.Now(), err
}

// victim is any worker.
func (w *world) victim() *worker { return w.workers[w.rng.IntN(len(w.workers))] }

// kill kills a worker at a step of the protocol, the one that was asked for or each in its turn, or at any time, and starts another in
// its place.
func (w *world) kill(ctx context.Context, x *wound) error {
	v := w.victim()
	p := v.process
	p.wanted = true
	x.what = v.name + " at any time"
	if s, wait := w.step(); wait > 0 {
		hit := w.aim(ctx, v, s, wait)
		if !hit && w.at != "" {
			return &stuckError{what: v.name + " is killed " + s.name, after: wait}
		}
		if hit {
			x.what = v.name + " " + s.name
		}
	}
	p.kill()
	x.at, x.scope = time.Now(), p.owned()
	<-p.ended
	w.past = append(w.past, p)
	pause(ctx, time.Duration(w.rng.IntN(2))*between(w.rng, 0, w.rebalance))
	return v.start()
}

// step is the step of the next kill, and for how long to wait until the worker comes to it; 0: the kill is not aimed.
func (w *world) step() (step, time.Duration) {
	if w.at != "" {
		return steps[slices.Index(stepNames(), w.at)], w.patience
	}
	if w.rng.Float64() >= aimed {
		return step{}, 0
	}
	w.aims++
	return steps[(w.aims-1)%len(steps)], aimWait
}

// aim waits until the worker is killed at the step; false when it did not come to it in time.
func (w *world) aim(ctx context.Context, v *worker, s step, wait time.Duration) bool {
	a, disarm := v.proxy.arm(s, v.process.end)
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case <-a.hit:
		return true
	case <-waiting.Done():
	}
	if disarm() {
		return false
	}
	<-a.hit
	return true
}

// restart drains a worker and starts another in its place.
func (w *world) restart(ctx context.Context, x *wound, v *worker) error {
	x.what, x.owned = v.name, v.process.owned()
	if err := w.terminate(ctx, v); err != nil {
		return err
	}
	x.what += fmt.Sprintf(", drained in %s", time.Since(x.at).Round(time.Millisecond))
	if err := v.start(); err != nil {
		return err
	}
	return until(ctx, w.patience, v.name+" is in the group again", w.joined)
}

// stop halts a worker, every second time for so long that the group goes on without it.
func (w *world) stop(ctx context.Context, x *wound) error {
	v := w.victim()
	long := between(w.rng, 50*time.Millisecond, w.session*3/4)
	if w.rng.IntN(2) == 0 {
		long = between(w.rng, w.session*5/4, w.session*2)
	}
	x.scope, x.what = v.process.owned(), fmt.Sprintf("%s for %s", v.name, long.Round(time.Millisecond))
	if err := v.process.signal(syscall.SIGSTOP); err != nil {
		return &selfEnded{v.name, err}
	}
	pause(ctx, long)
	if err := v.process.signal(syscall.SIGCONT); err != nil {
		return &selfEnded{v.name, err}
	}
	return nil
}

// What Redis does instead of answering.
const (
	redisHangs = "hangs"
	redisGone  = "is gone"
)

// robRedis makes Redis forget, or keeps workers from it.
func (w *world) robRedis(ctx context.Context, x *wound) error {
	d := between(w.rng, 100*time.Millisecond, 2*time.Second)
	proxies := w.proxies()
	everyone := "everyone"
	if w.rng.IntN(2) == 0 {
		i := w.rng.IntN(len(proxies))
		proxies, everyone = proxies[i:i+1], w.workers[i].name
		x.scope = w.workers[i].process.owned()
	}
	switch w.rng.IntN(4) {
	case 0:
		x.what, x.scope = "forgets everything", w.everywhere()
		w.flushes = append(w.flushes, time.Now())
		return w.redis.forget(ctx)
	case 1:
		x.what, x.redis = fmt.Sprintf("hangs for %s, for %s", everyone, d.Round(time.Millisecond)), redisHangs
		each(proxies, (*proxy).hold)
		pause(ctx, d)
		each(proxies, (*proxy).release)
		return nil
	case 2:
		x.what, x.redis = fmt.Sprintf("refuses %s for %s", everyone, d.Round(time.Millisecond)), redisGone
		each(proxies, func(p *proxy) { p.cut(true) })
		pause(ctx, d)
		each(proxies, func(p *proxy) { p.cut(false) })
		return nil
	default:
		x.what, x.redis, x.scope = fmt.Sprintf("is away for %s and comes back empty", d.Round(time.Millisecond)), redisGone, w.everywhere()
		each(w.proxies(), func(p *proxy) { p.cut(true) })
		pause(ctx, d)
		w.flushes = append(w.flushes, time.Now())
		err := w.redis.restart(ctx)
		each(w.proxies(), func(p *proxy) { p.cut(false) })
		return err
	}
}

// loseCoordinator kills the broker that keeps the group. It is started again when the stream goes on without it, and the fault is over when it has
// everything that it should: the next broker to be lost is another one.
func (w *world) loseCoordinator(ctx context.Context, x *wound) error {
	id, err := w.kafka.coordinator(ctx)
	if err != nil {
		return fmt.Errorf("find the coordinator: %w", err)
	}
	k, number, before := w.cluster.(*foreignKafka), strconv.Itoa(int(id)), w.generation()
	x.what, x.at = "broker "+number, time.Now()
	if err := k.tell(ctx, "kill", number); err != nil {
		return err
	}
	moved := func(context.Context) (bool, error) { return w.generation() > before, nil }
	if err := until(ctx, w.patience, "all workers have another coordinator", moved); err != nil {
		return err
	}
	if err := w.goesOn(ctx, x.scope, time.Now()); err != nil {
		return err
	}
	x.what += fmt.Sprintf(", everything went on after %s", time.Since(x.at).Round(time.Millisecond))
	if err := k.tell(ctx, "node", number); err != nil {
		return err
	}
	return until(ctx, w.patience, "all copies are in sync", w.kafka.inSync)
}

func (w *world) proxies() []*proxy {
	list := make([]*proxy, len(w.workers))
	for i, x := range w.workers {
		list[i] = x.proxy
	}
	return list
}

func each(list []*proxy, f func(*proxy)) {
	for _, p := range list {
		f(p)
	}
}

// grow adds a partition, which the stream then uses too.
func (w *world) grow(ctx context.Context, x *wound) error {
	if w.parts >= maxParts {
		x.what = "the topic has enough partitions"
		return nil
	}
	w.parts++
	x.what = fmt.Sprintf("to %d partitions", w.parts)
	added := func(ctx context.Context) (bool, error) {
		n, err := w.kafka.count(ctx, events)
		if err != nil || n >= w.parts {
			return err == nil, err
		}
		return false, w.kafka.grow(ctx, int(w.parts))
	}
	if err := until(ctx, w.patience, "the topic has grown", added); err != nil {
		return err
	}
	known := func(context.Context) (bool, error) {
		leader, _, err := w.kafka.client.PartitionLeader(w.kafka.topic(events), w.parts-1)
		return err == nil && leader >= 0, err
	}
	if err := until(ctx, w.patience, "the producer of events knows the new partition", known); err != nil {
		return err
	}
	w.stream.partitions.Store(w.parts)
	x.scope = w.everywhere()
	return nil
}
