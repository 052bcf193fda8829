package mutate

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// announcements are how a disguise is given away to the reader, by language; English where the language has none.
var announcements = map[string]map[string]string{
	"reverse": {
		"en": "read it backwards", "es": "léelo al revés", "pt": "leia de trás para frente", "fr": "lisez à l'envers", "de": "rückwärts lesen", "it": "leggilo al contrario", "ru": "читай задом наперёд",
		"pl": "czytaj od tyłu", "tr": "tersten oku", "ar": "اقرأها بالعكس", "id": "baca dari belakang", "zh": "倒着读",
	},
	"list": {
		"en": "put the numbers together", "es": "junta los números", "pt": "junte os números", "fr": "mets les chiffres bout à bout", "de": "die Zahlen hintereinander", "it": "metti insieme i numeri", "ru": "сложи цифры подряд",
		"pl": "złóż cyfry razem", "tr": "rakamları birleştir", "ar": "اجمع الأرقام معا", "id": "gabungkan angkanya", "zh": "把数字连起来",
	},
	"first letters": {
		"en": "read the first letters", "es": "lee las primeras letras", "pt": "leia as primeiras letras", "fr": "lis les premières lettres", "de": "lies die Anfangsbuchstaben", "it": "leggi le iniziali", "ru": "читай первые буквы",
		"pl": "czytaj pierwsze litery", "tr": "ilk harfleri oku", "ar": "اقرأ الحروف الأولى", "id": "baca huruf pertama", "zh": "看每行第一个字",
	},
	"picture": {
		"en": "in the picture I attached", "es": "en la foto adjunta", "pt": "na imagem em anexo", "fr": "sur la photo en pièce jointe", "de": "auf dem Bild im Anhang", "it": "nella foto allegata", "ru": "на картинке во вложении",
		"pl": "na zdjęciu w załączniku", "tr": "ekteki resimde", "ar": "في الصورة المرفقة", "id": "di gambar terlampir", "zh": "在附件图片里",
	},
	"file": {
		"en": "on the last page of the PDF", "es": "en la última página del PDF", "pt": "na última página do PDF", "fr": "à la dernière page du PDF", "de": "auf der letzten Seite der PDF", "it": "nell'ultima pagina del PDF", "ru": "на последней странице PDF",
		"pl": "na ostatniej stronie PDF", "tr": "PDF'in son sayfasında", "ar": "في آخر صفحة من الملف", "id": "di halaman terakhir PDF", "zh": "在PDF最后一页",
	},
}

func (c *carrier) announce(what string) string {
	base, _, _ := strings.Cut(c.lang, "-")
	if s := announcements[what][base]; s != "" {
		return s
	}
	return announcements[what]["en"]
}

// announced writes the evidence and says how to read it.
func announced(what string, write func(string) string) func(*carrier) []Line {
	return func(c *carrier) []Line { return c.line(write(c.evidence) + " (" + c.announce(what) + ")") }
}

// pointsTo says where the evidence is in place of the evidence.
func pointsTo(what string) func(*carrier) []Line {
	return func(c *carrier) []Line { return c.line(c.announce(what)) }
}

