"""Steps that journeys share: what is waited for, what is expected, and what is left for the next journey."""

from __future__ import annotations

import time

from bluesky_queueserver_api import BPlan, WaitMonitor
from bluesky_queueserver_api.comm_base import RequestFailedError

PATIENCE_S = 60
MODE = {"loop": False, "ignore_failures": False}
KEY = "open sesame"
OF_THE_KEY = {"user": "UNAUTHENTICATED_SINGLE_USER", "user_group": "primary"}


def equal(found, expected):
    """Stop the journey unless both are the same."""
    if found != expected:
        raise AssertionError(f"found {found!r}, expected {expected!r}")


def contains(text, *parts):
    """Stop the journey unless every part is in the text."""
    missing = [part for part in parts if part not in text]
    if missing:
        raise AssertionError(f"no {missing!r} in {text!r}")


def raised(call, *classes):
    """Make a call that must raise one of the classes; return the error."""
    try:
        value = yield call
    except classes as error:
        return error
    raise AssertionError(f"nothing raised, but {value!r} returned")


def refused(call, *parts):
    """Make a call that the manager must refuse, with all these parts in its message; return the error."""
    error = yield from raised(call, RequestFailedError)
    equal(error.response["success"], False)
    contains(error.response["msg"], *parts)
    return error


def known_as(**claimed):
    """Return who a client is to the manager: over 0MQ whom it claims to be, over HTTP whom its key belongs to."""
    is_http = yield lambda rm: rm.protocol is rm.Protocols.HTTP
    return {name: OF_THE_KEY[name] for name in claimed} if is_http else claimed


def ask_metadata():
    """Ask for what the client has no method for."""
    is_http = yield lambda rm: rm.protocol is rm.Protocols.HTTP
    method = ("GET", "/api/re/metadata") if is_http else "re_metadata"
    return (yield lambda rm: rm.send_request(method=method))


def count(number, **kwargs):
    return BPlan("count", ["det1"], md={"n": number}, **kwargs)


def slow_count(num=30):
    """Return a plan of about ``num`` / 10 seconds."""
    return BPlan("count", ["det1"], num=num, delay=0.1)


def names_in_queue():
    reply = yield lambda rm: rm.queue_get(reload=True)
    return [item.get("kwargs", {}).get("md", {}).get("n", item["name"]) for item in reply["items"]]


def status_now():
    return (yield lambda rm: rm.status(reload=True))


def wait_idle():
    yield lambda rm: rm.wait_for_idle(timeout=PATIENCE_S)


def wait_for(condition):
    yield lambda rm: rm.wait_for_condition(condition, timeout=PATIENCE_S)


def wait_running():
    yield from wait_for(lambda status: status["re_state"] == "running")


def wait_paused():
    yield lambda rm: rm.wait_for_idle_or_paused(timeout=PATIENCE_S)
    status = yield from status_now()
    equal((status["manager_state"], status["re_state"], status["pause_pending"]), ("paused", "paused", False))


def run_slow_plan(num=30):
    """Start a plan of about ``num`` / 10 seconds, and wait until it runs."""
    yield lambda rm: rm.item_add(slow_count(num))
    yield lambda rm: rm.queue_start()
    yield from wait_running()


def last_outcome():
    """Return the exit status of the newest entry of the history, and how many runs it had."""
    history = yield lambda rm: rm.history_get(reload=True)
    result = history["items"][-1]["result"]
    return result["exit_status"], len(result["run_uids"])


def result_of(reply):
    """Wait for the task that a reply names; return its result."""
    uid = reply["task_uid"]
    monitor = WaitMonitor()
    completed = yield lambda rm: rm.wait_for_completed_task(uid, timeout=PATIENCE_S, monitor=monitor)
    equal((completed, monitor.is_cancelled), ({uid: "completed"}, False))
    told = yield lambda rm: rm.task_result(uid)
    equal((told["success"], told["status"], told["task_uid"]), (True, "completed", uid))
    equal(told["result"]["time_start"] <= told["result"]["time_stop"], True)
    return told["result"]


def text_with(*wanted):
    """Wait until the console output contains every text; return it."""
    end = time.monotonic() + PATIENCE_S
    while True:
        text = yield lambda rm: rm.console_monitor.text()
        if all(each in text for each in wanted):
            return text
        if time.monotonic() > end:
            raise AssertionError(f"{wanted} not in the console output: {text}")
        yield lambda rm: rm.status(reload=True)


def clean_up():
    """Leave an idle, unlocked manager, and nothing in queue and history."""
    status = yield from status_now()
    if any(status["lock"].values()):
        yield lambda rm: rm.unlock(KEY)
    yield lambda rm: rm.queue_autostart(False)
    if status["manager_state"] == "paused":
        yield lambda rm: rm.re_abort()
    yield from wait_idle()
    yield lambda rm: rm.queue_clear()
    yield lambda rm: rm.history_clear()
    yield lambda rm: rm.queue_mode_set(mode="default")
