package encoder

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The first pieces of every vocabulary; none of them can stand in a text.
const (
	pieceBegin = iota
	piecePad
	pieceEnd
	pieceUnknown
	specials
)

const (
	// wordMark stands before every word in the vocabulary.
	wordMark = "\u2581"
	// unknownPenalty is how much less likely than the rarest piece a character is that is in no piece.
	unknownPenalty = 10
)

// tokenizer cuts a text into the pieces of a unigram vocabulary that are likeliest together: SentencePiece's segmentation as the package
// tokenizers 0.23.3 does it (models.Unigram behind NFKC and Metaspace), bit for bit. It is immutable.
type tokenizer struct {
	scores  []float64
	unknown float64 // score of a character that is in no piece
	trie    trie
}

func newTokenizer(pieces []string, scores []float64) *tokenizer {
	t := &tokenizer{scores: scores, trie: newTrie(pieces), unknown: math.Inf(1)}
	for _, s := range scores {
		t.unknown = min(t.unknown, s)
	}
	t.unknown -= unknownPenalty
	return t
}

// lattice is the memory that cutting a text needs. Reuse it.
type lattice struct {
	iter  norm.Iter
	form  []byte // the text in NFKC
	clean []byte // and without what says nothing
	word  []byte
	ends  []node // by byte of the word
	back  []int32
}

// node is the best way to cut a word up to a place.
type node struct {
	score float64
	start int32 // of the last piece
	piece int32
	set   bool
}

// tokens appends the pieces of the text to dst, without the marks of its beginning and end.
func (t *tokenizer) tokens(text string, l *lattice, dst []int32) []int32 {
	l.normalize(text)
	for rest := l.clean; len(rest) > 0; {
		n := 0
		for n < len(rest) && rest[n] != ' ' {
			n++
		}
		l.word = append(append(l.word[:0], wordMark...), rest[:n]...)
		dst = t.cut(l, dst)
		if n == len(rest) {
			break
		}
		rest = rest[n+1:]
	}
	return dst
}

// normalize sets l.clean to the text in NFKC, without format and control characters, its words set apart by single spaces.
func (l *lattice) normalize(text string) {
	span := norm.NFKC.QuickSpanString(text)
	l.form = append(l.form[:0], text[:span]...)
	if span < len(text) { // AppendString would do, but allocates
		for l.iter.InitString(norm.NFKC, text[span:]); !l.iter.Done(); {
			l.form = append(l.form, l.iter.Next()...)
		}
	}
	clean := l.clean[:0]
	for rest := l.form; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case unicode.IsSpace(r):
			if len(clean) > 0 && clean[len(clean)-1] != ' ' {
				clean = append(clean, ' ')
			}
		case unicode.In(r, unicode.Cf, unicode.Cc):
		default:
			clean = append(clean, rest[:size]...)
		}
		rest = rest[size:]
	}
	l.clean = bytes.TrimSuffix(clean, []byte{' '})
}

// cut appends the likeliest pieces of l.word.
func (t *tokenizer) cut(l *lattice, dst []int32) []int32 {
	word := l.word
	l.ends = resize(l.ends, len(word)+1)
	clear(l.ends)
	ends := l.ends
	for at := 0; at < len(word); {
		_, width := utf8.DecodeRune(word[at:])
		here, single := ends[at].score, false
		for p, end := t.trie.root(), at; end < len(word); {
			var piece int32
			if p, piece = t.trie.step(p, word[end]); p < 0 {
				break
			}
			end++
			if piece < 0 {
				continue
			}
			if s := here + t.scores[piece]; !ends[end].set || s > ends[end].score {
				ends[end] = node{s, int32(at), piece, true}
			}
			single = single || end-at == width
		}
		if end := at + width; !single {
			if s := here + t.unknown; !ends[end].set || s > ends[end].score {
				ends[end] = node{s, int32(at), pieceUnknown, true}
			}
		}
		at += width
	}
	l.back = l.back[:0]
	for at := len(word); at > 0; at = int(ends[at].start) {
		p := ends[at].piece
		if n := len(l.back); p == pieceUnknown && n > 0 && l.back[n-1] == pieceUnknown {
			continue // what is unknown in a row is one piece
		}
		l.back = append(l.back, p)
	}
	for i := len(l.back) - 1; i >= 0; i-- {
		dst = append(dst, l.back[i])
	}
	return dst
}

// trie finds the pieces that begin a text. Its nodes are numbered level by level, so that the children of a node stand together.
type trie struct {
	children []int32 // by node: the first of its children; those of the next node come behind
	label    []byte  // by node: the byte that leads there
	piece    []int32 // by node: the piece that ends there; -1 for none
}

func newTrie(pieces []string) trie {
	sorted := make([]int32, 0, len(pieces))
	for i := specials; i < len(pieces); i++ {
		sorted = append(sorted, int32(i))
	}
	slices.SortStableFunc(sorted, func(a, b int32) int { return strings.Compare(pieces[a], pieces[b]) })
	type begun struct{ from, to, length int } // pieces that have so many bytes in common, those of a node
	nodes := []begun{{0, len(sorted), 0}}
	t := trie{label: []byte{0}}
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		t.children, t.piece = append(t.children, int32(len(nodes))), append(t.piece, -1)
		for ; n.from < n.to && len(pieces[sorted[n.from]]) == n.length; n.from++ {
			t.piece[i] = sorted[n.from]
		}
		for n.from < n.to {
			b, next := pieces[sorted[n.from]][n.length], n.from
			for next < n.to && pieces[sorted[next]][n.length] == b {
				next++
			}
			nodes, t.label = append(nodes, begun{n.from, next, n.length + 1}), append(t.label, b)
			n.from = next
		}
	}
	t.children = append(t.children, int32(len(nodes)))
	return t
}

func (t *trie) root() int32 { return 0 }

// step follows a byte: the node, -1 for none, and the piece that ends there, -1 for none.
func (t *trie) step(at int32, b byte) (node, piece int32) {
	first := t.children[at]
	i := bytes.IndexByte(t.label[first:t.children[at+1]], b)
	if i < 0 {
		return -1, -1
	}
	node = first + int32(i)
	return node, t.piece[node]
}