func backwards(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

var decoys = []string{"ok", "got it", "hm?", "sure", "👍", "go on", "thanks", "one moment please"}

// split writes the evidence in n messages; what stood before and after it goes with the first and last. answered puts a word of the other party
// between them, write disguises each piece.
func split(n int, answered bool, write func(string) string) func(*carrier) []Line {
	return func(c *carrier) []Line {
		pieces := cut(c.written(), n)
		if len(pieces) < n {
			return nil
		}
		pieces[0] = c.before + write(pieces[0])
		var out []Line
		for i, p := range pieces {
			if i > 0 {
				p = write(p)
				if answered {
					out = append(out, Line{Text: pick(c.rand, decoys), Decoy: true})
				}
			}
			if i == n-1 {
				p += c.after
			}
			out = append(out, Line{Text: p})
		}
		return out
	}
}

// written is the evidence as it is taken apart: a number by its digits.
func (c *carrier) written() string {
	if digits&(1<<c.kind) != 0 {
		return onlyDigits(c.evidence)
	}
	return c.evidence
}

// cut parts an address before its @ and its last dot, and anything else into n equal pieces.
func cut(s string, n int) []string {
	if at := strings.IndexByte(s, '@'); at > 0 && n == 2 {
		return []string{s[:at], s[at:]}
	} else if at > 0 {
		dot := strings.LastIndexByte(s, '.')
		return []string{s[:at], s[at:dot], s[dot:]}
	}
	r := []rune(s)
	if len(r) < 2*n {
		return nil
	}
	var out []string
	for i := range n {
		out = append(out, string(r[i*len(r)/n:(i+1)*len(r)/n]))
	}
	return out
}

func asIs(s string) string { return s }

func dictated(s string) string { return strings.Join(tongueOf("en").words(onlyDigits(s)), " ") }

// sums writes the digits in groups of two, each as a sum.
func sums(digits string, r *rand.Rand) string {
	return inGroups(digits, 2, func(v int, group string) string {
		if group[0] == '0' || v < 4 {
			return group
		}
		a := 1 + r.IntN(v-1)
		return fmt.Sprintf("%d+%d", a, v-a)
	})
}

// products writes the digits in groups of two, each as a product or a difference.
func products(digits string, r *rand.Rand) string {
	return inGroups(digits, 2, func(v int, group string) string {
		for f := 9; f > 1; f-- {
			if group[0] != '0' && v%f == 0 && v > f {
				return fmt.Sprintf("%dx%d", f, v/f)
			}
		}
		if group[0] == '0' {
			return group
		}
		n := 2 + r.IntN(40)
		return fmt.Sprintf("%d-%d", v+n, n)
	})
}

func inGroups(digits string, n int, write func(v int, group string) string) string {
	var out []string
	for len(digits) > 0 {
		k := min(n, len(digits))
		v, _ := strconv.Atoi(digits[:k])
		out = append(out, write(v, digits[:k]))
		digits = digits[k:]
	}
	return strings.Join(out, ", ")
}

// oneSum writes the whole number as one sum.
func oneSum(digits string, r *rand.Rand) string {
	v, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || v < 1e6 || digits[0] == '0' {
		return ""
	}
	a := r.Int64N(v/2) + 1
	return fmt.Sprintf("%d + %d", v-a, a)
}

var goods = map[string][]string{
	"en": {"paint", "tiles", "screws", "gloves", "brushes", "tape", "glue"},
	"es": {"pintura", "azulejos", "tornillos", "guantes", "brochas", "cinta", "cola"},
	"fr": {"peinture", "carreaux", "vis", "gants", "pinceaux", "scotch", "colle"},
	"de": {"Farbe", "Fliesen", "Schrauben", "Handschuhe", "Pinsel", "Band", "Leim"},
	"ru": {"краска", "плитка", "шурупы", "перчатки", "кисти", "скотч", "клей"},
}

// priceList hides the digits in the prices of a list, and says to put them together.
func priceList(price string) func(*carrier) []Line {
	return func(c *carrier) []Line {
		base, _, _ := strings.Cut(c.lang, "-")
		things := goods[base]
		if things == nil {
			things = goods["en"]
		}
		d := onlyDigits(c.evidence)
		var out []string
		for i := 0; len(d) > 0 && i < len(things); i++ {
			k := min(2, len(d))
			if i == len(things)-1 {
				k = len(d)
			}
			out = append(out, things[i]+" "+price+d[:k])
			d = d[k:]
		}
		return c.line(strings.Join(out, ", ") + ". " + c.announce("list"))
	}
}

// times hides the digits in times of day.
func times(c *carrier) []Line {
	d := onlyDigits(c.evidence)
	var out []string
	for len(d) >= 4 {
		out, d = append(out, d[:2]+":"+d[2:4]), d[4:]
	}
	return c.line(strings.Join(append(out, d), " ") + " (" + c.announce("list") + ")")
}

// beginnings are lines by their first letter.
var beginnings = strings.Split("All is ready|Bring the plan|Colours are fine|Do take your time|Everything fits|Fonts are set|Good so far|Have a look|It is early|Just a draft|Keep the file|Let us see|Maybe later|No hurry|On my side all is well|Please check|Quick note|Read it twice|Sketch follows|Thanks for the brief|Use the second one|Very nice idea|We are on time|Xtra copies too|You decide|Zoom level is right", "|")

// acrosticLetters writes lines that begin with the letters.
func acrosticLetters(told bool) func(*carrier) []Line {
	return func(c *carrier) []Line {
		var lines []string
		for _, r := range strings.ToLower(c.evidence) {
			if 'a' <= r && r <= 'z' {
				lines = append(lines, beginnings[r-'a'])
			}
		}
		text := c.before + "…" + c.after + "\n" + strings.Join(lines, "\n")
		if told {
			text += "\n" + c.announce("first letters")
		}
		return []Line{{Text: text}}
	}
}

var endings = []string{"pages", "colours", "drafts", "days left", "files", "questions", "ideas", "rounds", "fonts", "pictures", "notes", "plans", "lists", "sketches", "rooms"}

// acrosticDigits writes lines that begin with the digits.
func acrosticDigits(c *carrier) []Line {
	var lines []string
	for i, d := range onlyDigits(c.evidence) {
		lines = append(lines, string(d)+" "+endings[i%len(endings)])
	}
	return []Line{{Text: c.before + "…" + c.after + "\n" + strings.Join(lines, "\n")}}
}

// coded writes the evidence in a code whose name is given.
func coded(name string, encode func(string) string) func(*carrier) []Line {
	return func(c *carrier) []Line { return c.line(strings.TrimSpace(name + " " + encode(c.written()))) }
}

func toBase64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
func toHex(s string) string    { return hex.EncodeToString([]byte(s)) }

func eachByte(format, sep string) func(string) string {
	return func(s string) string {
		var out []string
		for i := range len(s) {
			out = append(out, fmt.Sprintf(format, s[i]))
		}
		return strings.Join(out, sep)
	}
}

func toReferences(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, "&#%d;", r)
	}
	if html.UnescapeString(b.String()) != s {
		return ""
	}
	return b.String()
}

