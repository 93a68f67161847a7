#!/usr/bin/env python3
"""The part of a hospital system (HIS) that settles with medical insurance, as a hospital writes it.

Written from the national interface alone: it shares no line with the gateway and knows nothing of
it. Needs only Python's standard library.

    his.py http://127.0.0.1:7460 --institution H37010000001 visit CODE     scan, register, settle
    his.py ... refund CODE      the same, then gives the money back
    his.py ... refused CODE     succeeds if the visit is refused with a sentence for the cashier
    his.py ... unknown CODE     succeeds if the settlement's answer is lost and it is then reversed
    his.py --self-test

Prints one line for each step. Exit status 0: the visit ended as the mode says.
"""

import argparse
import datetime
import http.client
import itertools
import json
import secrets
import sys
import time
import urllib.parse

UNKNOWN = -1
# How a province may say that there is nothing to reverse, if it does not say 0.
NOTHING_TO_REVERSE = ("未找到原交易", "未查询到原交易", "原交易不存在")
REVERSALS_MAX = 20
CLINIC = "11"
EMPLOYEES = "310"
ELECTRONIC = "01"


class Refused(Exception):
    """Whole answer, nothing done: the sentence is for the cashier."""

    def __init__(self, infno, infcode, err_msg):
        number_said = "" if infcode is None else f" {infcode}"
        super().__init__(f"{infno} refused{number_said} {err_msg}")
        self.infcode = infcode
        self.err_msg = err_msg


class Unknown(Exception):
    """No whole answer, or -1: it may have been done."""

    def __init__(self, infno, why):
        super().__init__(f"{infno} unknown {why}")
        self.infno = infno


class Unclear(Exception):
    """A reversal that did not succeed in time: people must compare the books."""

    def __init__(self):
        super().__init__("2601 unclear 冲正没有成功，请人工对账")


def number(infcode):
    """Provinces write `infcode` as a number or as a text. None: it is neither."""
    try:
        return int(str(infcode).strip())
    except ValueError:
        return None


def judge(infno, answer):
    """The output of a good answer. `answer` is fsi's, or that of the bare decoding."""
    if not isinstance(answer, dict):
        raise Unknown(infno, "the answer is no object")
    infcode = number(answer.get("infcode", answer.get("code")))
    if infcode == 0:
        return answer["output"] if "output" in answer else answer.get("data")
    err_msg = str(answer.get("err_msg") or answer.get("message") or "")
    if infcode is None or infcode == UNKNOWN:
        raise Unknown(infno, err_msg or "the answer has no infcode")
    raise Refused(infno, infcode, err_msg)


def parse(body, charset):
    """Answers come in the charset of the request, or in ASCII alone."""
    return json.loads(body.decode(charset))


class Line:
    """The line to medical insurance: one message, one answer."""

    def __init__(self, url, charset="utf-8", input_as="object", timeout=60):
        parts = urllib.parse.urlsplit(url)
        self.secure = parts.scheme == "https"
        self.host, self.port, self.base = parts.hostname, parts.port, parts.path.rstrip("/")
        self.charset, self.input_as, self.timeout = charset, input_as, timeout

    def send(self, infno, path, message, headers):
        body = json.dumps(message, ensure_ascii=False).encode(self.charset)
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = kind(self.host, self.port, timeout=self.timeout)
        try:
            connection.connect()
        except OSError as error:
            # Not a byte was sent.
            raise Refused(infno, None, f"连不上医保平台，本次未提交：{error}") from error
        deadline = time.monotonic() + self.timeout
        try:
            # Hospital systems do not say which charset it is.
            headers = {"Content-Type": "application/json", **headers}
            connection.request("POST", self.base + path, body=body, headers=headers)
            return parse(whole(connection, deadline), self.charset)
        except (OSError, http.client.HTTPException) as error:
            raise Unknown(infno, f"没有收到完整的结果：{type(error).__name__}") from error
        except ValueError as error:
            raise Unknown(infno, "the answer cannot be read") from error
        finally:
            connection.close()


def whole(connection, deadline):
    """Reads the body piece by piece, because a socket's timeout starts anew with each piece."""
    answer = connection.getresponse()
    pieces = []
    while piece := answer.read1(65_536):
        if time.monotonic() > deadline:
            raise TimeoutError
        pieces.append(piece)
    if answer.length:
        # http.client tells of a body that ends early only if it is read in one piece.
        raise http.client.IncompleteRead(b"".join(pieces), answer.length)
    return b"".join(pieces)


