//go:build chaos_setnx

package sink

// ruling is the plain SETNX that loses flags: what is claimed was sent, whoever claimed it. Only chaos runs are built with it, as
// the negative control that must fail.
func ruling(me owner, a answer) verdict {
	if !a.failed && !a.absent {
		return duplicate
	}
	return decide(me, a)
}
