// Package policy decides what the marketplace wants done about a finding: nothing, a reminder, or a review.
//
// It is pure. A policy is a YAML file that analysts own: stages, exempt roles, own tools, rules with severities,
// and the words of its reasons. The default is the policy of the labelling guide. The same file gives the same
// Version everywhere and, for the same message and findings, the same Decision for ever.
package policy

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
	"strings"

	"onside/internal/classify"
)

// Action is what is done about a message.
type Action uint8

// The actions, mildest first.
const (
	None Action = iota
	Remind
	Review
)

var actionNames = []string{"none", "remind", "review"}

func (a Action) String() string { return actionNames[a] }

// Severity orders the review queue.
type Severity uint8

// The severities, mildest first.
const (
	Low Severity = iota
	Medium
	High
)

var severityNames = []string{"low", "medium", "high"}

func (s Severity) String() string { return severityNames[s] }

// Decision is the policy's answer for one message.
type Decision struct {
	Action   Action
	Severity Severity
	Rule     string             // id of the rule that decided; empty where none did
	Reason   string             // in words, for the reviewer
	Findings []classify.Finding // those that count towards Action, highest score first
}

// Policy is a parsed policy file. It is immutable and safe for concurrent use.
type Policy struct {
	source   []byte
	version  string
	name     string
	exempt   []string
	ownTools []string
	words    map[string]string
	rules    []rule
}

// rule says what is done about some findings.
type rule struct {
	id         string
	action     Action
	severity   Severity
	stages     uint8  // bit a stage
	categories uint32 // bit a category
	acts       uint8  // bit an act
	minScore   float64
}

//go:embed default.yaml
var defaultSource []byte

// Default is the embedded policy. It panics if the build embedded a file that Parse refuses; a test reads it.
func Default() *Policy {
	p, err := Parse(defaultSource)
	if err != nil {
		panic("policy: default: " + err.Error())
	}
	return p
}

// Source is the file that the policy was parsed from. It must not be changed.
func (p *Policy) Source() []byte { return p.source }

// Version is the hash of the policy's source, 12 hex digits.
func (p *Policy) Version() string { return p.version }

// Name is what the file calls itself.
func (p *Policy) Name() string { return p.name }

func version(source []byte) string {
	sum := sha256.Sum256(source)
	return hex.EncodeToString(sum[:6])
}

// Decide applies the policy. It does not keep m or findings.
func (p *Policy) Decide(m *classify.Message, findings []classify.Finding) Decision {
	if len(findings) == 0 || p.isExempt(m) {
		return Decision{}
	}
	var d Decision
	var by *rule
	for _, f := range findings {
		r := p.ruleFor(m.Stage, f)
		if r == nil || r.action == None || r.action < d.Action {
			continue
		}
		if r.action > d.Action {
			d.Action, d.Findings, by = r.action, nil, nil
		}
		d.Findings = append(d.Findings, f)
		if by == nil || r.severity > by.severity {
			by = r
		}
	}
	if by == nil {
		return Decision{}
	}
	slices.SortStableFunc(d.Findings, func(a, b classify.Finding) int { return cmp.Compare(b.Score, a.Score) })
	d.Severity, d.Rule, d.Reason = by.severity, by.id, p.reason(m.Stage, by, d.Findings)
	return d
}

// ruleFor is the strongest rule that applies to the finding, nil where none does.
func (p *Policy) ruleFor(stage classify.Stage, f classify.Finding) *rule {
	if p.isOwn(f) {
		return nil
	}
	var best *rule
	for i := range p.rules {
		r := &p.rules[i]
		if r.miss(stage, f) != "" {
			continue
		}
		if best == nil || r.action > best.action || r.action == best.action && r.severity > best.severity {
			best = r
		}
	}
	return best
}

func (p *Policy) isExempt(m *classify.Message) bool { return slices.Contains(p.exempt, m.SenderRole) }

func (p *Policy) isOwn(f classify.Finding) bool {
	return f.Normalized != "" && slices.Contains(p.ownTools, f.Normalized)
}

// miss says why the rule does not apply to the finding; empty where it does.
func (r *rule) miss(stage classify.Stage, f classify.Finding) Miss {
	switch {
	case r.categories>>f.Category&1 == 0:
		return MissCategory
	case r.stages>>stage&1 == 0:
		return MissStage
	case r.acts>>f.Act&1 == 0:
		return MissAct
	case f.Score < r.minScore:
		return MissScore
	}
	return ""
}

// reason says in words what the surest finding of the deciding rule is.
func (p *Policy) reason(stage classify.Stage, by *rule, findings []classify.Finding) string {
	f := findings[0]
	for _, g := range findings {
		if by.categories>>g.Category&1 == 1 {
			f = g
			break
		}
	}
	return strings.Join([]string{p.words[f.Category.String()], p.words[f.Act.String()], p.words[stage.String()]}, " ") + "."
}
