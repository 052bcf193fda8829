package sink

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"onside/internal/classify"
	"onside/internal/policy"
)

var me = owner{tag: 1, source: 2, policy: 3, offset: 4}

// Every way in which a standing claim can agree with or differ from ours, and those that suppress.
func TestDecideOnAStandingClaim(t *testing.T) {
	for bits := range 8 {
		for _, distance := range []int64{-1, 0, 1} {
			standing := me
			otherTag, otherPolicy, otherSource := bits&1 != 0, bits&2 != 0, bits&4 != 0
			if otherTag {
				standing.tag++
			}
			if otherPolicy {
				standing.policy++
			}
			if otherSource {
				standing.source++
			}
			standing.offset += distance
			want := duplicate
			switch {
			case otherTag:
				want = unverified
			case otherPolicy:
				want = claimed
			case !otherSource && distance == 0:
				want = again
			case !otherSource && distance > 0:
				want = unverified
			}
			if got := decide(me, answer{value: standing.encode()}); got != want {
				t.Errorf("tag, policy, source differ %v %v %v, offset by %d: %d, want %d", otherTag, otherPolicy, otherSource, distance, got, want)
			}
		}
	}
}

func TestDecideWithoutAStandingClaim(t *testing.T) {
	intact := owner{tag: 1, source: 9, policy: 3, offset: 9}.encode()
	for _, tc := range []struct {
		name   string
		answer answer
		want   verdict
	}{
		{"none", answer{absent: true}, claimed},
		{"fault", answer{failed: true}, unverified},
		{"fault outweighs a value", answer{failed: true, value: intact}, unverified},
		{"fault outweighs absence", answer{failed: true, absent: true}, unverified},
		{"never answered", answer{}, unverified},
		{"OK", answer{value: "OK"}, unverified},
		{"cut", answer{value: intact[:ownerSize-1]}, unverified},
		{"longer", answer{value: intact + "x"}, unverified},
		{"other format", answer{value: "\x02" + intact[1:]}, unverified},
		{"intact, for contrast", answer{value: intact}, duplicate},
	} {
		if got := decide(me, tc.answer); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestOwnerRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := owner{
			tag: rapid.Uint64().Draw(t, "tag"), source: rapid.Uint64().Draw(t, "source"),
			policy: rapid.Uint64().Draw(t, "policy"), offset: rapid.Int64().Draw(t, "offset"),
		}
		s := o.encode()
		if len(s) > 44 {
			t.Fatalf("%d bytes: Redis would need a second allocation for it", len(s))
		}
		if got, ok := decodeOwner(s); !ok || got != o {
			t.Fatalf("%+v became %+v", o, got)
		}
	})
}

// What makes two findings different, and what does not.
func TestClaimKeys(t *testing.T) {
	c := claims{secret: []byte("0123456789abcdef"), prefix: "onside:", policy: "p1"}
	one := func(c claims, change func(*Item)) claim {
		it := phone(7, "c-1", "+923001234567")
		change(&it)
		return c.of(origin, &it)[0]
	}
	finding := func(it *Item) *classify.Finding { return &it.Decision.Findings[0] }
	base := one(c, func(*Item) {})
	other := c
	other.policy = "p2"
	secret := c
	secret.secret = []byte("fedcba9876543210")
	for _, tc := range []struct {
		name string
		got  claim
		same bool
	}{
		{"other record", one(c, func(it *Item) { it.Offset = 8; it.Message.EventID, it.Message.MessageID = "e", "m" }), true},
		{"other words", one(c, func(it *Item) { it.Message.Text = "+92 300 1234567"; finding(it).Spans = nil }), true},
		{"other score", one(c, func(it *Item) { finding(it).Score = 0.5 }), true},
		{"other act, same evidence", one(c, func(it *Item) { finding(it).Act = classify.Comply }), true},
		{"other conversation", one(c, func(it *Item) { it.Message.ConversationID = "c-2" }), false},
		{"other sender", one(c, func(it *Item) { it.Message.SenderID = "u-1" }), false},
		{"other category", one(c, func(it *Item) { finding(it).Category = classify.ContactHandle }), false},
		{"other evidence", one(c, func(it *Item) { finding(it).Normalized = "+923001234568" }), false},
		{"no evidence", one(c, func(it *Item) { finding(it).Normalized = "" }), false},
		{"evidence that reads like an act", one(c, func(it *Item) { finding(it).Normalized = "share" }), false},
		{"other severity", one(c, func(it *Item) { it.Decision.Severity = policy.Medium }), false},
		{"other action", one(c, func(it *Item) { it.Decision.Action = policy.Remind }), false},
		{"fields that run together", one(c, func(it *Item) { it.Message.ConversationID, it.Message.SenderID = "c-1u", "-9" }), false},
		{"other policy", one(other, func(*Item) {}), false},
		{"other secret", one(secret, func(*Item) {}), false},
	} {
		if same := tc.got.key == base.key; same != tc.same {
			t.Errorf("%s: same key %v, want %v", tc.name, same, tc.same)
		}
		if same := tc.got.owner.tag == base.owner.tag; same != tc.same {
			t.Errorf("%s: same tag %v, want %v", tc.name, same, tc.same)
		}
	}
	if got, want := len(base.key), len("onside:claim:")+22; got != want {
		t.Errorf("key of %d bytes, want %d", got, want)
	}
}

