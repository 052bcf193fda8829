package classify

import (
	"slices"
	"strings"
)

// kind is what a piece of evidence is.
type kind uint8

// The kinds of evidence.
const (
	phoneNumber kind = iota
	emailAddress
	handleName  // a user name on a messenger or social network
	contactLink // a link that opens a way to contact
	meetingLink // a link to an outside meeting or scheduling tool
	workLink    // a link that people show work with; never a contact
	otherLink
	paymentID // IBAN, Pix or UPI id, wallet address, $cashtag, paypal.me
	numKinds  = iota
)

// evidence is a contact, link or payment id that stands in the message, however disguised.
type evidence struct {
	kind        kind
	normalized  string   // E.164 where the number is valid with a region, else its digits; address; name; host and path
	start, end  int      // bytes of the original text
	by          []string // decoders that read it, outermost first; empty when it stood in the open
	confidence  float32  // 0..1: how sure the reading is, before the words around it are considered
	placeholder bool     // example.com, 555-01xx, 4242 4242 …: test data, no contact
	fragment    bool     // a part of a number or address that another message may complete
	tool        string   // canonical tool of a handle, link or payment id, where one is named
}

// extractor finds evidence. It is immutable and safe for concurrent use.
type extractor struct {
	*evidenceLexicon
	regions []string // tried in this order where nothing else tells a number's country
}

// defaultRegions are the countries whose national numbers are understood, by how much of the chat comes from there.
var defaultRegions = []string{
	"US", "CA", "GB", "IN", "PK", "DE", "FR", "ES", "IT", "PL", "RO", "RU", "UA", "TR", "BR", "MX", "ID", "PH", "VN", "BD", "NG", "KE", "EG", "SA", "AE",
	"NL", "PT", "IE", "AU", "ZA", "JP", "KR", "CN", "TH", "MY", "IR", "IL", "MA", "DZ", "AR", "CO", "CL", "PE", "GR", "CZ", "HU", "SE", "NO", "DK", "FI", "AT", "CH", "BE", "TW", "HK", "SG", "LK", "NZ", "TN", "KZ", "RS", "BG", "SK", "ET", "GE", "AM", "UZ", "HR", "GH",
}

// newExtractor reads the embedded lexicons. An empty list of regions means the default ones.
func newExtractor(regions ...string) (*extractor, error) {
	lex, err := loadEvidenceLexicon()
	if err != nil {
		return nil, err
	}
	if len(regions) == 0 {
		regions = defaultRegions
	}
	return &extractor{lex, regions}, nil
}

// scratchEvidence is the memory that find reuses. The zero value is ready.
type scratchEvidence struct {
	pieces      []piece // as they stand
	red         []piece // after the decoders of single words
	redBuf      []piece
	kept        int    // pieces that have found their way into red while it is written
	read        []byte // what pieces say where that is not what stands there
	nums        []numeral
	part        []numeral // of one compound word
	digits      []byte
	parts       []part
	buf         []byte
	code, plain []byte   // of one encoded word, and what it encodes
	said        [64]byte // what one number says
	apart       [mostApart]apartChar
	sc          scanned
	f           *folded
	out         []evidence
	deep        *deeper // for decoded text
	budget      int     // numbers that may still be looked up
	steps       int     // what was looked at, in bytes, pieces and entries of tables; a test holds it to the length of the text
	depth       int
	setApart    bool   // letters were set apart
	inScript    string // see script
	scriptKnown bool
	likely      string // countries to ask first for the number at hand
}

// deeper is the memory for reading a decoded text.
type deeper struct {
	s scratchEvidence
	f folded
}

const (
	maxEvidence = 64 // of one message
	maxLookups  = 24 // of a message in the numbering plans
	maxDecoded  = 512
)

// find appends the evidence in f, in the order of its start. Evidence does not overlap evidence of its own kind.
// It may set sawLeet in f.facts.
func (x *extractor) find(f *folded, s *scratchEvidence, dst []evidence) []evidence {
	s.budget, s.depth, s.steps = maxLookups, 0, 0
	x.collect(f, s)
	if len(s.out) == 0 {
		return dst
	}
	n := len(dst)
	dst = append(dst, s.out...)
	return settle(dst, n)
}

