package classify

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"onside/internal/mutate"
)

var testExtractor = sync.OnceValue(func() *extractor {
	x, err := newExtractor()
	if err != nil {
		panic(err)
	}
	return x
})

// reads is a text and what must be read in it.
type reads struct {
	text string
	kind kind
	want string // normalized
	by   string // a decoder that must be named; "" where the evidence stands in the open
}

func evidenceIn(text string) []evidence {
	var f folded
	f.fold(text)
	return testExtractor().find(&f, new(scratchEvidence), nil)
}

// checkReads fails unless every text gives its evidence with at least middling confidence.
func checkReads(t *testing.T, table []reads) {
	t.Helper()
	for _, c := range table {
		ev := evidenceIn(c.text)
		i := slices.IndexFunc(ev, func(e evidence) bool {
			return e.kind == c.kind && e.normalized == c.want && !e.fragment && e.confidence >= .4
		})
		switch {
		case i < 0:
			t.Errorf("%q: want %q of kind %d, have %+v", c.text, c.want, c.kind, ev)
		case c.by != "" && !slices.Contains(ev[i].by, c.by):
			t.Errorf("%q: read by %q, want %q among them", c.text, ev[i].by, c.by)
		case c.by == "" && len(ev[i].by) > 0:
			t.Errorf("%q: read by %q, but it stands in the open", c.text, ev[i].by)
		}
	}
}

// checkSilent fails if a text gives evidence of a contact or a payment id in which somebody could believe.
func checkSilent(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		for _, e := range evidenceIn(s) {
			if e.confidence >= .4 && !e.placeholder && !e.fragment && (e.kind <= meetingLink || e.kind == paymentID) {
				t.Errorf("%q gives %+v", s, e)
			}
		}
	}
}

func TestEmail(t *testing.T) {
	checkReads(t, []reads{
		{"write to intake@harborline-legal.com today", emailAddress, "intake@harborline-legal.com", ""},
		{"Mail: J.Farkas+web@Proton.me.", emailAddress, "j.farkas+web@proton.me", ""},
		{"nur an info@weingut-kessel-erben.de", emailAddress, "info@weingut-kessel-erben.de", ""},
		{"marta.k@gmail pls", emailAddress, "marta.k@gmail.com", ""},
		{"邮箱saeki@hana-kensetsu.jp", emailAddress, "saeki@hana-kensetsu.jp", ""},
	})
	checkSilent(t,
		"use user@example.com in the docs",
		"john.doe@test.com / 1234 opens the demo",
		"clone git@github.com:acme/shop.git",
		"the regex is [a-z]+@[a-z]+",
		"logo@2x.png is the retina one",
		"@media (min-width: 600px) {}",
	)
}