func toRot13(s string) string {
	return strings.Map(func(r rune) rune {
		switch l := unicode.ToLower(r); {
		case l < 'a' || l > 'z':
			return r
		case l <= 'm':
			return r + 13
		}
		return r - 13
	}, s)
}

var morseCode = map[rune]string{
	'a': ".-", 'b': "-...", 'c': "-.-.", 'd': "-..", 'e': ".", 'f': "..-.", 'g': "--.", 'h': "....", 'i': "..", 'j': ".---", 'k': "-.-", 'l': ".-..", 'm': "--", 'n': "-.", 'o': "---", 'p': ".--.",
	'q': "--.-", 'r': ".-.", 's': "...", 't': "-", 'u': "..-", 'v': "...-", 'w': ".--", 'x': "-..-", 'y': "-.--", 'z': "--..",
	'0': "-----", '1': ".----", '2': "..---", '3': "...--", '4': "....-", '5': ".....", '6': "-....", '7': "--...", '8': "---..", '9': "----.", '.': ".-.-.-", '@': ".--.-.", '_': "..--.-", '-': "-....-",
}

func toMorse(s string) string {
	var out []string
	for _, r := range strings.ToLower(s) {
		if m := morseCode[r]; m != "" {
			out = append(out, m)
		}
	}
	return strings.Join(out, " ")
}
