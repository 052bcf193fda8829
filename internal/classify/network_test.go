package classify

import (
	"math"
	"testing"
)

func TestTanh(t *testing.T) {
	for x := float32(-12); x <= 12; x += 1.0 / 64 {
		if got, want := tanh(x), math.Tanh(float64(x)); math.Abs(float64(got)-want) > 1e-6 {
			t.Errorf("tanh(%v) = %v, want %v", x, got, want)
		}
	}
}

func TestDot(t *testing.T) {
	for n := range 12 {
		a, b, want := make([]float32, n), make([]float32, n), float32(0)
		for i := range n {
			a[i], b[i] = float32(i+1), float32(2*i-3)
			want += a[i] * b[i]
		}
		if got := dot(a, b); got != want {
			t.Errorf("%d numbers: %v, want %v", n, got, want)
		}
	}
}
