package classify

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// addresses finds e-mail addresses that stand in the open: local@domain, and local@provider without its ending.
func (x *extractor) addresses(s *scratchEvidence) {
	t := s.f.text
	for i := 0; i < len(t); i++ {
		k := bytes.IndexByte(t[i:], '@')
		if k < 0 {
			return
		}
		i += k
		a, b := i, i+1
		for a > 0 && i-a < 65 && localByte(t[a-1]) {
			a--
		}
		for b < len(t) && b-i < 255 && hostByte(t[b]) {
			b++
		}
		if a > 0 && t[a-1] >= utf8.RuneSelf && accented(t[:a]) {
			continue // the name goes on: spokenAddresses reads it
		}
		for a < i && (t[a] == '.' || t[a] == '-' || t[a] == '\'') {
			a++
		}
		for b > i+1 && !alnum(t[b-1]) {
			b--
		}
		s.steps += b - a
		x.address(s, string(t[a:i]), string(t[i+1:b]), a, b)
	}
}

// accented reports whether t ends with a Latin letter or mark.
func accented(t []byte) bool {
	r, _ := utf8.DecodeLastRune(t)
	return r >= 0xc0 && (isLatinLetter(r) || 0x300 <= r && r < 0x370)
}

func localByte(c byte) bool { return alnum(c) || strings.IndexByte(".-_+'%&", c) >= 0 }

func (x *extractor) address(s *scratchEvidence, local, host string, a, b int) {
	if local == "" || host == "" {
		return
	}
	dot := strings.LastIndexByte(host, '.')
	if dot < 0 {
		if d, ok := x.upiBank(host); ok {
			s.add(paymentID, a, b, local+"@"+d, .85).tool = "upi"
			return
		}
		if d, ok := x.provider(host); ok && len(local) > 2 {
			s.add(emailAddress, a, b, local+"@"+d, .75)
		}
		return
	}
	tld := host[dot+1:]
	if plain := leetHost.Replace(tld); plain != tld && x.tlds[plain] {
		s.add(emailAddress, a, b, local+"@"+leetHost.Replace(host), .7, "leet")
		return
	}
	if len(tld) < 2 || strings.Trim(tld, "abcdefghijklmnopqrstuvwxyz") != "" || len(tld) > 12 {
		return
	}
	conf := float32(.95)
	switch {
	case fileEnding(tld):
		return
	case !x.tlds[tld]:
		conf = .45
	case len(local) == 1:
		conf = .8
	}
	e := s.add(emailAddress, a, b, local+"@"+host, conf)
	if placeholderHost(host) || placeholderLocal(local) && !x.freeMail(host) {
		e.placeholder, e.confidence = true, .2
	} else if placeholderLocal(local) {
		e.placeholder, e.confidence = true, .3
	}
	if local == "git" || strings.HasPrefix(local, "npm") || strings.Trim(host[:dot], "0123456789.") == "" {
		e.confidence = .1
	}
}

// leetHost undoes the digits in a host whose top-level domain shows that some of them are letters: "h3y.c0m".
var leetHost = strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t")

func fileEnding(t string) bool {
	switch t {
	case "png", "jpg", "jpeg", "gif", "svg", "pdf", "js", "css", "html", "txt", "json", "yml", "yaml", "php", "py", "zip", "doc", "docx", "xlsx", "webp", "psd", "mp", "exe", "log", "conf", "service":
		return true
	}
	return false
}

// provider is the domain of the mail provider that the word names.
func (x *extractor) provider(word string) (string, bool) {
	end, list := x.longest([]byte(word), 0)
	if end != len(word) || x.has[list]&hasProvider == 0 {
		return "", false
	}
	t, _, ok := x.toolOf(piece{list: list}, isMail)
	return t.name, ok
}

func (x *extractor) freeMail(host string) bool {
	for _, t := range x.tools {
		if t.kind == toolMail && t.name == host {
			return true
		}
	}
	return false
}

// spokenAddresses finds addresses whose @ or dots are words, or signs set apart: "kendra at hey dot com", "bra.van [at] gmx.net".
func (x *extractor) spokenAddresses(s *scratchEvidence) {
	for k := range s.red {
		if x.isAt(s, k) {
			x.spokenAddress(s, k)
		}
	}
}

