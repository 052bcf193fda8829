package classify

import (
	"slices"
	"testing"
)

// A contact in pieces is cited where each piece stands, whoever says what between them.
func TestSplitIsCited(t *testing.T) {
	c := shipped()
	for _, x := range []struct {
		name       string
		says       []string // sender, a space, text; the last one completes
		of         Category
		cited      []string
		normalized string
	}{
		{"number", []string{"f my number starts with 07911", "c which finish do you want, matt or gloss?", "f 234 then", "f and last 567"}, ContactPhone, []string{"a", "c", ""}, "+447911234567"},
		{"e-mail, its host alone", []string{"f first half of my mail: plumtree.dev", "c hm?", "f and the other half is at gmail dot com"}, ContactEmail, []string{"a", ""}, "plumtree.dev@gmail.com"},
		{"name", []string{"f half my telegram: copper", "c matt then", "f wren_1908. that's the other half"}, ContactHint, []string{"a", ""}, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			var s State
			var res Result
			for i, say := range x.says {
				m := Message{Offset: int64(i), MessageID: string(rune('a' + i)), SenderID: say[:1], SenderRole: "freelancer", Text: say[2:]}
				c.Classify(&m, &s, &res)
				s.Fold(res.Signal)
			}
			i := slices.IndexFunc(res.Findings, func(f Finding) bool { return f.Category == x.of })
			if i < 0 {
				t.Fatalf("found %+v, want %v", res.Findings, x.of)
			}
			var cited []string
			for _, sp := range res.Findings[i].Spans {
				cited = append(cited, sp.MessageID)
			}
			if !slices.Equal(cited, x.cited) || x.normalized != "" && res.Findings[i].Normalized != x.normalized {
				t.Errorf("%q in messages %q, want %q in %q", res.Findings[i].Normalized, cited, x.normalized, x.cited)
			}
		})
	}
}

// What is whole is no piece: a second contact does not cite the first.
func TestWholeIsNotCited(t *testing.T) {
	c := shipped()
	var s State
	var res Result
	for i, text := range []string{"my mail is plumtree.dev@gmail.com", "ok", "and my number is +44 7911 123456"} {
		m := Message{Offset: int64(i), MessageID: string(rune('a' + i)), SenderID: "f", SenderRole: "freelancer", Text: text}
		c.Classify(&m, &s, &res)
		s.Fold(res.Signal)
	}
	for _, f := range res.Findings {
		for _, sp := range f.Spans {
			if sp.MessageID != "" {
				t.Errorf("%v cites message %q", f.Category, sp.MessageID)
			}
		}
	}
}
