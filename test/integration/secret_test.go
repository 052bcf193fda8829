package integration

import (
	"fmt"
	"path/filepath"
	"testing"

	"onside"
)

// TestSecretIsChanged deploys a new redis.key_file as docs/DELIVERY.md says, a worker at a time and in the middle of the stream. Claims and
// conversations outlive it: no repeat comes out, and all is decided as if nothing had happened.
func TestSecretIsChanged(t *testing.T) {
	bothWays(t, func(t *testing.T, deliver func(*world) *world) {
		t.Parallel()
		w, l := deliver(newWorld(t, plaintextKafka(t))).withTopics(), newLoad(t, 300)
		dir := t.TempDir()
		secret := func(setting, name string) []string {
			file := filepath.Join(dir, name)
			writeFile(t, file, []byte("the secret that is "+name))
			return []string{"--set", "redis." + setting + "=" + file}
		}
		steps := [][]string{
			secret("key_file", "old"),
			append(secret("key_file", "old"), secret("second_key_file", "new")...),
			append(secret("key_file", "new"), secret("second_key_file", "old")...),
		}
		var before *worker
		var known, repeats []onside.Event // contacts that have been sent, as they will be sent again
		for i, step := range steps {
			a := w.start(fmt.Sprint("step ", i), step...).ready()
			if before != nil {
				w.shared(before, a)
				w.sendOf(l, known)
				repeats = append(repeats, known...)
			}
			first, again := l.contacts(fmt.Sprint("step", i, "x"), 30)
			w.sendOf(l, first)
			w.sendInBits(l.part(i, len(steps)))
			w.settled()
			known = again
			if before != nil {
				before.terminate()
			}
			before = a
		}
		w.sendOf(l, known)
		w.settled()
		before.terminate()
		flags, _ := w.verifyOnce(l)
		flags.wantRepeats(t, "", append(repeats, known...))
	})
}
