package classify

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// Window is how many signals of a conversation are kept.
	Window = 64
	// fragmentWindow is over how many messages a piece of evidence may be spread.
	fragmentWindow = 8
	// maxFragment bounds the digits or letters that a signal keeps of a piece of evidence.
	maxFragment = 24
	// signalVersion is the first byte of an encoded signal. Raise it when the meaning of the rest changes: an old
	// signal is then unreadable, and history starts anew for that conversation.
	signalVersion = 3
)

// Signal is what remains of an earlier message: facts, never text.
type Signal struct {
	Offset int64
	Sender uint16                 // tells the parties of one conversation apart; no more of the sender's id than that
	Facts  Facts                  // what stood in the message
	Said   Said                   // how the message was understood, by the first reader
	Memory [minds][netMemory]int8 // what the model remembers of the message, as 1/127ths
	Reread bool                   // the second reader has read it too

	// A piece of evidence that is complete only together with others. It leaves with the window.
	Fragment           string // its digits, or the letters of a name; empty where only the model took it for a piece
	MessageID          string // for the spans of the finding that it completes; empty for no piece
	FragStart, FragEnd int    // bytes of that message's text
}

// Facts are bits about what stands in a message, each found by a detector that proves itself.
type Facts uint32

// The facts, one bit each.
const (
	FactPhone Facts = 1 << iota
	FactEmail
	FactHandle
	FactContactLink
	FactMeetingLink
	FactPaymentID
	FactFragment
	FactPlaceholder
	FactWorkLink
	FactMessenger // names a messenger or social network
	FactPayTool   // names a means of payment
	FactMeetTool  // names a meeting tool
	FactQuestion
	FactSystem   // written by the platform
	FactDisguise // something in it was disguised
	FactComplete // completes a piece of evidence that earlier messages began
	FactDefer    // speaks of what may be once there is a contract
)

// AppendBinary encodes the signal, some eighty bytes; equal signals give equal bytes. It never fails.
func (s *Signal) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, signalVersion)
	b = binary.AppendVarint(b, s.Offset)
	b = binary.BigEndian.AppendUint16(b, s.Sender)
	facts := uint64(s.Facts)
	if s.Reread {
		facts |= encodedReread
	}
	b = binary.AppendUvarint(b, facts)
	b = append(b, s.Said[:]...)
	for _, mind := range s.Memory {
		for _, m := range mind {
			b = append(b, byte(m))
		}
	}
	if s.MessageID == "" && s.Fragment == "" {
		return b, nil
	}
	b = binary.AppendUvarint(b, uint64(s.FragStart))
	b = binary.AppendUvarint(b, uint64(s.FragEnd))
	b = binary.AppendUvarint(b, uint64(len(s.Fragment)))
	b = append(b, s.Fragment...)
	return append(b, s.MessageID...), nil
}

// encodedReread stands among an encoded signal's facts for Signal.Reread.
const encodedReread = 1 << 40

var errSignal = errors.New("classify: signal cut short")

// UnmarshalBinary is the inverse of AppendBinary. Bytes of another version of the format are an error.
func (s *Signal) UnmarshalBinary(b []byte) error {
	if len(b) == 0 {
		return errSignal
	}
	if b[0] != signalVersion {
		return fmt.Errorf("classify: signal of version %d, want %d", b[0], signalVersion)
	}
	r := byteReader{b: b[1:]}
	*s = Signal{Offset: r.varint(), Sender: uint16(r.byte())<<8 | uint16(r.byte())}
	facts := r.uvarint()
	s.Facts, s.Reread = Facts(facts&^encodedReread), facts&encodedReread != 0
	copy(s.Said[:], r.take(uint64(numSaid)))
	for k := range s.Memory {
		for i := range s.Memory[k] {
			s.Memory[k][i] = int8(r.byte())
		}
	}
	if len(r.b) > 0 {
		s.FragStart, s.FragEnd = int(r.uvarint()), int(r.uvarint())
		s.Fragment = string(r.take(r.uvarint()))
		s.MessageID = string(r.take(uint64(len(r.b))))
	}
	if r.short {
		return errSignal
	}
	return nil
}

// byteReader reads an encoded signal; short says that it ended too early.
type byteReader struct {
	b     []byte
	short bool
}

func (r *byteReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.short = true
		n = uint64(len(r.b))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *byteReader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *byteReader) varint() int64 {
	x, n := binary.Varint(r.b)
	r.skip(n)
	return x
}

func (r *byteReader) uvarint() uint64 {
	x, n := binary.Uvarint(r.b)
	r.skip(n)
	return x
}

func (r *byteReader) skip(n int) {
	if n <= 0 {
		r.short, r.b = true, nil
		return
	}
	r.b = r.b[n:]
}

// State is what is open, asked, given and refused in a conversation: a pure fold over its signals in
// offset order. The zero State is a conversation in which nothing was said.
type State struct {
	signals []Signal
}

// Fold adds a message's signal; only the last Window are kept. A signal at or below the newest offset replaces
// the one with its offset, or is dropped: folding twice changes nothing.
func (s *State) Fold(sig Signal) {
	if n := len(s.signals); n > 0 && sig.Offset <= s.signals[n-1].Offset {
		for i := range s.signals {
			if s.signals[i].Offset == sig.Offset {
				s.signals[i] = sig
			}
		}
		return
	}
	if len(s.signals) == Window {
		copy(s.signals, s.signals[1:])
		s.signals = s.signals[:Window-1]
	}
	s.signals = append(s.signals, sig)
}

// Before is the state made of the signals strictly below the offset: what a replay of that record may know.
// It shares the receiver's memory and must not be folded into.
func (s *State) Before(offset int64) State {
	n := len(s.signals)
	for n > 0 && s.signals[n-1].Offset >= offset {
		n--
	}
	return State{signals: s.signals[:n:n]}
}

// Signals are the signals that the state was folded from, oldest first. The slice belongs to the state.
func (s *State) Signals() []Signal { return s.signals }

// senderOf shortens a sender's id to what a signal keeps.
func senderOf(id string) uint16 { return uint16(hashString(id) >> 48) }
