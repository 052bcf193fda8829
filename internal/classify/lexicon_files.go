//go:build !packed

package classify

import (
	"embed"
	"io/fs"
)

//go:embed lexicon
var lexiconText embed.FS

// lexicons has the files under their names in this directory.
func lexicons() fs.FS { return lexiconText }