func TestPhone(t *testing.T) {
	checkReads(t, []reads{
		{"Use ours please, (503) 288-9174, and go a size smaller", phoneNumber, "+15032889174", ""},
		{"direct +46 8 4102 7735", phoneNumber, "+46841027735", ""},
		{"ok my line 0101 447 903", phoneNumber, "+33101447903", ""},
		{"my mobile's 07712 664 093", phoneNumber, "+447712664093", ""},
		{"appelez le 06 32 18 77 04", phoneNumber, "+33632187704", ""},
		{"call 98220 41766", phoneNumber, "+919822041766", ""},
		{"звони 8 916 407 22 35", phoneNumber, "+79164072235", ""},
		{"रख लीजिए ९८२२०४१७६६ नंबर", phoneNumber, "+919822041766", ""},
		{"put this in yr phone 0 8 5 . 2 1 4 . 7 7 3 9", phoneNumber, "+353852147739", "punct"},
		{"ring 07~4~1~8~~2~6~6~~0~3~9", phoneNumber, "+447418266039", "punct"},
		{"☎ 0️⃣7️⃣4️⃣2️⃣6️⃣ 9️⃣1️⃣5️⃣ 0️⃣8️⃣3️⃣", phoneNumber, "+447426915083", "emoji"},
		{"my no is ＋３５３ ８５ ３３１ ７２０８", phoneNumber, "+353853317208", "homoglyph"},
		{"text 806-795-2218\" and so on", phoneNumber, "+18067952218", ""},
		{"momo 0️⃣2️⃣4️⃣4️⃣9️⃣1️⃣7️⃣3️⃣3️⃣6️⃣", phoneNumber, "+33244917336", "emoji"},
		{"al 6\u200b4\u200b4\u200b9\u200b0\u200b2\u200b3\u200b1\u200b7 y", phoneNumber, "+34644902317", "zero_width"},
	})
	checkSilent(t,
		"due 2024-03-01, then 1.3.2024 and 01/03/2024",
		"at 14:30 or 16:45 on the 12th",
		"tiles are 60 x 58 x 72 and 75x150",
		"price is $1,200 or 1.200,50 €",
		"order 4471902285 shipped",
		"invoice no. 0176-2849-9133 is paid",
		"tracking 00340434161094042557",
		"EAN 4006381333931, ISBN 978-3-16-148410-0",
		"ping 192.168.1.10 and 127.0.0.1:11211",
		"from v0.43.0 to v0.45.0",
		"at 53.3498, -6.2603 on the map",
		"md5 9e107d9d372bb6826bd81d3542a419d6",
		"card 4242 4242 4242 4242 works in test mode",
		"call 555-0142 in the demo, or +1 202 555 0188",
		"1234567890 as a sample",
		"rows 1998 2004 2010 2016",
		"3152.536565 seconds",
		"1280 x 1024 and 1440 x 900",
		"pi is 3.14159 26535 89793",
	)
}

func TestPhonePlaceholder(t *testing.T) {
	for _, s := range []string{"call 202-555-0188 now", "+44 7700 900123", "tel 0000 000 000", "phone 1234567890"} {
		ev := evidenceIn(s)
		if len(ev) != 1 || !ev[0].placeholder {
			t.Errorf("%q gives %+v, want one placeholder", s, ev)
		}
	}
}

func TestPhoneFragments(t *testing.T) {
	for s, want := range map[string]string{
		"first bit 0821":             "0821",
		"plus four four":             "44",
		"and last: seven 9 one":      "791",
		"sorry, it ends with 02":     "02",
		"dazu noch vier sieben eins": "471",
	} {
		ev := evidenceIn(s)
		if len(ev) != 1 || !ev[0].fragment || ev[0].normalized != want || ev[0].confidence >= .6 {
			t.Errorf("%q gives %+v, want the fragment %q", s, ev, want)
		}
	}
}

func TestLink(t *testing.T) {
	checkReads(t, []reads{
		{"tap https://wa.me/40751330268", contactLink, "wa.me/40751330268", ""},
		{"t.me/pelumi_backoff is me", contactLink, "t.me/pelumi_backoff", ""},
		{"join discord.gg/mQ7pVtXn", contactLink, "discord.gg/mq7pvtxn", ""},
		{"linkedin.com/in/aranzazu-medtrad", contactLink, "linkedin.com/in/aranzazu-medtrad", ""},
		{"https://www.instagram.com/kettle.bells/", contactLink, "instagram.com/kettle.bells/", ""},
		{"https://us02web.zoom.us/j/84?pwd=x", meetingLink, "us02web.zoom.us/j/84?pwd=x", ""},
		{"meet.google.com/kwd-tfpz-xnq", meetingLink, "meet.google.com/kwd-tfpz-xnq", ""},
		{"calendly.com/nora/15", meetingLink, "calendly.com/nora/15", ""},
		{"https://github.com/acme/shop", workLink, "github.com/acme/shop", ""},
		{"paypal.me/nora", paymentID, "paypal.me/nora", ""},
		{"http://nora-prints.com/about", otherLink, "nora-prints.com/about", ""},
		{"my wа.me/40751330268", contactLink, "wa.me/40751330268", "homoglyph"},
	})
	checkSilent(t,
		"https://github.com/acme/shop and https://figma.com/file/x",
		"https://www.youtube.com/watch?v=1",
		"see instagram.com/p/Cxyz for the style",
		"That is done.So we go on.It works",
		"node.js, index.html and main.go",
	)
}

