//go:build !packed

package onside

import (
	"embed"
	"io/fs"
)

//go:embed testdata/corpus/*.txt
var corpusText embed.FS

// corpus has the files under their names in the repository.
func corpus() fs.FS { return corpusText }
