package encoder

import "math"

const headWidth = 32 // numbers that a head compares

// fold adds the lanes.
func fold(s *[8]float32) float32 {
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))
}

func scoresPortable(dst, q, k []float32, stride int, scale float32) {
	q = q[:headWidth]
	for j := range dst {
		row := k[j*stride:][:headWidth]
		var s [8]float32
		for l := range s {
			s[l] = float32(q[l]*row[l]) + float32(q[l+8]*row[l+8]) + float32(q[l+16]*row[l+16]) + float32(q[l+24]*row[l+24])
		}
		dst[j] = fold(&s) * scale
	}
}

func mixPortable(dst, w, v []float32, stride int) {
	for from := 0; from < headWidth; from += 8 {
		var s0, s1, s2, s3, s4, s5, s6, s7 float32
		for j, f := range w {
			row := v[j*stride+from:][:8]
			s0 += float32(f * row[0])
			s1 += float32(f * row[1])
			s2 += float32(f * row[2])
			s3 += float32(f * row[3])
			s4 += float32(f * row[4])
			s5 += float32(f * row[5])
			s6 += float32(f * row[6])
			s7 += float32(f * row[7])
		}
		*(*[8]float32)(dst[from:]) = [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
	}
}

// expTerms are what exp computes with: e^r = 1 + r + r²·(…) for |r| ≤ ln(2)/2 to within 1.1e-7.
var expTerms = [...]float32{
	-87,              // where it ends: e^-88 is no normal number
	1.4426950408,     // 1/ln(2)
	3 << 22,          // a number whose neighbours are whole
	355.0 / 512,      // ln(2), to so many bits that small multiples are exact
	-2.1219444005e-4, // and the rest of it
	0.008312520571053028, 0.041890159249305725, 0.16667114198207855, 0.499992311000824,
	1,
}

// exp is e^x for an x in [-87, 0], and e^-87 for a smaller one, to within 3e-7 of it.
func exp(x float32) float32 {
	c := &expTerms
	if x < c[0] {
		x = c[0]
	}
	n := float32(x*c[1]) + c[2]
	halves := n - c[2]
	r := x - float32(halves*c[3])
	r -= float32(halves * c[4])
	p := float32(c[5]*r) + c[6]
	p = float32(p*r) + c[7]
	p = float32(p*r) + c[8]
	p = float32(p*r) + c[9]
	p = float32(p*r) + c[9]
	return math.Float32frombits(math.Float32bits(p) + math.Float32bits(n)<<23)
}

func softmaxPortable(x []float32) {
	if len(x) == 0 {
		return
	}
	top := x[0]
	for _, v := range x {
		if v > top {
			top = v
		}
	}
	var s [8]float32
	for i, v := range x {
		e := exp(v - top)
		x[i] = e
		s[i&7] += e
	}
	share := 1 / fold(&s)
	for i := range x {
		x[i] *= share
	}
}

// geluTerms are what gelu computes with: Φ(x) = 1/2 + x·P(2·(x/4.5)² - 1) for |x| ≤ 4.5. Fitted to make the error of x·Φ(x) least, 3.4e-5.
var geluTerms = [...]float32{
	4.5, -4.5, 2 / (4.5 * 4.5), 1, 0.5,
	0.003324320539832115, -0.009318646043539047, 0.012255800887942314, -0.016757074743509293, 0.027606302872300148,
	-0.04055109992623329, 0.05482204258441925, -0.07717235386371613, 0.1569020301103592,
}

func geluPortable(x []float32) {
	c := &geluTerms
	for i, v := range x {
		inner := v
		if inner > c[0] {
			inner = c[0]
		}
		if inner < c[1] {
			inner = c[1]
		}
		t := float32(float32(inner*inner)*c[2]) - c[3]
		p := float32(c[5]*t) + c[6]
		p = float32(p*t) + c[7]
		p = float32(p*t) + c[8]
		p = float32(p*t) + c[9]
		p = float32(p*t) + c[10]
		p = float32(p*t) + c[11]
		p = float32(p*t) + c[12]
		p = float32(p*t) + c[13]
		p = float32(p*inner) + c[4]
		if p < 0 {
			p = 0
		}
		if p > 1 {
			p = 1
		}
		x[i] = v * p
	}
}

// normalTerms are what normalize computes with; the second one keeps a row of equal numbers from a division by 0.
var normalTerms = [...]float32{width, 1e-12, 1}

// normalizePortable adds four numbers of a lane before it adds them to the lane: a sum waits for 12 additions, not for 48.
func normalizePortable(x, y, weight, bias []float32) {
	c := &normalTerms
	weight, bias = weight[:width], bias[:width]
	for ; len(x) >= width; x, y = x[width:], y[width:] {
		row, more := x[:width], y[:width]
		for k := range row {
			row[k] += more[k]
		}
		var s [8]float32
		for from := 0; from < width; from += 32 {
			v := (*[32]float32)(row[from:])
			for l := range s {
				s[l] += (v[l] + v[l+8]) + (v[l+16] + v[l+24])
			}
		}
		mean := fold(&s) / c[0]
		s = [8]float32{}
		for from := 0; from < width; from += 32 {
			v := (*[32]float32)(row[from:])
			for l := range s {
				d0, d1, d2, d3 := v[l]-mean, v[l+8]-mean, v[l+16]-mean, v[l+24]-mean
				s[l] += (float32(d0*d0) + float32(d1*d1)) + (float32(d2*d2) + float32(d3*d3))
			}
		}
		scale := c[2] / float32(math.Sqrt(float64(fold(&s)/c[0]+c[1])))
		for k, v := range row {
			row[k] = float32(float32((v-mean)*scale)*weight[k]) + bias[k]
		}
	}
}

// peakPortable is the bits of the largest |x|, or of least if that is larger: of numbers without a sign the larger one has the larger bits.
func peakPortable(x []float32, least uint32) uint32 {
	for _, v := range x {
		least = max(least, math.Float32bits(v)&^(1<<31))
	}
	return least
}

// steps are the scale of a row with that peak and what its numbers are multiplied with.
func steps(peak uint32) (scale, by float32) {
	top := math.Float32frombits(peak)
	if top < 1e-30 { // too small to divide by
		return 0, 0
	}
	return top / 127, 127 / top
}

func roundPortable(dst []int8, x []float32, by float32) {
	for i, v := range x {
		dst[i] = int8(math.Float32bits(float32(v*by) + 3<<22)) // whose neighbours are whole: half to even
	}
}

func dequantizePortable(dst []float32, sums []int32, rowScale float32, outScale, bias []float32) {
	sums, outScale, bias = sums[:len(dst)], outScale[:len(dst)], bias[:len(dst)]
	for o := range dst {
		dst[o] = float32(float32(float32(sums[o])*rowScale)*outScale[o]) + bias[o]
	}
}

// dotsPortable sets dst to the products of x with the rows of w. They add up in four lanes, which do not wait for each other.
func dotsPortable(dst, w, x []float32) {
	for o := range dst {
		dst[o] = dotFrom([4]float32{}, w[o*len(x):], x)
	}
}

// dotFrom goes on with the lanes of a product, of which x and w are the rest: what is left in the end goes to the first lane.
func dotFrom(lanes [4]float32, w, x []float32) float32 {
	a, b, c, d := lanes[0], lanes[1], lanes[2], lanes[3]
	w = w[:len(x)]
	for ; len(x) >= 4 && len(w) >= 4; x, w = x[4:], w[4:] {
		a += float32(w[0] * x[0])
		b += float32(w[1] * x[1])
		c += float32(w[2] * x[2])
		d += float32(w[3] * x[3])
	}
	for i, v := range x {
		a += float32(w[i] * v)
	}
	return a + b + c + d
}
