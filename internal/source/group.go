package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
)

// generation is the consumer's part of one generation of the group: some partitions, a lane for each, a fetcher and a
// committer for all of them.
type generation struct {
	s     *session
	group *kafka.Generation
	over  context.Context // the group's generation has ended: nothing of it may go on for long
	end   context.Context // over, or a drain was asked for, or something of the generation has failed
	stop  context.CancelCauseFunc

	at       *layout // of the topic, when the generation began
	parts    []*Partition
	assigned int // partitions that the group was assigned, where this member did that; else -1
}

var (
	errDrain = errors.New("a drain was asked for")
	errEarly = errors.New("lane returned while its partition was its own")
	errGrown = errors.New("the topic has other partitions than the group was assigned")
)

// laneError is why a generation ended that a lane has failed in.
type laneError struct {
	partition int
	err       error
}

func (e *laneError) Error() string {
	return fmt.Sprintf("run lane of partition %d: %v", e.partition, e.err)
}
func (e *laneError) Unwrap() error { return e.err }

// run is the life of the generation. ctx ends with the consumer. The error says why it ended; nil stands for an end by the group.
func (g *generation) run(ctx context.Context, lane Lane) error {
	g.end, g.stop = context.WithCancelCause(g.over)
	defer g.stop(nil)
	defer context.AfterFunc(ctx, func() { g.stop(errDrain) })()

	g.assigned = g.s.witness.take()
	if err := g.prepare(); err != nil {
		return g.cause()
	}
	ids := g.partitions()
	call(g.s.cfg.Hooks.Assigned, ids)
	g.s.joined(g.group.ID, ids)
	g.work(ctx, lane)
	call(g.s.cfg.Hooks.Revoked, ids)
	return g.cause()
}

func call(hook func([]int), ids []int) {
	if hook != nil {
		hook(slices.Clone(ids))
	}
}

func (g *generation) cause() error {
	if g.over.Err() != nil && errors.Is(context.Cause(g.end), g.over.Err()) {
		return nil
	}
	return context.Cause(g.end)
}

func (g *generation) partitions() []int {
	ids := make([]int, len(g.parts))
	for i, p := range g.parts {
		ids[i] = p.ID
	}
	return ids
}

// work runs lanes, fetcher and committer, and joins them in the order that lets what is done be committed.
func (g *generation) work(ctx context.Context, lane Lane) {
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(g.recount)
	if len(g.parts) == 0 {
		<-g.end.Done()
		return
	}
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	var lanes sync.WaitGroup
	fetching, stopFetching := context.WithCancel(g.end)
	fetcher := newFetcher(g.s, g.at, g.stop)
	for _, p := range g.parts {
		p.end, p.ready = g.end, fetcher.wakeUp
		fetcher.add(p)
	}
	others.Go(func() { fetcher.run(fetching) })
	for _, p := range g.parts {
		lanes.Go(func() { g.lane(work, lane, p) })
	}
	drained := make(chan struct{})
	others.Go(func() { g.commitUntil(drained) })
	others.Go(func() {
		if !g.awaitDrain(drained) {
			g.s.log.Warn("lanes take too long to end: what they have in hand is given up", zap.Int32("generation", g.group.ID))
		}
		abandon()
	})
	<-g.end.Done()
	lanes.Wait()
	stopFetching()
	close(drained)
	others.Wait()
	g.commit()
}

// recount ends the generation when its topic has other partitions than the group was assigned. kafka-go watches their number too, but
// from a first look that it takes after the assignment: what changed in between it would never see.
func (g *generation) recount() {
	pause(g.end, g.s.cfg.WatchInterval)
	if g.assigned < 0 || g.end.Err() != nil {
		return
	}
	if at, err := g.s.layout(g.end); err == nil && at.count != g.assigned {
		g.stop(errGrown)
	}
}

// lane runs one lane and ends the generation if it fails.
func (g *generation) lane(ctx context.Context, lane Lane, p *Partition) {
	err := lane(ctx, p)
	ended := g.end.Err() != nil
	switch {
	case ended && (err == nil || errors.Is(err, ErrEnd) || errors.Is(err, context.Canceled)):
	case ended:
		g.s.log.Warn("lane failed after its end was asked for", zap.Int("partition", p.ID), zap.Error(err))
	case err == nil:
		g.stop(&laneError{p.ID, errEarly})
	default:
		g.stop(&laneError{p.ID, err})
	}
}

// awaitDrain returns when the lanes have, or false when the time is up that they may take: DrainTimeout after the end, but when
// the group rebalances, no more than half of what it grants.
func (g *generation) awaitDrain(drained <-chan struct{}) (ended bool) {
	select {
	case <-g.end.Done():
	case <-drained:
		return true
	}
	limit := time.NewTimer(g.s.cfg.DrainTimeout)
	defer limit.Stop()
	select {
	case <-drained:
		return true
	case <-limit.C:
		return false
	case <-g.over.Done():
	}
	grace := time.NewTimer(min(g.s.cfg.DrainTimeout, g.s.cfg.RebalanceTimeout/2))
	defer grace.Stop()
	select {
	case <-drained:
		return true
	case <-limit.C:
	case <-grace.C:
	}
	return false
}

