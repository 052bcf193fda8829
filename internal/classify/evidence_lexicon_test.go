package classify

import (
	"io/fs"
	"strings"
	"testing"
)

func TestEvidenceLexiconFiles(t *testing.T) {
	x, err := loadEvidenceLexicon()
	if err != nil {
		t.Fatal(err)
	}
	if len(x.langs) >= 128 {
		t.Errorf("%d languages do not fit the counters of language", len(x.langs))
	}
	for name, least := range map[string]int{"numbers": 3000, "symbols": 900, "tools": 600, "hosts": 400, "contexts": 500} {
		src, err := fs.ReadFile(lexicons(), "lexicon/"+name+".tsv")
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(src), "\n"); n < least {
			t.Errorf("%s has %d rows, want %d", name, n, least)
		}
	}
}

func TestEvidenceLexiconFaults(t *testing.T) {
	b := newLexiconBuilder()
	for name, row := range map[string]func() error{
		"number": func() error { return b.number([]string{"en", "one", "x", "digit"}) },
		"kind":   func() error { return b.number([]string{"en", "one", "1", "finger"}) },
		"symbol": func() error { return b.symbol([]string{"atom", "at", "en", "weak"}) },
		"tool":   func() error { return b.tool([]string{"messaging", "a", "a", "*", "mighty"}) },
		"host":   func() error { return b.host([]string{"evil", "a", "a.com"}) },
		"short":  func() error { return b.context([]string{"unit"}) },
	} {
		if row() == nil {
			t.Errorf("%s: a wrong row is taken", name)
		}
	}
}

func TestConfusablesFile(t *testing.T) {
	tab := foldTables()
	rows := 0
	for line := range strings.Lines(confusablesData) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		rows++
		col := strings.Split(line, "\t")
		if len(col) != 3 || col[1] == "" || len(col[2]) == 0 {
			t.Errorf("row %q", line)
			continue
		}
		for _, c := range []byte(col[1]) {
			if c >= 0x80 {
				t.Errorf("row %q: not to ASCII", line)
			}
		}
	}
	if rows < 400 || len(tab.symbols) < 50 {
		t.Errorf("%d rows, %d symbols", rows, len(tab.symbols))
	}
	if !strings.Contains(confusablesData, "Unicode License") {
		t.Error("the licence is not named")
	}
}

// TestKnownWordsAreFound holds the short cut through the hash of words against the walk through the trie.
func TestKnownWordsAreFound(t *testing.T) {
	x := testExtractor()
	for _, w := range []string{"whatsapp", "telegramda", "gmail", "paper plane app", "w/app", "what's app", "zero", "seventeen", "at", "t.me", "big g mail", "hotmail", "veintiuno", "9ine", "x", "plainly", "colours"} {
		text := []byte(w + " ")
		p, _ := x.scan(text, nil)
		end, list := x.longest(text, 0)
		if p[0].list != list || list != 0 && int(p[0].b) != end {
			t.Errorf("%q: scan finds list %d to %d, the trie %d to %d", w, p[0].list, p[0].b, list, end)
		}
	}
}
