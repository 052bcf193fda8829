package source

import (
	"context"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// layoutRequest asks any broker who leads the topic's partitions and which topic of that name it is. kafka-go knows
// Metadata up to version 8 and answers it from a cache; a topic's id comes with version 10. So it is asked by hand, on a connection of the
// Transport, after the broker has told on the same connection what it speaks.
type layoutRequest struct {
	topic string
}

// layout is where a topic is.
type layout struct {
	id      string          // UUID; empty where the broker has none
	code    int16           // the topic's error
	count   int             // of partitions
	leaders map[int32]int32 // broker by partition; none for a partition without a leader
}

// leader is the broker that leads the partition; -1 for none.
func (l *layout) leader(partition int) int32 {
	if broker, ok := l.leaders[int32(partition)]; ok {
		return broker
	}
	return -1
}

var _ protocol.RawExchanger = layoutRequest{}

func (layoutRequest) ApiKey() protocol.ApiKey                 { return protocol.Metadata }
func (*layout) ApiKey() protocol.ApiKey                       { return protocol.Metadata }
func (layoutRequest) Required(map[protocol.ApiKey]int16) bool { return true }

// The flexible versions of Metadata that are spoken: the first with topic ids, and the first that has lost the cluster's rights.
const firstWithID, withoutRights = 10, 11

const lastMetadata = 12

// RawExchange asks in the newest version that both sides speak.
func (r layoutRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	lowest, highest, err := spoken(rw, protocol.Metadata)
	if err != nil {
		return nil, fmt.Errorf("ask for api versions: %w", err)
	}
	if highest < firstWithID {
		return r.withoutID(rw, highest)
	}
	version := min(highest, lastMetadata)
	if version < lowest {
		return nil, fmt.Errorf("ask for metadata: broker speaks no version below %d", lowest)
	}
	if _, err := rw.Write(r.encode(version)); err != nil {
		return nil, fmt.Errorf("write metadata request: %w", err)
	}
	return decodeLayout(rw)
}

func spoken(rw io.ReadWriter, api protocol.ApiKey) (lowest, highest int16, err error) {
	m, err := protocol.RoundTrip(rw, 0, correlation, clientID, new(apiversions.Request))
	if err != nil {
		return 0, 0, err
	}
	res := m.(*apiversions.Response)
	if res.ErrorCode != 0 {
		return 0, 0, kafka.Error(res.ErrorCode)
	}
	for _, k := range res.ApiKeys {
		if k.ApiKey == int16(api) {
			return k.MinVersion, k.MaxVersion, nil
		}
	}
	return 0, 0, kafka.UnsupportedVersion
}

// withoutID asks brokers older than Kafka 2.8.
func (r layoutRequest) withoutID(rw io.ReadWriter, highest int16) (protocol.Message, error) {
	req := &metadata.Request{TopicNames: []string{r.topic}}
	m, err := protocol.RoundTrip(rw, min(highest, protocol.Metadata.MaxVersion()), correlation, clientID, req)
	if err != nil {
		return nil, err
	}
	res := &layout{leaders: make(map[int32]int32), code: int16(kafka.UnknownTopicOrPartition)}
	for _, t := range m.(*metadata.Response).Topics {
		res.code, res.count = t.ErrorCode, len(t.Partitions)
		for _, p := range t.Partitions {
			if p.LeaderID >= 0 {
				res.leaders[p.PartitionIndex] = p.LeaderID
			}
		}
	}
	return res, nil
}

func (r layoutRequest) encode(version int16) []byte {
	w := append(header(protocol.Metadata, version), 0) // no tags
	w = append(w, 2)                                   // one topic
	w = append(w, make([]byte, 16)...)                 // its id is what is asked for
	w = appendCompact(w, r.topic)
	w = append(w, 0) // no tags
	w = append(w, 0) // do not create it
	if version < withoutRights {
		w = append(w, 0) // no rights on the cluster
	}
	return finish(append(w, 0, 0)) // nor on the topic, and no tags
}

func appendCompact(w []byte, s string) []byte {
	return append(appendUvarint(w, len(s)+1), s...)
}

func appendUvarint(w []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		w = append(w, byte(n)|0x80)
	}
	return append(w, byte(n))
}

// decodeLayout reads what the protocol calls MetadataResponse.
func decodeLayout(in io.Reader) (*layout, error) {
	f := newFrame(in)
	f.tags()
	f.skip(4) // throttle time
	for n := f.compact(); n > 0 && f.err == nil; n-- {
		f.skip(4)           // broker
		f.skip(f.compact()) // host
		f.skip(4)           // port
		f.skip(f.compact()) // rack
		f.tags()
	}
	f.skip(f.compact()) // cluster
	f.skip(4)           // controller
	res := &layout{leaders: make(map[int32]int32), code: int16(kafka.UnknownTopicOrPartition)}
	for n := f.compact(); n > 0 && f.err == nil; n-- {
		res.topic(f)
	}
	if f.err == nil {
		f.skip(f.left)
	}
	if f.err != nil {
		return nil, fmt.Errorf("read metadata response: %w", f.err)
	}
	return res, nil
}

func (l *layout) topic(f *frame) {
	l.code = f.int16()
	f.skip(f.compact()) // name
	var id [16]byte
	f.read(id[:])
	if id != [16]byte{} {
		l.id = fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	}
	f.skip(1) // internal
	for n := f.compact(); n > 0 && f.err == nil; n-- {
		l.count++
		f.skip(2) // its error shows in a missing leader
		id, leader := f.int32(), f.int32()
		if leader >= 0 {
			l.leaders[id] = leader
		}
		f.skip(4)               // leader epoch
		f.skip(4 * f.compact()) // replicas
		f.skip(4 * f.compact()) // in sync
		f.skip(4 * f.compact()) // offline
		f.tags()
	}
	f.skip(4) // rights
	f.tags()
}

// layout asks where the topic is. An error in the answer is an error.
func (s *session) layout(ctx context.Context) (*layout, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	m, err := s.transport.RoundTrip(ctx, s.addr, layoutRequest{s.cfg.Topic})
	if err != nil {
		return nil, fmt.Errorf("ask for metadata: %w", err)
	}
	l := m.(*layout)
	if l.code != 0 {
		return nil, fmt.Errorf("ask for metadata: %w", kafka.Error(l.code))
	}
	return l, nil
}
