package classify_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"onside"
	"onside/internal/classify"
)

// someTalks are conversations of the corpus, about one in so many.
func someTalks(t testing.TB, each int) [][]classify.Message {
	events, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	var talks [][]classify.Message
	n := 0
	for i := range events {
		if i == 0 || events[i].ConversationID != events[i-1].ConversationID {
			if n++; n%each == 0 {
				talks = append(talks, nil)
			}
		}
		if n%each == 0 {
			talks[len(talks)-1] = append(talks[len(talks)-1], events[i].Message)
		}
	}
	return talks
}

// TestSecondReader reads conversations with the second reader off, for what is doubtful, and always: off it has no say; what it reads while some is
// doubtful it reads always, with the same result; what is not doubtful is decided as without it; and the signals are those of the first reader.
func TestSecondReader(t *testing.T) {
	c := classify.Default()
	modes := []*classify.Classifier{c.Rereading(classify.RereadNone), c, c.Rereading(classify.RereadAll)}
	var read, moved int
	for _, talk := range someTalks(t, 60) {
		var res [3]classify.Result
		var held [3]classify.Talk
		for i := range talk {
			for k, mode := range modes {
				mode.Next(&talk[i], &held[k], &res[k])
			}
			off, auto, always := &res[0], &res[1], &res[2]
			switch {
			case off.Reader != classify.First:
				t.Errorf("%s: the second reader is off and has read", talk[i].EventID)
			case auto.Reader == classify.Second:
				read++
				if always.Reader != classify.Second || !reflect.DeepEqual(auto.Findings, always.Findings) {
					t.Errorf("%s: reread as doubtful and as ever it has other findings", talk[i].EventID)
				}
				if !sameFindings(auto.Findings, off.Findings) {
					moved++
				}
			case !sameFindings(auto.Findings, off.Findings):
				t.Errorf("%s: was not reread, and has other findings than without a second reader", talk[i].EventID)
			}
			for k := range res {
				res[k].Signal.Reread = false
			}
			if off.Signal != auto.Signal || off.Signal != always.Signal {
				t.Errorf("%s: the second reader changes the signal", talk[i].EventID)
			}
		}
	}
	if read == 0 || moved == 0 {
		t.Errorf("%d messages reread, %d of them with other findings: the test tests nothing", read, moved)
	}
}

// TestRereadTwice reads a conversation again from a message on, as after a crash: the same is read, with the same result, by a worker that remembers what
// it has encoded as by one that does not.
func TestRereadTwice(t *testing.T) {
	c := classify.Default()
	var space classify.Workspace
	for _, talk := range someTalks(t, 300) {
		var res, again classify.Result
		again.Remember(1 << 20)
		again.Borrow(&space)
		var held classify.Talk
		for i := range talk {
			from := held.Clone()
			c.Next(&talk[i], &held, &res)
			c.Next(&talk[i], from, &again)
			if res.Reader != again.Reader || res.Signal != again.Signal || !sameFindings(res.Findings, again.Findings) {
				t.Fatalf("%s: read again it is otherwise", talk[i].EventID)
			}
		}
	}
}

// TestRereadBudget sends a doubtful message over and over: the second reader reads no more of a conversation than its budget, says of the rest that they
// were skipped, and reads again when the earlier ones have left the window.
func TestRereadBudget(t *testing.T) {
	c := classify.Default().Rereading(classify.RereadAll)
	var talk classify.Talk
	var res classify.Result
	var read, skipped []int
	for i := range 2 * classify.Window {
		c.Next(&classify.Message{SenderID: "f", SenderRole: "freelancer", Text: "write me on the green app " + strings.Repeat("x", i%3), Offset: int64(i)}, &talk, &res)
		switch {
		case res.Skipped:
			skipped = append(skipped, i)
			if res.Reader != classify.First {
				t.Fatalf("message %d was skipped and read", i)
			}
		case res.Reader == classify.Second:
			read = append(read, i)
		}
	}
	window := func(at []int) int {
		most := 0
		for i := range at {
			n := 0
			for _, k := range at[i:] {
				if k-at[i] < classify.Window {
					n++
				}
			}
			most = max(most, n)
		}
		return most
	}
	if n := window(read); n != classify.RereadBudget {
		t.Errorf("%d messages of a window were reread, want %d", n, classify.RereadBudget)
	}
	if len(skipped) == 0 || !slices.ContainsFunc(read, func(i int) bool { return i > skipped[0] }) {
		t.Errorf("reread %v, skipped %v", read, skipped)
	}
}

func TestSecondReaderReadsNoPlatform(t *testing.T) {
	c := classify.Default().Rereading(classify.RereadAll)
	for _, m := range []classify.Message{
		{SenderRole: "system", Text: "never share your WhatsApp"},
		{SenderRole: "support", Text: "write to help at example dot com"},
		{SenderRole: "client", Kind: classify.Deleted, Text: "my whatsapp is +44 7911 234567"},
	} {
		var talk classify.Talk
		var res classify.Result
		if c.Next(&m, &talk, &res); res.Reader != classify.First || len(res.Findings) > 0 {
			t.Errorf("%+v: %v", m, res.Findings)
		}
	}
}