func TestHandle(t *testing.T) {
	checkReads(t, []reads{
		{"telegram: @prof_kettle", handleName, "prof_kettle", ""},
		{"my discord is Zephyr#0417", handleName, "zephyr#0417", ""},
		{"ig: clip.wrangler", handleName, "clip.wrangler", ""},
		{"add me on skype, live:wendell.cob", handleName, "live:wendell.cob", ""},
		{"birria_bucket on telegram", handleName, "birria_bucket", ""},
		{"微信号 xiaotao_0411", handleName, "xiaotao_0411", ""},
		{"ไลน์ไอดี ekfaifa88", handleName, "ekfaifa88", ""},
		{"my telegram is papa underscore lima india november delta", handleName, "papa_lind", "phonetic"},
		{"insta is t h e o . r e a d s", handleName, "theo.reads", "spaced"},
		{"rαnκοseο on Ѕkуре", handleName, "rankoseo", "homoglyph"},
	})
	checkSilent(t,
		"I build Telegram bots and the WhatsApp Business API",
		"the button says share on Facebook",
		"For Telegram stickers I need 512x512 PNG, for LINE 370x320",
		"zoom in on the signal line",
		"Discord is easier than Slack for me",
	)
}

func TestPayment(t *testing.T) {
	checkReads(t, []reads{
		{"IBAN DE89 3704 0044 0532 0130 00", paymentID, "DE89370400440532013000", ""},
		{"nora@okhdfcbank works", paymentID, "nora@okhdfcbank", ""},
		{"cash app $kurlupdye", paymentID, "$kurlupdye", ""},
		{"0x52908400098527886E0F7030069857D2E4169EE7", paymentID, "0x52908400098527886E0F7030069857D2E4169EE7", ""},
		{"trc20: TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", paymentID, "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", ""},
		{"pix 529.982.247-25", paymentID, "52998224725", ""},
	})
	checkSilent(t,
		"IBAN field: DE00 0000 0000 0000 0000 00 is refused",
		"$product_list and $cart are PHP",
		"it costs $200 usd",
		"commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
	)
}

// FuzzFind reads any text: evidence lies on whole characters, in order, within the bounds.
func FuzzFind(f *testing.F) {
	for _, s := range []string{
		"call plus four four, seven 9 one 1, four zero 8", "k/e/n/d/r/a at hey dot com", "moc.liamg@x backwards", "cmF2aS5rLnBhdGVsODJAZ21haWwuY29t",
		"-- .- .-. .-.", "40+2 3x4 6^2", "а@б.рф", "微信号 x_1", "((((((at))))))", "%2E%2e%", "&#122;&#x40;", "a\nb\nc\nd", strings.Repeat("at ( ", 300), strings.Repeat("1 ", 600),
		strings.Repeat("double ", 200), strings.Repeat("@a.", 300), strings.Repeat("0x", 200), "０７٠١৭", "g m a i l d o t c o m",
	} {
		f.Add(s)
	}
	for _, s := range hostileTexts(300) {
		f.Add(s)
	}
	for _, text := range []string{"my number is +92 300 1234567, ok", "write to nora.k@proton.me", "i am @mossy_gnarl there", "whatsapp me"} {
		for _, m := range mutate.Mutants(mutate.Source{Text: text, Target: mutate.Find(text)[0]}) {
			f.Add(m.Lines[0].Text)
		}
	}
	var s scratchEvidence
	var fd folded
	f.Fuzz(func(t *testing.T, text string) {
		fd.fold(text)
		ev := testExtractor().find(&fd, &s, nil)
		if len(s.pieces) > maxPieces || len(ev) > maxEvidence || s.budget < 0 || s.steps > stepsAtLeast+stepsPerByte*len(text) {
			t.Fatalf("%d pieces, %d pieces of evidence, %d lookups left, %d steps for %d bytes", len(s.pieces), len(ev), s.budget, s.steps, len(text))
		}
		checkEvidence(t, text, ev)
	})
}

