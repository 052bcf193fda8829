package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onside"
	"onside/internal/classify"
	"onside/internal/policy"
)

// explainCases are conversations in the compact format; the last message is explained.
var explainCases = map[string]string{
	"share": `# x stage=pre_contract lang=en
c: hi, I need a logo for my bakery
f: lovely! what style do you like?
c: easier to talk there, add me on telegram @crumb_kettle`,

	"disguised": `# x stage=pre_contract lang=en
c: can we talk before I book?
f: ｓure, ring me on oh seven nine one one, two three four, five six seven`,

	"split": `# x stage=pre_contract lang=en
c: where can I ring you?
f: my number starts 07911
c: ok, and then?
f: 234 567`,

	"yes": `# x stage=pre_contract lang=en
c: nice portfolio! are you on whatsapp?
f: yep`,

	"refusal": `# x stage=pre_contract lang=en
c: can we move to whatsapp?
f: sorry, no whatsapp, I keep everything on here`,

	"payment": `# x stage=active lang=en
f: the first draft is in the files
c: great. if you take paypal I send it there and we both save the fee`,
}

func explainCase(t *testing.T, name string) *inquest {
	t.Helper()
	r := talkReader{}
	events, err := compactEvents(name, strings.NewReader(explainCases[name]))
	if err != nil {
		t.Fatal(err)
	}
	talk, err := r.choose(name, events)
	if err != nil {
		t.Fatal(err)
	}
	return investigate(testModel(), policy.Default(), talk)
}

// TestExplainGolden shows what a person gets to see. After a new model: go test ./cmd/worker -run TestExplainGolden -update
func TestExplainGolden(t *testing.T) {
	for name := range explainCases {
		t.Run(name, func(t *testing.T) {
			got := newReportText(newReport(explainCase(t, name)), style{}, plainWidth)
			golden(t, "../../../testdata/golden/explain-"+name+".txt", got)
		})
	}
}

// TestExplainSchema writes down every field of the JSON and its type: whoever reads it sees in the diff what changes for them.
func TestExplainSchema(t *testing.T) {
	schema := map[string]string{}
	for name := range explainCases {
		var out bytes.Buffer
		c := &cli{out: &out, env: noEnv}
		if err := c.explain(newReport(explainCase(t, name)), true); err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(out.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		addTypes(t, schema, "", v)
	}
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(schema)) {
		fmt.Fprintf(&b, "%s %s\n", path, schema[path])
	}
	golden(t, "../../../testdata/golden/explain-schema.txt", b.String())
}

// addTypes adds the types of a JSON value by their path. A path has one type, and nothing is null.
func addTypes(t *testing.T, schema map[string]string, path string, v any) {
	t.Helper()
	kind := ""
	switch v := v.(type) {
	case nil:
		t.Errorf("%s is null", path)
	case map[string]any:
		for k, x := range v {
			addTypes(t, schema, path+"."+k, x)
		}
		return
	case []any:
		kind = "list"
		for _, x := range v {
			addTypes(t, schema, path+"[]", x)
		}
	default:
		kind = strings.TrimPrefix(fmt.Sprintf("%T", v), "float64")
		if kind == "" {
			kind = "number"
		}
	}
	if old, ok := schema[path]; ok && old != kind {
		t.Errorf("%s is a %s and a %s", path, old, kind)
	}
	schema[path] = kind
}

// TestFlipsHold makes every change that is said to flip a decision, and judges the whole conversation anew.
func TestFlipsHold(t *testing.T) {
	kinds := map[string]int{}
	for name := range explainCases {
		q := explainCase(t, name)
		for _, f := range q.flips.found {
			kinds[f.kind]++
			if got := changed(q, &f); got != f.action || got == q.decision.Action {
				t.Errorf("%s: %s: it is %s, and was %s", name, newFlip(q, &f).Words, got, q.decision.Action)
			}
		}
	}
	for _, k := range []string{flipWords, flipEarlier, flipStage} {
		if kinds[k] == 0 {
			t.Errorf("no case is flipped by %s", k)
		}
	}
}

