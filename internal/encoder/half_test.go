package encoder

import (
	"math"
	"testing"
)

// TestHalf makes all float16 numbers as the definition has them, infinity aside.
func TestHalf(t *testing.T) {
	for b := range 1 << 16 {
		exp, frac := b>>10&31, float64(b&1023)
		want := math.Ldexp(frac, -24)
		if exp > 0 {
			want = math.Ldexp(1024+frac, exp-25)
		}
		if b>>15 == 1 {
			want = -want
		}
		if got := half(uint16(b)); math.Float32bits(got) != math.Float32bits(float32(want)) {
			t.Fatalf("%04x is %g, want %g", b, got, want)
		}
	}
}
