package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onside/internal/classify"
)

// TestTryFindsTheRuleOfTheDecision holds the trials of every category, act, stage and score against what Decide says.
func TestTryFindsTheRuleOfTheDecision(t *testing.T) {
	p := Default()
	for _, role := range []string{"client", "system"} {
		for stage := range classify.Stage(3) {
			for c := range classify.Category(classify.NumCategories) {
				for a := range classify.Act(classify.NumActs) {
					for _, score := range []float64{0.2, 0.5, 0.9} {
						m := &classify.Message{SenderRole: role, Stage: stage}
						findings := []classify.Finding{finding(c, a, score)}
						d, applies := p.Decide(m, findings), false
						for _, x := range p.Try(m, findings) {
							applies = applies || x.Miss == "" && x.Rule == d.Rule && x.Action == d.Action && score >= x.MinScore
							if x.Miss == "" && d.Action == None {
								t.Errorf("%s %s %s %.1f by %s: %s applies, and the decision is none", stage, c, a, score, role, x.Rule)
							}
						}
						if applies != (d.Action != None) {
							t.Errorf("%s %s %s %.1f by %s: no trial has the rule of %+v", stage, c, a, score, role, d)
						}
					}
				}
			}
		}
	}
}

func TestTrySaysWhy(t *testing.T) {
	p, err := Parse([]byte(strings.Replace(string(defaultSource), "own_tools: []", "own_tools: [meet.example.org]", 1)))
	if err != nil {
		t.Fatal(err)
	}
	own := finding(classify.ChannelMeeting, classify.Share, 1)
	own.Normalized = "meet.example.org"
	phone, weak := finding(classify.ContactPhone, classify.Share, 1), finding(classify.ContactPhone, classify.Share, 0.39)
	for name, c := range map[string]struct {
		message classify.Message
		finding classify.Finding
		want    Miss
	}{
		"applies":             {finding: phone},
		"too weak":            {finding: weak, want: MissScore},
		"too late":            {message: classify.Message{Stage: classify.Active}, finding: phone, want: MissStage},
		"a refusal":           {finding: finding(classify.ContactPhone, classify.Refuse, 1), want: MissAct},
		"the platform speaks": {message: classify.Message{SenderRole: "support"}, finding: phone, want: MissRole},
		"the platform's tool": {finding: own, want: MissOwnTool},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.Try(&c.message, []classify.Finding{c.finding})
			if len(got) != 1 {
				t.Fatalf("%d trials, want one", len(got))
			}
			rule := "contact-before-contract"
			if c.finding.Category == classify.ChannelMeeting {
				rule = "channel-before-contract"
			}
			want := []Trial{{Rule: rule, Action: Review, MinScore: 0.4, Miss: c.want}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("trial (-want +got):\n%s", diff)
			}
		})
	}
}
