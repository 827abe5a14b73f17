"""The worker link: from raw bytes to messages, and nothing but messages of the right direction."""

from __future__ import annotations

import math
from typing import Any, get_args

import msgpack
import pytest

from queue_server.protocol.codec import WORKER_BOUNDS, encode
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.items import AttemptKey, Run
from queue_server.protocol.worker_link import (
    Acknowledge,
    Console,
    Execute,
    FromWorker,
    Heartbeat,
    Hello,
    ItemFinished,
    Pause,
    Progress,
    Report,
    RunOpened,
    Telegram,
    ToWorker,
    Welcome,
    pack,
    read_from_worker,
    read_to_worker,
)

KEY = AttemptKey("item", "submission", "default", 1, 2)
RAW_KEY = {"item_uid": "item", "submission": "submission", "lane": "default", "number": 1, "epoch": 2}
RAW_HELLO = {
    "kind": "hello",
    "version": 1,
    "lane": "default",
    "incarnation": "w",
    "pid": 5,
    "environment": "open",
    "re_state": "running",
    "attempt": RAW_KEY,
    "runs": [{"uid": "r", "scan_id": 1, "is_open": True, "exit_status": None}],
    "next_report": 3,
}
RAW_FINISHED = {
    "kind": "item_finished",
    "number": 7,
    "attempt": RAW_KEY,
    "outcome": "completed",
    "time_start": 1.0,
    "time_stop": 2.0,
    "run_uids": ["r"],
    "scan_ids": [1],
    "message": "",
    "traceback": "",
    "points": 5,
}


def raw(value) -> bytes:
    packed: Any = msgpack.packb(value)
    return packed


def refuse(frame, read=read_from_worker):
    with pytest.raises(EnvelopeError) as caught:
        read(frame)
    return caught.value.message


def test_every_message_has_a_kind_of_its_own():
    classes = [*get_args(FromWorker), *get_args(ToWorker)]
    kinds = [each.model_fields["kind"].default for each in classes]
    assert len(set(kinds)) == len(kinds)


def test_reports_are_numbered_and_telegrams_are_not():
    assert all("number" in each.model_fields for each in get_args(Report))
    assert not any("number" in each.model_fields for each in get_args(Telegram))


def test_a_hello_is_read_from_its_bytes():
    message = read_from_worker(raw(RAW_HELLO))
    assert message == Hello(
        lane="default",
        incarnation="w",
        pid=5,
        environment="open",
        re_state="running",
        attempt=KEY,
        runs=(Run("r", 1),),
        next_report=3,
    )


def test_a_finish_is_read_from_its_bytes():
    message = read_from_worker(raw(RAW_FINISHED))
    assert isinstance(message, ItemFinished)
    assert (message.attempt, message.run_uids, message.scan_ids) == (KEY, ("r",), (1,))


def test_an_order_is_read_from_its_bytes():
    frame = raw({"kind": "execute", "attempt": RAW_KEY, "content": {"name": "count", "args": [["det1"]]}})
    assert read_to_worker(frame) == Execute(attempt=KEY, content={"name": "count", "args": [["det1"]]})


def test_a_message_is_msgpack_with_its_kind():
    assert msgpack.unpackb(pack(Pause(attempt=KEY, option="deferred"))) == {
        "kind": "pause",
        "attempt": RAW_KEY,
        "option": "deferred",
    }


def test_what_a_worker_leaves_out_has_a_default():
    short = {"kind": "run_opened", "number": 1, "attempt": RAW_KEY, "run_uid": "r"}
    assert read_from_worker(raw(short)) == RunOpened(number=1, attempt=KEY, run_uid="r", scan_id=None)


@pytest.mark.parametrize("message", [Welcome(epoch=1), Acknowledge(number=1), Pause(attempt=KEY, option="deferred")])
def test_an_order_is_no_message_of_a_worker(message):
    assert "Not a message of the worker link" in refuse(pack(message))


