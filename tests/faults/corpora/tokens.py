"""Tokens that must never be accepted, each made from one that is good."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEED = 20519
BIT_FLIPS = 8

Claims = dict[str, Any]


def _encode(data: bytes | dict[str, Any]) -> str:
    content = json.dumps(data).encode() if isinstance(data, dict) else data
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _sign(header: dict[str, Any], claims: Claims | bytes, secret: bytes, digest: str = "sha256") -> str:
    signed = f"{_encode(header)}.{_encode(claims)}"
    return f"{signed}.{_encode(hmac.new(secret, signed.encode(), digest).digest())}"


def forged_tokens(access: str, refresh: str, secret: str) -> Iterator[tuple[str, str]]:
    """Give what is wrong and the token; ``secret`` is the one with which the gateway signs."""
    key = hashlib.sha256(secret.encode()).digest()
    claims: Claims = jwt.decode(access, options={"verify_signature": False})
    head, body, signature = access.split(".")
    yield from _without_signature(head, body, signature, claims)
    yield from _with_other_keys(claims, key, secret)
    yield from _with_other_claims(claims, key)
    yield from _with_other_headers(claims, key)
    yield from _of_wrong_form(access, body, key)
    yield "refresh token as access token", refresh
    yield (
        "refresh token signed as access token",
        _sign({"alg": "HS256", "typ": "JWT"}, {**claims, "type": "refresh"}, key),
    )
    chance = random.Random(SEED)
    for number in range(BIT_FLIPS):
        yield f"one character changed ({number})", _change_one(access, chance)


def _without_signature(head: str, body: str, signature: str, claims: Claims) -> Iterator[tuple[str, str]]:
    for name in ("none", "None", "NONE", "nOnE", ""):
        yield f"algorithm {name!r}", f"{_encode({'alg': name, 'typ': 'JWT'})}.{_encode(claims)}."
    yield "algorithm none with the old signature", f"{_encode({'alg': 'none', 'typ': 'JWT'})}.{body}.{signature}"
    yield "no algorithm", f"{_encode({'typ': 'JWT'})}.{body}.{signature}"
    yield "no signature", f"{head}.{body}."
    yield "no third part", f"{head}.{body}"
    yield "signature cut", f"{head}.{body}.{signature[:-4]}"


def _with_other_keys(claims: Claims, key: bytes, secret: str) -> Iterator[tuple[str, str]]:
    header = {"alg": "HS256", "typ": "JWT"}
    others = {
        "empty key": b"",
        "zeros": bytes(32),
        "secret itself": secret.encode(),
        "secret in hexadecimal digits": key.hex().encode(),
        "another secret": hashlib.sha256(b"another").digest(),
        "name of the issuer": b"cuelight",
    }
    for name, other in others.items():
        yield f"signed with {name}", _sign(header, claims, other)
    yield "HS384 with the right key", _sign({**header, "alg": "HS384"}, claims, key, "sha384")
    yield "HS512 with the right key", _sign({**header, "alg": "HS512"}, claims, key, "sha512")
    yield "HS256 announced, HS512 used", _sign(header, claims, key, "sha512")
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = pair.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield "RS256", jwt.encode(claims, pair, algorithm="RS256")
    yield "public key of RSA as secret", _sign(header, claims, public)


def _with_other_claims(claims: Claims, key: bytes) -> Iterator[tuple[str, str]]:
    header = {"alg": "HS256", "typ": "JWT"}
    now = int(time.time())
    changes: dict[str, Claims] = {
        "expired": {"exp": now - 120},
        "end in words": {"exp": "never"},
        "end is null": {"exp": None},
        "end is a list": {"exp": [now + 900]},
        "not valid yet": {"nbf": now + 3600},
        "another audience": {"aud": "somebody"},
        "audience empty": {"aud": []},
        "another issuer": {"iss": "https://example.org"},
        "another type": {"type": "id"},
        "type is a list": {"type": ["access"]},
        "unknown session": {"sid": "0" * 32},
        "session is a map": {"sid": {"$ne": ""}},
        "another owner": {"sub": "0" * 32},
        "SQL in the session": {"sid": "' OR 1=1 --"},
        "surrogate in the session": {"sid": "\ud800"},
    }
    for name, change in changes.items():
        yield name, _sign(header, {**claims, **change}, key)
    for name in ("exp", "type", "sid", "jti", "iss", "aud", "sub"):
        yield f"no {name}", _sign(header, {other: value for other, value in claims.items() if other != name}, key)


def _with_other_headers(claims: Claims, key: bytes) -> Iterator[tuple[str, str]]:
    header = {"alg": "HS256", "typ": "JWT"}
    zeros = bytes(32)
    yield "key id that is a path", _sign({**header, "kid": "../../../../dev/null"}, claims, b"")
    yield "key id with SQL", _sign({**header, "kid": "x' UNION SELECT 'a"}, claims, b"a")
    yield "key of its own", _sign({**header, "jwk": {"kty": "oct", "k": _encode(zeros)}}, claims, zeros)
    yield "address of its key", _sign({**header, "jku": "http://127.0.0.1:1/keys"}, claims, zeros)
    yield "address of its certificate", _sign({**header, "x5u": "http://127.0.0.1:1/cert"}, claims, zeros)
    yield "unknown critical header", _sign({**header, "crit": ["exp"], "b64": False}, claims, key)
    yield "algorithm is a list", _sign({**header, "alg": ["HS256"]}, claims, key)
    yield "compressed", _sign({**header, "zip": "DEF"}, b"\x78\x9c\x03\x00\x00\x00\x00\x01", key)


def _of_wrong_form(access: str, body: str, key: bytes) -> Iterator[tuple[str, str]]:
    header = {"alg": "HS256", "typ": "JWT"}
    yield "claims are a list", _sign(header, b"[]", key)
    yield "claims are no JSON", _sign(header, b"{", key)
    yield "claims nested deeply", _sign(header, b'{"a":' * 5000 + b"1" + b"}" * 5000, key)
    yield "header is no JSON", f"{_encode(b'{')}.{body}.x"
    yield "twice", f"{access}.{access}"
    yield "only points", ".."
    yield "very long", "a" * 5000 + "." + "b" * 5000 + ".c"


def _change_one(token: str, chance: random.Random) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # The last character of a part has bits that mean nothing.
    ends = {at for at, letter in enumerate(token) if letter == "."}
    places = [at for at in range(len(token) - 1) if not {at, at + 1} & ends]
    at = chance.choice(places)
    return token[:at] + chance.choice(alphabet.replace(token[at], "")) + token[at + 1 :]
