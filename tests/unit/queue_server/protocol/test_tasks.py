"""Tasks: what clients see of how one ended."""

from __future__ import annotations

from queue_server.protocol.tasks import Task, TaskResult

# The documented result of a task.
KEYS = {"task_uid", "success", "msg", "traceback", "return_value", "time_start", "time_stop"}


def test_a_result_has_every_documented_field():
    shown = TaskResult(False, "no such function", "none", 1.0, 2.0).shown("t1")
    assert set(shown) == KEYS
    assert (shown["task_uid"], shown["success"], shown["msg"], shown["return_value"]) == (
        "t1",
        False,
        "no such function",
        None,
    )


def test_a_result_tells_what_the_function_returned():
    shown = TaskResult(True, "", "", 1.0, 2.0, {"position": 5}).shown("t1")
    assert (shown["return_value"], shown["time_start"], shown["time_stop"]) == ({"position": 5}, 1.0, 2.0)


def test_tasks_do_not_share_their_content():
    first, second = (Task(uid, "default", "update", in_background=False, time_start=1.0) for uid in ("a", "b"))
    assert first.content is not second.content
