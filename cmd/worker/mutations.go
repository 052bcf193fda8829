package main

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"onside"
	"onside/internal/classify"
	"onside/internal/mutate"
	"onside/internal/policy"
)

// mutationOptions say what is mutated: as many messages of every kind as sample allows, chosen and written by the seed.
type mutationOptions struct {
	sample int
	seed   uint64
}

// subject is a message whose target is mutated.
type subject struct {
	event    *onside.Event
	target   mutate.Target
	innocent bool
	rank     uint64 // by the seed: which are taken when there are more than enough
}

// categoryOf is what a plain positive of the kind is labelled with.
var categoryOf = [mutate.NumKinds]classify.Category{
	mutate.Phone: classify.ContactPhone, mutate.Email: classify.ContactEmail, mutate.Handle: classify.ContactHandle, mutate.App: classify.ChannelMessaging,
}

// contacts chooses plain positives that show one piece of evidence in the open.
func contacts(events []onside.Event, opt mutationOptions) []*subject {
	return choose(events, opt, func(s *subject) (ok bool) {
		s.target, ok = onlyTarget(s.event)
		return ok && s.event.Label.Action == policy.Review.String()
	})
}

// innocents chooses messages without anything to see in them but a number.
func innocents(events []onside.Event, opt mutationOptions) []*subject {
	return choose(events, opt, func(s *subject) (ok bool) {
		s.innocent = true
		s.target, ok = numberIn(s.event.Text, s.rank)
		return ok && s.event.Label.Action == policy.None.String()
	})
}

// choose takes as many subjects of every kind as the options allow, by chance.
func choose(events []onside.Event, opt mutationOptions, fit func(*subject) bool) []*subject {
	var kinds [mutate.NumKinds][]*subject
	for i := range events {
		e := &events[i]
		if e.Stage != classify.PreContract || e.SenderRole == "system" || e.SenderRole == "support" {
			continue
		}
		if s := (&subject{event: e, rank: opt.rank(e.EventID)}); fit(s) {
			kinds[s.target.Kind] = append(kinds[s.target.Kind], s)
		}
	}
	var out []*subject
	for _, list := range kinds {
		slices.SortFunc(list, func(a, b *subject) int { return cmp.Compare(a.rank, b.rank) })
		out = append(out, list[:min(len(list), opt.sample)]...)
	}
	return out
}

func (o mutationOptions) rank(id string) uint64 {
	h := fnv.New64a()
	h.Write(binary.LittleEndian.AppendUint64(nil, o.seed))
	h.Write([]byte(id))
	return h.Sum64()
}

// onlyTarget is the one piece of evidence of a plain positive. What else would give the message away rules it out, save the app that a
// user name is for.
func onlyTarget(e *onside.Event) (mutate.Target, bool) {
	if len(e.Label.Obfuscation) > 0 || e.Label.Group != "" {
		return mutate.Target{}, false
	}
	targets := mutate.Find(e.Text)
	for _, k := range []mutate.Kind{mutate.Phone, mutate.Email, mutate.Handle, mutate.App} {
		own := slices.DeleteFunc(slices.Clone(targets), func(t mutate.Target) bool { return t.Kind != k })
		if len(own) != 1 || !slices.Contains(e.Label.Categories, categoryOf[k].String()) {
			continue
		}
		rest := len(targets) - 1
		if k == mutate.Handle {
			rest -= len(slices.DeleteFunc(slices.Clone(targets), func(t mutate.Target) bool { return t.Kind != mutate.App }))
		}
		return own[0], rest == 0
	}
	return mutate.Target{}, false
}

// numberIn is one of the numbers of an innocent text.
func numberIn(text string, rank uint64) (mutate.Target, bool) {
	all := mutate.Numbers(text)
	if len(all) == 0 {
		return mutate.Target{}, false
	}
	return all[rank%uint64(len(all))], true
}

// benignEvents reads messages that are known to be innocent, a JSON object with a "text" a line. Each is a conversation of its own.
func benignEvents(name, src string) ([]onside.Event, error) {
	var out []onside.Event
	no := 0
	for line := range strings.Lines(src) {
		no++
		if strings.TrimSpace(line) == "" {
			continue
		}
		var w struct{ Text, Lang string }
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			return nil, fail(exitData, fmt.Errorf("%s:%d: not a message: %w", name, no, err))
		}
		id := fmt.Sprintf("%s:%d", name, no)
		e := onside.Event{File: name, Line: no, Label: onside.Label{Action: policy.None.String()}}
		e.EventID, e.ConversationID, e.SenderID, e.SenderRole, e.Lang, e.Text = id, id, id, "client", w.Lang, w.Text
		e.Offset = int64(no)
		out = append(out, e)
	}
	return out, nil
}

// mutator judges mutants where their originals stood: after what was said before them.
type mutator struct {
	judge  *judge
	seed   uint64
	report *mutationReport
}

// mutations judges contacts of the labelled events and innocent numbers of the benign ones, as they are and in every disguise.
func mutations(s *setup, events, benign []onside.Event, opt mutationOptions) *mutationReport {
	m := &mutator{judge: newJudge(s.model, s.policy, len(events)), seed: opt.seed, report: newMutationReport(s, opt)}
	m.through(events, contacts(events, opt))
	m.judge = newJudge(s.model, s.policy, len(benign))
	m.through(benign, innocents(benign, opt))
	return m.report.sort()
}

