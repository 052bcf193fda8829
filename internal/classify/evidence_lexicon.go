package classify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// termKind is what a word of the evidence lexicon stands for.
type termKind uint8

const (
	termDigit    termKind = iota // val 0..9
	termTen                      // 10 of languages that build with it: 十, on, mười
	termTeen                     // 10..99, complete
	termTens                     // 20..90, a digit may follow
	termHundred                  // 100, a digit may precede
	termHundreds                 // 100..900, tens and digits may follow
	termBig                      // 1000 and more
	termRepeat                   // double, triple; val is how often
	termTimes                    // "mal", "veces": the number before says how often
	termPlus
	termAnd  // joins the parts of a number
	termGlue // stands between groups of digits
	termAt
	termDot
	termUnderscore
	termDash
	termSlash
	termHash
	termLetter // val is the letter
	termTool   // val is an index of tools
	termCue    // val is a cue
	termCurrency
	termUnit
	termNot      // names numbers that are no telephone's: "invoice", "tracking"
	termPhone    // announces a telephone number: "call", "tel."
	termNames    // stands between a tool and a user name: "is", "id"
	termReversed // a tool's name from its end; val as termTool
	termRot13
)

// cue is an announcement of a disguise.
type cue uint8

const (
	cueReverse cue = iota
	cueAcrostic
	cueEncoding
	cueList
)

// toolKind is what a tool is for.
type toolKind uint8

const (
	toolMessaging toolKind = iota
	toolMeeting
	toolPayment
	toolMail
	toolSocial
	toolOwn // the platform's own, and other platforms
)

// tool is a messenger, network, provider or the like.
type tool struct {
	kind toolKind
	name string // canonical; a provider's domain
}

// term is one meaning of a word.
type term struct {
	kind termKind
	weak bool  // also an ordinary word
	lang uint8 // index of languages
	val  int64
}

// has is a set of what the meanings of a word can be.
type has uint32

const (
	hasNumber has = 1 << iota // strong
	hasWeakNumber
	hasRepeat
	hasPlus
	hasGlue
	hasAt
	hasWeakAt
	hasDot
	hasUnderscore
	hasDash
	hasLetter
	hasTool // strong
	hasWeakTool
	hasProvider
	hasCue
	hasTimes
	hasAnd
	hasSlash
	hasHash
	hasCurrency
	hasUnit
	hasNot
	hasPhone
	hasNames
	hasCoded     // reversed or rotated
	hasPrep      // "on": in the place of an @ before the name of a provider
	hasMessenger // people have user names on it
	hasAlphabet  // a word of the spelling alphabet of radio
	anyNumber    = hasNumber | hasWeakNumber
	anyAt        = hasAt | hasWeakAt
	anyTool      = hasTool | hasWeakTool
)

// evidenceLexicon is the words that evidence is made of, as a trie over folded text. It is immutable.
type evidenceLexicon struct {
	langs []string
	tools []tool
	hosts map[string]hostRow
	tlds  map[string]bool

	nodes  []trieNode
	next   []int32 // by node.first + byte - node.lo; -1 where nothing goes on
	root   [256]int32
	filter [1 << 10]uint64 // a bit for the hash of each ASCII word that an entry begins with
	stems  [1 << 9]uint64  // and of the first bytes of the names that take endings
	words  []wordNode      // by hash, open addressing: what the trie has after those words
	terms  [][]term        // by list
	has    []has           // by list
}

type trieNode struct {
	first int32 // of next
	list  int32 // 0: no word ends here
	lo    byte  // the lowest byte that goes on
	n     uint8 // how many bytes from lo on are in next, less one
	leaf  bool  // nothing goes on
	parts bool  // an entry that a compound number may have as a part ends here or goes on from here
}

// hostRow says what a link to a host opens.
type hostRow struct {
	kind kind
	tool string
	path string // required beginning of the path, or ""
}

