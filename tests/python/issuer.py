#!/usr/bin/env python3
"""Mints a Yanma code as an issuer does, and pays with it; written from the format document alone.

An independent reading of the format: it shares no line with the gateway. Needs Python's usual
`cryptography` package, version 38 or later.

    issuer.py --key-id 7100 --signing-key issuer.pem --seal-key seal.hex http://127.0.0.1:7460/pay
    issuer.py --self-test
"""

import argparse
import http.client
import secrets
import time
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = 1
PAYMENT = 2
PASSWORD = 1


def seal_key(secret: bytes, key_id: int) -> bytes:
    """The issuer's seal key. An issuer is given this key; only the platform has the secret."""
    info = b"yanma seal v1" + key_id.to_bytes(4, "big")
    return HKDF(hashes.SHA256(), 16, salt=b"", info=info).derive(secret)


def body(key: bytes, key_id: int, issued_at: int, serial: int, subject: int) -> bytes:
    """The 41 bytes that are signed: a payment code from 370100, holder proved by password."""
    clear = bytes([VERSION << 4 | PAYMENT])
    clear += key_id.to_bytes(4, "big") + issued_at.to_bytes(4, "big") + serial.to_bytes(8, "big")
    clear += (370100).to_bytes(3, "big") + bytes([PASSWORD])
    epoch, relation = 1, 0
    secret = subject.to_bytes(8, "big") + epoch.to_bytes(2, "big") + bytes([relation, 0])
    nonce = clear[:1] + clear[5:17]
    return clear + AESCCM(key, tag_length=8).encrypt(nonce, secret, clear)


def signed(text: bytes) -> bytes:
    return b"yanma code v1\n" + text


def sign(key: ec.EllipticCurvePrivateKey, text: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(signed(text), ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def digits(code: bytes) -> str:
    """15 groups of 7 bytes, each as exactly 17 digits."""
    assert len(code) == 105
    groups = [code[at : at + 7] for at in range(0, 105, 7)]
    return "".join(f"{int.from_bytes(group, 'big'):017d}" for group in groups)


def pay(url: str, code: str, amount: str) -> int:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    body = b'{"amount":"%s"}' % amount.encode()
    connection.request("POST", parts.path, body=body, headers={"Yanma-Code": code})
    answer = connection.getresponse()
    answer.read()
    again = ["again"] if answer.headers["Idempotent-Replayed"] == "true" else []
    print(answer.status, answer.headers["Yanma-Outcome"], *again)
    return answer.status


def self_test() -> None:
    """The test vector of the format document."""
    key = seal_key(bytes(range(32)), 7001)
    assert key.hex() == "7be1eaff82ad21430c74c52aece656df", key.hex()
    text = body(key, 7001, 1_800_000_000, 0x0123456789ABCDEF, 42)
    expected = (
        "1200001b596b49d2000123456789abcdef05a5b401"
        "f6eaaf03374ee61cf6448b7bd50bdb47dcabd210"
    )
    assert text.hex() == expected, text.hex()

    r = "e6dde09a450f0e51321f12581438b588cdde051411a4db694221e55876e00f08"
    s = "d9a0b9502d046a88a36ac8d62080586dde3bcd67d108f4cc755d5d6320904165"
    private = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    public = ec.derive_private_key(private, ec.SECP256R1()).public_key()
    signature = encode_dss_signature(int(r, 16), int(s, 16))
    public.verify(signature, signed(text), ec.ECDSA(hashes.SHA256()))
    try:
        public.verify(signature, signed(text[:-1] + b"\0"), ec.ECDSA(hashes.SHA256()))
        raise AssertionError("another body verifies")
    except InvalidSignature:
        pass
    assert digits(text + bytes.fromhex(r + s)) == (
        "0506655003963680959109749995956105483586474931456016950088166495408608152073606255883"
        "6172203300068170262452923041254993141079124831254293850695028428432461758752657070198"
        "6306692546853102412671229557435080602713806275784275781651772177112526279853163561317"
    )
    print("the test vector holds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--self-test", action="store_true", help="check the format's test vector")
    parser.add_argument("--key-id", type=int)
    parser.add_argument("--signing-key", help="PEM file of the issuer's private key")
    parser.add_argument("--seal-key", help="file with the issuer's seal key, 32 hex digits")
    parser.add_argument("url", nargs="?")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()

    with open(arguments.signing_key, "rb") as file:
        signing_key = serialization.load_pem_private_key(file.read(), None)
    with open(arguments.seal_key, encoding="ascii") as file:
        key = bytes.fromhex(file.read().strip())
    text = body(key, arguments.key_id, int(time.time()), secrets.randbits(64), subject=42)
    code = digits(text + sign(signing_key, text))
    # The same request again is a retry and gets the same answer; another one is refused.
    statuses = [pay(arguments.url, code, amount) for amount in ("12.30", "12.30", "99.00")]
    raise SystemExit(0 if statuses == [200, 200, 409] else 1)


if __name__ == "__main__":
    main()
