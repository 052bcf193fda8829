package classify

import "strings"

// userName is a name as people have it on a messenger.
type userName struct {
	text   string
	k, end int // pieces
	a, b   int // folded bytes
	by     decoders
	marked bool // it has a digit, an underscore or a dot: no ordinary word
	sign   bool // _ or a digit
	dots   bool
}

const (
	shortestName = 3
	longestName  = 40
)

// nameAt reads the user name that begins at piece k: letters and digits without spaces, or spelled with spoken signs.
func (x *extractor) nameAt(s *scratchEvidence, k int) (userName, bool) {
	n := userName{k: k, end: k}
	if k >= len(s.red) || !asciiPiece(s, s.red[k]) && s.sign(s.red[k]) != '_' {
		return n, false
	}
	n.a = int(s.red[k].a)
	letters := false
	w := s.buf[:0]
	for i := k; i < len(s.red) && len(w) <= longestName; i++ {
		p := s.red[i]
		c := s.sign(p)
		spoken := i > k && x.spokenSign(s, i)
		if i > k && p.spaces && !spoken && !x.afterSpokenSign(s, i, k) {
			break
		}
		tight := i+1 < len(s.red) && !s.red[i+1].spaces
		switch {
		case c == '_', (c == '.' || c == '-') && tight && asciiPiece(s, s.red[i+1]), c == ':' && string(w) == "live" && tight:
			w = append(w, c)
			n.marked, n.sign = true, n.sign || c == '_' || c == ':'
			n.dots = n.dots || c == '.'
			if spoken {
				n.by |= bySpaced
			}
		case c == '#' && tight && s.red[i+1].shape == shapeDigits && s.red[i+1].b-s.red[i+1].a == 4:
			w = append(w, c)
			n.marked, n.sign = true, true
		case spoken:
			w = append(w, x.signOf(p)...)
			n.marked, n.sign, n.by = true, true, n.by|byAtDot
		case asciiPiece(s, p):
			if d, ok := x.digit(p); ok && p.shape == shapeWord && i > k && p.spaces {
				w = append(w, '0'+byte(d))
			} else {
				w = append(w, s.text(p)...)
			}
			n.by |= p.by
			letters = letters || p.shape != shapeDigits
			n.marked = n.marked || p.shape != shapeWord || p.by&(bySpaced|byPunct|byPhonetic) != 0
			n.sign = n.sign || p.shape != shapeWord
		default:
			c = 0xff
		}
		if c == 0xff {
			break
		}
		n.end, n.b = i+1, int(p.b)
	}
	s.buf = w
	s.steps += n.end - k + len(w)
	if !letters || len(w) < shortestName || len(w) > longestName {
		return n, false
	}
	n.text = string(w)
	return n, true
}

func asciiPiece(s *scratchEvidence, p piece) bool {
	if p.shape == shapeSign || p.shape == shapeBreak {
		return false
	}
	for _, c := range s.text(p) {
		if !alnum(c) {
			return false
		}
	}
	return true
}

// spokenSign reports whether piece i names a sign and a name goes on behind it.
func (x *extractor) spokenSign(s *scratchEvidence, i int) bool {
	return i+1 < len(s.red) && (x.has[s.red[i].list]&(hasUnderscore|hasDot|hasDash) != 0 || s.looseUnderscore(i)) && asciiPiece(s, s.red[i+1])
}

func (x *extractor) afterSpokenSign(s *scratchEvidence, i, k int) bool {
	return i-1 > k && x.spokenSign(s, i-1) && (s.sign(s.red[i-1]) == 0 || s.looseUnderscore(i-1))
}

// looseUnderscore reports an underscore with a space before and behind it.
func (s *scratchEvidence) looseUnderscore(i int) bool {
	return i+1 < len(s.red) && s.sign(s.red[i]) == '_' && s.red[i].spaces && s.red[i+1].spaces
}

func (x *extractor) signOf(p piece) string {
	switch h := x.has[p.list]; {
	case h&hasUnderscore != 0:
		return "_"
	case h&hasDash != 0:
		return "-"
	}
	return "."
}

