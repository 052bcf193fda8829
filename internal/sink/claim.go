package sink

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"onside/internal/classify"
)

// owner is what a claim says: which record, under which policy, publishes the finding.
type owner struct {
	tag    uint64 // belongs to the claim's key: an answer that was meant for another key is recognised by it
	source uint64 // hash of the topic's name and incarnation and of the partition
	policy uint64 // hash of the policy's version
	offset int64
}

const (
	ownerFormat = 1
	ownerSize   = 1 + 4*8
)

// encode is the claim's value in Redis: 33 bytes, no personal data in them.
func (o owner) encode() string {
	b := append(make([]byte, 0, ownerSize), ownerFormat)
	b = binary.BigEndian.AppendUint64(b, o.tag)
	b = binary.BigEndian.AppendUint64(b, o.source)
	b = binary.BigEndian.AppendUint64(b, o.policy)
	b = binary.BigEndian.AppendUint64(b, uint64(o.offset))
	return string(b)
}

func decodeOwner(s string) (owner, bool) {
	if len(s) != ownerSize || s[0] != ownerFormat {
		return owner{}, false
	}
	b := []byte(s[1:])
	return owner{
		tag:    binary.BigEndian.Uint64(b),
		source: binary.BigEndian.Uint64(b[8:]),
		policy: binary.BigEndian.Uint64(b[16:]),
		offset: int64(binary.BigEndian.Uint64(b[24:])),
	}, true
}

// answer is what Redis said to a claim: that there was none (absent), what the standing one says (value), or
// nothing that can be relied on (failed).
type answer struct {
	value  string
	absent bool
	failed bool
}

// verdict is what a claim's answer means for the finding.
type verdict uint8

// The verdicts, weakest first: a record goes out by the strongest of its findings'.
const (
	duplicate  verdict = iota // another record publishes it
	unverified                // nobody can tell: publish, and say so
	again                     // this very record claimed it before a crash: publish
	claimed                   // claimed now: publish
)

// decide is the whole protocol on this side of Redis: what the answer to the claim of me means. It suppresses only on
// proof: an intact claim, for this very key, of another record under the same policy. Everything else is published.
//
// A later record of the same partition proves nothing: it would have met our claim if that had not been lost. Were it
// believed, two records could each be suppressed by the other, one before Redis forgets and one after; as it
// is, the first record of a partition that shows something is never a duplicate of the others.
func decide(me owner, a answer) verdict {
	if a.failed {
		return unverified
	}
	if a.absent {
		return claimed
	}
	standing, ok := decodeOwner(a.value)
	switch {
	case !ok || standing.tag != me.tag:
		return unverified
	case standing == me:
		return again
	case standing.policy != me.policy:
		return claimed
	case standing.source == me.source && standing.offset > me.offset:
		return unverified
	default:
		return duplicate
	}
}

// claim is a finding's key in Redis with the record that wants to own it.
type claim struct {
	key    string
	owner  owner
	second secondKey
}

// secondKey is where the claim is under the second secret. The zero secondKey is no place.
type secondKey struct {
	name string
	tag  uint64
}

// carried is the claim that stands under the second secret, as it is to stand under ours: whoever has it there has it here.
func (cl *claim) carried(there answer) (owner, bool) {
	standing, ok := decodeOwner(there.value)
	if !ok || standing.tag != cl.second.tag {
		return owner{}, false
	}
	standing.tag = cl.owner.tag
	return standing, true
}

// known is the answer to a claim of which is known what stood under the second secret: that there is none here is news only if there was none
// there, for what stood there has been carried over.
func known(there, here answer) answer {
	if here.absent && !there.absent {
		return answer{failed: true}
	}
	return here
}

// claims asks Redis who publishes what.
type claims struct {
	rdb     redis.UniversalClient
	secret  []byte
	second  []byte // the secret of claims that count too; nil for none
	prefix  string
	policy  string
	window  time.Duration
	timeout time.Duration
}

// of lists the claims of an item's findings, in the findings' order; of one without findings, the claim
// of its decision.
func (c *claims) of(o Origin, it *Item) []claim {
	findings := it.Decision.Findings
	if len(findings) == 0 {
		return []claim{c.one(o, it, "", "rule "+it.Decision.Rule)}
	}
	list := make([]claim, len(findings))
	for i := range findings {
		f := &findings[i]
		list[i] = c.one(o, it, f.Category.String(), evidenceOf(f))
	}
	return list
}

// evidenceOf is what makes two findings of a category the same for a reviewer: the contact itself, or where
// there is none what is done about it.
func evidenceOf(f *classify.Finding) string {
	if f.Normalized != "" {
		return "evidence " + f.Normalized
	}
	return "act " + f.Act.String()
}

