"""The lock: what it forbids, to whom, and who takes it off."""

from __future__ import annotations

import pytest

from queue_server.protocol.methods import METHODS
from tests.doubles.bench import USER, plan

LOCK = {"lock_key": "k-e-y", "user": "ada", "note": "mirror alignment"}
NOT_LOCKED = {"environment": False, "queue": False, "user": None, "time": None, "time_str": "", "note": None}
BY_LOCK = {
    part: sorted(name for name, method in METHODS.items() if method.lock == part) for part in ("environment", "queue")
}


async def test_without_a_lock_its_info_says_so(bench):
    reply = await bench.do("lock_info")
    assert reply["lock_info"] == {**NOT_LOCKED, "emergency_lock_key_is_set": True}
    assert reply["lock_info_uid"] == bench.status["lock_info_uid"]


async def test_a_lock_shows_who_has_it_since_when_and_why_but_never_its_key(bench):
    before = bench.status
    reply = await bench.do("lock", environment=True, **LOCK)
    info = reply["lock_info"]
    assert (info["environment"], info["queue"], info["user"]) == (True, False, "ada")
    assert (info["note"], info["time"]) == ("mirror alignment", bench.clock.wall())
    assert info["time_str"]
    assert reply["lock_info_uid"] == bench.status["lock_info_uid"] != before["lock_info_uid"]
    assert bench.status["lock"] == {"environment": True, "queue": False}
    assert await bench.do("lock_info") == reply
    assert "k-e-y" not in str(bench.journal)


async def test_the_key_stands_neither_in_the_store_nor_in_the_event_log(bench, store):
    await bench.do("lock", queue=True, **LOCK)
    await bench.do("queue_item_add", item=plan(), lock_key="k-e-y", **USER)
    core = await store.transact(lambda tx: tx.load("core"))
    assert b"k-e-y" not in core
    assert "k-e-y" not in str((await bench.do("events_get"))["events"])
    assert "k-e-y" not in str((await bench.do("queue_get"))["items"])


@pytest.mark.parametrize("part", ["environment", "queue"])
async def test_every_method_of_the_locked_part_and_no_other_asks_for_the_key(bench, part):
    await bench.do("lock", **{part: True}, **LOCK)
    other = "queue" if part == "environment" else "environment"
    for name in BY_LOCK[part]:
        reply = await bench.ask(name, **_complete(name))
        assert reply["error"]["code"] == "locked", name
        assert "Invalid lock key" in reply["msg"], name
        assert "ada" in reply["msg"], name
    for name in BY_LOCK[other]:
        reply = await bench.ask(name, **_complete(name))
        assert reply.get("error", {}).get("code") != "locked", name


def _complete(name):
    """Return parameters that a method accepts."""
    return {
        "queue_mode_set": {"mode": {}},
        "queue_autostart": {"enable": False},
        **{name: {"batch_id": "x"} for name in ("batch_cancel", "batch_hold", "batch_resume", "batch_retry")},
        "queue_item_hold": {"uid": "x"},
        "queue_item_release": {"uid": "x"},
        "exam_task_trigger": {"task_id": "x"},
        "history_item_resolve": {"item_uid": "x", "outcome": "failed", "reason": "seen"},
        "device_set": {"name": "det1", "value": 1},
        "device_stop": {"name": "det1"},
    }.get(name, dict(METHODS[name].example))


async def test_whoever_has_the_key_goes_on(bench):
    await bench.do("lock", environment=True, queue=True, **LOCK)
    await bench.do("queue_item_add", item=plan(), lock_key="k-e-y", **USER)
    await bench.do("environment_open", lock_key="k-e-y")
    reply = await bench.refuse("queue_clear", lock_key="another")
    assert "Invalid lock key" in reply["msg"]
    await bench.refuse("queue_clear", lock_key="emergency")


async def test_a_locked_pause_is_refused_and_does_not_leave(executing):
    await executing.do("lock", environment=True, **LOCK)
    mark = len(executing.journal)
    assert (await executing.ask("re_pause"))["error"]["code"] == "locked"
    assert executing.noted("send", mark) == []
    await executing.do("re_pause", lock_key="k-e-y")


@pytest.mark.parametrize("key", ["k-e-y", "emergency"])
async def test_the_key_and_the_emergency_key_take_the_lock_off(bench, key):
    await bench.do("lock", queue=True, **LOCK)
    reply = await bench.do("unlock", lock_key=key)
    assert reply["lock_info"] == {**NOT_LOCKED, "emergency_lock_key_is_set": True}
    assert bench.status["lock"] == {"environment": False, "queue": False}
    await bench.do("queue_clear")


async def test_a_wrong_key_leaves_the_lock_on(bench):
    locked = await bench.do("lock", queue=True, **LOCK)
    reply = await bench.refuse("unlock", lock_key="wrong")
    assert "Invalid lock key" in reply["msg"]
    assert (reply["lock_info"], reply["lock_info_uid"]) == (locked["lock_info"], locked["lock_info_uid"])
    assert bench.status["lock"]["queue"] is True


async def test_an_open_lock_can_be_opened_with_any_key(bench):
    before = bench.status
    await bench.do("unlock", lock_key="any")
    assert bench.status == before


async def test_a_key_can_be_tried_without_using_it(bench):
    await bench.do("lock_info", lock_key="any")
    await bench.do("lock", queue=True, **LOCK)
    await bench.do("lock_info", lock_key="k-e-y")
    await bench.do("lock_info", lock_key=None)
    for wrong in ("wrong", "emergency"):
        reply = await bench.refuse("lock_info", lock_key=wrong)
        assert "Invalid lock key" in reply["msg"]
        assert reply["lock_info"]["user"] == "ada"


async def test_only_whoever_has_the_key_changes_a_lock(bench):
    await bench.do("lock", queue=True, **LOCK)
    reply = await bench.refuse("lock", queue=True, lock_key="other", user="bob")
    assert "different key" in reply["msg"]
    await bench.do("lock", environment=True, **LOCK)
    assert bench.status["lock"] == {"environment": True, "queue": False}


async def test_a_lock_of_nothing_is_refused(bench):
    assert "environment and/or queue must be selected" in (await bench.refuse("lock", **LOCK))["msg"]
    for missing in ("lock_key", "user"):
        params = {name: value for name, value in LOCK.items() if name != missing}
        reply = await bench.refuse("lock", queue=True, **params)
        assert reply["error"]["details"]["field"] == missing
        assert (reply["lock_info"], reply["lock_info_uid"]) == ({}, None)


async def test_a_lock_outlasts_the_manager(bench, make_bench, store):
    locked = await bench.do("lock", queue=True, **LOCK)
    await bench.end()
    again = await make_bench(store.reopen())
    assert await again.do("lock_info") == locked
    assert (await again.refuse("queue_clear"))["error"]["code"] == "locked"
    await again.do("queue_clear", lock_key="k-e-y")


async def test_guessing_is_slow_and_whoever_has_the_key_is_not_slowed(bench):
    await bench.do("lock", queue=True, **LOCK)
    await bench.do("queue_clear", lock_key="k-e-y")
    codes = [(await bench.ask("unlock", lock_key=f"guess {number}"))["error"]["code"] for number in range(12)]
    assert set(codes[:10]) == {"forbidden"}
    assert set(codes[10:]) == {"busy"}
    await bench.do("queue_clear", lock_key="k-e-y")
    bench.clock.advance(61)
    await bench.do("unlock", lock_key="k-e-y")