@pytest.mark.parametrize(
    "message", [Heartbeat(main_thread_age_s=0.0), Console(time=1.0, text="x"), Progress(attempt=KEY, points=1)]
)
def test_a_message_of_a_worker_is_no_order(message):
    assert "Not a message of the worker link" in refuse(pack(message), read_to_worker)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "unknown"},
        {"kind": None},
        {"kind": ["hello"]},
        {"extra": 1},
        {"lane": 5},
        {"lane": None},
        {"pid": "x"},
        {"environment": "closed"},
        {"attempt": {"item_uid": "x"}},
        {"attempt": "x"},
        {"attempt": {**RAW_KEY, "number": "one"}},
        {"runs": "x"},
        {"runs": [5]},
        {"runs": [{"scan_id": 1}]},
        {"next_report": 0},
        {"next_report": None},
    ],
    ids=str,
)
def test_a_hello_with_a_wrong_field_is_refused(change):
    assert "Not a message of the worker link" in refuse(raw({**RAW_HELLO, **change}))


@pytest.mark.parametrize("name", sorted(set(RAW_FINISHED) - {"run_uids", "scan_ids", "message", "traceback", "points"}))
def test_a_finish_without_a_required_field_is_refused(name):
    assert refuse(raw({key: value for key, value in RAW_FINISHED.items() if key != name}))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["time_start", "time_stop"])
def test_times_are_numbers_that_can_be_written_down(name, number):
    assert refuse(raw({**RAW_FINISHED, name: number}))


@pytest.mark.parametrize(
    "change", [{"outcome": "fine"}, {"points": -1}, {"run_uids": [5]}, {"scan_ids": ["x"]}], ids=str
)
def test_a_finish_with_a_wrong_value_is_refused(change):
    assert refuse(raw({**RAW_FINISHED, **change}))


@pytest.mark.parametrize(
    "frame", [b"", b"\x00", b"\xff" * 50, b"not a map", raw([1, 2]), raw({}), raw({5: 6}), b"\x80\x04K\x01.", b"{}"]
)
@pytest.mark.parametrize("read", [read_from_worker, read_to_worker])
def test_junk_is_refused(read, frame):
    assert refuse(frame, read)


def test_a_frame_of_a_worker_is_bounded_and_one_of_the_manager_may_carry_a_large_item():
    large = encode(
        {"kind": "execute", "attempt": RAW_KEY, "content": {"args": ["x" * (WORKER_BOUNDS.size_bytes + 1)]}}, "msgpack"
    )
    assert isinstance(read_to_worker(large), Execute)
    console = encode({"kind": "console", "time": 1.0, "text": "x" * WORKER_BOUNDS.size_bytes}, "msgpack")
    assert "at most 1048576" in refuse(console)


def test_messages_cannot_be_changed():
    message = Welcome(epoch=1)
    with pytest.raises(ValueError, match="frozen"):
        message.epoch = 2


def refuse_of_worker(kind, **fields):
    return refuse(encode({"kind": kind, "number": 1, **fields}, "msgpack"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": 2**63},
        {"epoch": -1},
        {"item_uid": "x" * 600},
        {"lane": "x" * 600},
    ],
)
def test_an_attempt_that_cannot_be_stored_is_refused(wrong):
    assert refuse_of_worker("run_opened", attempt={**RAW_KEY, **wrong}, run_uid="r")


@pytest.mark.parametrize(
    "wrong",
    [
        {"run_uid": ""},
        {"run_uid": "x" * 600},
        {"run_uid": "r", "scan_id": 2**63},
        {"run_uid": "r", "scan_id": -(2**63)},
    ],
)
def test_a_run_that_cannot_be_stored_is_refused(wrong):
    assert refuse_of_worker("run_opened", attempt=RAW_KEY, **wrong)
    run = {"uid": wrong["run_uid"], "scan_id": wrong.get("scan_id")}
    fields = {"lane": "default", "incarnation": "w", "pid": 1, "environment": "open", "next_report": 1, "runs": [run]}
    assert refuse(encode({"kind": "hello", **fields}, "msgpack"))


def test_a_result_that_cannot_be_stored_is_refused():
    end = {"attempt": RAW_KEY, "outcome": "failed", "time_start": 0.0, "time_stop": 1.0}
    assert refuse_of_worker("item_finished", **end, scan_ids=[2**63])
    assert refuse_of_worker("item_finished", **end, points=2**63)
