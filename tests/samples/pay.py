#!/usr/bin/env python3
"""Pays a bill with a scanned code, and never charges twice when no answer comes.

    printf '%s\\n' "$CODE" | python3 pay.py http://127.0.0.1:7460 B20261128-0001 12.30

Python 3.8 or later, nothing to install. Codes are read from standard input, one a line, as a
scanner types them. Standard output is the cashier's screen, standard error the log. Exit status:
0 paid; 1 not paid, and nothing was charged; 3 open: not known whether the patient was charged.

OFF  Repetition. `http.client` sends a request once. Do not use urllib3 here: it repeats after failed
     connections (https://urllib3.readthedocs.io/en/stable/reference/urllib3.util.html, `Retry`).
OFF  Proxies and redirects. `http.client` knows none. `urllib.request` takes the proxy of the
     environment (https://docs.python.org/3/library/urllib.request.html, `ProxyHandler`).
OFF  Kept connections. The gateway closes an idle one without a word (`idle_ms`), and a request that
     meets this has no answer. A till pays seldom, so each request has a connection of its own.
ON   Bodies of errors. `http.client` returns them as any other. With `urllib.request` they are in the
     exception: read the `HTTPError` (https://docs.python.org/3/library/urllib.error.html).
ON   A time limit of at least 60 s. It counts between two pieces of an answer.
"""

import http.client
import json
import sys
import time
import urllib.parse

INSTITUTION = "H37010000001"
# What the operator of your gateway tells you.
PAY, QUERY, STATUS = "/pay", "/query", "/yanma/redemptions"
ATTEMPTS = 3
# Longer than any request is under way: your gateway's `timeout_ms` is less.
UNDER_WAY_S = 60

PAID, FREE, STOP, OPEN, AGAIN = "paid", "free", "stop", "open", "again"


class NoAnswer(Exception):
    """No whole answer of the gateway came: what the request did is not known."""


class Answer:
    def __init__(self, status, headers, members):
        self.status, self.headers, self.members = status, headers, members
        self.outcome = headers["Yanma-Outcome"]


