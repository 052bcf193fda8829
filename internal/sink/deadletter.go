package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"
)

// DeadLetter is a record that could not be read. It is published byte for byte: key, value, headers and timestamp as they were, and
// behind the headers those that say what was wrong and where the record stood.
type DeadLetter struct {
	Offset  int64
	Last    int64     // of an undecodable range of records; not above Offset for one record
	Time    time.Time // the record's own; the zero Time becomes now
	Key     []byte
	Value   []byte
	Missing int // bytes of the record that were too large to hold and are not here
	Headers []Header
	Code    string
}

// The headers that a dead letter carries besides its own.
const (
	HeaderCode      = "onside.error.code"
	HeaderTopic     = "onside.error.topic"
	HeaderPartition = "onside.error.partition"
	HeaderOffset    = "onside.error.offset"
	HeaderLast      = "onside.error.last_offset"   // only for a range of records
	HeaderFirstSeen = "onside.error.first_seen"    // RFC 3339; kept from the record's own headers when it comes round again
	HeaderMissing   = "onside.error.missing_bytes" // only where the record was too large to hold: what follows is not here

	HeaderKeyBytes    = "onside.error.key_bytes" // these six only where a part was too large: its length and SHA-256;
	HeaderKeySHA256   = "onside.error.key_sha256"
	HeaderValueBytes  = "onside.error.value_bytes" // of key and value, the beginning stays
	HeaderValueSHA256 = "onside.error.value_sha256"
	HeaderHeaders     = "onside.error.headers" // how many there were
	HeaderHeadersSHA  = "onside.error.headers_sha256"

	HeaderTimestamp = "onside.error.timestamp" // Unix milliseconds, where the broker refused the record's own
)

// letter is a dead letter on its way out.
type letter struct {
	*DeadLetter
	origin Origin
	now    time.Time
}

// clippedKey is how much of a key stays when the parts around the value are too large.
const clippedKey = 128

func (l *letter) render(limit int) (m message, shortened bool) {
	m = message{
		millis:  l.millis(),
		key:     l.Key,
		value:   l.Value,
		headers: append(slices.Clip(l.Headers), l.facts()...),
	}
	if bodySize(m) <= limit {
		return m, false
	}
	m.value = nil
	if bodySize(m) > limit/2 {
		l.clipEnvelope(&m)
	}
	if bodySize(m)+len(l.Value) <= limit {
		m.value = l.Value
		return m, true
	}
	l.clipValue(&m, limit)
	return m, true
}

func (l *letter) millis() int64 {
	if l.Time.IsZero() {
		return l.now.UnixMilli()
	}
	return l.Time.UnixMilli()
}

// facts are the headers of every dead letter.
func (l *letter) facts() []Header {
	facts := []Header{
		{HeaderCode, []byte(l.Code)},
		{HeaderTopic, []byte(l.origin.Topic)},
		{HeaderPartition, decimal(int64(l.origin.Partition))},
		{HeaderOffset, decimal(l.Offset)},
	}
	if l.Last > l.Offset {
		facts = append(facts, Header{HeaderLast, decimal(l.Last)})
	}
	if l.Missing > 0 {
		facts = append(facts, Header{HeaderMissing, decimal(int64(l.Missing))})
	}
	return append(facts, Header{HeaderFirstSeen, l.firstSeen()})
}

func (l *letter) firstSeen() []byte {
	for _, h := range l.Headers {
		if h.Key == HeaderFirstSeen && len(h.Value) <= len(time.RFC3339Nano) {
			return h.Value
		}
	}
	return []byte(l.now.UTC().Format(time.RFC3339))
}

// clipEnvelope replaces headers and a long key by what identifies them.
func (l *letter) clipEnvelope(m *message) {
	sum := sha256.New()
	for _, h := range l.Headers {
		sum.Write(framed(h.Key))
		sum.Write(framed(string(h.Value)))
	}
	m.headers = append(l.facts(),
		Header{HeaderHeaders, decimal(int64(len(l.Headers)))},
		Header{HeaderHeadersSHA, hexed(sum.Sum(nil))})
	if len(l.Key) > clippedKey {
		m.key = l.Key[:clippedKey]
		m.headers = append(m.headers, measured(HeaderKeyBytes, HeaderKeySHA256, l.Key)...)
	}
}

// clipValue keeps as much of the value's beginning as the limit leaves room for.
func (l *letter) clipValue(m *message, limit int) {
	m.headers = append(m.headers, measured(HeaderValueBytes, HeaderValueSHA256, l.Value)...)
	m.value = l.Value[:max(0, min(len(l.Value), limit-bodySize(*m)))]
}

func measured(length, sum string, part []byte) []Header {
	digest := sha256.Sum256(part)
	return []Header{{length, decimal(int64(len(part)))}, {sum, hexed(digest[:])}}
}

func decimal(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

func hexed(b []byte) []byte { return hex.AppendEncode(nil, b) }
