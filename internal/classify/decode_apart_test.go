package classify

import "testing"

func TestApart(t *testing.T) {
	checkReads(t, []reads{
		{"k-e-n-d-r-a-.-l-@-h-e-y-.-c-o-m", emailAddress, "kendra.l@hey.com", "punct"},
		{"[k][e][n][d][r][a][@][h][e][y][.][c][o][m]", emailAddress, "kendra@hey.com", "punct"},
		{"k💥e💥n💥d💥r💥a💥@💥h💥e💥y💥.💥c💥o💥m", emailAddress, "kendra@hey.com", "punct"},
		{"k/e*n_d~r|a-@,h.e/y_.~c*o|m", emailAddress, "kendra@hey.com", "punct"},
		{"mail me: é n o r a @ h e y . c o m", emailAddress, "nora@hey.com", "spaced"},
		{"h . l i n d @ t e l i a . c o m", emailAddress, "h.lind@telia.com", "spaced"},
		{"write h . lindqvist @ telia . com please", emailAddress, "h.lindqvist@telia.com", "at_dot"},
		{"luan . design @ bol . com . br", emailAddress, "luan.design@bol.com.br", "at_dot"},
		{"n i d a . k a r a m 9 at outlook", emailAddress, "nida.karam9@outlook.com", "spaced"},
		{"p l u m _ o t t e r _ r i g s", handleName, "plum_otter_rigs", "spaced"},
		{"<j><a><m><a><k><_><0><7> is me", handleName, "jamak_07", "punct"},
		{"@ t e a l f i n _ t o o l t i p on X", handleName, "tealfin_tooltip", "spaced"},
		{"my instagram is mossy _ gnarl", handleName, "mossy_gnarl", "spaced"},
		{"plum underscore otter underscore rigs", handleName, "plum_otter_rigs", "at_dot"},
		{"(3)(3)(9)(0)(7)(1)(8)(8)(4)(6)", phoneNumber, "+523390718846", "punct"},
		{"8:1:3~4_0,2|7*7.6*5", phoneNumber, "+18134027765", "punct"},
	})
	checkTools(t, map[string]string{
		"on w h a t s a p p i think": "whatsapp",
		"u on t e l e g r a m":       "telegram",
		"w-h_a.t*s|a,p:p me":         "whatsapp",
		"v,i:b*e|r":                  "viber",
		"d i s c o r d, my group":    "discord",
		"[s][k][y][p][e]":            "skype",
		"T💥e💥l💥e💥g💥r💥a💥m works too":  "telegram",
	})
	checkSilent(t,
		"J. R. R. Tolkien and C. S. Lewis",
		"a/b/c/d testing, then x, y, z",
		"the grades were A-B-B-C-A and D",
		"1. a 2. b 3. c 4. d",
		"1,2;3,4;5,6;7,8",
		"version 1.2-3_4",
		"use underscore in names, not a dash",
		"put an underscore between words",
		"meet @ noon on zoom",
		"I + U = <3",
	)
}

// checkTools fails unless each text names the tool beyond doubt.
func checkTools(t *testing.T, table map[string]string) {
	t.Helper()
	for text, want := range table {
		if got := toolsIn(text); !got[want] {
			t.Errorf("%q names %v, want %s", text, got, want)
		}
	}
}

// toolsIn are the tools that the text names beyond doubt, by name.
func toolsIn(text string) map[string]bool {
	var f folded
	var s scratchEvidence
	f.fold(text)
	testExtractor().find(&f, &s, nil)
	out := map[string]bool{}
	for _, h := range testExtractor().namedTools(&s, nil) {
		if h.strong {
			out[h.tool.name] = true
		}
	}
	return out
}

// checkNoTool fails if a text names a tool beyond doubt.
func checkNoTool(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if got := toolsIn(text); len(got) > 0 {
			t.Errorf("%q names %v", text, got)
		}
	}
}