// step is the node after b, or -1.
func (x *evidenceLexicon) step(node int32, b byte) int32 {
	nd := &x.nodes[node]
	if i := b - nd.lo; i <= nd.n && !nd.leaf {
		return x.next[nd.first+int32(i)]
	}
	return -1
}

// loadEvidenceLexicon reads the data files; its error lists every fault as file:line: problem.
func loadEvidenceLexicon() (*evidenceLexicon, error) {
	b := newLexiconBuilder()
	b.lang("en")
	b.read("lexicon/numbers.tsv", b.number)
	b.read("lexicon/symbols.tsv", b.symbol)
	b.read("lexicon/tools.tsv", b.tool)
	b.read("lexicon/hosts.tsv", b.host)
	b.read("lexicon/tlds.txt", b.tld)
	b.read("lexicon/contexts.tsv", b.context)
	if b.faults != nil {
		return nil, fmt.Errorf("evidence lexicon:\n%s", strings.Join(b.faults, "\n"))
	}
	b.build()
	return b.x, nil
}

type lexiconBuilder struct {
	x      *evidenceLexicon
	words  []meaning
	place  map[string]int // in words
	langs  map[string]uint8
	faults []string
	f      folded
	col    []string
}

// meaning is an entry of the lexicon with all its meanings.
type meaning struct {
	key   string
	terms []term
}

func newLexiconBuilder() *lexiconBuilder {
	const most = 1 << 14 // entries, about
	return &lexiconBuilder{x: &evidenceLexicon{hosts: map[string]hostRow{}, tlds: map[string]bool{}}, words: make([]meaning, 0, most), place: make(map[string]int, most), langs: map[string]uint8{}}
}

func (b *lexiconBuilder) read(name string, row func(col []string) error) {
	src, err := fs.ReadFile(lexicons(), name)
	if err != nil {
		b.faults = append(b.faults, err.Error())
		return
	}
	n := 0
	for line := range strings.Lines(string(src)) {
		n++
		line = strings.TrimRight(line, "\n\t")
		if line == "" || line[0] == '#' {
			continue
		}
		b.col = slices.AppendSeq(b.col[:0], strings.SplitSeq(line, "\t"))
		if err := row(b.col); err != nil {
			b.faults = append(b.faults, fmt.Sprintf("%s:%d: %v", name, n, err))
		}
	}
}

func (b *lexiconBuilder) lang(name string) uint8 {
	i, ok := b.langs[name]
	if !ok {
		i = uint8(len(b.x.langs))
		b.langs[name] = i
		b.x.langs = append(b.x.langs, name)
	}
	return i
}

// add gives the word a meaning; written without its marks too where they are Latin, and with its own letters where all of them look Latin:
// alone it is taken for a disguise, but not among words of its script.
func (b *lexiconBuilder) add(word string, t term) {
	b.f.fold(word)
	k := string(b.f.text)
	b.mean(k, t)
	if plain := withoutMarks(k); plain != k {
		b.mean(plain, t)
	}
	if isASCII(b.f.text) && !isASCII([]byte(word)) {
		b.mean(strings.ToLower(norm.NFKC.String(word)), t)
	}
}

func (b *lexiconBuilder) mean(k string, t term) {
	k = strings.ReplaceAll(k, "-", " ")
	if k == "" {
		return
	}
	i, ok := b.place[k]
	if !ok {
		i = len(b.words)
		b.place[k] = i
		b.words = append(b.words, meaning{key: k})
	}
	if w := &b.words[i]; !slices.Contains(w.terms, t) {
		w.terms = append(w.terms, t)
	}
}

var numberKinds = map[string]termKind{
	"digit": termDigit, "ten": termTen, "teen": termTeen, "tens": termTens, "hundred": termHundred, "hundreds": termHundreds,
	"big": termBig, "double": termRepeat, "triple": termRepeat, "times": termTimes, "plus": termPlus, "and": termAnd, "glue": termGlue,
}

