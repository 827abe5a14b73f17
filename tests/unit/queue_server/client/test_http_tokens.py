"""Credentials of a client over HTTP: where a key comes from, and what requests carry."""

from __future__ import annotations

import pytest

from queue_server.client.http_errors import HTTPRequestError
from queue_server.client.http_tokens import Wallet, check_api_key, find_api_key
from queue_server.protocol.errors import ParameterError

TOKENS = {"access_token": "a1", "refresh_token": "r1"}


@pytest.fixture
def key_file(tmp_path):
    file = tmp_path / "key"
    file.write_text("filekey\n")
    file.chmod(0o600)
    return file


def test_the_key_comes_from_the_first_source_that_has_one(key_file):
    environ = {
        "CUELIGHT_API_KEY": "one", "QSERVER_HTTP_SERVER_API_KEY": "two", "CUELIGHT_API_KEY_FILE": str(key_file),
    }  # fmt: skip
    found = [find_api_key("given", environ), find_api_key(key_file, environ)]
    while environ:
        found.append(find_api_key(None, environ))
        del environ[next(iter(environ))]
    assert found == ["given", "filekey", "one", "two", "filekey"]
    assert find_api_key(None, {"QSERVER_HTTP_SERVER_API_KEYFILE": str(key_file)}) == "filekey"
    assert find_api_key(None, {"CUELIGHT_API_KEY": ""}) is None


def test_a_key_file_that_others_may_read_is_refused_with_the_fix(key_file):
    key_file.chmod(0o640)
    with pytest.raises(ParameterError, match="chmod 600"):
        find_api_key(key_file, {})


def test_a_key_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"CUELIGHT_API_KEY_FILE.*missing"):
        find_api_key(None, {"CUELIGHT_API_KEY_FILE": str(tmp_path / "missing")})


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "ä", "\x00", None, 5])
def test_a_key_that_cannot_stand_in_a_header_is_refused_without_showing_it(key):
    with pytest.raises(ParameterError, match="'somewhere' is no API key") as caught:
        check_api_key(key, "somewhere")
    assert not key or str(key) not in caught.value.message


def test_a_login_replaces_the_key_and_a_key_the_login():
    wallet = Wallet("k1")
    assert wallet.headers() == {"Authorization": "ApiKey k1"}
    wallet.keep_answer(TOKENS)
    assert wallet.headers() == {"Authorization": "Bearer a1"}
    wallet.keep_key("k2")
    assert (wallet.headers(), wallet.refresh_token) == ({"Authorization": "ApiKey k2"}, None)
    wallet.empty()
    assert wallet.headers() == {}


@pytest.mark.parametrize("answer", [{}, {"access_token": "a"}, {"access_token": 1, "refresh_token": "r"}])
def test_an_answer_without_tokens_changes_nothing(answer):
    wallet = Wallet("k1")
    with pytest.raises(HTTPRequestError, match="no tokens"):
        wallet.keep_answer(answer)
    assert wallet.headers() == {"Authorization": "ApiKey k1"}


def test_no_secret_is_shown():
    from queue_server.client.gateway import Gateway

    wallet = Wallet("secret-key")
    shown = repr(Gateway("http://localhost:1", wallet)) + repr(wallet)
    wallet.keep_answer({"access_token": "secret-access", "refresh_token": "secret-refresh"})
    assert "secret" not in shown + repr(Gateway("http://localhost:1", wallet)) + repr(wallet)
