"""Journeys about what runs: plans in order, failures, loops, pauses, autostart, and what clients keep of it."""

from __future__ import annotations

from bluesky_queueserver_api import BFunc, BInst, BPlan
from steps import (
    contains,
    count,
    equal,
    known_as,
    last_outcome,
    names_in_queue,
    refused,
    run_slow_plan,
    slow_count,
    status_now,
    wait_for,
    wait_idle,
    wait_paused,
)

ENDINGS = {"resume": "completed", "stop": "stopped", "abort": "aborted", "halt": "halted"}


def plans_run_in_order():
    yield lambda rm: rm.item_add_batch([count(number, num=number) for number in (1, 2, 3)])
    before = yield from status_now()
    yield lambda rm: rm.queue_start()
    yield from wait_idle()
    after = yield from status_now()
    equal((after["items_in_queue"], after["items_in_history"]), (0, 3))
    for name in ("plan_queue_uid", "plan_history_uid", "run_list_uid", "status_uid"):
        equal(before[name] == after[name], False)
    history = yield lambda rm: rm.history_get()
    equal([item["kwargs"]["num"] for item in history["items"]], [1, 2, 3])
    results = [item["result"] for item in history["items"]]
    equal([result["exit_status"] for result in results], ["completed"] * 3)
    equal([len(result["run_uids"]) for result in results], [1] * 3)
    equal([result["time_start"] <= result["time_stop"] for result in results], [True] * 3)
    yield from history_is_cleared(history["items"])


def history_is_cleared(items):
    yield lambda rm: rm.history_clear(item_uid="nothing")
    for options, left in (({"size": 3}, [1, 2, 3]), ({"item_uid": items[0]["item_uid"]}, [2, 3]), ({"size": 1}, [3])):
        yield lambda rm, options=options: rm.history_clear(**options)
        history = yield lambda rm: rm.history_get(reload=True)
        equal([item["kwargs"]["num"] for item in history["items"]], left)
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
    contains(failed["result"]["traceback"], "PlanFailure")
    contains(failed["result"]["msg"], "on purpose")
    yield lambda rm: rm.queue_mode_set(mode={"ignore_failures": True})
    yield lambda rm: rm.queue_start()
    yield from wait_idle()
    equal((yield from names_in_queue()), [])


def the_queue_loops_and_stops():
    yield lambda rm: rm.queue_mode_set(loop=True)
    equal((yield from status_now())["plan_queue_mode"], {"loop": True, "ignore_failures": False})
    yield lambda rm: rm.item_add_batch([count("a"), count("b", num=2, delay=2)])
    yield lambda rm: rm.queue_start()
    # Then the slow one has just begun again.
    yield from wait_for(lambda status: status["items_in_history"] == 3)
    yield lambda rm: rm.queue_stop()
    equal((yield from status_now())["queue_stop_pending"], True)
    yield lambda rm: rm.queue_stop_cancel()
    equal((yield from status_now())["queue_stop_pending"], False)
    yield lambda rm: rm.queue_stop()
    yield from wait_idle()
    equal(sorted((yield from names_in_queue())), ["a", "b"])


def an_instruction_stops_the_queue():
    yield lambda rm: rm.item_add_batch([count("a"), BInst("queue_stop"), count("b")])
    yield lambda rm: rm.queue_start()
    yield from wait_idle()
    equal((yield from names_in_queue()), ["b"])
    equal((yield from status_now())["items_in_history"], 1)


def paused_plans_go_on_or_end():
    for number, (verb, outcome) in enumerate(ENDINGS.items()):
        option = ("deferred", "immediate")[number % 2]
        # Only the one that is resumed is waited for.
        yield from run_slow_plan(30 if verb == "resume" else 100)
        yield lambda rm, option=option: rm.re_pause(option)
        yield from wait_paused()
        yield from look_at_runs()
        yield from refused(lambda rm: rm.queue_start())
        yield lambda rm, verb=verb: getattr(rm, f"re_{verb}")()
        yield from wait_idle()
        equal((yield from last_outcome()), (outcome, 1))
        equal(len((yield from names_in_queue())), 1 if verb in ("abort", "halt") else 0)
        yield lambda rm: rm.queue_clear()


def look_at_runs():
    for option, expected in (("active", 1), ("open", 1), ("closed", 0), (None, 1)):
        reply = yield lambda rm, option=option: rm.re_runs(option, reload=True)
        equal((option, len(reply["run_list"])), (option, expected))
    run = reply["run_list"][0]
    equal((run["is_open"], run["exit_status"]), (True, None))


def a_plan_is_executed_at_once():
    """It passes the queue by, and a refused or failed one leaves nothing there."""
    yield lambda rm: rm.item_add(count("waits"))
    who = {"user": "berta", "user_group": "test_user"}
    started = yield lambda rm: rm.item_execute(count("at once"), **who)
    equal((started["success"], started["qsize"]), (True, 1))
    equal({name: started["item"][name] for name in who}, (yield from known_as(**who)))
    yield from wait_idle()
    history = yield lambda rm: rm.history_get(reload=True)
    equal([item["item_uid"] for item in history["items"]], [started["item"]["item_uid"]])
    equal((yield from last_outcome()), ("completed", 1))
    yield from refused(lambda rm: rm.item_execute(BPlan("no_such_plan")), "no_such_plan")
    yield from refused(lambda rm: rm.item_execute(BFunc("function_sleep", 0)))
    yield lambda rm: rm.item_execute(BPlan("failing_count", ["det1"]))
    yield from wait_idle()
    equal((yield from last_outcome())[0], "failed")
    equal((yield from names_in_queue()), ["waits"])


def the_queue_starts_by_itself():
    yield lambda rm: rm.queue_autostart(True)
    equal((yield from status_now())["queue_autostart_enabled"], True)
    for number in (1, 2):
        yield lambda rm, number=number: rm.item_add(count(number))
        yield from wait_for(lambda status, number=number: status["items_in_history"] == number)
    yield from wait_idle()
    equal((yield from status_now())["queue_autostart_enabled"], True)
    # Whoever asks the queue to stop does not want it to start again.
    yield lambda rm: rm.item_add_batch([slow_count(), slow_count()])
    yield from wait_for(lambda status: status["re_state"] == "running")
    yield lambda rm: rm.queue_stop()
    yield from wait_idle()
    status = yield from status_now()
    equal((status["queue_autostart_enabled"], status["items_in_queue"]), (False, 1))
    yield lambda rm: rm.queue_autostart(True)
    yield lambda rm: rm.queue_autostart(False)
    yield from wait_idle()
    equal((yield from status_now())["queue_autostart_enabled"], False)


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