// isAt reports whether piece k can be the @ of an address.
func (x *extractor) isAt(s *scratchEvidence, k int) bool {
	p := s.red[k]
	if s.sign(p) == '@' && p.spaces && k+1 < len(s.red) && !s.red[k+1].spaces && (k == 0 || s.red[k-1].shape == shapeSign) {
		return false // "@name"
	}
	return x.has[p.list]&(anyAt|hasPrep) != 0 || s.sign(p) == '@'
}

// reading is one side of a spoken address.
type reading struct {
	text []byte
	edge int // the folded byte where it begins or ends
	by   decoders
	dots int
	word bool // a dot was a word
	prov bool // a provider's name gave the domain
	weak bool // which is also an ordinary word
	link int  // signs that tie the local part together
}

func (x *extractor) spokenAddress(s *scratchEvidence, k int) {
	at := s.red[k]
	strong := x.has[at.list]&hasAt != 0 || s.sign(at) == '@'
	open, bracketed := at.a, false
	if k > 0 && k+1 < len(s.red) && openers(s.sign(s.red[k-1])) && openers(s.sign(s.red[k+1])) {
		bracketed, strong = true, true
	}
	dom := x.domain(s, k+1, bracketed)
	if dom.text == nil {
		return
	}
	loc := x.local(s, k)
	if x.has[at.list]&anyAt == 0 && s.sign(at) == 0 && (!dom.prov || loc.link == 0 && digitCount(loc.text) == 0) {
		return
	}
	if s.sign(at) == '@' && !bracketed && !dom.word && loc.by|dom.by == 0 && !at.spaces && !s.red[k+1].spaces {
		return // stands in the open
	}
	if loc.link == 0 && loc.by == 0 && dom.word && x.stopLocal(loc.text) { // "the rest is at gmail dot com"
		loc = reading{}
	}
	conf := float32(.85)
	switch {
	case len(loc.text) == 0 && (strong || dom.word) && dom.dots > 0:
		conf = .35
	case len(loc.text) == 0:
		return
	case !strong && !dom.word && !dom.prov: // "look at example.com"
		if loc.link == 0 || dom.dots == 0 {
			return
		}
		conf = .6
	case !strong && dom.prov && dom.dots == 0:
		conf = .65
		if dom.weak && loc.by == 0 && loc.link == 0 && digitCount(loc.text) == 0 {
			conf = .45
		}
		if x.stopLocal(loc.text) {
			return
		}
	case !strong:
		conf = .8
	}
	a, b := loc.edge, dom.edge
	if len(loc.text) == 0 {
		a = int(open)
	}
	text := string(loc.text) + "@" + string(dom.text)
	e := s.add(emailAddress, a, b, text, conf, (loc.by | dom.by | byAtDot | at.by).names()...)
	e.fragment = len(loc.text) == 0
	if placeholderHost(string(dom.text)) || placeholderLocal(string(loc.text)) {
		e.placeholder, e.confidence = true, .2
	}
}

func openers(c byte) bool {
	return c == '(' || c == ')' || c == '[' || c == ']' || c == '{' || c == '}' || c == '<' || c == '>' || c == '|' || c == '*' || c == '"'
}

// stopLocal reports words that stand before "at" in any sentence.
func (x *extractor) stopLocal(w []byte) bool {
	switch string(w) {
	case "me", "us", "it", "him", "her", "them", "you", "mail", "email", "look", "is", "am", "are", "im", "here", "there", "met", "meeting", "joined", "engineer", "manager", "team", "guys", "folks", "hired", "started", "signed", "up", "reach", "contact", "write", "account", "address", "not", "good", "free", "available", "works", "work", "working", "worked", "based", "one", "all", "arrive", "meet", "stay", "live", "and", "or", "the", "a", "an", "in", "on", "be", "was", "back", "job", "looking", "inbox", "message", "ping", "find", "user", "users", "login", "support", "login,", "go", "been", "people", "only", "now", "just", "aim", "directly":
		return true
	}
	return false
}
