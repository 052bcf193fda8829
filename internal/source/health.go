package source

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
)

// trouble is one outage: the reasons given for it so far. Each is logged once, and its end once; an outage has several faces,
// and they alternate.
type trouble map[string]bool

// state tells the caller where the consumer stands.
func (s *session) state(g GroupState) {
	s.mu.Lock()
	changed := s.now != g
	s.now = g
	s.mu.Unlock()
	if changed && s.cfg.Hooks.Group != nil {
		s.cfg.Hooks.Group(g)
	}
}

// begins tells whether the reason is a new one for this trouble.
func (s *session) begins(t trouble, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := t[reason]
	t[reason] = true
	return !known
}

// clears ends the trouble and tells whether there was any.
func (s *session) clears(t trouble) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	had := len(t) > 0
	clear(t)
	return had
}

// waiting says that the group cannot be joined.
func (s *session) waiting(err error) {
	if reason := reasonOf(err); s.begins(s.joining, reason) {
		s.log.Warn("waiting for Kafka", zap.String("reason", reason), zap.Error(err))
	}
	s.state(Waiting)
}

// joined says that a generation has begun.
func (s *session) joined(generation int32, partitions []int) {
	s.clears(s.joining)
	s.log.Info("joined group", zap.Int32("generation", generation), zap.Ints("partitions", partitions))
	s.state(Joined)
}

// ended says why a generation has ended. An error that Run returns is not logged here.
func (s *session) ended(generation int32, err error) {
	log := s.log.With(zap.Int32("generation", generation))
	var failed *laneError
	switch {
	case err == nil:
		log.Info("generation has ended") // a rebalance, or the coordinator is lost: kafka-go does not tell
	case errors.Is(err, errDrain):
		log.Info("drained")
	case errors.As(err, &failed):
		log.Error("lane failed: its generation ends, and the group is joined again", zap.Int("partition", failed.partition), zap.Error(failed.err))
		s.state(Waiting)
	case !errors.Is(err, ErrOutOfRange):
		log.Warn("partitions are lost", zap.Error(err))
		s.state(Waiting)
	}
}

// unwell says that reading does not go on.
func (s *session) unwell(err error) {
	if reason := reasonOf(err); s.begins(s.reading, reason) {
		s.log.Warn("reading is held up", zap.String("reason", reason), zap.Error(err))
	}
}

// well says that it goes on.
func (s *session) well() {
	if s.clears(s.reading) {
		s.log.Info("reading goes on")
	}
}

// reasonOf sorts errors into those that an operator would tell apart; one outage has many faces.
func reasonOf(err error) string {
	var network net.Error
	var code kafka.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return "certificate not trusted"
	case errors.Is(err, kafka.SASLAuthenticationFailed), errors.Is(err, kafka.UnsupportedSASLMechanism):
		return "not authenticated"
	case errors.Is(err, kafka.TopicAuthorizationFailed), errors.Is(err, kafka.GroupAuthorizationFailed),
		errors.Is(err, kafka.ClusterAuthorizationFailed), errors.Is(err, kafka.TransactionalIDAuthorizationFailed):
		return "not authorised"
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return "topic missing, or no right to describe it"
	case errors.As(err, &code):
		return "broker not ready"
	case errors.As(err, &network):
		return "broker not reachable"
	}
	return "connection lost"
}
