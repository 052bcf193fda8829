package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"mvdan.cc/xurls/v2"
)

// patterns are those that worker bench --compare matches with.
func patterns(list []string) (func(string) bool, error) {
	var all []*regexp.Regexp
	for _, p := range list {
		x, err := regexp.Compile(p)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return func(text string) bool {
		return slices.ContainsFunc(all, func(x *regexp.Regexp) bool { return x.MatchString(text) })
	}, nil
}

// regions are the countries that a number without a country code is tried in.
var regions = []string{"US", "GB", "IN", "PK", "PH", "BR", "ES", "DE"}

// contacts finds links and addresses with xurls, and telephone numbers with phonenumbers.
func contacts() func(string) bool {
	links := xurls.Relaxed()
	digits := regexp.MustCompile(`\+?\(?\d[\d ().\-/]{5,}\d`)
	return func(text string) bool {
		return links.MatchString(text) || slices.ContainsFunc(digits.FindAllString(text, -1), isPhone)
	}
}

func isPhone(digits string) bool {
	return slices.ContainsFunc(regions, func(region string) bool {
		n, err := phonenumbers.Parse(digits, region)
		return err == nil && phonenumbers.IsValidNumber(n)
	})
}

// lexicons is one regular expression of all names of tools and of all hosts in the worker's lexicons, but for those that are ordinary words
// too, beside the forms of addresses and numbers.
func lexicons(dir string) (func(string) bool, error) {
	names, err := column(filepath.Join(dir, "tools.tsv"), 2, func(col []string) bool {
		return col[4] == "strong" && slices.Contains([]string{"messaging", "social", "meeting", "payment"}, col[0])
	})
	if err != nil {
		return nil, err
	}
	hosts, err := column(filepath.Join(dir, "hosts.tsv"), 2, func(col []string) bool {
		return slices.Contains([]string{"contact", "meeting", "payment"}, col[0])
	})
	if err != nil {
		return nil, err
	}
	all := append(names, hosts...)
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for i := range all {
		all[i] = regexp.QuoteMeta(all[i])
	}
	x, err := regexp.Compile(`(?i)(?:^|[^\pL\pN])(?:` + strings.Join(slices.Compact(all), "|") + `)(?:[^\pL\pN]|$)`)
	if err != nil {
		return nil, err
	}
	mail := regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	phone := regexp.MustCompile(`(?:\+|\b)\d(?:[ ().-]{0,2}\d){7,14}\b`)
	return func(text string) bool {
		return mail.MatchString(text) || phone.MatchString(text) || x.MatchString(text)
	}, nil
}

// column is one column of those rows of a lexicon that are wanted.
func column(name string, n int, want func(col []string) bool) (out []string, err error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read lexicon: %w", err)
	}
	for line := range strings.Lines(string(src)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if col := strings.Split(line, "\t"); len(col) > n && want(col) {
			out = append(out, col[n])
		}
	}
	return out, nil
}