// prepare finds out where the partitions begin and which topic it is, and commits the positions at once: a partition
// without a commit would begin elsewhere for its next owner. Under Config.Fence its last owner is kept off before, and the lane commits.
func (g *generation) prepare() error {
	assigned := g.group.Assignments[g.s.cfg.Topic]
	if len(assigned) == 0 {
		return nil
	}
	var err error
	if g.at, err = ask(g, func() (*layout, error) { return g.s.layout(g.end) }); err != nil {
		return err
	}
	if err := g.fence(assigned); err != nil {
		return err
	}
	starts, err := ask(g, func() (map[int]start, error) { return g.s.positions(g.end, assigned) })
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(starts)) {
		g.parts = append(g.parts, g.partition(id, starts[id]))
	}
	g.commit()
	return nil
}

// fence keeps the partitions' former owners off, all at once.
func (g *generation) fence(assigned []kafka.PartitionAssignment) error {
	if g.s.cfg.Fence == nil {
		return nil
	}
	errs := make([]error, len(assigned))
	var wg sync.WaitGroup
	for i, a := range assigned {
		wg.Go(func() {
			_, errs[i] = ask(g, func() (struct{}, error) { return struct{}{}, g.s.cfg.Fence(g.end, a.ID) })
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (g *generation) partition(id int, at start) *Partition {
	p := g.s.partition(id, g.at.id, at.offset)
	p.Generation, p.Member = int(g.group.ID), g.group.MemberID
	p.back = newRereader(g.s, p, g.at.leader(id))
	if at.committed {
		p.save(at.offset)
	}
	return p
}

// ask repeats the question until it is answered or the generation ends.
func ask[T any](g *generation, question func() (T, error)) (T, error) {
	for fails := 1; ; fails++ {
		answer, err := question()
		if err == nil || g.end.Err() != nil {
			return answer, err
		}
		g.s.unwell(err)
		pause(g.end, backoff(fails))
	}
}

func (s *session) partition(id int, incarnation string, offset int64) *Partition {
	p := &Partition{
		Topic: s.cfg.Topic, ID: id, Incarnation: incarnation,
		room:   s.cfg.MaxBatchBytes,
		wake:   make(chan struct{}, 1),
		walker: s.walker(),
	}
	p.start(offset)
	return p
}

func (s *session) walker() walker {
	dec, err := NewDecoder(s.cfg.Mapping)
	if err != nil {
		panic("source: mapping was valid and is not: " + err.Error())
	}
	return walker{
		limits: limits{s.cfg.MaxBatchBytes, s.cfg.MaxRecordBytes, s.cfg.MaxDecompressedBytes},
		most:   MaxRecords,
		bufs:   &s.bufs, dec: dec, suspect: -1,
	}
}

// commitUntil commits what is done, every CommitInterval.
func (g *generation) commitUntil(drained <-chan struct{}) {
	tick := time.NewTicker(g.s.cfg.CommitInterval)
	defer tick.Stop()
	for {
		select {
		case <-drained:
			return
		case now := <-tick.C:
			g.commit()
			g.tellLag(now)
		}
	}
}

// commit commits what is done and not committed. A failure is tried again by the next commit, unless the generation
// has lost its partitions.
func (g *generation) commit() {
	if g.s.cfg.Fence != nil {
		return // the lanes do
	}
	if errors.Is(context.Cause(g.end), errReplaced) {
		return // the offsets are those of another topic
	}
	offsets := make(map[int]int64)
	for _, p := range g.parts {
		if offset, ok := p.unsaved(); ok {
			offsets[p.ID] = offset
		}
	}
	if len(offsets) == 0 {
		return
	}
	err := g.group.CommitOffsets(map[string]map[int]int64{g.s.cfg.Topic: offsets})
	if g.s.cfg.Hooks.Commit != nil {
		g.s.cfg.Hooks.Commit(err)
	}
	if err != nil {
		g.commitFailed(fmt.Errorf("commit offsets: %w", err))
		return
	}
	if g.s.clears(g.s.committing) {
		g.s.log.Info("commits go on")
	}
	for _, p := range g.parts {
		if offset, ok := offsets[p.ID]; ok {
			p.save(offset)
		}
	}
}

func (g *generation) commitFailed(err error) {
	if isFenced(err) {
		g.stop(err)
		return
	}
	if reason := reasonOf(err); g.s.begins(g.s.committing, reason) {
		g.s.log.Warn("commits are held up", zap.String("reason", reason), zap.Error(err))
	}
}

// isFenced tells whether the group goes on without this generation.
func isFenced(err error) bool {
	return errors.Is(err, kafka.IllegalGeneration) || errors.Is(err, kafka.UnknownMemberId) ||
		errors.Is(err, kafka.RebalanceInProgress) || errors.Is(err, kafka.FencedInstanceID)
}

func (g *generation) tellLag(now time.Time) {
	if g.s.cfg.Hooks.Lag == nil {
		return
	}
	for _, p := range g.parts {
		if l, ok := p.lag(now); ok {
			g.s.cfg.Hooks.Lag(l)
		}
	}
}
