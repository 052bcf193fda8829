package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// stableRequest asks a group's coordinator for positions that no open transaction is about to move: the broker answers
// UNSTABLE_OFFSET_COMMIT instead of a position that may be out of date in a moment. kafka-go cannot ask so; version 7 of OffsetFetch can.
type stableRequest struct {
	group, topic string
	partitions   []int
}

type stableResponse struct {
	code      int16
	committed map[int]int64 // by partition; -1 for none
	codes     map[int]int16
}

var (
	_ protocol.RawExchanger = stableRequest{}
	_ protocol.GroupMessage = stableRequest{}
)

func (stableRequest) ApiKey() protocol.ApiKey                 { return protocol.OffsetFetch }
func (*stableResponse) ApiKey() protocol.ApiKey               { return protocol.OffsetFetch }
func (stableRequest) Required(map[protocol.ApiKey]int16) bool { return true }

// Group names the group whose coordinator is asked.
func (r stableRequest) Group() string { return r.group }

// stableOffsetFetch is the first version that tells stable positions, and the last before several groups are asked at a time.
const stableOffsetFetch = 7

var errNoStable = errors.New("broker cannot tell stable positions (OffsetFetch version 7): exactly-once delivery needs Kafka 2.5 or newer")

// RawExchange asks after the broker has told on the same connection what it speaks.
func (r stableRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	lowest, highest, err := spoken(rw, protocol.OffsetFetch)
	if err != nil {
		return nil, fmt.Errorf("ask for api versions: %w", err)
	}
	if stableOffsetFetch < lowest || highest < stableOffsetFetch {
		return nil, errNoStable
	}
	if _, err := rw.Write(r.encode()); err != nil {
		return nil, fmt.Errorf("write offset fetch request: %w", err)
	}
	return decodeStable(rw)
}

func (r stableRequest) encode() []byte {
	w := append(header(protocol.OffsetFetch, stableOffsetFetch), 0) // no tags
	w = appendCompact(w, r.group)
	w = append(w, 2) // one topic
	w = appendCompact(w, r.topic)
	w = appendUvarint(w, len(r.partitions)+1)
	for _, id := range r.partitions {
		w = be.AppendUint32(w, uint32(id))
	}
	w = append(w, 0)            // no tags
	w = append(w, 1)            // stable ones
	return finish(append(w, 0)) // no tags
}

// decodeStable reads what the protocol calls OffsetFetchResponse.
func decodeStable(in io.Reader) (*stableResponse, error) {
	f := newFrame(in)
	f.tags()
	f.skip(4) // throttle time
	res := &stableResponse{committed: make(map[int]int64), codes: make(map[int]int16)}
	for n := f.compact(); n > 0 && f.err == nil; n-- {
		f.skip(f.compact()) // the topic
		for n := f.compact(); n > 0 && f.err == nil; n-- {
			id := int(f.int32())
			res.committed[id] = f.int64()
			f.skip(4)           // leader epoch
			f.skip(f.compact()) // metadata
			res.codes[id] = f.int16()
			f.tags()
		}
		f.tags()
	}
	res.code = f.int16()
	if f.err == nil {
		f.skip(f.left)
	}
	if f.err != nil {
		return nil, fmt.Errorf("read offset fetch response: %w", f.err)
	}
	return res, nil
}

// stableCommits asks what the group has committed; -1 is nothing.
func (s *session) stableCommits(ctx context.Context, partitions []int) (map[int]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	m, err := s.transport.RoundTrip(ctx, s.addr, stableRequest{s.cfg.Group, s.cfg.Topic, partitions})
	if err != nil {
		return nil, fmt.Errorf("fetch committed offsets: %w", err)
	}
	res := m.(*stableResponse)
	if res.code != 0 {
		return nil, fmt.Errorf("fetch committed offsets: %w", kafka.Error(res.code))
	}
	for _, id := range partitions {
		if code := res.codes[id]; code != 0 {
			return nil, fmt.Errorf("fetch committed offset of partition %d: %w", id, kafka.Error(code))
		}
		if _, ok := res.committed[id]; !ok {
			return nil, fmt.Errorf("fetch committed offset of partition %d: %w", id, errNoAnswer)
		}
	}
	return res.committed, nil
}
