package history

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"slices"
	"strconv"

	"onside/internal/classify"
)

// Key is where a conversation is kept, and the tag that its values carry.
type Key struct {
	name string
	tag  [4]byte
}

// keys makes the keys of one scope. It serves one goroutine.
type keys struct {
	mac     hash.Hash
	scope   [sha256.Size]byte
	prefix  string
	scratch []byte
}

// keys are those of a scope. The conversations of a scope share a slot of a cluster, so a lane's round trip goes to one node and
// can be one transaction.
func (r *Redis) keys(s Scope) keys {
	k := keys{mac: hmac.New(sha256.New, r.secret)}
	k.sum(k.scope[:0], "scope", s.Topic, s.Incarnation, strconv.Itoa(s.Partition))
	k.prefix = Prefix + "{" + base64.RawURLEncoding.EncodeToString(k.scope[:6]) + "}"
	return k
}

// of names a conversation.
func (k *keys) of(conversation string) Key {
	var sum [sha256.Size]byte
	k.sum(sum[:0], "conversation", string(k.scope[:]), conversation)
	name := base64.RawURLEncoding.AppendEncode(append(k.scratch[:0], k.prefix...), sum[:16])
	k.scratch = name
	return Key{name: string(name), tag: [4]byte(sum[16:])}
}

// sum appends the keyed hash of the fields, which are told apart by their lengths.
func (k *keys) sum(dst []byte, fields ...string) {
	k.mac.Reset()
	b := k.scratch[:0]
	for _, f := range fields {
		b = append(binary.AppendUvarint(b, uint64(len(f))), f...)
	}
	k.mac.Write(b)
	k.scratch = b
	k.mac.Sum(dst)
}

// encode appends a signal's value.
func (k *Key) encode(dst []byte, s *classify.Signal) ([]byte, error) {
	return s.AppendBinary(append(dst, k.tag[:]...))
}

// decode reads a conversation's hash, in offset order, and counts what it cannot read.
func (k *Key) decode(fields map[string]string) (signals []classify.Signal, skipped int) {
	for f, v := range fields {
		s, ok := k.signal(f, v)
		if !ok {
			skipped++
			continue
		}
		signals = append(signals, s)
	}
	slices.SortFunc(signals, func(a, b classify.Signal) int { return cmp.Compare(a.Offset, b.Offset) })
	return signals, skipped
}

// signal reads one value. The field says its offset; a value that says another is none of ours.
func (k *Key) signal(f, v string) (s classify.Signal, ok bool) {
	offset, err := strconv.ParseInt(f, 10, 64)
	if err != nil {
		return s, false
	}
	data, ok := bytes.CutPrefix([]byte(v), k.tag[:])
	if !ok || s.UnmarshalBinary(data) != nil {
		return classify.Signal{}, false
	}
	return s, s.Offset == offset
}
