//go:build ignore

// Pack writes the files that a build with the tag packed embeds in place of the corpus and the lexicons as they are: a binary to ship is
// 8 MB smaller.
//
//	go run pack.go && go build -tags packed ./cmd/worker
//
// Each is a zip of files that are not compressed, in one compressed stream: what files have in common is written once. The same files give
// the same bytes.
package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

func main() {
	corpus := func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(16<<20), zstd.WithEncoderConcurrency(1))
	}
	lexicons := func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestCompression) }
	for _, p := range []struct {
		name     string
		from     string
		patterns []string
		compress func(io.Writer) (io.WriteCloser, error)
	}{
		{"corpus.zip.zst", ".", []string{"testdata/corpus/*.txt"}, corpus},
		{"internal/classify/lexicon.zip.gz", "internal/classify", []string{"lexicon/*.*", "lexicon/words/*"}, lexicons},
	} {
		if err := pack(p.name, p.from, p.patterns, p.compress); err != nil {
			fmt.Fprintln(os.Stderr, "pack:", err)
			os.Exit(1)
		}
	}
}

// pack writes the files below a directory that the patterns match.
func pack(name, from string, patterns []string, compress func(io.Writer) (io.WriteCloser, error)) error {
	var out bytes.Buffer
	c, err := compress(&out)
	if err != nil {
		return err
	}
	z := zip.NewWriter(c)
	for _, p := range patterns {
		files, err := filepath.Glob(filepath.Join(from, p))
		if err != nil {
			return err
		}
		for _, f := range files {
			src, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			w, err := z.CreateHeader(&zip.FileHeader{Name: path.Join(path.Dir(p), filepath.Base(f)), Method: zip.Store})
			if err != nil {
				return err
			}
			if _, err := w.Write(src); err != nil {
				return err
			}
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return err
	}
	return os.WriteFile(name, out.Bytes(), 0o644)
}
