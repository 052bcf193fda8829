package mutate

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite the file that the test compares with")

// sources hold one target of every kind, between words that have to stay.
var sources = []struct {
	kind         Kind
	lang         string
	before, what string
	after        string
}{
	{Phone, "en", "Here is my number ", "+92 300 1234567", " thanks"},
	{Email, "en", "mail me at ", "mara.lindt@gmail.com", " please"},
	{Handle, "es", "mi usuario es ", "@moss_goblin", " gracias"},
	{App, "en", "can we talk on ", "WhatsApp", " tonight"},
	{Number, "en", "the order is ", "48213", " as said"},
}

func source(i int, seed uint64) Source {
	s := &sources[i]
	return Source{Text: s.before + s.what + s.after, Target: Target{s.kind, len(s.before), len(s.before) + len(s.what)}, Lang: s.lang, Seed: seed}
}

// TestMutants shows every disguise of every kind of evidence, to be read.
func TestMutants(t *testing.T) {
	var b strings.Builder
	for i := range sources {
		src := source(i, 1)
		fmt.Fprintf(&b, "# %s: %s\n", src.Target.Kind, src.Text)
		for _, m := range Mutants(src) {
			fmt.Fprintf(&b, "%s, %s:", m.Family, m.Variant)
			for _, l := range m.Lines {
				if l.Decoy {
					b.WriteString(" (decoy)")
				}
				fmt.Fprintf(&b, " %q", l.Text)
			}
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	const name = "testdata/mutants.golden"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s differs: go test ./internal/mutate -update, and read what changed", name)
	}
}

// TestMutantsPromise holds the package's promises for many seeds.
func TestMutantsPromise(t *testing.T) {
	for i := range sources {
		for seed := range uint64(20) {
			src := source(i, seed)
			all := Mutants(src)
			if !reflect.DeepEqual(all, Mutants(src)) {
				t.Fatalf("%q with seed %d: two calls differ", src.Text, seed)
			}
			for _, m := range all {
				if len(m.Lines) == 0 {
					t.Errorf("%s, %s of %q says nothing", m.Family, m.Variant, src.Text)
				}
				for _, l := range m.Lines {
					if l.Text == "" || l.Text == src.Text || !utf8.ValidString(l.Text) {
						t.Errorf("%s, %s of %q: %q", m.Family, m.Variant, src.Text, l.Text)
					}
				}
			}
		}
	}
}

func TestFind(t *testing.T) {
	for i := range sources[:Number] {
		src := source(i, 1)
		var got []Target
		for _, x := range Find(src.Text) {
			if x.Kind == src.Target.Kind {
				got = append(got, x)
			}
		}
		if len(got) != 1 || got[0] != src.Target {
			t.Errorf("Find(%q) = %v, want %v", src.Text, got, src.Target)
		}
	}
	for _, innocent := range []string{"", "no evidence here", "it is 25 EUR for 300 words", "see 10.0.0.1 or v1.2.3"} {
		if got := Find(innocent); len(got) != 0 {
			t.Errorf("Find(%q) = %v, want nothing", innocent, got)
		}
	}
	if got := Numbers("order 48213 of 12 mugs"); len(got) == 0 {
		t.Error("Numbers found none")
	}
	if got := Numbers("the group 418 of 923 418 770"); len(got) != 1 || got[0].Start != len("the group ") {
		t.Errorf("Numbers took groups of a number for numbers: %v", got)
	}
}
