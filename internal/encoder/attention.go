package encoder

import "math"

// vector is to how many numbers the weights of a query are rounded up.
const vector = 16

var attentionScale = float32(1 / math.Sqrt(headWidth))

// rows are numbers that stand together, so many of each token, stride numbers apart.
type rows struct {
	first  []float32
	stride int
}

func (r rows) at(i int) []float32 { return r.first[i*r.stride:][:headWidth] }

// attend lets n queries of one head ask about `of` keys, and sets dst to the values that they gather. weights is memory that it needs.
func attend(dst, q rows, n int, k, v rows, of int, weights []float32) []float32 {
	room := (of + vector - 1) &^ (vector - 1)
	weights = resize(weights, n*room)
	if n > 0 && of > 0 && !attendWide(dst, q, n, k, v, of, weights) {
		for t := range n {
			w := weights[t*room:][:of]
			scores(w, q.at(t), k.first, k.stride, attentionScale)
			softmax(w)
			mix(dst.at(t), w, v.first, v.stride)
		}
	}
	return weights
}
