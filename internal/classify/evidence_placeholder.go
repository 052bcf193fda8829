package classify

import "strings"

// placeholderHost reports the names that are reserved for examples, and the ones that people use so.
func placeholderHost(h string) bool {
	i := strings.LastIndexByte(h, '.')
	if i < 0 {
		return false
	}
	switch h[i+1:] {
	case "example", "test", "invalid", "localhost", "local":
		return true
	}
	name := h[:i]
	if j := strings.LastIndexByte(name, '.'); j >= 0 {
		if last := name[j+1:]; last == "co" || last == "com" { // example.co.uk
			name = name[:j]
		}
	}
	name = name[strings.LastIndexByte(name, '.')+1:]
	switch name {
	case "example", "exemple", "beispiel", "ejemplo", "exemplo", "esempio", "voorbeeld", "przyklad", "exemplu", "ornek", "priklad", "domain", "yourdomain", "mydomain", "yoursite", "mysite", "yourcompany", "company", "acme", "test", "teste", "foo", "bar", "sample", "dummy", "placeholder", "email", "contoso", "lorem", "localhost", "website", "yourwebsite", "somewhere", "something", "yourstore", "firma", "empresa", "domaine", "dominio", "xyz", "abc":
		return true
	}
	return false
}

// placeholderLocal reports the local parts of made-up addresses.
func placeholderLocal(l string) bool {
	switch l {
	case "john.doe", "jane.doe", "johndoe", "janedoe", "jdoe", "john_doe", "jane_doe", "foo", "bar", "foobar", "test", "tester", "user", "username", "user1", "user123", "someone", "somebody", "name", "yourname", "your.name", "your_name", "firstname.lastname", "first.last", "email", "youremail", "your.email", "xxx", "abc", "asdf", "example", "sample", "max.mustermann", "erika.mustermann", "jan.kowalski", "mario.rossi", "ivan.ivanov", "fulano", "juan.perez", "me", "you", "noreply", "no-reply", "donotreply", "test.user", "testuser", "lorem", "nombre", "prenom.nom", "nom", "vorname.nachname", "nome.cognome", "aaa", "qwerty", "dummy", "somename", "git":
		return true
	}
	return strings.HasPrefix(l, "test") && len(l) <= 7 && strings.Trim(l[4:], "0123456789+._-") == ""
}

// placeholderNumber reports digits that no telephone answers: the 555-01xx block, runs and repetitions.
func placeholderNumber(d string) bool {
	if len(d) >= 7 {
		tail := d[len(d)-7:]
		if tail[:5] == "55501" || tail == "5551234" || tail == "5550000" || tail[1:] == "000000" {
			return true
		}
	}
	if strings.Contains("01234567890123456789", d) || strings.Contains("98765432109876543210", d) {
		return true
	}
	// blocks that regulators keep for films and tests: United Kingdom, Australia, France, Germany, and Twilio's
	for _, p := range [...]string{"7700900", "1632960", "2079460", "1134960", "1144960", "1154960", "1164960", "1174960", "1184960", "1214960", "1314960", "1414960", "1514960", "1614960", "1914980", "491570", "55501", "19900", "26191", "35301", "46571", "53649", "63998", "5005550"} {
		if i := strings.Index(d, p); i >= 0 && i <= 4 && (len(p) > 5 || i == 1 && d[0] == '0' && len(d) == 10 || i == 2 && d[:2] == "33") {
			return true
		}
	}
	for _, p := range [...]string{"1234567", "0123456", "9876543210", "7654321"} {
		if strings.Contains(d, p) && len(d)-len(p) <= 3 {
			return true
		}
	}
	// one digit, or a short group, all along: 0000000, 5555555555, 4242424242
	same := 1
	for i := 1; i < len(d); i++ {
		if d[i] == d[i-1] {
			same++
		}
	}
	if same >= len(d)-1 {
		return true
	}
	for i := 2; i < len(d); i++ {
		if d[i] != d[i-2] {
			return false
		}
	}
	return len(d) >= 8
}
