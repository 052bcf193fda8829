package sink

import (
	"fmt"
	"slices"
	"strings"

	"onside/internal/classify"
	"onside/internal/policy"
)

// The model's parts and states. What can happen in a state is in protocol_steps_test.go.

// Bounds of the model's arrays; a scenario stays within them.
const (
	modelParts   = 2
	modelRecords = 4
	modelKeys    = 4 // claims that can stand
	modelAsks    = 4 // claims of a batch
	modelBatch   = 2 // records of a batch
)

// said is a record of the modelled log.
type said struct {
	in     int    // partition
	shows  string // what a reviewer would see in it, a letter each: records that show the same are repeats of each other
	event  string // event id; "" is one of its own
	only   string // the policy that flags it; "" is every
	after  int    // it is flagged only by who knows the signal of this record, counted from 1; 0 is by everybody
	spoilt bool   // it cannot be read, and becomes a dead letter
}

// rules are the protocol. The zero rules are ours; each field breaks one of them.
type rules struct {
	plainSetNX      bool // a claim that stands means "sent", whoever made it
	workersClaim    bool // a claim names the worker instead of the record
	believesLater   bool // a later record's claim suppresses an earlier one
	blindToPolicy   bool // a claim does not know under which policy it was made
	blindToKey      bool // a claim does not know to which key it belongs
	randomIDs       bool // a flag gets its id when it is published
	plainProducer   bool // what is published again is a second record
	commitsFetched  bool // a batch may be committed as soon as it is fetched
	commitsUnsaved  bool // a batch may be committed before its signals are in history
	unfenced        bool // a zombie's commit is taken
	carriesAsItsOwn bool // what stands under the second secret is carried over in the name of who finds it

	// With transactions.
	noEpochs        bool // whoever gets a partition leaves the last owner's transaction alone
	anyMember       bool // a position is taken from a member of an earlier generation too
	readsFirst      bool // the position is read before the last owner is fenced
	readsBesideOpen bool // the position is read while it is in an open transaction
	readsStale      bool // the position is read while a committed one does not show yet
	endsEarly       bool // a transaction may be committed before all records are in it
	doubtIsAbort    bool // a commit without an answer is taken for an abort
	apart           bool // the position is committed by itself, outside the transaction
	plainAlone      bool // the position behind a batch that nothing came of is committed outside a transaction
}

// scenario is a log, the rules, and what may go wrong.
type scenario struct {
	name     string
	log      []said
	policies []string // in the order of their deployment; one is enough
	secrets  []ring   // the secrets of each deployment; none: all have one and the same
	spared   []kind   // what does not happen
	trims    bool     // retention may overtake a worker that has died
	rules    rules

	transacted bool // delivery is exactly_once: see protocol_transacted_test.go
	oldBroker  bool // it does not check that an append belongs to an open transaction
}

// ring is a deployment's secret, and the one whose claims count too, if any.
type ring struct{ secret, second string }

// model is a scenario, worked out. Claims and ids are the sink's own; states hold their numbers.
type model struct {
	scenario
	first, size []int       // of each partition's records
	asks        [][][]claim // what a record claims, by record and policy
	keys        []string    // of claims
	values      []string    // of claims: encoded owners
	owners      []int       // the record that a value names
	ids         []string    // of flags and dead letters
	id          [][]uint8   // by record and policy
	shown       []string    // what the flag of an id shows
	remembers   bool        // history matters to some record
	batches     map[plea]*batchClaims
}

// bits are a set of records.
type bits uint8

func bit(r int) bits          { return 1 << r }
func (b bits) has(r int) bool { return b&bit(r) != 0 }

// plea is a batch of records that want to come out under a policy.
type plea struct {
	policy uint8
	owed   bits
}

// batchClaims are a batch's claims as settle wants them, and what it has said so far.
type batchClaims struct {
	items   []int // records
	lists   [][]claim
	all     []claim
	numbers []claimNumbers
	second  bool // they are looked for under a second secret
	settled map[[modelAsks]heard]bits
}

type claimNumbers struct {
	key, value uint8
	second     uint8 // key
}

// heard is what came back for a claim: one of these, or the number of a value, counted from owned.
type heard uint8

const (
	unasked  heard = iota
	nothing        // no answer, or one that decide takes for none
	free           // there was no claim
	stranger       // an intact claim that names nobody of the log
	owned
)

// phase is where a lane stands.
type phase uint8

const (
	gone phase = iota // there is no lane
	idle
	claiming
	publishing // and, once nothing is owed, appending

	// With transactions; publishing is then putting one together.
	entering
	locating // reading the position
	saving   // appending to history, before claiming
	doubting // the commit has been asked for, and not answered
)

// lane is the life of a partition in one generation.
type lane struct {
	phase     phase
	policy    uint8
	done, end uint8            // offsets: all below done is done, and the batch in hand ends before end
	there     [modelAsks]heard // under the second secret; stranger once it has been carried over
	heard     [modelAsks]heard
	owed      bits // records of the batch that must yet be acknowledged, as far as is known
	unacked   bits // those of them that are in the log: their acknowledgement was lost
	loaded    bool // history has been read
	known     bits // records whose signals the lane knows
	unsent    bits // records whose signals history has not taken yet
	tx        txn
}

