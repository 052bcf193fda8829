package classify

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// numberPlan is the numbering plan of a country in a form that tells quickly whether digits are a number of it: as the library does, save for the rare
// digits that it leaves to the library. It is immutable.
type numberPlan struct {
	code   string // of the country, that its numbers abroad begin with
	abroad *automaton
	trunks []string       // the digits before a number at home, which are none of it; the first that are there count
	trunk  *regexp.Regexp // the same, where there are too many of them
	begins *automaton     // whether trunk may match
	turns  bool           // what stands behind the trunk may be changed
	own    *automaton     // whether a number is of this country rather than of others that share the code, by how it begins; nil: by its plan
	whole  lengths        // that numbers have
	local  lengths        // that numbers have within a city
	forms  *automaton     // the form of all numbers and then of each kind
	kinds  []lengths      // of the forms
}

// lengths is a set of lengths, a bit each.
type lengths uint32

func lengthsOf(list []int32) (set lengths) {
	for _, n := range list {
		if n > 0 {
			set |= 1 << n
		}
	}
	return set
}

func (l lengths) has(n int) bool { return l>>n&1 != 0 }

// verdict is what a plan says of digits.
type verdict uint8

const (
	noNumber verdict = iota
	aNumber
	unsettled // the library knows
)

// What plans are asked about: nothing but digits, of which there are neither too few for a code and a number nor more than any number has.
const (
	fewestPlanned = 7
	mostPlanned   = 17
)

func plannable(d string) bool {
	for i := range len(d) {
		if d[i]-'0' >= 10 {
			return false
		}
	}
	return fewestPlanned <= len(d) && len(d) <= mostPlanned
}

func newNumberPlan(m *phonenumbers.PhoneMetadata) (p *numberPlan, err error) {
	all := m.GetGeneralDesc()
	p = &numberPlan{code: strconv.Itoa(int(m.GetCountryCode())), turns: m.GetNationalPrefixTransformRule() != "", whole: lengthsOf(all.GetPossibleLength()), local: lengthsOf(all.GetPossibleLengthLocalOnly())}
	if p.abroad, err = newAutomaton(m.GetInternationalPrefix()); err != nil {
		return nil, err
	}
	if own := m.GetLeadingDigits(); own != "" {
		if p.own, err = newAutomaton(own); err != nil {
			return nil, err
		}
	}
	if err = p.setTrunk(m.GetNationalPrefixForParsing()); err != nil {
		return nil, err
	}
	kinds := []*phonenumbers.PhoneNumberDesc{all, m.GetPremiumRate(), m.GetTollFree(), m.GetSharedCost(), m.GetVoip(), m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail(), m.GetFixedLine()}
	if !m.GetSameMobileAndFixedLinePattern() {
		kinds = append(kinds, m.GetMobile())
	}
	var forms []string
	for _, k := range kinds {
		if k.GetNationalNumberPattern() == "" {
			continue
		}
		set := lengthsOf(k.GetPossibleLength())
		if len(k.GetPossibleLength()) == 0 { // as of all numbers
			set = ^lengths(0)
		}
		forms, p.kinds = append(forms, k.GetNationalNumberPattern()), append(p.kinds, set)
	}
	p.forms, err = newAutomaton(forms...)
	return p, err
}

func (p *numberPlan) setTrunk(pattern string) (err error) {
	if pattern == "" {
		return nil
	}
	if strings.Trim(pattern, "0123456789|") == "" {
		p.trunks = strings.Split(pattern, "|")
		return nil
	}
	if p.trunk, err = regexp.Compile("^(?:" + pattern + ")"); err != nil {
		return err
	}
	p.begins, err = newAutomaton(pattern)
	return err
}

// national is the E.164 form of digits dialled in the country.
func (p *numberPlan) national(d string) (string, verdict) {
	if !plannable(d) || strings.HasPrefix(d, p.code) || p.abroad.begins(d) {
		return "", unsettled
	}
	n, ok := p.withoutTrunk(d)
	if !ok {
		return "", unsettled
	}
	return p.e164(n)
}

