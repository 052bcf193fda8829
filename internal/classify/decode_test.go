package classify

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

func TestSpelledAddresses(t *testing.T) {
	checkReads(t, []reads{
		{"write me: kendra.loops at hey dot com", emailAddress, "kendra.loops@hey.com", "at_dot"},
		{"k/e/n/d/r/a/l/o/o/p/s at hey dot com", emailAddress, "kendraloops@hey.com", "punct"},
		{"hq [at] hingewright [dot] co [dot] nz", emailAddress, "hq@hingewright.co.nz", "at_dot"},
		{"felicia.typingdesk(@)workmail(.)com", emailAddress, "felicia.typingdesk@workmail.com", "at_dot"},
		{"bigron underscore welds AT hot mail DOT co DOT uk", emailAddress, "bigron_welds@hotmail.co.uk", "at_dot"},
		{"I G O R dot T E C H at P O S T E O dot D E", emailAddress, "igor.tech@posteo.de", "spaced"},
		{"dorsetjogger at hotmail", emailAddress, "dorsetjogger@hotmail.com", "at_dot"},
		{"caltagirone punto terracotta chiocciola libero punto it", emailAddress, "caltagirone.terracotta@libero.it", "at_dot"},
		{"valentin.hoquet chez laposte point net", emailAddress, "valentin.hoquet@laposte.net", "at_dot"},
		{"svenja klammeraffe redegewandt punkt de", emailAddress, "svenja@redegewandt.de", "at_dot"},
		{"halina małpa korektorka kropka pl", emailAddress, "halina@korektorka.pl", "at_dot"},
		{"contato arroba sorrisoanselmo ponto com ponto br", emailAddress, "contato@sorrisoanselmo.com.br", "at_dot"},
		{"tuyendung a còng dichthuatkinhbac chấm vn", emailAddress, "tuyendung@dichthuatkinhbac.vn", "at_dot"},
		{"casting골뱅이moodroom쩜kr 로", emailAddress, "casting@moodroom.kr", "at_dot"},
		{"aiman noktah edit alias gmail noktah com", emailAddress, "aiman.edit@gmail.com", "at_dot"},
		{"pod.kurgucu ät yaandex nokta com", emailAddress, "pod.kurgucu@yandex.com", "at_dot"},
		{"ilse.roozeboom op ziggo punt nl", emailAddress, "ilse.roozeboom@ziggo.nl", "at_dot"},
		{"l4r5.p3n@pr0t0nm41l.c0m", emailAddress, "l4r5.p3n@proton.me", "leet"},

		// a provider under the domain that is named
		{"tessa.linde at gmx.net", emailAddress, "tessa.linde@gmx.net", "at_dot"},
		{"danciu punct qa arond yahoo punct ro", emailAddress, "danciu.qa@yahoo.ro", "at_dot"},
		{"luan dot design at bol dot com dot br", emailAddress, "luan.design@bol.com.br", "at_dot"},

		{"qa majmunče redakcija tačka rs", emailAddress, "qa@redakcija.rs", "at_dot"},
		{"nora.k afna posta pika si", emailAddress, "nora.k@posta.si", "at_dot"},
		{"nora.k мајмунче posta точка mk", emailAddress, "nora.k@posta.mk", "at_dot"},
		{"nora.k eta pastas taškas lt", emailAddress, "nora.k@pastas.lt", "at_dot"},
		{"nora.k ეთ posta წერტილი ge", emailAddress, "nora.k@posta.ge", "at_dot"},
		{"nora.k շնիկ posta կետ am", emailAddress, "nora.k@posta.am", "at_dot"},
		{"nora.k айқұлақ posta нүкте kz", emailAddress, "nora.k@posta.kz", "at_dot"},
		{"nora.k kuchukcha pochta nuqta uz", emailAddress, "nora.k@pochta.uz", "at_dot"},
		{"nora.k abildua posta puntu eu", emailAddress, "nora.k@posta.eu", "at_dot"},
		{"nora.k kwa alama ya at posta nukta ke", emailAddress, "nora.k@posta.ke", "at_dot"},
		{"tawreed.doha [at] ourmaktab [dot] qa", emailAddress, "tawreed.doha@ourmaktab.qa", "at_dot"},
	})
	checkSilent(t,
		"look at the dot in the middle",
		"I work at google.com on the dot",
		"meet at noon, point taken",
		"we met at gmail headquarters",
		"she is good at outlook rules",
		"Punkt acht an der Ecke",
		"the snail and the monkey dot the page",
		"Lisa gick hem att sova punkt",
		"мајмунче во зоолошка, точка",
	)
}

