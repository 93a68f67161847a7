// Pays a bill with a scanned code, and never charges twice when no answer comes.
//
//	printf '%s\n' "$CODE" | go run pay.go http://127.0.0.1:7460 B20261128-0001 12.30
//
// Go 1.16 or later, nothing to install. Codes are read from standard input, one a line, as a scanner types
// them. Standard output is the cashier's screen, standard error the log. Exit status: 0 paid; 1 not paid, and
// nothing was charged; 3 open: not known whether the patient was charged.
//
// OFF  Repetition. Go sends a request a second time when a kept connection breaks, if it takes it for
// harmless: also a POST, because it has the header Idempotency-Key. It needs GetBody for that
// (https://pkg.go.dev/net/http#Transport), so GetBody is nil here.
//
// OFF  Kept connections (DisableKeepAlives). The gateway closes an idle one without a word (idle_ms), and a
// request that meets this has no answer. A till pays seldom, so each request has a connection of its own.
//
// OFF  The proxy of the environment, which http.DefaultTransport takes, and redirects.
//
// ON   Bodies of errors. Go returns them as any other.
//
// ON   A time limit of at least 60 s over the whole answer (Client.Timeout). Without it Go waits forever.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	institution = "H37010000001"
	// What the operator of your gateway tells you.
	payPath, queryPath, statusPath = "/pay", "/query", "/yanma/redemptions"
	attempts                       = 3
	// Longer than any request is under way: your gateway's timeout_ms is less.
	underWaySeconds = 60
)

type verdict int

const (
	paid  verdict = iota
	free          // not charged: scan a new code
	stop          // not charged
	open          // not known
	again         // send the very same bytes
)

// An answer of the gateway. A request without one returns an error: what it did is not known.
type answer struct {
	status  int
	outcome string
	members struct {
		// A refusal.
		Action     string `json:"action"`
		MessageZh  string `json:"message_zh"`
		ErrorCode  string `json:"error_code"`
		Redemption string `json:"redemption"`
		// What became of a code.
		State string `json:"state"`
		Final bool   `json:"final"`
		// The settlement system's own. Absent is not 0.
		Infcode *int   `json:"infcode"`
		ErrMsg  string `json:"err_msg"`
		Output  struct {
			State  string `json:"state"`
			Msgid  string `json:"msgid"`
			Amount string `json:"amount"`
		} `json:"output"`
	}
}

type till struct {
	client                http.Client
	gateway, bill, amount string
	seconds               int
	requests              int
}

func newTill(gateway, bill, amount string, seconds int) *till {
	client := http.Client{
		Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Duration(seconds) * time.Second,
	}
	return &till{client: client, gateway: gateway, bill: bill, amount: amount, seconds: seconds}
}

func (t *till) charge(code string) verdict {
	isUnknown := false
	for attempt := 0; attempt < attempts; attempt++ {
		var judged verdict
		answer, err := t.send(code)
		if err != nil {
			screen("NO ANSWER: " + err.Error())
			isUnknown, judged = true, t.findOut(code, "")
		} else {
			judged = t.judge(code, answer)
			// The golden rule: a refusal says nothing about what was sent before it.
			if isUnknown && (judged == free || judged == stop) {
				judged = t.findOut(code, "")
			}
		}
		if judged != again {
			return judged
		}
		time.Sleep(time.Second)
	}
	if isUnknown {
		return open
	}
	return free
}

func (t *till) send(code string) (*answer, error) {
	// Your program stores the bill as "sent" before this line. After a crash it starts with the query for
	// such a bill: /query?institution=...&msgid=...
	body, err := json.Marshal(map[string]string{"institution": institution, "msgid": t.bill, "amount": t.amount})
	if err != nil {
		return nil, err
	}
	return t.ask("POST", payPath, string(body), map[string]string{
		"Content-Type": "application/json",
		"Yanma-Code":   code,
		// The same number and the same bytes each time: then a repetition is never forwarded.
		"Idempotency-Key": `"` + t.bill + `"`,
	})
}

func (t *till) judge(code string, answer *answer) verdict {
	said := answer.members
	if answer.outcome == "approved" {
		// The settlement system's own answer. Only its clear yes is a yes.
		if answer.status == 200 && said.Infcode != nil && *said.Infcode == 0 {
			return paid
		}
		screen(or(said.ErrMsg, fmt.Sprintf("status %d", answer.status)))
		return t.findOut(code, "")
	}
	screen(or(said.MessageZh, fmt.Sprintf("status %d", answer.status)))
	switch said.Action {
	case "resend":
		return again
	case "rescan", "patient":
		return free
	case "vendor", "operator":
		return stop
	}
	// "query", "wait", and what a later version may add. After outcome_unknown the gateway has done its part,
	// so the query comes at once.
	if answer.outcome == "outcome_unknown" {
		return t.findOut(code, said.Redemption)
	}
	return t.findOut(code, "")
}

