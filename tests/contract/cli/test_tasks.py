"""Tasks from the shell: what is printed of them, and how their end is awaited."""

from __future__ import annotations

import json

import pytest

DONE = {"success": True, "msg": "", "traceback": "", "return_value": {"x": 5}, "time_start": 1.0, "time_stop": 3.5}
FAILED = {**DONE, "success": False, "msg": "no", "traceback": "  File x\nBoom: no limit\n", "return_value": None}
NOT_FOUND = {"task_uid": "t1", "status": "not_found", "result": {}}


def status(number):
    return {"task_results_uid": f"r{number}"}


def running():
    return {"task_uid": "t1", "status": "running", "result": {"task_uid": "t1", "time_start": 1.7e9}}


def completed(result):
    return {"task_uid": "t1", "status": "completed", "result": result}


@pytest.fixture
def bench(cuelight, tmp_path):
    """A manager that starts the task t1."""
    for method in ("script_upload", "function_execute", "environment_update"):
        cuelight.answer(method, {"task_uid": "t1"})
    (tmp_path / "code.py").write_text("x = 5\n")
    return cuelight


@pytest.fixture
def commands(tmp_path):
    """What starts a task."""
    return {
        "script": ["script", "upload", str(tmp_path / "code.py")],
        "function": ["function", "call", "measure", "3"],
        "update": ["env", "update"],
    }


@pytest.mark.parametrize("name", ["script", "function", "update"])
def test_a_task_that_is_started_prints_its_uid_and_how_to_ask(bench, commands, name):
    ended = bench(*commands[name])
    assert (ended.code, ended.out) == (0, "t1\n")
    assert "cuelight task result t1 --wait" in ended.err


@pytest.mark.parametrize("name", ["script", "function", "update"])
def test_the_end_of_a_task_is_awaited_by_notices_and_its_value_printed(bench, commands, name):
    answers = [running(), completed(DONE)]
    bench.answer("task_result", lambda _: answers.pop(0))
    bench.go_through(status(1), status(1), status(1), status(2))
    ended = bench(*commands[name], "--wait")
    assert (ended.code, json.loads(ended.out)) == (0, {"x": 5})
    assert "2.5 s" in ended.err
    assert [method for method, _ in bench.requests].count("task_result") == 2


def test_a_task_that_has_ended_already_is_not_awaited(bench):
    bench.answer("task_result", completed(DONE))
    bench.answer("status", status(1))
    assert bench("task", "result", "t1", "--wait").code == 0


@pytest.mark.parametrize("options", [[], ["--wait"]])
def test_a_task_that_failed_is_a_failed_operation_with_its_traceback(bench, options):
    bench.answer("task_result", completed(FAILED))
    bench.answer("status", status(1))
    ended = bench("task", "result", "t1", *options)
    assert (ended.code, ended.out) == (5, "")
    assert "File x" in ended.err
    assert "The task failed: Boom: no limit" in ended.err


def test_a_task_that_failed_is_printed_as_json_too(bench):
    bench.answer("task_result", completed(FAILED))
    ended = bench("task", "result", "t1", "--json")
    assert (ended.code, json.loads(ended.out)["result"]) == (5, FAILED)


def test_a_running_task_is_not_an_error(bench):
    bench.answer("task_result", running())
    ended = bench("task", "result", "t1")
    assert (ended.code, ended.out, "runs since 2023" in ended.err) == (0, "", True)


@pytest.mark.parametrize("options", [[], ["--wait"]])
def test_a_task_that_nobody_knows_is_refused(bench, options):
    bench.answer("task_result", NOT_FOUND)
    bench.answer("status", status(1))
    ended = bench("task", "result", "t1", *options)
    assert (ended.code, "no task 't1'" in ended.err) == (2, True)


def test_a_wait_for_a_task_ends_by_its_time_limit(bench):
    bench.answer("task_result", running())
    bench.answer("status", status(1))
    assert bench("task", "result", "t1", "--wait", "--timeout", "0.2").code == 8


def test_the_states_of_tasks_are_a_table(bench):
    bench.answer("task_status", {"task_uid": "t1", "status": "running"})
    assert [line.split() for line in bench("task", "status", "t1").out.splitlines()] == [
        ["TASK", "STATE"],
        ["t1", "running"],
    ]
    bench.answer("task_status", {"task_uid": ["t1", "t2"], "status": {"t1": "completed", "t2": "not_found"}})
    assert [line.split() for line in bench("task", "status", "t1", "t2").out.splitlines()[1:]] == [
        ["t1", "completed"],
        ["t2", "not_found"],
    ]


def test_a_script_that_cannot_be_read_is_not_sent(bench, tmp_path):
    ended = bench("script", "upload", str(tmp_path / "missing.py"))
    assert (ended.code, "missing.py" in ended.err) == (1, True)
    assert bench.requests == []
