package onside

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestScoreByHand scores one case of everything.
func TestScoreByHand(t *testing.T) {
	r := Score(fixture(t))
	if want := (Counts{TP: 3, FP: 1, FN: 2, TN: 2}); r.Review != want {
		t.Errorf("review %+v, want %+v", r.Review, want)
	}
	if want := (Reminders{Found: 2, Of: 3, AsReview: 1, OnNone: 1}); r.Remind != want {
		t.Errorf("remind %+v, want %+v", r.Remind, want)
	}
	if r.Events != 13 || r.Missing != 1 {
		t.Errorf("%d events, %d missing, want 13 and 1", r.Events, r.Missing)
	}
	golden(t, "testdata/golden/score-table.txt", printed(t, r))
	golden(t, "testdata/golden/score.json", indented(t, r))
}

// TestScoreEqualsReference compares with every figure that score.py prints, on the fixture and on the
// corpus with verdicts that are made up.
func TestScoreEqualsReference(t *testing.T) {
	events, verdicts := fixture(t)
	t.Run("fixture", func(t *testing.T) { sameAsPython(t, events, verdicts) })
	corpus := mustCorpus(t)
	t.Run("corpus", func(t *testing.T) { sameAsPython(t, corpus, madeUp(corpus)) })
}

func TestScorePairs(t *testing.T) {
	none, review := Verdict{Action: "none"}, Verdict{Action: "review"}
	var r Reader
	r.Compact("pairs.txt", "# p-01a stage=pre_contract lang=en\nf: you on telegram? ## review contact.request request\nc: yep ## review channel.messaging comply\n\n"+
		"# p-01b stage=pre_contract lang=en\nf: you on shopify?\nc: yep\n\n# p-02a stage=pre_contract lang=en\nc: hi\n\n# p-02b stage=pre_contract lang=en\nc: hello\n")
	events, err := r.Events()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		a, b Verdict // of the two replies
		want Pairs
	}{
		{"both right", review, none, Pairs{Apart: 1, Of: 1}},
		{"one missed", none, none, Pairs{Of: 1}},
		{"one accused", review, review, Pairs{Of: 1}},
	} {
		got := Score(events, map[string]Verdict{"p-01a-02": c.a, "p-01b-02": c.b}).Pairs
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestPair(t *testing.T) {
	for id, want := range map[string]string{"d18-007a": "d18-007", "d18-007c": "d18-007", "d1-007": "d1-007", "abc": "abc", "": "", "a": "a", "7b": "7"} {
		if got := Pair(id); got != want {
			t.Errorf("Pair(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestScoreOfNothing(t *testing.T) {
	r := Score(nil, nil)
	if r.Review.F1() != 0 || r.Review.Precision() != 0 || r.Review.Recall() != 0 {
		t.Errorf("figures of nothing: %+v", r.Review.figures())
	}
	golden(t, "testdata/golden/score-nothing.txt", printed(t, r))
}

func fixture(t *testing.T) ([]Event, map[string]Verdict) {
	t.Helper()
	var r Reader
	r.Compact("score-events.txt", readFile(t, "testdata/golden/score-events.txt"))
	events, err := r.Events()
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]Verdict{}
	for line := range strings.Lines(readFile(t, "testdata/golden/score-verdicts.jsonl")) {
		var v struct {
			EventID    string `json:"event_id"`
			Action     string
			Categories []string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		verdicts[v.EventID] = Verdict{Action: v.Action, Categories: v.Categories}
	}
	return events, verdicts
}

// madeUp are verdicts that are mostly right, wrong in every way there is, and the same in every run.
func madeUp(events []Event) map[string]Verdict {
	out := map[string]Verdict{}
	for _, e := range events {
		h := fnv.New32a()
		h.Write([]byte(e.EventID))
		v := Verdict{Action: e.Label.Action, Categories: e.Label.Categories}
		switch h.Sum32() % 23 {
		case 0:
			v = Verdict{Action: "review", Categories: []string{"contact.phone"}}
		case 1:
			v = Verdict{Action: "none"}
		case 2:
			v = Verdict{Action: "remind", Categories: []string{"call.proposal"}}
		case 3:
			continue
		}
		out[e.EventID] = v
	}
	return out
}

// sameAsPython runs score.py on the events and verdicts and compares with the report in its form.
func sameAsPython(t *testing.T, events []Event, verdicts map[string]Verdict) {
	t.Helper()
	dir := t.TempDir()
	labelled, given := filepath.Join(dir, "labelled.jsonl"), filepath.Join(dir, "verdicts.jsonl")
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for id, v := range verdicts {
		if err := enc.Encode(map[string]any{"event_id": id, "action": v.Action, "categories": v.Categories}); err != nil {
			t.Fatal(err)
		}
	}
	write(t, labelled, marshalLines(t, events))
	write(t, given, lines.String())
	want := python(t, "testdata/corpus/score.py", labelled, given)
	if _, rest, ok := strings.Cut(want, "without a verdict"); ok {
		_, want, _ = strings.Cut(rest, "\n")
	}
	if diff := gocmp.Diff(figuresOf(want), figuresOf(inReferenceForm(Score(events, verdicts)))); diff != "" {
		t.Errorf("figures (-score.py +ours):\n%s", diff)
	}
}

// figuresOf are the figures that score.py prints, line by line; the order within a line is not compared, as
// score.py leaves that of slices of equal size to chance.
func figuresOf(printed string) [][]string {
	var out [][]string
	for line := range strings.Lines(printed) {
		words := strings.Split(strings.TrimSpace(line), "  ")
		slices.Sort(words)
		out = append(out, words)
	}
	return out
}

// inReferenceForm prints a report as score.py does.
func inReferenceForm(r *Report) string {
	var b strings.Builder
	list := func(title string, slices []Slice, form func(Slice) string) {
		var words []string
		for _, s := range slices {
			if form(s) != "" {
				words = append(words, form(s))
			}
		}
		fmt.Fprintf(&b, "by %s  %s\n", title, strings.Join(words, "  "))
	}
	found := func(s Slice) string {
		if s.TP+s.FN == 0 {
			return ""
		}
		return fmt.Sprintf("%s %d/%d", s.Name, s.TP, s.TP+s.FN)
	}
	list("category", r.ByCategory, found)
	list("obfuscation", r.ByObfuscation, found)
	list("language", r.ByLanguage, func(s Slice) string {
		if s.TP+s.FP+s.FN == 0 {
			return ""
		}
		return fmt.Sprintf("%s tp%d fp%d fn%d", s.Name, s.TP, s.FP, s.FN)
	})
	c := r.Review
	fmt.Fprintf(&b, "remind found %d/%d (as review %d); reminders on none %d; false review rate on none %d/%d\n",
		r.Remind.Found, r.Remind.Of, r.Remind.AsReview, r.Remind.OnNone, c.FP, c.FP+c.TN)
	fmt.Fprintf(&b, "review precision %.4f recall %.4f F1 %.4f  (tp %d fp %d fn %d tn %d)\n",
		c.Precision(), c.Recall(), c.F1(), c.TP, c.FP, c.FN, c.TN)
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		write(t, name, got)
	}
	if diff := gocmp.Diff(readFile(t, name), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func printed(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteMisses(&b, 10); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func indented(t *testing.T, r *Report) string {
	t.Helper()
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