// state is all that the protocol's future depends on.
type state struct {
	committed [modelParts]uint8
	lanes     [modelParts][2]lane // live and zombie
	claims    [modelKeys]uint8    // number of the value, counted from 1; 0 is no claim
	out       uint8               // ids in the output, a bit each
	history   bits                // records whose signals are kept
	under     [modelRecords]uint8 // the policy whose commit covers a record, counted from 1
	deployed  uint8               // the policy that workers start with
	forgetful bool                // Redis has failed or forgotten something

	// With transactions.
	sealed bits // records that stand in committed transactions
	moves  [modelParts]move
	held   [modelParts]move // by a commit outside a transaction, which is on its way
}

const (
	live   = 0
	zombie = 1

	unread = 255 // in state.under: retention has removed the record
)

func newModel(sc scenario) *model {
	if len(sc.policies) == 0 {
		sc.policies = []string{"p"}
	}
	for len(sc.secrets) < len(sc.policies) {
		sc.secrets = append(sc.secrets, ring{secret: "the one"})
	}
	m := &model{scenario: sc, batches: make(map[plea]*batchClaims)}
	for r, line := range sc.log {
		if line.in == len(m.first) {
			m.first, m.size = append(m.first, r), append(m.size, 0)
		}
		m.size[line.in]++
		m.remembers = m.remembers || line.after > 0
		m.add(r, line)
	}
	if len(m.first) > modelParts || len(sc.log) > modelRecords || len(m.keys) > modelKeys || len(m.ids) > 8 {
		panic("the scenario is too large for the model")
	}
	return m
}

// add works out what a record claims and what it comes out as, under each policy.
func (m *model) add(r int, line said) {
	it := m.item(r, line)
	o := Origin{Topic: "chat.messages", Incarnation: "i", Partition: line.in}
	lists, ids := make([][]claim, len(m.policies)), make([]uint8, len(m.policies))
	for p, version := range m.policies {
		id := fmt.Sprintf("dead letter of %d/%d", line.in, it.Offset)
		if !line.spoilt {
			id = identify("f_", it.Message, version, it.Decision.Action)
		}
		if ids[p] = number(&m.ids, id); int(ids[p]) == len(m.shown) {
			m.shown = append(m.shown, line.shows)
		}
		if line.shows != "" && (line.only == "" || line.only == version) {
			lists[p] = m.claims(o, &it, version, m.secrets[p])
		}
		for _, cl := range lists[p] {
			number(&m.keys, cl.key)
			if int(number(&m.values, cl.owner.encode())) == len(m.owners) {
				m.owners = append(m.owners, r)
			}
		}
	}
	m.asks, m.id = append(m.asks, lists), append(m.id, ids)
}

// item is the record as the sink gets it, with a finding for each thing that it shows.
func (m *model) item(r int, line said) Item {
	it := phone(int64(r-m.first[line.in]), "c-1", "")
	it.Decision.Action = policy.Review
	it.Decision.Findings = nil
	for _, what := range strings.Split(line.shows, "") {
		it.Decision.Findings = append(it.Decision.Findings, classify.Finding{Category: classify.ContactPhone, Normalized: what})
	}
	it.Message.EventID = line.event
	if line.event == "" {
		it.Message.EventID = fmt.Sprint("event ", r)
	}
	return it
}

// claims are the sink's, less what the rules do not know.
func (m *model) claims(o Origin, it *Item, version string, r ring) []claim {
	if m.rules.blindToPolicy {
		version = "any"
	}
	c := claims{secret: []byte(r.secret), policy: version}
	if r.second != "" {
		c.second = []byte(r.second)
	}
	list := c.of(o, it)
	for i := range list {
		list[i].owner = m.disowned(list[i].owner)
	}
	return list
}

func (m *model) disowned(o owner) owner {
	if m.rules.workersClaim {
		o.source, o.offset = 0, 0
	}
	if m.rules.blindToKey {
		o.tag = 0
	}
	return o
}

// number is the place of s in the list, at whose end it is put where it is new.
func number(list *[]string, s string) uint8 {
	i := slices.Index(*list, s)
	if i < 0 {
		i = len(*list)
		*list = append(*list, s)
	}
	return uint8(i)
}

func (m *model) numbers(cl claim) claimNumbers {
	return claimNumbers{
		key: uint8(slices.Index(m.keys, cl.key)), value: uint8(slices.Index(m.values, cl.owner.encode())),
		second: uint8(slices.Index(m.keys, cl.second.name)),
	}
}

func (m *model) start() (s state) {
	for p := range m.first {
		s.lanes[p][live] = lane{phase: m.entrance()}
	}
	return s
}

// batch are a partition's records from offset from to before end.
func (m *model) batch(p int, from, end uint8) (b bits) {
	for o := from; o < end; o++ {
		b |= bit(m.first[p] + int(o))
	}
	return b
}

// claimsOf are those of the batch in hand.
func (m *model) claimsOf(l *lane) *batchClaims {
	q := plea{l.policy, l.owed}
	if b, ok := m.batches[q]; ok {
		return b
	}
	b := &batchClaims{second: m.secrets[q.policy].second != "", settled: make(map[[modelAsks]heard]bits)}
	for r := range m.log {
		if !q.owed.has(r) || m.log[r].spoilt {
			continue
		}
		list := m.asks[r][q.policy]
		b.items, b.lists, b.all = append(b.items, r), append(b.lists, list), append(b.all, list...)
	}
	for _, cl := range b.all {
		b.numbers = append(b.numbers, m.numbers(cl))
	}
	m.batches[q] = b
	return b
}
