package encoder_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"onside"
	"onside/internal/classify"
	"onside/internal/encoder"
)

// shipped is the model in the binary.
func shipped(t testing.TB) *encoder.Model {
	m, err := encoder.ParseModel(shippedFile(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func shippedFile(t testing.TB) []byte {
	file, err := os.ReadFile("../classify/model/second.model")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// example is a message as tools/train read it, in floating point but for the 4 bits of the weights.
type example struct {
	Text    string
	Setting int
	Tokens  []int32
	Earlier []struct {
		Text    string
		Setting int
		Own     bool
	}
	Side, Heads []float32
}

//go:embed testdata/examples.jsonl
var exampleFile []byte

func examples(t testing.TB) (out []example) {
	lines := bufio.NewScanner(bytes.NewReader(exampleFile))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var x example
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

func (x *example) read(m *encoder.Model, s *encoder.Scratch) []float32 {
	var none encoder.Memory
	var earlier []encoder.Text
	for _, e := range x.Earlier {
		earlier = append(earlier, textOf(e.Text, e.Setting, e.Own))
	}
	return m.Read(textOf(x.Text, x.Setting, false), earlier, x.Side, &none, s, nil)
}

func textOf(text string, setting int, own bool) encoder.Text {
	t := encoder.Text{Setting: setting, Own: own}
	t.Head, t.Tail = classify.Excerpt(text)
	return t
}

// TestReference reads what tools/train read when it wrote the model, and comes to about the same: what int8 rounds is all the difference.
func TestReference(t *testing.T) {
	m := shipped(t)
	var s encoder.Scratch
	var off, n float64
	for _, x := range examples(t) {
		if got := m.Tokens(textOf(x.Text, x.Setting, false)); !slices.Equal(got, x.Tokens) {
			t.Errorf("%q: tokens %v, want %v", x.Text, got, x.Tokens)
		}
		for k, z := range x.read(m, &s) {
			d := math.Abs(float64(z - x.Heads[k]))
			off, n = off+d, n+1
			if d > 1 {
				t.Errorf("%q: head %d is %.3f, want %.3f", x.Text, k, z, x.Heads[k])
			}
		}
	}
	if mean := off / n; mean > 0.05 || n == 0 {
		t.Errorf("heads are %.3f off on average", mean)
	}
}

// TestTokens cuts the whole corpus as the package tokenizers does.
func TestTokens(t *testing.T) {
	file, err := os.ReadFile("testdata/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	if err := json.Unmarshal(file, &want); err != nil {
		t.Fatal(err)
	}
	events, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	m := shipped(t)
	got := map[string]hash.Hash{}
	for i := range events {
		e := &events[i]
		file, _, _ := strings.Cut(e.ConversationID, "-")
		if got[file] == nil {
			got[file] = sha256.New()
		}
		if err := binary.Write(got[file], binary.LittleEndian, m.Tokens(textOf(e.Text, 0, false))); err != nil {
			t.Fatal(err)
		}
	}
	for name, sum := range got {
		if hex.EncodeToString(sum.Sum(nil)) != want[name] {
			t.Errorf("%s is cut otherwise than by the reference; if its text has changed: make second-reader-tokens", name)
		}
	}
}

// TestScratchDoesNotMatter reads with memory that other messages have used, and with fresh memory.
func TestScratchDoesNotMatter(t *testing.T) {
	m := shipped(t)
	var used encoder.Scratch
	for _, x := range examples(t)[:40] {
		a, b := x.read(m, &used), x.read(m, new(encoder.Scratch))
		if !slices.Equal(a, b) {
			t.Fatalf("%q: %v, with fresh memory %v", x.Text, a, b)
		}
	}
}

// TestRememberedReading reads conversations of the corpus message by message, in turns, with memories of several sizes and with none: the bits are the
// same, and of a conversation that is remembered only the newest message is encoded.
func TestRememberedReading(t *testing.T) {
	m := shipped(t)
	events, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	talks := map[string][]encoder.Text{} // newest first
	var s encoder.Scratch
	var none encoder.Memory
	var some [3]encoder.Memory
	for i, bytes := range []int{50_000, 200_000, 16 << 20} {
		some[i].Resize(bytes)
	}
	fresh, seen, all := [len(some)]int{}, map[string]bool{}, 0
	step := len(events) / 3
	side := make([]float32, m.SideInputs)
	for k := range 25 {
		for from := range 3 {
			e := &events[from*step+k]
			own := textOf(e.Text, 3*int(e.Stage), false)
			if e.SenderRole == "client" {
				own.Setting++
			}
			earlier := talks[e.ConversationID]
			for i := range earlier {
				earlier[i].Own = earlier[i].Setting == own.Setting
			}
			want := m.Read(own, earlier, side, &none, &s, nil)
			all += s.Fresh()
			for i := range some {
				if got := m.Read(own, earlier, side, &some[i], &s, nil); !slices.Equal(got, want) {
					t.Fatalf("%s: %v, without a memory %v", e.EventID, got, want)
				}
				fresh[i] += s.Fresh()
			}
			key := fmt.Sprint(own.Setting, m.Tokens(own))
			switch n := s.Fresh(); { // with the largest
			case seen[key] && n > 0:
				t.Errorf("%s: %d tokens are encoded again", e.EventID, n)
			case !seen[key] && n != len(m.Tokens(own)):
				t.Errorf("%s: %d tokens are encoded, the message has %d", e.EventID, n, len(m.Tokens(own)))
			}
			seen[key] = true
			talks[e.ConversationID] = append([]encoder.Text{own}, earlier[:min(len(earlier), encoder.MaxEarlier-1)]...)
		}
	}
	if fresh[1] >= all || fresh[2] >= fresh[1] {
		t.Errorf("%d tokens encoded with memories of three sizes, %d with none", fresh, all)
	}
}

func TestNoAllocation(t *testing.T) {
	m := shipped(t)
	var s encoder.Scratch
	var known encoder.Memory
	known.Resize(1 << 20) // some are there, some are not
	xs := examples(t)
	var earlier []encoder.Text
	z := make([]float32, 0, 64)
	for range 2 {
		if n := testing.AllocsPerRun(1, func() {
			for i := range xs {
				x := &xs[i]
				earlier = earlier[:0]
				for _, e := range x.Earlier {
					earlier = append(earlier, textOf(e.Text, e.Setting, e.Own))
				}
				z = m.Read(textOf(x.Text, x.Setting, false), earlier, x.Side, &known, &s, z[:0])
			}
		}); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

// TestDamagedModel parses files that are cut short, too long, of another kind or altered: an error each, and no panic.
func TestDamagedModel(t *testing.T) {
	file := shippedFile(t)
	body := file[:len(file)-sha256.Size]
	sealed := func(b []byte) []byte {
		sum := sha256.Sum256(b)
		return append(slices.Clone(b), sum[:]...)
	}
	for n := 1; n < len(body); n += n/3 + 1 {
		if _, err := encoder.ParseModel(sealed(body[:n])); err == nil {
			t.Errorf("the first %d bytes are taken for a model", n)
		}
	}
	altered := slices.Clone(file)
	altered[len(altered)/2] ^= 1
	shapeless := slices.Clone(body)
	shapeless[13] = 255
	for name, b := range map[string][]byte{"altered": altered, "too long": sealed(append(slices.Clone(body), 0)), "empty": nil, "of impossible shape": sealed(shapeless)} {
		if _, err := encoder.ParseModel(b); err == nil || !strings.HasPrefix(err.Error(), "encoder: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	m := shipped(f)
	f.Add("add me on the green app", "sure, what is your number?", uint8(3), true)
	f.Add("", "\u200b", uint8(8), false)
	f.Add(strings.Repeat("a", 3000), strings.Repeat("שלום ", 400), uint8(0), true)
	f.Add("\xff\xfe", "ﷺ\t\n\x00", uint8(5), false)
	var s encoder.Scratch
	var known, none encoder.Memory
	known.Resize(200_000)
	side := make([]float32, m.SideInputs)
	f.Fuzz(func(t *testing.T, text, before string, setting uint8, sameSender bool) {
		k := int(setting) % int(m.Settings)
		own, earlier := textOf(text, k, false), []encoder.Text{textOf(before, k, sameSender)}
		z := m.Read(own, earlier, side, &known, &s, nil)
		if plain := m.Read(own, earlier, side, &none, &s, nil); !slices.Equal(z, plain) {
			t.Fatalf("%v, without a memory %v", z, plain)
		}
		for _, x := range z {
			if len(z) != int(m.Heads) || math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Fatalf("%v", z)
			}
		}
	})
}

// BenchmarkRead reads messages with those before them; tokens/op says how many pieces that are, in all.
func BenchmarkRead(b *testing.B) {
	m := shipped(b)
	var s encoder.Scratch
	xs := examples(b)
	tokens := 0
	for _, x := range xs {
		tokens += len(x.Tokens)
		for _, e := range x.Earlier {
			tokens += len(m.Tokens(textOf(e.Text, e.Setting, e.Own)))
		}
	}
	for i := 0; b.Loop(); i++ {
		xs[i%len(xs)].read(m, &s)
	}
	b.ReportMetric(float64(tokens)/float64(len(xs)), "tokens/op")
}

func BenchmarkParseModel(b *testing.B) {
	file := shippedFile(b)
	for b.Loop() {
		if _, err := encoder.ParseModel(file); err != nil {
			b.Fatal(err)
		}
	}
}
