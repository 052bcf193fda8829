//go:build !amd64 || purego

package encoder

func attendWide(_, _ rows, _ int, _, _ rows, _ int, _ []float32) bool { return false }
