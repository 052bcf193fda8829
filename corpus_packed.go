//go:build packed

package onside

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io/fs"
	"sync"

	"github.com/klauspost/compress/zstd"
)

//go:embed corpus.zip.zst
var corpusPacked []byte

// corpus is opened by the first who asks: the worker in production does not.
var corpus = sync.OnceValue(func() fs.FS {
	files, err := unpack(corpusPacked)
	if err != nil {
		panic("onside: no corpus in the binary: " + err.Error())
	}
	return files
})

func unpack(packed []byte) (fs.FS, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	files, err := d.DecodeAll(packed, nil)
	if err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(files), int64(len(files)))
}
