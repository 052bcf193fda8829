package sink

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"onside/internal/classify"
)

func TestMask(t *testing.T) {
	for _, tc := range []struct {
		category classify.Category
		in, want string
	}{
		{classify.ContactPhone, "+923001234567", "+92300••••567"},
		{classify.ContactPhone, "+14155550123", "+1415••••123"},
		{classify.ContactPhone, "+4915112345678", "+49151•••••678"},
		{classify.ContactPhone, "+441632960001234", "+44163•••••••234"},
		{classify.ContactPhone, "2125550188", "212••••188"},
		{classify.ContactPhone, "5550188", "5••••88"},
		{classify.ContactPhone, "88123", "••••3"},
		{classify.ContactPhone, "12", "••"},
		{classify.ContactPhone, "+92 300 1234567", "+92 300 ••••567"},
		{classify.ContactPhone, "٠٣٠٠١٢٣٤٥٦٧", "٠٣٠٠••••٥٦٧"},
		{classify.ContactPhone, "call-5550188", "••••-5••••88"},
		{classify.ContactPhone, "", ""},

		{classify.ContactEmail, "john.doe@gmail.com", "jo•••@gmail.com"},
		{classify.ContactEmail, "john@acme.co.uk", "j•••@ac•••.uk"},
		{classify.ContactEmail, "jd@acme.com", "•••@a•••.com"},
		{classify.ContactEmail, "иван@почта.рф", "и•••@п•••.рф"},
		{classify.ContactEmail, "a@b@gmail.com", "a•••@gmail.com"},
		{classify.ContactEmail, "@gmail", "@g•••"},
		{classify.ContactEmail, "nonsense", "no•••"},

		{classify.ContactHandle, "mossygnarl", "mo•••"},
		{classify.ContactHandle, "@mossygnarl", "@mo•••"},
		{classify.ContactHandle, "bob", "b•••"},
		{classify.ContactHandle, "@x1", "@•••"},
		{classify.ContactHandle, "telegram:@mossygnarl", "telegram:@mo•••"},
		{classify.ContactHandle, "дмитрий", "дм•••"},
		{classify.ContactHandle, "live:.cid.1a2b3c", "live:.ci•••"},
		{classify.ContactHandle, "___", "•••"},
		{classify.ContactHint, "old mill bakery", "ol•••"},

		{classify.ContactLink, "wa.me/923001234567", "wa.me/•••"},
		{classify.ContactLink, "https://www.linkedin.com/in/john-doe?x=1", "linkedin.com/•••"},
		{classify.ContactLink, "t.me/+AbCdEf", "t.me/•••"},
		{classify.ContactLink, "https://discord.gg/abc", "discord.gg/•••"},
		{classify.ContactLink, "johndoe.com", "jo•••.com"},
		{classify.ContactLink, "https://user:secret@johndoe.com:8443/contact", "jo•••.com/•••"},
		{classify.ContactLink, "johndoe.wixsite.com/home", "jo•••.com/•••"},
		{classify.ContactLink, "localhost/x", "lo•••/•••"},

		{classify.ChannelMessaging, "whatsapp", "whatsapp"},
		{classify.ChannelMeeting, "google meet", "google meet"},
		{classify.ChannelMeeting, "calendly.com/john", "calendly.com/•••"},
		{classify.ChannelMeeting, "zoom.us/j/123456789?pwd=s", "zoom.us/•••"},
		{classify.PaymentDirect, "paypal", "paypal"},
		{classify.PaymentDirect, "bank transfer", "bank transfer"},
		{classify.PaymentDirect, "paypal.me/johndoe", "paypal.me/•••"},
		{classify.PaymentDirect, "johndoe@okbank", "jo•••@ok•••"},
		{classify.PaymentDirect, "DE89370400440532013000", "DE•••"},
		{classify.PaymentDirect, "$johndoe", "$jo•••"},
		{classify.PaymentDirect, "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "bc•••"},
		{classify.PaymentDirect, "john.eth", "j•••.eth"},
		{classify.ContactRequest, "phone", "phone"},
		{classify.ContactRequest, "+923001234567", "+92•••"},
		{classify.CallProposal, "", ""},
	} {
		if got := mask(tc.category, tc.in); got != tc.want {
			t.Errorf("%s %q: %q, want %q", tc.category, tc.in, got, tc.want)
		}
	}
}

// However a contact is written, most of it is hidden, and the mask is text.
func TestMaskHidesContacts(t *testing.T) {
	contact := rapid.SampledFrom([]classify.Category{classify.ContactPhone, classify.ContactHandle, classify.ContactHint, classify.ContactEmail, classify.ContactLink})
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[a-z0-9]{7,20}`).Draw(t, "secret")
		in := rapid.StringMatching(`(https://|@|\+)?`).Draw(t, "before") + secret + rapid.StringMatching(`(@[a-z]{3,9}\.com|\.net/x|)`).Draw(t, "after")
		got := mask(contact.Draw(t, "category"), in)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is no text", got)
		}
		if shown := secret[:len(secret)-3]; strings.Contains(got, shown) {
			t.Fatalf("%q became %q", in, got)
		}
	})
}

func TestMaskIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := classify.Category(rapid.IntRange(0, classify.NumCategories).Draw(t, "category"))
		mask(c, string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
	})
}

func TestEvidenceNames(t *testing.T) {
	for _, e := range []Evidence{Masked, Full, None} {
		if got, ok := ParseEvidence(e.String()); !ok || got != e {
			t.Errorf("%s is read as %s", e, got)
		}
	}
	if _, ok := ParseEvidence("some"); ok {
		t.Error("an unknown level was accepted")
	}
}