func TestPhonetic(t *testing.T) {
	checkReads(t, []reads{
		{"romeo alpha november golf echo romeo four two, at, proton, mike echo", emailAddress, "ranger42@proton.me", "phonetic"},
		{"Romeo Oscar Bravo dot Kilo India November Golf, at, fastmail dot com", emailAddress, "rob.king@fastmail.com", "phonetic"},
		{"niner tree fife, fower one six seven, zero two", phoneNumber, "+351935416702", "number_words:en"},
		{"eight seven six fower one eight six six zero tree", phoneNumber, "+918764186603", "number_words:en"},
		{"tee ay dee ee you at see oh en ess you ell tee oh are eye ay dot see oh em", emailAddress, "tadeu@consultoria.com", "phonetic"},
	})
	checkTools(t, map[string]string{
		"sun whiskey hotel alpha tango sierra alpha papa papa pe": "whatsapp",
		"on victor india bravo echo romeo":                        "viber",
		"your delta india sierra charlie oscar romeo delta?":      "discord",
	})
	checkSilent(t,
		"the hotel in India has golf and a tango course, Oscar",
		"Romeo and Juliet, in November",
		"oh see you there, are you ok",
		"delta to delta, echo to echo",
	)
}

func TestLeet(t *testing.T) {
	checkReads(t, []reads{
		{"zer0 sev3n eig8t thr33, f0ur tw0 tw0, 6ix 0ne 9ine 5ive", phoneNumber, "+447834226195", "leet"},
		{"im n0v4_k1w1 on d1sc0rd", handleName, "n0v4_k1w1", ""},
		{"my no 07 7OO 9l8 44", phoneNumber, "+33770091844", "leet"},
		{"k3ndr4@h3y.c0m", emailAddress, "k3ndr4@hey.com", "leet"},
		{"s1x, f0ur, f0ur, n1n3, z3r0, tw0, thr33, 0n3, s3v3n", phoneNumber, "+34644902317", "leet"},
	})
	checkSilent(t,
		"the vars are $pr0duct_l1st and c4rt",
		"sample: P@ssw0rd1 and L3tm31n!",
		"i386, amd64, h264 and mp3",
		"14b16 then 12-15-12",
		"=ROUND(B13/100000,2)",
		"foo@1.0.3 and bar@2.n3w3r",
		"procurve 2810-24G and N52.2053 E0.1218",
	)
}

func TestReversed(t *testing.T) {
	checkReads(t, []reads{
		{"read it backwards: ku.oc.oohay@sreppopdnaslrup", emailAddress, "purlsandpoppers@yahoo.co.uk", "reversed"},
		{"it's moc.duolci@esioneebdna", emailAddress, "andbeenoise@icloud.com", "reversed"},
		{"reverse this: 4482 710 0545 84+, from right to left", phoneNumber, "48545001728" + "44", "reversed"},
		{"713 209 446 (léelo al revés)", phoneNumber, "+34644902317", "reversed"},
		{"sgir_retto_mulp, read it backwards", handleName, "plum_otter_rigs", "reversed"},
		{"pitloot_niflaet@ (read it backwards)", handleName, "tealfin_tooltip", "reversed"},
		{"can we do it on drocsid", handleName, "discord", "reversed"},
	})
	checkSilent(t,
		"the palindrome 12321 read backwards is itself",
		"reverse the array, then mirror the image",
		"moc is short for method of change",
		"AMBULANCE in mirror writing",
		"read it backwards and tell me, thanks",
		"upside down cake_tin_01 is the file",
	)
}

func TestEncodings(t *testing.T) {
	mail := "ravi.k.patel82@gmail.com"
	checkReads(t, []reads{
		{"decode: " + base64.StdEncoding.EncodeToString([]byte(mail)), emailAddress, mail, "base64"},
		{"hex: " + hex.EncodeToString([]byte(mail)), emailAddress, mail, "hex"},
		{"73 61 6d 2e 77 40 70 6d 2e 6d 65 reaches me", emailAddress, "sam.w@pm.me", "hex"},
		{"kira%2Edev%40proton%2Eme decode with any url tool", emailAddress, "kira.dev@proton.me", "percent"},
		{"&#122;&#115;&#111;&#102;&#105;&#64;&#99;&#105;&#116;&#114;&#111;&#109;&#97;&#105;&#108;&#46;&#104;&#117;", emailAddress, "zsofi@citromail.hu", "html"},
		{"rot13: xven.qri@cebgba.zr", emailAddress, "kira.dev@proton.me", "rot13"},
		{"--... ....- ----- ...-- / ..... ..... ---.. / ----. .---- ..---", phoneNumber, "+17403558912", "morse"},
		{"nibbles 0000 0111 0100 1000 0000 0010 0010 0110 0001 1001 0101", phoneNumber, "+447480226195", "binary"},
		{"zl jungfncc vf ready", handleName, "whatsapp", "rot13"},
		{"rot13 cyhz_bggre_evtf", handleName, "plum_otter_rigs", "rot13"},

		// what means nothing in the open
		{"base64 NjQ0OTAyMzE3", phoneNumber, "+34644902317", "base64"},
		{"363434393032333137", phoneNumber, "+34644902317", "hex"},
		{"url %36%34%34%39%30%32%33%31%37, ok", phoneNumber, "+34644902317", "percent"},
		{"54 52 52 57 48 50 51 49 55", phoneNumber, "+34644902317", "ascii"},
		{"c2t5cGU=", handleName, "skype", "base64"},
		{"hex 5369676e616c", handleName, "signal", "hex"},
		{"74 65 6c 65 67 72 61 6d", handleName, "telegram", "hex"},
		{"706c756d5f6f747465725f72696773", handleName, "plum_otter_rigs", "hex"},
	})
	checkSilent(t,
		"session eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9 expired",
		"sha 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
		"colours 1a 2b 3c 4d 5e 6f",
		"bytes 01000001 01000010 01000011 01000100",
		"https://shop.example/?q=%2Fa%2Fb",
		"--------------------------------",
		"wait ... ... ... what - really -- ok",
		"antidisestablishmentarianism",
		"c29tZSB0ZXh0IGhlcmU= is a greeting",
		"str_rot13('nqzva cnary') in the legacy code",
		"48 65 6c 6c 6f 20 77 6f 72 6c 64",
		"%2Fhome%2Fuser%2Ffiles",
		"order 31323334 and 35363738 shipped",
	)
}

