"""I11: a worker whose startup code is hostile. It has the pid, the link and the files of its lane, and nothing else."""

from __future__ import annotations

import json
import shutil
import socket
import struct
import time
import zlib
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import zmq

from queue_server.process import living_workers
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.notices import PROGRESS_TOPIC
from queue_server.protocol.worker_link import ItemFinished, pack
from tests.faults.askers import asking, connect, measure_status, p99
from tests.faults.test_limits_peers import MB, Memory
from tests.faults.tiers import rounds
from tests.processes.waiting import kill

HOSTILE = Path(__file__).parent / "hostile.py"
MESSAGES = rounds(10_000, 100_000)
MOST_GROWTH_MB = 16
MOST_STATUS_MS = 100
PATIENCE_S = 300
MIB = 1024 * 1024


class Inside:
    """The way to the hostile code in the worker."""

    def __init__(self, startup: Path) -> None:
        self._place = startup / "hostile"

    def do(self, what, **arguments):
        """Have something done; return the answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_S)
            connection.connect(str(self._place))
            connection.sendall(json.dumps([what, arguments]).encode() + b"\n")
            with connection.makefile() as answer:
                return json.loads(answer.readline())


class Lane:
    """A lane with something in its history, something that runs, and something that waits."""

    def __init__(self, rig, gate):
        self.manager = rig.recover()
        ask = self.ask = self.manager.requester
        ask.open()
        self.inside = Inside(rig.startup)
        self.gate = gate
        done = ask.add("quick", label="done")
        ask.do("queue_start")
        ask.wait_for(lambda status: status["items_in_history"] == 1, "the first plan")
        ask.wait_for_state("idle")
        running = ask.add("hold", str(gate))
        waiting = [ask.add("quick", label=str(number)) for number in range(2)]
        ask.do("queue_start")
        [self.run] = ask.wait_for_runs()
        self.key = AttemptKey(running, running, "default", 1, ask.status()["epoch"])
        self.others = [
            replace(self.key, item_uid=waiting[0], submission=waiting[0]),
            replace(self.key, item_uid=done, submission=done),
            replace(self.key, item_uid=done),
            replace(self.key, submission=done),
            replace(self.key, item_uid="nobody", submission="nobody"),
            replace(self.key, epoch=self.key.epoch - 1),
            replace(self.key, epoch=self.key.epoch + 1),
            replace(self.key, number=2),
            replace(self.key, number=0),
            replace(self.key, lane="other"),
            replace(self.key, lane="default\0"),
            replace(self.key, item_uid="x" * 100_000),
            replace(self.key, number=2**64 - 1),
            replace(self.key, epoch=2**64 - 1),
        ]

    def look(self):
        """Return all that a worker has no business with."""
        status = self.ask.status()
        told = {name: status[name] for name in ("running_item_uid", "items_in_queue", "items_in_history", "epoch")}
        return told, self.ask.do("queue_get")["items"], self.ask.history(), self.ask.do("re_runs")["run_list"]

    def open_again(self):
        """Kill the worker, and let another one execute what waits: nothing of the first one is in its way."""
        pids = living_workers(self.manager.data / "workers")
        if pids:
            kill(*pids)
        ask = self.ask
        ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "the end of the worker")
        entry = ask.history()[-1]
        assert (entry["item_uid"], entry["result"]["exit_status"]) == (self.key.item_uid, "unknown")
        assert entry["result"]["run_uids"] == [self.run["uid"]]
        held, *waiting = ask.queue()
        assert held["state"] == "held"
        ask.do("queue_item_remove", uid=held["item_uid"])
        ask.open()
        ask.do("queue_start")
        ask.wait_for(lambda status: status["items_in_queue"] == 0, "the others")
        ask.wait_for_state("idle")
        assert [item["item_uid"] for item in ask.history()[-2:]] == [item["item_uid"] for item in waiting]


@pytest.fixture
def lane(rig, tmp_path):
    """A lane with a hostile worker; the manager says nothing on standard error, and raises nothing."""
    shutil.copy(HOSTILE, rig.startup / "02-hostile.py")
    lane = Lane(rig, tmp_path / "gate")
    yield lane
    assert lane.manager.is_alive
    assert "Traceback" not in lane.manager.log(), lane.manager.log_end()


def finish(key, **fields):
    """The message that an attempt has ended, as fields."""
    times = {"time_start": 0.0, "time_stop": 1.0}
    return {"kind": "item_finished", "attempt": asdict(key), "outcome": "completed", **times, **fields}


def forgeries(lane):
    """Return what is forged about items, epochs, runs and history."""
    run_uid = lane.ask.history()[0]["result"]["run_uids"][0]
    for key in lane.others:
        attempt = asdict(key)
        yield finish(key, run_uids=["forged"])
        yield {"kind": "run_opened", "attempt": attempt, "run_uid": "forged"}
        yield {"kind": "run_closed", "attempt": attempt, "run_uid": run_uid, "exit_status": "forged"}
        yield {"kind": "progress", "attempt": attempt, "points": 666}
    own = {"attempt": asdict(lane.key)}
    yield {"kind": "run_opened", **own, "run_uid": ""}
    yield {"kind": "run_opened", **own, "run_uid": "x" * 1_000}
    yield {"kind": "run_opened", **own, "run_uid": "forged", "scan_id": 2**64 - 1}
    yield {"kind": "progress", **own, "points": -1}
    yield {"kind": "task_finished", "task_uid": "forged", "success": True, "time_start": 0.0, "time_stop": 1.0}
    yield {"kind": "stop_report", "order": 1, "stopped": ["motor"]}
    yield {"kind": "re_state_changed", "re_state": "x" * 1_000}
    yield {"kind": "heartbeat", "main_thread_age_s": -1.0}


def test_what_a_hostile_worker_forges_about_others_is_not_applied(lane, figure):
    before, messages = lane.look(), list(forgeries(lane))
    with connect(zmq.SUB, lane.manager.ready["info"]) as notices:
        notices.subscribe(PROGRESS_TOPIC)
        reports = lane.inside.do("tell", messages=messages, attempt=asdict(lane.key), stay=True)
        kinds = ("late_report", "unreadable_report")

        def recorded(_):
            events = lane.ask.do("events_get", since=0, limit=1000)["events"]
            return sum(event["kind"] in kinds for event in events) == reports

        lane.ask.wait_for(recorded, "a record of every report")
        assert not notices.poll(200)
    # A worker that nobody started, and one that names another process as itself.
    lane.inside.do("tell", messages=[finish(lane.key)], incarnation="stranger", attempt=asdict(lane.key))
    lane.inside.do("tell", messages=[finish(lane.key)], pid=1, attempt=asdict(lane.key))
    lane.inside.do("tell", messages=[finish(lane.key)], lane="other", attempt=asdict(lane.key))
    with asking(lane.manager.ready["control"]) as asker:
        measure_status(asker, 0.5)
    after = lane.look()
    figure(
        "forged messages, and applied ones", f"{len(messages)}, 0", f"{len(messages)}, {0 if after == before else 1}"
    )
    assert after == before
    lane.open_again()


def flood(lane):
    """Return what is sent again and again, and its share."""
    page = {f"device {number}": {"text": "x" * 1_000} for number in range(20)}
    late = [finish(other, message="x" * 500) for other in lane.others[:6]]
    progress = [{"kind": "progress", "attempt": asdict(of), "points": 1} for of in (lane.key, lane.others[0])]
    return [
        (late, 0.25),
        ([finish(lane.others[0], message="x" * 900_000)], 0.002),
        ([{"kind": "console", "time": 0.0, "text": "x" * 10_000}], 0.1),
        ([{"kind": "console", "time": 0.0, "text": "x" * 900_000}], 0.001),
        (progress, 0.1),
        ([{"kind": "heartbeat", "main_thread_age_s": age_s} for age_s in (0.0, 9.0)], 0.2),
        ([{"kind": "catalog_page", "catalog": "devices", "first": True, "entries": page}], 0.01),
        ([{"kind": "metadata", "values": {"text": "x" * 1_000}}], 0.05),
        ([{"kind": "re_state_changed", "re_state": state} for state in ("running", "idle")], 0.1),
        ([{"kind": "stop_report", "order": 1, "stopped": ["x" * 100]}], 0.087),
    ]


@pytest.mark.fault("I11", scales=True)
@pytest.mark.timeout(rounds(240, 1200))
def test_a_flood_of_a_hostile_worker_takes_neither_memory_nor_time(lane, figure):
    before, shares = lane.look(), flood(lane)
    # What the first of each kind needs for ever is not counted.
    for messages, _ in shares:
        lane.inside.do("tell", messages=messages, attempt=asdict(lane.key))
    memory, sent, times = Memory(lane.manager.process.pid), 0, list[float]()
    with asking(lane.manager.ready["control"]) as asker:
        for messages, share in shares:
            rest = round(share * MESSAGES)
            while rest > 0:
                # In parts, because what nobody takes is dropped before it comes to the manager.
                part = max(1, min(rest, 1_000) // len(messages))
                lane.inside.do("tell", messages=messages, times=part, attempt=asdict(lane.key))
                times += measure_status(asker, 0.02, 0.001)
                sent, rest = sent + part * len(messages), rest - part * len(messages)
        for many in (1, 200):
            sent += lane.inside.do("greet", times=round(0.05 * MESSAGES) // many, incarnations=many)
            times += measure_status(asker, 1.0)
        lane.inside.do("send_large", size_bytes=64 * MIB)
        times += measure_status(asker, 3.0)
    after = lane.look()
    figure(
        f"{sent:,} messages and a frame of 64 MiB of a worker: memory, MB",
        MOST_GROWTH_MB,
        f"{memory.growth_bytes / MB:.1f}",
    )
    figure("status p99 meanwhile, ms", MOST_STATUS_MS, f"{p99(times):.1f}")
    figure("messages that were applied", 0, 0 if after == before else 1)
    assert after == before
    assert memory.growth_bytes <= MOST_GROWTH_MB * MB
    assert p99(times) <= 5 * MOST_STATUS_MS
    lane.open_again()


def block_of(frame):
    """Return a record as it stands in the file."""
    return struct.pack(">II", len(frame), zlib.crc32(frame)) + frame


def record_of(key, **fields):
    """Return the record of an end."""
    times = {"time_start": 0.0, "time_stop": 1.0}
    message = ItemFinished.model_construct(number=0, attempt=key, outcome="completed", **times, **fields)
    return block_of(pack(message))


LEFT = (
    "a pipe",
    "a link to a file",
    "a value that cannot be stored",
    "other items",
    "4 MiB of small records",
    "64 MiB",
    "a link to a device",
)


def files(lane, directory):
    """Return what a hostile worker leaves in the place of its file."""
    own = directory / "own"
    own.write_bytes(record_of(lane.key))
    many = b"".join(record_of(key) for key in lane.others[:6])
    return {
        "a pipe": {"pipe": True},
        "a link to a file": {"target": str(own)},
        "a value that cannot be stored": {"content_hex": record_of(lane.key, scan_ids=(2**64 - 1,)).hex()},
        "other items": {"content_hex": many.hex()},
        "4 MiB of small records": {"content_hex": (block_of(b"\x80") * (4 * MIB // 9)).hex()},
        "64 MiB": {"content_hex": (struct.pack(">II", 64 * MIB, 0) + bytes(64 * MIB)).hex()},
        "a link to a device": {"target": "/dev/zero"},
    }


@pytest.mark.fault("I11", scales=True)
@pytest.mark.parametrize("kind", LEFT[: rounds(3, len(LEFT))])
def test_what_a_hostile_worker_leaves_behind_is_not_applied(lane, tmp_path, kind, figure):
    history = lane.ask.history()
    lane.inside.do("replace_records", **files(lane, tmp_path)[kind])
    memory, began_s = Memory(lane.manager.process.pid), time.monotonic()
    lane.open_again()
    took_s = time.monotonic() - began_s
    assert lane.ask.history()[: len(history)] == history
    figure(f"memory after a worker has left {kind}, MB", MOST_GROWTH_MB, f"{memory.growth_bytes / MB:.1f}")
    assert memory.growth_bytes <= MOST_GROWTH_MB * MB
    assert took_s <= 20
