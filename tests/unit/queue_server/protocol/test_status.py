"""The documented keys of the status, written here once more so that none can be lost or renamed."""

from __future__ import annotations

from typing import get_args

from queue_server.protocol.status import (
    DOCUMENTED_KEYS,
    EnvironmentState,
    LockedParts,
    ManagerState,
    QueueMode,
    REState,
)

# The status of bluesky-queueserver 0.0.25: 27 keys, always present.
KEYS = [
    "msg",
    "time",
    "status_uid",
    "items_in_queue",
    "items_in_history",
    "running_item_uid",
    "manager_state",
    "queue_stop_pending",
    "queue_autostart_enabled",
    "pause_pending",
    "worker_environment_exists",
    "worker_background_tasks",
    "worker_environment_state",
    "re_state",
    "ip_kernel_state",
    "ip_kernel_captured",
    "plan_queue_mode",
    "lock",
    "plan_queue_uid",
    "plan_history_uid",
    "run_list_uid",
    "task_results_uid",
    "plans_existing_uid",
    "devices_existing_uid",
    "plans_allowed_uid",
    "devices_allowed_uid",
    "lock_info_uid",
]
MANAGER_STATES = [
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
ENVIRONMENT_STATES = [
    "initializing",
    "failed",
    "idle",
    "reserved",
    "executing_plan",
    "executing_task",
    "closing",
    "closed",
]
RE_STATES = [
    "idle",
    "running",
    "pausing",
    "paused",
    "halting",
    "stopping",
    "aborting",
    "suspending",
    "panicked",
]


def test_the_documented_keys_are_complete():
    assert len(KEYS) == 27
    assert set(DOCUMENTED_KEYS) == set(KEYS)
    assert len(DOCUMENTED_KEYS) == 27


def test_the_words_are_those_that_clients_know():
    assert set(get_args(ManagerState)) == set(MANAGER_STATES)
    assert set(get_args(EnvironmentState)) == set(ENVIRONMENT_STATES)
    assert set(get_args(REState)) == set(RE_STATES)


def test_mode_and_lock_have_their_parts():
    assert set(QueueMode.__annotations__) == {"loop", "ignore_failures"}
    assert set(LockedParts.__annotations__) == {"environment", "queue"}