func (b *lexiconBuilder) number(col []string) error {
	if len(col) < 4 {
		return fmt.Errorf("want language, word, value, kind")
	}
	k, ok := numberKinds[col[3]]
	if !ok {
		return fmt.Errorf("unknown kind %q", col[3])
	}
	v, err := strconv.ParseInt(col[2], 10, 64)
	if err != nil {
		return fmt.Errorf("parse value: %w", err)
	}
	b.add(col[1], term{k, len(col) > 4, b.lang(col[0]), v})
	return nil
}

var symbolKinds = map[string]termKind{
	"at": termAt, "dot": termDot, "underscore": termUnderscore, "dash": termDash, "slash": termSlash, "hash": termHash,
}

var cueNames = map[string]cue{"cue:reverse": cueReverse, "cue:acrostic": cueAcrostic, "cue:encoding": cueEncoding, "cue:list": cueList}

func (b *lexiconBuilder) symbol(col []string) error {
	if len(col) != 4 {
		return fmt.Errorf("want what, word, language, strength")
	}
	t := term{weak: col[3] == "weak", lang: b.lang(col[2])}
	if k, ok := symbolKinds[col[0]]; ok {
		t.kind = k
	} else if c, ok := cueNames[col[0]]; ok {
		t.kind, t.val = termCue, int64(c)
	} else if l, ok := strings.CutPrefix(col[0], "letter:"); ok && len(l) == 1 {
		t.kind, t.val = termLetter, int64(l[0])
	} else {
		return fmt.Errorf("unknown symbol %q", col[0])
	}
	b.add(col[1], t)
	return nil
}

var toolKinds = map[string]toolKind{
	"messaging": toolMessaging, "meeting": toolMeeting, "payment": toolPayment, "email_provider": toolMail, "social": toolSocial, "platform_own": toolOwn,
}

func (b *lexiconBuilder) tool(col []string) error {
	if len(col) != 5 {
		return fmt.Errorf("want kind, name, form, language, strength")
	}
	k, ok := toolKinds[col[0]]
	if !ok {
		return fmt.Errorf("unknown kind %q", col[0])
	}
	if col[4] != "strong" && col[4] != "weak" {
		return fmt.Errorf("unknown strength %q", col[4])
	}
	i := slices.Index(b.x.tools, tool{k, col[1]})
	if i < 0 {
		i = len(b.x.tools)
		b.x.tools = append(b.x.tools, tool{k, col[1]})
	}
	t := term{termTool, col[4] == "weak", b.lang(col[3]), int64(i)}
	b.add(col[2], t)
	b.coded(col[2], t)
	if col[2] == col[1] && !t.weak && k != toolPayment && k != toolOwn {
		b.slips(col[2], t)
	}
	return nil
}

const shortestSlip = 8 // letters of a name that can be told with one of them wrong

// slips adds what a long Latin name is with one slip of the pen behind its first letter: a letter doubled, dropped, swapped with the next, or its
// neighbour on the keyboard.
func (b *lexiconBuilder) slips(word string, t term) {
	if len(word) < shortestSlip || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
		return
	}
	const keys = "qwertyuiop asdfghjkl zxcvbnm"
	for i := 1; i < len(word); i++ {
		head, c, tail := word[:i], word[i:i+1], word[i+1:]
		b.add(head+c+c+tail, t)
		if tail != "" { // "telegra" is the beginning of a telegraph
			b.add(head+tail, t)
			b.add(head+tail[:1]+c+tail[1:], t)
		}
		k := strings.Index(keys, c)
		for _, n := range [...]int{k - 1, k + 1} {
			if n >= 0 && n < len(keys) && keys[n] != ' ' {
				b.add(head+keys[n:n+1]+tail, t)
			}
		}
	}
}

