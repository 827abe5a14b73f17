"""Queue and history as JSON lines: exact on the way round, and a wrong line changes nothing."""

from __future__ import annotations

import io
import json

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import ParameterError
from queue_server.storage.base import Claim
from queue_server.storage.directory import DATABASE_FILE
from queue_server.storage.exchange import (
    export_file,
    export_lines,
    give_new_uids,
    place_at_back,
    read_file,
    read_lines,
    take_in,
)
from queue_server.storage.integrity import examine
from queue_server.storage.sqlite import open_sqlite
from tests.faults.criterion import RULES, violations
from tests.faults.workload import LANES, Operation

OPERATIONS = 250
EXAMPLE = {
    "queued": {
        "kind": "queued",
        "uid": "q",
        "lane": "default",
        "submission": "s1",
        "attempt": 0,
        "reason": "",
        "content": {"name": "count", "item_uid": "q", "far": float("inf"), "text": "é\0"},
        "state": "held",
    },
    "finished": {
        "kind": "finished",
        "uid": "f",
        "lane": "other",
        "submission": "s2",
        "attempt": 2,
        "reason": "",
        "content": {"name": "scan", "item_uid": "f"},
        "result": {"exit_status": "failed", "run_uids": ["run"]},
        "ended": {
            "epoch": 3,
            "outcome": "failed",
            "time_start": 5,
            "runs": [{"uid": "run", "scan_id": None, "is_open": False, "exit_status": "fail"}],
        },
    },
}


def _open(directory, seed=3):
    return open_sqlite(directory, clock=ManualClock(), chance=Chance.seeded(seed))


def _text(*lines, queued=None, finished=None):
    found = [line["kind"] for line in lines if isinstance(line, dict)]
    header = {
        "cuelight_export": 1,
        "instance": "i",
        "queued": found.count("queued") if queued is None else queued,
        "finished": found.count("finished") if finished is None else finished,
    }
    return [json.dumps(header), *(line if isinstance(line, str) else json.dumps(line) for line in lines)]


async def _take(store, lines, *, renamed=False):
    arrivals = read_lines(lines)
    if renamed:
        arrivals = give_new_uids(arrivals, Chance.seeded(8))
    return await store.transact(lambda tx: take_in(tx, place_at_back(tx), arrivals))


def _exported(directory):
    target = io.StringIO()
    export_lines(directory / DATABASE_FILE, target)
    return target.getvalue().splitlines()


async def _without_running(directory):
    """A store with a queue and a history in each lane, and nothing that runs."""
    store = _open(directory)
    for number in range(1, OPERATIONS):
        await store.transact(Operation(11, number, store.epoch))

    while await store.transact(lambda tx: tx.running()):
        number = (await store.transact(lambda tx: tx.last_seq())) + 1
        await store.transact(Operation(11, number, store.epoch))
    await store.close()


async def test_the_way_round_is_exact(tmp_path):
    await _without_running(tmp_path / "a")
    lines = _exported(tmp_path / "a")
    assert sum('"kind":"finished"' in line for line in lines) > 3
    assert sum('"kind":"queued"' in line for line in lines) > 3
    store = _open(tmp_path / "b", seed=4)
    counted = await _take(store, lines)
    assert (counted.queued, counted.finished) == (
        json.loads(lines[0])["queued"],
        json.loads(lines[0])["finished"],
    )
    orders = {lane: [item.uid for item in await store.transact(lambda tx, at=lane: tx.queue(at))] for lane in LANES}
    await store.close()
    assert _exported(tmp_path / "b")[1:] == lines[1:]
    assert examine(tmp_path / "b" / DATABASE_FILE)[1] == []
    # The event log does not come along, so that the rules about it do not hold.
    found = violations(tmp_path / "b" / DATABASE_FILE)
    assert [text for text in found if not any(text.startswith(rule) for rule in RULES if "log" in rule)] == []
    original = _open(tmp_path / "a")
    for lane in LANES:
        assert [item.uid for item in await original.transact(lambda tx, at=lane: tx.queue(at))] == orders[lane]
    await original.close()


