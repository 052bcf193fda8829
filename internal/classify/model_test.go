package classify

import (
	"errors"
	"testing"
)

// lines are a few conversations: the client's and the freelancer's messages in turn, "!" before those to review.
func examplesOf(conversations ...[]string) []Example {
	var out []Example
	for c, lines := range conversations {
		for i, text := range lines {
			e := Example{Message: Message{ConversationID: string(rune('a' + c)), SenderID: []string{"client", "freelancer"}[i%2],
				SenderRole: []string{"client", "freelancer"}[i%2], Text: text, Offset: int64(i)}, Label: Label{Action: "none"}}
			if text[0] == '!' {
				e.Text, e.Action, e.Categories, e.HasAct, e.Act = text[1:], "review", []Category{ChannelMessaging}, true, Propose
			}
			out = append(out, e)
		}
	}
	return out
}

func smallModel(t *testing.T) *Model {
	t.Helper()
	talk := [][]string{}
	for range 12 {
		talk = append(talk, []string{"can you draw a logo", "sure, in two days", "!add me on whatsapp", "!done, added you"},
			[]string{"can you fix the tap", "sure, on monday", "which tap do you have", "the blue one"})
	}
	var c Calibration
	for h := range c.calibration {
		c.calibration[h].Slope = 1
	}
	m, err := Train(examplesOf(talk...), c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTrainingIsDeterministic(t *testing.T) {
	a, b := smallModel(t), smallModel(t)
	if a.Version() != b.Version() {
		t.Errorf("two trainings gave the models %s and %s", a.Version(), b.Version())
	}
}

func TestModelSurvivesItsFile(t *testing.T) {
	want := smallModel(t)
	file, err := want.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseModel(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.Version() != want.Version() {
		t.Errorf("version %s, want %s", got.Version(), want.Version())
	}
	for i := range want.rows {
		if g := want.grams[i]; got.row(g) != int32(i) || got.rarity[i] != want.rarity[i] || got.rows[i] != want.rows[i] {
			t.Fatalf("row %d of gram %x is %+v at %d, want %+v", i, g, got.rows[i], got.row(g), want.rows[i])
		}
	}
	if got.row(12345) != -1 {
		t.Error("an unknown gram has a row")
	}
	for _, damage := range []func([]byte) []byte{
		func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		func(b []byte) []byte { return b[:len(b)-1] },
		func(b []byte) []byte { return b[:10] },
		func([]byte) []byte { return nil },
		func(b []byte) []byte { b[0] = 'x'; return b },
	} {
		if _, err := ParseModel(damage(append([]byte(nil), file...))); !errors.Is(err, ErrModel) {
			t.Errorf("damaged file: error %v", err)
		}
	}
}

func TestModelLearnsFromTheConversation(t *testing.T) {
	c, err := New(smallModel(t))
	if err != nil {
		t.Fatal(err)
	}
	score := func(lines ...string) float64 {
		var s State
		var res Result
		for i, text := range lines {
			who := []string{"client", "freelancer"}[i%2]
			c.Classify(&Message{SenderID: who, SenderRole: who, Text: text, Offset: int64(i)}, &s, &res)
			s.Fold(res.Signal)
		}
		if len(res.Findings) == 0 {
			return 0
		}
		return res.Findings[0].Score
	}
	asked, worked := score("add me on whatsapp", "done, added you"), score("which tap do you have", "the blue one")
	if asked < 0.5 || worked > 0.2 {
		t.Errorf("answer to a proposal %.2f, answer about work %.2f", asked, worked)
	}
}
