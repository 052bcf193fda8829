package classify

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func signalGen(t *rapid.T) Signal {
	s := Signal{
		Offset: rapid.Int64().Draw(t, "offset"),
		Sender: rapid.Uint16().Draw(t, "sender"),
		Facts:  Facts(rapid.Uint32().Draw(t, "facts")),
		Reread: rapid.Bool().Draw(t, "reread"),
	}
	for k := range s.Memory {
		for i := range s.Memory[k] {
			s.Memory[k][i] = rapid.Int8().Draw(t, "memory")
		}
	}
	s.Fragment = rapid.StringMatching(`[0-9]{0,24}`).Draw(t, "fragment")
	if s.MessageID = rapid.String().Draw(t, "message"); s.Fragment+s.MessageID != "" {
		s.FragStart, s.FragEnd = rapid.IntRange(0, 1<<20).Draw(t, "start"), rapid.IntRange(0, 1<<20).Draw(t, "end")
	}
	return s
}

func TestSignalSurvivesEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := signalGen(t)
		b, err := want.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		var got Signal
		if err := got.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("signal (-want +got):\n%s", diff)
		}
		bare := want
		bare.Fragment, bare.MessageID = "", ""
		facts, _ := bare.AppendBinary(nil)
		for n := range facts {
			if err := new(Signal).UnmarshalBinary(b[:n]); err == nil {
				t.Fatalf("no error for %d of %d bytes", n, len(facts))
			}
		}
	})
}

func TestSignalIsSmall(t *testing.T) {
	b, _ := (&Signal{Offset: 1 << 40, Facts: 1<<numFacts - 1}).AppendBinary(nil)
	if len(b) > 96 {
		t.Errorf("a signal takes %d bytes", len(b))
	}
}

func TestSignalOfAnotherVersion(t *testing.T) {
	b, _ := (&Signal{}).AppendBinary(nil)
	b[0]++
	if err := new(Signal).UnmarshalBinary(b); err == nil {
		t.Error("no error")
	}
}

func TestFoldKeepsTheWindowInOrder(t *testing.T) {
	var s State
	for i := range int64(3 * Window) {
		s.Fold(Signal{Offset: i * 2})
	}
	got := s.Signals()
	if len(got) != Window || got[0].Offset != 2*2*Window || got[Window-1].Offset != 2*(3*Window-1) {
		t.Fatalf("%d signals from %d to %d", len(got), got[0].Offset, got[len(got)-1].Offset)
	}
}

func TestFoldTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offsets := rapid.SliceOfN(rapid.Int64Range(0, 40), 1, 60).Draw(t, "offsets")
		var once, twice State
		for _, o := range offsets {
			once.Fold(Signal{Offset: o})
			twice.Fold(Signal{Offset: o})
			twice.Fold(Signal{Offset: o})
		}
		if diff := cmp.Diff(once.Signals(), twice.Signals()); diff != "" {
			t.Fatal(diff)
		}
		for i := 1; i < len(once.Signals()); i++ {
			if once.Signals()[i-1].Offset >= once.Signals()[i].Offset {
				t.Fatal("not in order")
			}
		}
	})
}

func TestReplaySeesOnlyWhatWasBefore(t *testing.T) {
	var s State
	for _, o := range []int64{3, 5, 9} {
		s.Fold(Signal{Offset: o})
	}
	for offset, want := range map[int64]int{0: 0, 3: 0, 4: 1, 5: 1, 9: 2, 10: 3} {
		before := s.Before(offset)
		if got := len(before.Signals()); got != want {
			t.Errorf("before %d: %d signals, want %d", offset, got, want)
		}
	}
}

func FuzzSignal(f *testing.F) {
	b, _ := (&Signal{Offset: 7, Fragment: "0123", MessageID: "m"}).AppendBinary(nil)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again Signal
		if s.UnmarshalBinary(b) != nil {
			return
		}
		out, _ := s.AppendBinary(nil)
		if err := again.UnmarshalBinary(out); err != nil {
			t.Fatal(err)
		}
		back, _ := again.AppendBinary(nil)
		if !bytes.Equal(out, back) {
			t.Fatalf("% x became % x", out, back)
		}
	})
}
