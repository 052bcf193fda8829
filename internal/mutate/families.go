package mutate

import (
	_ "embed"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
)

//go:embed signs.tsv
var signsFile string

//go:embed apps.tsv
var appsFile string

// disguises are the families of the labelling guide, one variant a row.
var disguises = sync.OnceValue(func() []disguise {
	return slices.Concat(spacing(), dictation(), looking(), symbols(), splitting(), hiding(), encoding(), nicknames())
})

func spacing() []disguise {
	return []disguise{
		{"spaced", "one space", digits, dialled(func(s string, _ *rand.Rand) string { return parted(s, " ") })},
		{"spaced", "one space", names, inPlace(func(s string, _ *rand.Rand) string { return parted(s, " ") })},
		{"spaced", "wide", digits, dialled(spread)},
		{"spaced", "wide", names, inPlace(spread)},
		{"spaced", "around signs", 1<<Email | 1<<Handle, inPlace(loosened)},
		{"punct", "one sign", digits, dialled(punctuated)},
		{"punct", "one sign", names, inPlace(punctuated)},
		{"punct", "any signs", digits, dialled(punctuatedAny)},
		{"punct", "any signs", names, inPlace(punctuatedAny)},
		{"punct", "brackets", digits, dialled(bracketed)},
		{"punct", "brackets", names, inPlace(bracketed)},
	}
}

func dictation() []disguise {
	var out []disguise
	all := tongues()
	for i := range all {
		t := &all[i]
		out = append(out, disguise{"words", t.name, digits, ofDigits(t.inWords)})
		if t.ten[99] != "" {
			out = append(out, disguise{"words", t.name + " in tens", digits, ofDigits(t.inTens)}, disguise{"mixed", t.name, digits, ofDigits(t.inBoth)})
		}
	}
	return append(out,
		disguise{"words", "en doubled", digits, ofDigits(doubled)},
		disguise{"words", "en glued", digits, ofDigits(func(s string, _ *rand.Rand) string { return strings.Join(tongueOf("en").words(s), "") })},
		disguise{"mixed", "ar", digits, ofDigits(tongueOf("ar").inBoth)},
		disguise{"mixed", "hi", digits, ofDigits(tongueOf("hi").inBoth)},
		disguise{"mixed", "hi-Latn", digits, ofDigits(tongueOf("hi-Latn").inBoth)},
		disguise{"mixed", "zh", digits, ofDigits(tongueOf("zh").inBoth)},
		disguise{"mixed", "ko", digits, ofDigits(tongueOf("ko").inBoth)},
		disguise{"mixed", "en glued", digits, ofDigits(func(s string, r *rand.Rand) string {
			return strings.NewReplacer(" ", "", ",", "").Replace(tongueOf("en").inBoth(s, r))
		})},
		disguise{"foreign_words", "one language", digits, abroad},
		disguise{"foreign_words", "several", digits, ofDigits(several)},
		disguise{"typo", "number words", digits, ofDigits(misheard)},
		disguise{"phonetic", "nato digits", digits, ofDigits(func(s string, _ *rand.Rand) string { return spelled(s, natoLetters, natoDigits) })},
		disguise{"phonetic", "by ear", digits, ofDigits(func(s string, _ *rand.Rand) string { return spelled(s, letterNames, sounds) })},
		disguise{"phonetic", "nato", names, inPlace(func(s string, _ *rand.Rand) string { return spelled(s, natoLetters, tongueOf("en").digit[:]) })},
		disguise{"phonetic", "letter names", names, inPlace(func(s string, _ *rand.Rand) string { return spelled(s, letterNames, tongueOf("en").digit[:]) })},
	)
}

func looking() []disguise {
	var out []disguise
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		out = append(out, disguise{"homoglyph", name + " digits", digits, inPlace(numerals(figures[name]))})
	}
	for _, name := range slices.Sorted(maps.Keys(looks)) {
		family := "homoglyph"
		if name == "regional" || name == "squared" {
			family = "emoji"
		}
		out = append(out, disguise{family, name, names, inPlace(letters(looks[name]))})
	}
	return append(out,
		disguise{"homoglyph", "upside down", names, inPlace(func(s string, _ *rand.Rand) string { return backwards(replaced(s, turned, 'a')) })},
		disguise{"homoglyph", "two cyrillic", names, inPlace(some(looks["cyrillic"]))},
		disguise{"leet", "digits", names, inPlace(func(s string, _ *rand.Rand) string { return leetLetters.Replace(s) })},
		disguise{"leet", "signs", 1<<Handle | 1<<App, inPlace(func(s string, _ *rand.Rand) string { return leetSigns.Replace(s) })},
		disguise{"leet", "number words", digits, ofDigits(leetWords)},
		disguise{"emoji", "keycaps", digits, dialled(keycaps)},
		disguise{"emoji", "one between", digits, dialled(ornate)},
		disguise{"emoji", "any between", digits, dialled(ornateAll)},
		disguise{"emoji", "one between", names, inPlace(ornate)},
		disguise{"zero_width", "zero width space", anything, inPlace(func(s string, _ *rand.Rand) string { return parted(s, "\u200b") })},
		disguise{"zero_width", "any", anything, inPlace(unseen)},
		disguise{"zero_width", "marks", anything, inPlace(zalgo)},
	)
}

