package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"onside/internal/mutate"
)

// tried counts what became of the mutants of one kind of evidence.
type tried struct {
	Of    int `json:"of"`
	Found int `json:"found"`
	Seen  int `json:"seen"`
	Right int `json:"right"`
}

func (t *tried) add(o outcome) {
	t.Of++
	for _, c := range [...]struct {
		n  *int
		is bool
	}{{&t.Found, o.found}, {&t.Seen, o.seen}, {&t.Right, o.right}} {
		if c.is {
			*c.n++
		}
	}
}

// mutationRow counts a disguise, by the kind of evidence that wears it and over all contacts.
type mutationRow struct {
	Family  string                 `json:"family,omitempty"`
	Variant string                 `json:"variant,omitempty"`
	All     tried                  `json:"all"`
	Kinds   [mutate.NumKinds]tried `json:"kinds"` // phone, e-mail, handle, app, number
}

// mutationReport says which disguises get through, and what they cost in innocent text.
//
// A contact counts as found when a reviewer sees it, as seen when a detector is sure of it, as right when the finding gives it in its canonical form. The
// difference between seen and found is the network's, that between all and seen the decoders'.
type mutationReport struct {
	Model    string        `json:"model"`
	Policy   string        `json:"policy"`
	Seed     uint64        `json:"seed"`
	Plain    mutationRow   `json:"plain"`    // the same messages before they were disguised
	Families []mutationRow `json:"families"` // of the labelling guide
	Variants []mutationRow `json:"variants"`
	Misses   []missed      `json:"-"`
}

// missed is a contact that got through, or an innocent number that did not.
type missed struct {
	subject *subject
	mutant  mutate.Mutant
	outcome outcome
}

func newMutationReport(s *setup, opt mutationOptions) *mutationReport {
	return &mutationReport{Model: s.model.Version(), Policy: s.policy.Version(), Seed: opt.seed}
}

func (r *mutationReport) count(s *subject, m mutate.Mutant, o outcome) {
	if o.found == s.innocent {
		r.Misses = append(r.Misses, missed{s, m, o})
	}
	if m.Family == "" {
		r.Plain.add(s, o)
		return
	}
	row(&r.Families, m.Family, "").add(s, o)
	row(&r.Variants, m.Family, m.Variant).add(s, o)
}

func (m *mutationRow) add(s *subject, o outcome) {
	m.Kinds[s.target.Kind].add(o)
	if !s.innocent {
		m.All.add(o)
	}
}

func row(rows *[]mutationRow, family, variant string) *mutationRow {
	i := slices.IndexFunc(*rows, func(m mutationRow) bool { return m.Family == family && m.Variant == variant })
	if i < 0 {
		i = len(*rows)
		*rows = append(*rows, mutationRow{Family: family, Variant: variant})
	}
	return &(*rows)[i]
}

// sort puts the rows in the order of their names, so that two reports can be compared by diff.
func (r *mutationReport) sort() *mutationReport {
	for _, rows := range [][]mutationRow{r.Families, r.Variants} {
		slices.SortFunc(rows, func(a, b mutationRow) int {
			return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Variant, b.Variant))
		})
	}
	return r
}

// writeTable writes the report for people.
func (r *mutationReport) writeTable(out io.Writer) error {
	b := bufio.NewWriter(out)
	b.WriteString("recall of disguised contacts: found by a reviewer, seen by a detector, read right;\n" +
		"found by what is disguised; and false reviews of innocent numbers written so\n\n")
	writeMutations(b, "family", append([]mutationRow{r.plain()}, r.Families...), false)
	b.WriteByte('\n')
	writeMutations(b, "family, variant", r.Variants, true)
	return b.Flush()
}

func (r *mutationReport) plain() mutationRow {
	p := r.Plain
	p.Family = "(plain)"
	return p
}

func writeMutations(w io.Writer, title string, rows []mutationRow, variants bool) {
	names, width := make([]string, len(rows)), len(title)
	for i, m := range rows {
		if names[i] = m.Family; variants {
			names[i] += ", " + m.Variant
		}
		width = max(width, utf8.RuneCountInString(names[i]))
	}
	fmt.Fprintf(w, "%-*s %6s %6s %6s %6s  %6s %6s %6s %6s  %6s %6s\n", width, title, "of", "found", "seen", "right", "phone", "e-mail", "handle", "app", "of", "false")
	for i, m := range rows {
		fmt.Fprintf(w, "%-*s %6d %6s %6s %6s ", width, names[i], m.All.Of, share(m.All.Found, m.All.Of), share(m.All.Seen, m.All.Of), share(m.All.Right, m.All.Of))
		for _, k := range []mutate.Kind{mutate.Phone, mutate.Email, mutate.Handle, mutate.App} {
			fmt.Fprintf(w, " %6s", share(m.Kinds[k].Found, m.Kinds[k].Of))
		}
		n := m.Kinds[mutate.Number]
		fmt.Fprintf(w, "  %6d %6s\n", n.Of, share(n.Found, n.Of))
	}
}

// share is a part of a whole to three decimals; a dash where there is no whole.
func share(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(n)/float64(of))
}

// writeMisses writes the first n misses, one a line.
func (r *mutationReport) writeMisses(out io.Writer, n int) error {
	b := bufio.NewWriter(out)
	for _, m := range r.Misses[:min(n, len(r.Misses))] {
		kind, seen := "MISS ", "unseen"
		if m.subject.innocent {
			kind = "FALSE"
		}
		if m.outcome.seen {
			seen = "seen"
		}
		var lines []string
		for _, l := range m.mutant.Lines {
			lines = append(lines, l.Text)
		}
		fmt.Fprintf(b, "%s %s, %s [%s] %s %s %q\n", kind, cmp.Or(m.mutant.Family, "(plain)"), m.mutant.Variant, m.subject.target.Kind, seen,
			m.subject.event.EventID, strings.Join(lines, " ⏎ "))
	}
	return b.Flush()
}

func (c *cli) mutationsJSON(r *mutationReport) error {
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
