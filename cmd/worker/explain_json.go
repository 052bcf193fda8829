package main

import (
	"fmt"

	"onside/internal/classify"
)

// report is what worker explain --json prints, and what its text is made of. All offsets are bytes of the original text
// unless they say folded. Scores have three decimals, log-odds two.
type report struct {
	Event     reportEvent      `json:"event"`
	Gate      reportGate       `json:"gate"`
	Folded    reportFolded     `json:"folded"`
	Evidence  []reportReading  `json:"evidence"`
	Tools     []reportTool     `json:"tools"`
	Concepts  []reportConcept  `json:"concepts"`
	Review    reportOdds       `json:"review"` // that a person should look; in other stages than pre_contract, at payment
	Remind    reportOdds       `json:"remind"`
	Reader    string           `json:"reader"` // whose odds these are: first, second (blended with the first's)
	Second    *reportSecond    `json:"second_reader,omitempty"`
	Findings  []reportFinding  `json:"findings"`
	Pushes    []reportPush     `json:"pushes"` // families, then single things; each with the strongest first
	Before    []reportNote     `json:"state_before"`
	After     []reportNote     `json:"state_after"`
	Open      []reportStanding `json:"open_before"`
	OpenAfter []reportStanding `json:"open_after"`
	Decision  reportDecision   `json:"decision"`
	Flips     []reportFlip     `json:"flips"`   // changes of what was said, the smallest first; then of the stage
	Unmoved   []string         `json:"unmoved"` // the kinds of change of which none was found
	Cut       bool             `json:"search_cut_short"`
	Model     string           `json:"model"`
	Policy    string           `json:"policy"`

	quoted []quotation // the earlier messages that hold evidence, oldest first, and the message
}

// quotation is a message with the evidence of the findings in it.
type quotation struct {
	role, text string
	spans      []verdictSpan
}

type reportEvent struct {
	EventID        string `json:"event_id"`
	ConversationID string `json:"conversation_id"`
	MessageID      string `json:"message_id"`
	Role           string `json:"sender_role"`
	Stage          string `json:"stage"`
	Text           string `json:"text"`
	Deleted        bool   `json:"deleted"`
	Exempt         bool   `json:"exempt"` // the platform's own words are never judged
	Earlier        int    `json:"earlier_messages"`
}

// reportGate is what the gate made of the message: where it let it go, review, remind and pushes are what a full reading would have come to.
type reportGate struct {
	LetGo       bool    `json:"let_go"`
	Kept        string  `json:"kept_for,omitempty"` // sign, unknown, words or state
	Doubt       float64 `json:"doubt"`              // log-odds above the bar
	reportPlace         // of what kept it, or of the word that speaks most for keeping it
}

type reportFolded struct {
	Text    string         `json:"text"`
	Changes []reportChange `json:"changes"` // more than the case of ASCII letters
}

type reportChange struct {
	Start       int    `json:"start"`
	End         int    `json:"end"`
	From        string `json:"from"`
	FoldedStart int    `json:"folded_start"`
	FoldedEnd   int    `json:"folded_end"`
	To          string `json:"to"`
}

type reportReading struct {
	Kind        string        `json:"kind"`
	Normalized  string        `json:"normalized"`
	DecodedBy   []string      `json:"decoded_by"`
	Spans       []verdictSpan `json:"spans"`
	Confidence  float64       `json:"confidence"`
	Placeholder bool          `json:"placeholder"`
	Fragment    bool          `json:"fragment"`
	Tool        string        `json:"tool,omitempty"`
}

type reportTool struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Strong bool   `json:"strong"`
	reportPlace
}

type reportConcept struct {
	Name string `json:"name"`
	reportPlace
}

type reportPlace struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Text  string `json:"text"`
}

type reportOdds struct {
	Score   float64 `json:"score"`
	LogOdds float64 `json:"log_odds"`
}

// reportSecond is what the second reader made of a doubtful message. Its words come with the strongest first.
type reportSecond struct {
	Skipped     bool             `json:"skipped"` // too many of the conversation were doubtful: it did not read this one
	Earlier     int              `json:"earlier_messages"`
	FirstReview reportOdds       `json:"first_review"`
	FirstRemind reportOdds       `json:"first_remind"`
	Review      reportOdds       `json:"review"` // its own
	Remind      reportOdds       `json:"remind"`
	Words       []reportWordPush `json:"words"`
}

// reportWordPush is a word, and how far it moved the second reader.
type reportWordPush struct {
	reportPlace
	Review float64 `json:"review"` // log-odds
	Remind float64 `json:"remind"`
}

type reportFinding struct {
	verdictFinding
	Likely float64 `json:"category_score"` // of the category alone, whatever the message is worth
}

type reportPush struct {
	Family string  `json:"family"`
	Name   string  `json:"name,omitempty"` // empty: the whole family
	Review float64 `json:"review"`         // log-odds
	Remind float64 `json:"remind"`
}

type reportNote struct {
	MessageID string   `json:"message_id"`
	Role      string   `json:"sender_role"`
	Who       string   `json:"who"` // sender, other, platform
	Facts     []string `json:"facts"`
	Fragment  string   `json:"fragment,omitempty"` // digits or a name that a later message may still complete
	Recalled  string   `json:"recalled,omitempty"` // other_last, own_last, older
}

type reportDecision struct {
	Action   string        `json:"action"`
	Rule     string        `json:"rule,omitempty"`
	Severity string        `json:"severity,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	MinScore float64       `json:"min_score,omitempty"`
	Trials   []reportTrial `json:"trials"`
}

// reportTrial is a rule held against a finding.
type reportTrial struct {
	Rule     string  `json:"rule"`
	Action   string  `json:"action"`
	MinScore float64 `json:"min_score"`
	Category string  `json:"category"`
	Act      string  `json:"act"`
	Score    float64 `json:"score"`
	Miss     string  `json:"miss,omitempty"` // stage, act, score, own_tool or role: why the rule does not apply
}

type reportFlip struct {
	Kind    string          `json:"kind"` // words, earlier, stage
	Without []reportWithout `json:"without,omitempty"`
	Whole   bool            `json:"whole_message,omitempty"`
	Stage   string          `json:"stage,omitempty"` // instead
	Action  string          `json:"action"`
	Score   float64         `json:"score"`
	Words   string          `json:"in_words"`
}

// reportWithout is something left out: a piece of the message, or an earlier message.
type reportWithout struct {
	MessageID string `json:"message_id"`
	Role      string `json:"sender_role"`
	reportPlace
}

// reportStanding is where a topic stands.
type reportStanding struct {
	Topic  string `json:"topic"`
	Status string `json:"status"`
	By     string `json:"by"`
	Moves  int    `json:"moves"`
	Age    int    `json:"messages_ago"`
}

func reportStandingOf(s classify.Standing) reportStanding { return reportStanding(s) }

// String says it in words: payment offered by the other party, 2 messages ago.
func (s reportStanding) String() string {
	by := map[string]string{"other": "the other party", "sender": "the sender"}[s.By]
	out := fmt.Sprintf("%s %s by %s", s.Topic, s.Status, by)
	if s.Age > 0 {
		out += fmt.Sprintf(" %d before", s.Age)
	}
	return out
}
