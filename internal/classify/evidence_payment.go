package classify

import (
	"bytes"
	"strings"
)

// payments finds the ids that money is sent to.
func (x *extractor) payments(s *scratchEvidence) {
	t := s.f.text
	if s.sc.mixed > 0 && s.sc.digits >= 8 {
		x.ibans(s)
	}
	if s.sc.mixed > 0 && s.sc.longest >= 26 {
		x.wallets(s)
	}
	if s.sc.signs > 0 {
		for i := 0; i+2 < len(t) && len(s.out) < maxEvidence; i++ {
			if t[i] == '$' && (i == 0 || !wordByte(t[i-1])) && t[i+1]-'a' < 26 {
				x.cashtag(s, i)
			}
		}
	}
	if s.sc.has&anyTool != 0 && s.sc.digits >= 11 {
		x.payeeNumbers(s)
	}
}

// cashtag records $name.
func (x *extractor) cashtag(s *scratchEvidence, i int) {
	t := s.f.text
	j := i + 1
	for j < len(t) && (alnum(t[j]) || t[j] == '_' || t[j] == '-') {
		j++
	}
	name := string(t[i+1 : j])
	if len(name) < 3 || len(name) > 20 || j < len(t) && (t[j] == '(' || t[j] == '=' || t[j] == '[') || name == "usd" {
		return
	}
	c := float32(.3)
	if x.payTool(s, "cashapp") {
		c = .9
	}
	e := s.add(paymentID, i, j, "$"+name, c)
	e.tool = "cashapp"
}

// payTool reports whether the message names the payment tool; any where name is empty.
func (x *extractor) payTool(s *scratchEvidence, name string) bool {
	s.steps += len(s.pieces)
	for _, p := range s.pieces {
		if t, _, ok := x.toolOf(p, func(k toolKind) bool { return k == toolPayment }); ok && (name == "" || t.name == name) {
			return true
		}
	}
	return false
}

// ibanLengths are the lengths by country; the checksum decides the rest.
var ibanLengths = map[string]int{
	"ad": 24, "ae": 23, "al": 28, "at": 20, "az": 28, "ba": 20, "be": 16, "bg": 22, "bh": 22, "br": 29, "by": 28, "ch": 21, "cr": 22, "cy": 28, "cz": 24, "de": 22, "dk": 18, "do": 28, "ee": 20, "eg": 29, "es": 24, "fi": 18, "fo": 18, "fr": 27, "gb": 22, "ge": 22, "gi": 23, "gl": 18, "gr": 27, "gt": 28, "hr": 21, "hu": 28, "ie": 22, "il": 23, "iq": 23, "is": 26, "it": 27, "jo": 30, "kw": 30, "kz": 20, "lb": 28, "li": 21, "lt": 20, "lu": 20, "lv": 21, "ly": 25, "mc": 27, "md": 24, "me": 22, "mk": 19, "mr": 27, "mt": 31, "mu": 30, "nl": 18, "no": 15, "pk": 24, "pl": 28, "ps": 29, "pt": 25, "qa": 29, "ro": 24, "rs": 22, "sa": 24, "se": 24, "si": 19, "sk": 24, "sm": 27, "tn": 24, "tr": 26, "ua": 29, "va": 22, "vg": 24, "xk": 20,
}

func (x *extractor) ibans(s *scratchEvidence) {
	t := s.f.text
	for i := 0; i+14 < len(t); i++ {
		if i > 0 && wordByte(t[i-1]) || t[i]-'a' >= 26 || t[i+1]-'a' >= 26 || t[i+2]-'0' >= 10 || t[i+3]-'0' >= 10 {
			continue
		}
		n := ibanLengths[string(t[i:i+2])]
		if n == 0 {
			continue
		}
		var buf [34]byte
		w := buf[:0]
		j := i
		for j < len(t) && len(w) < n && (alnum(t[j]) || (t[j] == ' ' || t[j] == '-' || t[j] == '.') && j+1 < len(t) && alnum(t[j+1])) {
			if alnum(t[j]) {
				w = append(w, t[j])
			}
			j++
		}
		s.steps += j - i
		if len(w) != n || j < len(t) && alnum(t[j]) {
			continue
		}
		c := float32(.97)
		if !ibanSum(w) {
			if digitCount(w) < n*2/3 {
				continue
			}
			c = .55
		}
		e := s.add(paymentID, i, j, strings.ToUpper(string(w)), c)
		e.tool = "bank"
		if bytes.Count(w, []byte("0")) >= n*2/3 {
			e.placeholder, e.confidence = true, .2
		}
		i = j
	}
}

