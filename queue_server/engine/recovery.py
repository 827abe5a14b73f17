"""The durable part of the state: written in the transaction that changes it, read once at the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from msgspec.structs import asdict, replace

from queue_server.core.latch import is_latched
from queue_server.core.locks import Lock
from queue_server.core.model import (
    Attempt,
    Awaited,
    Claims,
    Estop,
    Lane,
    Revisions,
    SharedDevice,
    State,
    Wait,
    Waiting,
    Worker,
)
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import DEFAULT_LANE, FailurePolicy
from queue_server.protocol.stop_limits import StopLimits
from queue_server.protocol.tasks import Task
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
            "is_remote": lane.is_remote,
            "estop": _estop_part(lane),
            "claims": _claims_part(lane.attempt.claims) if lane.attempt else None,
            "waiting": _waiting_part(lane.waiting),
            "device_tasks": {task.uid: [task.kind, task.device] for task in lane.tasks if task.device},
        }
        for lane in state.lanes
    ]
    return orjson.dumps({"lanes": lanes, "revisions": state.revisions, "lock": state.lock}, default=asdict)


def save(tx: Transaction, state: State) -> None:
    """Write the durable part of ``state``."""
    save_part(tx, durable_part(state))


def save_part(tx: Transaction, part: bytes) -> None:
    """Write a durable part."""
    tx.save(_NAME, part)


def restore(tx: Transaction, epoch: int, now: float) -> State:
    """Return the state in which the manager of a new epoch begins: recovering, with no worker connected yet.

    What failed items do is a setting and not stored: every lane has the default policy until ``apply_policies``.
    """
    saved = tx.load(_NAME)
    history_size = tx.count_history()
    if saved is None:
        return apply_policies(State(epoch=epoch, history_size=history_size), {})
    document: dict[str, Any] = orjson.loads(saved)
    running = {item.attempt.lane: item for item in tx.running()}
    tasks = tx.running_tasks()
    lanes = tuple(
        replace(
            _restore_lane(tx, record, running.get(record["name"]), now),
            tasks=tuple(_restore_task(task, record) for task in tasks if task.lane == record["name"]),
        )
        for record in document["lanes"]
    )
    revisions = Revisions(**document["revisions"])
    lock = Lock(**document.get("lock", {}))
    state = State(epoch=epoch, lanes=lanes, revisions=revisions, history_size=history_size, lock=lock)
    return apply_policies(state, {})


def apply_lanes(tx: Transaction, state: State, names: Iterable[str]) -> State:
    """Return the state with exactly these lanes; one that is new has what the store knows of its queue.

    Lanes whose workers connect by themselves come and go at run time, and stay.

    Raises:
        ParameterError: a lane that is not among them has something that would be lost with it.
    """
    known = {lane.name: lane for lane in state.lanes}
    lanes = tuple(known.pop(name, None) or Lane(name, size=tx.count_queue(name)) for name in names)
    remote = tuple(lane for lane in known.values() if lane.is_remote)
    for lane in known.values():
        reason = "" if lane.is_remote else _reason_to_stay(lane)
        if reason:
            raise ParameterError(f"Setting 'lanes' leaves out the lane {lane.name!r}, which {reason}.", field="lanes")
    return replace(state, lanes=lanes + remote)


def _reason_to_stay(lane: Lane) -> str:
    first = "Start once more with the lane, and"
    if lane.worker.incarnation or lane.attempt is not None:
        return f"has an environment. {first} close that (environment_close), or destroy it"
    if is_latched(lane):
        return f"is stopped by an emergency stop. {first} release it (estop_reset)"
    if lane.size:
        return f"has {lane.size} items in its queue. {first} run or remove them (queue_clear)"
    return ""


def apply_policies(state: State, policies: Mapping[str, FailurePolicy]) -> State:
    """Return the state with the failure policy of every lane: without one, front in lane default and hold elsewhere.

    Raises:
        ParameterError: a policy is for a lane that does not exist.
    """
    names = [lane.name for lane in state.lanes]
    unknown = [name for name in policies if name not in names]
    if unknown:
        raise ParameterError(
            f"Setting 'on_failure' names the lane {unknown[0]!r}, which does not exist. Lanes: {names}.",
            field="on_failure",
        )
    lanes = tuple(replace(lane, on_failure=policies.get(lane.name, _default_policy(lane.name))) for lane in state.lanes)
    return replace(state, lanes=lanes)


def apply_sharing(state: State, shared: Mapping[str, Mapping[str, str]]) -> State:
    """Return the state that knows which devices lanes share: names in the facility, each with those in its lanes.

    Raises:
        ParameterError: a device is in a lane that does not exist.
    """
    names = [lane.name for lane in state.lanes]
    for device, places in shared.items():
        unknown = [lane for lane in places if lane not in names]
        if unknown:
            raise ParameterError(
                f"Setting 'shared_devices' puts {device!r} into the lane {unknown[0]!r}, which does not exist. "
                f"Lanes: {names}.",
                field="shared_devices",
            )
    return replace(state, shared=tuple(SharedDevice(name, tuple(places.items())) for name, places in shared.items()))


def _default_policy(lane: str) -> FailurePolicy:
    return "front" if lane == DEFAULT_LANE else "hold"


def _restore_lane(tx: Transaction, record: dict[str, Any], running: RunningItem | None, now: float) -> Lane:
    if record.get("is_remote") and running is None:
        # Whoever connects is welcome, and takes the lane as it is.
        record = {**record, "incarnation": "", "environment": "closed", "queue": "stopped", "waiting": None}
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
        attempt=_restore_attempt(running, _restore_claims(record.get("claims"))),
        condition=record["condition"],
        reason=record["reason"],
        loop=record["loop"],
        ignore_failures=record["ignore_failures"],
        stop_pending=record["stop_pending"],
        autostart=record.get("autostart", False),
        is_remote=record.get("is_remote", False),
        estop=_restore_estop(record.get("estop")),
        waiting=_restore_waiting(record.get("waiting")),
        size=tx.count_queue(record["name"]),
    )


def _restore_task(task: Task, record: Mapping[str, Any]) -> Task:
    kind, device = record.get("device_tasks", {}).get(task.uid, (task.kind, ""))
    return replace(task, kind=kind, device=device)


def _estop_part(lane: Lane) -> dict[str, Any] | None:
    estop = lane.estop
    if estop is None:
        return None
    # What was reached is in the event log.
    limits = estop.limits
    return {
        "by": estop.by,
        "at": estop.at,
        "number": estop.number,
        "answer": estop.answer,
        "limits": {"devices_s": limits.devices_s, "halt_s": limits.halt_s, "kill_s": limits.kill_s},
    }


def _restore_estop(record: dict[str, Any] | None) -> Estop | None:
    if record is None:
        return None
    limits = StopLimits(**record["limits"])
    return Estop(record["by"], record["at"], limits, number=record["number"], answer=record["answer"], is_recorded=True)


def _claims_part(claims: Claims) -> list[str] | None:
    return None if claims is None else sorted(claims)


def _restore_claims(names: list[str] | None) -> Claims:
    return None if names is None else frozenset(names)


def _waiting_part(waiting: Waiting | None) -> dict[str, Any] | None:
    if waiting is None:
        return None
    place = {"item_uid": waiting.item_uid, "since": waiting.since, "ticket": waiting.ticket}
    after = [(each.item_uid, each.lane, each.is_held) for each in waiting.after]
    return {**place, "claims": _claims_part(waiting.claims), "after": after}


def _restore_waiting(record: dict[str, Any] | None) -> Waiting | None:
    if record is None:
        return None
    after = tuple(Awaited(*each) for each in record.get("after", ()))
    claims = _restore_claims(record["claims"])
    return Waiting(record["item_uid"], claims, record["since"], record["ticket"], after=after)


def _restore_attempt(running: RunningItem | None, claims: Claims) -> Attempt | None:
    if running is None:
        return None
    is_immediate = bool(running.item.content.get("properties", {}).get("immediate_execution"))
    attempt = Attempt(running.attempt, running.time_start, runs=running.runs, is_immediate=is_immediate, claims=claims)
    return attempt if running.phase in ("dispatched", "finished") else replace(attempt, phase=running.phase)
