"""What schemathesis must know of this gateway: fresh codes, the platform's form, the contract.

schemathesis loads this file as its hooks (SCHEMATHESIS_HOOKS=openapi). The environment says where:

    YANMA_GATEWAY  http://127.0.0.1:7460
    YANMA_PAGES    http://127.0.0.1:7463
"""

import http.client
import json
import os
import re
import urllib.parse

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import UnsupportedMethodResponse

# Each third code is one that came before, so that refusals of used codes are met too.
ONE_IN = 3
PLATFORM = {"/uif": "infcode", "/api/ecqrcode": "code", "/api/decode": "code"}
METHOD_NOT_ALLOWED = 1508
CODE, PASS = re.compile("[0-9]{255}"), re.compile("[0-9a-hjkmnp-tv-z]{40}")
# Of an institution.
NAME = re.compile("[!-~]{1,40}")


class Codes:
    """Payment codes of one person, as the pages of the sandbox make them."""

    def __init__(self):
        self.taken, self.last = 0, None

    def take(self):
        self.taken += 1
        if self.last is None or self.taken % ONE_IN != 0:
            pages = os.environ["YANMA_PAGES"]
            # The pages listen to few names, and a sandbox of the tests may have another address.
            host = {"Host": f"localhost:{urllib.parse.urlsplit(pages).port}"}
            _, code = ask(pages, "GET", "/sandbox/code?subject=42", headers=host)
            self.last = code.decode("ascii").strip()
            assert len(self.last) == 255 and self.last.isdecimal(), f"no code: {self.last}"
        return self.last


CODES = Codes()


def ask(base, method, target, body=None, headers=None):
    """Sends a request beside those of schemathesis. Returns headers and body of the answer."""
    url = urllib.parse.urlsplit(base)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
    try:
        connection.request(method, target, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.headers, answer.read()
    finally:
        connection.close()


def post(path, body, headers):
    return ask(os.environ["YANMA_GATEWAY"], "POST", path, body, headers)


def fresh_pass():
    """A pass that is bound to no institution; None if its code was used before."""
    headers, _ = post("/scan", b"", {"Yanma-Code": CODES.take()})
    return headers["Yanma-Pass"]


def fresh_token(institution):
    """A pass for an institution, as a hospital system gets it."""
    told = {"data": {"orgId": institution, "ecQrCode": CODES.take()}}
    headers, _ = post("/api/decode", json.dumps(told), {"Content-Type": "application/json"})
    return headers["Yanma-Pass"]


def is_written(text, form):
    """Whether a text has the form of a code or pass, be the rest of the request good or bad."""
    return isinstance(text, str) and form.fullmatch(text) is not None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts a code or a pass wherever schemathesis has made up one.

    It does so in bad requests too: they must be refused for what is bad in them.
    """
    scan_into_headers(case)
    if case.path in PLATFORM and isinstance(case.body, dict):
        scan_into_body(case.path, case.body)


def scan_into_headers(case):
    if is_written(case.headers.get("Yanma-Pass"), PASS):
        # Where both can be sent, one of them is.
        case.headers.pop("Yanma-Code", None)
        institution = case.query.get("institution")
        made = fresh_token(institution) if is_written(institution, NAME) else fresh_pass()
        case.headers["Yanma-Pass"] = made or case.headers["Yanma-Pass"]
    elif is_written(case.headers.get("Yanma-Code"), CODE):
        case.headers["Yanma-Code"] = CODES.take()


def scan_into_body(path, body):
    """The same in the body of a hospital system."""
    if path != "/uif":
        data = body.get("data")
        if isinstance(data, dict) and is_written(data.get("ecQrCode"), CODE):
            data["ecQrCode"] = CODES.take()
        return
    infno, institution, told = (body.get(name) for name in ("infno", "fixmedins_code", "input"))
    if not isinstance(told, dict) or not is_written(institution, NAME):
        return
    if infno == "1162":
        told["data"] = {"ecQrCode": CODES.take()}
    elif infno in ("1101", "2102", "2201", "2206", "2207", "2304"):
        card = {"mdtrt_cert_type": "01", "mdtrt_cert_no": fresh_token(institution)}
        told["druginfo" if infno == "2102" else "data"] = card


def number(response, path):
    """The number by which a hospital system knows a refusal; None if the answer has none."""
    try:
        return response.json()[PLATFORM[path]]
    except (KeyError, TypeError, ValueError):
        return None


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """The platform's form refuses with status 200 and a number other than 0."""
    if case.path not in PLATFORM:
        return True
    told = number(response, case.path)
    if isinstance(failure, UnsupportedMethodResponse):
        return told != METHOD_NOT_ALLOWED or field(response, "allow") != "POST"
    return not isinstance(failure, AcceptedNegativeData) or told in (0, None)


def examples(schema):
    """The document's example of each refusal, by its reason."""
    responses = schema["components"]["responses"].values()
    contents = [one["content"].get("application/problem+json") for one in responses]
    found = {}
    for content in filter(None, contents):
        found |= {reason: one["value"] for reason, one in content["examples"].items()}
    return found


@schemathesis.check
def the_contract(ctx, response, case):
    """Each refusal is the document's example of it, to the letter, in either form."""
    if case.path.startswith("/sandbox/"):
        return
    outcome = field(response, "yanma-outcome")
    assert outcome and field(response, "yanma-request-id"), "an answer of the gateway names itself"
    refusals = examples(case.operation.schema.raw_schema)
    if outcome not in refusals:
        assert outcome in ("approved", "opaque"), f"unknown outcome {outcome}"
        return
    known = refusals[outcome]
    body = response.json()
    if case.path in PLATFORM and response.status_code == 200:
        check_platform(response, case.path, body, known)
        return
    members = ["type", "title", "status", "reason", "error_code", "action", "message_zh"]
    assert {name: body.get(name) for name in members} == {name: known[name] for name in members}
    assert response.status_code == known["status"], f"{outcome} with {response.status_code}"
    assert body["request_id"] == field(response, "yanma-request-id")
    assert body.get("redemption") == field(response, "yanma-redemption")
    assert field(response, "cache-control") == "no-store"


def check_platform(response, path, body, known):
    told, number_of_it = number(response, path), int(known["error_code"][2:])
    if known["reason"] == "outcome_unknown":
        # Its sentence differs where no code was spent.
        assert told in (-1, number_of_it), f"outcome_unknown is {told}"
        return
    assert told == number_of_it, f"{known['reason']} is {told}, not {number_of_it}"
    said = body.get("err_msg") or body.get("message")
    ours = f"{known['message_zh']} [{known['error_code']} {field(response, 'yanma-request-id')}]"
    assert said == ours, f"{said!r} is not {ours!r}"


def field(response, name):
    values = response.headers.get(name)
    return values[0] if values else None
