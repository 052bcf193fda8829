package classify

import (
	"bytes"
	"strings"
)

// links finds addresses of pages, with or without a scheme.
func (x *extractor) links(s *scratchEvidence) {
	t := s.f.text
	for i := 0; i < len(t); {
		if !hostStart(t, i) {
			i++
			continue
		}
		j := i
		for j < len(t) && hostByte(t[j]) {
			j++
		}
		s.steps += j - i
		i = x.link(s, t, i, j)
	}
}

func hostByte(c byte) bool { return alnum(c) || c == '.' || c == '-' || c == '_' }

func hostStart(t []byte, i int) bool {
	return alnum(t[i]) && (i == 0 || !hostByte(t[i-1]) && t[i-1] < 0x80 || i > 0 && t[i-1] >= 0x80)
}

// link looks at the run of host characters [i, j) and returns where to go on.
func (x *extractor) link(s *scratchEvidence, t []byte, i, j int) int {
	start, scheme := i, false
	if h := t[i:j]; (string(h) == "http" || string(h) == "https") && bytes.HasPrefix(t[j:], []byte("://")) {
		scheme = true
		i = j + 3
		for j = i; j < len(t) && hostByte(t[j]); j++ {
		}
	}
	if i > 0 && t[i-1] == '@' || j < len(t) && t[j] == '@' {
		return j + 1
	}
	host := bytes.Trim(t[i:j], ".-_")
	if len(host) == 0 || bytes.IndexByte(host, '.') < 0 || len(host) > 253 {
		return max(j, start+1)
	}
	end := i + bytes.Index(t[i:j], host) + len(host)
	if end < len(t) && t[end] == ':' { // a port
		k := end + 1
		for k < len(t) && t[k]-'0' < 10 {
			k++
		}
		if k > end+1 && (k == len(t) || t[k] == '/' || t[k] == ' ') {
			end = k
		}
	}
	pathEnd := end
	if end < len(t) && (t[end] == '/' || t[end] == '?') {
		for pathEnd < len(t) && t[pathEnd] > ' ' && t[pathEnd] != '"' && t[pathEnd] != '<' && t[pathEnd] != '>' && t[pathEnd] < 0x80 {
			pathEnd++
		}
		for pathEnd > end && strings.IndexByte(".,;:!?)]}'*", t[pathEnd-1]) >= 0 {
			pathEnd--
		}
	}
	s.steps += pathEnd - end
	x.classifyLink(s, string(host), string(t[end:pathEnd]), start, pathEnd, scheme)
	return max(pathEnd, start+1)
}

func (x *extractor) classifyLink(s *scratchEvidence, host, path string, a, b int, scheme bool) {
	host = strings.TrimPrefix(host, "www.")
	if !scheme && !x.plausibleHost(s, host, path) {
		return
	}
	norm := host + path
	if placeholderHost(host) {
		s.add(otherLink, a, b, norm, .2).placeholder = true
		return
	}
	row, ok := x.hostRow(s, host, path)
	if !ok {
		if scheme || x.tlds[host[strings.LastIndexByte(host, '.')+1:]] {
			s.add(otherLink, a, b, norm, .5)
		}
		return
	}
	k := row.kind
	if k == contactLink && isSocial(row.tool) && !profilePath(path) {
		k = otherLink
	}
	conf := float32(.9)
	if path == "" || path == "/" {
		conf = .4
	}
	s.add(k, a, b, norm, conf).tool = row.tool
}

// plausibleHost reports whether text without a scheme is meant as a host: its last label is a known top-level domain and what stands before
// is no number, no file name and no missing space after a full stop.
func (x *extractor) plausibleHost(s *scratchEvidence, host, path string) bool {
	i := strings.LastIndexByte(host, '.')
	tld := host[i+1:]
	if !x.tlds[tld] {
		return false
	}
	if _, ok := x.hostRow(s, host, path); ok {
		return true
	}
	letters := strings.ContainsFunc(host[:i], func(r rune) bool { return 'a' <= r && r <= 'z' })
	return letters && (path != "" || longTLD(tld) || strings.Count(host, ".") > 1 && len(host) > 8)
}

// longTLD are the domains that no sentence begins with: "done.so" and "me.it" are typing slips.
func longTLD(tld string) bool {
	switch tld {
	case "com", "net", "org", "info", "biz", "io", "co", "dev", "app", "xyz", "online", "site", "studio", "agency", "eu", "ua", "ru", "pl", "cz", "hu", "fr", "ch", "uk", "ie", "jp", "kr", "cn", "tw", "br", "mx", "cl", "tr", "nl", "de", "es", "ro", "se", "dk", "fi", "pt", "gr", "ca", "au", "nz", "za":
		return true
	}
	return false
}

// What of an address can matter to the longest row of the lexicon.
const (
	mostLabels = 5  // from the end of the host
	mostPath   = 64 // bytes from the beginning of the path
)

// hostRow finds the row of the longest listed suffix of the host.
func (x *extractor) hostRow(s *scratchEvidence, host, path string) (hostRow, bool) {
	p := strings.TrimPrefix(path, "/")
	p = p[:min(len(p), mostPath)]
	for h := lastLabels(host); ; {
		s.steps += len(h)
		if r, ok := x.hosts[h+"/"]; ok && strings.HasPrefix(p, r.path) {
			return r, true
		}
		for q := p; q != ""; {
			s.steps += len(h) + len(q)
			if r, ok := x.hosts[h+"/"+q]; ok {
				return r, true
			}
			i := strings.LastIndexAny(q, "/?")
			if i < 0 {
				break
			}
			q = q[:i]
		}
		if r, ok := x.hosts[h]; ok && r.path == "" {
			return r, true
		}
		i := strings.IndexByte(h, '.')
		if i < 0 {
			return hostRow{}, false
		}
		h = h[i+1:]
	}
}

// lastLabels is the host without the labels before its last ones.
func lastLabels(host string) string {
	i := len(host)
	for range mostLabels {
		if i = strings.LastIndexByte(host[:i], '.'); i < 0 {
			return host
		}
	}
	return host[i+1:]
}

func isSocial(tool string) bool {
	switch tool {
	case "facebook", "instagram", "twitter", "tiktok", "vk", "reddit", "bluesky", "mastodon", "threads", "weibo", "xing", "linkedin":
		return true
	}
	return false
}

// profilePath reports whether a path on a social network can be somebody's profile, rather than a post, a page of help or the like.
func profilePath(path string) bool {
	p := strings.Trim(path, "/")
	if p == "" {
		return true
	}
	head, _, _ := strings.Cut(p, "/")
	switch head {
	case "p", "reel", "reels", "status", "hashtag", "explore", "help", "business", "policies", "legal", "developers", "docs", "search", "i", "tag", "tags", "watch", "events", "marketplace", "jobs", "pulse", "feed", "ads", "r", "intent", "share", "sharer", "sharer.php", "dialog", "plugins", "posts", "video", "login", "tv", "learning":
		return false
	}
	return !strings.Contains(p, "/status/") && !strings.Contains(p, "/video/") && !strings.Contains(p, "/posts/")
}
