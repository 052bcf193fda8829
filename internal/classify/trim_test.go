package classify

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// longTexts are as long as a record may be, and take much to read.
var longTexts = map[string]string{
	"words":     strings.Repeat("word ", 180_000),
	"numbers":   strings.Repeat("+92 300 1234567, ", 53_000),
	"addresses": strings.Repeat("a@b.co ", 128_000),
	"glyphs":    strings.Repeat("加", 300_000),
	"marks":     strings.Repeat("\u0301\u200b𝒶", 100_000),
}

// TestTrim has a Result take no more for a long text than its length allows, and little once it is trimmed: the second reader then reads as it would have.
func TestTrim(t *testing.T) {
	const most, rest = 45, 1 << 20
	c := Default().Rereading(RereadAll)
	for name, text := range longTexts {
		m := &Message{Text: text, SenderID: "s", SenderRole: "client", MessageID: "m"}
		var res, whole Result
		var s State
		c.Classify(m, &s, &whole)
		c.Classify(m, &s, &res)
		if n := footprint(reflect.ValueOf(&res)); n > most*len(text) {
			t.Errorf("%s: %d bytes for one of text", name, n/len(text))
		}
		res.Trim()
		if n := footprint(reflect.ValueOf(&res)); n > rest {
			t.Errorf("%s: %d bytes are left", name, n)
		}
		c.Reread(m, &s, nil, &res)
		c.Reread(m, &s, nil, &whole)
		if !reflect.DeepEqual(res.Findings, whole.Findings) || !reflect.DeepEqual(res.Signal, whole.Signal) {
			t.Errorf("%s: trimmed it has %+v, otherwise %+v", name, res.Findings, whole.Findings)
		}
	}
}

// footprint is how many bytes the slices have that can be reached from v. Strings, which are the text's, do not count.
func footprint(v reflect.Value) int {
	seen := map[uintptr]bool{}
	var of func(v reflect.Value) int
	of = func(v reflect.Value) (n int) {
		switch v.Kind() {
		case reflect.Pointer:
			if p := v.Pointer(); p != 0 && !seen[p] {
				seen[p] = true
				n = int(v.Type().Elem().Size()) + of(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				n += of(v.Field(i))
			}
		case reflect.Slice:
			n = v.Cap() * int(v.Type().Elem().Size())
		}
		return n
	}
	return of(v)
}

// TestFeaturesInParts reads texts whose grams are made in parts: their features are those of all their grams, those of what stands across a border too.
func TestFeaturesInParts(t *testing.T) {
	c := Default()
	var s State
	var res Result
	for name, text := range map[string]string{
		"talk":   strings.Join(corpusTexts(t, 101), "\n"),
		"glyphs": strings.Repeat("ok ", gramsAtOnce-1) + "微信" + strings.Repeat(" ok", gramsAtOnce),
	} {
		c.Classify(&Message{SenderRole: "client", Text: text}, &s, &res)
		d := &res.view
		if len(d.tokens) < 2*gramsAtOnce {
			t.Fatalf("%s: %d tokens are no long text", name, len(d.tokens))
		}
		words := append(plainWordGrams(d.tokens), plainConceptGrams(d.hits)...)
		for _, tool := range d.tools {
			words = append(words, seedTool.with(hashString(tool.tool.name)))
		}
		if want := plainFeatures(c.model, [2][]gram{words, charGrams(d.f.text, d.tokens, nil)}); !slices.Equal(res.scene.feats, want) {
			t.Errorf("%s: %d features, of all grams %d", name, len(res.scene.feats), len(want))
		}
	}
}
