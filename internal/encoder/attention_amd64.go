//go:build !purego

package encoder

// attendWide does what attend does, where this processor can; it says whether it has. All queries of a step come before the next step: of a row by
// itself, most of the time is spent waiting (BenchmarkAttend).
func attendWide(dst, q rows, n int, k, v rows, of int, weights []float32) bool {
	if here != vnni {
		return false
	}
	room := len(weights) / n
	_, _, _, _ = dst.at(n-1), q.at(n-1), k.at(of-1), v.at(of-1)
	scoresAVX512(&weights[0], room, &q.first[0], q.stride, n, &k.first[0], k.stride, of, attentionScale)
	softmaxAVX512(&weights[0], room, n, of, &expTerms[0])
	mixAVX512(&dst.first[0], dst.stride, &weights[0], room, n, &v.first[0], v.stride, of)
	return true
}

// scoresAVX512 is scoresPortable for n rows of q, whose answers stand room numbers apart: of, rounded up to 8, are set.
//
//go:noescape
func scoresAVX512(dst *float32, room int, q *float32, qStride, n int, k *float32, stride, of int, scale float32)

// softmaxAVX512 is softmaxPortable for some rows of `of` numbers; behind them, up to a multiple of 16, it leaves zeros.
//
//go:noescape
func softmaxAVX512(x *float32, room, rows, of int, terms *float32)

// mixAVX512 is mixPortable for n rows of w.
//
//go:noescape
func mixAVX512(dst *float32, dstStride int, w *float32, room, n int, v *float32, stride, of int)