// A claim under the second secret is another sink's under its own.
func TestSecondKeys(t *testing.T) {
	it := phone(7, "c-1", "+923001234567")
	old := claims{secret: []byte("0123456789abcdef"), prefix: "onside:", policy: "p1"}
	both := old
	both.secret, both.second = []byte("fedcba9876543210"), old.secret
	before, cl := old.of(origin, &it)[0], both.of(origin, &it)[0]
	if before.second != (secondKey{}) || cl.second != (secondKey{before.key, before.owner.tag}) || cl.key == before.key {
		t.Fatalf("before the change %+v, after it %+v", before, cl)
	}
	standing := before.owner
	standing.offset, standing.source = 3, 99
	want := standing
	want.tag = cl.owner.tag
	if got, ok := cl.carried(answer{value: standing.encode()}); !ok || got != want {
		t.Errorf("%+v becomes %+v, %v", standing, got, ok)
	}
	for name, there := range map[string]answer{
		"none": {absent: true}, "a fault": {failed: true}, "no claim": {value: "OK"}, "another key's": {value: cl.owner.encode()},
	} {
		if got, ok := cl.carried(there); ok {
			t.Errorf("%s is carried over as %+v", name, got)
		}
	}
}

// Without the answer to what stands under the second secret, nobody knows that there is no claim; what stands under the first counts.
func TestKnown(t *testing.T) {
	stands := answer{value: me.encode()}
	for _, tc := range []struct{ there, here, want answer }{
		{answer{absent: true}, answer{absent: true}, answer{absent: true}},
		{answer{failed: true}, answer{absent: true}, answer{failed: true}},
		{stands, answer{absent: true}, answer{failed: true}},
		{answer{failed: true}, stands, stands},
		{answer{absent: true}, answer{failed: true}, answer{failed: true}},
	} {
		if got := known(tc.there, tc.here); got != tc.want {
			t.Errorf("%+v under the second, %+v under the first: %+v, want %+v", tc.there, tc.here, got, tc.want)
		}
	}
}

func TestClaimsWithoutEvidenceGoByTheAct(t *testing.T) {
	c := claims{secret: []byte("0123456789abcdef"), policy: "p1"}
	proposal, refusal := call(1, "c-1"), call(2, "c-1")
	refusal.Decision.Findings[0].Act = classify.Refuse
	if c.of(origin, &proposal)[0].key == c.of(origin, &refusal)[0].key {
		t.Error("a proposal and a refusal have one key")
	}
}

func TestOwnersNameTheirRecord(t *testing.T) {
	c := claims{secret: []byte("0123456789abcdef"), policy: "p1"}
	it := phone(7, "c-1", "+923001234567")
	base := c.of(origin, &it)[0].owner
	for name, o := range map[string]Origin{
		"topic":       {"other", origin.Incarnation, origin.Partition},
		"incarnation": {origin.Topic, "other", origin.Partition},
		"partition":   {origin.Topic, origin.Incarnation, 4},
	} {
		if c.of(o, &it)[0].owner == base {
			t.Errorf("another %s has the same owner", name)
		}
	}
}

