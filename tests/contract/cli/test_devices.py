"""The verbs of devices: what is shown of them, and where a token goes that is told once."""

from __future__ import annotations

import json
import stat

import pytest

CREDENTIALS = {"device_id": "d1", "device_token": "a token"}
SCANNER = {
    "id": "d1",
    "name": "low field",
    "status": "ERROR",
    "condition": "needs_restart",
    "reason": "look after it",
    "has_token": False,
    "lane_length": 7,
}
OF_WORKER = {
    "name": "det1",
    "lane": "b",
    "status": "ONLINE",
    "classname": "Simulated",
    "is_readable": True,
    "is_movable": True,
    "is_flyable": False,
}
VERBS = [
    (("device", "create", "scanner", "low field"), "device_create"),
    (("device", "rotate-token", "d1"), "device_rotate_token"),
]


@pytest.fixture
def bench(cuelight):
    """A manager with a device of each kind."""
    for method in ("device_create", "device_rotate_token"):
        cuelight.answer(method, CREDENTIALS)
    devices = {"scanner": [SCANNER], "ophyd": [OF_WORKER]}
    cuelight.answer("device_list", lambda params: {"devices": devices[params["kind"]], "next_cursor": "a\\b"})
    cuelight.answer("device_get", {"device": SCANNER})
    cuelight.answer("device_delete", {"held_items": 3})
    return cuelight


@pytest.mark.parametrize(("words", "method"), VERBS)
def test_a_token_is_printed_where_no_file_is_named(bench, words, method):
    ended = bench(*words)
    assert (ended.code, json.loads(ended.out)) == (0, CREDENTIALS)
    assert json.loads(bench(*words, "--json").out)["device_token"] == "a token"


@pytest.mark.parametrize("more", [(), ("--json",)])
@pytest.mark.parametrize(("words", "method"), VERBS)
def test_a_token_goes_into_a_file_that_only_its_owner_may_read(bench, words, method, more, tmp_path):
    file = tmp_path / "device_credentials.json"
    ended = bench(*words, "--credentials", str(file), *more)
    assert (ended.code, json.loads(file.read_text())) == (0, CREDENTIALS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "a token" not in ended.out + ended.err
    assert "d1" in ended.out


def test_a_file_that_is_there_already_is_left_and_nothing_is_asked(bench, tmp_path):
    file = tmp_path / "device_credentials.json"
    file.write_text("older")
    ended = bench("device", "create", "scanner", "low field", "--credentials", str(file))
    assert (ended.code, file.read_text(), bench.requests) == (1, "older", [])
    assert "Nothing was done" in ended.err


def test_a_refused_request_leaves_no_file(bench, tmp_path):
    bench.answer("device_create", {"success": False, "msg": "no", "error": {"code": "refused", "details": {}}})
    file = tmp_path / "device_credentials.json"
    ended = bench("device", "create", "scanner", "low field", "--credentials", str(file))
    assert (ended.code, file.exists()) == (2, False)


def test_scanners_are_listed_with_what_they_do(bench):
    ended = bench("device", "list")
    shown = ("d1", "low field", "ERROR", "needs restart", "7", "look after it", "its token was revoked")
    assert all(word in ended.out for word in shown)
    assert "--cursor" in ended.err


def test_the_devices_of_workers_are_listed_with_their_lanes(bench):
    ended = bench("device", "list", "--kind", "ophyd")
    assert all(word in ended.out for word in ("det1", "b", "ONLINE", "Simulated", "read, moved"))


def test_a_scanner_is_shown_with_everything(bench):
    assert json.loads(bench("device", "show", "d1").out) == SCANNER


def test_parameters_are_a_map(bench, tmp_path):
    (tmp_path / "list.yaml").write_text("[1, 2]")
    ended = bench("device", "parameter", "d1", str(tmp_path / "list.yaml"))
    assert (ended.code, "must be a map" in ended.err, bench.requests) == (1, True, [])


def test_a_token_that_others_may_read_is_refused(bench, tmp_path):
    (tmp_path / "token").write_text("x" * 64)
    (tmp_path / "token").chmod(0o644)
    ended = bench("device", "import-token", "d1", "--token-file", str(tmp_path / "token"))
    assert (ended.code, "chmod 600" in ended.err, bench.requests) == (1, True, [])


def test_a_deletion_tells_how_many_items_are_held(bench):
    assert "3 items are held" in bench("device", "delete", "d1").err
