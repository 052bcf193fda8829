package classify

import (
	"slices"
	"strings"
)

// assembled is evidence that the message completes together with pieces of earlier ones.
type assembled struct {
	kind       kind
	normalized string
	spans      []Span // oldest first; the last one is the message's own
}

// The probabilities, in 1/255, from which on a message is taken for a piece of evidence, and for what completes one. What completes is told more
// surely; once that is said, little is needed to see what it completes.
const (
	likelyPart  = certain * 6 / 100
	likelyName  = certain * 12 / 100 // when a word is kept that might be an ordinary one
	likelyWhole = certain * 12 / 100
)

// keepPiece leaves in the signal what a later message needs to complete the evidence that this one began: digits, where it has some, and what the model
// took for a piece.
func (r *reader) keepPiece(m *Message, res *Result) {
	d, sig := &res.view, &res.Signal
	piece, start, end := d.piecesOf()
	if piece == "" {
		if sig.Said[saidPart] < likelyPart {
			return
		}
		if piece, start, end = r.nameIn(d); sig.Said[saidPart] < likelyName && !strings.ContainsAny(piece, "_.0123456789") {
			piece = "" // an ordinary word
		}
	}
	sig.Fragment, sig.FragStart, sig.FragEnd = piece, start, end
	sig.MessageID = strings.Clone(m.MessageID)
}

// nameIn is the last word of the message that may be a user name, and where it stands; without one, no name and all of the message.
func (r *reader) nameIn(d *view) (name string, start, end int) {
	s := &d.scratch
	whole := d.f.whole()
	start, end = whole.Start, whole.End
	for k := 0; k < len(s.red); k++ {
		if n, ok := r.extract.nameAt(s, k); ok && len(n.text) <= maxFragment && digitsOf(n.text) != n.text && r.extract.has[s.red[k].list]&anyTool == 0 {
			name = n.text
			sp := d.f.span(n.a, n.b)
			start, end = sp.Start, sp.End
			k = max(k, n.end-1)
		}
	}
	return name, start, end
}

// piecesBefore are the signals of the pieces that the message at hand completes if it completes any, oldest first: by either party, whatever stands between them, back to
// what was completed before.
func piecesBefore(signals []Signal) (at []int) {
	for i := len(signals) - 1; i >= 0 && i > len(signals)-fragmentWindow; i-- {
		g := &signals[i]
		if g.Said[saidWhole] >= 2*likelyWhole && g.Said[saidWhole] > g.Said[saidPart] {
			break
		}
		if g.MessageID != "" && g.Said[saidPart] >= likelyPart {
			at = append(at, i)
		}
	}
	slices.Reverse(at)
	return at
}

// complete adds the pieces of earlier messages to the spans of res if the message completes them, having nothing whole of its own, and puts an e-mail address together whose name stood
// in one of them.
func (res *Result) complete(signals []Signal) {
	host, at, alone := res.view.mailHost()
	if res.split.normalized != "" || res.Signal.Facts&(FactPhone|FactEmail|FactContactLink) != 0 || res.Signal.Said[saidWhole] < likelyWhole && !alone {
		return
	}
	name := ""
	for _, i := range piecesBefore(signals) {
		g := &signals[i]
		res.before = append(res.before, Span{g.MessageID, g.FragStart, g.FragEnd})
		if digitsOf(g.Fragment) != g.Fragment {
			name += g.Fragment
		}
	}
	if host != "" && name != "" {
		res.split = assembled{emailAddress, name + "@" + host, append(slices.Clone(res.before), at)}
	}
}

// mailHost is the domain of an e-mail address whose name does not stand in the message, and where: alone, "at gmail dot com", or only named, "gmail".
func (d *view) mailHost() (host string, at Span, alone bool) {
	for _, t := range d.tools {
		if t.tool.kind == toolMail && t.strong {
			host, at = t.tool.name, t.span
		}
	}
	for _, e := range d.evidence {
		if e.kind != emailAddress {
			continue
		}
		if !e.fragment {
			return "", Span{}, false
		}
		host, at, alone = strings.TrimPrefix(e.normalized, "@"), Span{Start: e.start, End: e.end}, true
	}
	return host, at, alone
}

// piecesOf are the digits of the pieces of evidence in the message, and where they stand.
func (d *view) piecesOf() (digits string, start, end int) {
	for _, e := range d.evidence {
		if !e.fragment || e.kind != phoneNumber || e.placeholder {
			continue
		}
		if digits == "" {
			start = e.start
		}
		digits += digitsOf(e.normalized)
		end = e.end
	}
	if len(digits) > maxFragment {
		return "", 0, 0
	}
	return digits, start, end
}

// assemble joins the message's piece with those of the last messages, by either party, until they make a
// telephone number. Messages without a piece between them are decoys and do not matter.
func (r *reader) assemble(d *view, signals []Signal) (assembled, bool) {
	digits, start, end := d.piecesOf()
	if digits == "" {
		return assembled{}, false
	}
	spans := []Span{{Start: start, End: end}}
	for i := len(signals) - 1; i >= 0 && i > len(signals)-fragmentWindow; i-- {
		g := &signals[i]
		if g.Facts&FactPhone != 0 {
			break // what stands before a whole number is not a piece of this one
		}
		if g.Fragment == "" {
			continue
		}
		digits = g.Fragment + digits
		if len(digits) > 15 {
			break
		}
		spans = append([]Span{{g.MessageID, g.FragStart, g.FragEnd}}, spans...)
		if len(digits) < 8 {
			continue
		}
		d.scratch.budget = maxLookups
		if n, ok := r.extract.dial(&d.scratch, digits, false); ok {
			return assembled{phoneNumber, n, spans}, true
		}
	}
	return assembled{}, false
}
