package sink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func header(m message, key string) (string, bool) {
	for _, h := range m.headers {
		if h.Key == key {
			return string(h.Value), true
		}
	}
	return "", false
}

func anyLetter() *rapid.Generator[*letter] {
	return rapid.Custom(func(t *rapid.T) *letter {
		m := anyMessage().Draw(t, "record")
		return &letter{DeadLetter: &DeadLetter{
			Offset: rapid.Int64Range(0, math.MaxInt64).Draw(t, "offset"), Time: time.UnixMilli(m.millis),
			Key: m.key, Value: m.value, Headers: m.headers, Code: "json.syntax",
		}, origin: origin, now: noon}
	})
}

// Whatever was in the record is in the dead letter, null and empty told apart, and our headers stand behind its own.
func TestDeadLettersAreByteExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyLetter().Draw(t, "letter")
		m, shortened := l.render(1 << 20)
		if shortened {
			t.Fatal("shortened")
		}
		want := message{millis: l.Time.UnixMilli(), key: l.Key, value: l.Value, headers: append(append([]Header(nil), l.Headers...), l.facts()...)}
		if diff := cmp.Diff(want, m, cmp.AllowUnexported(message{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A dead letter that is too large fits, and says what it was.
func TestDeadLettersFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyLetter().Draw(t, "letter")
		l.Key = bytes.Repeat([]byte("k"), rapid.IntRange(0, 5000).Draw(t, "key"))
		l.Value = bytes.Repeat([]byte("v"), rapid.IntRange(0, 20000).Draw(t, "value"))
		limit := rapid.IntRange(1500, 20000).Draw(t, "limit")
		m, shortened := l.render(limit)
		if size := bodySize(m); size > limit {
			t.Fatalf("%d bytes for a limit of %d", size, limit)
		}
		if !shortened {
			return
		}
		if !bytes.HasPrefix(l.Value, m.value) || !bytes.HasPrefix(l.Key, m.key) {
			t.Fatal("what is left is no beginning")
		}
		sum := sha256.Sum256(l.Value)
		if got, _ := header(m, HeaderValueSHA256); len(m.value) < len(l.Value) && got != hex.EncodeToString(sum[:]) {
			t.Fatalf("value's hash %q", got)
		}
		if got, _ := header(m, HeaderCode); got != "json.syntax" {
			t.Fatalf("code %q", got)
		}
	})
}

func TestDeadLetterKeepsAsMuchAsFits(t *testing.T) {
	value := []byte(strings.Repeat("0123456789", 1000))
	l := &letter{DeadLetter: &DeadLetter{Key: []byte("c-1"), Value: value, Headers: []Header{{"own", []byte("1")}}, Code: "too_long"}, origin: origin, now: noon}
	m, shortened := l.render(5000)
	if !shortened || len(m.value) < 4000 {
		t.Errorf("%d of %d bytes are left", len(m.value), len(value))
	}
	if got, _ := header(m, "own"); got != "1" {
		t.Error("a small header was dropped")
	}
	if got, _ := header(m, HeaderValueBytes); got != "10000" {
		t.Errorf("value's length %q", got)
	}
}

func TestDeadLetterWithHugeHeaders(t *testing.T) {
	l := &letter{DeadLetter: &DeadLetter{Value: []byte("small"), Code: "headers"}, origin: origin, now: noon}
	for range 1000 {
		l.Headers = append(l.Headers, Header{"flood", bytes.Repeat([]byte("h"), 100)})
	}
	m, _ := l.render(5000)
	if _, ok := header(m, "flood"); ok {
		t.Error("the flood is still there")
	}
	if got, _ := header(m, HeaderHeaders); got != "1000" {
		t.Errorf("headers counted %q", got)
	}
	if string(m.value) != "small" {
		t.Errorf("value %q", m.value)
	}
	if _, ok := header(m, HeaderValueSHA256); ok {
		t.Error("a value that is whole is said to be cut")
	}
}

// A dead letter that comes round again keeps the time at which it was first seen.
func TestFirstSeenIsKept(t *testing.T) {
	l := &letter{DeadLetter: &DeadLetter{Code: "x", Headers: []Header{{HeaderFirstSeen, []byte("2026-01-01T00:00:00Z")}}}, origin: origin, now: noon}
	if got := string(l.firstSeen()); got != "2026-01-01T00:00:00Z" {
		t.Errorf("first seen %s", got)
	}
	l.Headers = []Header{{HeaderFirstSeen, bytes.Repeat([]byte("9"), 100)}}
	if got := string(l.firstSeen()); got != "2026-03-02T12:00:00Z" {
		t.Errorf("first seen %s", got)
	}
}

func TestRangeIsNamed(t *testing.T) {
	one := &letter{DeadLetter: &DeadLetter{Offset: 7, Last: 7}, origin: origin, now: noon}
	if m, _ := one.render(1 << 20); m.headers[len(m.headers)-2].Key == HeaderLast {
		t.Error("one record is called a range")
	}
	many := &letter{DeadLetter: &DeadLetter{Offset: 7, Last: 99}, origin: origin, now: noon}
	m, _ := many.render(1 << 20)
	if got, _ := header(m, HeaderLast); got != "99" {
		t.Errorf("last offset %q", got)
	}
	if m.value != nil || m.key != nil {
		t.Error("null became something")
	}
}

// A record that was too large to hold says how much of it is not in its dead letter.
func TestCutDeadLetterSaysSo(t *testing.T) {
	l := letter{DeadLetter: &DeadLetter{Value: []byte("the beginning"), Missing: 987654, Code: "record_too_large"}}
	m, _ := l.render(1 << 20)
	for _, h := range m.headers {
		if h.Key == HeaderMissing && string(h.Value) == "987654" {
			return
		}
	}
	t.Errorf("headers %v", m.headers)
}
