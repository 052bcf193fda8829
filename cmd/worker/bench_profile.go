package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The stages that worker bench tells apart. Their costs are those of a CPU profile and of the heap profile, by the functions on the
// stack: the worker that is measured is the worker that runs, without a timer or a counter more.
const (
	partFetch    = "fetch"
	partDecode   = "decode"
	partClassify = "classify"
	partReread   = "reread" // the second reader
	partHistory  = "history"
	partDeliver  = "claim+publish"
	partCommit   = "commit"
	partOther    = "other" // the lanes' own doing, metrics, the scheduler
	partGC       = "gc"
	partBroker   = "broker" // the embedded one
	partStore    = "store"  // the embedded one
	partBench    = "bench"  // what measures
)

// labelPart is the label of goroutines that are a part whatever functions they call: the Kafka client has the same ones for all.
const labelPart = "part"

// workerParts are what the worker itself does.
var workerParts = []string{partFetch, partDecode, partClassify, partReread, partHistory, partDeliver, partCommit, partOther, partGC}

// partOf says which functions are whose. The first function of a stack, from the leaf on, that begins with one of these decides.
var partOf = []struct{ prefix, part string }{
	{"github.com/twmb/franz-go/pkg/kfake.", partBroker},
	{"github.com/alicebob/miniredis/", partStore},
	{"onside/internal/encoder.", partReread},
	{"onside/internal/classify.(*Signal)", partHistory},
	{"onside/internal/classify.(*byteReader)", partHistory},
	{"onside/internal/classify.", partClassify},
	{"onside/internal/policy.", partClassify},
	{"onside/internal/history.", partHistory},
	{"onside/internal/sink.", partDeliver},
	{"onside/internal/source.(*walker)", partDecode},
	{"onside/internal/source.(*Decoder)", partDecode},
	{"onside/internal/source.(*inflater)", partDecode},
	{"onside/internal/source.(*generation).commit", partCommit},
	{"onside/internal/source.(*generation).prepare", partCommit},
	{"onside/internal/source.", partFetch},
	{"github.com/segmentio/kafka-go.(*Generation)", partCommit},
	{"github.com/segmentio/kafka-go.(*ConsumerGroup)", partCommit},
	{"github.com/segmentio/kafka-go/protocol/fetch.", partFetch},
	{"github.com/segmentio/kafka-go/protocol/produce.", partDeliver},
	{"main.(*lane).earlier", partReread},
	{"main.(*lane).decide", partClassify},
	{"main.(*lane).recall", partHistory},
	{"main.(*lane).remember", partHistory},
	{"main.(*lane)", partOther},
	{"main.(*bench)", partBench},
	{"main.(*flagWatch)", partBench},
	{"main.(*feeder)", partBench},
	{"github.com/segmentio/kafka-go.(*Reader)", partBench},
	{"runtime.gcBgMarkWorker", partGC},
	{"runtime.bgsweep", partGC},
	{"runtime.bgscavenge", partGC},
	{"runtime/pprof.", partBench},
}

func partOfFunction(name string) string {
	if rest, ok := strings.CutPrefix(name, "onside/cmd/worker."); ok { // in tests
		name = "main." + rest
	}
	for i := range partOf {
		if strings.HasPrefix(name, partOf[i].prefix) {
			return partOf[i].part
		}
	}
	return ""
}

// cost is what a part has used.
type cost struct {
	cpu           time.Duration
	allocs, bytes float64
}

// costs are those of a run, by part.
type costs map[string]*cost

func (c costs) of(part string) *cost {
	if c[part] == nil {
		c[part] = &cost{}
	}
	return c[part]
}

// worker is the sum of what the worker itself does.
func (c costs) worker() (sum cost) {
	for _, p := range workerParts {
		x := c.of(p)
		sum.cpu += x.cpu
		sum.allocs += x.allocs
		sum.bytes += x.bytes
	}
	return sum
}

// outsideServers is the time of everything but the embedded servers.
func (c costs) outsideServers() (sum time.Duration) {
	for part, x := range c {
		if part != partBroker && part != partStore {
			sum += x.cpu
		}
	}
	return sum
}

// heapSample is how many bytes are allocated between two samples of the heap profile while worker bench runs.
const heapSample = 32 << 10

// sampler measures costs between start and stop.
type sampler struct {
	cpu    bytes.Buffer
	before costs
}

func (s *sampler) start() error {
	s.before = allocated()
	if err := pprof.StartCPUProfile(&s.cpu); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return nil
}

// profile is the CPU profile in the format of go tool pprof, after stop.
func (s *sampler) profile() []byte { return s.cpu.Bytes() }

func (s *sampler) stop() (costs, error) {
	pprof.StopCPUProfile()
	c, err := cpuTimes(s.cpu.Bytes())
	if err != nil {
		return nil, fmt.Errorf("read CPU profile: %w", err)
	}
	for part, x := range allocated() {
		c.of(part).allocs = max(0, x.allocs-s.before.of(part).allocs)
		c.of(part).bytes = max(0, x.bytes-s.before.of(part).bytes)
	}
	return c, nil
}

