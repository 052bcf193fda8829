package sink

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
)

// shipment is a parcel with its address and what has been learnt about sending it.
type shipment struct {
	parcel
	topic     string
	spread    int  // chooses the partition of a message without a key
	limit     int  // bytes that its message may have
	stamp     bool // the broker does not take its own timestamp
	stuck     bool // the broker does not take it, and it cannot be changed
	shortened bool
	key       []byte
	record    record
}

// pack renders the parcel and encodes it.
func (s *shipment) pack(now time.Time) {
	var m message
	m, s.shortened = s.render(s.limit)
	if s.stamp {
		m.headers = append(m.headers, Header{HeaderTimestamp, decimal(m.millis)})
		m.millis = now.UnixMilli()
	}
	s.key, s.record = m.key, encode(m)
}

// amend changes what the broker refused; false where there is nothing left to change.
func (s *shipment) amend(err error) bool {
	half := len(s.record.body) / 2
	switch {
	case errors.Is(err, errVanished):
		return true // it goes to another partition
	case errors.Is(err, kafka.InvalidTimestamp) && !s.stamp:
		s.stamp = true
		return true
	case (errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge)) && half < s.limit:
		s.limit = half
		return true
	default:
		return false
	}
}

// publish returns when everything is acknowledged, or ctx ends. What is refused comes back smaller or with another
// timestamp; what cannot be changed is tried again for as long as it takes, for nothing may be dropped.
func (s *Sink) publish(ctx context.Context, out []*shipment) error {
	for pause := minPause; len(out) > 0; pause = min(2*pause, s.producer.maxPause) {
		for _, x := range out {
			x.pack(s.cfg.Now())
		}
		groups, err := s.route(ctx, out)
		if err != nil {
			return err
		}
		if out, err = s.send(ctx, groups); err != nil {
			return err
		}
		if len(out) > 0 {
			sleep(ctx, pause)
		}
	}
	return nil
}

// route groups shipments by partition, in their order.
func (s *Sink) route(ctx context.Context, out []*shipment) (map[place][]*shipment, error) {
	counts := make(map[string]int)
	groups := make(map[place][]*shipment)
	for _, x := range out {
		n, ok := counts[x.topic]
		if !ok {
			var err error
			if n, err = s.producer.await(ctx, x.topic); err != nil {
				return nil, err
			}
			counts[x.topic] = n
		}
		at := place{x.topic, x.spread % n}
		if x.key != nil {
			at.id = partitionOf(x.key, n)
		}
		groups[at] = append(groups[at], x)
	}
	return groups, nil
}

// send publishes the groups side by side. It returns what has to be sent again, amended.
func (s *Sink) send(ctx context.Context, groups map[place][]*shipment) ([]*shipment, error) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		back  []*shipment
		first error
	)
	for at, group := range groups {
		wg.Go(func() {
			refused, err := s.sendGroup(ctx, at, group)
			mu.Lock()
			defer mu.Unlock()
			back = append(back, refused...)
			if first == nil {
				first = err
			}
		})
	}
	wg.Wait()
	return back, first
}

func (s *Sink) sendGroup(ctx context.Context, at place, group []*shipment) ([]*shipment, error) {
	records := make([]record, len(group))
	for i, x := range group {
		records[i] = x.record
	}
	refused, err := s.producer.partition(at).publish(ctx, records)
	if err != nil {
		return nil, err
	}
	var back []*shipment
	for i, x := range group {
		if why, ok := refused[i]; ok {
			s.amend(x, why)
			back = append(back, x)
		}
	}
	return back, nil
}

func (s *Sink) amend(x *shipment, why error) {
	if x.amend(why) || x.stuck {
		return
	}
	x.stuck = true
	s.log.Warn("record refused, trying on", zap.String("topic", x.topic), zap.Error(why))
}
