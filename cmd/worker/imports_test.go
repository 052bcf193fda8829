package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is the table of docs/ARCHITECTURE.md: what each package may import of this module.
var mayImport = map[string][]string{
	"onside":                   {"onside/internal/classify"},
	"onside/cmd/worker":        {"onside", "onside/internal/classify", "onside/internal/history", "onside/internal/mutate", "onside/internal/policy", "onside/internal/sink", "onside/internal/source"},
	"onside/internal/classify": {"onside/internal/encoder"},
	"onside/internal/encoder":  nil,
	"onside/internal/history":  {"onside/internal/classify"},
	"onside/internal/mutate":   nil,
	"onside/internal/policy":   {"onside/internal/classify"},
	"onside/internal/sink":     {"onside/internal/classify", "onside/internal/policy"},
	"onside/internal/source":   {"onside/internal/classify"},
	"onside/test/chaos":        {"onside", "onside/internal/classify", "onside/internal/policy"},
	"onside/test/integration":  nil, // tests only
}

// mayUse are the modules that a package may import directly; a package that is not here may import any.
var mayUse = map[string][]string{
	"onside":                   {"github.com/klauspost/compress"}, // where the corpus is packed
	"onside/internal/classify": {"golang.org/x/text/", "golang.org/x/sys/cpu", "github.com/nyaruka/phonenumbers"},
	"onside/internal/encoder":  {"golang.org/x/text/", "golang.org/x/sys/cpu"},
	"onside/internal/mutate":   {},
	"onside/internal/policy":   {"go.yaml.in/yaml/v3"},
	"onside/internal/history":  {"github.com/redis/go-redis/v9"},
	"onside/internal/sink":     {"github.com/redis/go-redis/v9", "github.com/segmentio/kafka-go", "go.uber.org/zap"},
	"onside/internal/source":   {"github.com/segmentio/kafka-go", "github.com/klauspost/compress", "github.com/pierrec/lz4", "go.uber.org/zap"},
}

// impure are parts of the standard library that a pure package has no business with. math/rand/v2 is none of them: training draws from a
// generator that it has seeded itself.
var impure = []string{"os", "os/exec", "net", "net/http", "time", "log", "log/slog", "context", "math/rand"}

type listedPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func TestImports(t *testing.T) {
	ours := listPackages(t, "onside/...")
	for _, p := range ours {
		allowed, known := mayImport[p.ImportPath]
		if !known {
			t.Errorf("%s is not in the table: a package without a place in the design", p.ImportPath)
			continue
		}
		uses, limited := mayUse[p.ImportPath]
		for _, i := range p.Imports {
			switch {
			case i == "onside" || strings.HasPrefix(i, "onside/"):
				if !slices.Contains(allowed, i) {
					t.Errorf("%s imports %s", p.ImportPath, i)
				}
			case limited && strings.Contains(strings.SplitN(i, "/", 2)[0], "."):
				if !slices.ContainsFunc(uses, func(prefix string) bool { return strings.HasPrefix(i, prefix) }) {
					t.Errorf("%s imports %s", p.ImportPath, i)
				}
			}
		}
		if p.ImportPath == "onside/internal/classify" || p.ImportPath == "onside/internal/encoder" || p.ImportPath == "onside/internal/mutate" || p.ImportPath == "onside/internal/policy" {
			for _, i := range impure {
				if slices.Contains(p.Imports, i) {
					t.Errorf("%s imports %s, and is to be pure", p.ImportPath, i)
				}
			}
		}
	}
	if len(ours) != len(mayImport) {
		t.Errorf("%d packages, the table has %d", len(ours), len(mayImport))
	}
}

func listPackages(t *testing.T, pattern string) (list []listedPackage) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Standard", pattern)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}
