package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
)

// The requests of Transactions. A broker says what is wrong in fields of its answers, for each partition where there are several; here
// that is an error as any other.

// init gets the next epoch of the session, or where there is none yet the first, which ends everybody else's.
func (t *Transactions) init(ctx context.Context) error {
	res, err := t.sink.producer.client.InitProducerID(ctx, &kafka.InitProducerIDRequest{
		TransactionalID:      t.id,
		TransactionTimeoutMs: int(t.sink.cfg.TransactionTimeout.Milliseconds()),
		ProducerID:           int(t.session.id),
		ProducerEpoch:        int(t.session.epoch),
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return advised(err)
	}
	t.session = session{
		id: int64(res.Producer.ProducerID), epoch: int16(res.Producer.ProducerEpoch), valid: true, transactional: true,
	}
	t.sequences = make(map[place]int32)
	return nil
}

func (t *Transactions) addPartitions(ctx context.Context, groups map[place][]*shipment) error {
	topics := make(map[string][]kafka.AddPartitionToTxn)
	for at := range groups {
		topics[at.topic] = append(topics[at.topic], kafka.AddPartitionToTxn{Partition: at.id})
	}
	res, err := t.sink.producer.client.AddPartitionsToTxn(ctx, &kafka.AddPartitionsToTxnRequest{
		TransactionalID: t.id, ProducerID: int(t.session.id), ProducerEpoch: int(t.session.epoch), Topics: topics,
	})
	if err != nil {
		return err
	}
	for topic, parts := range res.Topics {
		for _, p := range parts {
			if p.Error != nil && !errors.Is(p.Error, operationNotAttempted) {
				return advised(fmt.Errorf("%s: %w", topic, p.Error))
			}
		}
	}
	return nil
}

func (t *Transactions) addOffsets(ctx context.Context, group string) error {
	res, err := t.sink.producer.client.AddOffsetsToTxn(ctx, &kafka.AddOffsetsToTxnRequest{
		TransactionalID: t.id, ProducerID: int(t.session.id), ProducerEpoch: int(t.session.epoch), GroupID: group,
	})
	if err == nil {
		err = res.Error
	}
	return advised(err)
}

func (t *Transactions) commitOffset(ctx context.Context, at Position) error {
	res, err := t.sink.producer.client.TxnOffsetCommit(ctx, &kafka.TxnOffsetCommitRequest{
		TransactionalID: t.id, ProducerID: int(t.session.id), ProducerEpoch: int(t.session.epoch),
		GroupID: at.Group, GenerationID: at.Generation, MemberID: at.Member,
		Topics: map[string][]kafka.TxnOffsetCommit{at.Topic: {{Partition: at.Partition, Offset: at.Offset}}},
	})
	if err != nil {
		return err
	}
	for _, p := range res.Topics[at.Topic] {
		if p.Partition == at.Partition {
			return advised(p.Error)
		}
	}
	return errNoAnswer
}

func (t *Transactions) endTxn(ctx context.Context, commit bool) error {
	res, err := t.sink.producer.client.EndTxn(ctx, &kafka.EndTxnRequest{
		TransactionalID: t.id, ProducerID: int(t.session.id), ProducerEpoch: int(t.session.epoch), Committed: commit,
	})
	if err == nil {
		err = res.Error
	}
	return err
}

var errNoAnswer = errors.New("the broker's answer does not have what was asked for")

// operationNotAttempted is said of the partitions beside one that could not be added. kafka-go has another name for the number.
const operationNotAttempted = kafka.Error(55)

// What errors mean for a transaction. Those that are not named here are asked again: CONCURRENT_TRANSACTIONS, which is said for some
// milliseconds after each commit, everything about leaders, coordinators, replicas and the network, and missing rights, for
// somebody may grant them.
var (
	// fencing errors say that the producer's epoch, or the member's generation, is over.
	fencing = []kafka.Error{
		kafka.InvalidProducerEpoch, kafka.ProducerFenced,
		kafka.IllegalGeneration, kafka.UnknownMemberId, kafka.FencedInstanceID, kafka.RebalanceInProgress,
	}
	// spoiling errors say that this transaction cannot be committed any more.
	spoiling = []kafka.Error{
		kafka.InvalidTransactionState, kafka.InvalidProducerIDMapping, kafka.UnknownProducerId, kafka.OutOfOrderSequenceNumber,
	}
)

// judged marks an error that means the end of the lane.
func judged(err error) error {
	if isAny(err, fencing) {
		return fmt.Errorf("%w: %w", ErrFenced, err)
	}
	return err
}

// settled reports whether asking again is of no use.
func settled(err error) bool {
	return errors.Is(err, ErrFenced) || isAny(err, spoiling) || outcomeOf(err) == refused
}

// nothingOpen reports whether a transaction could not be aborted for want of one.
func nothingOpen(err error) bool {
	return isAny(err, []kafka.Error{kafka.InvalidTransactionState, kafka.InvalidProducerIDMapping, kafka.UnknownProducerId})
}

func isAny(err error, codes []kafka.Error) bool {
	var code kafka.Error
	return errors.As(err, &code) && slices.Contains(codes, code)
}

// advised says what to do about errors that only an operator can mend.
func advised(err error) error {
	var code kafka.Error
	if !errors.As(err, &code) {
		return err
	}
	switch code {
	case kafka.TransactionalIDAuthorizationFailed:
		return fmt.Errorf("%w: this user needs WRITE on the transactional ids that begin with the group's name and a slash", err)
	case kafka.TopicAuthorizationFailed:
		return fmt.Errorf("%w: this user needs WRITE on the topic", err)
	case kafka.GroupAuthorizationFailed:
		return fmt.Errorf("%w: this user needs READ on the group", err)
	case kafka.InvalidTransactionTimeout:
		return fmt.Errorf("%w: the transaction timeout is above the broker's transaction.max.timeout.ms", err)
	case kafka.UnsupportedVersion:
		return fmt.Errorf("%w: exactly-once delivery needs the transactions of Kafka 2.5 or newer", err)
	}
	return err
}