async def test_every_value_survives(tmp_path):
    store = _open(tmp_path / "a")
    lines = _text(EXAMPLE["finished"], EXAMPLE["queued"])
    await _take(store, lines)
    await store.close()
    assert [json.loads(line) for line in _exported(tmp_path / "a")[1:]] == [EXAMPLE["finished"], EXAMPLE["queued"]]


async def test_an_imported_item_is_found_and_goes_on_like_any_other(tmp_path):
    store = _open(tmp_path / "a")
    await _take(store, _text(EXAMPLE["finished"], {**EXAMPLE["queued"], "submission": "s2", "state": "queued"}))
    [entry] = await store.transact(lambda tx: tx.history())
    assert (entry.number, entry.item.uid, entry.result["exit_status"]) == (1, "f", "failed")
    claim = await store.transact(lambda tx: tx.claim_next("default", 1, 9.0))
    assert isinstance(claim, Claim)
    assert claim.attempt.number == 3
    await store.close()


async def test_what_runs_waits_for_a_person_elsewhere(tmp_path):
    store = _open(tmp_path / "a")
    await _take(store, _text({**EXAMPLE["queued"], "state": "queued"}))
    await store.transact(lambda tx: tx.claim_next("default", 1, 9.0))
    [line] = _exported(tmp_path / "a")[1:]
    assert (json.loads(line)["state"], "running" in json.loads(line)["reason"]) == ("held", True)
    await store.close()


async def test_new_uids_are_given_when_they_are_asked_for(tmp_path):
    store = _open(tmp_path / "a")
    copy = {**EXAMPLE["queued"], "submission": "s2"}
    lines = _text(EXAMPLE["finished"], copy)
    await _take(store, lines)
    with pytest.raises(ParameterError, match=r"Line 2, field 'uid': Item f exists already.*--new-uids"):
        await _take(store, lines)
    await _take(store, lines, renamed=True)
    [first, second] = await store.transact(lambda tx: tx.queue("default"))
    entries = await store.transact(lambda tx: tx.history())
    assert first.uid == "q"
    assert second.uid not in ("q", "f")
    assert second.content["item_uid"] == second.uid
    assert second.submission == entries[1].item.submission != "s2"
    await store.close()


async def test_under_new_uids_an_item_comes_after_the_same_items_as_before(tmp_path):
    store = _open(tmp_path / "a")
    kwargs = {"one": {"item_uid": "f", "file": "a"}, "many": [{"item_uid": "f"}, "plain"], "size": 5}
    content = {"item_type": "dag", "name": "merge", "item_uid": "q", "after": ["f", "elsewhere"], "kwargs": kwargs}
    await _take(store, _text(EXAMPLE["finished"], {**EXAMPLE["queued"], "content": content}), renamed=True)
    [item] = await store.transact(lambda tx: tx.queue("default"))
    [entry] = await store.transact(lambda tx: tx.history())
    uid = entry.item.uid
    assert item.content["after"] == [uid, "elsewhere"]
    assert item.content["kwargs"] == {
        "one": {"item_uid": uid, "file": "a"},
        "many": [{"item_uid": uid}, "plain"],
        "size": 5,
    }
    await store.close()


async def test_what_was_completed_elsewhere_counts_as_completed(tmp_path):
    store = _open(tmp_path / "a")
    result = {"exit_status": "completed"}
    ended = {**EXAMPLE["finished"]["ended"], "outcome": "completed"}
    await _take(store, _text({**EXAMPLE["finished"], "result": result, "ended": ended}))
    assert await store.transact(lambda tx: tx.completed("s2")) == "f"
    await store.close()


def _changed(which, **changes):
    return {**EXAMPLE[which], **changes}


def _without(kind, name):
    return {key: value for key, value in EXAMPLE[kind].items() if key != name}


