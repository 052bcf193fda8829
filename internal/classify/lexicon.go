package classify

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

//go:embed lexicon/words/*.tsv
var wordFiles embed.FS

// concept is what a word is about, whatever its language: "phone", "outside", "pay".
type concept uint8

// conceptHit is a place in the message where a concept is named.
type conceptHit struct {
	concept    concept
	start, end int // tokens
}

// lexicon finds the concepts that a message names. It is immutable.
type lexicon struct {
	names []string             // by concept
	forms map[uint64][]concept // sequence hash of whole tokens
	stems map[uint64][]concept // sequence hash whose last word is cut to the stem
	first map[uint64]uint8     // token hash -> longest sequence that begins with it
	short int                  // runes of the shortest stem
}

// loadLexicon reads the word files; its error lists every fault as file:line: problem.
func loadLexicon() (*lexicon, error) {
	x := &lexicon{forms: map[uint64][]concept{}, stems: map[uint64][]concept{}, first: map[uint64]uint8{}, short: 99}
	files, err := wordFiles.ReadDir("lexicon/words")
	if err != nil {
		return nil, err
	}
	var faults []string
	for _, f := range files {
		src, err := wordFiles.ReadFile(path.Join("lexicon/words", f.Name()))
		if err != nil {
			return nil, err
		}
		for n, line := range strings.Split(string(src), "\n") {
			if line == "" || line[0] == '#' {
				continue
			}
			if err := x.add(strings.TrimSuffix(f.Name(), ".tsv"), line); err != nil {
				faults = append(faults, fmt.Sprintf("%s:%d: %v", f.Name(), n+1, err))
			}
		}
	}
	if faults != nil {
		return nil, fmt.Errorf("lexicon:\n%s", strings.Join(faults, "\n"))
	}
	return x, nil
}

// add reads one line: concept, tab, forms.
func (x *lexicon) add(lang, line string) error {
	name, forms, ok := strings.Cut(line, "\t")
	if !ok {
		return fmt.Errorf("want concept, tab, forms")
	}
	c := x.concept(name)
	var f folded
	for form := range strings.SplitSeq(forms, "|") {
		form = strings.TrimSpace(form)
		if form == "" {
			continue
		}
		stem := strings.HasSuffix(form, "*")
		f.fold(strings.TrimSuffix(form, "*"))
		x.form(&f, stem || lang == "ko", c)
	}
	return nil
}

// concept is the concept of that name, made when it is new.
func (x *lexicon) concept(name string) concept {
	i := slices.Index(x.names, name)
	if i < 0 {
		i = len(x.names)
		x.names = append(x.names, name)
	}
	return concept(i)
}

func (x *lexicon) form(f *folded, stem bool, c concept) {
	toks := tokenize(f, nil, nil)
	if len(toks) == 0 {
		return
	}
	seq := uint64(0)
	for _, t := range toks {
		seq = mix(seq*3 ^ t.hash)
	}
	into := x.forms
	if stem && toks[len(toks)-1].kind == wordToken {
		into = x.stems
		last := toks[len(toks)-1]
		x.short = min(x.short, utf8.RuneCount(f.text[last.start:last.end]))
	}
	if !slices.Contains(into[seq], c) {
		into[seq] = append(into[seq], c)
	}
	key := toks[0].hash
	if len(toks) == 1 && stem {
		return // single stems are tried for every word
	}
	x.first[key] = max(x.first[key], uint8(min(len(toks), 12)))
}

// find appends the concepts that the tokens name, in the order of their first token. Longer forms come first;
// shorter ones inside them are named too.
func (x *lexicon) find(text []byte, toks []token, dst []conceptHit) []conceptHit {
	for i, t := range toks {
		if n, ok := x.first[t.hash]; ok {
			seq := uint64(0)
			for k := 0; k < int(n) && i+k < len(toks); k++ {
				u := toks[i+k]
				if k > 0 && u.kind == wordToken {
					dst = x.stem(text, u, seq, i, i+k+1, dst)
				}
				seq = mix(seq*3 ^ u.hash)
				for _, c := range x.forms[seq] {
					dst = append(dst, conceptHit{c, i, i + k + 1})
				}
			}
		}
		if t.kind == wordToken {
			dst = x.stem(text, t, 0, i, i+1, dst)
		}
	}
	return dst
}

// stem tries every beginning of the word as the last word of a sequence.
func (x *lexicon) stem(text []byte, t token, seq uint64, start, end int, dst []conceptHit) []conceptHit {
	h := uint64(14695981039346656037)
	runes := 0
	for k := t.start; k < t.end; k++ {
		h = (h ^ uint64(text[k])) * 1099511628211
		if k+1 < t.end && !utf8.RuneStart(text[k+1]) {
			continue
		}
		if runes++; runes < x.short {
			continue
		}
		for _, c := range x.stems[mix(seq*3^mix(h))] {
			dst = append(dst, conceptHit{c, start, end})
		}
	}
	return dst
}
