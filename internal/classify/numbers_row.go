package classify

// Number words of one language that nobody says one after the other but to dictate; in English, whose homophones are everywhere, it takes more.
const (
	longRow        = 6
	longEnglishRow = 8
)

// inRow reports whether the items are a long row of number words of one language, perhaps with digits among them, and not in order: though each of
// them may be an ordinary word, together they are none.
func inRow(items []numeral) bool {
	if len(items) < longRow {
		return false
	}
	var seen [10]bool
	lang, values, lits, rare := int16(-1), 0, 0, 0
	for i, n := range items {
		switch {
		case i > 0 && n.gap > gapComma:
			return false
		case n.lit:
			lits++
			continue
		case n.lang < 0, lang >= 0 && n.lang != lang:
			return false
		}
		lang = n.lang
		if n.kind == termDigit && !seen[n.val] {
			seen[n.val] = true
			values++
		}
		if n.weak && n.val != 0 && n.val != 2 && n.val != 4 { // "won", "ate": anything but "oh", "to" and "for"
			rare++
		}
	}
	if lang == 0 {
		return len(items) >= longEnglishRow && values >= 5 && lits == 0 && rare >= 2
	}
	return values >= 4
}

// closeWords counts the weak number words that stand in rows of three and more without a space, as in Chinese and Korean, or are emoji; and
// all in a long row of one language.
func closeWords(items []numeral) int {
	total, row := 0, 0
	if inRow(items) {
		for _, n := range items {
			if n.weak {
				total++
			}
		}
		return total
	}
	for i := 0; i <= len(items); i++ {
		if i < len(items) && items[i].weak && !items[i].lit && (row == 0 || items[i].gap == gapNone) {
			row++
			continue
		}
		if row >= 3 {
			total += row
		}
		row = 0
		if i < len(items) && items[i].weak && !items[i].lit {
			row = 1
		}
	}
	return total
}

// trimRow drops from the ends of a long row what is no digit, and a single word that is rather "for" and "to" than 4 and 2.
func trimRow(items []numeral) []numeral {
	loose := func(i, next int) bool {
		n := items[i]
		return !n.lit && (n.kind == termAnd || n.kind == termTimes || n.weak && n.lang == 0 && !items[next].weak && (n.val == 2 || n.val == 4))
	}
	for len(items) > 1 && loose(0, 1) {
		items = items[1:]
	}
	for n := len(items); n > 1 && loose(n-1, n-2); n-- {
		items = items[:n-1]
	}
	return items
}