// symbols are the words for the signs of an address and of a name.
func symbols() []disguise {
	var out []disguise
	for _, col := range rows(signsFile) {
		at, dot := " "+col[1]+" ", " "+col[2]+" "
		if col[2] == "." {
			dot = "."
		}
		out = append(out, disguise{"at_dot", col[0], 1 << Email, inPlace(func(s string, _ *rand.Rand) string {
			return strings.NewReplacer("@", at, ".", dot).Replace(s)
		})})
	}
	return append(out, disguise{"at_dot", "underscore", 1 << Handle, inPlace(func(s string, _ *rand.Rand) string {
		return strings.NewReplacer("_", " underscore ", ".", " dot ").Replace(strings.TrimPrefix(s, "@"))
	})})
}

func splitting() []disguise {
	return []disguise{
		{"split", "two", digits | names, split(2, false, asIs)},
		{"split", "two, answered", digits | names, split(2, true, asIs)},
		{"split", "three", digits | 1<<Email, split(3, false, asIs)},
		{"split", "three, answered", digits | 1<<Email, split(3, true, asIs)},
		{"split", "four, answered", digits, split(4, true, asIs)},
		{"split", "three in words, answered", digits, split(3, true, dictated)},
	}
}

func hiding() []disguise {
	return []disguise{
		{"reversed", "told", anything, announced("reverse", backwards)},
		{"reversed", "not told", 1<<Email | 1<<App, inPlace(func(s string, _ *rand.Rand) string { return backwards(s) })},
		{"math", "sums", digits, ofDigits(sums)},
		{"math", "products", digits, ofDigits(products)},
		{"math", "one sum", digits, ofDigits(oneSum)},
		{"embedded", "list", digits, priceList("")},
		{"embedded", "prices", digits, priceList("$")},
		{"embedded", "times", digits, times},
		{"acrostic", "told", 1 << App, acrosticLetters(true)},
		{"acrostic", "not told", 1 << App, acrosticLetters(false)},
		{"acrostic", "digits", digits, acrosticDigits},
		{"attachment", "picture", 1<<Phone | 1<<Email | 1<<Handle, pointsTo("picture")},
		{"attachment", "file", 1<<Phone | 1<<Email | 1<<Handle, pointsTo("file")},
	}
}

func encoding() []disguise {
	return []disguise{
		{"encoding", "base64", anything, coded("base64", toBase64)},
		{"encoding", "base64, not told", anything, coded("", toBase64)},
		{"encoding", "hex", anything, coded("hex", toHex)},
		{"encoding", "hex pairs", anything, coded("hex", eachByte("%02x", " "))},
		{"encoding", "decimal", anything, coded("ascii", eachByte("%d", " "))},
		{"encoding", "binary", anything, coded("binary", eachByte("%08b", " "))},
		{"encoding", "percent", anything, coded("url", eachByte("%%%02X", ""))},
		{"encoding", "references", anything, coded("html", toReferences)},
		{"encoding", "rot13", names, coded("rot13", toRot13)},
		{"encoding", "morse", anything, coded("morse", toMorse)},
	}
}

// nicknames are what apps and providers are called, and how their names are misspelt.
func nicknames() []disguise {
	byApp := map[string][][2]string{}
	for _, col := range rows(appsFile) {
		byApp[col[0]] = append(byApp[col[0]], [2]string{col[1], col[2]})
	}
	nickname := func(c *carrier) []Line {
		of := byApp[strings.ReplaceAll(strings.ToLower(c.evidence), " ", "")]
		base, _, _ := strings.Cut(c.lang, "-")
		own := slices.DeleteFunc(slices.Clone(of), func(n [2]string) bool { return n[0] != c.lang && n[0] != base })
		if len(own) == 0 || base == "en" {
			own = of
		}
		if len(own) == 0 {
			return nil
		}
		return c.line(pick(c.rand, own)[1])
	}
	return []disguise{
		{"code", "nickname", 1 << App, nickname},
		{"code", "another nickname", 1 << App, nickname},
		{"code", "provider", 1 << Email, inPlace(func(s string, _ *rand.Rand) string {
			return strings.NewReplacer("@gmail.com", " at the big G mail", "@hotmail.com", " at the hot mail", "@yahoo.com", " at the purple Y mail", "@outlook.com", " at Microsoft's mail", "@proton.me", " at the Swiss mail").Replace(s)
		})},
		{"typo", "app", 1 << App, inPlace(func(s string, r *rand.Rand) string { return slip(strings.ToLower(s), r) })},
		{"typo", "provider", 1 << Email, inPlace(misspeltProvider)},
	}
}

// misspeltProvider slips in the provider's name.
func misspeltProvider(s string, r *rand.Rand) string {
	at, dot := strings.IndexByte(s, '@')+1, strings.LastIndexByte(s, '.')
	if dot-at < 3 {
		return ""
	}
	return s[:at] + slip(s[at:dot], r) + s[dot:]
}