class Visit:
    """One patient at the counter."""

    def __init__(self, line, options):
        self.line, self.options = line, options
        self.serials = itertools.count(secrets.randbelow(10_000))
        self.token = self.person = self.visit = self.region = ""

    def message_id(self):
        """Institution (12), time (14), serial (4)."""
        now = datetime.datetime.now().strftime("%Y%m%d%H%M%S")
        return f"{self.options.institution[:12]}{now}{next(self.serials) % 10_000:04d}"

    def envelope(self, infno, given):
        if self.line.input_as == "string":
            given = json.dumps(given, ensure_ascii=False)
        return {
            "infno": infno,
            "msgid": self.message_id(),
            "mdtrtarea_admvs": "370100",
            "insuplc_admdvs": self.region,
            "recer_sys_code": "HIS",
            "dev_no": "",
            "dev_safe_info": "",
            "cainfo": "",
            "signtype": "",
            "infver": "V1.0",
            "opter_type": "1",
            "opter": "0007",
            # In GBK the last character ends in a backslash.
            "opter_name": "收款员縗",
            "inf_time": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
            "fixmedins_code": self.options.institution,
            "fixmedins_name": "测试医院",
            "sign_no": "",
            "input": given,
        }

    def call(self, message, headers=None):
        infno = message["infno"]
        return judge(infno, self.line.send(infno, self.options.path, message, headers or {}))

    def ask(self, infno, data):
        return self.call(self.envelope(infno, {"data": data}))

    def card(self):
        return {"mdtrt_cert_type": ELECTRONIC, "mdtrt_cert_no": self.token}

    def scan(self, code):
        """1162: the code becomes a token, which serves the whole visit."""
        data = {
            "orgId": self.options.institution,
            "businessType": "01101",
            "operatorId": "0007",
            "operatorName": "收款员",
            "officeId": "32760",
            "officeName": "门诊收费处",
            "ecQrCode": code,
        }
        if self.options.decode == "fsi":
            found = self.ask("1162", data)["data"]
        else:
            message = {"orgId": self.options.institution, "transType": "ec.query", "data": data}
            found = judge("1162", self.line.send("1162", self.options.decode_path, message, {}))
        self.token = found["ecToken"]
        # The token stands in a column of 50 characters.
        assert 0 < len(self.token) <= 50, self.token
        self.region = found.get("insuOrg") or ""
        say("1162 ok", token=self.token)

    def identify(self):
        """1101: who is it, and where insured?"""
        data = {**self.card(), "card_sn": "", "begntime": "", "certno": "", "psn_name": ""}
        found = self.ask("1101", data)
        self.person = found["baseinfo"]["psn_no"]
        self.region = found["insuinfo"][0]["insuplc_admdvs"]
        say("1101 ok", psn_no=self.person)

    def register(self):
        """2201: the visit gets a number."""
        data = {"psn_no": self.person, "insutype": EMPLOYEES, "dept_name": "内科", **self.card()}
        self.visit = self.ask("2201", data)["data"]["mdtrt_id"]
        say("2201 ok", mdtrt_id=self.visit)

    def fees(self):
        return {
            "psn_no": self.person,
            **self.card(),
            "med_type": CLINIC,
            "medfee_sumamt": self.options.amount,
            "psn_setlway": "01",
            "mdtrt_id": self.visit,
            "chrg_bchno": "1",
            "insutype": EMPLOYEES,
            "acct_used_flag": "0",
        }

    def presettle(self):
        """2206: the cashier says "you pay 85"."""
        found = self.ask("2206", self.fees())["setlinfo"]
        say("2206 ok", psn_cash_pay=found["psn_cash_pay"])
        return found["psn_cash_pay"]

    def settle(self, said, headers):
        """2207: money moves. If it is unknown whether it did, it is reversed."""
        message = self.envelope("2207", {"data": self.fees()})
        try:
            found = self.settled(message, headers)
        except Unknown as unknown:
            print(unknown)
            self.reverse(message)
            raise
        say("2207 ok", setl_id=found["setl_id"])
        assert found["psn_cash_pay"] == said, "the patient was told another amount"
        return found["setl_id"]

    def settled(self, message, headers):
        found = self.call(message, headers)
        try:
            return {name: found["setlinfo"][name] for name in ("setl_id", "psn_cash_pay")}
        except (KeyError, TypeError) as error:
            raise Unknown("2207", "the answer does not say what was settled") from error

    def reverse(self, original):
        """2601, until it is known that nothing is charged. The same message each time."""
        data = {"psn_no": self.person, "omsgid": original["msgid"], "oinfno": original["infno"]}
        message = self.envelope("2601", {"data": data})
        for _ in range(REVERSALS_MAX):
            try:
                self.call(message)
                return say("2601 ok", omsgid=original["msgid"])
            except Unknown as unknown:
                print(unknown)
            except Refused as refused:
                print(refused)
                if any(words in refused.err_msg for words in NOTHING_TO_REVERSE):
                    return say("2601 ok nothing to reverse")
                # All other refusals may pass: the settlement still runs, the platform is busy.
            time.sleep(self.options.pause)
        raise Unclear

    def refund(self, setl_id):
        """2208: the patient gets the money back."""
        data = {"psn_no": self.person, "mdtrt_id": self.visit, "setl_id": setl_id}
        found = self.ask("2208", data)["setlinfo"]
        say("2208 ok", setl_id=found["setl_id"])