// handles finds user names: behind an @, beside the name of a tool, and with the four digits of a tag.
func (x *extractor) handles(s *scratchEvidence) {
	for k := range len(s.red) {
		p := s.red[k]
		switch {
		case s.sign(p) == '@' && (k == 0 || p.spaces || s.red[k-1].shape == shapeSign) && k+1 < len(s.red) && (!s.red[k+1].spaces || s.sc.has&hasMessenger != 0):
			x.mention(s, k, s.sc.has&hasMessenger != 0)
		case s.sign(p) == '@' && k > 0 && !p.spaces && (k+1 == len(s.red) || s.red[k+1].spaces) && asciiPiece(s, s.red[k-1]):
			x.trailing(s, k)
		case s.sign(p) == '#' && k > 0 && !p.spaces:
			x.tag(s, k)
		case x.has[p.list]&hasMessenger != 0:
			x.beside(s, k)
		}
	}
	if s.sc.has&hasMessenger != 0 || s.setApart {
		x.loose(s)
	}
	if s.sc.has&hasUnderscore != 0 {
		x.underscored(s)
	}
}

// underscored records names whose underscore is a word, "plum underscore otter": nobody says it of anything else.
func (x *extractor) underscored(s *scratchEvidence) {
	for k := 1; k+1 < len(s.red); k++ {
		if x.has[s.red[k].list]&hasUnderscore == 0 || !asciiPiece(s, s.red[k-1]) || s.red[k-1].shape == shapeWord && x.stopName(s.text(s.red[k-1])) || x.stopName(s.text(s.red[k+1])) || s.red[k+1].shape == shapeWord && s.red[k+1].b-s.red[k+1].a < shortestName {
			continue
		}
		n, ok := x.nameAt(s, k-1)
		if !ok || n.end <= k+1 {
			continue
		}
		t, sure := x.toolAround(s, n.k, n.end)
		c := float32(.45)
		if t != "" {
			c = .55
		}
		if sure {
			c = .8
		}
		s.add(handleName, n.a, n.b, n.text, c, n.by.names()...).tool = t
		k = n.end
	}
}

// stopName reports words that stand beside the word underscore where it is talked about.
func (x *extractor) stopName(w []byte) bool {
	switch string(w) {
	case "a", "an", "the", "with", "without", "and", "or", "not", "no", "in", "instead", "between", "use", "using", "by", "is", "to", "of", "for", "before", "after", "as", "then", "key", "sign", "symbol", "character", "prefix", "methods", "names", "naming", "case", "lodash", "add", "remove", "replace", "each", "any", "one", "two", "your", "its", "this", "that", "js":
		return true
	}
	return x.stopLocal(w)
}

const looseReach = 24 // pieces between a tool and a name that no word ties to it

// loose records the names that can be nothing else, "mossy_gnarl" and "dj.ro55", in a message that names a messenger or network near them.
func (x *extractor) loose(s *scratchEvidence) {
	for k := 0; k < len(s.red); k++ {
		p := s.red[k]
		if k > 0 && !p.spaces && p.by&(bySpaced|byPunct) == 0 && s.red[k-1].shape == shapeSign && s.sign(s.red[k-1]) != '"' && s.sign(s.red[k-1]) != '(' && s.sign(s.red[k-1]) != '\'' {
			continue
		}
		if !x.mayBeName(s, k) {
			continue
		}
		n, ok := x.nameAt(s, k)
		if !ok {
			continue
		}
		k = max(k, n.end-1)
		if !(n.sign || n.dots) || !unmistakable(n.text) || n.by&byAtDot != 0 || n.end < len(s.red) && !s.red[n.end].spaces && (s.sign(s.red[n.end]) == '/' || s.sign(s.red[n.end]) == '@' || s.sign(s.red[n.end]) == '(' || s.sign(s.red[n.end]) == '=') {
			continue
		}
		t, strong := x.toolAround(s, n.k, n.end)
		c := float32(.4)
		switch {
		case n.by&(bySpaced|byPunct) != 0 && n.sign:
			c = .6
		case t == "":
			continue
		case strong:
			c = .5
		}
		if n.k > 0 && x.has[s.red[n.k-1].list]&hasNames != 0 {
			c += .12
		}
		s.add(handleName, n.a, n.b, n.text, c, n.by.names()...).tool = t
	}
}

