package classify

// whose tells apart the messages that facts are known of.
var whose = [...]string{"", "other party's last message", "sender's last message", "other party before that", "sender before that"}

// known names what the network is told besides words. The order is that of know.
func (n *namer) known() {
	at := 0
	for _, who := range whose {
		for b := range numFacts {
			family, name := FamilyFacts, factName(b)
			if who != "" {
				family, name = FamilyEarlier, who+": "+name
			}
			n.told(family, name, at, at+1)
			at++
		}
	}
	for _, k := range knownSetting {
		n.told(FamilySetting, k.name, at, at+k.numbers)
		at += k.numbers
	}
	for t := range numTopics {
		name := "no talk of " + t.String() + " yet"
		if n.stands(at) {
			name = "where " + t.String() + " stands"
		}
		n.told(FamilyEarlier, name, at, at+topicNumbers)
		at += topicNumbers
	}
	n.told(FamilyEarlier, "the platform wrote", at, at+2)
	at += 2
	for _, who := range whose[1:] {
		n.told(FamilyEarlier, who+": what it did", at, at+numSaid)
		at += numSaid
	}
	n.told(FamilySetting, toldBesides, at, numKnown)
}

// toldBesides is a number that know has and knownSetting has not.
const toldBesides = "what is told besides"

// knownSetting names the numbers after the facts.
var knownSetting = [...]struct {
	name    string
	numbers int
}{
	{"stage", 2}, {"role", 1}, {"who spoke last, and how often", 3}, {"how far the conversation has come", 2}, {"length", 4},
	{"pieces of evidence before", 2},
}

// stands tells whether the topic whose numbers begin there was brought up.
func (n *namer) stands(at int) bool {
	for _, x := range n.e.res.scene.known[at : at+2*int(numStatuses)] {
		if x != 0 {
			return true
		}
	}
	return false
}

// told adds the numbers [from, to), unless they are all zero: then there is nothing to leave out.
func (n *namer) told(family, name string, from, to int) {
	p := aspect{family: family, name: name}
	for k := from; k < to; k++ {
		if n.e.res.scene.known[k] != 0 {
			p.known = append(p.known, k)
		}
	}
	if len(p.known) > 0 {
		n.add(p)
	}
}

// memories names what earlier messages have left behind, where there are any.
func (n *namer) memories() {
	at := precede(n.e.signals, n.e.Signal.Sender)
	for _, m := range [...]struct {
		name   string
		places []int
	}{{"other party's last message", at[:1]}, {"sender's last message", at[1:2]}, {"a few before those", at[2:]}} {
		p := aspect{family: FamilyMemory, name: m.name}
		for _, i := range m.places {
			if i >= 0 {
				p.signals = append(p.signals, i)
			}
		}
		if len(p.signals) > 0 {
			n.add(p)
		}
	}
}