def say(step, **found):
    print(step, *(f"{name}={value}" for name, value in found.items()))


def run(visit, mode, code):
    """Whether the visit ended as the mode says."""
    fault = {"Sandbox-Fault": visit.options.fault} if mode == "unknown" else {}
    try:
        visit.scan(code)
        visit.identify()
        visit.register()
        setl_id = visit.settle(visit.presettle(), fault)
        if mode == "refund":
            visit.refund(setl_id)
    except Refused as refused:
        print(refused)
        return mode == "refused" and refused.err_msg != ""
    except Unknown as unknown:
        # A settlement has told of it and is reversed by now. All else charged nothing.
        if unknown.infno != "2207":
            print(unknown)
            return False
        return mode == "unknown"
    except Unclear as unclear:
        print(unclear)
        return False
    return mode in ("visit", "refund")


def self_test():
    for good in (0, "0", " 0 "):
        assert judge("2207", {"infcode": good, "output": {"a": 1}}) == {"a": 1}
    assert judge("1162", {"code": 0, "success": True, "data": {"a": 1}}) == {"a": 1}
    for bad in (1301, "1301"):
        try:
            judge("2207", {"infcode": bad, "err_msg": "该码已提交过一次", "output": None})
            raise AssertionError(bad)
        except Refused as refused:
            assert (refused.infcode, refused.err_msg) == (1301, "该码已提交过一次")
    unknowns = [{"infcode": one} for one in (-1, "-1", None, "", "x", "1.5", [])]
    for unknown in [*unknowns, {}, [], None, "0", {"code": -1, "success": False}]:
        try:
            judge("2207", unknown)
            raise AssertionError(unknown)
        except Unknown:
            pass
    text = '{"infcode":1301,"err_msg":"\\u8be5\\u7801"}'
    for charset in ("utf-8", "gbk"):
        assert parse(text.encode(charset), charset)["err_msg"] == "该码"
    assert "縗".encode("gbk").endswith(b"\\")
    print("the answers are judged as they should")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--self-test", action="store_true", help="judge answers of every kind")
    parser.add_argument("url", nargs="?", help="http://HOST:PORT of the medical insurance")
    parser.add_argument("mode", nargs="?", choices=["visit", "refund", "refused", "unknown"])
    parser.add_argument("code", nargs="?", help="what the scanner read")
    parser.add_argument("--institution", default="H37010000001")
    parser.add_argument("--amount", default="100.00")
    parser.add_argument("--path", default="/uif", help="where the envelopes go")
    parser.add_argument("--decode", choices=["bare", "fsi"], default="bare", help="form of 1162")
    parser.add_argument("--decode-path", default="/api/ecqrcode", help="where the bare form goes")
    parser.add_argument("--charset", choices=["utf-8", "gbk"], default="utf-8")
    parser.add_argument("--input", choices=["object", "string"], default="object")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for an answer")
    parser.add_argument("--pause", type=float, default=1, help="seconds between reversals")
    parser.add_argument("--fault", default="stall-booked", help="how mode unknown loses the answer")
    found = parser.parse_intermixed_args()
    if not found.self_test and found.code is None:
        parser.error("URL, mode and code are needed")
    return found


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    options = arguments()
    if options.self_test:
        return self_test()
    line = Line(options.url, options.charset, options.input, options.timeout)
    raise SystemExit(0 if run(Visit(line, options), options.mode, options.code) else 1)


if __name__ == "__main__":
    main()
