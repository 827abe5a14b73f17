"""Journeys through bluesky-queueserver-api, run in a process of its own: `program FORM ENCODING CONTROL INFO`.

Every journey is written once, as a generator of calls, and driven by the blocking or by the asynchronous form of the
client. What became of each is printed as one JSON object: name to "done", or to the traceback.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
import traceback
from typing import Any

from bluesky_queueserver_api import BFunc, BInst, BPlan
from bluesky_queueserver_api.comm_base import RequestFailedError, RequestTimeoutError
from bluesky_queueserver_api.zmq import REManagerAPI as BlockingAPI
from bluesky_queueserver_api.zmq.aio import REManagerAPI as AsyncAPI

PATIENCE_S = 20
SETTINGS: dict[str, Any] = {"status_polling_period": 0.05, "status_expiration_period": 0.02}
MODE = {"loop": False, "ignore_failures": False}


def equal(found, expected):
    """Stop the journey unless both are the same."""
    if found != expected:
        raise AssertionError(f"found {found!r}, expected {expected!r}")


def refused(call):
    """Make a call that must be refused; return the error."""
    try:
        reply = yield call
    except RequestFailedError as error:
        return error
    raise AssertionError(f"not refused: {reply}")


def names_in_queue():
    reply = yield lambda rm: rm.queue_get(reload=True)
    return [item.get("kwargs", {}).get("md", {}).get("n", item["name"]) for item in reply["items"]]


def count(number, **kwargs):
    return BPlan("count", ["det1"], md={"n": number}, **kwargs)


def wait_idle():
    yield lambda rm: rm.wait_for_idle(timeout=PATIENCE_S)


def wait_paused():
    yield lambda rm: rm.wait_for_idle_or_paused(timeout=PATIENCE_S)
    status = yield lambda rm: rm.status(reload=True)
    equal((status["manager_state"], status["re_state"], status["pause_pending"]), ("paused", "paused", False))


def clean_up():
    """Leave an idle manager, and nothing in queue and history."""
    status = yield lambda rm: rm.status(reload=True)
    if status["manager_state"] == "paused":
        yield lambda rm: rm.re_abort()
    yield from wait_idle()
    yield lambda rm: rm.queue_clear()
    yield lambda rm: rm.history_clear()
    yield lambda rm: rm.queue_mode_set(mode="default")


# --- journeys ----------------------------------------------------------------------------------------------------


def status_and_configuration():
    status = yield lambda rm: rm.status()
    ping = yield lambda rm: rm.ping(reload=True)
    equal(status["msg"], ping["msg"])
    equal(status["msg"].split()[:2], ["RE", "Manager"])
    equal(status["manager_state"], "idle")
    equal(status["plan_queue_mode"], MODE)
    configuration = yield lambda rm: rm.config_get()
    equal(configuration["success"], True)
    equal(sorted(configuration["config"]), ["ip_connect_info"])


def environment():
    yield lambda rm: rm.environment_open()
    yield from wait_idle()
    status = yield lambda rm: rm.status(reload=True)
    equal(status["worker_environment_exists"], True)
    equal((status["worker_environment_state"], status["re_state"]), ("idle", "idle"))
    error = yield from refused(lambda rm: rm.environment_open())
    equal("already exists" in str(error), True)
    yield lambda rm: rm.environment_close()
    yield from wait_idle()
    status = yield lambda rm: rm.status(reload=True)
    equal((status["worker_environment_exists"], status["worker_environment_state"]), (False, "closed"))
    yield from refused(lambda rm: rm.environment_close())
    yield from refused(lambda rm: rm.queue_start())
    yield from refused(lambda rm: rm.re_pause())
    yield lambda rm: rm.environment_open()
    yield from wait_idle()


def plans_and_devices():
    allowed = yield lambda rm: rm.plans_allowed()
    existing = yield lambda rm: rm.plans_existing()
    plans = allowed["plans_allowed"]
    equal({"count", "scan", "grid_scan"} <= plans.keys(), True)
    equal(plans.keys() <= existing["plans_existing"].keys(), True)
    equal(plans["count"]["parameters"][0]["name"], "detectors")
    devices = yield lambda rm: rm.devices_allowed()
    existing = yield lambda rm: rm.devices_existing()
    equal({"det1", "motor1"} <= devices["devices_allowed"].keys(), True)
    equal(devices["devices_allowed"].keys() <= existing["devices_existing"].keys(), True)
    equal(devices["devices_allowed"]["motor1"]["is_movable"], True)
    narrow = yield lambda rm: rm.plans_allowed(user_group="test_user")
    equal("adaptive_scan" in narrow["plans_allowed"], False)
    permissions = yield lambda rm: rm.permissions_get()
    equal({"root", "primary"} <= permissions["user_group_permissions"]["user_groups"].keys(), True)
    yield from refused(lambda rm: rm.plans_allowed(user_group="nobody"))


def items_are_added_and_found():
    first = yield lambda rm: rm.item_add(count("a"))
    equal((first["success"], first["qsize"]), (True, 1))
    equal(first["item"]["user_group"], "primary")
    yield lambda rm: rm.item_add(count("b"), pos="front")
    yield lambda rm: rm.item_add(count("c"), after_uid=first["item"]["item_uid"])
    yield lambda rm: rm.item_add(count("d"), before_uid=first["item"]["item_uid"])
    equal((yield from names_in_queue()), ["b", "d", "a", "c"])
    batch = yield lambda rm: rm.item_add_batch([count("e"), BInst("queue_stop"), count("f")], pos=1)
    equal([result["success"] for result in batch["results"]], [True] * 3)
    equal((yield from names_in_queue()), ["b", "e", "queue_stop", "f", "d", "a", "c"])
    found = yield lambda rm: rm.item_get(uid=batch["items"][0]["item_uid"])
    equal(found["item"], batch["items"][0])
    for position, name in (("front", "b"), ("back", "c"), (1, "e"), (-2, "a"), (None, "c")):
        found = yield lambda rm, position=position: rm.item_get(pos=position)
        equal(found["item"]["kwargs"]["md"], {"n": name})


def items_are_changed_moved_and_removed():
    batch = yield lambda rm: rm.item_add_batch([count(name) for name in "abcdef"])
    uids = [item["item_uid"] for item in batch["items"]]
    changed = {**batch["items"][1], "kwargs": {"md": {"n": "B"}}}
    updated = yield lambda rm: rm.item_update(changed)
    equal(updated["item"]["item_uid"], uids[1])
    replaced = yield lambda rm: rm.item_update({**changed, "kwargs": {"md": {"n": "BB"}}}, replace=True)
    equal(replaced["item"]["item_uid"] in uids, False)
    equal((yield from names_in_queue()), ["a", "BB", "c", "d", "e", "f"])

    yield lambda rm: rm.item_move(pos="back", pos_dest="front")
    yield lambda rm: rm.item_move(uid=uids[3], before_uid=uids[0])
    yield lambda rm: rm.item_move(uid=uids[2], after_uid=uids[4])
    yield lambda rm: rm.item_move(pos=1, pos_dest=-1)
    equal((yield from names_in_queue()), ["f", "a", "BB", "e", "c", "d"])
    removed = yield lambda rm: rm.item_remove(pos=2)
    equal((removed["item"]["kwargs"]["md"], removed["qsize"]), ({"n": "BB"}, 5))
    yield lambda rm: rm.item_remove(uid=uids[0])
    yield lambda rm: rm.item_remove()
    equal((yield from names_in_queue()), ["f", "e", "c"])
    yield lambda rm: rm.queue_clear()
    equal((yield from names_in_queue()), [])
    status = yield lambda rm: rm.status(reload=True)
    equal(status["items_in_queue"], 0)


def refusals():
    error = yield from refused(lambda rm: rm.item_add(BPlan("no_such_plan")))
    equal(error.response["success"], False)
    equal("no_such_plan" in error.response["msg"], True)
    equal(error.response["item"]["name"], "no_such_plan")
    error = yield from refused(lambda rm: rm.item_add_batch([count("a"), BPlan("count", ["no_such_device"])]))
    equal([result["success"] for result in error.response["results"]], [True, False])
    equal((yield from names_in_queue()), [])
    yield from refused(lambda rm: rm.item_remove())
    yield from refused(lambda rm: rm.item_get(uid="nothing"))
    yield from refused(lambda rm: rm.item_move(uid="nothing", pos_dest=0))
    yield from refused(lambda rm: rm.queue_mode_set(no_such_mode=True))
    yield from refused(lambda rm: rm.queue_stop())
    yield from refused(lambda rm: rm.re_resume())
    yield from refused(lambda rm: rm.send_request(method="no_such_method"))
    yield from refused(lambda rm: rm.function_execute(BFunc("no_such_function")))
    yield lambda rm: setattr(rm, "request_fail_exceptions_enabled", False)
    reply = yield lambda rm: rm.item_add(BPlan("no_such_plan"))
    equal(reply["success"], False)
    yield lambda rm: setattr(rm, "request_fail_exceptions_enabled", True)


def plans_run_in_order():
    yield lambda rm: rm.item_add_batch([count(number, num=number) for number in (1, 2, 3)])
    before = yield lambda rm: rm.status(reload=True)
    yield lambda rm: rm.queue_start()
    yield from wait_idle()
    after = yield lambda rm: rm.status(reload=True)
    equal((after["items_in_queue"], after["items_in_history"]), (0, 3))
    for name in ("plan_queue_uid", "plan_history_uid", "run_list_uid", "status_uid"):
        equal(before[name] == after[name], False)
    history = yield lambda rm: rm.history_get()
    equal([item["kwargs"]["num"] for item in history["items"]], [1, 2, 3])
    results = [item["result"] for item in history["items"]]
    equal([result["exit_status"] for result in results], ["completed"] * 3)
    equal([len(result["run_uids"]) for result in results], [1] * 3)
    equal([result["time_start"] <= result["time_stop"] for result in results], [True] * 3)
    yield lambda rm: rm.history_clear(size=1)
    history = yield lambda rm: rm.history_get(reload=True)
    equal([item["kwargs"]["num"] for item in history["items"]], [3])
    yield lambda rm: rm.history_clear()
    history = yield lambda rm: rm.history_get(reload=True)
    equal(history["items"], [])


def a_failed_plan_returns_to_the_front():
    yield lambda rm: rm.item_add_batch([BPlan("failing_count", ["det1"]), count("next")])
    yield lambda rm: rm.queue_start()
    yield from wait_idle()
    equal((yield from names_in_queue()), ["failing_count", "next"])
    history = yield lambda rm: rm.history_get(reload=True)
    [failed] = history["items"]
    equal(failed["result"]["exit_status"], "failed")
    equal("PlanFailure" in failed["result"]["traceback"], True)
    equal("on purpose" in failed["result"]["msg"], True)
    yield lambda rm: rm.queue_mode_set(ignore_failures=True)
    yield lambda rm: rm.queue_start()
    yield from wait_idle()
    equal((yield from names_in_queue()), [])


def the_queue_loops_and_stops():
    yield lambda rm: rm.queue_mode_set(loop=True)
    status = yield lambda rm: rm.status(reload=True)
    equal(status["plan_queue_mode"], {"loop": True, "ignore_failures": False})
    yield lambda rm: rm.item_add_batch([count("a", num=2, delay=0.1), count("b", num=2, delay=0.1)])
    yield lambda rm: rm.queue_start()
    yield lambda rm: rm.wait_for_condition(lambda status: status["items_in_history"] >= 3, timeout=PATIENCE_S)
    yield lambda rm: rm.queue_stop()
    status = yield lambda rm: rm.status(reload=True)
    equal(status["queue_stop_pending"], True)
    yield lambda rm: rm.queue_stop_cancel()
    status = yield lambda rm: rm.status(reload=True)
    equal(status["queue_stop_pending"], False)
    yield lambda rm: rm.queue_stop()
    yield from wait_idle()
    equal(sorted((yield from names_in_queue())), ["a", "b"])


def paused_plans_go_on_or_end():
    endings = {"resume": "completed", "stop": "stopped", "abort": "aborted", "halt": "halted"}
    for number, (verb, outcome) in enumerate(endings.items()):
        option = ("deferred", "immediate")[number % 2]
        yield lambda rm: rm.item_add(BPlan("count", ["det1"], num=8, delay=0.1))
        yield lambda rm: rm.queue_start()
        yield lambda rm: rm.wait_for_condition(lambda status: status["re_state"] == "running", timeout=PATIENCE_S)
        yield lambda rm, option=option: rm.re_pause(option)
        yield from wait_paused()
        yield from look_at_runs()
        yield from refused(lambda rm: rm.queue_start())
        yield lambda rm, verb=verb: getattr(rm, f"re_{verb}")()
        yield from wait_idle()
        history = yield lambda rm: rm.history_get(reload=True)
        equal(history["items"][-1]["result"]["exit_status"], outcome)
        equal(len(history["items"][-1]["result"]["run_uids"]), 1)
        equal(len((yield from names_in_queue())), 1 if verb in ("abort", "halt") else 0)
        yield lambda rm: rm.queue_clear()


def look_at_runs():
    for option, expected in (("active", 1), ("open", 1), ("closed", 0), (None, 1)):
        reply = yield lambda rm, option=option: rm.re_runs(option, reload=True)
        equal((option, len(reply["run_list"])), (option, expected))
    run = reply["run_list"][0]
    equal((run["is_open"], run["exit_status"]), (True, None))


def caches_are_renewed():
    """What the client keeps between two calls follows every change, because the uids in the status do."""
    uids = []
    for number in range(3):
        reply = yield lambda rm, number=number: rm.item_add(count(number))
        uids.append(reply["item"]["item_uid"])
        queue = yield lambda rm: rm.queue_get()
        equal([item["item_uid"] for item in queue["items"]], uids)
        again = yield lambda rm: rm.queue_get()
        equal(again["plan_queue_uid"], queue["plan_queue_uid"])
    for expected in (1, 2):
        yield lambda rm: rm.queue_clear()
        yield lambda rm: rm.item_add(count(0))
        yield lambda rm: rm.queue_start()
        yield from wait_idle()
        history = yield lambda rm: rm.history_get()
        equal(len(history["items"]), expected)
        queue = yield lambda rm: rm.queue_get()
        equal((queue["items"], queue["running_item"]), ([], {}))
        runs = yield lambda rm: rm.re_runs()
        equal(runs["run_list"], [])


def monitors():
    yield lambda rm: rm.console_monitor.enable()
    yield lambda rm: rm.system_info_monitor.enable()
    yield from first_status()
    yield lambda rm: rm.item_add(count("seen"))
    yield lambda rm: rm.queue_start()
    yield from wait_idle()
    text = yield from text_with("Persistent Unique Scan ID", "Queue is empty")
    equal("Item added: success=True" in text, True)
    seen = yield from states_until("executing_queue", "idle")
    equal("starting_queue" in seen, True)
    message = yield lambda rm: rm.console_monitor.next_msg(timeout=5)
    equal(sorted(message), ["msg", "time"])
    yield lambda rm: rm.console_monitor.disable_wait(timeout=5)
    yield lambda rm: rm.system_info_monitor.disable_wait(timeout=5)


def first_status():
    message = yield lambda rm: rm.system_info_monitor.next_msg(timeout=5)
    equal(sorted(message), ["msg", "time"])
    equal(message["msg"]["status"]["manager_state"], "idle")


def text_with(*wanted):
    end = time.monotonic() + PATIENCE_S
    while True:
        text = yield lambda rm: rm.console_monitor.text()
        if all(each in text for each in wanted):
            return text
        if time.monotonic() > end:
            raise AssertionError(f"{wanted} not in the console output: {text}")
        yield lambda rm: rm.status(reload=True)


def states_until(*wanted):
    seen = []
    for state in wanted:
        while not seen or seen[-1] != state:
            message = yield lambda rm: rm.system_info_monitor.next_msg(timeout=5)
            seen.append(message["msg"]["status"]["manager_state"])
    return seen


def nobody_answers():
    rm = BlockingAPI(zmq_control_addr="tcp://127.0.0.1:1", zmq_info_addr="tcp://127.0.0.1:1", timeout_recv=0.2)
    try:
        rm.status()
    except RequestTimeoutError:
        return
    finally:
        rm.close()
    raise AssertionError("a reply from nobody")
    yield


def closing():
    yield lambda rm: rm.environment_close()
    yield from wait_idle()
    status = yield lambda rm: rm.status(reload=True)
    equal((status["worker_environment_exists"], status["re_state"]), (False, None))
    yield lambda rm: rm.environment_open()
    yield lambda rm: rm.environment_destroy()
    yield from wait_idle()


# What opens the environment comes first, what closes it last.
JOURNEYS = [
    status_and_configuration,
    environment,
    plans_and_devices,
    items_are_added_and_found,
    items_are_changed_moved_and_removed,
    refusals,
    plans_run_in_order,
    a_failed_plan_returns_to_the_front,
    the_queue_loops_and_stops,
    paused_plans_go_on_or_end,
    caches_are_renewed,
    monitors,
    nobody_answers,
    closing,
]
NEEDS_NO_CLEANING = {"status_and_configuration", "closing"}


# --- drivers -----------------------------------------------------------------------------------------------------


async def call_one(call, rm):
    """Make a call: a blocking client answers at once, an asynchronous one is awaited."""
    value = call(rm)
    return await value if inspect.isawaitable(value) else value


async def drive(journey, rm):
    """Make the calls of a journey, and hand it what they return or raise."""
    generator = journey()
    resume, value = generator.send, None
    while True:
        try:
            call = resume(value)
        except StopIteration:
            return
        [value] = await asyncio.gather(call_one(call, rm), return_exceptions=True)
        resume = generator.throw if isinstance(value, BaseException) else generator.send


async def run(form, **settings):
    rm = (BlockingAPI if form == "blocking" else AsyncAPI)(**settings, **SETTINGS)
    told = {}
    for journey in JOURNEYS:
        [failure] = await asyncio.gather(drive(journey, rm), return_exceptions=True)
        told[journey.__name__] = "done" if failure is None else "".join(traceback.format_exception(failure))
        if journey.__name__ not in NEEDS_NO_CLEANING:
            await drive(clean_up, rm)
    closing = rm.close()
    if inspect.isawaitable(closing):
        await closing
    return told


def main():
    form, encoding, control, info = sys.argv[1:]
    told = asyncio.run(run(form, zmq_encoding=encoding, zmq_control_addr=control, zmq_info_addr=info))
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
