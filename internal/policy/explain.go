package policy

import "onside/internal/classify"

// Miss is why a rule does not apply to a finding; empty where it applies.
type Miss string

// The misses. A rule of another category is missed for that alone, whatever else is different.
const (
	MissCategory Miss = "category"
	MissStage    Miss = "stage"
	MissAct      Miss = "act"
	MissScore    Miss = "score"    // below MinScore
	MissOwnTool  Miss = "own_tool" // the evidence is the platform's own
	MissRole     Miss = "role"     // the sender is exempt
)

// Trial is a rule held against a finding.
type Trial struct {
	Rule     string
	Action   Action
	MinScore float64
	Finding  int // index
	Miss     Miss
}

// Try holds every rule against every finding of its categories: the rules that Decide chooses from, and what kept the
// others out. The trials are in the order of the findings, then of the rules.
func (p *Policy) Try(m *classify.Message, findings []classify.Finding) []Trial {
	var out []Trial
	for i, f := range findings {
		for k := range p.rules {
			r := &p.rules[k]
			t := Trial{Rule: r.id, Action: r.action, MinScore: r.minScore, Finding: i, Miss: r.miss(m.Stage, f)}
			switch {
			case t.Miss == MissCategory:
				continue
			case p.isExempt(m):
				t.Miss = MissRole
			case p.isOwn(f):
				t.Miss = MissOwnTool
			}
			out = append(out, t)
		}
	}
	return out
}