// coded adds what a Latin name is when written backwards and in rot13: an ordinary word such as "signal" is none any more.
func (b *lexiconBuilder) coded(word string, t term) {
	if len(word) < 5 || t.weak && len(word) < 6 || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
		return
	}
	t.kind, t.weak = termReversed, false
	if r := reversed([]byte(word)); r != word {
		b.add(r, t)
	}
	t.kind = termRot13
	b.add(rot13(word), t)
}

var hostKinds = map[string]kind{"contact": contactLink, "meeting": meetingLink, "work": workLink, "payment": paymentID, "other": otherLink}

func (b *lexiconBuilder) host(col []string) error {
	if len(col) != 3 {
		return fmt.Errorf("want kind, tool, host")
	}
	k, ok := hostKinds[col[0]]
	if !ok {
		return fmt.Errorf("unknown kind %q", col[0])
	}
	host, path, _ := strings.Cut(col[2], "/")
	key := host
	if path != "" {
		key += "/"
	}
	if old, ok := b.x.hosts[key]; ok && path != "" && old.path != path {
		key += path // several paths under one host
	}
	b.x.hosts[key] = hostRow{k, col[1], path}
	return nil
}

var contextKinds = map[string]termKind{"currency": termCurrency, "unit": termUnit, "not": termNot, "phone": termPhone, "names": termNames}

func (b *lexiconBuilder) context(col []string) error {
	if len(col) != 3 {
		return fmt.Errorf("want what, word, language")
	}
	k, ok := contextKinds[col[0]]
	if !ok {
		return fmt.Errorf("unknown context %q", col[0])
	}
	b.add(col[1], term{kind: k, lang: b.lang(col[2])})
	return nil
}

func (b *lexiconBuilder) tld(col []string) error {
	b.x.tlds[col[0]] = true
	return nil
}

// build lays the trie out.
func (b *lexiconBuilder) build() {
	slices.SortFunc(b.words, func(a, b meaning) int { return strings.Compare(a.key, b.key) })
	x := b.x
	x.terms, x.has = make([][]term, 1, len(b.words)+1), make([]has, 1, len(b.words)+1)
	size := b.countNodes()
	x.nodes, x.next = append(make([]trieNode, 0, size), trieNode{}), make([]int32, 0, 4*size)
	queue := append(make([]trieKeys, 0, size), trieKeys{b.words, 0, 0})
	for i := 0; i < len(queue); i++ { // breadth first: the nodes that every word visits lie together
		queue = b.node(queue[i], queue)
	}
	for i := range x.root {
		x.root[i] = x.step(0, byte(i))
	}
	x.markParts()
	x.words = make([]wordNode, 1<<14)
	for i := range b.words {
		b.mark(&b.words[i])
	}
}

// countNodes is the number of different beginnings of the words, which are in order.
func (b *lexiconBuilder) countNodes() int {
	n, last := 1, ""
	for _, w := range b.words {
		same := 0
		for same < min(len(w.key), len(last)) && w.key[same] == last[same] {
			same++
		}
		n, last = n+len(w.key)-same, w.key
	}
	return n
}

// wordNode is the trie's node after a word.
type wordNode struct {
	hash uint32
	node int32  // 0: empty
	list int32  // of the node
	next uint32 // beginnings of what goes on after the word: see nextBit
}

// nextBit stands for entries that go on after a word with the byte c and then d; others may share it.
func nextBit(c, d byte) uint32 { return 1 << ((c - ' ' + d) & 31) }

// goesOn reports whether a longer entry may begin with the word that ends at j.
func (w *wordNode) goesOn(t []byte, j int) bool {
	if j+1 >= len(t) {
		return j < len(t) && w.next == allNext
	}
	c, d := t[j], t[j+1]
	return w.next&nextBit(c, d) != 0 || (c == '-' || c == '\n' || c == '_') && w.next&nextBit(' ', d) != 0
}

// allNext is the set for words behind which an entry ends with a single byte.
const allNext = 1<<32 - 1

