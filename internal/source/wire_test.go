package source

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testAnswer writes a response of version 11 with one topic. extra is a number of partitions that are announced and do not come.
func testAnswer(extra int, parts ...[]byte) []byte {
	w := make([]byte, 4)
	w = be.AppendUint32(w, correlation)
	w = be.AppendUint32(w, 0) // throttle time
	w = be.AppendUint16(w, 0) // error
	w = be.AppendUint32(w, 0) // session
	w = be.AppendUint32(w, 1)
	w = appendString(w, "topic")
	w = be.AppendUint32(w, uint32(len(parts)+extra))
	for _, p := range parts {
		w = append(w, p...)
	}
	return finish(w)
}

func testPart(id uint32, size int, records []byte) []byte {
	w := be.AppendUint32(nil, id)
	w = be.AppendUint16(w, 0)
	w = be.AppendUint64(w, 100) // high watermark
	w = be.AppendUint64(w, 90)  // last stable offset
	w = be.AppendUint64(w, 10)  // log start
	w = be.AppendUint32(w, 1)
	w = be.AppendUint64(w, 7) // aborted: producer
	w = be.AppendUint64(w, 12)
	w = be.AppendUint32(w, 0xffffffff) // preferred replica
	w = be.AppendUint32(w, uint32(size))
	return append(w, records...)
}

func testRequest() *fetchRequest {
	return &fetchRequest{topic: "topic", bufs: new(buffers), holdBytes: 1 << 20, version: 11}
}

func TestFetchResponse(t *testing.T) {
	big := bytes.Repeat([]byte{5}, 2<<20)
	in := testAnswer(0, testPart(3, 4, []byte("abcd")), testPart(4, -1, nil), testPart(5, len(big), big), testPart(6, 1, []byte("z")))
	res, err := testRequest().decode(bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	type part struct {
		ID       int32
		High     int64
		LogStart int64
		Bytes    int
		Cut      bool
		Aborted  abortedTxn
	}
	var got []part
	for _, p := range res.parts {
		got = append(got, part{p.id, p.high, p.logStart, len(p.chunk.data), p.chunk.cut, p.chunk.aborted[0]})
	}
	txn := abortedTxn{7, 12}
	want := []part{{3, 100, 10, 4, false, txn}, {4, 100, 10, 0, false, txn}, {5, 100, 10, keepOfLarge, true, txn}, {6, 100, 10, 1, false, txn}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(abortedTxn{})); diff != "" {
		t.Error(diff)
	}
	if string(res.parts[0].chunk.data) != "abcd" || string(res.parts[3].chunk.data) != "z" {
		t.Error("records are not those of the answer")
	}
}

func TestFetchResponseFaults(t *testing.T) {
	good := testAnswer(0, testPart(3, 4, []byte("abcd")))
	for name, in := range map[string][]byte{
		"more partitions announced":    testAnswer(1<<20, testPart(3, 4, []byte("abcd"))),
		"more records than frame":      testAnswer(0, testPart(3, 1<<19, []byte("abcd"))),
		"one partition that is absent": testAnswer(1, testPart(3, 4, []byte("abcd"))),
		"negative size":                {0xff, 0xff, 0xff, 0xff, 0, 0, 0, correlation},
		"another's":                    {0, 0, 0, 4, 0, 0, 0, correlation + 1},
		"empty":                        nil,
	} {
		if _, err := testRequest().decode(bytes.NewReader(in)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for n := range good {
		if _, err := testRequest().decode(bytes.NewReader(good[:n])); err == nil {
			t.Errorf("cut to %d bytes: no error", n)
		}
	}
	if _, err := testRequest().decode(bytes.NewReader([]byte{0, 0, 0, 4, 0, 0, 0, 9})); !errors.Is(err, errCorrelation) {
		t.Errorf("another's: %v", err)
	}
}

// A connection that ends before the answer says so itself: it is not the answer that is at fault.
func TestResponseThatDoesNotCome(t *testing.T) {
	for name, decode := range map[string]func(io.Reader) error{
		"fetch":   func(in io.Reader) error { _, err := testRequest().decode(in); return err },
		"layout":  func(in io.Reader) error { _, err := decodeLayout(in); return err },
		"offsets": func(in io.Reader) error { _, err := decodeStable(in); return err },
	} {
		if err := decode(bytes.NewReader(nil)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzResponses(f *testing.F) {
	f.Add(testAnswer(0, testPart(3, 4, []byte("abcd"))))
	f.Add(testAnswer(2, testPart(3, 40, []byte("abcd"))))
	// A frame that claims much and ends early, with many topics announced.
	f.Add([]byte("\x1a\x00\x00[\x00\x00\x00\x01\x00\xff\xff\xff\xee\x00\x00\x00\x00\x01\x00\xff\xff\x00\x8a\x8a\x00\xfa"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, version := range []int16{minFetch, maxFetch} {
			req := testRequest()
			req.version = version
			if res, err := req.decode(bytes.NewReader(in)); err == nil && len(res.parts) > len(in) {
				t.Errorf("%d partitions in %d bytes", len(res.parts), len(in))
			}
		}
		if l, err := decodeLayout(bytes.NewReader(in)); err == nil && len(l.leaders) > len(in) {
			t.Errorf("%d leaders in %d bytes", len(l.leaders), len(in))
		}
	})
}
