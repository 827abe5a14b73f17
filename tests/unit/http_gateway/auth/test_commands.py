"""``cuelight user`` and ``cuelight key``: what they change in the database, and how they refuse."""

from __future__ import annotations

import json

import pytest

from http_gateway.auth.commands import run_key, run_user
from http_gateway.auth.local_accounts import PasswordHashes, read_hash
from http_gateway.auth.people import find_by_name
from http_gateway.auth.sessions import find_session, open_session
from http_gateway.auth.settings import DatabaseSettings
from http_gateway.auth.store import open_store


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The data directory of the commands."""
    monkeypatch.setenv("CUELIGHT_DATA", str(tmp_path))
    monkeypatch.delenv("QSERVER_HTTP_SERVER_DATABASE_URI", raising=False)
    (tmp_path / "password").write_text("a good password\n")
    return tmp_path


def look(place, work):
    store = open_store(DatabaseSettings(), place)
    try:
        return store.run(work)
    finally:
        store.close()


def add_bob(place):
    return run_user(["add", "bob", "--role", "User", "--role", "admin", "--password-file", str(place / "password")])


def listed(capsys, run, *words):
    capsys.readouterr()
    assert run(["list", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_account_is_added_with_its_roles(place, capsys):
    assert add_bob(place) == 0
    [row] = listed(capsys, run_user)
    assert (row["name"], row["provider"], row["roles"]) == ("bob", "local", ["admin", "user"])
    assert PasswordHashes().matches(look(place, lambda c: read_hash(c, "bob")), "a good password")


def test_an_account_is_added_once(place, capsys):
    add_bob(place)
    assert add_bob(place) == 1
    assert "already" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["add", 'b"b'], ["add", "bob"], ["password", "bob"]])
def test_a_bad_name_or_a_short_password_changes_nothing(place, words, capsys):
    (place / "password").write_text("short")
    assert run_user([*words, "--password-file", str(place / "password")]) != 0
    assert listed(capsys, run_user) == []


def test_a_new_password_ends_the_sessions(place):
    add_bob(place)
    person = look(place, lambda c: find_by_name(c, "local", "bob"))
    assert person is not None
    session = look(place, lambda c: open_session(c, person.uuid, 1.0, 10**10))
    (place / "password").write_text("another password")
    assert run_user(["password", "bob", "--password-file", str(place / "password")]) == 0
    assert PasswordHashes().matches(look(place, lambda c: read_hash(c, "bob")), "another password")
    ended = look(place, lambda c: find_session(c, session.uuid))
    assert ended is not None
    assert ended.revoked


def test_roles_are_set_also_before_the_first_login_elsewhere(place, capsys):
    assert run_user(["roles", "ann", "expert", "--provider", "ldap"]) == 0
    assert [row["roles"] for row in listed(capsys, run_user)] == [["expert"]]
    assert run_user(["roles", "ann", "--provider", "ldap"]) == 0
    assert [row["roles"] for row in listed(capsys, run_user)] == [[]]


def test_an_account_goes_with_its_keys_and_password(place, capsys):
    add_bob(place)
    assert run_key(["add", "bob"]) == 0
    assert run_user(["remove", "bob"]) == 0
    assert listed(capsys, run_user) == []
    assert look(place, lambda c: read_hash(c, "bob")) is None
    assert run_user(["remove", "bob"]) != 0
    assert add_bob(place) == 0


def test_a_key_of_a_program_is_printed_once(place, capsys):
    assert run_user(["add", "robot", "--service", "--role", "observer"]) == 0
    capsys.readouterr()
    assert run_key(["add", "robot", "--expires", "12h", "--scope", "read:status", "--note", "door"]) == 0
    secret = capsys.readouterr().out.strip()
    assert len(secret) == 72
    [row] = listed(capsys, run_key, "robot")
    assert (row["first_eight"], row["scopes"], row["note"]) == (secret[:8], ["read:status"], "door")
    assert run_key(["remove", "robot", secret[:8]]) == 0
    assert run_key(["remove", "robot", secret[:8]]) != 0
    assert listed(capsys, run_key, "robot") == []


@pytest.mark.parametrize("words", [["--expires", "soon"], ["--expires", "0d"], ["--scope", "read:everything"]])
def test_a_wrong_wish_makes_no_key(place, words, capsys):
    add_bob(place)
    assert run_key(["add", "bob", *words]) == 1
    assert listed(capsys, run_key, "bob") == []


def test_a_directory_that_does_not_exist_is_named(place, capsys):
    assert run_user(["list", "--data", str(place / "missing")]) == 1
    assert "--data" in capsys.readouterr().err


def test_lists_for_people_have_a_line_each(place, capsys):
    add_bob(place)
    capsys.readouterr()
    assert run_user(["list"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("bob  local  user  admin, user")


def test_help_and_wrong_words_have_exit_codes(capsys):
    assert run_user(["--help"]) == 0
    assert run_key(["nonsense"]) == 2
