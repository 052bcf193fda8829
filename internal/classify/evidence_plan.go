package classify

import (
	"regexp"
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
	trunk  string         // the digits before a number at home, which are none of it
	trunks *regexp.Regexp // instead of them, where they may be several
	begins *automaton     // whether trunks may match
	turns  bool           // what stands behind trunks may be changed
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
	if literal, whole := regexp.MustCompile(pattern).LiteralPrefix(); whole {
		p.trunk = literal
		return nil
	}
	if p.trunks, err = regexp.Compile("^(?:" + pattern + ")"); err != nil {
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
	n, v := p.number(d)
	return p.e164(n, v)
}

func (p *numberPlan) e164(n string, v verdict) (string, verdict) {
	if v != aNumber {
		return "", v
	}
	return "+" + p.code + n, v
}

// number judges digits without those that one dials for another country, and takes the trunk off.
func (p *numberPlan) number(d string) (string, verdict) {
	d, ok := p.withoutTrunk(d)
	switch {
	case !ok:
		return d, unsettled
	case !p.valid(d):
		return d, noNumber
	}
	return d, aNumber
}

// withoutTrunk takes the trunk digits off, where what is left can be a number; false where the library has to.
func (p *numberPlan) withoutTrunk(d string) (string, bool) {
	var n int
	switch {
	case p.trunks != nil && p.begins.begins(d):
		if p.turns {
			return d, false
		}
		if at := p.trunks.FindStringIndex(d); at != nil {
			n = at[1]
		}
	case p.trunk != "" && strings.HasPrefix(d, p.trunk):
		n = len(p.trunk)
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

// numberPlans are the plans by country, built when they are first asked for.
type numberPlans struct {
	byRegion map[string]func() *numberPlan
	byCode   [1000]func() *numberPlan // of the main country with the code
	shared   [1000]bool               // whether other countries have it too
}

var allNumberPlans = sync.OnceValue(newNumberPlans)

func newNumberPlans() *numberPlans {
	ps := &numberPlans{byRegion: map[string]func() *numberPlan{}}
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		panic("classify: internal error: " + err.Error()) // it has been read before, at start
	}
	for _, m := range all.GetMetadata() {
		if m.GetId() == "001" { // of no country
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
		regions := phonenumbers.GetRegionCodesForCountryCode(code)
		ps.byCode[code], ps.shared[code] = ps.byRegion[regions[0]], len(regions) > 1
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
		code = code*10 + int(d[i]-'0')
		if ps.byCode[code] != nil {
			return ps.abroad(code, d[i+1:])
		}
	}
	return "", unsettled
}

// abroad is the E.164 form of a number of one of the countries with the code.
func (ps *numberPlans) abroad(code int, d string) (string, verdict) {
	p := ps.byCode[code]()
	n, v := p.number(d)
	if own := v == aNumber && p.own == nil || p.own != nil && p.own.begins(n); !own && ps.shared[code] {
		return "", unsettled // perhaps of another country
	}
	return p.e164(n, v)
}
