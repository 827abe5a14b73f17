"""Tokens: what they say, which are accepted, and where the secrets are."""

from __future__ import annotations

import hashlib
import stat

import jwt
import pytest

from http_gateway.auth.people import Person, ProvenIdentity
from http_gateway.auth.sessions import Session
from http_gateway.auth.settings import AuthenticationSettings
from http_gateway.auth.tokens import SECRETS_FILE, Lifetimes, TokenMint, find_keys
from http_gateway.errors import CredentialError, ExpiredError
from queue_server.clock import ManualClock
from queue_server.protocol.errors import ParameterError

NOW = 1_700_000_000.0
PERSON = Person("a" * 32, "user", (ProvenIdentity("bob", "toy"),), frozenset())
SESSION = Session("b" * 32, PERSON.uuid, NOW, NOW + 1000, NOW, False, "c" * 32)
LIFETIMES = Lifetimes(100, 500, 1000)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def mint(clock):
    return TokenMint(["first", "second"], LIFETIMES, clock)


def sign(key="first", algorithm="HS256", without="", **changes):
    claims = {"type": "access", "sid": "b" * 32, "jti": "d", "iss": "cuelight", "aud": "cuelight", "sub": "a" * 32}
    claims = {**claims, "exp": int(NOW) + 100, **changes}
    claims.pop(without, None)
    return jwt.encode(claims, hashlib.sha256(key.encode()).digest(), algorithm=algorithm)


def test_a_pair_is_read_back(mint):
    pair = mint.make_pair(PERSON, SESSION, ["read:status"])
    access, refresh = mint.read(pair["access_token"], "access"), mint.read(pair["refresh_token"], "refresh")
    assert (access.session, access.principal) == (SESSION.uuid, PERSON.uuid)
    assert (refresh.session, refresh.token_id) == (SESSION.uuid, SESSION.refresh_id)
    assert (pair["expires_in"], pair["refresh_token_expires_in"], pair["token_type"]) == (100, 500, "bearer")


def test_no_token_outlives_its_session(mint, clock):
    clock.advance(950)
    pair = mint.make_pair(PERSON, SESSION, [])
    assert (pair["expires_in"], pair["refresh_token_expires_in"]) == (50, 50)


def test_every_secret_verifies_and_the_first_signs(mint, clock):
    old = TokenMint(["second"], LIFETIMES, clock).make_pair(PERSON, SESSION, [])
    assert mint.read(old["access_token"], "access")
    new = mint.make_pair(PERSON, SESSION, [])["access_token"]
    with pytest.raises(CredentialError):
        TokenMint(["second"], LIFETIMES, clock).read(new, "access")


def test_the_end_of_a_token_is_told_in_the_words_that_clients_match(mint, clock):
    pair = mint.make_pair(PERSON, SESSION, [])
    clock.advance(100)
    with pytest.raises(ExpiredError, match=r"^Access token has expired. Refresh token.$"):
        mint.read(pair["access_token"], "access")
    assert mint.read(pair["access_token"], "access", ignore_expiry=True)
    clock.advance(400)
    with pytest.raises(ExpiredError, match=r"^Session has expired. Please re-authenticate.$"):
        mint.read(pair["refresh_token"], "refresh")


def test_a_token_made_by_hand_with_all_claims_is_accepted(mint):
    assert mint.read(sign(), "access").token_id == "d"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "é.b.c",
        sign("third"),
        sign(algorithm="HS512"),
        sign(iss="elsewhere"),
        sign(aud="elsewhere"),
        sign(type="refresh"),
        *(sign(without=name) for name in ("exp", "type", "sid", "jti", "iss", "aud")),
        jwt.encode({"type": "access", "sid": "b", "exp": int(NOW) + 9}, "", algorithm="none"),
    ],
)
def test_anything_else_is_refused_with_the_same_words(mint, token):
    with pytest.raises(CredentialError, match=r"^Could not validate credentials$"):
        mint.read(token, "access")


def test_secrets_of_the_settings_come_first(tmp_path):
    assert find_keys(AuthenticationSettings.model_validate({"secret_keys": ("a", "b")}), tmp_path) == ["a", "b"]
    assert not (tmp_path / SECRETS_FILE).exists()


def test_without_any_a_file_of_the_owner_is_made_once(tmp_path):
    keys = find_keys(AuthenticationSettings(), tmp_path)
    assert len(keys) == 1
    assert len(keys[0]) == 64
    assert stat.S_IMODE((tmp_path / SECRETS_FILE).stat().st_mode) == 0o600
    assert find_keys(AuthenticationSettings(), tmp_path) == keys


def test_a_file_that_is_open_to_others_or_empty_is_refused(tmp_path):
    path = tmp_path / SECRETS_FILE
    path.write_text("\n")
    path.chmod(0o600)
    with pytest.raises(ParameterError, match="holds no secret"):
        find_keys(AuthenticationSettings(), tmp_path)
    path.chmod(0o644)
    with pytest.raises(ParameterError, match="chmod 600"):
        find_keys(AuthenticationSettings(), tmp_path)


def test_without_secrets_there_is_no_mint(clock):
    with pytest.raises(ParameterError):
        TokenMint([], LIFETIMES, clock)
