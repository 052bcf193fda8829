//go:build packed

package onside

import (
	"archive/zip"
	_ "embed"
	"io/fs"
	"strings"
	"sync"
)

//go:embed corpus.zip
var corpusZip string

// corpus is opened by the first who asks: the worker in production does not.
var corpus = sync.OnceValue(func() fs.FS {
	z, err := zip.NewReader(strings.NewReader(corpusZip), int64(len(corpusZip)))
	if err != nil {
		panic("onside: no corpus in the binary: " + err.Error())
	}
	return z
})
