package main

import (
	"context"
	"fmt"
	"slices"

	"onside/internal/classify"
	"onside/internal/source"
)

// textOrigin is where a lane has an earlier message from.
type textOrigin int

const (
	textGone textOrigin = iota // nowhere
	textFromMemory
	textFromStream
	numOrigins = iota
)

var originNames = [numOrigins]string{"gone", "memory", "stream"}

// reread has the second reader read a doubtful message with those before it. It does not begin once ctx has ended: nobody waits for the batch any more.
func (l *lane) reread(ctx context.Context, c *conversation, m *classify.Message) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("decide batch: %w", err)
	}
	earlier, err := l.earlier(ctx, c, m)
	if err != nil {
		return err
	}
	if l.observe.reread != nil {
		l.observe.reread(m, earlier)
	}
	defer l.memory.lend(&l.result)()
	start := l.now()
	l.model.Reread(m, &c.state, earlier, &l.result)
	l.metrics.reread.Observe(l.now().Sub(start).Seconds())
	return nil
}

// earlier gives the messages before m that it is read with, the newest first. They are valid until the next message is added to the lane's texts.
//
// Which messages these are the conversation's state says, and what was said in them the stream: what this lane remembers of it saves the way there,
// and changes nothing. So m is read the same by a lane that has just begun. It is not, where the stream has lost a message meanwhile: by then the message
// is gone for a lane that does not remember it.
func (l *lane) earlier(ctx context.Context, c *conversation, m *classify.Message) ([]classify.Earlier, error) {
	offsets, n := c.state.EarlierOffsets()
	var found [classify.EarlierMessages]classify.Earlier
	var from [classify.EarlierMessages]textOrigin
	var missing []int64
	for i, o := range offsets[:n] {
		if e, ok := l.texts.get(&c.texts, o); ok {
			found[i], from[i] = e, textFromMemory
		} else {
			missing = append(missing, o)
		}
	}
	if len(missing) > 0 {
		for i := range found {
			found[i] = cloned(found[i]) // what comes to the texts below may take its place
		}
		err := l.fetchEarlier(ctx, missing, func(r *source.Record) {
			i := slices.Index(offsets[:n], r.Offset)
			if i >= 0 && r.Message.ConversationID == m.ConversationID { // or the log was cut off, and has another record there
				found[i], from[i] = cloned(r.Message.Earlier()), textFromStream
			}
		})
		if err != nil {
			return nil, err
		}
	}
	out := l.found[:0]
	for i := range n {
		l.metrics.texts[from[i]].Inc()
		if from[i] == textFromStream {
			l.texts.add(&c.texts, found[i])
		}
		if from[i] != textGone {
			out = append(out, found[i])
		}
	}
	l.found = out
	return out, nil
}

// fetchEarlier reads records again. It may wait for Kafka, which is no part of deciding.
func (l *lane) fetchEarlier(ctx context.Context, offsets []int64, see func(*source.Record)) (err error) {
	spent := l.clock.end(l, l.now())
	l.timed(stageEarlier, func() { err = l.batches.Reread(ctx, offsets, see) })
	l.clock.begin(l, l.now().Add(-spent))
	return err
}