// settle in words: a batch is "record: key=answer key=answer; …", where the answer is
// new (absent), own, other (another partition's record's), later (of the same partition), or ? (a fault).
func TestSettle(t *testing.T) {
	for _, tc := range []struct {
		name, batch string
		want        []verdict
	}{
		{"new", "a=new", []verdict{claimed}},
		{"replayed", "a=own", []verdict{again}},
		{"repeated", "a=other", []verdict{duplicate}},
		{"unknown", "a=?", []verdict{unverified}},
		{"claimed by a later record", "a=later", []verdict{unverified}},
		{"one finding is new", "a=other b=new", []verdict{claimed}},
		{"one finding is unknown", "a=other b=?", []verdict{unverified}},
		{"new outweighs unknown", "a=? b=new", []verdict{claimed}},
		{"nothing is ours", "a=other b=other", []verdict{duplicate}},
		{"equal keys, Redis says so", "a=new; a=other", []verdict{claimed, duplicate}},
		{"equal keys, Redis silent", "a=?; a=?; b=?", []verdict{unverified, duplicate, unverified}},
		{"equal keys, the later owns the claim", "a=other; a=own", []verdict{duplicate, again}},
		{"equal keys, the first only knows nothing", "a=?; a=own", []verdict{unverified, duplicate}},
		{"published through another finding", "a=other b=new; a=?", []verdict{claimed, duplicate}},
		{"a suppressed record publishes nothing", "a=other; a=?", []verdict{duplicate, unverified}},
		{"nothing to claim", "; a=new", []verdict{duplicate, claimed}},
	} {
		lists, answers := parseBatch(tc.batch)
		var count Claims
		if diff := cmp.Diff(tc.want, settle(lists, answers, &count)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
		if got := count.Claimed + count.Again + count.Duplicate + count.Unverified; got != len(answers) {
			t.Errorf("%s: %d of %d claims counted", tc.name, got, len(answers))
		}
	}
}

func parseBatch(s string) (lists [][]claim, answers []answer) {
	for i, item := range strings.Split(s, ";") {
		var list []claim
		for _, f := range strings.Fields(item) {
			key, reply, _ := strings.Cut(f, "=")
			own := owner{tag: 1, offset: int64(i)}
			list = append(list, claim{key: key, owner: own})
			answers = append(answers, map[string]answer{
				"new": {absent: true}, "own": {value: own.encode()}, "other": {value: owner{tag: 1, source: 9}.encode()},
				"later": {value: owner{tag: 1, offset: 99}.encode()}, "?": {failed: true},
			}[reply])
		}
		lists = append(lists, list)
	}
	return lists, answers
}

// However Redis answers, a record that owns a claim or cannot know goes out, unless an earlier one of its batch shows the same.
func TestSettleNeverHidesWhatNobodyShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var items []string
		for range rapid.IntRange(1, 6).Draw(t, "records") {
			var fs []string
			for range rapid.IntRange(1, 3).Draw(t, "findings") {
				fs = append(fs, fmt.Sprintf("%s=%s", rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"),
					rapid.SampledFrom([]string{"new", "own", "other", "later", "?"}).Draw(t, "reply")))
			}
			items = append(items, strings.Join(fs, " "))
		}
		lists, answers := parseBatch(strings.Join(items, ";"))
		verdicts := settle(lists, answers, &Claims{})
		shown := make(map[string]bool)
		for i, list := range lists {
			for j, cl := range list {
				proven := decide(cl.owner, answers[j]) == duplicate
				if verdicts[i] == duplicate && !proven && !shown[cl.key] {
					t.Fatalf("record %d of %q hides %s", i, items, cl.key)
				}
			}
			answers = answers[len(list):]
			for _, cl := range list {
				shown[cl.key] = shown[cl.key] || verdicts[i] != duplicate
			}
		}
	})
}
