package classify

import (
	"slices"
	"strings"
	"testing"
)

func TestNumberWords(t *testing.T) {
	checkReads(t, []reads{
		{"its oh seven five one two, six double four, three one nine", phoneNumber, "+447512644319", "number_words:en"},
		{"eight one six four nine two oh six seven seven okay bye", phoneNumber, "+18164920677", "number_words:en"},
		{"O seven five, dubble tu, wun for nyne, aight six fife", phoneNumber, "+447522149865", "number_words:en"},
		{"call zero two two one, nine 4 seven, 1 1, eight 6", phoneNumber, "+8802219471186", "number_words:en"},
		{"ring 01970 six two double-three one eight", phoneNumber, "+441970623318", "number_words:en"},
		{"o7 double 3 nien, fuor one fuor, 6 6 too ait", phoneNumber, "073394146628", "number_words:en"},
		{"apunta: seis cero nueve, treinta y uno, cuarenta y siete, ochenta y dos", phoneNumber, "+34609314782", "number_words:es"},
		{"me chama onze, nove oito, meia meia, um sete, tres zero dois", phoneNumber, "+5511986617302", "number_words:pt"},
		{"zéro six, soixante-dix-huit, douze, quatre-vingt-quatorze, zéro trois", phoneNumber, "+33678129403", "number_words:fr"},
		{"null eins sieben sechs, vierundachtzig, neunzehn, drei drei fünf", phoneNumber, "+491768419335", "number_words:de"},
		{"dann null sechs, acht und siebzig, zwölf, vierundneunzig, null drei", phoneNumber, "+49678129403", "number_words:de"},
		{"tre quattro sette, due uno otto, cinque cinque nove tre", phoneNumber, "+393472185593", "number_words:it"},
		{"nul zes, een twee, drieëntwintig, vier acht, zes vijf", phoneNumber, "+31612234865", "number_words:nl"},
		{"pięć zero jeden, osiem osiem dwa, trzy zero siedem", phoneNumber, "+48501882307", "number_words:pl"},
		{"zero șapte doi doi, trei patru unu, nouă opt șase", phoneNumber, "+40722341986", "number_words:ro"},
		{"восемь девятьсот шестнадцать четыреста семь двадцать два тридцать пять", phoneNumber, "+79164072235", "number_words:ru"},
		{"vosem devyat odin sem, dva chetyre nol, shest tri, odin pyat", phoneNumber, "+79172406315", "number_words:ru-Latn"},
		{"нуль шість сім, дев'ять один вісім, сорок, двадцять два", phoneNumber, "+380679184022", "number_words:uk"},
		{"sıfır beş yüz otuz altı, iki yüz kırk bir, on sekiz, doksan yedi", phoneNumber, "+905362411897", "number_words:tr"},
		{"راسلني صفر خمسة خمسة، سبعة واحد اثنين، تسعة تسعة ثلاثة صفر", phoneNumber, "+20557129930", "number_words:ar"},
		{"صفر نهصد و دوازده سیصد و چهل و هشت شصت و هفت هشتاد و نه", phoneNumber, "+989123486789", "number_words:fa"},
		{"אפס חמש ארבע שתיים שלוש שמונה אחת תשע שש שבע", phoneNumber, "+972542381967", "number_words:he"},
		{"नौ आठ दो दो शून्य चार एक सात छह छह", phoneNumber, "+919822041766", "number_words:hi"},
		{"nau do chhe saat, paanch paanch, aath teen, shunya ek", phoneNumber, "+919267558301", "number_words:hi-Latn"},
		{"শূন্য এক সাত এক এক দুই তিন আট নয় পাঁচ চার", phoneNumber, "+8801711238954", "number_words:bn"},
		{"nol lapan satu tiga, dua tuju tuju, lima enem nol sembilan", phoneNumber, "+6281327756" + "09", "number_words:id"},
		{"zero nueve siyete singko, dos otso tres, kwatro kwatro nuwebe isa", phoneNumber, "+639752834491", "number_words:tl"},
		{"không chín bảy, sáu hai một, tám tám, bốn năm", phoneNumber, "+84976218845", "number_words:vi"},
		{"ศูนย์แปดหนึ่งสองสามสี่ห้าหกเก้าเจ็ด", phoneNumber, "+66812345697", "number_words:th"},
		{"加薇，一三七，零四八二，六六一九", phoneNumber, "+8613704826619", "number_words:zh"},
		{"ゼロ・キュウ・ゼロ、よん・に・はち・ろく、いち・なな・ご・さん", phoneNumber, "+819042861753", "number_words:ja"},
		{"공일공, 삼사칠칠, 이팔공육 저장해 두세요", phoneNumber, "+821034772806", "number_words:ko"},
		{"sedm sedm šest, čtyři dva osm, tři jedna devět", phoneNumber, "+420776428319", "number_words:cs"},
		{"noll sju noll, fyra fem två, åtta nio, tre sex", phoneNumber, "+46704528936", "number_words:sv"},
		{"έξι εννιά επτά, δύο τέσσερα οκτώ, ένα τρία πέντε έξι", phoneNumber, "+306972481356", "number_words:el"},
		{"nulla hat húsz, harmincnégy öt, hatvan hét kettő egy", phoneNumber, "+36203456721", "number_words:hu"},
		{"nula šest tri, jedan osam devet, četiri dva sedam", phoneNumber, "+38163189427", "number_words:sr"},
		{"simu ni sifuri saba mbili mbili, tano tisa nane, moja nne sita", phoneNumber, "+254722598146", "number_words:sw"},
		{"nueve, null, vier, quattro, uno, one, siete, sept, zwei, zero", phoneNumber, "+19044117720", "number_words:es"},
		{"vier mal die acht, dann null eins sieben sechs", phoneNumber, "+6588880176", "math"},
		{"four4seven, then 7three nine, two0eight", phoneNumber, "447739208", "glued"},

		// two digits at a time
		{"null neunundsiebzig fünfunddreißig achtzehn, vierzig sechsundzwanzig", phoneNumber, "+497935184026", "number_words:de"},
		{"achtundvierzig, neunundneunzig, siebzehn, dreiundvierzig, achtunddreißig", phoneNumber, "+494899174338", "number_words:de"},
		{"nul negenenzeventig vijfendertig, achttien veertig zesentwintig", phoneNumber, "+447935184026", "number_words:nl"},
		{"noll sjuttioåtta trettiofyra tjugoett sextiofem nittio", phoneNumber, "+447834216590", "number_words:sv"},
		{"zéro un, soixante-dix-neuf, vingt-deux, quarante et un, huit, onze", phoneNumber, "+441792241811", "number_words:fr"},
		{"năm mươi ba mươi hai tám mươi tám, chín mươi một bảy mươi bốn", phoneNumber, "+15032889174", "number_words:vi"},
		{"sıfır beş yüz otuz altı, yirmi altı on dokuz, kırk bir", phoneNumber, "+33536261941", "number_words:tr"},

		// ordinary words each, a number together
		{"yi san san er si yi ba qi ling jiu liu", phoneNumber, "+8613324187096", "number_words:zh-Latn"},
		{"null, fire, to, tre, en, ni, åtte, fem", phoneNumber, "04231985", "number_words:no"},
		{"공6오팔1사7칠구공", phoneNumber, "+33658147790", "number_words:ko"},
		{"won tree tree to for won ate sevn zero nyne sicks", phoneNumber, "+13324187096", "number_words:en"},
		{"zrro sevn eigjt three fouur two oone siix five nime zero", phoneNumber, "+447834216590", "number_words:en"},

		{"зургаа дөрөв дөрөв, ес тэг хоёр, гурав нэг долоо", phoneNumber, "+34644902317", "number_words:mn"},
		{"шэсць чатыры чатыры, дзевяць нуль два, тры адзін сем", phoneNumber, "+34644902317", "number_words:be"},
		{"දෙක හතර පහ හය හත අට නවය එක", phoneNumber, "+4524567891", "number_words:si"},
		{"ຫົກສີ່ສີ່ເກົ້າສູນສອງສາມໜຶ່ງເຈັດ", phoneNumber, "+34644902317", "number_words:lo"},
		{"šest štiri štiri, devet nič dve, tri ena sedem", phoneNumber, "+34644902317", "number_words:sl"},
		{"шест четири четири, девет нула два, три еден седум", phoneNumber, "+34644902317", "number_words:mk"},
		{"sex fjórir fjórir níu núll tveir þrír einn sjö", phoneNumber, "+34644902317", "number_words:is"},
		{"mẹfa mẹrin mẹrin mẹsan odo meji mẹta ọkan meje", phoneNumber, "+34644902317", "number_words:yo"},
		{"lix afar afar sagaal eber laba saddex kow toddoba", phoneNumber, "+34644902317", "number_words:so"},
		{"setta arba3a arba3a tes3a sifr etnen talata wahed sab3a", phoneNumber, "+212644902317", "number_words:ar-Latn"},
	})
}