// allocated is what has been allocated since the process began, as the heap profile has it.
func allocated() costs {
	runtime.GC() // the profile is that of the last cycle but one
	runtime.GC()
	records := make([]runtime.MemProfileRecord, 4096)
	for {
		n, ok := runtime.MemProfile(records, true)
		if ok {
			records = records[:n]
			break
		}
		records = make([]runtime.MemProfileRecord, n+n/4+64)
	}
	c := costs{}
	for i := range records {
		r := &records[i]
		if r.AllocObjects == 0 {
			continue
		}
		// A sample of size n is taken with the probability 1-exp(-n/rate).
		size := float64(r.AllocBytes) / float64(r.AllocObjects)
		scale := 1 / (1 - math.Exp(-size/float64(runtime.MemProfileRate)))
		x := c.of(partOfStack(r.Stack()))
		x.allocs += float64(r.AllocObjects) * scale
		x.bytes += float64(r.AllocBytes) * scale
	}
	return c
}

func partOfStack(stack []uintptr) string {
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if part := partOfFunction(f.Function); part != "" {
			return part
		}
		if !more {
			return partOther
		}
	}
}

// cpuTimes reads a CPU profile: a gzipped message of profile.proto, of which it needs the samples' stacks and the functions' names.
func cpuTimes(profile []byte) (costs, error) {
	zr, err := gzip.NewReader(bytes.NewReader(profile))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(zr)
	if err != nil {
		return nil, err
	}
	p := protoProfile{functions: map[uint64]uint64{}, locations: map[uint64][]uint64{}}
	if err := p.read(data); err != nil {
		return nil, err
	}
	return p.costs(), nil
}

// protoProfile is what is read of a profile.
type protoProfile struct {
	samples   []protoSample
	locations map[uint64][]uint64 // functions by location, the innermost first
	functions map[uint64]uint64   // names by function
	strings   []string
}

type protoSample struct {
	stack []uint64 // locations, the leaf first
	nanos int64
	label struct{ key, value uint64 } // of the last one, in strings
}

// Numbers of the fields in profile.proto.
const (
	profileSample, profileLocation, profileFunction, profileStrings = 2, 4, 5, 6
	sampleLocations, sampleValues, sampleLabel                      = 1, 2, 3
	labelKey, labelValue                                            = 1, 2
	locationID, locationLine, lineFunction                          = 1, 4, 1
	functionID, functionName                                        = 1, 2
)

func (p *protoProfile) read(data []byte) error {
	return eachField(data, func(number protowire.Number, _ uint64, b []byte) error {
		switch number {
		case profileSample:
			return p.sample(b)
		case profileLocation:
			return p.location(b)
		case profileFunction:
			return p.function(b)
		case profileStrings:
			p.strings = append(p.strings, string(b))
		}
		return nil
	})
}

func (p *protoProfile) sample(data []byte) error {
	var s protoSample
	err := eachField(data, func(number protowire.Number, v uint64, b []byte) error {
		switch number {
		case sampleLocations:
			s.stack = appendVarints(s.stack, v, b)
		case sampleValues:
			if values := appendVarints(nil, v, b); len(values) > 0 {
				s.nanos = int64(values[len(values)-1])
			}
		case sampleLabel:
			return eachField(b, func(number protowire.Number, v uint64, _ []byte) error {
				switch number {
				case labelKey:
					s.label.key = v
				case labelValue:
					s.label.value = v
				}
				return nil
			})
		}
		return nil
	})
	p.samples = append(p.samples, s)
	return err
}

func (p *protoProfile) location(data []byte) error {
	var id uint64
	var functions []uint64
	err := eachField(data, func(number protowire.Number, v uint64, b []byte) error {
		switch number {
		case locationID:
			id = v
		case locationLine:
			return eachField(b, func(number protowire.Number, v uint64, _ []byte) error {
				if number == lineFunction {
					functions = append(functions, v)
				}
				return nil
			})
		}
		return nil
	})
	p.locations[id] = functions
	return err
}

func (p *protoProfile) function(data []byte) error {
	var id, name uint64
	err := eachField(data, func(number protowire.Number, v uint64, _ []byte) error {
		switch number {
		case functionID:
			id = v
		case functionName:
			name = v
		}
		return nil
	})
	p.functions[id] = name
	return err
}

func (p *protoProfile) costs() costs {
	parts := map[uint64]string{} // by function
	for id, name := range p.functions {
		parts[id] = partOfFunction(p.text(name))
	}
	c := costs{}
	for _, s := range p.samples {
		c.of(p.part(&s, parts)).cpu += time.Duration(s.nanos)
	}
	return c
}

func (p *protoProfile) part(s *protoSample, parts map[uint64]string) string {
	if p.text(s.label.key) == labelPart {
		return p.text(s.label.value)
	}
	for _, location := range s.stack {
		for _, function := range p.locations[location] {
			if parts[function] != "" {
				return parts[function]
			}
		}
	}
	return partOther
}

func (p *protoProfile) text(i uint64) string {
	if i < uint64(len(p.strings)) {
		return p.strings[i]
	}
	return ""
}

var errField = errors.New("malformed field")

// eachField calls do for every field of a message: with v where it is a varint, with b where it has a length.
func eachField(data []byte, do func(number protowire.Number, v uint64, b []byte) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return errField
		}
		data = data[n:]
		var v uint64
		var b []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(data)
		case protowire.BytesType:
			b, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return errField
		}
		if err := do(number, v, b); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// appendVarints appends one varint, or the packed ones.
func appendVarints(list []uint64, v uint64, packed []byte) []uint64 {
	if packed == nil {
		return append(list, v)
	}
	for len(packed) > 0 {
		v, n := protowire.ConsumeVarint(packed)
		if n < 0 {
			return list
		}
		list, packed = append(list, v), packed[n:]
	}
	return list
}
