//go:build packed

package classify

import (
	"bytes"
	"io/fs"
	"os"
	"testing"
)

// TestLexiconsPacked compares what is embedded with the files that it was packed from.
func TestLexiconsPacked(t *testing.T) {
	seen := map[string]bool{}
	err := fs.WalkDir(lexicons(), "lexicon", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		seen[path] = true
		got, err := fs.ReadFile(lexicons(), path)
		if err != nil {
			return err
		}
		want, err := os.ReadFile(path)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, the file has %d", path, len(got), len(want))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(os.DirFS("."), "lexicon", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !seen[path] {
			t.Errorf("%s is not packed", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
