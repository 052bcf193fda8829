//go:build !amd64 || purego

package encoder

// scores sets dst[j] to scale times the product of q with row j of k. A row has 32 numbers, stride numbers apart.
func scores(dst, q, k []float32, stride int, scale float32) {
	scoresPortable(dst, q, k, stride, scale)
}

// mix sets the 32 numbers of dst to the sum of the rows of v, row j times w[j]. The rows are stride numbers apart.
func mix(dst, w, v []float32, stride int) {
	mixPortable(dst, w, v, stride)
}

// softmax turns x into shares of 1.
func softmax(x []float32) {
	softmaxPortable(x)
}

// gelu sets each x to x·Φ(x), to within 1e-4.
func gelu(x []float32) {
	geluPortable(x)
}

// normalize adds y to x, and brings each row of width numbers to a mean of 0 and a variance of 1; then each number is multiplied with its weight, and
// its bias added.
func normalize(x, y, weight, bias []float32) {
	normalizePortable(x, y, weight, bias)
}

// quantize rounds x to 127 steps on either side of 0: x is about dst times scale. A row of zeros has the scale 0.
func quantize(dst []int8, x []float32) (scale float32) {
	scale, by := steps(peakPortable(x, 0))
	roundPortable(dst, x, by)
	return scale
}

// dequantize sets each dst to its sum times both scales, plus its bias.
func dequantize(dst []float32, sums []int32, rowScale float32, outScale, bias []float32) {
	dequantizePortable(dst, sums, rowScale, outScale, bias)
}

// dots sets dst to the products of x with the rows of w.
func dots(dst, w, x []float32) {
	dotsPortable(dst, w, x)
}
