package mutate

import (
	"regexp"
	"slices"
	"strings"
)

var (
	emailForm  = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	linkForm   = regexp.MustCompile(`\S*(?:://|\.[A-Za-z]{2,}/)\S*`)
	phoneForm  = regexp.MustCompile(`\+?\(?[0-9][0-9 ().\-/]{5,}[0-9]`)
	handleForm = regexp.MustCompile(`@[A-Za-z][A-Za-z0-9_.]{2,}[A-Za-z0-9_]|[A-Za-z][A-Za-z0-9.]*_[A-Za-z0-9_.]*[A-Za-z0-9]|[A-Za-z]{4,}[0-9]{1,4}`)
	appForm    = regexp.MustCompile(`(?i)whats ?app|telegram|skype|discord|viber|wechat|instagram|snapchat|messenger|signal|facebook`)
	numberForm = regexp.MustCompile(`[0-9][0-9.,]*[0-9]`)
)

// Find is the evidence in the open that a text holds, from left to right.
func Find(text string) []Target {
	var out []Target
	out = appendForm(out, text, Email, emailForm, anyText)
	taken := linkForm.FindAllStringIndex(text, -1)
	out = slices.DeleteFunc(out, func(t Target) bool { return overlaps(taken, t.Start, t.End) })
	for _, t := range out {
		taken = append(taken, []int{t.Start, t.End})
	}
	for _, f := range []struct {
		kind Kind
		form *regexp.Regexp
		keep func(string) bool
	}{{Phone, phoneForm, isPhone}, {App, appForm, anyText}, {Handle, handleForm, anyText}} {
		for _, t := range appendForm(nil, text, f.kind, f.form, f.keep) {
			if !overlaps(taken, t.Start, t.End) {
				out, taken = append(out, t), append(taken, []int{t.Start, t.End})
			}
		}
	}
	slices.SortFunc(out, func(a, b Target) int { return a.Start - b.Start })
	return out
}

// Numbers are the numbers of two to twelve digits in a text of which it is known that it holds no contact. Groups of a longer number are none.
func Numbers(text string) []Target {
	all := appendForm(nil, text, Number, numberForm, func(s string) bool { return len(onlyDigits(s)) <= 12 })
	return slices.DeleteFunc(all, func(t Target) bool {
		return t.Start > 1 && digit(text[t.Start-2]) || t.End+1 < len(text) && digit(text[t.End+1])
	})
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// appendForm appends what has the form and stands on its own: no letter or digit goes on before or after it.
func appendForm(dst []Target, text string, k Kind, form *regexp.Regexp, keep func(string) bool) []Target {
	for _, m := range form.FindAllStringIndex(text, -1) {
		if keep(text[m[0]:m[1]]) && (m[0] == 0 || !wordy(text[m[0]-1])) && (m[1] == len(text) || !wordy(text[m[1]])) {
			dst = append(dst, Target{k, m[0], m[1]})
		}
	}
	return dst
}

func wordy(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '@'
}

func anyText(string) bool { return true }

func isPhone(s string) bool {
	n := len(onlyDigits(s))
	return n >= 7 && n <= 15
}

func overlaps(taken [][]int, a, b int) bool {
	return slices.ContainsFunc(taken, func(t []int) bool { return a < t[1] && t[0] < b })
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}