func TestNumberWordsInnocent(t *testing.T) {
	checkSilent(t,
		"one two three four five, once I caught a fish alive",
		"from one to ten, two of them for four people",
		"nineteen forty-eight to nineteen fifty-two",
		"three point one four one five nine",
		"seven billion, three hundred and six million, four hundred and fifteen thousand",
		"EUR 1,947 (one thousand nine hundred and forty-seven)",
		"Ten people, please, on April 19, 2018.",
		"to be or not to be, for the one who ate too much won",
		"no hay dos sin tres",
		"acht Seiten, zwei Bilder und drei Tabellen",
		"J'ai un chat neuf et deux chiens, six ans",
		"em um dia, dois pedidos por mês",
		"on iki kişi, iki saat",
		"bốn năm trước, hai ba lần một năm",
		"一个人一天两次，就三个字",
		"이번 주 일요일 오후 두 시",
		"ek do din me kaam ho jayega",
		"is at lima or isa, una na",
		"moja mbili tatu nne tano sita saba nane tisa kumi",
		"uno dos tres, eins zwei drei, one two three",
		"achtundvierzig Seiten und neunundneunzig Bilder",
		"to be for two or to be for four, won",
		"si si si si no no, ba ba ba ba",
		"en fem to tre ganger",
		"이 일 사이 3일 이내",
	)
}

