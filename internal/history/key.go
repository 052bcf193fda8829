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

// Key is where a conversation is kept, and where what another secret's holders have kept of it is looked for.
type Key struct {
	place
	second place // the zero place where there is no second secret
}

// place is a key in Redis and the tag that its values carry.
type place struct {
	name string
	tag  [4]byte
}

// places makes those of one scope, under one secret. It serves one goroutine.
type places struct {
	mac     hash.Hash
	scope   [sha256.Size]byte
	prefix  string
	scratch []byte
}

// in are the places of a scope. The conversations of a scope share a slot of a cluster, so a lane's round trip goes to one node and
// can be one transaction.
func in(s Scope, secret []byte) *places {
	k := &places{mac: hmac.New(sha256.New, secret)}
	k.sum(k.scope[:0], "scope", s.Topic, s.Incarnation, strconv.Itoa(s.Partition))
	k.prefix = Prefix + "{" + base64.RawURLEncoding.EncodeToString(k.scope[:6]) + "}"
	return k
}

// of is a conversation's.
func (k *places) of(conversation string) place {
	var sum [sha256.Size]byte
	k.sum(sum[:0], "conversation", string(k.scope[:]), conversation)
	name := base64.RawURLEncoding.AppendEncode(append(k.scratch[:0], k.prefix...), sum[:16])
	k.scratch = name
	return place{name: string(name), tag: [4]byte(sum[16:])}
}

// sum appends the keyed hash of the fields, which are told apart by their lengths.
func (k *places) sum(dst []byte, fields ...string) {
	k.mac.Reset()
	b := k.scratch[:0]
	for _, f := range fields {
		b = append(binary.AppendUvarint(b, uint64(len(f))), f...)
	}
	k.mac.Write(b)
	k.scratch = b
	k.mac.Sum(dst)
}

// merged are a conversation's signals with those under the second secret that have no other in their place, both in offset order.
func merged(signals, second []classify.Signal) []classify.Signal {
	for _, s := range second {
		at, there := slices.BinarySearchFunc(signals, s.Offset, func(x classify.Signal, offset int64) int { return cmp.Compare(x.Offset, offset) })
		if !there {
			signals = slices.Insert(signals, at, s)
		}
	}
	return signals
}

// encode appends a signal's value.
func (k *place) encode(dst []byte, s *classify.Signal) ([]byte, error) {
	return s.AppendBinary(append(dst, k.tag[:]...))
}

// decode reads a conversation's hash, in offset order, and counts what it cannot read.
func (k *place) decode(fields map[string]string) (signals []classify.Signal, skipped int) {
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
func (k *place) signal(f, v string) (s classify.Signal, ok bool) {
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