// one makes a claim. Action and severity are in its key, so a reminder never hides a flag nor a mild flag a
// severe one; so is the policy, so the claims of an older one are neither obeyed nor in the way.
func (c *claims) one(o Origin, it *Item, category, evidence string) claim {
	m, d := it.Message, &it.Decision
	place := func(secret []byte) (name string, tag uint64) {
		sum := keyed(secret, "claim", c.policy, d.Action.String(), d.Severity.String(),
			m.ConversationID, m.SenderID, category, evidence)
		return c.prefix + "claim:" + base64.RawURLEncoding.EncodeToString(sum[:16]), binary.BigEndian.Uint64(sum[16:])
	}
	cl := claim{owner: owner{
		source: short("source", o.Topic, o.Incarnation, strconv.Itoa(o.Partition)),
		policy: short("policy", c.policy),
		offset: it.Offset,
	}}
	cl.key, cl.owner.tag = place(c.secret)
	if c.second != nil {
		cl.second.name, cl.second.tag = place(c.second)
	}
	return cl
}

// ask puts every claim in one pipelined round trip, before which another looks for them under a second secret. It returns an answer for
// each; a fault makes answers, not an error. On a cluster the pipeline is split by node, so each command's own error counts.
func (c *claims) ask(ctx context.Context, list []claim) []answer {
	if len(list) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	there := c.look(ctx, list)
	pipe := c.rdb.Pipeline()
	replies := make([]*redis.StatusCmd, len(list))
	for i, cl := range list {
		if o, ok := cl.carried(there[i].answer); ok {
			_ = pipe.SetArgs(ctx, cl.key, o.encode(), redis.SetArgs{Mode: "NX", TTL: there[i].rest}) // what comes next says who has it
		}
		replies[i] = pipe.SetArgs(ctx, cl.key, cl.owner.encode(), redis.SetArgs{Mode: "NX", Get: true, TTL: c.window})
	}
	_, _ = pipe.Exec(ctx) // the first of the commands' errors, or that of a hook which ran none of them: their answers are then empty
	answers := make([]answer, len(list))
	for i, r := range replies {
		answers[i] = known(there[i].answer, answerOf(r.Result()))
	}
	return answers
}

// standing is what stands under the second secret, and for how long yet.
type standing struct {
	answer
	rest time.Duration
}

// look is what stands for each claim: nothing where there is no second secret.
func (c *claims) look(ctx context.Context, list []claim) []standing {
	there := make([]standing, len(list))
	if c.second == nil {
		for i := range there {
			there[i].absent = true
		}
		return there
	}
	pipe := c.rdb.Pipeline()
	values, rests := make([]*redis.StringCmd, len(list)), make([]*redis.DurationCmd, len(list))
	for i, cl := range list {
		values[i], rests[i] = pipe.Get(ctx, cl.second.name), pipe.PTTL(ctx, cl.second.name)
	}
	_, _ = pipe.Exec(ctx) // as in ask
	for i, v := range values {
		rest, err := rests[i].Result()
		there[i] = standing{answer: answerOf(v.Result()), rest: min(rest, c.window)}
		switch {
		case err != nil:
			there[i].answer = answer{failed: true}
		case rest <= 0 && !there[i].failed: // it has just ended
			there[i].answer = answer{absent: true}
		}
	}
	return there
}

func answerOf(value string, err error) answer {
	switch {
	case errors.Is(err, redis.Nil):
		return answer{absent: true}
	case err != nil:
		return answer{failed: true}
	default:
		return answer{value: value}
	}
}

// keyed is the HMAC-SHA256 of the fields; short is the start of their SHA-256. Fields are told apart by their
// lengths, uses by their first field.
func keyed(secret []byte, fields ...string) []byte {
	h := hmac.New(sha256.New, secret)
	for _, f := range fields {
		h.Write(framed(f))
	}
	return h.Sum(nil)
}

func digest(fields ...string) [sha256.Size]byte {
	var b []byte
	for _, f := range fields {
		b = append(b, framed(f)...)
	}
	return sha256.Sum256(b)
}

func short(fields ...string) uint64 {
	sum := digest(fields...)
	return binary.BigEndian.Uint64(sum[:])
}

func framed(s string) []byte {
	return append(binary.AppendUvarint(make([]byte, 0, len(s)+4), uint64(len(s))), s...)
}

// settle decides each item of a batch in order: items[i] has the claims lists[i], the answers are theirs one after the
// other. An item goes out unless all of its claims are duplicates. What an earlier item of the batch
// publishes is a duplicate even where Redis could not tell: it is acknowledged before either is committed, so that loses nothing.
func settle(lists [][]claim, answers []answer, count *Claims) []verdict {
	verdicts := make([]verdict, len(lists))
	published := make(map[string]bool)
	for i, list := range lists {
		for j, cl := range list {
			v := ruling(cl.owner, answers[j])
			if published[cl.key] {
				v = duplicate
			}
			count.add(v)
			verdicts[i] = max(verdicts[i], v)
		}
		answers = answers[len(list):]
		if verdicts[i] == duplicate {
			continue
		}
		for _, cl := range list {
			published[cl.key] = true
		}
	}
	return verdicts
}
