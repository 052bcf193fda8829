package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onside/internal/classify"
)

func finding(c classify.Category, a classify.Act, score float64) classify.Finding {
	return classify.Finding{Category: c, Act: a, Score: score}
}

func TestDefaultDecides(t *testing.T) {
	phone := finding(classify.ContactPhone, classify.Share, 0.9)
	pay := finding(classify.PaymentDirect, classify.Comply, 0.7)
	call := finding(classify.CallProposal, classify.Propose, 0.8)
	for name, c := range map[string]struct {
		role     string
		stage    classify.Stage
		findings []classify.Finding
		want     Decision
	}{
		"nothing found": {},
		"contact before the contract": {
			findings: []classify.Finding{phone},
			want: Decision{Review, High, "contact-before-contract",
				"A phone number was shared before the contract started.", []classify.Finding{phone}},
		},
		"contact in a running contract is free": {stage: classify.Active, findings: []classify.Finding{phone}},
		"payment in a running contract": {
			stage: classify.Active, findings: []classify.Finding{phone, pay},
			want: Decision{Review, High, "payment-outside",
				"Payment outside the platform was given or agreed to while the contract is running.", []classify.Finding{pay}},
		},
		"a call is worth a reminder": {
			findings: []classify.Finding{call},
			want: Decision{Remind, Low, "call-before-contract",
				"A call or meeting was proposed before the contract started.", []classify.Finding{call}},
		},
		"a review outweighs a reminder": {
			findings: []classify.Finding{call, phone},
			want: Decision{Review, High, "contact-before-contract",
				"A phone number was shared before the contract started.", []classify.Finding{phone}},
		},
		"the severest rule gives the reason": {
			findings: []classify.Finding{finding(classify.ChannelMessaging, classify.Propose, 0.95), phone},
			want: Decision{Review, High, "contact-before-contract", "A phone number was shared before the contract started.",
				[]classify.Finding{finding(classify.ChannelMessaging, classify.Propose, 0.95), phone}},
		},
		"refusing is no violation":  {findings: []classify.Finding{finding(classify.PaymentDirect, classify.Refuse, 0.99)}},
		"deferring is no violation": {findings: []classify.Finding{finding(classify.ChannelMessaging, classify.Defer, 0.99)}},
		"not sure enough":           {findings: []classify.Finding{finding(classify.ContactEmail, classify.Share, 0.39)}},
		"the platform itself":       {role: "system", findings: []classify.Finding{phone}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &classify.Message{SenderRole: c.role, Stage: c.stage}
			if diff := cmp.Diff(c.want, Default().Decide(m, c.findings)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwnToolsDoNotCount(t *testing.T) {
	src := strings.Replace(string(defaultSource), "own_tools: []", "own_tools: [meet.example.org]", 1)
	p, err := Parse([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	own := classify.Finding{Category: classify.ChannelMeeting, Act: classify.Share, Score: 1, Normalized: "meet.example.org"}
	if d := p.Decide(&classify.Message{}, []classify.Finding{own}); d.Action != None {
		t.Errorf("own tool: decision %+v", d)
	}
	own.Normalized = "whereby.com"
	if d := p.Decide(&classify.Message{}, []classify.Finding{own}); d.Action != Review {
		t.Errorf("other tool: decision %+v", d)
	}
	if p.Version() == Default().Version() {
		t.Error("another file has the same version")
	}
}

func TestParseReportsEveryFault(t *testing.T) {
	src := string(defaultSource)
	for _, r := range []struct{ old, new string }{
		{"name: default", "nmae: default"},
		{"  call.proposal: A call or meeting\n", ""},
		{"action: remind", "action: warn"},
		{"categories: [contact.request]", "categories: [contact.rquest, contact.phone]"},
		{"min_score: 0.4\n\n  - id: contact-before-contract", "min_score: 50\n\n  - id: payment-outside"},
	} {
		if !strings.Contains(src, r.old) {
			t.Fatalf("default policy has no %q", r.old)
		}
		src = strings.Replace(src, r.old, r.new, 1)
	}
	_, err := Parse([]byte(src))
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{"nmae: unknown key", "name: is missing", "words.call.proposal: is missing", `action: want one of none, remind, review, not "warn"`,
		`categories[0]: want one of`, `min_score: want a number from 0 to 1, not "50"`, `"payment-outside" names two rules`}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("no %q in\n%v", w, err)
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != len(want) {
		t.Errorf("%d faults, want %d:\n%v", got, len(want), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(defaultSource))
	f.Add("rules: [")
	f.Add("- a\n- b")
	f.Fuzz(func(t *testing.T, src string) {
		p, err := Parse([]byte(src))
		if (p == nil) == (err == nil) {
			t.Errorf("policy %v, error %v", p, err)
		}
	})
}