// through goes through the conversations that have subjects, and stops at those.
func (m *mutator) through(events []onside.Event, subjects []*subject) {
	chosen, wanted := map[string]*subject{}, map[string]bool{}
	for _, s := range subjects {
		chosen[s.event.EventID], wanted[s.event.ConversationID] = s, true
	}
	for i := range events {
		e := &events[i]
		if !wanted[e.ConversationID] {
			continue
		}
		if s := chosen[e.EventID]; s != nil {
			m.mutate(s)
		}
		m.judge.decide(&e.Message)
	}
}

func (m *mutator) mutate(s *subject) {
	original := mutate.Mutant{Lines: []mutate.Line{{Text: s.event.Text}}}
	m.report.count(s, original, m.said(s, original.Lines))
	source := mutate.Source{Text: s.event.Text, Target: s.target, Lang: s.event.Lang, Seed: m.seed}
	for _, mutant := range mutate.Mutants(source) {
		m.report.count(s, mutant, m.said(s, mutant.Lines))
	}
}

// outcome is what became of a mutant: of any of its lines.
type outcome struct {
	found bool // a reviewer sees it
	seen  bool // a detector is sure of evidence of its kind
	right bool // a finding gives the evidence as it was
}

// said judges the lines in the place of the subject. What the conversation remembers is left as it was.
func (m *mutator) said(s *subject, lines []mutate.Line) outcome {
	talk := m.judge.before(&s.event.Message)
	var out outcome
	for i, l := range lines {
		msg := s.event.Message
		if l.Decoy {
			msg.SenderID, msg.SenderRole = counterpart(&msg)
		}
		msg.Text, msg.Offset = l.Text, msg.Offset+int64(i)
		d := m.judge.decideIn(&msg, talk)
		if l.Decoy {
			continue
		}
		facts := m.judge.result.Signal.Facts
		out.found = out.found || d.Action == policy.Review
		out.seen = out.seen || facts&factsOf[s.target.Kind] != 0
		out.right = out.right || slices.ContainsFunc(m.judge.result.Findings, func(f classify.Finding) bool { return says(s, f) })
	}
	return out
}

// counterpart is the other party of a conversation, by the corpus's way of naming senders after their roles.
func counterpart(m *classify.Message) (id, role string) {
	role = "client"
	if m.SenderRole == role {
		role = "freelancer"
	}
	return m.ConversationID + "-" + role, role
}

// factsOf are the facts by which a detector shows that it saw evidence of the kind.
var factsOf = [mutate.NumKinds]classify.Facts{
	mutate.Phone: classify.FactPhone | classify.FactComplete, mutate.Email: classify.FactEmail, mutate.Handle: classify.FactHandle,
	mutate.App: classify.FactMessenger | classify.FactHandle, mutate.Number: classify.FactPhone | classify.FactComplete | classify.FactHandle,
}

// says reports whether the finding gives the subject's evidence in its canonical form.
func says(s *subject, f classify.Finding) bool {
	want := strings.ToLower(strings.TrimPrefix(s.event.Text[s.target.Start:s.target.End], "@"))
	switch s.target.Kind {
	case mutate.Phone:
		return f.Category == classify.ContactPhone && strings.HasSuffix(onlyDigits(f.Normalized), lastDigits(want))
	case mutate.Email, mutate.Handle:
		return f.Category == categoryOf[s.target.Kind] && strings.ToLower(f.Normalized) == want
	}
	return strings.ToLower(f.Normalized) == strings.ReplaceAll(want, " ", "")
}

// lastDigits are the digits of a number that every way of writing it ends with.
func lastDigits(number string) string {
	d := onlyDigits(number)
	return d[max(0, len(d)-8):]
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// mutationFlags are the flags of worker eval that belong to --mutations.
type mutationFlags struct {
	on     bool
	benign string
	mutationOptions
}

func (f *mutationFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.on, "mutations", false, "disguise plain contacts in every way and report which get through")
	flags.StringVar(&f.benign, "benign", "", "with --mutations: also disguise the numbers in the innocent messages of this `file`, a JSON object with a \"text\" a line")
	flags.IntVar(&f.sample, "sample", 150, "with --mutations: messages of every kind, at most `n`")
	flags.Uint64Var(&f.seed, "seed", 1, "with --mutations: the `number` that chance is drawn from")
	cmd.MarkFlagsMutuallyExclusive("mutations", "cross-validate")
}

func (c *cli) evalMutations(s *setup, events []onside.Event, f *mutationFlags, misses int, asJSON bool) error {
	benign := events
	if f.benign != "" {
		src, err := os.ReadFile(f.benign)
		if err != nil {
			return fmt.Errorf("read benign messages: %w", err)
		}
		if benign, err = benignEvents(f.benign, string(src)); err != nil {
			return err
		}
	}
	r := mutations(s, events, benign, f.mutationOptions)
	if asJSON {
		return c.mutationsJSON(r)
	}
	if err := r.writeTable(c.out); err != nil || misses == 0 {
		return err
	}
	fmt.Fprintln(c.out)
	return r.writeMisses(c.out, misses)
}
