package encoder

import (
	"bytes"
	"math"
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

// trie finds the pieces that begin a text.
type trie struct {
	next  map[uint64]int32 // node<<8|byte → node
	piece []int32          // by node; -1 for none
}

func newTrie(pieces []string) trie {
	t := trie{next: make(map[uint64]int32, 4*len(pieces)), piece: []int32{-1}}
	for i, p := range pieces {
		if i < specials {
			continue
		}
		at := int32(0)
		for k := range len(p) {
			key := uint64(at)<<8 | uint64(p[k])
			to, ok := t.next[key]
			if !ok {
				to = int32(len(t.piece))
				t.next[key] = to
				t.piece = append(t.piece, -1)
			}
			at = to
		}
		t.piece[at] = int32(i)
	}
	return t
}

func (t *trie) root() int32 { return 0 }

// step follows a byte: the node, -1 for none, and the piece that ends there, -1 for none.
func (t *trie) step(at int32, b byte) (node, piece int32) {
	to, ok := t.next[uint64(at)<<8|uint64(b)]
	if !ok {
		return -1, -1
	}
	return to, t.piece[to]
}
