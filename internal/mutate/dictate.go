package mutate

import (
	_ "embed"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed digits.tsv
var digitsFile string

//go:embed tens.tsv
var tensFile string

// tongue is a language as far as numbers are dictated in it.
type tongue struct {
	name  string
	close bool // nothing parts the words
	digit [10]string
	ten   [100]string // from 10 on; empty where nobody dictates in tens
}

// tongues are read by the first who asks: the worker in production does not.
var tongues = sync.OnceValue(readTongues)

func readTongues() []tongue {
	var out []tongue
	for _, col := range rows(digitsFile) {
		t := tongue{name: col[0], close: col[1] == "nothing"}
		copy(t.digit[:], col[2:])
		out = append(out, t)
	}
	for _, col := range rows(tensFile) {
		i := slices.IndexFunc(out, func(t tongue) bool { return t.name == col[0] })
		out[i].countTo99(col[1], col[2:])
	}
	return out
}

// rows are the rows of a data file by column; a line that begins with # is a remark.
func rows(file string) [][]string {
	var out [][]string
	for line := range strings.Lines(file) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '#' {
			out = append(out, strings.Split(line, "\t"))
		}
	}
	return out
}

// countTo99 fills t.ten from the teens, the tens, how tens and units are joined, and the exceptions.
func (t *tongue) countTo99(join string, words []string) {
	copy(t.ten[10:20], words)
	for v := 20; v < 100; v++ {
		t.ten[v] = words[10+v/10-2]
		if v%10 != 0 {
			t.ten[v] = strings.NewReplacer("T", t.ten[v], "U", t.digit[v%10]).Replace(join)
		}
	}
	for _, x := range words[18:] {
		value, word, _ := strings.Cut(x, "=")
		v, err := strconv.Atoi(value)
		if err != nil {
			panic("mutate: tens.tsv: " + err.Error())
		}
		t.ten[v] = word
	}
}

func tongueOf(name string) *tongue {
	all := tongues()
	for i := range all {
		if all[i].name == name {
			return &all[i]
		}
	}
	return nil
}

// Languages are those in which numbers are dictated, by their BCP 47 tags.
func Languages() []string {
	var out []string
	for _, t := range tongues() {
		out = append(out, t.name)
	}
	return out
}

// join puts the words of a number side by side as people do who dictate: with spaces, in groups with commas, with dashes.
func (t *tongue) join(words []string, r *rand.Rand) string {
	tight, loose := " ", ", "
	if t.close {
		tight, loose = "", " "
	}
	switch r.IntN(4) {
	case 0:
		loose = tight
	case 1:
		if !t.close {
			tight, loose = ", ", ", "
		}
	}
	var b strings.Builder
	group := 3 + r.IntN(2)
	for i, w := range words {
		switch {
		case i == 0:
		case i%group == 0:
			b.WriteString(loose)
		default:
			b.WriteString(tight)
		}
		b.WriteString(w)
	}
	return b.String()
}

// inWords dictates digit by digit.
func (t *tongue) inWords(digits string, r *rand.Rand) string {
	return t.join(t.words(digits), r)
}

func (t *tongue) words(digits string) []string {
	var w []string
	for i := range len(digits) {
		w = append(w, t.digit[digits[i]-'0'])
	}
	return w
}

// inTens dictates two digits at a time, and one by one where that could be misheard: "forty, five" is no forty-five.
func (t *tongue) inTens(digits string, r *rand.Rand) string {
	var w []string
	for len(digits) > 1 {
		if digits[0] == '0' || digits[1] == '0' {
			w, digits = append(w, t.digit[digits[0]-'0']), digits[1:]
			continue
		}
		v, _ := strconv.Atoi(digits[:2])
		w, digits = append(w, t.ten[v]), digits[2:]
	}
	return t.join(append(w, t.words(digits)...), r)
}

// inBoth writes some digits as words and leaves the others.
func (t *tongue) inBoth(digits string, r *rand.Rand) string {
	w := t.words(digits)
	for i := range w {
		if r.IntN(2) == 0 {
			w[i] = digits[i : i+1]
		}
	}
	return t.join(w, r)
}

// doubled dictates as the British do: "double seven", "oh" for zero.
func doubled(digits string, r *rand.Rand) string {
	en := tongueOf("en")
	var w []string
	for i := 0; i < len(digits); i++ {
		word := en.digit[digits[i]-'0']
		if digits[i] == '0' {
			word = "oh"
		}
		if i+1 < len(digits) && digits[i+1] == digits[i] {
			word = "double " + word
			i++
		}
		w = append(w, word)
	}
	return en.join(w, r)
}

// several dictates every digit in another language.
func several(digits string, r *rand.Rand) string {
	var w []string
	for i := range len(digits) {
		w = append(w, pick(r, tongues()).digit[digits[i]-'0'])
	}
	return strings.Join(w, pick(r, []string{" ", ", "}))
}

// abroad dictates in a language that is not the message's.
func abroad(c *carrier) []Line {
	t := pick(c.rand, tongues())
	if t.name == c.lang {
		return nil
	}
	return c.line(t.inWords(onlyDigits(c.evidence), c.rand))
}

// misheard dictates in English with a slip of the pen in every second word or so.
func misheard(digits string, r *rand.Rand) string {
	w := tongueOf("en").words(digits)
	for i := range w {
		if r.IntN(2) == 0 {
			w[i] = slip(w[i], r)
		}
	}
	return strings.Join(w, " ")
}

// slip is a word with one slip of the pen: a letter doubled, dropped, swapped with the next or replaced by its neighbour on the keyboard.
func slip(word string, r *rand.Rand) string {
	if len(word) < 3 {
		return word + word[len(word)-1:]
	}
	i := 1 + r.IntN(len(word)-2)
	switch r.IntN(4) {
	case 0:
		return word[:i] + word[i:i+1] + word[i:]
	case 1:
		return word[:i] + word[i+1:]
	case 2:
		return word[:i] + word[i+1:i+2] + word[i:i+1] + word[i+2:]
	}
	return word[:i] + neighbour(word[i:i+1]) + word[i+1:]
}

// neighbour is the key to the right on an English keyboard.
func neighbour(letter string) string {
	const keys = "qwertyuiopasdfghjklzxcvbnm"
	i := strings.Index(keys, letter)
	if i < 0 || i == len(keys)-1 {
		return letter + letter
	}
	return keys[i+1 : i+2]
}

// Spelling alphabets.
var (
	natoLetters = strings.Fields("alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu")
	natoDigits  = strings.Fields("zero one two tree fower fife six seven eight niner")
	letterNames = strings.Fields("ay bee see dee ee eff gee aitch eye jay kay ell em en oh pee cue are ess tee you vee double-u ex why zed")
	sounds      = strings.Fields("zero won to tree for fife sicks sevn ate nyne")
	signNames   = map[rune]string{'.': "dot", '@': "at", '_': "underscore", '-': "dash", '+': "plus"}
)

// spelled spells letters by the alphabet and digits by their words; nothing where a sign has no name.
func spelled(evidence string, letters, digits []string) string {
	var w []string
	for _, r := range strings.ToLower(evidence) {
		switch {
		case 'a' <= r && r <= 'z':
			w = append(w, letters[r-'a'])
		case '0' <= r && r <= '9':
			w = append(w, digits[r-'0'])
		case signNames[r] != "":
			w = append(w, signNames[r])
		case r != ' ':
			return ""
		}
	}
	return strings.Join(w, " ")
}
