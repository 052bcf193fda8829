package onside

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// WriteTable writes the report for people to read, four decimals everywhere, so that two of them can be compared by diff.
func (r *Report) WriteTable(w io.Writer) error {
	b := bufio.NewWriter(w)
	c := r.Review
	fmt.Fprintf(b, "review   precision %.4f  recall %.4f  F1 %.4f   (tp %d fp %d fn %d tn %d)\n",
		c.Precision(), c.Recall(), c.F1(), c.TP, c.FP, c.FN, c.TN)
	fmt.Fprintf(b, "remind   found %d/%d (as review %d); reminders on none %d\n",
		r.Remind.Found, r.Remind.Of, r.Remind.AsReview, r.Remind.OnNone)
	fmt.Fprintf(b, "none     false review rate %.4f (%d/%d)\n", ratio(c.FP, c.FP+c.TN), c.FP, c.FP+c.TN)
	if p := r.Pairs; p.Of > 0 {
		fmt.Fprintf(b, "pairs    told apart %d/%d (%.4f)\n", p.Apart, p.Of, ratio(p.Apart, p.Of))
	}
	fmt.Fprintf(b, "events   %d, without a verdict %d\n", r.Events, r.Missing)
	writeSlices(b, "category", r.ByCategory, false)
	writeSlices(b, "obfuscation", r.ByObfuscation, true)
	writeSlices(b, "language", r.ByLanguage, false)
	writeSlices(b, "intent", r.ByIntent, false)
	writeSlices(b, "file", r.ByFile, false)
	writeSlices(b, "length", r.ByLength, false)
	return b.Flush()
}

func writeSlices(w io.Writer, title string, slices []Slice, recallOnly bool) {
	if len(slices) == 0 {
		return
	}
	width := utf8.RuneCountInString("by ") + utf8.RuneCountInString(title)
	for _, s := range slices {
		width = max(width, utf8.RuneCountInString(s.Name))
	}
	fmt.Fprintf(w, "\n%-*s  %9s  %6s  %6s  %6s %5s %5s\n", width, "by "+title, "precision", "recall", "F1", "tp", "fp", "fn")
	for _, s := range slices {
		precision, f1 := figure(s.Precision(), s.TP+s.FP), figure(s.F1(), s.TP+s.FN)
		if recallOnly {
			precision, f1 = "-", "-"
		}
		fmt.Fprintf(w, "%-*s  %9s  %6s  %6s  %6d %5d %5d\n", width, s.Name, precision, figure(s.Recall(), s.TP+s.FN), f1, s.TP, s.FP, s.FN)
	}
}

// figure is a ratio to four decimals; a dash where nothing was counted.
func figure(v float64, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4f", v)
}

// WriteMisses writes the first n misses, one a line.
func (r *Report) WriteMisses(w io.Writer, n int) error {
	b := bufio.NewWriter(w)
	for _, m := range r.Misses[:min(n, len(r.Misses))] {
		e, kind := &m.Event, "MISS "
		if m.False {
			kind = "FALSE"
		}
		fmt.Fprintf(b, "%s %s:%d %s %s %s %q [%s] %s -> %s [%s]\n", kind, e.File, e.Line, e.EventID, e.Stage, e.SenderRole,
			e.Text, strings.Join(e.Label.Categories, ","), strings.Join(e.Label.Obfuscation, ","), m.Verdict.Action,
			strings.Join(m.Verdict.Categories, ","))
	}
	return b.Flush()
}