// changed is the action on the last message after a change, judged from the first message on.
func changed(q *inquest, f *flip) policy.Action {
	var talk []classify.Message
	for i, m := range q.talk {
		if !slices.Contains(f.earlier, i) {
			talk = append(talk, m)
		}
	}
	last := &talk[len(talk)-1]
	for i := len(f.words) - 1; i >= 0; i-- {
		last.Text = withoutPieces(last.Text, f.words[i:i+1], []int{0})
	}
	if f.kind == flipStage {
		last.Stage = f.stage
	}
	j := newJudge(q.model, q.policy, 1)
	var d policy.Decision
	for i := range talk {
		d = j.decide(&talk[i])
	}
	return d.Action
}

func TestWithoutPieces(t *testing.T) {
	text := "add me, on telegram"
	pieces := []classify.Span{{Start: 0, End: 3}, {Start: 4, End: 6}, {Start: 6, End: 7}, {Start: 8, End: 10}, {Start: 11, End: 19}}
	for want, out := range map[string][]int{
		text:                nil,
		"me, on telegram":   {0},
		"add , on telegram": {1},
		"add me telegram":   {2, 3},
		"add me, on ":       {4},
		"add":               {1, 2, 3, 4},
	} {
		if got := withoutPieces(text, pieces, out); strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("without %v: %q, want %q", out, got, want)
		}
	}
}

// TestFewestAreLeftOut searches among things whose worth is known.
func TestFewestAreLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		worth []float64 // a review from 1 on
		want  []int
	}{
		"one is enough":               {[]float64{0.2, 0.9, 0.3}, []int{1}},
		"the one that leads furthest": {[]float64{0.3, 0.1, 0.8, 0.5}, []int{2}},
		"two":                         {[]float64{0.7, 0.8, 0.9}, []int{1, 2}},
		"all":                         {[]float64{1, 1, 1}, []int{0, 1, 2}},
		"none":                        {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := &retrial{inquest: &inquest{decision: policy.Decision{Action: policy.Review}}}
			out, _, ok := r.leaveOut(len(c.worth), func(out []int) verdictAgain {
				left := 0.0
				for i, w := range c.worth {
					if !slices.Contains(out, i) {
						left += w
					}
				}
				v := verdictAgain{review: classify.Odds{LogOdds: left}}
				if left >= 1 {
					v.action = policy.Review
				}
				return v
			})
			if diff := cmp.Diff(c.want, out); diff != "" || ok != (c.want != nil) {
				t.Errorf("left out (-want +got), ok %v:\n%s", ok, diff)
			}
		})
	}
}

// TestWhatWasNotNeededComesBack: the greatest worth comes first, and is not needed in the end.
func TestWhatWasNotNeededComesBack(t *testing.T) {
	r := &retrial{inquest: &inquest{decision: policy.Decision{Action: policy.Review}}}
	out, _, _ := r.leaveOut(3, func(out []int) verdictAgain {
		v := verdictAgain{action: policy.Review, review: classify.Odds{LogOdds: 10 - float64(len(out))}}
		if slices.Contains(out, 0) {
			v.review.LogOdds -= 5
		}
		if slices.Contains(out, 1) && slices.Contains(out, 2) {
			v.action = policy.None
		}
		return v
	})
	if diff := cmp.Diff([]int{1, 2}, out); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
}

// TestExplainReadsBothFormats gives one conversation in both.
func TestExplainReadsBothFormats(t *testing.T) {
	var labelled onside.Reader
	labelled.Compact("c.txt", explainCases["split"])
	events, err := labelled.Events()
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(line)
		lines.WriteString("\n")
	}
	code, compact, stderr := command(t, t.Context(), explainCases["split"], "explain", "-", "--json")
	if code != exitOK || stderr != "" {
		t.Fatalf("compact: exit %d, %s", code, stderr)
	}
	code, jsonl, stderr := command(t, t.Context(), lines.String(), "explain", "-", "--json")
	if code != exitOK || stderr != "" {
		t.Fatalf("JSON Lines: exit %d, %s", code, stderr)
	}
	if diff := cmp.Diff(compact, jsonl); diff != "" {
		t.Errorf("-compact +JSON Lines:\n%s", diff)
	}
}

func TestExplainIsSafeForTerminals(t *testing.T) {
	code, out, _ := command(t, t.Context(), "", "explain", "--text", "call \x1b[31m me \u202e on 07911 234567 \x07")
	if code != exitOK || strings.ContainsAny(out, "\x1b\x07\u202e") {
		t.Errorf("exit %d: %q", code, out)
	}
}