// mayBeName reports whether piece k has a digit or goes on without a space: the cheap part of what makes a name unmistakable.
func (x *extractor) mayBeName(s *scratchEvidence, k int) bool {
	p := s.red[k]
	return p.shape == shapeMixed || k+1 < len(s.red) && !s.red[k+1].spaces && s.red[k+1].shape != shapeBreak || s.looseUnderscore(k+1)
}

// unmistakable reports names with enough letters that their digits and signs are no measure, file or version.
func unmistakable(n string) bool {
	letters, signs, words := 0, 0, 0
	for i := range len(n) {
		switch c := n[i]; {
		case c-'a' < 26:
			letters++
			if i == 0 || n[i-1]-'a' >= 26 {
				words++
			}
		case c == '_' || c == '.':
			signs++
		}
	}
	if fileName(n) || dimensions(n) || letters < 4 || n[0]-'0' < 10 && signs == 0 {
		return false
	}
	return signs > 0 && words >= 1 && letters >= 5 || letters >= 5 && len(n)-letters <= 4
}

// toolAround is the messenger or network named within reach of the pieces [k, end), and whether it is so beyond doubt.
func (x *extractor) toolAround(s *scratchEvidence, k, end int) (name string, strong bool) {
	s.steps += 2 * looseReach
	for d := range looseReach {
		for _, i := range [2]int{k - 1 - d, end + d} {
			if i < 0 || i >= len(s.red) || x.has[s.red[i].list]&hasMessenger == 0 {
				continue
			}
			if t, sure, ok := x.toolOf(s.red[i], hasHandles); ok && (name == "" || sure && !strong) {
				name, strong = t.name, sure
			}
		}
	}
	return name, strong
}

// mention records the name behind the @ at piece k.
func (x *extractor) mention(s *scratchEvidence, k int, tool bool) {
	n, ok := x.nameAt(s, k+1)
	if !ok || n.end < len(s.red) && !s.red[n.end].spaces && (s.sign(s.red[n.end]) == '/' || s.sign(s.red[n.end]) == '(' || s.sign(s.red[n.end]) == '@' || s.sign(s.red[n.end]) == '{') || codeWord(n.text) {
		return
	}
	if i := strings.LastIndexByte(n.text, '.'); i > 0 && x.tlds[n.text[i+1:]] && placeholderHost(n.text) {
		return
	}
	if s.red[k+1].spaces && !(n.sign && n.end > k+2) { // "meet @ noon"
		return
	}
	c := float32(.42)
	near := ""
	if tool {
		var sure bool
		if near, sure = x.toolAround(s, k, n.end); sure {
			c = .8
		} else if near != "" {
			c = .55
		}
	}
	if k == 0 && n.end < len(s.red) || k > 0 && string(s.text(s.red[k-1])) == "rt" {
		c *= .5 // speaks to somebody
	}
	e := s.add(handleName, int(s.red[k].a), n.b, n.text, c, n.by.names()...)
	e.tool = near
	if e.tool == "" {
		if d, ok := x.provider(n.text); ok && d != "" { // "@gmail"
			e.confidence, e.fragment = .2, true
		}
	}
}

// trailing records the name before the @ at piece k, as people write it from right to left.
func (x *extractor) trailing(s *scratchEvidence, k int) {
	i := k - 1
	for i > 0 && !s.red[i].spaces && (asciiPiece(s, s.red[i-1]) || s.sign(s.red[i-1]) == '_' || s.sign(s.red[i-1]) == '.') {
		i--
	}
	if n, ok := x.nameAt(s, i); ok && n.sign && n.end == k {
		s.add(handleName, n.a, n.b, n.text, .55, n.by.names()...).tool = x.toolNear(s, i, k)
	}
}

