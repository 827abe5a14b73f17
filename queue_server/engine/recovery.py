"""The durable part of the state: written in the transaction that changes it, read once at the start."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import orjson

from queue_server.core.locks import Lock
from queue_server.core.model import Attempt, Lane, Revisions, State, Wait, Worker
from queue_server.storage.base import RunningItem, Transaction

_NAME = "core"


def durable_part(state: State) -> bytes:
    """Return what must survive the process, as JSON."""
    lanes = [
        {
            "name": lane.name,
            "environment": lane.worker.environment,
            "incarnation": lane.worker.incarnation,
            "failure": lane.worker.failure,
            "queue": lane.queue,
            "condition": lane.condition,
            "reason": lane.reason,
            "loop": lane.loop,
            "ignore_failures": lane.ignore_failures,
            "stop_pending": lane.stop_pending,
            "autostart": lane.autostart,
            "on_failure": lane.on_failure,
        }
        for lane in state.lanes
    ]
    return orjson.dumps({"lanes": lanes, "revisions": asdict(state.revisions), "lock": asdict(state.lock)})


def save(tx: Transaction, state: State) -> None:
    """Write the durable part of ``state``."""
    tx.save(_NAME, durable_part(state))


def restore(tx: Transaction, epoch: int, now: float) -> State:
    """Return the state in which the manager of a new epoch begins: recovering, with no worker connected yet."""
    saved = tx.load(_NAME)
    history_size = tx.count_history()
    if saved is None:
        return State(epoch=epoch, history_size=history_size)
    document: dict[str, Any] = orjson.loads(saved)
    running = {item.attempt.lane: item for item in tx.running()}
    tasks = tx.running_tasks()
    lanes = tuple(
        replace(
            _restore_lane(tx, record, running.get(record["name"]), now),
            tasks=tuple(task for task in tasks if task.lane == record["name"]),
        )
        for record in document["lanes"]
    )
    revisions = Revisions(**document["revisions"])
    lock = Lock(**document.get("lock", {}))
    return State(epoch=epoch, lanes=lanes, revisions=revisions, history_size=history_size, lock=lock)


def _restore_lane(tx: Transaction, record: dict[str, Any], running: RunningItem | None, now: float) -> Lane:
    incarnation = record["incarnation"]
    worker = Worker(
        environment=record["environment"],
        incarnation=incarnation,
        answering=not incarnation,
        failure=record["failure"],
        wait=Wait("the worker to report to the restarted manager", now) if incarnation else None,
    )
    return Lane(
        name=record["name"],
        worker=worker,
        queue=record["queue"],
        attempt=_restore_attempt(running),
        condition=record["condition"],
        reason=record["reason"],
        loop=record["loop"],
        ignore_failures=record["ignore_failures"],
        stop_pending=record["stop_pending"],
        autostart=record.get("autostart", False),
        on_failure=record["on_failure"],
        size=tx.count_queue(record["name"]),
    )


def _restore_attempt(running: RunningItem | None) -> Attempt | None:
    if running is None:
        return None
    is_immediate = bool(running.item.content.get("properties", {}).get("immediate_execution"))
    attempt = Attempt(running.attempt, running.time_start, runs=running.runs, is_immediate=is_immediate)
    return attempt if running.phase in ("dispatched", "finished") else replace(attempt, phase=running.phase)
