"""Secrets: long enough, drawn anew each time, and known by their digest."""

from __future__ import annotations

import hashlib

from http_gateway.auth.secret_texts import SECRET_BYTES, digest_of, make_secret, matches


def test_a_secret_has_256_random_bits_as_text_for_a_header():
    assert SECRET_BYTES * 8 >= 256
    assert len({make_secret() for _ in range(100)}) == 100
    assert make_secret(lambda count: b"\x0f" * count) == "0f" * 32


def test_a_secret_is_known_by_its_sha256():
    digest = digest_of("secret")
    assert digest == hashlib.sha256(b"secret").digest()
    assert matches("secret", digest)
    assert not matches("Secret", digest)
    assert not matches("", digest)
    assert not matches("\ud800", digest)
