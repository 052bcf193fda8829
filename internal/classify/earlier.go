package classify

import "unicode/utf8"

const (
	// EarlierMessages is how many messages before the one in question are read with it.
	EarlierMessages = 3

	wholeText  = 1024 // a text of more bytes is read in excerpt
	excerptEnd = 512  // bytes at most of its beginning, and of its end
	maxRole    = 32   // bytes of a sender's role that are read: marketplaces have words of their own

	// excerptGap stands between the two ends of an excerpt, or they would make a word that nobody wrote.
	excerptGap = "\n"
)

// MaxEarlier is how many bytes the strings of an Earlier have together at most.
const MaxEarlier = 2*excerptEnd + len(excerptGap) + maxRole

// Earlier is a message that stands before the one that is read, as far as it is read with it.
type Earlier struct {
	Offset     int64
	Sender     uint16 // as Signal.Sender
	SenderRole string // no more than its beginning
	Stage      Stage
	Text       string // what Excerpt leaves of it; of a deleted message, nothing
}

// Earlier is the message as later ones of its conversation are read with it. Its strings alias those of m, but for a text in excerpt.
func (m *Message) Earlier() Earlier {
	e := Earlier{Offset: m.Offset, Sender: senderOf(m.SenderID), SenderRole: m.SenderRole[:cutBefore(m.SenderRole, maxRole)], Stage: m.Stage}
	if m.Kind == Deleted {
		return e
	}
	if head, tail := Excerpt(m.Text); tail == "" {
		e.Text = head
	} else {
		e.Text = head + excerptGap + tail
	}
	return e
}

// Excerpt is what is read of a text: all of it, and no tail, or the two ends of a long one, cut between characters.
func Excerpt(text string) (head, tail string) {
	if len(text) <= wholeText {
		return text, ""
	}
	return text[:cutBefore(text, excerptEnd)], text[cutBehind(text, len(text)-excerptEnd):]
}

// cutBefore is the last place at or before i where a character begins, or the text's end; i itself where no UTF-8 is around it.
func cutBefore(text string, i int) int {
	if i >= len(text) {
		return len(text)
	}
	for k := i; k > max(i-utf8.UTFMax, 0); k-- {
		if utf8.RuneStart(text[k]) {
			return k
		}
	}
	return i
}

// cutBehind is the first place at or behind i where a character begins.
func cutBehind(text string, i int) int {
	for k := i; k < min(i+utf8.UTFMax, len(text)); k++ {
		if utf8.RuneStart(text[k]) {
			return k
		}
	}
	return i
}

// EarlierOffsets are those of the last messages that the state was folded from, the newest first, and how many these are.
func (s *State) EarlierOffsets() (offsets [EarlierMessages]int64, n int) {
	for last := len(s.signals) - 1; n < min(EarlierMessages, len(s.signals)); n++ {
		offsets[n] = s.signals[last-n].Offset
	}
	return offsets, n
}
