package mutate

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// looks are characters that a reader takes for ASCII letters, one for each letter; a dot where there is none.
var looks = map[string][]rune{
	"cyrillic":       []rune("авсԁеfɡһіјкӏмոорԛгѕтυѵѡхуᴢ"),
	"greek":          []rune("αβcδεfgнιјκlmηορqrѕτυνωχуz"),
	"fullwidth":      []rune("ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ"),
	"bold":           []rune("𝐚𝐛𝐜𝐝𝐞𝐟𝐠𝐡𝐢𝐣𝐤𝐥𝐦𝐧𝐨𝐩𝐪𝐫𝐬𝐭𝐮𝐯𝐰𝐱𝐲𝐳"),
	"script":         []rune("𝓪𝓫𝓬𝓭𝓮𝓯𝓰𝓱𝓲𝓳𝓴𝓵𝓶𝓷𝓸𝓹𝓺𝓻𝓼𝓽𝓾𝓿𝔀𝔁𝔂𝔃"),
	"monospace":      []rune("𝚊𝚋𝚌𝚍𝚎𝚏𝚐𝚑𝚒𝚓𝚔𝚕𝚖𝚗𝚘𝚙𝚚𝚛𝚜𝚝𝚞𝚟𝚠𝚡𝚢𝚣"),
	"circled":        []rune("ⓐⓑⓒⓓⓔⓕⓖⓗⓘⓙⓚⓛⓜⓝⓞⓟⓠⓡⓢⓣⓤⓥⓦⓧⓨⓩ"),
	"small capitals": []rune("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡxʏᴢ"),
	"squared":        []rune("🄰🄱🄲🄳🄴🄵🄶🄷🄸🄹🄺🄻🄼🄽🄾🄿🅀🅁🅂🅃🅄🅅🅆🅇🅈🅉"),
	"regional":       []rune("🇦🇧🇨🇩🇪🇫🇬🇭🇮🇯🇰🇱🇲🇳🇴🇵🇶🇷🇸🇹🇺🇻🇼🇽🇾🇿"),
	"accents":        []rune("àḃçďéḟğĥîĵķļḿñôṕqŕšţüṽŵẋýž"),
}

// turned are the letters upside down, for words that are written from their end.
var turned = []rune("ɐqɔpǝɟƃɥᴉɾʞןɯuodbɹsʇnʌʍxʎz")

// figures are digits of other scripts and styles, from zero on.
var figures = map[string][]rune{
	"fullwidth":     []rune("０１２３４５６７８９"),
	"bold":          []rune("𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"),
	"double-struck": []rune("𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡"),
	"monospace":     []rune("𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿"),
	"circled":       []rune("⓪①②③④⑤⑥⑦⑧⑨"),
	"black circled": []rune("⓿❶❷❸❹❺❻❼❽❾"),
	"superscript":   []rune("⁰¹²³⁴⁵⁶⁷⁸⁹"),
	"subscript":     []rune("₀₁₂₃₄₅₆₇₈₉"),
	"Arab":          []rune("٠١٢٣٤٥٦٧٨٩"),
	"Aran":          []rune("۰۱۲۳۴۵۶۷۸۹"),
	"Deva":          []rune("०१२३४५६७८९"),
	"Beng":          []rune("০১২৩৪৫৬৭৮৯"),
	"Guru":          []rune("੦੧੨੩੪੫੬੭੮੯"),
	"Gujr":          []rune("૦૧૨૩૪૫૬૭૮૯"),
	"Taml":          []rune("௦௧௨௩௪௫௬௭௮௯"),
	"Telu":          []rune("౦౧౨౩౪౫౬౭౮౯"),
	"Knda":          []rune("೦೧೨೩೪೫೬೭೮೯"),
	"Mlym":          []rune("൦൧൨൩൪൫൬൭൮൯"),
	"Thai":          []rune("๐๑๒๓๔๕๖๗๘๙"),
	"Laoo":          []rune("໐໑໒໓໔໕໖໗໘໙"),
	"Khmr":          []rune("០១២៣៤៥៦៧៨៩"),
	"Mymr":          []rune("၀၁၂၃၄၅၆၇၈၉"),
	"Tibt":          []rune("༠༡༢༣༤༥༦༧༨༩"),
	"Hans":          []rune("〇一二三四五六七八九"),
	"letters":       []rune("Ol23456789"),
	"more letters":  []rune("OIZE4S678g"),
}

