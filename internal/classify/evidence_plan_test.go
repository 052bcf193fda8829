package classify

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// TestNumberPlans compares what the plans say with the library: on examples of every kind of number of every country, whole and with a digit changed,
// dropped or added, with and without what is dialled before them, and on digits drawn at random.
func TestNumberPlans(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	settled, asked := 0, 0
	for region := range allNumberPlans().byRegion {
		for _, d := range dialled(region, 15, r) {
			if checkPlans(t, d, region) {
				settled++
			}
			asked++
		}
	}
	if settled*4 < asked {
		t.Errorf("%d of %d numbers were settled without the library", settled, asked)
	}
}

func FuzzNumberPlans(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, region := range defaultRegions {
		for _, d := range dialled(region, 2, r) {
			f.Add(d, region)
		}
	}
	f.Fuzz(func(t *testing.T, d, region string) {
		if allNumberPlans().byRegion[region] != nil {
			checkPlans(t, d, region)
		}
	})
}

// checkPlans reports whether the plan of the region settled what the digits are.
func checkPlans(t *testing.T, d, region string) bool {
	t.Helper()
	e, v := allNumberPlans().byRegion[region]().national(d)
	if want, w := askNational(d, region); v != unsettled && (e != want || v != w) {
		t.Errorf("%s in %s: %q, verdict %d; the library: %q, %d", d, region, e, v, want, w)
	}
	for _, d := range [...]string{d, strconv.Itoa(phonenumbers.GetCountryCodeForRegion(region)) + d} {
		e, v := allNumberPlans().international(d)
		if want, w := askInternational(d); v != unsettled && (e != want || v != w) {
			t.Errorf("+%s: %q, verdict %d; the library: %q, %d", d, e, v, want, w)
		}
	}
	return v != unsettled
}

// dialled draws digits that may be numbers of the region, n times of each kind.
func dialled(region string, n int, r *rand.Rand) (list []string) {
	code := strconv.Itoa(phonenumbers.GetCountryCodeForRegion(region))
	for kind := phonenumbers.FIXED_LINE; kind <= phonenumbers.VOICEMAIL; kind++ {
		example := phonenumbers.GetExampleNumberForType(region, kind)
		if example == nil {
			continue
		}
		for range n {
			d := []byte(phonenumbers.GetNationalSignificantNumber(example))
			for i := range d[len(d)/2:] {
				d[len(d)/2+i] = byte('0' + r.IntN(10))
			}
			switch i := r.IntN(len(d)); r.IntN(5) {
			case 0:
				d[i] = byte('0' + r.IntN(10))
			case 1:
				d = append(d[:i], d[i+1:]...)
			case 2:
				d = append(d, byte('0'+r.IntN(10)))
			}
			before := [...]string{"", "", "0", "1", "8", "06", "00", "011", code, "0" + code, "00" + code, "180020", "90", "015"}
			list = append(list, before[r.IntN(len(before))]+string(d))
		}
	}
	for range n {
		d := make([]byte, 3+r.IntN(16))
		for i := range d {
			d[i] = byte('0' + r.IntN(10))
		}
		list = append(list, string(d))
	}
	return list
}
