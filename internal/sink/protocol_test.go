package sink

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The delivery protocol as a model, checked exhaustively: docs/DELIVERY.md in executable form.
//
// The model is the sink's own claims, owners, ids and decisions (claims.of, owner, identify, decide, settle) between a log, Redis, an
// output topic and lanes that are made up. A search visits every state that a scenario can reach, by every interleaving of these
// steps of a lane:
//
//   - fetch the next one or two records, history with the first of them
//   - put one claim after the other to Redis, and settle what comes out
//   - publish that in any order, each acknowledged or not and then tried again
//   - append the signals to history; done
//   - commit what is done, whenever the committer comes round to it
//
// with everything that can go wrong, any number of times, at any moment: the worker dies and another begins at the committed offset;
// the partition is given to another lane while the old one, a zombie, does all the same steps for as long as it likes; an
// acknowledgement is lost; Redis does not hear a claim, takes it and does not answer, answers what another asked, loses one
// claim or everything; history is not there to read or to write; a policy is deployed.
//
// With delivery exactly_once (protocol_transacted_test.go) a lane first fences the last owner and reads the position, appends to history before it
// claims, and publishes in transactions that have the position in them. What can go wrong besides: a transaction is given up, or
// aborted by the broker; the commit is not heard, or its answer is lost; a committed position shows late; and a zombie may fence the owner in its turn.
//
// The bounds are those of a scenario: two or three records in one or two partitions, one zombie a partition at a time, two records a batch. A
// run may be as long as it likes. Where all is over, nothing may be missing: a record that its policy wants to come out
// stands in the output, or all that it shows stands there in others' flags. On the way, no flag gets two ids, no worker writes a record
// twice, no commit covers what is not acknowledged or moves the position back, and as long as Redis has never failed, nothing comes out
// that is a repeat of what another has claimed.
//
// A checker that finds nothing may be blind. So each rule of the protocol is broken in turn, and the search must find out: brokenRules, brokenTransactions.
// And some things the protocol does not promise; those are searched for as well, so that docs/DELIVERY.md names them all: limits.
//
// testdata/protocol.golden has the number of states of every scenario, and the shortest way to every breach.

// lasting Redis forgets nothing, but may be away.
var lasting = []kind{redisForgets, claimEnds}

// healthy is a Redis that has no fault.
var healthy = []kind{fetchesBlindly, asksUnheard, asksUnanswered, asksCrossed, appendsInVain, redisForgets, claimEnds}

func promises() []scenario {
	return []scenario{
		{name: "repeats and a dead letter", log: []said{{shows: "a"}, {shows: "a"}, {spoilt: true}}},
		{name: "three of a kind", log: []said{{shows: "a"}, {shows: "a"}, {shows: "a"}}},
		{name: "findings that overlap", log: []said{{shows: "a"}, {shows: "ab"}, {shows: "b"}}},
		{name: "an event that was sent twice", log: []said{{shows: "a", event: "e"}, {shows: "a", event: "e"}, {shows: "b"}}},
		{name: "another policy", log: []said{{shows: "a", only: "old"}, {shows: "a"}}, policies: []string{"old", "new"}},
		{
			name: "what was said before counts, and history lasts", spared: []kind{fetchesBlindly, appendsInVain, redisForgets},
			log: []said{{}, {shows: "a", after: 1}, {shows: "a"}},
		},
		{name: "two partitions, claims last", log: []said{{shows: "a"}, {in: 1, shows: "a"}}, spared: lasting},
		{name: "two partitions, no zombies", log: []said{{shows: "a"}, {shows: "a"}, {in: 1, shows: "a"}}, spared: []kind{losesPartition}},
		{name: "the secret is changed", log: []said{{shows: "a"}, {shows: "a"}}, policies: steps, secrets: change},
	}
}

// change is how a secret is changed so that no claim is forgotten, in so many steps of the same policy.
var (
	change = []ring{{secret: "old"}, {"old", "new"}, {"new", "old"}}
	steps  = []string{"p", "p", "p"}
)

// transactedPromises are those of delivery exactly_once, whatever Redis does.
func transactedPromises() []scenario {
	list := []scenario{
		{name: "repeats and a dead letter", log: []said{{shows: "a"}, {shows: "a"}, {spoilt: true}}},
		{name: "an event that was sent twice", log: []said{{shows: "a", event: "e"}, {shows: "a", event: "e"}}},
		{name: "another policy", log: []said{{shows: "a", only: "old"}, {shows: "a"}}, policies: []string{"old", "new"}},
		{
			name: "what was said before counts, and history lasts", spared: []kind{fetchesBlindly, appendsInVain, redisForgets},
			log: []said{{}, {shows: "a", after: 1}, {shows: "a"}},
		},
		{name: "two partitions, claims last", log: []said{{shows: "a"}, {in: 1, shows: "a"}}, spared: lasting},
		{name: "two partitions, no zombies", log: []said{{shows: "a"}, {shows: "a"}, {in: 1, shows: "a"}}, spared: []kind{losesPartition}},
		{name: "the secret is changed", log: []said{{shows: "a"}, {shows: "a"}}, policies: steps, secrets: change},
		{name: "the epoch alone", log: []said{{shows: "a"}, {shows: "a"}}, rules: rules{anyMember: true}},
		{name: "the generation alone, with a position that waits for open transactions", log: []said{{shows: "a"}, {shows: "a"}}, rules: rules{noEpochs: true}},
	}
	for i := range list {
		list[i].transacted = true
	}
	return list
}