class Till:
    def __init__(self, gateway, bill, amount, seconds=60):
        self.gateway = urllib.parse.urlsplit(gateway)
        self.bill, self.amount, self.seconds = bill, amount, seconds
        self.requests = 0

    def charge(self, code):
        """PAID, FREE (not charged: scan a new code), STOP (not charged) or OPEN (not known)."""
        is_unknown = False
        for _ in range(ATTEMPTS):
            try:
                answer = self.send(code)
            except NoAnswer as problem:
                screen(f"NO ANSWER: {problem}")
                is_unknown, verdict = True, self.find_out(code)
            else:
                verdict = self.judge(code, answer)
                # The golden rule: a refusal says nothing about what was sent before it.
                if is_unknown and verdict in (FREE, STOP):
                    verdict = self.find_out(code)
            if verdict != AGAIN:
                return verdict
            time.sleep(1)
        return OPEN if is_unknown else FREE

    def send(self, code):
        # Your program stores the bill as "sent" before this line. After a crash it starts with the
        # query for such a bill: /query?institution=...&msgid=...
        body = {"institution": INSTITUTION, "msgid": self.bill, "amount": self.amount}
        headers = {
            "Content-Type": "application/json",
            "Yanma-Code": code,
            # The same number and the same bytes each time: then a repetition is never forwarded.
            "Idempotency-Key": f'"{self.bill}"',
        }
        return self.request("POST", PAY, headers, json.dumps(body))

    def judge(self, code, answer):
        if answer.outcome == "approved":
            # The settlement system's own answer. Only its clear yes is a yes.
            if answer.status == 200 and answer.members.get("infcode") == 0:
                return PAID
            screen(answer.members.get("err_msg") or f"status {answer.status}")
            return self.find_out(code)
        screen(answer.members.get("message_zh") or f"status {answer.status}")
        action = answer.members.get("action")
        if action == "resend":
            return AGAIN
        if action in ("rescan", "patient"):
            return FREE
        if action in ("vendor", "operator"):
            return STOP
        # "query", "wait", and what a later version may add. After outcome_unknown the gateway has
        # done its part, so the query comes at once.
        is_over = answer.outcome == "outcome_unknown"
        return self.find_out(code, answer.members.get("redemption") if is_over else None)

    def find_out(self, code, redemption=None):
        """What became of a code that was sent. It charges nothing."""
        try:
            if redemption is None:
                fate = self.fate(code)
                if fate["state"] == "not_seen":
                    # `final` is false: the request may still arrive. The contract allows the very
                    # same request again, and only that.
                    return FREE if fate["final"] else AGAIN
                redemption = fate["redemption"]
            return self.query(redemption)
        except (NoAnswer, KeyError, TypeError) as problem:
            log(f"bill={self.bill} not found out: {problem}")
            return OPEN

    def fate(self, code):
        """What the gateway knows of the code, once no request with it is under way."""
        for _ in range(UNDER_WAY_S):
            answer = self.request("GET", STATUS, {"Yanma-Code": code})
            if answer.outcome != "approved":
                raise NoAnswer(answer.outcome)
            log(f"bill={self.bill} state={answer.members.get('state')}")
            if answer.members["state"] != "running":
                return answer.members
            time.sleep(1)
        raise NoAnswer("the request is still under way")

    def query(self, redemption):
        """What the settlement system has in its book."""
        query = urllib.parse.urlencode({"redemption": redemption})
        answer = self.request("GET", f"{QUERY}?{query}")
        if answer.outcome != "approved" or answer.status != 200:
            raise NoAnswer(answer.outcome)
        found = answer.members["output"]
        log(f"bill={self.bill} redemption={redemption} book={found['state']}")
        if found["state"] == "settled":
            if (found["msgid"], found["amount"]) == (self.bill, self.amount):
                return PAID
            # A code that was shown twice: it has paid, but not this bill.
            screen(f"THIS CODE HAS PAID {found['msgid']}, NOT {self.bill}")
            return FREE
        if found["state"] in ("not_found", "refunded", "reversed"):
            # Where your platform asks for a reversal (2601) after an unknown outcome, send it here.
            screen(answer.members.get("err_msg") or found["state"])
            return FREE
        raise NoAnswer(f"state {found['state']}")

    def request(self, method, path, headers=None, body=None):
        """One request, one answer. Nothing is sent a second time here."""
        self.requests += 1
        # Your own number of this request: the gateway keeps it in its record.
        headers = dict(headers or {}, **{"X-Request-Id": f"{self.bill}-{self.requests}"})
        is_https = self.gateway.scheme == "https"
        kind = http.client.HTTPSConnection if is_https else http.client.HTTPConnection
        connection = kind(self.gateway.hostname, self.gateway.port, timeout=self.seconds)
        try:
            connection.request(method, path, body, headers)
            received = connection.getresponse()
            text = received.read()
        except (OSError, http.client.HTTPException) as problem:
            raise NoAnswer(f"{type(problem).__name__} {problem}") from problem
        finally:
            connection.close()
        if received.headers["Yanma-Outcome"] is None:
            raise NoAnswer(f"status {received.status} from another program than the gateway")
        try:
            members = json.loads(text)
        except ValueError:
            members = {}
        answer = Answer(received.status, received.headers, members if type(members) is dict else {})
        number = answer.headers["Yanma-Request-Id"]
        log(
            f"{method} {path.split('?')[0]} status={answer.status} outcome={answer.outcome} "
            f"request_id={number} error_code={answer.members.get('error_code', '-')}"
        )
        return answer


def screen(text):
    print(text, flush=True)


def log(text):
    print(text, file=sys.stderr, flush=True)


def main():
    if len(sys.argv) not in (4, 5):
        log("usage: pay.py GATEWAY BILL AMOUNT [SECONDS]")
        return 64
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    sys.stdout.reconfigure(encoding="utf-8")
    till = Till(*sys.argv[1:4], *map(int, sys.argv[4:]))
    for line in sys.stdin:
        code = line.strip()
        if not code.isascii() or not code.isprintable():
            screen("NOT A CODE: switch the scanner's keyboard to English, and scan again")
            continue
        verdict = till.charge(code)
        if verdict == PAID:
            screen(f"PAID {till.bill} {till.amount}")
            return 0
        if verdict == OPEN:
            screen(f"OPEN {till.bill}: not known whether it was charged. Query it, do not charge again")
            return 3
        screen(f"NOT CHARGED {till.bill}")
        if verdict == STOP:
            return 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
