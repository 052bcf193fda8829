//go:build !amd64 || purego

package encoder

func best() way { return portable }

// multiply sets the row of padded sums that each token has in dst to the products of its row of x with the weights. A number in x may be any.
func (m *matrix) multiply(dst []int32, x []int8, tokens int) {
	m.multiplyPortable(dst, x, tokens)
}
