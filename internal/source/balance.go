package source

import (
	"sync"

	"github.com/segmentio/kafka-go"
)

// witness balances a group as kafka-go's RangeGroupBalancer does. It remembers how many partitions there were to assign, and tells when the group is
// about to be joined.
type witness struct {
	kafka.RangeGroupBalancer

	joins chan struct{} // has an element once the group is about to be joined

	mu struct {
		sync.Mutex
		asked bool
		count int
	}
}

func newWitness() *witness { return &witness{joins: make(chan struct{}, 1)} }

// UserData is called right before each request to join.
func (w *witness) UserData() ([]byte, error) {
	select {
	case w.joins <- struct{}{}:
	default:
	}
	return w.RangeGroupBalancer.UserData()
}

// forget has the joins that were tried before not count.
func (w *witness) forget() {
	select {
	case <-w.joins:
	default:
	}
}

// AssignGroups is called on one member of each generation, before Next returns it.
func (w *witness) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	w.mu.Lock()
	w.mu.asked, w.mu.count = true, len(partitions)
	w.mu.Unlock()
	return w.RangeGroupBalancer.AssignGroups(members, partitions)
}

// take is the number of partitions that were assigned since the last call, -1 when another member did it.
func (w *witness) take() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.mu.asked
	w.mu.asked = false
	if !asked {
		return -1
	}
	return w.mu.count
}
