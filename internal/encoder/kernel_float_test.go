package encoder

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func normals(rng *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * scale)
	}
	return x
}

// same says where the bits of two rows differ first.
func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: number %d of %d is %g, portably %g", what, i, len(want), got[i], want[i])
		}
	}
}

// samples are rows of all lengths up to 70 and of some large ones.
func samples(f func(rng *rand.Rand, n int)) {
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range 70 {
		f(rng, n)
	}
	for _, n := range []int{250, 384, 1536} {
		f(rng, n)
	}
}

func TestScoresAndMix(t *testing.T) {
	each(t, func(t *testing.T) {
		samples(func(rng *rand.Rand, n int) {
			for _, stride := range []int{32, 100} {
				q, k := normals(rng, 32, 1), normals(rng, n*stride+32, 3)
				got, want := make([]float32, n+1), make([]float32, n+1)
				scores(got[:n], q, k, stride, 0.17677669)
				scoresPortable(want[:n], q, k, stride, 0.17677669)
				same(t, "scores", got, want)
				for j := range n {
					var sum, size float64
					for i := range q {
						sum += float64(q[i]) * float64(k[j*stride+i])
						size += math.Abs(float64(q[i]) * float64(k[j*stride+i]))
					}
					if math.Abs(sum*0.17677669-float64(got[j])) > 1e-6*size {
						t.Fatalf("score %g, want %g", got[j], sum*0.17677669)
					}
				}
				mixed, wantMixed := make([]float32, 33), make([]float32, 33)
				mix(mixed[:32], want[:n], k, stride)
				mixPortable(wantMixed[:32], want[:n], k, stride)
				same(t, "mix", mixed, wantMixed)
				for i := range 32 {
					var sum, size float64
					for j := range n {
						sum += float64(want[j]) * float64(k[j*stride+i])
						size += math.Abs(float64(want[j]) * float64(k[j*stride+i]))
					}
					if math.Abs(sum-float64(mixed[i])) > 1e-5*size {
						t.Fatalf("mix %g, want %g", mixed[i], sum)
					}
				}
			}
		})
	})
}

func TestSoftmax(t *testing.T) {
	each(t, func(t *testing.T) {
		samples(func(rng *rand.Rand, n int) {
			for _, scale := range []float64{0, 1, 20, 200} {
				x := normals(rng, n, scale)
				got, want := append(slices.Clone(x), 5), append(slices.Clone(x), 5)
				softmax(got[:n])
				softmaxPortable(want[:n])
				same(t, "softmax", got, want)
				var sum float64
				for _, v := range x {
					sum += math.Exp(float64(v - slices.Max(x)))
				}
				for i, v := range x {
					share := math.Exp(float64(v-slices.Max(x))) / sum
					if math.Abs(share-float64(got[i])) > 2e-6*share+1e-35 {
						t.Fatalf("share %g, want %g", got[i], share)
					}
				}
			}
		})
	})
}

func TestExp(t *testing.T) {
	var worst float64
	for x := float32(-87); x <= 0; x += 1e-4 {
		want := math.Exp(float64(x))
		worst = max(worst, math.Abs(float64(exp(x))-want)/want)
	}
	if worst > 3e-7 {
		t.Errorf("wrong by %g of it", worst)
	}
	if exp(0) != 1 || exp(-1000) != exp(-87) {
		t.Errorf("e^0 = %g, e^-1000 = %g", exp(0), exp(-1000))
	}
}

func TestGelu(t *testing.T) {
	each(t, func(t *testing.T) {
		samples(func(rng *rand.Rand, n int) {
			x := normals(rng, n, 3)
			got, want := append(slices.Clone(x), 5), append(slices.Clone(x), 5)
			gelu(got[:n])
			geluPortable(want[:n])
			same(t, "gelu", got, want)
		})
		var x []float32
		for v := float32(-10); v <= 10; v += 1e-3 {
			x = append(x, v)
		}
		x = append(x, 0, 1000, -1000, math.MaxFloat32, -math.MaxFloat32)
		got := slices.Clone(x)
		gelu(got)
		for i, v := range x {
			want := float64(v) * math.Erfc(-float64(v)/math.Sqrt2) / 2
			if math.Abs(float64(got[i])-want) > 3.6e-5 {
				t.Fatalf("gelu(%g) = %g, want %g", v, got[i], want)
			}
		}
	})
}

