"""Every method that changes something can be repeated under its key: one effect, the same answer, no other request."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.protocol.codec import decode
from queue_server.protocol.items import Origin
from queue_server.protocol.methods import METHODS
from queue_server.storage.base import StoredReply
from tests.doubles.bench import PATIENCE_S, USER, Bench, plan

KEY = {"idempotency_key": "the key"}
LOCK = {"environment": True, "lock_key": "phrase", "user": "jdoe"}
CHANGING = sorted(name for name, method in METHODS.items() if method.changes)
# What must be so before, in the words of the functions below, and the parameters; "uid" stands for an item.
CASES = {
    "environment_open": ((), {}),
    "environment_close": (("open",), {}),
    "environment_destroy": (("open",), {}),
    "environment_update": (("open",), {}),
    "queue_start": (("open", "filled"), {}),
    "queue_stop": (("running",), {}),
    "queue_stop_cancel": (("stopping",), {}),
    "queue_mode_set": ((), {"mode": {"loop": True}}),
    "queue_clear": (("filled",), {}),
    "queue_item_add": ((), {"item": plan(), **USER}),
    "queue_item_add_batch": ((), {"items": [plan(), plan()], **USER}),
    "queue_item_update": (("filled",), {"item": {**plan("scan"), "item_uid": "uid"}, "replace": True, **USER}),
    "queue_item_move": (("filled",), {"uid": "uid", "pos_dest": "back"}),
    "queue_item_remove": (("filled",), {"uid": "uid"}),
    "queue_item_hold": (("filled",), {"uid": "uid", "reason": "not yet"}),
    "queue_item_release": (("held",), {"uid": "uid"}),
    "queue_item_remove_batch": (("filled",), {"uids": ["uid"]}),
    "queue_item_move_batch": (("filled",), {"uids": ["uid"], "pos_dest": "back"}),
    "queue_undo": (("filled",), {}),
    "queue_item_execute": (("open",), {"item": plan(), **USER}),
    "queue_autostart": ((), {"enable": True}),
    "history_clear": ((), {}),
    "history_item_resolve": (("lost",), {"item_uid": "uid", "outcome": "completed", "reason": "it is all there"}),
    "lock": ((), LOCK),
    "unlock": (("locked",), {"lock_key": "phrase"}),
    "permissions_reload": ((), {}),
    "permissions_set": ((), {"user_group_permissions": {"user_groups": {"root": {"allowed_plans": [None]}}}}),
    "function_execute": (("open",), {"item": {"item_type": "function", "name": "f"}, **USER}),
    "re_pause": (("running",), {"option": "immediate"}),
    "re_resume": (("paused",), {}),
    "re_stop": (("paused",), {}),
    "re_abort": (("paused",), {}),
    "re_halt": (("paused",), {}),
    "estop_reset": ((), {"reason": "searched", "user": "jdoe"}),
    "run_add": ((), {"runs": [{"uid": "r", "file": "runs/2026-11/r.jsonl", "time_start": 1.0}]}),
}
# Whoever ends the process answers no more; an emergency stop is obeyed each time; the others are not offered here.
APART = {"manager_stop", "manager_kill", "kernel_interrupt", "estop", "script_upload"}
# Tested beside the artifacts, the exam records, the devices and the workflows.
BESIDE = ("artifact_", "batch_", "device_", "exam_", "submission_", "workflow_")
APART |= {name for name in CHANGING if name.startswith(BESIDE)}


async def arrange(bench, words):
    """Bring the manager into a state; return the uid of an item, if there is one."""
    if {"open", "running", "stopping", "paused", "lost"} & set(words):
        await bench.open()
    uids = await bench.add("count", "scan", "count") if set(words) - {"open", "locked"} else [""]
    if {"running", "stopping", "paused", "lost"} & set(words):
        await bench.do("queue_start")
        await bench.run_plan()
    if "lost" in words:
        await bench.exit()
    if "stopping" in words:
        await bench.do("queue_stop")
    if "paused" in words:
        await bench.do("re_pause", option="immediate")
        await bench.pause()
    if "held" in words:
        await bench.do("queue_item_hold", uid=uids[0], reason="not yet")
    if "locked" in words:
        await bench.do("lock", **LOCK)
    return uids[0]


def fill(value, uid):
    """Put the uid of an item where one is wanted."""
    if isinstance(value, dict):
        return {name: fill(each, uid) for name, each in value.items()}
    if isinstance(value, list):
        return [fill(each, uid) for each in value]
    return uid if value == "uid" else value


async def send(bench, method, params, envelope=KEY):
    async with asyncio.timeout(PATIENCE_S):
        return decode(await bench.request(method, "json", envelope, **params))[0]


def test_every_method_that_changes_something_is_tested_here():
    assert sorted({*CASES, *APART}) == CHANGING


@pytest.mark.fault("D13")
@pytest.mark.parametrize("method", CASES)
async def test_a_repetition_has_no_second_effect_and_the_same_answer(bench, method):
    words, params = CASES[method]
    params = fill(params, await arrange(bench, words))
    first = await send(bench, method, params)
    assert first["success"] is True, first["msg"]
    await bench.settle()
    before = bench.engine.state, await bench.rows(), len(bench.journal)
    assert await send(bench, method, params) == first
    await bench.settle()
    after = bench.engine.state, await bench.rows(), len(bench.journal)
    assert after[:2] == before[:2]
    # Nothing left but the answer itself.
    assert [entry[0] for entry in bench.journal[before[2] :]] == ["reply"]


@pytest.mark.fault("D13")
@pytest.mark.parametrize("method", CASES)
async def test_another_request_under_the_same_key_is_refused(bench, method):
    words, params = CASES[method]
    params = fill(params, await arrange(bench, words))
    assert (await send(bench, method, params))["success"] is True
    await bench.settle()
    before = bench.engine.state, await bench.rows()
    other = "queue_mode_set" if method != "queue_mode_set" else "queue_clear"
    refused = await send(bench, other, {"mode": {"ignore_failures": True}} if other == "queue_mode_set" else {})
    assert refused["error"]["code"] == "conflict"
    assert (bench.engine.state, await bench.rows()) == before


class StallingStore:
    """A store whose transactions wait for ``goes_on``."""

    def __init__(self, store):
        self._store = store
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def transact(self, work):
        await self.goes_on.wait()
        return await self._store.transact(work)


async def test_an_unfinished_request_says_so_and_is_answered_later(store):
    """The store stalls: the repetition is told after a moment, and has the answer of the first one in the end."""
    stalling = StallingStore(store)
    bench = await Bench.begin(stalling)
    stalling.goes_on.clear()
    params = {"item": plan(), **USER}
    first = bench.request("queue_item_add", "json", KEY, **params)
    unfinished = await send(bench, "queue_item_add", params)
    other = await send(bench, "queue_clear", {})
    assert (unfinished["success"], unfinished["error"]["code"]) == (False, "unfinished")
    assert unfinished["error"]["details"]["retry_after_s"] > 0
    assert other["error"]["code"] == "conflict"
    stalling.goes_on.set()
    async with asyncio.timeout(PATIENCE_S):
        answer = decode(await first)[0]
    assert await send(bench, "queue_item_add", params) == answer
    assert await bench.uids() == [answer["item"]["item_uid"]]
    await bench.end()


async def test_an_emergency_stop_is_obeyed_each_time(bench):
    await arrange(bench, ("running",))
    answers = []
    for number in (1, 2):
        answers.append(bench.request("estop", "json", KEY, reason="smoke", user="jdoe"))
        await bench.settle()
        assert bench.lane.estop.number == number
    for _, deadline in list(bench.deadlines):
        bench.engine.command(deadline, Origin())
    async with asyncio.timeout(PATIENCE_S):
        assert all([decode(await answer)[0]["success"] for answer in answers])


@pytest.mark.parametrize(
    ("before", "keep", "left"), [(50.0, 1000, 50), (0.0, 30, 30), (0.0, 1000, 100), (90.0, 30, 10)]
)
async def test_old_answers_are_forgotten_a_few_at_once(store, before, keep, left):
    def fill_up(tx):
        for number in range(100):
            tx.store_reply(f"{number}", StoredReply(b"d", b"{}"), float(number))

    def count(tx):
        return [number for number in range(100) if tx.stored_reply(f"{number}") is not None]

    await store.transact(fill_up)
    await store.transact(lambda tx: tx.forget_replies(before=before, keep=keep, most=7))
    assert len(await store.transact(count)) == max(93, left)
    for _ in range(20):
        await store.transact(lambda tx: tx.forget_replies(before=before, keep=keep, most=7))
    assert await store.transact(count) == list(range(100 - left, 100))