func checkEvidence(t *testing.T, text string, ev []evidence) {
	t.Helper()
	last := 0
	for _, e := range ev {
		if e.start < last || e.start >= e.end || e.end > len(text) || !boundary(text, e.start) || !boundary(text, e.end) {
			t.Fatalf("%q: evidence %+v after %d", text, e, last)
		}
		if e.confidence <= 0 || e.confidence > 1 || int(e.kind) >= numKinds || e.normalized == "" {
			t.Fatalf("%q: evidence %+v", text, e)
		}
		last = e.start
	}
	if len(ev) > maxEvidence {
		t.Fatalf("%q: %d pieces of evidence", text, len(ev))
	}
}

// hostile are texts made to take long, by their unit.
var hostile = map[string]string{
	"digits": "1", "spaced digits": "1 ", "number words": "seven ", "double": "double ", "at": "at ", "brackets": "at ( ", "dots": "a dot ", "addresses": "a@b.", "ats": "@", "homoglyphs": "ѕкуре а",
	"marks": "\u0301", "keycaps": "7️⃣", "tools": "telegram ", "hex": "7a ", "base64": "cmF2aS5rLnBhdGVsODJ ", "percent": "%2E", "morse": ".- ", "sums": "3x4 ", "lines": "t\n", "compound": "einundzwanzig", "letters": "a ", "nato": "alpha ", "han": "一二三", "phones": "07712 664 093, ", "reverse": "backwards 12345 ",
	"references": "&#64;", "iban": "de89 3704 ", "names": "a_b.c ", "underscore": "a underscore ", "paths": "a.com/x ", "leet": "7313gr4m ",
	"path": "x/", "labels": "a.", "cash": "$abc ", "cash app": "cash app $abc ", "mixed alphabets": "ѡһатѕаррa ", "accents": "é@", "turned": "ɯɐɹƃǝןǝ ", "invisible": "a\u200bon telegram ", "letters and signs": "a-", "brackets and letters": "[a]", "any signs": "a-b.",
	"leet signs": "a@1$", "leet tools": "wh4t5app1", "compounds": "achtundvierzig, ", "weak words": "to for ", "pinyin": "yi er ", "tools and names": "telegram a_b ", "emoji": "💥a", "letter names": "see oh em dot ", "mentions": "@a ", "tags": "a#1234 ", "hashes": "#", "plus": "+1 ",
}

// nested is text that is the encoding of an encoding of an encoding: only one is undone.
func nested(size int) string {
	s := "telegram: @mossy_gnarl, +92 300 1234567"
	for len(s) < size {
		s = base64.StdEncoding.EncodeToString([]byte(s))
	}
	return s
}

// longHost is one address with as many labels and as long a path as fit.
func longHost(size int) string {
	return strings.Repeat("a.", 120) + "docs.google.com/" + strings.Repeat("x/", size/2)
}

// hostileTexts are texts of the size that are made to take long, by name.
func hostileTexts(size int) map[string]string {
	out := map[string]string{"nested": nested(size), "host and path": longHost(size)}
	for name, unit := range hostile {
		out[name] = strings.Repeat(unit, 1+size/len(unit))
	}
	return out
}

// stepsPerByte bounds what the decoders may look at for a byte of text, whatever the text, after a first stepsAtLeast: a constant, so that no text takes more than linear time.
// The most that hostileTexts reach is a third of it.
const (
	stepsPerByte = 300
	stepsAtLeast = 1 << 16
)