// codeWord reports words that follow an @ in code.
func codeWord(w string) bool {
	switch w {
	case "media", "import", "override", "param", "return", "returns", "property", "font-face", "keyframes", "charset", "include", "mixin", "app", "click", "test", "before", "after", "everyone", "here", "all", "channel", "types", "babel", "angular", "deprecated", "staticmethod", "classmethod", "autowired", "entity", "inject", "extend", "supports", "layer", "apply", "tailwind", "todo":
		return true
	}
	return false
}

// tag records name#1234.
func (x *extractor) tag(s *scratchEvidence, k int) {
	if k+1 >= len(s.red) || s.red[k+1].spaces || s.red[k+1].shape != shapeDigits || len(s.text(s.red[k+1])) != 4 || !asciiPiece(s, s.red[k-1]) {
		return
	}
	i := k - 1
	for i > 0 && !s.red[i].spaces && (asciiPiece(s, s.red[i-1]) || s.sign(s.red[i-1]) == '_' || s.sign(s.red[i-1]) == '.') {
		i--
	}
	if n, ok := x.nameAt(s, i); ok && strings.Contains(n.text, "#") {
		s.add(handleName, n.a, n.b, n.text, .85, n.by.names()...).tool = "discord"
	}
}

// toolNear is the messenger or network that is named closest around the pieces [k, end).
func (x *extractor) toolNear(s *scratchEvidence, k, end int) string {
	for d := range 8 {
		for _, i := range [2]int{k - 1 - d, end + d} {
			if i < 0 || i >= len(s.red) {
				continue
			}
			if t, _, ok := x.toolOf(s.red[i], hasHandles); ok && t.name != "phone" && t.name != "email" && t.name != "sms" {
				return t.name
			}
		}
	}
	return ""
}

// beside finds the name that stands before or after the tool at piece k: "telegram: name", "name on skype".
func (x *extractor) beside(s *scratchEvidence, k int) {
	t, strong, ok := x.toolOf(s.red[k], hasHandles)
	if !ok || t.name == "phone" || t.name == "email" || t.name == "sms" {
		return
	}
	if x.afterTool(s, k, t, strong) {
		return
	}
	x.beforeTool(s, k, t, strong)
}

func (x *extractor) afterTool(s *scratchEvidence, k int, t tool, strong bool) bool {
	i := k + 1
	links, colon, words := 0, false, 0
	for ; i < len(s.red) && links < 5; i++ {
		p := s.red[i]
		c := s.sign(p)
		if c == ':' || c == '=' || c == '-' || c == '@' || c == '"' || c == '\'' || c == '(' || c == '>' || c == '~' || c == ',' || c == '.' {
			colon = colon || c == ':' || c == '=' || c == '@' || c == '"'
			if c == '.' && !p.spaces && i+1 < len(s.red) && !s.red[i+1].spaces {
				return false
			}
			links++
			continue
		}
		if p.shape == shapeSign && p.list == 0 { // an emoji
			links++
			continue
		}
		if n, ok := x.nameAt(s, i); ok && n.sign {
			break
		}
		if x.has[p.list]&hasNames != 0 && i+1 < len(s.red) {
			w := string(s.text(p))
			colon = colon || w == "id" || w == "username" || w == "handle" || w == "nick"
			links++
			words++
			continue
		}
		break
	}
	n, ok := x.nameAt(s, i)
	if !ok {
		return false
	}
	var c float32
	cjk := k < i && !isASCII(s.text(s.red[k]))
	switch {
	case fileName(n.text), x.has[s.red[i].list]&anyTool != 0 && !n.sign:
		return false
	case n.sign && (colon || words > 0 || i == k+1 || cjk):
		c = .85
	case n.marked && (colon || words > 0):
		c = .7
	case colon && !ordinary(n.text):
		c = .5
	case cjk && len(n.text) >= 4 && !ordinary(n.text):
		c = .65
	case words > 0 && len(n.text) >= 6 && !ordinary(n.text) && x.has[s.red[i].list] == 0:
		c = .35
	default:
		return false
	}
	if !strong {
		c -= .2
	}
	if n.by&byAtDot != 0 && !colon && digitCount([]byte(n.text)) == 0 {
		c -= .2
	}
	if dimensions(n.text) {
		return false
	}
	s.add(handleName, n.a, n.b, n.text, c, n.by.names()...).tool = t.name
	return true
}