// e164 is that form of a number without trunk digits.
func (p *numberPlan) e164(n string) (string, verdict) {
	if !p.valid(n) {
		return "", noNumber
	}
	return "+" + p.code + n, aNumber
}

// owns reports whether the number is of this country rather than of another one that shares the code.
func (p *numberPlan) owns(n string) bool {
	if p.own != nil {
		return p.own.begins(n)
	}
	return p.valid(n)
}

// withoutTrunk takes the trunk digits off, where what is left can be a number; false where the library has to.
func (p *numberPlan) withoutTrunk(d string) (string, bool) {
	n := 0
	switch {
	case p.trunk == nil:
		if i := slices.IndexFunc(p.trunks, func(t string) bool { return strings.HasPrefix(d, t) }); i >= 0 {
			n = len(p.trunks[i])
		}
	case p.turns && p.begins.begins(d):
		return d, false
	case p.begins.begins(d):
		if at := p.trunk.FindStringIndex(d); at != nil {
			n = at[1]
		}
	}
	if rest := d[n:]; n > 0 && (!p.formed(d) || p.formed(rest)) && !p.local.has(len(rest)) && (p.whole.has(len(rest)) || p.whole>>len(rest) == 0) {
		return rest, true
	}
	return d, true
}

// formed reports whether the digits have the form of all numbers.
func (p *numberPlan) formed(d string) bool { return p.forms.match(d)&1 != 0 }

// valid reports whether the digits are a number of some kind.
func (p *numberPlan) valid(d string) bool {
	set := p.forms.match(d)
	if set&1 == 0 || !p.kinds[0].has(len(d)) {
		return false
	}
	for i := 1; i < len(p.kinds); i++ {
		if set>>i&1 != 0 && p.kinds[i].has(len(d)) {
			return true
		}
	}
	return false
}

// numberPlans are the plans of the world, built when they are first asked for.
type numberPlans struct {
	byRegion map[string]func() *numberPlan
	byCode   [1000][]func() *numberPlan // of the countries with the code, the main one first
	codes    [1000]bool                 // all codes: some are of no country
}

var allNumberPlans = sync.OnceValue(newNumberPlans)

func newNumberPlans() *numberPlans {
	ps := &numberPlans{byRegion: map[string]func() *numberPlan{}}
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		panic("classify: internal error: " + err.Error()) // it has been read before, at start
	}
	for _, m := range all.GetMetadata() {
		if m.GetId() == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY {
			continue
		}
		ps.byRegion[m.GetId()] = sync.OnceValue(func() *numberPlan {
			p, err := newNumberPlan(m)
			if err != nil {
				panic("classify: internal error: " + err.Error()) // every plan is built by a test
			}
			return p
		})
	}
	for code := range phonenumbers.GetSupportedCallingCodes() {
		ps.codes[code] = true
		for _, region := range phonenumbers.GetRegionCodesForCountryCode(code) {
			if p := ps.byRegion[region]; p != nil {
				ps.byCode[code] = append(ps.byCode[code], p)
			}
		}
	}
	return ps
}

// international is the E.164 form of digits that begin with the code of a country.
func (ps *numberPlans) international(d string) (string, verdict) {
	if !plannable(d) || d[0] == '0' {
		return "", unsettled
	}
	code := 0
	for i := range 3 {
		if code = code*10 + int(d[i]-'0'); ps.codes[code] {
			return ps.abroad(code, d[i+1:])
		}
	}
	return "", noNumber
}

// abroad is the E.164 form of a number of one of the countries with the code.
func (ps *numberPlans) abroad(code int, d string) (string, verdict) {
	plans := ps.byCode[code]
	if len(plans) == 0 {
		return "", unsettled
	}
	n, ok := plans[0]().withoutTrunk(d)
	if !ok {
		return "", unsettled
	}
	for _, plan := range plans {
		if p := plan(); len(plans) == 1 || p.owns(n) {
			return p.e164(n)
		}
	}
	return "", noNumber
}