// collect leaves the evidence in s.out.
func (x *extractor) collect(f *folded, s *scratchEvidence) {
	s.f, s.out, s.scriptKnown, s.likely = f, s.out[:0], false, ""
	s.pieces, s.sc = x.scan(f.text, s.pieces[:0])
	s.steps += len(f.text) + len(s.pieces)
	if s.sc.idle() && !x.compounds(s) && !x.looks(s) {
		s.red = s.pieces
		return
	}
	if s.sc.slashes > 0 || s.sc.dots > 0 || s.sc.ats > 0 {
		x.links(s)
	}
	if s.sc.ats > 0 {
		x.addresses(s)
	}
	x.payments(s)
	x.reduce(s)
	if s.sc.has&hasAt != 0 || s.sc.ats > 0 || s.sc.has&hasProvider != 0 || s.sc.has&hasWeakAt != 0 && s.sc.has&(hasProvider|hasDot) != 0 || s.sc.has&hasWeakAt != 0 && s.sc.dots > 0 {
		x.spokenAddresses(s)
	}
	x.numbers(s)
	if s.sc.has&(hasMessenger|hasUnderscore) != 0 || s.sc.ats > 0 || s.sc.signs > 0 && s.sc.digits >= 4 || s.setApart {
		x.handles(s)
	}
	if s.depth == 0 {
		x.decode(s)
	}
}

// idle reports whether no evidence can be found: no digit, no @, no link, no messenger, no spoken number.
func (sc *scanned) idle() bool {
	return sc.digits == 0 && sc.ats == 0 && sc.slashes == 0 && sc.dots == 0 && sc.rows < 2 && sc.mixed == 0 &&
		sc.singles < 4 && sc.has&(hasMessenger|hasProvider|hasAt|hasCue|hasCoded|hasUnderscore|hasAlphabet) == 0 && !(sc.has&hasWeakAt != 0 && sc.has&hasDot != 0) && sc.longest < 16 && sc.strayMorse < 8 && sc.lines < 3 && sc.signs == 0
}

// add records evidence that stands at the folded bytes [a, b).
func (s *scratchEvidence) add(k kind, a, b int, normalized string, confidence float32, by ...string) *evidence {
	if len(s.out) >= maxEvidence || a >= b {
		return &evidence{}
	}
	sp := s.f.span(a, b)
	s.out = append(s.out, evidence{kind: k, normalized: normalized, start: sp.Start, end: sp.End, confidence: confidence, by: s.disguise(a, b, by)})
	return &s.out[len(s.out)-1]
}

// disguise adds what folding undid in [a, b) to the decoders.
func (s *scratchEvidence) disguise(a, b int, by []string) []string {
	if s.f.facts == 0 {
		return by
	}
	facts := s.f.factsIn(a, b)
	for _, d := range [...]struct {
		fact foldFacts
		name string
	}{{sawEmojiDigits, "emoji"}, {sawHomoglyph | sawStyled | sawNativeDigits, "homoglyph"}, {sawInvisible | sawStacked, "zero_width"}} {
		if facts&d.fact != 0 && !slices.Contains(by, d.name) {
			by = append([]string{d.name}, by...)
		}
	}
	return by
}