func isASCII(w []byte) bool {
	for _, c := range w {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// beforeTool looks for "name on tool", "name (tool)".
func (x *extractor) beforeTool(s *scratchEvidence, k int, t tool, strong bool) {
	i := k - 1
	bridge := 0
	for ; i >= 0 && bridge < 3; i-- {
		w := string(s.text(s.red[i]))
		if w == "on" || w == "at" || w == "in" || w == "the" || w == "en" || w == "no" || w == "na" || w == "sur" || w == "auf" || w == "bei" || w == "su" || w == "op" || w == "w" || w == "pe" || w == "в" || w == "у" || w == "di" || w == "sa" || w == "over" || w == "," || w == "(" || w == "el" || w == "da" || w == "my" {
			bridge++
			continue
		}
		break
	}
	if i < 0 || bridge == 0 || !asciiPiece(s, s.red[i]) {
		return
	}
	end := i
	for i > 0 && (!s.red[i].spaces && (asciiPiece(s, s.red[i-1]) || s.sign(s.red[i-1]) == '_' || s.sign(s.red[i-1]) == '.' || s.sign(s.red[i-1]) == '-') || x.afterSpokenSign(s, i, -2) && i > 1 || x.spokenSign(s, i) && i > 0 && asciiPiece(s, s.red[i-1]) && i < end) {
		i--
	}
	n, ok := x.nameAt(s, i)
	if !ok || n.end < end || fileName(n.text) {
		return
	}
	var c float32
	switch {
	case n.sign && len(n.text) >= 4:
		c = .8
	case n.marked:
		c = .7
	case s.f.factsIn(n.a, n.b) != 0:
		c = .7
	default:
		return
	}
	if !strong {
		c -= .25
	}
	if n.by&byAtDot != 0 && digitCount([]byte(n.text)) == 0 {
		c -= .2
	}
	s.add(handleName, n.a, n.b, n.text, c, n.by.names()...).tool = t.name
}

// dimensions reports 370x320.
func dimensions(n string) bool {
	a, b, ok := strings.Cut(n, "x")
	return ok && strings.Trim(a+b, "0123456789") == ""
}

func fileName(n string) bool {
	i := strings.LastIndexByte(n, '.')
	return i >= 0 && fileEnding(n[i+1:])
}

// ordinary reports words that follow the name of a tool in any talk about it.
func ordinary(w string) bool {
	switch w {
	case "easier", "better", "fine", "good", "okay", "faster", "not", "blocked", "banned", "down", "the", "great", "where", "what", "how", "free", "quick", "quicker", "best", "allowed", "possible", "required", "installed", "dead", "for", "and", "but", "only", "please", "pls", "thanks", "yes", "number", "call", "group", "chat", "link", "bot", "app", "name", "same", "just", "when", "with", "too", "also", "there", "here", "works", "work", "more", "much", "way", "any", "all", "you", "your", "are", "can", "was", "has", "have", "will", "would", "should", "who", "why", "which", "that", "this", "then", "later", "today", "tomorrow", "now", "soon", "about", "after", "before", "from", "into", "they", "them", "some", "one", "our", "account", "profile", "page", "message", "messages", "business", "channel", "server", "stickers", "sticker", "integration", "api", "button", "icon", "widget", "instead", "plus", "email", "phone", "zoom", "skype", "telegram", "whatsapp", "que", "para", "por", "con", "mais", "mejor", "und", "oder", "ist", "nicht", "per", "non", "est", "pas", "het", "een", "moze", "dan", "yang", "aja", "nalang", "lang", "kasi", "pero":
		return true
	}
	return false
}
