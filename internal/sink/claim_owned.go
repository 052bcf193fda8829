//go:build !chaos_setnx

package sink

// ruling is what a claim's answer is judged by: decide. A build with the tag chaos_setnx has a wrong protocol in its place,
// so that chaos runs can show that they would notice.
func ruling(me owner, a answer) verdict { return decide(me, a) }