func TestNormalize(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for rows := range 4 {
			for _, scale := range []float64{0, 1e-20, 1e-6, 1, 1e6} {
				for _, shift := range []float32{0, 3} {
					x, y := normals(rng, rows*width, scale), normals(rng, rows*width+1, scale)
					for i := range x {
						x[i] += shift
					}
					weight, bias := normals(rng, width, 1), normals(rng, width, 0.1)
					got, want := append(slices.Clone(x), 5), append(slices.Clone(x), 5)
					normalize(got[:rows*width], y, weight, bias)
					normalizePortable(want[:rows*width], y, weight, bias)
					same(t, "normalize", got, want)
					for r := range rows {
						var sum, square, largest float64
						at := func(k int) float64 { return float64(x[r*width+k] + y[r*width+k]) }
						for k := range width {
							sum += at(k)
							largest = max(largest, math.Abs(at(k)))
						}
						mean := sum / width
						for k := range width {
							square += (at(k) - mean) * (at(k) - mean)
						}
						by := 1 / math.Sqrt(square/width+1e-12)
						for k := range width {
							right := (at(k)-mean)*by*float64(weight[k]) + float64(bias[k])
							wrong := (1e-6*math.Abs(at(k)-mean)+3e-7*largest)*by*math.Abs(float64(weight[k])) + 1e-7*math.Abs(float64(bias[k])) // the mean's last bits
							if g := float64(got[r*width+k]); !(math.Abs(g-right) <= wrong) {
								t.Fatalf("%d numbers of about %g + %g: %g, want %g", width, scale, shift, g, right)
							}
						}
					}
				}
			}
		}
	})
}

func TestQuantize(t *testing.T) {
	each(t, func(t *testing.T) {
		samples(func(rng *rand.Rand, n int) {
			for _, scale := range []float64{0, 1e-44, 1e-20, 1, 1e37} {
				x := normals(rng, n, scale)
				if n > 3 && scale == 1 { // halves between steps
					x[0], x[1], x[2], x[3] = -127, 0.5, 1.5, -2.5
				}
				dst, want := make([]int8, n+1), make([]int8, n+1)
				got := quantize(dst, x)
				wantScale, by := steps(peakPortable(x, 0))
				roundPortable(want[:n], x, by)
				if got != wantScale || !slices.Equal(dst, want) {
					t.Fatalf("%d numbers: %v with scale %g, portably %v with %g", n, dst, got, want, wantScale)
				}
				for i, v := range x {
					if wrong := math.Abs(float64(v) - float64(dst[i])*float64(got)); wrong > 0.50001*float64(got) && got > 0 {
						t.Fatalf("%g is %d times %g", v, dst[i], got)
					}
				}
				if got == 0 && slices.ContainsFunc(dst, func(v int8) bool { return v != 0 }) {
					t.Fatalf("a row of nothing is %v", dst)
				}
			}
		})
	})
}

func TestDequantize(t *testing.T) {
	each(t, func(t *testing.T) {
		samples(func(rng *rand.Rand, n int) {
			sums := make([]int32, n+3) // padded
			for i := range sums {
				sums[i] = int32(rng.Uint32()) >> rng.IntN(30)
			}
			scales, bias := normals(rng, n, 1e-3), normals(rng, n, 1)
			got, want := make([]float32, n+1), make([]float32, n+1)
			dequantize(got[:n], sums, 0.0123, scales, bias)
			dequantizePortable(want[:n], sums, 0.0123, scales, bias)
			same(t, "dequantize", got, want)
			for i := range n {
				right := float64(sums[i])*float64(float32(0.0123))*float64(scales[i]) + float64(bias[i])
				if math.Abs(right-float64(got[i])) > 1e-6*(math.Abs(right)+math.Abs(float64(bias[i]))) {
					t.Fatalf("%g, want %g", got[i], right)
				}
			}
		})
	})
}

func TestDots(t *testing.T) {
	each(t, func(t *testing.T) {
		samples(func(rng *rand.Rand, n int) {
			for outs := range 10 {
				x, w := normals(rng, n, 1), normals(rng, outs*n, 1)
				got, want := make([]float32, outs+1), make([]float32, outs+1)
				dots(got[:outs], w, x)
				dotsPortable(want[:outs], w, x)
				same(t, "dots", got, want)
				for o := range outs {
					var sum, size float64
					for i := range x {
						sum += float64(x[i]) * float64(w[o*n+i])
						size += math.Abs(float64(x[i]) * float64(w[o*n+i]))
					}
					if math.Abs(sum-float64(got[o])) > 1e-5*size {
						t.Fatalf("product %g, want %g", got[o], sum)
					}
				}
			}
		})
	})
}

func TestNothingAllocated(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const outs, depth, tokens = 384, 384, 21
	m := newMatrix(randomBytes(rng, outs*depth), outs, depth)
	x, numbers := make([]int8, tokens*depth), normals(rng, tokens*depth, 1)
	sums, y := make([]int32, tokens*m.padded), make([]float32, tokens*m.padded)
	each(t, func(t *testing.T) {
		if n := testing.AllocsPerRun(3, func() {
			scale := quantize(x, numbers)
			m.multiply(sums, x, tokens)
			dequantize(y, sums, scale, numbers, numbers)
			var attention [tokens]float32
			scores(attention[:], y, y[32:], depth, 0.1)
			softmax(attention[:])
			mix(y, attention[:], y[64:], depth)
			gelu(y)
			dots(y[:outs], numbers, numbers[:tokens])
			normalize(y, numbers, numbers, numbers)
		}); n > 0 {
			t.Errorf("%g allocations", n)
		}
	})
}
