//go:build ignore

// Pack writes corpus.zip, which a build with the tag packed embeds in place of the corpus as it is: a binary to ship is 5 MB smaller.
//
//	go run pack.go && go build -tags packed ./cmd/worker
//
// The same corpus gives the same bytes.
package main

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := pack("corpus.zip", "testdata/corpus/*.txt"); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(name, pattern string) error {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	z := zip.NewWriter(out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		w, err := z.Create(filepath.ToSlash(f))
		if err != nil {
			return err
		}
		if _, err := w.Write(src); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return out.Close()
}
