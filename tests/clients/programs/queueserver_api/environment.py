"""Journeys about the environment: opened first, updated, and at last closed and destroyed."""

from __future__ import annotations

from steps import (
    KEY,
    PATIENCE_S,
    ask_metadata,
    contains,
    equal,
    raised,
    refused,
    result_of,
    status_now,
    wait_for,
    wait_idle,
)


def opens():
    yield from refused(lambda rm: rm.environment_close())
    yield from refused(lambda rm: rm.environment_update())
    yield lambda rm: setattr(rm, "request_fail_exceptions_enabled", False)
    equal((yield from ask_metadata())["success"], False)
    yield lambda rm: setattr(rm, "request_fail_exceptions_enabled", True)
    reply = yield lambda rm: rm.environment_open()
    equal((reply["success"], reply["msg"]), (True, ""))
    status = yield from status_now()
    equal((status["manager_state"], status["worker_environment_exists"]), ("creating_environment", False))
    yield from wait_idle()
    status = yield from status_now()
    equal((status["worker_environment_exists"], status["worker_environment_state"]), (True, "idle"))
    equal((status["re_state"], status["ip_kernel_state"]), ("idle", "disabled"))
    yield from refused(lambda rm: rm.environment_open(), "already exists")


def tells_the_metadata():
    reply = yield from ask_metadata()
    equal((reply["success"], reply["re_metadata"]["metadata_key"]), (True, "metadata_value"))


def is_updated():
    before = yield from status_now()
    for in_background in (False, True):
        started = yield lambda rm, value=in_background: rm.environment_update(run_in_background=value)
        equal(started["success"], True)
        if started.get("task_uid"):
            equal((yield from result_of(started))["success"], True)
        yield from wait_idle()
    # Nothing was changed, so no client has to load the lists again.
    after = yield from status_now()
    for name in ("plans_existing_uid", "devices_existing_uid", "plans_allowed_uid", "devices_allowed_uid"):
        equal((name, after[name]), (name, before[name]))


def has_no_kernel_to_interrupt():
    yield from refused(lambda rm: rm.kernel_interrupt(), "kernel")
    yield from refused(lambda rm: rm.kernel_interrupt(interrupt_task=True, interrupt_plan=True), "kernel")


def is_not_frozen_by_strangers():
    yield from refused(lambda rm: rm.send_request(method="manager_kill"), "test_methods")


def closes_and_is_destroyed():
    """All of it with the key of the lock, because all of it is locked."""
    yield lambda rm: rm.lock_environment(KEY)
    for name in ("open", "close", "destroy"):
        yield from refused(lambda rm, name=name: getattr(rm, f"environment_{name}")(), "Invalid lock key")
    yield lambda rm: rm.environment_close(lock_key=KEY)
    yield from wait_idle()
    status = yield from status_now()
    equal((status["worker_environment_exists"], status["worker_environment_state"]), (False, "closed"))
    equal(status["re_state"], None)
    for name in ("queue_start", "re_pause", "environment_close", "environment_destroy"):
        yield from refused(lambda rm, name=name: getattr(rm, name)(lock_key=KEY), "nvironment")
    yield lambda rm: rm.environment_open(lock_key=KEY)
    error = yield from raised(lambda rm: rm.wait_for_idle(timeout=0.1), TimeoutError)
    contains(str(error), "Timeout")
    yield lambda rm: rm.environment_destroy(lock_key=KEY)
    yield lambda rm: rm.wait_for_idle(timeout=PATIENCE_S)
    yield from wait_for(lambda status: not status["worker_environment_exists"])
    equal((yield from status_now())["worker_environment_state"], "closed")
