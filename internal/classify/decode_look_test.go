package classify

import "testing"

func TestLook(t *testing.T) {
	checkTools(t, map[string]string{
		"sun ѡһатѕарр pe baat karein?": "whatsapp",
		"reach you on ѵівег":           "viber",
		"that's on my теӏеɡгам":        "telegram",
		"got the ɯɐɹƃǝןǝʇ one":         "telegram",
		"zit op ʞooqǝɔɐɟ":              "facebook",
		"join my διѕcοrδ":              "discord",
		"w̢h̹āt́s̍̍a̳p̅̅̅p̶̃̃̃ please": "whatsapp",
	})
	checkReads(t, []reads{
		{"mail kéñďŕà@ğmàîĺ.ćôm", emailAddress, "kendra@gmail.com", "homoglyph"},
		{"write to κεlνιη_r@lινε.cοm", emailAddress, "kelvin_r@live.com", "homoglyph"},
		{"write to кеlѵіո_г@һеу.сом", emailAddress, "kelvin_r@hey.com", "homoglyph"},
		{"josé.luz@gmail.com", emailAddress, "jose.luz@gmail.com", "homoglyph"},
	})
	checkNoTool(t,
		"Сегодня сделаю макет в figma, завтра покажу",
		"Είμαι στο γραφείο, please wait",
		"voilà, la fenêtre est fermée, merci",
		"это сокет, а не лампа, ok",
		"ａ ｆｕｌｌｗｉｄｔｈ ｌｉｎｅ ｏｆ ｔｅｘｔ",
	)
	checkSilent(t, "пишите на почту@сайта", "Ελλάδα @ Αθήνα", "él y ella @ casa")
}

func TestSlips(t *testing.T) {
	checkTools(t, map[string]string{
		"on telegarm pls":     "telegram",
		"my whatsaap number":  "whatsapp",
		"instagrm me":         "instagram",
		"add me on snpachat":  "snapchat",
		"faceboook works":     "facebook",
		"dsicord is fine":     "discord",
		"hari wali app pe":    "whatsapp",
		"durov's messenger":   "telegram",
		"use telegrm or gmal": "telegram",
	})
	checkNoTool(t,
		"a telegraph pole by the gate",
		"eating disorders and personality disorder",
		"the treads are worn, new thread needed",
		"my patron pays",
	)
}