// settle orders the evidence from n on and drops what other evidence of the kind covers.
func settle(ev []evidence, n int) []evidence {
	e := ev[n:]
	slices.SortStableFunc(e, func(a, b evidence) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	keep := e[:0]
	for _, v := range e {
		if i := rival(keep, v); i >= 0 {
			if v.beats(keep[i]) {
				keep[i] = v
			}
			continue
		}
		keep = append(keep, v)
	}
	clear(e[len(keep):])
	return ev[:n+len(keep)]
}

// rival is the index of the evidence that v overlaps and competes with, or -1.
func rival(keep []evidence, v evidence) int {
	for i := len(keep) - 1; i >= 0 && i >= len(keep)-8; i-- {
		k := keep[i]
		if v.start < k.end && k.start < v.end && (k.kind == v.kind || k.fragment || v.fragment || k.kind.link() && v.kind.link() ||
			k.kind == emailAddress && v.kind == handleName || k.kind == handleName && v.kind == emailAddress ||
			k.kind.link() && (v.kind == handleName || v.kind == phoneNumber) && k.confidence > .5) {
			return i
		}
	}
	return -1
}

func (k kind) link() bool { return k >= contactLink && k <= otherLink }

func (e evidence) beats(o evidence) bool {
	if e.fragment != o.fragment {
		return !e.fragment
	}
	if e.kind == emailAddress && o.kind == handleName && e.confidence >= .5 {
		return true
	}
	return e.confidence > o.confidence
}

// text is what the piece says.
func (s *scratchEvidence) text(p piece) []byte {
	if p.s < p.e {
		return s.read[p.s:p.e]
	}
	return s.f.text[p.a:p.b]
}

// sign is the sign that the piece is, or 0.
func (s *scratchEvidence) sign(p piece) byte {
	if p.shape == shapeSign && p.b-p.a == 1 {
		return s.f.text[p.a]
	}
	return 0
}

// decoders is a set of what had to be undone to read a piece.
type decoders uint16

const (
	bySpaced decoders = 1 << iota
	byPunct
	byLeet
	byPhonetic
	byTypo
	byReversed
	byAtDot
	byMath
	byEmbedded
	byEncoding
	byAcrostic
	byGlued
	byLook
)

var decoderNames = [...]string{"spaced", "punct", "leet", "phonetic", "typo", "reversed", "at_dot", "math", "embedded", "encoding", "acrostic", "glued", "homoglyph"}

// names are the decoders' names, outermost first.
func (d decoders) names() []string {
	var out []string
	for i, n := range decoderNames {
		if d&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// toolOf is the tool that the piece names, of one of the kinds, and whether it does so beyond doubt.
func (x *extractor) toolOf(p piece, want func(toolKind) bool) (t tool, strong, ok bool) {
	if x.has[p.list]&(anyTool) == 0 {
		return
	}
	for _, m := range x.terms[p.list] {
		if m.kind == termTool && want(x.tools[m.val].kind) && (!ok || !m.weak) {
			t, strong, ok = x.tools[m.val], !m.weak, true
		}
	}
	return
}

func isMail(k toolKind) bool     { return k == toolMail }
func hasHandles(k toolKind) bool { return k == toolMessaging || k == toolSocial }

// derive reads decoded text that stands for the folded bytes [a, b): its evidence gets their span and the decoder's name.
func (x *extractor) derive(s *scratchEvidence, text string, a, b int, by string, keep func(evidence) bool) bool {
	if s.depth > 0 || len(text) == 0 {
		return false
	}
	if len(text) > maxDecoded {
		text = text[:maxDecoded]
	}
	if s.deep == nil {
		s.deep = new(deeper)
	}
	d := s.deep
	d.f.fold(strings.ToValidUTF8(text, ""))
	d.s.budget, d.s.depth, d.s.steps = s.budget, s.depth+1, 0
	x.collect(&d.f, &d.s)
	s.budget = d.s.budget
	s.steps += d.s.steps
	found := false
	for _, e := range d.s.out {
		if keep != nil && !keep(e) {
			continue
		}
		found = true
		n := s.add(e.kind, a, b, e.normalized, e.confidence, append([]string{by}, e.by...)...)
		n.placeholder, n.fragment, n.tool = e.placeholder, e.fragment, e.tool
	}
	return found
}

// toolIn is the tool or provider that the text names beyond doubt, or that it is the name of.
func (x *extractor) toolIn(text string, s *scratchEvidence) (t tool, ok bool) {
	if s.deep == nil {
		s.deep = new(deeper)
	}
	s.deep.f.fold(text)
	pieces, sc := x.scan(s.deep.f.text, s.deep.s.pieces[:0])
	s.deep.s.pieces = pieces
	if sc.has&anyTool == 0 {
		return t, false
	}
	for _, p := range pieces {
		if t, strong, found := x.toolOf(p, anyKind); found && (strong || len(pieces) == 1 && p.b-p.a >= 5) {
			return t, true
		}
	}
	return t, false
}