// letters replaces every ASCII letter by the one that looks like it.
func letters(set []rune) func(string, *rand.Rand) string {
	return func(s string, _ *rand.Rand) string { return replaced(s, set, 'a') }
}

func numerals(set []rune) func(string, *rand.Rand) string {
	return func(s string, _ *rand.Rand) string { return replaced(s, set, '0') }
}

func replaced(s string, set []rune, first rune) string {
	return strings.Map(func(r rune) rune {
		if i := int(unicode.ToLower(r) - first); i >= 0 && i < len(set) {
			return set[i]
		}
		return r
	}, s)
}

// some replaces two letters and leaves the others.
func some(set []rune) func(string, *rand.Rand) string {
	return func(s string, r *rand.Rand) string {
		out := []rune(s)
		for range 2 {
			i := r.IntN(len(out))
			out[i] = []rune(replaced(string(out[i]), set, 'a'))[0]
		}
		return string(out)
	}
}

var leetLetters = strings.NewReplacer("a", "4", "e", "3", "i", "1", "o", "0", "s", "5", "t", "7", "l", "1", "A", "4", "E", "3", "I", "1", "O", "0", "S", "5", "T", "7", "L", "1")

var leetSigns = strings.NewReplacer("a", "@", "s", "$", "i", "!", "o", "0", "e", "3", "A", "@", "S", "$", "I", "!", "O", "0", "E", "3")

// leetWords dictates in English with a digit in the place of a letter.
func leetWords(digits string, r *rand.Rand) string {
	w := tongueOf("en").words(digits)
	for i := range w {
		w[i] = strings.NewReplacer("o", "0", "e", "3", "i", "1").Replace(w[i])
	}
	return strings.Join(w, pick(r, []string{" ", ", "}))
}

const keycap = "\ufe0f\u20e3"

// keycaps writes digits as the keys of a telephone.
func keycaps(digits string, r *rand.Rand) string {
	gap := pick(r, []string{"", " "})
	var w []string
	for _, d := range digits {
		if d == '+' {
			w = append(w, "+")
		} else {
			w = append(w, string(d)+keycap)
		}
	}
	return strings.Join(w, gap)
}

var ornaments = strings.Fields("💥 ✨ 🌸 🔥 ⭐ 🍀 👉 🎵")

// ornate puts one emoji between all characters.
func ornate(s string, r *rand.Rand) string { return parted(s, pick(r, ornaments)) }

// ornateAll puts all kinds of emoji between characters.
func ornateAll(s string, r *rand.Rand) string {
	return partedBy(s, func(int) string { return pick(r, ornaments) })
}

// parted is s with sep between its characters; spaces fall away.
func parted(s, sep string) string { return partedBy(s, func(int) string { return sep }) }

func partedBy(s string, sep func(i int) string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if r == ' ' {
			continue
		}
		if n > 0 {
			b.WriteString(sep(n))
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

var invisible = []string{"\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u2063"}

// unseen puts invisible characters between all characters.
func unseen(s string, r *rand.Rand) string {
	return partedBy(s, func(int) string { return pick(r, invisible) })
}

// zalgo piles marks on every character.
func zalgo(s string, r *rand.Rand) string {
	return partedBy(s+"\u0336", func(int) string { return strings.Repeat(string(rune(0x300+r.IntN(64))), 1+r.IntN(3)) })
}

var separators = strings.Split("-./*_~|,:", "")

// punctuated puts one sign between all characters.
func punctuated(s string, r *rand.Rand) string { return parted(s, pick(r, separators)) }

// punctuatedAny puts all kinds of signs between characters.
func punctuatedAny(s string, r *rand.Rand) string {
	return partedBy(s, func(int) string { return pick(r, separators) })
}

// bracketed puts every character between brackets.
func bracketed(s string, r *rand.Rand) string {
	b := pick(r, []string{"()", "[]", "<>"})
	var out strings.Builder
	for _, c := range s {
		if c != ' ' {
			out.WriteString(b[:1] + string(c) + b[1:])
		}
	}
	return out.String()
}

// spread puts two or three spaces between all characters.
func spread(s string, r *rand.Rand) string { return parted(s, strings.Repeat(" ", 2+r.IntN(2))) }

// loosened puts spaces around the signs of an address or name.
func loosened(s string, _ *rand.Rand) string {
	out := strings.NewReplacer("@", " @ ", ".", " . ", "_", " _ ").Replace(s)
	return strings.TrimSpace(out)
}