// TestWorkIsLinear counts what the decoders look at, not what the clock says: never more than a constant for each byte, and no more for each
// byte of a long text than of a short one.
func TestWorkIsLinear(t *testing.T) {
	const short, long = 4 << 10, 64 << 10
	texts := hostileTexts(long)
	for name, text := range hostileTexts(short) {
		few, many := workOf(t, text), workOf(t, texts[name])
		t.Logf("%-22s %6.1f steps a byte of %d, %6.1f of %d", name, float64(few)/float64(len(text)), len(text), float64(many)/float64(len(texts[name])), len(texts[name]))
		if many > stepsAtLeast+stepsPerByte*len(texts[name]) || few > stepsAtLeast+stepsPerByte*len(text) {
			t.Errorf("%s: %d steps for %d bytes, %d for %d", name, few, len(text), many, len(texts[name]))
		}
		if perByte := float64(few) / float64(len(text)); float64(many) > stepsAtLeast+1.2*perByte*float64(len(texts[name])) {
			t.Errorf("%s: %.1f steps a byte of a short text, %.1f of a long one", name, perByte, float64(many)/float64(len(texts[name])))
		}
	}
}

// workOf are the steps that finding the evidence in a text takes; it holds the other bounds on the way.
func workOf(t *testing.T, text string) int {
	t.Helper()
	var s scratchEvidence
	var f folded
	f.fold(text)
	ev := testExtractor().find(&f, &s, nil)
	if len(s.pieces) > maxPieces || len(ev) > maxEvidence || s.budget < 0 {
		t.Errorf("%.40q…: %d pieces, %d pieces of evidence, %d lookups left", text, len(s.pieces), len(ev), s.budget)
	}
	checkEvidence(t, text, ev)
	return s.steps
}

// BenchmarkHostile: bytes a second must not fall from 4 KB to 64 KB.
func BenchmarkHostile(b *testing.B) {
	x := testExtractor()
	for _, size := range []int{4 << 10, 64 << 10} {
		for name, text := range hostileTexts(size) {
			b.Run(fmt.Sprintf("%s/%dKB", name, size>>10), func(b *testing.B) {
				var s scratchEvidence
				var f folded
				b.SetBytes(int64(len(text)))
				for range b.N {
					f.fold(text)
					x.find(&f, &s, nil)
				}
			})
		}
	}
}

func TestFindAllocatesNothingForCleanText(t *testing.T) {
	x := testExtractor()
	var s scratchEvidence
	var f folded
	var ev []evidence
	run := func() {
		f.fold(cleanText)
		ev = x.find(&f, &s, ev[:0])
	}
	run()
	if n := testing.AllocsPerRun(200, run); n != 0 || len(ev) > 0 {
		t.Errorf("%v allocations, evidence %+v", n, ev)
	}
}

func BenchmarkFind(b *testing.B) {
	for name, text := range map[string]string{
		"clean":    cleanText,
		"numbers":  "The ep is 74 mins, 3 mics, one hums at 50hz, two of them at 100, price 90 per ep, ready on the 14th at 10:30.",
		"tools":    "I'll build the Telegram bot and the WhatsApp Business API, then connect Stripe and PayPal.",
		"email":    "ok mail me the files at nora.prints@proton.me and I answer tonight",
		"phone":    "ring me when posted, my mobile is 07712 664 093",
		"dictated": "plus four four, then seven 9 one 1, four zero 8, two 6 three",
		"spoken":   "k/e/n/d/r/a/l/o/o/p/s at hey dot com and you'll get them",
		"russian":  "Добрый день, всё готово, посмотрите макет и напишите, что думаете",
	} {
		b.Run(name, func(b *testing.B) {
			x := testExtractor()
			var s scratchEvidence
			var f folded
			var ev []evidence
			f.fold(text)
			b.ReportAllocs()
			for b.Loop() {
				ev = x.find(&f, &s, ev[:0])
			}
		})
	}
}
