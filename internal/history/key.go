package history

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"

	"onside/internal/classify"
)

// key is where a conversation is kept, and the tag that its values carry.
type key struct {
	name string
	tag  [4]byte
}

// key names a conversation. The conversations of a scope share a slot of a cluster, so a lane's round trip goes to one node and
// can be one transaction.
func (r *Redis) key(s Scope, conversation string) key {
	scope := r.sum("scope", s.Topic, s.Incarnation, strconv.Itoa(s.Partition))
	sum := r.sum("conversation", string(scope), conversation)
	return key{
		name: Prefix + "{" + base64.RawURLEncoding.EncodeToString(scope[:6]) + "}" + base64.RawURLEncoding.EncodeToString(sum[:16]),
		tag:  [4]byte(sum[16:]),
	}
}

// sum is the keyed hash of the fields, which are told apart by their lengths.
func (r *Redis) sum(fields ...string) []byte {
	h := hmac.New(sha256.New, r.secret)
	for _, f := range fields {
		h.Write(binary.AppendUvarint(nil, uint64(len(f))))
		h.Write([]byte(f))
	}
	return h.Sum(nil)
}

func field(offset int64) string { return strconv.FormatInt(offset, 10) }

func (k *key) encode(s *classify.Signal) ([]byte, error) {
	return s.AppendBinary(k.tag[:len(k.tag):len(k.tag)])
}

// decode reads a conversation's hash, in offset order, and counts what it cannot read.
func (k *key) decode(fields map[string]string) (signals []classify.Signal, skipped int) {
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
func (k *key) signal(f, v string) (s classify.Signal, ok bool) {
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
