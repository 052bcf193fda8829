package classify

import (
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// plan is a pattern of national numbers and the countries that have it.
type plan struct {
	prefix  string // any of these first digits after lead
	lead    string
	length  int
	regions string
}

// plans lead from the look of a national number to the few countries worth asking; the numbering plans of the library decide.
var plans = [...]plan{
	{"2345", "", 10, "US CA MX CO"}, {"6789", "", 10, "US CA IN MX"}, {"23456789", "1", 11, "US CA"},
	{"67", "0", 10, "FR MA DZ NL ZA UA AU"}, {"12345", "0", 10, "FR BE NL"}, {"12345789", "0", 10, "RO AU GB UA IE ZA VN"}, {"4", "0", 10, "AU BE"}, {"8", "0", 10, "IE VN TH"}, {"9", "0", 10, "VN TH UA TW"},
	{"7", "0", 11, "GB NG"}, {"12", "0", 11, "GB KR EG BD"}, {"15", "0", 12, "DE CN"}, {"1", "0", 11, "EG BD DE KR"}, {"1", "0", 12, "DE"}, {"3", "0", 11, "PK"}, {"5", "0", 11, "TR"}, {"8", "0", 11, "NG ID JP"}, {"8", "0", 12, "ID"}, {"8", "0", 13, "ID"}, {"9", "0", 11, "PH NG IR JP"}, {"7", "0", 11, "JP"},
	{"5", "0", 10, "SA AE IL UA"}, {"1", "0", 10, "MY KE KR GB"}, {"3", "0", 10, "UA IT"}, {"7", "0", 10, "RO KE CH LK"}, {"9", "8", 11, "RU KZ"}, {"3489", "8", 11, "RU"},
	{"67", "", 9, "ES PL"}, {"5678", "", 9, "PL"}, {"9", "", 9, "PT ES PE CL"}, {"2", "", 9, "PT IL"}, {"3", "", 10, "IT CO"}, {"89", "", 9, "ES TH"}, {"3", "", 9, "IT"},
	{"123456789", "", 11, "BR CN"}, {"1", "", 11, "CN US"}, {"123456789", "", 10, "BR MX"}, {"69", "", 10, "GR"}, {"2", "", 10, "GR"}, {"67", "", 9, "CZ"}, {"234", "", 8, "DK NO SG HK"}, {"4569", "", 8, "HK SG NO DK"}, {"89", "", 8, "SG NO"},
	{"236", "0", 11, "HU AT"}, {"6", "0", 11, "AT HU"}, {"6", "0", 12, "AT"}, {"236", "06", 11, "HU"}, {"4", "0", 10, "FI SE"}, {"7", "0", 10, "SE"}, {"57", "0", 9, "MA TN"}, {"4", "0", 9, "BE FI"}, {"6", "0", 9, "NL"}, {"6", "0", 13, "AT"}, {"23", "0", 9, "NL"}, {"49", "0", 9, "IE"}, {"2", "0", 9, "NZ"}, {"2", "0", 10, "NZ CH"}, {"2", "0", 11, "NZ"}, {"19", "0", 10, "EG KR"}, {"6", "", 8, "HK"}, {"1", "", 10, "EG"}, {"7", "", 9, "KE"}, {"5", "", 9, "SA AE"}, {"9", "", 10, "PH RU IR"}, {"8", "", 10, "ID"}, {"5", "", 10, "TR"},
}

// dial asks the numbering plans: it returns the number in E.164 where it is one, else its digits.
func (x *extractor) dial(s *scratchEvidence, d string, plus bool) (string, bool) {
	if plus {
		return x.international(s, d)
	}
	if strings.HasPrefix(d, "00") && len(d) > 10 {
		if n, ok := x.international(s, d[2:]); ok {
			return n, true
		}
	}
	if strings.HasPrefix(d, "011") && len(d) > 11 {
		if n, ok := x.international(s, d[3:]); ok {
			return n, true
		}
	}
	s.steps += len(plans)
	var asked [10]string
	n := 0
	for r := range strings.FieldsSeq(s.likely) {
		if n == 5 {
			break
		}
		asked[n] = r
		n++
		if e, ok := x.national(s, d, r); ok {
			return e, true
		}
	}
	for _, p := range plans {
		if len(d) != p.length || !strings.HasPrefix(d, p.lead) || strings.IndexByte(p.prefix, d[len(p.lead)]) < 0 {
			continue
		}
		for r := range strings.FieldsSeq(p.regions) {
			if n == len(asked) || known(asked[:n], r) {
				continue
			}
			asked[n] = r
			n++
			if e, ok := x.national(s, d, r); ok {
				return e, true
			}
		}
	}
	if len(d) >= 11 && d[0] != '0' {
		if e, ok := x.international(s, d); ok {
			return e, true
		}
	}
	return d, false
}

// likelyRegions are the countries where people dictate numbers in a language.
var likelyRegions = map[string]string{
	"es": "ES MX AR CO CL", "pt": "BR PT", "fr": "FR BE CH MA DZ", "de": "DE AT CH", "it": "IT CH", "nl": "NL BE", "pl": "PL", "ro": "RO", "ru": "RU UA", "ru-Latn": "RU UA", "uk": "UA", "tr": "TR", "ar": "EG SA AE MA DZ", "ar-Latn": "MA EG DZ", "fa": "IR", "fa-Latn": "IR", "he": "IL",
	"hi": "IN", "hi-Latn": "IN PK", "bn": "BD IN", "bn-Latn": "BD", "ur": "PK", "ta": "IN LK", "ta-Latn": "IN", "te": "IN", "te-Latn": "IN", "mr": "IN", "gu": "IN", "pa": "IN", "ml": "IN", "kn": "IN",
	"id": "ID", "ms": "MY SG", "tl": "PH", "vi": "VN", "th": "TH", "zh": "CN TW HK", "zh-Latn": "CN", "ja": "JP", "ja-Latn": "JP", "ko": "KR", "cs": "CZ SK", "sk": "SK", "sv": "SE", "da": "DK", "no": "NO", "fi": "FI", "el": "GR", "el-Latn": "GR", "hu": "HU", "sr": "RS", "bg": "BG", "sw": "KE", "am": "ET", "af": "ZA", "ka": "GE", "hy": "AM", "kk": "KZ", "uz": "UZ", "ga": "IE", "ca": "ES", "gl": "ES",
}

// scriptRegions are the countries whose chat is written in the script of a character.
func scriptRegions(r rune) string {
	switch {
	case r < 0x370:
	case r < 0x400:
		return "GR"
	case r < 0x530:
		return "RU UA"
	case 0x590 <= r && r < 0x600:
		return "IL"
	case 0x600 <= r && r < 0x700:
		return "EG SA AE MA IR"
	case 0x900 <= r && r < 0x980:
		return "IN"
	case 0x980 <= r && r < 0xa00:
		return "BD IN"
	case 0xe00 <= r && r < 0xe80:
		return "TH"
	case 0x3040 <= r && r < 0x3100:
		return "JP"
	case 0x4e00 <= r && r < 0xa000:
		return "CN TW HK"
	case 0xac00 <= r && r < 0xd7b0:
		return "KR"
	}
	return ""
}

// likelyFor sets the countries to ask first for the number at hand: those of the language that it is dictated in, else those of the
// script around it.
func (x *extractor) likelyFor(s *scratchEvidence, items []numeral) {
	s.likely = ""
	for _, n := range items {
		if n.lang > 0 && !n.lit {
			s.likely = likelyRegions[x.langs[n.lang]]
			return
		}
	}
	if len(items) == 2 && items[0].lit && items[0].de-items[0].ds == 5 && items[1].lit && items[1].de-items[1].ds == 5 {
		s.likely = "IN"
		return
	}
	s.likely = s.script()
}

// script is scriptRegions of the first character that tells; it is looked for once per message.
func (s *scratchEvidence) script() string {
	if s.scriptKnown {
		return s.inScript
	}
	s.scriptKnown, s.inScript = true, ""
	for i := 0; i < len(s.f.text) && s.inScript == ""; {
		r, n := utf8.DecodeRune(s.f.text[i:])
		s.inScript = scriptRegions(r)
		i += n
	}
	return s.inScript
}

func known(list []string, r string) bool {
	for _, o := range list {
		if o == r {
			return true
		}
	}
	return false
}

func (x *extractor) international(s *scratchEvidence, d string) (string, bool) {
	if s.budget <= 0 || d == "" || d[0] == '0' {
		return d, false
	}
	s.budget--
	e, v := allNumberPlans().international(d)
	if v == unsettled {
		e, v = askInternational(d)
	}
	if v == noNumber {
		return d, false
	}
	return e, true
}

// askInternational asks the library for the E.164 form of digits that begin with the code of a country.
func askInternational(d string) (string, verdict) {
	n, err := phonenumbers.Parse("+"+d, "ZZ")
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", noNumber
	}
	return phonenumbers.Format(n, phonenumbers.E164), aNumber
}

func (x *extractor) national(s *scratchEvidence, d, region string) (string, bool) {
	if s.budget <= 0 || !known(x.regions, region) {
		return d, false
	}
	s.budget--
	e, v := allNumberPlans().byRegion[region]().national(d)
	if v == unsettled {
		e, v = askNational(d, region)
	}
	if v == noNumber {
		return d, false
	}
	return e, true
}

// askNational asks the library for the E.164 form of digits dialled in the country.
func askNational(d, region string) (string, verdict) {
	n, err := phonenumbers.Parse(d, region)
	if err != nil || !phonenumbers.IsValidNumberForRegion(n, region) {
		return "", noNumber
	}
	return phonenumbers.Format(n, phonenumbers.E164), aNumber
}
