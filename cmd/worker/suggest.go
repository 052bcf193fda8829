package main

import (
	"fmt"
	"strings"
)

// didYouMean is "; did you mean …?" with the word that is nearest to a misspelt or unfinished one; empty where none is near.
func didYouMean(word string, known []string) string {
	best, distance := "", len(word)/3+2
	for _, k := range known {
		d := editDistance(word, k)
		if len(word) >= 3 && strings.HasPrefix(k, word) {
			d = 1
		}
		if d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours that make b of a.
func editDistance(a, b string) int {
	before, last, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(last[j]+cost, last[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(b)]
}
