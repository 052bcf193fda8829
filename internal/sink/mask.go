package sink

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"onside/internal/classify"
)

// Evidence says how much of a contact or payment id a flag shows.
type Evidence uint8

// The levels of evidence. Masked, the default, keeps enough to recognise a contact and too little to use it.
const (
	Masked Evidence = iota
	Full            // the canonical form, and the words of every span
	None            // spans and fingerprint only
)

var evidenceNames = [...]string{"masked", "full", "none"}

func (e Evidence) String() string {
	if int(e) < len(evidenceNames) {
		return evidenceNames[e]
	}
	return "unknown"
}

// ParseEvidence reads a level's name; an unknown one is false.
func ParseEvidence(s string) (Evidence, bool) {
	for i, n := range evidenceNames {
		if n == s {
			return Evidence(i), true
		}
	}
	return Masked, false
}

// Show is a finding's evidence at this level: whole, masked, or not at all.
func (e Evidence) Show(f *classify.Finding) string {
	switch e {
	case Full:
		return f.Normalized
	case None:
		return ""
	default:
		return mask(f.Category, f.Normalized)
	}
}

const hidden = "•••"

// mask hides most of a piece of evidence. Words that name a service or an instrument, not a person, come back as they are.
func mask(c classify.Category, s string) string {
	switch c {
	case classify.ContactPhone:
		return maskDigits(s)
	case classify.ContactEmail:
		return maskAddress(s)
	case classify.ContactHandle, classify.ContactHint:
		return maskName(s)
	case classify.ContactLink:
		return maskLink(s)
	}
	switch {
	case strings.Contains(s, "@"):
		return maskAddress(s)
	case strings.ContainsAny(s, "./"):
		return maskLink(s)
	case isWords(s):
		return s
	default:
		return maskName(s)
	}
}

// isWords reports whether s is a few lower-case words, as the names of tools are.
func isWords(s string) bool {
	return len(s) <= 40 && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLower(r) && r != ' ' && r != '-' && r != '_'
	}) < 0
}

// maskDigits hides at least four digits in the middle: +923001234567 becomes +92300••••567.
func maskDigits(s string) string {
	n := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	tail := min(3, n/3)
	head := max(0, min(5, n-tail-4))
	var b strings.Builder
	i := 0
	for _, r := range s {
		switch {
		case unicode.IsDigit(r) && (i < head || i >= n-tail), strings.ContainsRune("+ -()", r):
			b.WriteRune(r)
		default:
			b.WriteRune('•')
		}
		if unicode.IsDigit(r) {
			i++
		}
	}
	return b.String()
}

// maskAddress keeps the first letter and a domain that many share: j•••@gmail.com, j•••@a•••.com.
func maskAddress(s string) string {
	i := strings.LastIndexByte(s, '@')
	if i <= 0 {
		return maskName(s)
	}
	return maskWord(s[:i]) + "@" + maskHost(s[i+1:])
}

// maskLink keeps the host where it names a service, and nothing of the path: wa.me/•••.
func maskLink(s string) string {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	end := strings.IndexAny(s, "/?#")
	if end < 0 {
		return maskHost(s)
	}
	return maskHost(s[:end]) + "/" + hidden
}

func maskHost(host string) string {
	host = host[strings.LastIndexByte(host, '@')+1:] // user:password@
	name := strings.TrimPrefix(strings.ToLower(host), "www.")
	if commonHosts[name] {
		return name
	}
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return maskWord(name)
	}
	return maskWord(name[:i]) + maskPort(name[i:])
}

// maskPort cuts what follows a top-level domain.
func maskPort(domain string) string {
	domain, _, _ = strings.Cut(domain, ":")
	return domain
}

// maskName keeps signs before the name and the service that it belongs to: @mo•••, telegram:mo•••.
func maskName(s string) string {
	if service, name, ok := strings.Cut(s, ":"); ok && isWords(service) {
		return service + ":" + maskName(name)
	}
	i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
	if i < 0 {
		return hidden
	}
	return s[:min(i, 1)] + maskWord(s[i:])
}

// maskWord keeps the first letter of a word of three letters or more, a second one of six or more.
func maskWord(s string) string {
	keep := min(2, utf8.RuneCountInString(s)/3)
	for i := range s {
		if keep == 0 {
			return s[:i] + hidden
		}
		keep--
	}
	return hidden
}

// commonHosts name a service, not an account at it: they may be shown.
var commonHosts = map[string]bool{
	"aol.com": true, "gmail.com": true, "gmx.de": true, "gmx.net": true, "googlemail.com": true, "hotmail.com": true,
	"icloud.com": true, "live.com": true, "mail.ru": true, "outlook.com": true, "proton.me": true, "protonmail.com": true,
	"qq.com": true, "web.de": true, "yahoo.com": true, "yandex.ru": true, "163.com": true,

	"api.whatsapp.com": true, "calendly.com": true, "chat.whatsapp.com": true, "discord.com": true, "discord.gg": true,
	"facebook.com": true, "fb.me": true, "instagram.com": true, "line.me": true, "linkedin.com": true, "m.me": true,
	"meet.google.com": true, "paypal.com": true, "paypal.me": true, "revolut.me": true, "signal.me": true, "skype.com": true,
	"snapchat.com": true, "t.me": true, "teams.microsoft.com": true, "telegram.me": true, "tiktok.com": true, "twitter.com": true,
	"venmo.com": true, "wa.me": true, "whereby.com": true, "wise.com": true, "x.com": true, "zoom.us": true,
}