// What became of a code that was sent. It charges nothing.
func (t *till) findOut(code, redemption string) verdict {
	if redemption == "" {
		fate, err := t.fate(code)
		if err != nil {
			log("bill=" + t.bill + " not found out: " + err.Error())
			return open
		}
		if fate.members.State == "not_seen" {
			if fate.members.Final {
				return free
			}
			// The request may still arrive. The contract allows the very same request again, and only that.
			return again
		}
		redemption = fate.members.Redemption
	}
	found, err := t.query(redemption)
	if err != nil {
		log("bill=" + t.bill + " not found out: " + err.Error())
		return open
	}
	return found
}

// What the gateway knows of the code, once no request with it is under way.
func (t *till) fate(code string) (*answer, error) {
	for second := 0; second < underWaySeconds; second++ {
		answer, err := t.ask("GET", statusPath, "", map[string]string{"Yanma-Code": code})
		if err != nil {
			return nil, err
		}
		log("bill=" + t.bill + " state=" + answer.members.State)
		if answer.outcome != "approved" || answer.members.State == "" {
			return nil, errors.New(answer.outcome)
		}
		if answer.members.State != "running" {
			return answer, nil
		}
		time.Sleep(time.Second)
	}
	return nil, errors.New("the request is still under way")
}

// What the settlement system has in its book.
func (t *till) query(redemption string) (verdict, error) {
	answer, err := t.ask("GET", queryPath+"?redemption="+url.QueryEscape(redemption), "", nil)
	if err != nil {
		return open, err
	}
	if answer.outcome != "approved" || answer.status != 200 {
		return open, errors.New(answer.outcome)
	}
	found := answer.members.Output
	log("bill=" + t.bill + " redemption=" + redemption + " book=" + found.State)
	switch found.State {
	case "settled":
		if found.Msgid == t.bill && found.Amount == t.amount {
			return paid, nil
		}
		// A code that was shown twice: it has paid, but not this bill.
		screen("THIS CODE HAS PAID " + found.Msgid + ", NOT " + t.bill)
		return free, nil
	case "not_found", "refunded", "reversed":
		// Where your platform asks for a reversal (2601) after an unknown outcome, send it here.
		screen(or(answer.members.ErrMsg, found.State))
		return free, nil
	}
	return open, errors.New("state " + found.State)
}

// One request, one answer. Nothing is sent a second time here.
func (t *till) ask(method, target, body string, headers map[string]string) (*answer, error) {
	request, err := http.NewRequest(method, t.gateway+target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.GetBody = nil
	t.requests++
	// Your own number of this request: the gateway keeps it in its record.
	request.Header.Set("X-Request-Id", fmt.Sprintf("%s-%d", t.bill, t.requests))
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	received, err := t.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer received.Body.Close()
	text, err := io.ReadAll(received.Body)
	if err != nil {
		return nil, err
	}
	answer := &answer{status: received.StatusCode, outcome: received.Header.Get("Yanma-Outcome")}
	if answer.outcome == "" {
		return nil, fmt.Errorf("status %d from another program than the gateway", answer.status)
	}
	if err := json.Unmarshal(text, &answer.members); err != nil {
		log("not the JSON that this program knows: " + err.Error())
	}
	log(fmt.Sprintf("%s %s status=%d outcome=%s request_id=%s error_code=%s", method, request.URL.Path,
		answer.status, answer.outcome, received.Header.Get("Yanma-Request-Id"), or(answer.members.ErrorCode, "-")))
	return answer, nil
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func screen(text string) { fmt.Println(text) }

func log(text string) { fmt.Fprintln(os.Stderr, text) }

func main() {
	seconds := 60
	if len(os.Args) == 5 {
		seconds, _ = strconv.Atoi(os.Args[4])
	}
	if len(os.Args) < 4 || len(os.Args) > 5 || seconds < 1 {
		log("usage: pay GATEWAY BILL AMOUNT [SECONDS]")
		os.Exit(64)
	}
	till := newTill(os.Args[1], os.Args[2], os.Args[3], seconds)
	scanner := bufio.NewScanner(os.Stdin)
	for scanner.Scan() {
		code := strings.TrimSpace(scanner.Text())
		if strings.IndexFunc(code, func(letter rune) bool { return letter < '!' || letter > '~' }) >= 0 {
			screen("NOT A CODE: switch the scanner's keyboard to English, and scan again")
			continue
		}
		switch till.charge(code) {
		case paid:
			screen("PAID " + till.bill + " " + till.amount)
			os.Exit(0)
		case open:
			screen("OPEN " + till.bill + ": not known whether it was charged. Query it, do not charge again")
			os.Exit(3)
		case stop:
			screen("NOT CHARGED " + till.bill)
			os.Exit(1)
		}
		screen("NOT CHARGED " + till.bill)
	}
	os.Exit(1)
}
