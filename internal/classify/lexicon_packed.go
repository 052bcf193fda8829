//go:build packed

package classify

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"io/fs"
	"sync"
)

//go:embed lexicon.zip.gz
var lexiconPacked []byte

// lexicons has the files under their names in this directory.
var lexicons = sync.OnceValue(func() fs.FS {
	files, err := unpack(lexiconPacked)
	if err != nil {
		panic("classify: no lexicons in the binary: " + err.Error())
	}
	return files
})

func unpack(packed []byte) (fs.FS, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	files, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(files), int64(len(files)))
}