// TestNumberEnds: a weak number word beside a whole number is a word.
func TestNumberEnds(t *testing.T) {
	checkReads(t, []reads{
		{"call 030 254 1187 to cancel", phoneNumber, "+33302541187", ""},
		{"text +234 803 771 4592 for the corpus", phoneNumber, "+2348037714592", ""},
		{"mi scriva al 339 071 8846 che le mando foto", phoneNumber, "+523390718846", ""},
		{"080-4417-2096 に電話ください", phoneNumber, "+818044172096", ""},
	})
}

// TestNumberLanguages dictates a number in every language whose ten digits the lexicon knows beyond doubt.
func TestNumberLanguages(t *testing.T) {
	x := testExtractor()
	digits := map[uint8]*[10]string{}
	var walk func(node int32, word []byte)
	walk = func(node int32, word []byte) {
		nd := x.nodes[node]
		for _, m := range x.terms[nd.list] {
			if m.kind != termDigit || m.weak {
				continue
			}
			if digits[m.lang] == nil {
				digits[m.lang] = new([10]string)
			}
			if digits[m.lang][m.val] == "" {
				digits[m.lang][m.val] = string(word)
			}
		}
		for i := 0; !nd.leaf && i <= int(nd.n); i++ {
			if to := x.next[nd.first+int32(i)]; to >= 0 {
				walk(to, append(word[:len(word):len(word)], nd.lo+byte(i)))
			}
		}
	}
	walk(0, nil)
	full := 0
	for lang, d := range digits {
		if slices.Contains(d[:], "") {
			continue
		}
		full++
		text := strings.Join([]string{d[9], d[4], d[7], d[2], d[8], d[3], d[1], d[6]}, ", ")
		ev := evidenceIn(text)
		if len(ev) != 1 || ev[0].kind != phoneNumber || !strings.HasSuffix(ev[0].normalized, "94728316") {
			t.Errorf("%s: %q gives %+v", x.langs[lang], text, ev)
		}
	}
	if full < 25 {
		t.Errorf("%d languages with all ten digits, want 25", full)
	}
}
