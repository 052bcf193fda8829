package classify_test

import (
	"hash/fnv"
	"reflect"
	"slices"
	"testing"

	"onside"
	"onside/internal/classify"
)

// TestMemoryDoesNotMatter reads conversations with memory that others have used before, and with fresh memory: a worker reads many
// conversations in turn, and after a crash another worker reads them again, in another company.
func TestMemoryDoesNotMatter(t *testing.T) {
	all, err := onside.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	corpus := slices.DeleteFunc(all, func(e onside.Event) bool { // a fifth shows it, and fresh memory is slow
		h := fnv.New32a()
		h.Write([]byte(onside.Pair(e.ConversationID)))
		return h.Sum32()%5 != 0
	})
	c := classify.Default()
	var used classify.Result
	states := map[string]*classify.State{}
	step := max(1, len(corpus)/200) // that many conversations side by side, from all over the corpus
	for from := range step {
		for i := from; i < len(corpus); i += step {
			m := corpus[i].Message
			m.Offset = int64(from)
			if states[m.ConversationID] == nil {
				states[m.ConversationID] = &classify.State{}
			}
			state := states[m.ConversationID]
			var fresh classify.Result
			c.Classify(&m, state, &used)
			c.Classify(&m, state, &fresh)
			if !reflect.DeepEqual(used.Signal, fresh.Signal) || !sameFindings(used.Findings, fresh.Findings) {
				t.Fatalf("%s: %+v\nwith fresh memory: %+v", m.EventID, used.Findings, fresh.Findings)
			}
			state.Fold(fresh.Signal)
		}
	}
}

// sameFindings does not tell no findings from none.
func sameFindings(a, b []classify.Finding) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}