func TestArithmetic(t *testing.T) {
	checkReads(t, []reads{
		{"my cell is 604, then 3 x 259, then 50^2 + 6", phoneNumber, "+16047772506", "math"},
		{"call 0800000000 + 71234566", phoneNumber, "+61871234566", "math"},
		{"marca 500+169, 77x5, 1000-206", phoneNumber, "+34669385794", "math"},
	})
	checkSilent(t,
		"10 x 10 + 45 is 145",
		"my max is (12 x 35) + 80 so 500",
		"1920x1080 at 60Hz, 16.10 and 4:3",
		"2+2=4 and 3x3=9, 12/4=3",
		"9-5, 10-12 and 2024-03-01",
	)
}

func TestAcrostic(t *testing.T) {
	checkReads(t, []reads{
		{"read the first letters:\nTea is at four.\nEveryone brings a pen.\nLet nobody peek.\nEach clue is fair.\nGuess boldly.\nRhymes count double.\nAnagrams don't.\nMine is last.", handleName, "telegram", "acrostic"},
		{"0 surprises\n6 concepts\n1 winner\n8 working days\n3 file formats\n9 social sizes\n4 colours\n7 fonts tested\n2 rounds\n5 stars", phoneNumber, "+33618394725", "acrostic"},
	})
	checkSilent(t,
		"Warm colours\nTeal only for the sky\nHand drawn\nSerif title\nA dog, not a cat\nA5 format",
		"1. boil\n2. peel\n3. mash\n4. season\n5. serve\n6. eat\n7. wash\n8. rest",
		"Dear all,\nthanks for this.\nI will look.\nBest,\nAnn",
	)
}

func TestEmbedded(t *testing.T) {
	checkReads(t, []reads{
		{"slabs 07, jointing 72, edging 25, mortar 18, skip 40, labour 6. put them all in one line on your phone", phoneNumber, "+447722518406", "embedded"},
		{"bizum de 100: pintura 64, azulejos 49, tornillos 02, guantes 31, brochas 7. junta los números", phoneNumber, "+34644902317", "embedded"},
		{"oh one six one is the area, then 4 9 6 for the middle and double two seven one, ring", phoneNumber, "+441614962271", "embedded"},
	})
	checkSilent(t,
		"slabs 70, jointing 72, edging 25, mortar 18, skip 40, and 6 for labour",
		"rows 12, 14, 18, 22, 31 and 40 need a second look",
		"10 pages at 12, 20 at 11, 40 at 9",
		"put the numbers together: 12, 14 and 9",
	)
}

// FuzzDecoders runs every decoder alone, whatever the message's first look says of it.
func FuzzDecoders(f *testing.F) {
	for _, s := range []string{"a b c d", "alpha bravo", "t3l3gr4m", "%41&#66;", "aGVsbG8gd29ybGQ=", "41 42 43 44 45", ".- -... -.-.", "1+2*3^4/5", "olleh@x", "a\nb\nc\nd", "1, 2, 3, 4", strings.Repeat("x", 300)} {
		f.Add(s)
	}
	for _, s := range hostileTexts(200) {
		f.Add(s)
	}
	x := testExtractor()
	f.Fuzz(func(t *testing.T, text string) {
		var fd folded
		fd.fold(text)
		for _, decode := range []func(*scratchEvidence){
			x.reduce, x.encodings, x.morse, x.arithmetic, x.numbers, x.handles, x.spokenAddresses, x.links, x.addresses, x.payments,
			func(s *scratchEvidence) { x.backwards(s, true, true) },
			func(s *scratchEvidence) { x.rotated(s, true) },
			func(s *scratchEvidence) { x.acrostic(s, true) },
			func(s *scratchEvidence) { x.embedded(s, true, true) },
		} {
			s := scratchEvidence{f: &fd, budget: maxLookups}
			s.pieces, s.sc = x.scan(fd.text, nil)
			x.reduce(&s)
			decode(&s)
			checkEvidence(t, text, settle(s.out, 0))
			if s.steps > stepsAtLeast+stepsPerByte*len(text) {
				t.Fatalf("%d steps for %d bytes", s.steps, len(text))
			}
		}
	})
}
