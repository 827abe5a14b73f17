"""One key, one user: where the key comes from, and that no other one is accepted."""

from __future__ import annotations

import stat

import pytest

from http_gateway.auth.scopes import SCOPES
from http_gateway.auth.single_user import SingleUser, keep_key, read_key
from http_gateway.errors import CredentialError
from http_gateway.identity import Credential
from queue_server.protocol.errors import ParameterError


async def test_the_key_makes_the_single_user():
    identity = await SingleUser("abc").identify(Credential("api_key", "abc", "header"))
    assert (identity.user, identity.group, sorted(identity.roles)) == (
        "UNAUTHENTICATED_SINGLE_USER",
        "primary",
        ["unauthenticated_single_user"],
    )
    assert len(identity.scopes & SCOPES) == 22


@pytest.mark.parametrize(
    ("credential", "text"),
    [
        (Credential("api_key", "abd", "header"), "Invalid API key"),
        (Credential("api_key", "", "header"), "Invalid API key"),
        (Credential("api_key", "ä", "header"), "Invalid API key"),
        (Credential("token", "abc", "header"), "Could not validate credentials"),
    ],
)
async def test_anything_else_is_refused(credential, text):
    with pytest.raises(CredentialError, match=text):
        await SingleUser("abc").identify(credential)


@pytest.mark.parametrize(("allowed", "scopes"), [(False, []), (True, ["read:status"])])
async def test_nobody_gets_the_status_at_most(allowed, scopes):
    identity = await SingleUser("abc", allow_anonymous=allowed).identify(Credential())
    assert (sorted(identity.scopes), identity.is_anonymous) == (scopes, True)


def test_a_key_is_made_once_and_kept_for_its_owner(tmp_path):
    key, is_new = keep_key(tmp_path)
    assert (len(key), is_new) == (64, True)
    assert keep_key(tmp_path) == (key, False)
    assert stat.S_IMODE((tmp_path / "api-key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["api-key"]
    # Clients send the content of this file as it is.
    assert (tmp_path / "api-key").read_text() == key


def test_a_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "key"
    path.write_text("abc")
    path.chmod(0o640)
    with pytest.raises(ParameterError, match="chmod 600"):
        read_key(path)


@pytest.mark.parametrize("text", ["", "two words", "a-b", "ä"])
def test_a_file_without_a_key_is_refused(tmp_path, text):
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ParameterError, match="letters and digits"):
        read_key(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ParameterError, match="no-such"):
        read_key(tmp_path / "no-such")