// wrong is a scenario in which something must be found.
type wrong struct {
	scenario
	waived []breach // that are not what it is about
	want   breach
}

func brokenRules() []wrong {
	one, two := []said{{shows: "a"}}, []said{{shows: "a"}, {shows: "a"}}
	turned := []said{{shows: "a", only: "old"}, {shows: "a"}}
	return []wrong{
		{scenario{name: "plain SETNX: a claim that stands means sent", log: one, rules: rules{plainSetNX: true}}, nil, lost},
		{scenario{name: "a claim that names the worker", log: two, rules: rules{workersClaim: true}}, nil, repeated},
		{scenario{name: "a claim that knows no policy", log: turned, policies: []string{"old", "new"}, rules: rules{blindToPolicy: true}}, []breach{repeated}, lost},
		{scenario{name: "a claim that does not know its key", log: one, rules: rules{blindToKey: true}}, nil, lost},
		{scenario{name: "a later record's claim is believed", log: two, rules: rules{believesLater: true}}, nil, lost},
		{scenario{name: "commit before publish", log: one, rules: rules{commitsFetched: true}}, nil, passed},
		{scenario{name: "commit before publish, and what comes of it", log: one, rules: rules{commitsFetched: true}}, []breach{passed}, lost},
		{scenario{name: "commit before history", log: []said{{}, {shows: "a", after: 1}}, spared: healthy, rules: rules{commitsUnsaved: true}}, nil, lost},
		{scenario{name: "ids that are made up when a flag is published", log: one, rules: rules{randomIDs: true}}, nil, doubled},
		{scenario{name: "a producer without sequence numbers", log: one, rules: rules{plainProducer: true}}, nil, copied},
		{scenario{name: "a claim under the second secret is carried over as the carrier's own", log: two, policies: steps, secrets: change, rules: rules{carriesAsItsOwn: true}}, nil, repeated},
		{scenario{name: "a zombie's commit is taken", log: two, rules: rules{unfenced: true}}, nil, rewound},
	}
}

func brokenTransactions() []wrong {
	one, two := []said{{shows: "a"}}, []said{{shows: "a"}, {shows: "b"}}
	list := []wrong{
		{scenario{name: "no fence at all: neither the epoch nor the generation counts", log: one, rules: rules{noEpochs: true, anyMember: true}}, nil, twice},
		{scenario{name: "a zombie may still commit what it has begun", log: one, rules: rules{noEpochs: true, readsBesideOpen: true}}, nil, twice},
		{scenario{name: "the position is read before a committed one shows", log: one, rules: rules{readsStale: true}}, nil, twice},
		{scenario{name: "the position is read before the last owner is fenced, and is taken from any member", log: one, rules: rules{readsFirst: true, anyMember: true}}, nil, twice},
		{scenario{name: "the position is committed outside the transaction", log: one, rules: rules{apart: true}}, nil, twice},
		{scenario{name: "the same, before it", log: one, rules: rules{apart: true, commitsFetched: true}}, []breach{passed, twice}, lost},
		{scenario{name: "the position behind a batch that nothing came of is committed outside a transaction", log: []said{{}, {shows: "a"}}, rules: rules{plainAlone: true}}, nil, rewound},
		{scenario{name: "a commit without an answer is taken for an abort", log: one, rules: rules{doubtIsAbort: true}}, nil, twice},
		{scenario{name: "a transaction is committed before all records are in it", log: two, rules: rules{endsEarly: true}}, nil, lost},
		{scenario{name: "plain SETNX: a claim that stands means sent", log: one, rules: rules{plainSetNX: true}}, nil, lost},
		{scenario{name: "commit before history", log: []said{{}, {shows: "a", after: 1}}, spared: healthy, rules: rules{commitsUnsaved: true}}, nil, lost},
	}
	for i := range list {
		list[i].transacted = true
	}
	return list
}

