"""Locks from the shell: where the key comes from, and that nobody sees it."""

from __future__ import annotations

import io
import json

import pytest

KEY = "a long and secret phrase"
INFO = {"environment": True, "queue": False, "user": "anna", "time": 1.7e9, "note": "aligning the mirror"}
OPEN = {"environment": False, "queue": False, "user": None, "time": None, "note": None}


@pytest.fixture
def key_file(tmp_path):
    """A file with the key that only its owner may use."""
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def bench(cuelight):
    """A manager whose environment is locked."""
    for method in ("lock", "unlock", "lock_info"):
        cuelight.answer(method, {"lock_info": INFO, "lock_info_uid": "l1"})
    return cuelight


def keys_in(requests):
    return [params.get("lock_key") for _, params in requests]


@pytest.mark.parametrize("verb", ["lock", "unlock", "lock info --check"])
def test_a_key_comes_from_a_file_from_standard_input_or_from_the_environment(bench, key_file, monkeypatch, verb):
    assert bench(*verb.split(), "--key-file", key_file).code == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\nmore\n"))
    assert bench(*verb.split(), "--key-file", "-").code == 0
    monkeypatch.setenv("CUELIGHT_LOCK_KEY", KEY)
    assert bench(*verb.split()).code == 0
    monkeypatch.setenv("CUELIGHT_LOCK_KEY", f"@{key_file}")
    assert bench(*verb.split()).code == 0
    assert keys_in(bench.requests) == [KEY] * 4


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("verb", ["lock", "unlock", "lock info --check"])
def test_the_key_is_never_printed_neither_after_success_nor_after_a_refusal(bench, key_file, verb, options):
    words = [*verb.split(), "--key-file", key_file, *options]
    succeeded = bench(*words)
    refusal = {"success": False, "msg": "Invalid lock key", "error": {"code": "forbidden", "details": {}}}
    for method in ("lock", "unlock", "lock_info"):
        bench.answer(method, refusal)
    refused = bench(*words)
    assert (succeeded.code, refused.code) == (0, 9)
    assert [KEY in text for ended in (succeeded, refused) for text in (ended.out, ended.err)] == [False] * 4


@pytest.mark.parametrize("verb", ["lock", "unlock", "lock info --check"])
def test_without_a_terminal_nobody_is_asked_and_the_ways_are_named(bench, monkeypatch, verb):
    monkeypatch.setattr("sys.stdin", io.StringIO("typed\n"))
    ended = bench(*verb.split())
    assert ended.code == 1
    assert "--key-file" in ended.err
    assert "CUELIGHT_LOCK_KEY" in ended.err
    assert bench.requests == []


@pytest.mark.parametrize("words", [["lock", "--key-file"], ["unlock", "--key-file"], ["queue", "start", "--lock-key"]])
def test_a_key_that_others_may_read_is_refused_with_the_fix(bench, tmp_path, words):
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(0o640)
    file = f"@{path}" if words[-1] == "--lock-key" else str(path)
    ended = bench(*words, file)
    assert (ended.code, f"chmod 600 {path}" in ended.err, KEY in ended.err) == (1, True, False)
    assert bench.requests == []


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_key_file_that_is_missing_or_empty_is_a_parameter_error(bench, tmp_path, content):
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)
        path.chmod(0o600)
    assert bench("unlock", "--key-file", str(path)).code == 1
    assert bench.requests == []


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ([], (True, True)),
        (["--environment"], (True, False)),
        (["--queue"], (False, True)),
        (["--environment", "--queue"], (True, True)),
    ],
)
def test_both_parts_are_locked_unless_one_is_named(bench, key_file, options, parts):
    assert bench("lock", *options, "--key-file", key_file, "--user", "ben").code == 0
    [(_, params)] = bench.requests
    assert (params["environment"], params["queue"]) == parts
    assert params["user"] == "ben"


def test_who_has_locked_what_is_shown(bench):
    ended = bench("lock", "info")
    lines = dict(line.split("  ", 1) for line in ended.out.splitlines())
    assert (lines["locked"].strip(), lines["by"].strip()) == ("environment", "anna")
    assert "aligning the mirror" in ended.out
    bench.answer("lock_info", {"lock_info": {**OPEN, "emergency_lock_key_is_set": True}})
    assert [line.split() for line in bench("lock", "info").out.splitlines()] == [
        ["locked", "nothing"],
        ["emergency", "key", "set"],
    ]


def test_the_lock_as_json_is_the_reply(bench):
    bench.answer("lock_info", {"success": True, "msg": "", "lock_info": INFO, "lock_info_uid": "l1"})
    reply = json.loads(bench("lock", "info", "--json").out)
    assert reply["lock_info"] == INFO


def test_whoever_meets_a_lock_is_told_how_to_give_the_key(bench):
    refusal = {"success": False, "msg": "locked by anna", "error": {"code": "locked", "details": {}}}
    bench.answer("queue_start", refusal)
    ended = bench("queue", "start")
    assert ended.code == 10
    assert "cuelight lock info" in ended.err
    assert "--lock-key @FILE" in ended.err