// ibanSum reports whether the checksum of an IBAN is right.
func ibanSum(w []byte) bool {
	r := 0
	for i := range w {
		c := w[(i+4)%len(w)]
		if c-'0' < 10 {
			r = (r*10 + int(c-'0')) % 97
		} else {
			r = (r*100 + int(c-'a') + 10) % 97
		}
	}
	return r == 1
}

// wallets finds addresses of crypto wallets. Folding has lost the case, so the original is asked for it.
func (x *extractor) wallets(s *scratchEvidence) {
	for _, p := range s.pieces {
		w := s.f.text[p.a:p.b]
		if p.shape != shapeMixed || len(w) < 26 || len(w) > 95 {
			continue
		}
		sp := s.f.span(int(p.a), int(p.b))
		o := s.f.src[sp.Start:sp.End]
		var tool string
		switch {
		case strings.HasPrefix(o, "0x") && len(o) == 42 && strings.Trim(o[2:], "0123456789abcdefABCDEF") == "":
			tool = "ethereum"
		case strings.HasPrefix(o, "bc1") && (len(o) == 42 || len(o) == 62):
			tool = "bitcoin"
		case o[0] == 'T' && len(o) == 34 && base58(o):
			tool = "tron"
		case (o[0] == '1' || o[0] == '3') && len(o) >= 26 && len(o) <= 35 && base58(o):
			tool = "bitcoin"
		case (o[0] == '4' || o[0] == '8') && len(o) == 95 && base58(o):
			tool = "monero"
		default:
			continue
		}
		s.add(paymentID, int(p.a), int(p.b), o, .9).tool = tool
	}
}

func base58(o string) bool {
	upper, lower := false, false
	for i := range len(o) {
		c := o[i]
		switch {
		case c == '0' || c == 'O' || c == 'I' || c == 'l':
			return false
		case 'A' <= c && c <= 'Z':
			upper = true
		case 'a' <= c && c <= 'z':
			lower = true
		case c < '1' || c > '9':
			return false
		}
	}
	return upper && lower
}

// payeeNumbers finds the number of a payment card and the tax number of a Pix key, where the talk is of payment.
func (x *extractor) payeeNumbers(s *scratchEvidence) {
	if !x.payTool(s, "") {
		return
	}
	t := s.f.text
	for i := 0; i < len(t); i++ {
		if t[i]-'0' >= 10 || i > 0 && wordByte(t[i-1]) {
			continue
		}
		var buf [20]byte
		w := buf[:0]
		j := i
		for j < len(t) && len(w) < len(buf) && (t[j]-'0' < 10 || (t[j] == ' ' || t[j] == '-' || t[j] == '.') && j+1 < len(t) && t[j+1]-'0' < 10) {
			if t[j]-'0' < 10 {
				w = append(w, t[j])
			}
			j++
		}
		switch {
		case len(w) == 16 && luhn16(w, nil):
			e := s.add(paymentID, i, j, string(w), .8)
			e.tool = "card"
			if string(w) == "4242424242424242" || string(w) == "4111111111111111" || placeholderNumber(string(w)) {
				e.placeholder, e.confidence = true, .2
			}
		case len(w) == 11 && cpf(w) && x.payTool(s, "bank"):
			s.add(paymentID, i, j, string(w), .7).tool = "pix"
		case len(w) == 18 && x.payTool(s, "bank") && !placeholderNumber(string(w)):
			s.add(paymentID, i, j, string(w), .5).tool = "bank"
		}
		i = j
	}
}

// cpf reports whether the check digits of a Brazilian tax number are right.
func cpf(w []byte) bool {
	for n := 9; n < 11; n++ {
		sum := 0
		for i := range n {
			sum += int(w[i]-'0') * (n + 1 - i)
		}
		if sum*10%11%10 != int(w[n]-'0') {
			return false
		}
	}
	return true
}

// upiBank reports the handles of banks and apps in UPI ids.
func (x *extractor) upiBank(h string) (string, bool) {
	switch h {
	case "okaxis", "okhdfcbank", "okicici", "oksbi", "ybl", "paytm", "upi", "ibl", "axl", "apl", "axisbank", "hdfcbank", "icici", "sbi", "kotak", "yesbank", "airtel", "fbl", "pthdfc", "ptaxis", "ptsbi", "ptyes", "waicici", "waaxis", "wahdfcbank", "wasbi", "naviaxis", "jupiteraxis", "freecharge", "idfcbank", "indus", "rbl", "federal", "barodampay", "postbank", "yapl", "rapl", "jio", "slice", "superyes", "tapicici", "cnrb", "pnb", "boi", "unionbank", "aubank", "dbs", "hsbc", "citi", "ikwik", "mbk", "abfspay", "axisb", "bhim":
		return h, true
	}
	return "", false
}
