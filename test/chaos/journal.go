package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// journal is a file with every record of a side, in the order in which it became known: what a failure is explained by. It is safe for
// concurrent use.
type journal struct {
	mu   sync.Mutex
	file *os.File
	buf  *bufio.Writer
}

func newJournal(dir, name string) (*journal, error) {
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return &journal{file: f, buf: bufio.NewWriter(f)}, nil
}

func (j *journal) write(r *kgo.Record) {
	line, _ := json.Marshal(map[string]any{ // strings and numbers: it cannot fail
		"topic": r.Topic, "partition": r.Partition, "offset": r.Offset, "time": r.Timestamp, "key": string(r.Key), "value": string(r.Value),
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = j.buf.Write(append(line, '\n'))
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.buf.Flush(); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return j.file.Close()
}
