"""What every store refuses before it touches a row, in the same words, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from queue_server.protocol.items import AttemptKey, Item
from queue_server.storage.base import Phase

QUEUE_STATES = ("queued", "held")


def check_batch(items: Sequence[Item]) -> None:
    """Refuse a batch that cannot stand side by side in one queue.

    Raises:
        ParameterError: the items are of several lanes, or one is neither queued nor held.
        ConflictError: two of them have the same uid.
    """
    if len({item.lane for item in items}) > 1:
        raise ParameterError("Items that are inserted together must be of one lane.", field="lane")
    for item in items:
        check_item(item)
    if len({item.uid for item in items}) < len(items):
        raise ConflictError("Two of the items have the same uid.")


def check_item(item: Item) -> None:
    """Refuse an item that has no place in a queue.

    Raises:
        ParameterError: it has no uid, lane or submission, or it is neither queued nor held.
    """
    for field in ("uid", "lane", "submission"):
        if not getattr(item, field):
            raise ParameterError(f"An item needs a {field} that is not empty.", field=field)
    if item.state not in QUEUE_STATES:
        raise ParameterError(f"Item {item.uid} is {item.state}; only queued and held items can be in a queue.")


def check_successor(item: Item, lane: str) -> None:
    """Refuse an item that cannot take a place in the queue of ``lane``.

    Raises:
        ParameterError: it is of another lane, or neither queued nor held.
    """
    if item.lane != lane:
        raise ParameterError(f"Item {item.uid} is of lane {item.lane}; the place is in lane {lane}.", field="lane")
    check_item(item)


def check_index(index: int, size: int) -> None:
    """Refuse an index outside of a queue.

    Raises:
        ParameterError: it is negative or larger than ``size``.
    """
    if not 0 <= index <= size:
        raise ParameterError(f"Position {index} is outside of the queue: use 0 to {size}.", field="pos")


def check_phase(phase: Phase) -> None:
    """Refuse to end an attempt without an outcome.

    Raises:
        ParameterError: the phase is ``finished``.
    """
    if phase == "finished":
        raise ParameterError("An attempt is ended with its result, not by a phase.", field="phase")


def not_in_queue(uid: str, lane: str | None = None) -> NotFoundError:
    """Return the error for an item that is not in a queue, or not in the queue of ``lane``."""
    where = "a queue" if lane is None else f"the queue of lane {lane}"
    return NotFoundError(f"Item {uid} is not in {where}.")


def not_open(attempt: AttemptKey) -> NotFoundError:
    """Return the error for an attempt that ended already or never began."""
    return NotFoundError(f"Attempt {attempt.number} of item {attempt.item_uid} (epoch {attempt.epoch}) is not open.")


def taken(uid: str) -> ConflictError:
    """Return the error for a uid that belongs to another item."""
    return ConflictError(f"Item {uid} exists already.")


def answered(key: str) -> ConflictError:
    """Return the error for an idempotency key whose answer is kept already."""
    return ConflictError(f"The answer to the request with key {key} is kept already.")


def no_such_run(attempt: AttemptKey, run_uid: str) -> NotFoundError:
    """Return the error for a run that an attempt does not have."""
    return NotFoundError(f"Attempt {attempt.number} of item {attempt.item_uid} has no run {run_uid}.")


def not_in_history(uid: str) -> NotFoundError:
    """Return the error for an item that is not in the history."""
    return NotFoundError(f"Item {uid} is not in the history.")


def task_exists(uid: str) -> ConflictError:
    """Return the error for a uid that belongs to another task."""
    return ConflictError(f"Task {uid} exists already.")


def no_running_task(uid: str) -> NotFoundError:
    """Return the error for a task that has ended or never began."""
    return NotFoundError(f"No task {uid} is running.")


def task_in_foreground(lane: str) -> ConflictError:
    """Return the error for a second task in the foreground of a lane."""
    return ConflictError(f"A task runs in the foreground of lane {lane} already.")