ENDED = EXAMPLE["finished"]["ended"]
WRONG = {
    "not JSON": ('{"kind":', r"Line 3: it is not JSON"),
    "not an object": ("[1]", r"Line 3: it is not an object"),
    "deep": ("[" * 100_000, r"Line 3: it is not JSON"),
    "another kind": (_changed("queued", kind="running"), r"Line 3, field 'kind': it is queued or finished"),
    "a missing field": (_without("queued", "lane"), r"Line 3, field 'lane': it is missing"),
    "a further field": (_changed("queued", extra=1), r"Line 3, field 'extra': there is no such field"),
    "an empty uid": (_changed("queued", uid=""), r"Line 3, field 'uid': it must be a text that is not empty"),
    "a number as lane": (_changed("queued", lane=1), r"Line 3, field 'lane'"),
    "a text as content": (_changed("queued", content="x"), r"Line 3, field 'content': it must be an object"),
    "a truth value as attempt": (_changed("queued", attempt=True), r"Line 3, field 'attempt'"),
    "a negative attempt": (_changed("queued", attempt=-1), r"Line 3, field 'attempt': it must be a number from 0"),
    "an unknown state": (_changed("queued", state="running"), r"Line 3, field 'state': it must be queued or held"),
    "no attempt": (_changed("finished", attempt=0), r"Line 3, field 'attempt': it must be a number from 1"),
    "no result": (_changed("finished", result=None), r"Line 3, field 'result': it must be an object"),
    "an unknown outcome": (
        _changed("finished", ended={**ENDED, "outcome": "fine"}),
        r"Line 3, field 'ended\.outcome': it must be one of completed",
    ),
    "a wrong run": (
        _changed("finished", ended={**ENDED, "runs": [{"uid": "r"}]}),
        r"Line 3, field 'ended\.runs\[0\]\.exit_status': it is missing",
    ),
    "a run of text": (_changed("finished", ended={**ENDED, "runs": ["r"]}), r"field 'ended\.runs\[0\]': it is not"),
    "the same uid twice": (_changed("queued", uid="first"), r"Line 3, field 'uid': Item first exists already"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_line_is_named_and_changes_nothing(what, tmp_path):
    line, told = WRONG[what]
    kind = line["kind"] if isinstance(line, dict) else "queued"
    counts = {"queued": 2, "finished": 0} if kind != "finished" else {"queued": 1, "finished": 1}
    lines = _text(_changed("queued", uid="first"), line, **counts)
    store = _open(tmp_path / "a")
    with pytest.raises(ParameterError, match=told) as caught:
        await _take(store, lines)
    assert "Nothing was changed" in str(caught.value)
    assert caught.value.details["line"] == 3
    assert await store.transact(lambda tx: (tx.count_queue("default"), tx.count_history())) == (0, 0)
    await store.close()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "the file is empty"),
        (["{}"], r"field 'cuelight_export': this release reads version 1, not None"),
        ([json.dumps({"cuelight_export": 2})], "reads version 1, not 2"),
        (_text(queued=1), r"the header says 1, and there are 0: the file is not complete"),
        (_text(EXAMPLE["queued"], queued=-1), r"field 'queued': it must be a number from 0"),
    ],
)
def test_a_wrong_header_is_refused(lines, told):
    with pytest.raises(ParameterError, match=rf"Line 1.*{told}"):
        read_lines(lines)


async def test_an_export_is_a_file_for_this_user_alone_and_replaces_another(tmp_path):
    store = _open(tmp_path / "a")
    await _take(store, _text(EXAMPLE["queued"]))
    (tmp_path / "x.jsonl").write_text("older")
    export_file(tmp_path / "a" / DATABASE_FILE, tmp_path / "x.jsonl")
    assert (tmp_path / "x.jsonl").stat().st_mode & 0o777 == 0o600
    assert len(read_lines(read_file(tmp_path / "x.jsonl"))) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "x.jsonl"]
    await store.close()


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff")
    for name in ("none", "x"):
        with pytest.raises(ParameterError, match="cannot be read"):
            read_lines(read_file(tmp_path / name))
