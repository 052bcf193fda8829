// Command hugotread times the reading of one text by the library hugot, whose "go" session computes without C.
package main

import (
	"archive/zip"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/knights-analytics/hugot"
	"github.com/knights-analytics/hugot/backends"
)

const text = "Hello, I would like to come by on Thursday at half past nine to look at the heating in the cellar. Please tell me whether somebody will be at home, or send me the code of the front door before noon."

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: hugotread JAR-or-DIRECTORY")
	}
	dir := os.Args[1]
	if strings.HasSuffix(dir, ".jar") {
		dir = unpack(dir)
		defer os.RemoveAll(dir)
	}
	start := time.Now()
	session := must(hugot.NewGoSession())
	p := must(hugot.NewPipeline(session, hugot.FeatureExtractionConfig{ModelPath: dir, OnnxFilename: "model.onnx", Name: "read"}))
	loaded := time.Since(start)
	batch := backends.NewBatch(1)
	check(p.Preprocess(batch, []string{text}))
	start = time.Now()
	out := must(p.RunPipeline([]string{text}))
	fmt.Printf("%d tokens, %d numbers out; model loaded in %v, first read %v\n", batch.MaxSequenceLength, len(out.Embeddings[0]),
		loaded.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))

	const reads = 40
	var took []time.Duration
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := cpuTime()
	for range reads {
		start = time.Now()
		must(p.RunPipeline([]string{text}))
		took = append(took, time.Since(start))
	}
	cpu = cpuTime() - cpu
	runtime.ReadMemStats(&after)
	slices.Sort(took)
	fmt.Printf("per read: %d µs of processor time; by the clock %d µs at best, %d µs median; GOMAXPROCS %d\n",
		cpu.Microseconds()/reads, took[0].Microseconds(), took[reads/2].Microseconds(), runtime.GOMAXPROCS(0))
	fmt.Printf("per read: %d allocations, %d KB\n", (after.Mallocs-before.Mallocs)/reads, (after.TotalAlloc-before.TotalAlloc)/reads/1000)
	_, status, _ := strings.Cut(string(must(os.ReadFile("/proc/self/status"))), "VmHWM:")
	most, now, _ := strings.Cut(status, "VmRSS:")
	now, _, _ = strings.Cut(now, "\n")
	fmt.Printf("resident: %s now, %s at most\n", strings.TrimSpace(now), strings.TrimSpace(most))
}

// unpack lays the model out of the jar as the library wants it.
func unpack(jar string) string {
	dir := must(os.MkdirTemp("", "hugotread"))
	z := must(zip.OpenReader(jar))
	defer z.Close()
	for from, to := range map[string]string{"all-minilm-l6-v2.onnx": "model.onnx", "all-minilm-l6-v2-tokenizer.json": "tokenizer.json"} {
		check(os.WriteFile(filepath.Join(dir, to), must(io.ReadAll(must(z.Open(from)))), 0o600))
	}
	return dir
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func must[T any](v T, err error) T { check(err); return v }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
