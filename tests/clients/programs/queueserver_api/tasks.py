"""Journeys about tasks: functions and scripts, in the foreground and beside it, and how they ended."""

from __future__ import annotations

from bluesky_queueserver_api import BFunc
from steps import PATIENCE_S, ask_metadata, contains, equal, known_as, raised, refused, result_of, status_now, wait_idle

FUNCTIONS = """
from collections import defaultdict
from threading import Event

events = defaultdict(Event)

def func_for_test_wait(name):
    return events[name].wait(60)

def func_for_test_release(name):
    events[name].set()

def func_for_test_sum(a, b=10):
    return {"sum": a + b}

def func_for_test_failure():
    raise ValueError("on purpose")
"""
PLAN = """
def plan_of_a_script(detectors):
    \"\"\"Count, as the script says.\"\"\"
    yield from count(detectors)
"""
ENGINE = """
from bluesky import RunEngine
RE = RunEngine({"metadata_key": "of a script"})
"""


def a_function_is_called():
    started = yield lambda rm: rm.script_upload(FUNCTIONS, update_lists=False)
    equal((yield from result_of(started))["success"], True)
    yield from wait_idle()
    started = yield lambda rm: rm.function_execute(BFunc("func_for_test_sum", 1, b=2), user="berta")
    known = yield from known_as(user="berta")
    equal((started["item"]["user"], started["item"]["name"]), (known["user"], "func_for_test_sum"))
    result = yield from result_of(started)
    equal((result["success"], result["return_value"], result["msg"]), (True, {"sum": 3}, ""))
    yield from wait_idle()
    started = yield lambda rm: rm.function_execute(BFunc("func_for_test_failure"))
    result = yield from result_of(started)
    equal((result["success"], result["return_value"]), (False, None))
    contains(result["msg"], "on purpose")
    contains(result["traceback"], "ValueError", "func_for_test_failure")
    yield from wait_idle()


def a_function_belongs_to_groups():
    allowed = {"user_group": "test_user"}
    yield from refused(lambda rm: rm.function_execute(BFunc("push_buffer_element", 5)), "push_buffer_element")
    yield from refused(lambda rm: rm.function_execute(BFunc("no_such_function")))
    yield from refused(lambda rm: rm.function_execute({"item_type": "plan", "name": "count"}))
    for function in (BFunc("push_buffer_element", 5), BFunc("pop_buffer_element")):
        started = yield lambda rm, function=function: rm.function_execute(function, **allowed)
        result = yield from result_of(started)
        yield from wait_idle()
    equal(result["return_value"], 5)


def release(name):
    started = yield lambda rm: rm.function_execute(BFunc("func_for_test_release", name), run_in_background=True)
    equal((yield from result_of(started))["success"], True)


def a_task_in_the_foreground_occupies_the_manager():
    started = yield lambda rm: rm.function_execute(BFunc("func_for_test_wait", "a"), run_in_background=False)
    uid = started["task_uid"]
    status = yield from status_now()
    equal((status["manager_state"], status["worker_environment_state"]), ("executing_task", "executing_task"))
    told = yield lambda rm: rm.task_status(uid)
    equal((told["task_uid"], told["status"]), (uid, "running"))
    told = yield lambda rm: rm.task_result(uid)
    equal((told["status"], "return_value" in told["result"]), ("running", False))
    yield from refused(lambda rm: rm.function_execute(BFunc("function_sleep", 0)))
    yield from refused(lambda rm: rm.queue_start())
    results = status["task_results_uid"]
    yield from release("a")
    equal((yield from result_of(started))["return_value"], True)
    equal((yield from status_now())["task_results_uid"] == results, False)
    yield from wait_idle()


def tasks_in_the_background_leave_the_manager_idle():
    uids = []
    for name in "bc":
        started = yield lambda rm, name=name: rm.function_execute(
            BFunc("func_for_test_wait", name), run_in_background=True
        )
        uids.append(started["task_uid"])
    status = yield from status_now()
    equal((status["manager_state"], status["worker_background_tasks"]), ("idle", 2))
    told = yield lambda rm: rm.task_status(tuple(uids))
    equal((told["task_uid"], told["status"]), (uids, dict.fromkeys(uids, "running")))
    yield from release("b")
    completed = yield lambda rm: rm.wait_for_completed_task(uids, timeout=PATIENCE_S)
    equal(completed, {uids[0]: "completed"})
    told = yield lambda rm: rm.task_result(uids[1])
    equal((told["status"], sorted(told["result"])), ("running", ["run_in_background", "task_uid", "time_start"]))
    # The client overlooks its time limit where a result has come since the status that it remembers.
    yield from status_now()
    late = yield lambda rm: rm.WaitTimeoutError
    yield from raised(lambda rm: rm.wait_for_completed_task(uids[1], timeout=0.1), late)
    yield from release("c")
    equal((yield from result_of({"task_uid": uids[1]}))["return_value"], True)
    equal((yield from status_now())["worker_background_tasks"], 0)


def an_unknown_task_is_not_found():
    told = yield lambda rm: rm.task_status("nothing")
    equal((told["success"], told["status"]), (True, "not_found"))
    told = yield lambda rm: rm.task_result("nothing")
    equal((told["success"], told["status"], told["result"]), (True, "not_found", {}))
    equal((yield lambda rm: rm.wait_for_completed_task("nothing")), {"nothing": "not_found"})
    late, strict = (yield lambda rm: rm.WaitTimeoutError), {"treat_not_found_as_completed": False}
    yield from raised(lambda rm: rm.wait_for_completed_task("nothing", timeout=0.1, **strict), late)


def a_script_adds_a_plan():
    plans = yield lambda rm: rm.plans_allowed()
    equal("plan_of_a_script" in plans["plans_allowed"], False)
    started = yield lambda rm: rm.script_upload(PLAN, update_lists=True, run_in_background=False)
    equal((yield from result_of(started))["success"], True)
    yield from wait_idle()
    plans = yield lambda rm: rm.plans_allowed()
    equal(plans["plans_allowed"]["plan_of_a_script"]["description"], "Count, as the script says.")
    yield lambda rm: rm.item_execute({"item_type": "plan", "name": "plan_of_a_script", "args": [["det1"]]})
    yield from wait_idle()
    history = yield lambda rm: rm.history_get()
    result = history["items"][0]["result"]
    equal((result["exit_status"], result["msg"]), ("completed", ""))


def a_script_fails_or_runs_in_the_background():
    started = yield lambda rm: rm.script_upload("1 / 0", run_in_background=True)
    result = yield from result_of(started)
    equal(result["success"], False)
    contains(result["traceback"], "ZeroDivisionError")


def a_script_replaces_the_engine():
    for update, expected in ((False, "metadata_value"), (True, "of a script")):
        started = yield lambda rm, update=update: rm.script_upload(ENGINE, update_re=update, update_lists=False)
        equal((yield from result_of(started))["success"], True)
        yield from wait_idle()
        reply = yield from ask_metadata()
        equal(reply["re_metadata"]["metadata_key"], expected)
