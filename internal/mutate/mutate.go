// Package mutate disguises contacts the way people do. It takes a message in which a telephone number, an address, a user name or the name of an
// app stands in the open, and writes it again through every family of disguise that the labelling guide names.
//
// It is the adversary of the classifier's decoders and shares nothing with them: its words for digits, signs and apps were written down on
// their own (*.tsv), so that a form which the classifier does not know shows as a miss. It serves two questions: which disguise gets
// through, and what the decoders cost when somebody innocent writes a price that way.
//
// It is pure, and deterministic: the same source gives the same mutants, whatever else is mutated. What it promises: every mutant is valid UTF-8 if the source
// is, keeps the words around the evidence, and says what the source said to a person who reads it.
package mutate

import (
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// Kind is what a target is.
type Kind uint8

// The kinds of target.
const (
	Phone    Kind = iota
	Email         // local@host.tld
	Handle        // a user name, its @ included
	App           // the name of a messenger or network
	Number        // a price, a quantity, an order number: no contact
	NumKinds = iota
)

var kindNames = [NumKinds]string{"phone", "e-mail", "handle", "app", "number"}

func (k Kind) String() string { return kindNames[k] }

// Target is evidence that stands in the open: a half-open byte range of a text.
type Target struct {
	Kind       Kind
	Start, End int
}

// Source is a message with the evidence that is to be disguised.
type Source struct {
	Text   string
	Target Target
	Lang   string // BCP 47; decides in which language a disguise is announced
	Seed   uint64
}

// Mutant is a message, or several in a row, that say what one message said in the open.
type Mutant struct {
	Family  string // as the labelling guide calls the disguise
	Variant string // which of the family: a language, an encoding, a sign
	Lines   []Line
}

// Line is one message of a mutant.
type Line struct {
	Text  string
	Decoy bool // said by the other party, and innocent
}

// Mutants disguises the target of a message in every way that it can be disguised in.
func Mutants(s Source) []Mutant {
	c := carrier{
		before: s.Text[:s.Target.Start], evidence: s.Text[s.Target.Start:s.Target.End], after: s.Text[s.Target.End:],
		kind: s.Target.Kind, lang: s.Lang,
	}
	var out []Mutant
	for _, d := range disguises() {
		if d.kinds&(1<<c.kind) == 0 {
			continue
		}
		c.rand = draw(s, d)
		if lines := d.write(&c); lines != nil {
			out = append(out, Mutant{d.family, d.variant, lines})
		}
	}
	return out
}

// draw is the source of chance for one disguise of one text; no other disguise draws from it.
func draw(s Source, d disguise) *rand.Rand {
	h := fnv.New64a()
	for _, part := range [...]string{d.family, d.variant, s.Text} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(s.Seed, h.Sum64()))
}

// disguise is one way of writing evidence.
type disguise struct {
	family, variant string
	kinds           kinds
	write           func(*carrier) []Line // nil where this evidence cannot be written so
}

// kinds is a set of Kind.
type kinds uint8

const (
	digits   kinds = 1<<Phone | 1<<Number
	names    kinds = 1<<Email | 1<<Handle | 1<<App
	anything       = digits | names
)

// carrier is the message around the evidence.
type carrier struct {
	before, evidence, after string
	kind                    Kind
	lang                    string
	rand                    *rand.Rand
}

// line is the message with the evidence written otherwise; nothing where it is written as before.
func (c *carrier) line(evidence string) []Line {
	if evidence == "" || evidence == c.evidence {
		return nil
	}
	return []Line{{Text: c.before + evidence + c.after}}
}

// inPlace is a disguise that touches nothing but the evidence.
func inPlace(write func(evidence string, r *rand.Rand) string) func(*carrier) []Line {
	return func(c *carrier) []Line { return c.line(write(c.evidence, c.rand)) }
}

// ofDigits is a disguise of a number by its digits alone.
func ofDigits(write func(digits string, r *rand.Rand) string) func(*carrier) []Line {
	return func(c *carrier) []Line { return c.line(write(onlyDigits(c.evidence), c.rand)) }
}

// dialled is ofDigits with the plus that a number may begin with.
func dialled(write func(number string, r *rand.Rand) string) func(*carrier) []Line {
	return func(c *carrier) []Line {
		number := onlyDigits(c.evidence)
		if strings.HasPrefix(c.evidence, "+") {
			number = "+" + number
		}
		return c.line(write(number, c.rand))
	}
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