// nexts is the set of what goes on after a word of ASCII letters and digits that leads to the node, when the word ends there.
func (x *evidenceLexicon) nexts(node int32) (set uint32) {
	for c := range byte(utf8.RuneSelf) {
		to := x.step(node, c)
		if alnum(c) || to < 0 {
			continue
		}
		if x.nodes[to].list != 0 {
			return allNext
		}
		for d := range 1 << 8 {
			if x.step(to, byte(d)) >= 0 {
				set |= nextBit(c, byte(d))
			}
		}
	}
	return set
}

// mark enters the word that the key begins with into the tables that spare most words the way through the trie.
func (b *lexiconBuilder) mark(w *meaning) {
	x, k, n := b.x, w.key, 0
	for n < len(k) && alnum(k[n]) {
		n++
	}
	if n == 0 || n < len(k) && k[n] >= utf8.RuneSelf {
		return
	}
	h := wordHash([]byte(k), 0, n)
	x.filter[h>>6&(1<<10-1)] |= 1 << (h & 63)
	node := int32(0)
	for i := range n {
		node = x.step(node, k[i])
	}
	i := h >> 16 & uint64(len(x.words)-1)
	for x.words[i].node != 0 && x.words[i].node != node {
		i = (i + 1) & uint64(len(x.words)-1)
	}
	x.words[i] = wordNode{uint32(h >> 32), node, x.nodes[node].list, x.nexts(node)}
	if x.summary(w.terms)&hasTool != 0 && n >= shortestStem {
		h = wordHash([]byte(k), 0, shortestStem)
		x.stems[h>>6&(1<<9-1)] |= 1 << (h & 63)
	}
}

// longestAfter is longest for the ASCII word t[i:j], where the word ends.
func (x *evidenceLexicon) longestAfter(t []byte, i, j int) (end int, list int32) {
	h := wordHash(t, i, j)
	if x.filter[h>>6&(1<<10-1)]&(1<<(h&63)) != 0 {
		for k := h >> 16 & uint64(len(x.words)-1); x.words[k].node != 0; k = (k + 1) & uint64(len(x.words)-1) {
			w := &x.words[k]
			switch {
			case w.hash != uint32(h>>32):
				continue
			case w.goesOn(t, j):
				return x.longestFrom(t, i, j, w.node)
			case w.list != 0:
				return j, w.list
			}
			return 0, 0
		}
	}
	if j-i > shortestStem {
		h = wordHash(t, i, i+shortestStem)
		if x.stems[h>>6&(1<<9-1)]&(1<<(h&63)) != 0 {
			return x.longest(t, i)
		}
	}
	return 0, 0
}

const shortestStem = 6 // letters of a name that may take an ending

// wordHash hashes t[i:j], a word of ASCII letters and digits, by its first and last bytes and its length.
func wordHash(t []byte, i, j int) uint64 {
	var a, z uint64
	if n := j - i; n >= 8 {
		a, z = binary.LittleEndian.Uint64(t[i:]), binary.LittleEndian.Uint64(t[j-8:])
	} else if i+8 <= len(t) {
		a = binary.LittleEndian.Uint64(t[i:]) << (64 - 8*n)
	} else {
		for k := j - 1; k >= i; k-- {
			a = a<<8 | uint64(t[k])
		}
		a <<= 64 - 8*n
	}
	return mix(a ^ z*0x9e3779b97f4a7c15 ^ uint64(j-i))
}

// trieKeys are the words under a node: those that share their first depth bytes.
type trieKeys struct {
	words []meaning
	depth int
	id    int32
}