func limits() []wrong {
	kinds := []said{{shows: "a", only: "old"}, {shows: "a", only: "old"}}
	repeats := []said{{shows: "a"}, {shows: "a"}}
	return []wrong{
		{scenario{name: "a policy is deployed, and the old one again", log: kinds, policies: []string{"old", "new", "old"}, spared: healthy}, []breach{repeated}, lost},
		{scenario{name: "the secret is changed at once", log: repeats, policies: steps[:2], secrets: []ring{{secret: "old"}, {secret: "new"}}}, nil, repeated},
		{scenario{name: "a partition goes back to who does not know the new secret", log: repeats, policies: steps, secrets: []ring{{secret: "old"}, {"new", "old"}, {secret: "old"}}}, nil, repeated},
		{scenario{
			name: "the secret is changed, and a conversation is in two partitions",
			log:  []said{{shows: "a"}, {in: 1, shows: "a"}}, policies: steps, secrets: change, spared: healthy,
		}, nil, repeated},
		{scenario{name: "history does not answer a new lane", log: []said{{}, {shows: "a", after: 1}, {shows: "a"}}, spared: lasting}, nil, lost},
		{scenario{name: "retention removes what nobody has read", log: repeats, spared: healthy, trims: true}, nil, lost},
		{scenario{name: "a conversation in two partitions, and claims do not last", log: []said{{shows: "a"}, {in: 1, shows: "a"}}}, nil, lost},
		{scenario{name: "exactly_once, and history does not answer a new lane", log: []said{{}, {shows: "a", after: 1}, {shows: "a"}}, spared: lasting, transacted: true}, nil, lost},
		{scenario{
			name: "exactly_once, and a broker that does not know to which transaction an append belongs (Kafka before 3.6)",
			log:  []said{{shows: "a"}}, spared: healthy, transacted: true, oldBroker: true,
		}, nil, twice},
	}
}

func TestProtocol(t *testing.T) {
	var out strings.Builder
	var seen [kinds]bool
	out.WriteString("What holds, whatever goes wrong:\n\n")
	for _, sc := range promises() {
		sc.hold(t, &out, &seen)
	}
	out.WriteString("What holds with delivery exactly_once:\n\n")
	for _, sc := range transactedPromises() {
		sc.hold(t, &out, &seen)
	}
	out.WriteString("What is found where a rule is broken:\n\n")
	for _, w := range brokenRules() {
		w.tell(t, &out, &seen)
	}
	out.WriteString("What is found where a rule of exactly_once is broken:\n\n")
	for _, w := range brokenTransactions() {
		w.tell(t, &out, &seen)
	}
	out.WriteString("What is not promised:\n\n")
	for _, w := range limits() {
		w.tell(t, &out, &seen)
	}
	for k, ok := range seen {
		if !ok {
			t.Errorf("event %d has never happened: the model is smaller than it looks", k)
		}
	}
	compare(t, "protocol.golden", out.String())
}

func (sc scenario) hold(t *testing.T, out *strings.Builder, seen *[kinds]bool) {
	t.Helper()
	m := newModel(sc)
	f := m.search()
	t.Logf("%s: %d states, %d steps, %d ends", sc.name, f.states, f.steps, f.ends)
	if f.breach != kept {
		t.Errorf("%s:\n  %s", sc.name, strings.Join(f.way, "\n  "))
	}
	if f.ends == 0 {
		t.Errorf("%s: no run comes to its end", sc.name)
	}
	for k := range f.seen {
		seen[k] = seen[k] || f.seen[k]
	}
	fmt.Fprintf(out, "%s\n  %s\n  %d states, %d steps\n\n", sc.name, m.outline(), f.states, f.steps)
}

func (w *wrong) tell(t *testing.T, out *strings.Builder, seen *[kinds]bool) {
	t.Helper()
	m := newModel(w.scenario)
	f := m.search(w.waived...)
	if f.breach != w.want {
		t.Errorf("%s: breach %d, want %d", w.name, f.breach, w.want)
	}
	for k := range f.seen {
		seen[k] = seen[k] || f.seen[k]
	}
	fmt.Fprintf(out, "%s\n  (%s)\n", w.name, m.outline())
	for i, line := range f.way {
		fmt.Fprintf(out, "  %2d  %s\n", i+1, line)
	}
	out.WriteByte('\n')
}

// The tests that docs/DELIVERY.md names exist.
func TestDeliveryNamesTests(t *testing.T) {
	doc, err := os.ReadFile("../../docs/DELIVERY.md")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, pattern := range []string{"../*/*_test.go", "../../cmd/worker/*_test.go", "../../test/*/*_test.go"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(b)
		}
	}
	names := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(doc), -1)
	if len(names) < 50 {
		t.Errorf("%d tests are named: the page is not what it was", len(names))
	}
	for _, name := range names {
		if name != "TestMain" && !strings.Contains(sources.String(), "func "+name+"(t *testing.T)") {
			t.Errorf("docs/DELIVERY.md names %s, which is no test", name)
		}
	}
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
