"""The status as every client reads it: the documented keys, always present, and the state of each lane."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from queue_server.protocol.items import FailurePolicy

ManagerState = Literal[
    "initializing",
    "idle",
    "paused",
    "starting_queue",
    "executing_queue",
    "executing_task",
    "creating_environment",
    "closing_environment",
    "destroying_environment",
]
EnvironmentState = Literal[
    "initializing", "failed", "idle", "reserved", "executing_plan", "executing_task", "closing", "closed"
]
REState = Literal["idle", "running", "pausing", "paused", "halting", "stopping", "aborting", "suspending", "panicked"]
LaneREState = REState | Literal["computing"]
"""A lane without a RunEngine tells that it executes a processing graph."""


class QueueMode(TypedDict):
    """How a queue goes on after an item: again from the back, or in spite of a failure."""

    loop: bool
    ignore_failures: bool


class LockedParts(TypedDict):
    """Which parts are locked."""

    environment: bool
    queue: bool


class ClaimHolder(TypedDict):
    """What keeps an item from beginning, and a device that both of them claim.

    It is an item of another lane; or, with an empty ``item_uid``, a task that moves the device.
    """

    claim: str
    lane: str
    item_uid: str
    task_uid: NotRequired[str]


class AwaitedItem(TypedDict):
    """An item that has to be completed before the head of a queue begins."""

    item_uid: str
    lane: str
    is_held: bool


class LaneStatus(TypedDict):
    """One lane: what serves it, what runs in it, and what it waits for.

    From ``manager_state`` on, the keys mean for the lane what those of the status mean for the lane ``default``.
    """

    lane: str
    condition: Literal["open", "held", "estopped"]
    reason: str
    worker: str
    worker_state: EnvironmentState
    answering: bool
    silent_since: float | None
    running_item_uid: str | None
    attempt: int | None
    waiting_for: str
    waiting_since: float | None
    waiting_item_uid: str | None
    claimed_by: list[ClaimHolder]
    comes_after: list[AwaitedItem]
    items_in_queue: int
    estop_by: str | None
    estop_at: float | None
    manager_state: ManagerState
    queue_stop_pending: bool
    queue_autostart_enabled: bool
    pause_pending: bool
    worker_environment_exists: bool
    worker_background_tasks: int
    re_state: LaneREState | None
    plan_queue_mode: QueueMode
    on_failure: FailurePolicy


class Status(TypedDict):
    """The reply to ``status``. The keys up to ``lock_info_uid`` are documented by bluesky-queueserver 0.0.25.

    Of two statuses the one with the greater ``(epoch, revision)`` is the newer.
    """

    msg: str
    time: str
    status_uid: str
    items_in_queue: int
    items_in_history: int
    running_item_uid: str | None
    manager_state: ManagerState
    queue_stop_pending: bool
    queue_autostart_enabled: bool
    pause_pending: bool
    worker_environment_exists: bool
    worker_background_tasks: int
    worker_environment_state: EnvironmentState
    re_state: REState | None
    ip_kernel_state: Literal["disabled"] | None
    ip_kernel_captured: bool | None
    plan_queue_mode: QueueMode
    lock: LockedParts
    plan_queue_uid: str
    plan_history_uid: str
    run_list_uid: str
    task_results_uid: str
    plans_existing_uid: str
    devices_existing_uid: str
    plans_allowed_uid: str
    devices_allowed_uid: str
    lock_info_uid: str
    epoch: int
    revision: int
    lanes: list[LaneStatus]


NATIVE_KEYS = ("epoch", "revision", "lanes")
DOCUMENTED_KEYS: tuple[str, ...] = tuple(name for name in Status.__annotations__ if name not in NATIVE_KEYS)