// node lays out a node and appends its children to the queue.
func (b *lexiconBuilder) node(k trieKeys, queue []trieKeys) []trieKeys {
	x := b.x
	words := k.words
	if w := words[0]; len(w.key) == k.depth {
		x.nodes[k.id].list = int32(len(x.terms))
		x.terms, x.has = append(x.terms, w.terms), append(x.has, x.summary(w.terms))
		words = words[1:]
	}
	if len(words) == 0 {
		x.nodes[k.id].leaf = true
		return queue
	}
	lo, hi := words[0].key[k.depth], words[len(words)-1].key[k.depth]
	first := len(x.next)
	x.nodes[k.id].first, x.nodes[k.id].lo, x.nodes[k.id].n = int32(first), lo, hi-lo
	for range int(hi-lo) + 1 {
		x.next = append(x.next, -1)
	}
	for i := 0; i < len(words); {
		c := words[i].key[k.depth]
		j := i + 1
		for j < len(words) && words[j].key[k.depth] == c {
			j++
		}
		id := int32(len(x.nodes))
		x.nodes = append(x.nodes, trieNode{})
		x.next[first+int(c-lo)] = id
		queue = append(queue, trieKeys{words[i:j], k.depth + 1, id})
		i = j
	}
	return queue
}

// markParts sets parts; the nodes that go on from a node come after it.
func (x *evidenceLexicon) markParts() {
	for i := len(x.nodes) - 1; i >= 0; i-- {
		nd := &x.nodes[i]
		nd.parts = x.has[nd.list]&compoundParts != 0
		for k := int32(0); !nd.leaf && k <= int32(nd.n) && !nd.parts; k++ {
			to := x.next[nd.first+k]
			nd.parts = to >= 0 && x.nodes[to].parts
		}
	}
}

func (x *evidenceLexicon) summary(ts []term) has {
	var h has
	for _, t := range ts {
		h |= x.termHas(t)
	}
	return h
}

func (x *evidenceLexicon) termHas(t term) has {
	pick := func(strong, weak has) has {
		if t.weak {
			return weak
		}
		return strong
	}
	switch t.kind {
	case termDigit, termTen, termTeen, termTens, termHundred, termHundreds, termBig:
		return pick(hasNumber, hasWeakNumber)
	case termRepeat:
		return hasRepeat
	case termTimes:
		return hasTimes
	case termPlus:
		return hasPlus
	case termGlue:
		return hasGlue
	case termAnd:
		return hasAnd
	case termAt:
		if x.langs[t.lang] == "prep" {
			return hasPrep
		}
		return pick(hasAt, hasWeakAt)
	case termTool:
		return pick(hasTool, hasWeakTool) | x.toolHas(x.tools[t.val])
	case termLetter:
		if x.langs[t.lang] == "nato" {
			return hasLetter | hasAlphabet
		}
	}
	return kindHas[t.kind]
}

var kindHas = [...]has{termDot: hasDot, termUnderscore: hasUnderscore, termDash: hasDash, termSlash: hasSlash, termHash: hasHash, termLetter: hasLetter, termCue: hasCue,
	termCurrency: hasCurrency, termUnit: hasUnit, termNot: hasNot, termPhone: hasPhone,
	termNames: hasNames, termReversed: hasCoded, termRot13: hasCoded}

func (x *evidenceLexicon) toolHas(t tool) has {
	switch {
	case t.kind == toolMail:
		return hasProvider
	case (t.kind == toolMessaging || t.kind == toolSocial) && t.name != "phone" && t.name != "email" && t.name != "sms":
		return hasMessenger
	}
	return 0
}

// withoutMarks writes Latin letters without their marks: "três" as "tres".
func withoutMarks(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return s
	}
	var b bytes.Buffer
	for _, r := range s {
		if !isLatinLetter(r) {
			b.WriteRune(r)
			continue
		}
		if p, ok := plainLatin[r]; ok {
			b.WriteString(p)
			continue
		}
		for _, d := range norm.NFD.String(string(r)) {
			if !unicode.Is(unicode.Mn, d) {
				b.WriteRune(d)
			}
		}
	}
	return b.String()
}

var plainLatin = map[rune]string{'ł': "l", 'ı': "i", 'ø': "o", 'đ': "d", 'ß': "ss", 'æ': "ae", 'œ': "oe", 'ɗ': "d"}
