//go:build !purego

package encoder

// scores sets dst[j] to scale times the product of q with row j of k. A row has 32 numbers, stride numbers apart.
func scores(dst, q, k []float32, stride int, scale float32) {
	if here == portable || len(dst) == 0 {
		scoresPortable(dst, q, k, stride, scale)
		return
	}
	_, _ = q[headWidth-1], k[(len(dst)-1)*stride:][headWidth-1]
	scoresAVX2(&dst[0], len(dst), &q[0], &k[0], stride, scale)
}

// mix sets the 32 numbers of dst to the sum of the rows of v, row j times w[j]. The rows are stride numbers apart.
func mix(dst, w, v []float32, stride int) {
	if here == portable || len(w) == 0 {
		mixPortable(dst, w, v, stride)
		return
	}
	_, _ = dst[headWidth-1], v[(len(w)-1)*stride:][headWidth-1]
	mixAVX2(&dst[0], &w[0], len(w), &v[0], stride)
}

// softmax turns x into shares of 1.
func softmax(x []float32) {
	if here == portable || len(x) == 0 {
		softmaxPortable(x)
		return
	}
	softmaxAVX2(&x[0], len(x), &expTerms[0])
}

// gelu sets each x to x·Φ(x), to within 1e-4.
func gelu(x []float32) {
	if here == vnni && len(x) > 0 {
		geluAVX512(&x[0], len(x), &geluTerms[0])
		return
	}
	if n := len(x) &^ 15; here != portable && n > 0 {
		geluAVX2(&x[0], n, &geluTerms[0])
		x = x[n:]
	}
	geluPortable(x)
}

// normalize adds y to x, and brings each row of width numbers to a mean of 0 and a variance of 1; then each number is multiplied with its weight, and
// its bias added.
func normalize(x, y, weight, bias []float32) {
	rows := len(x) / width
	if here == portable || rows == 0 {
		normalizePortable(x, y, weight, bias)
		return
	}
	_, _, _ = y[rows*width-1], weight[width-1], bias[width-1]
	normalizeAVX2(&x[0], &y[0], rows, &weight[0], &bias[0], &normalTerms[0])
}

// quantize rounds x to 127 steps on either side of 0: x is about dst times scale. A row of zeros has the scale 0.
func quantize(dst []int8, x []float32) (scale float32) {
	dst = dst[:len(x)]
	n := len(x) &^ 31
	if here == portable || n == 0 {
		scale, by := steps(peakPortable(x, 0))
		roundPortable(dst, x, by)
		return scale
	}
	scale, by := steps(peakPortable(x[n:], peakAVX2(&x[0], n)))
	roundAVX2(&dst[0], &x[0], n, by)
	roundPortable(dst[n:], x[n:], by)
	return scale
}

// dequantize sets each dst to its sum times both scales, plus its bias.
func dequantize(dst []float32, sums []int32, rowScale float32, outScale, bias []float32) {
	sums, outScale, bias = sums[:len(dst)], outScale[:len(dst)], bias[:len(dst)]
	if here == vnni && len(dst) > 0 {
		dequantizeAVX512(&dst[0], len(dst), &sums[0], rowScale, &outScale[0], &bias[0])
		return
	}
	if n := len(dst) &^ 7; here != portable && n > 0 {
		dequantizeAVX2(&dst[0], n, &sums[0], rowScale, &outScale[0], &bias[0])
		dst, sums, outScale, bias = dst[n:], sums[n:], outScale[n:], bias[n:]
	}
	dequantizePortable(dst, sums, rowScale, outScale, bias)
}

// dots sets dst to the products of x with the rows of w.
func dots(dst, w, x []float32) {
	if n := len(x) &^ 3; here != portable && n > 0 {
		for ; len(dst) >= 4; dst, w = dst[4:], w[4*len(x):] {
			_ = w[4*len(x)-1]
			var lanes [4][4]float32
			dots4AVX2(&lanes, &w[0], len(x), &x[0], n)
			for o := range lanes {
				dst[o] = dotFrom(lanes[o], w[o*len(x)+n:], x[n:])
			}
		}
	}
	dotsPortable(dst, w, x)
}

//go:noescape
func scoresAVX2(dst *float32, n int, q, k *float32, stride int, scale float32)

//go:noescape
func mixAVX2(dst, w *float32, n int, v *float32, stride int)

//go:noescape
func softmaxAVX2(x *float32, n int, terms *float32)

//go:noescape
func normalizeAVX2(x, y *float32, rows int, weight, bias, terms *float32)

// geluAVX2 is geluPortable for a multiple of 16 numbers. The functions after it are for a multiple of 32, the last one of 8.
//
//go:noescape
func geluAVX2(x *float32, n int, terms *float32)

//go:noescape
func peakAVX2(x *float32, n int) uint32

//go:noescape
func roundAVX2(dst *int8, x *float32, n int, by float32)

//go:noescape
func dequantizeAVX2(dst *float32, n int, sums *int32, rowScale float32, outScale, bias *float32)

// geluAVX512 and dequantizeAVX512 are for any number of numbers but none.
//
//go:noescape
func geluAVX512(x *float32, n int, terms *float32)

//go:noescape
func dequantizeAVX512(dst *float32, n int, sums *int32, rowScale float32, outScale, bias *float32)

// dots4AVX2 has the lanes of four products of n numbers, a multiple of 4. The rows of w stand stride numbers apart.
//
//go:noescape
func dots4AVX2(lanes *[4][4]float32, w *float32, stride int, x *float32, n int)
