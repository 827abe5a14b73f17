import pytest

from queue_server.cli.status import describe

LANE = {
    "lane": "default",
    "condition": "open",
    "reason": "",
    "worker": "",
    "worker_state": "closed",
    "answering": False,
    "running_item_uid": None,
    "attempt": None,
    "waiting_for": "",
    "waiting_since": None,
    "items_in_queue": 0,
}


def make_status(lane=None, **changes):
    return {
        "msg": "RE Manager v0.0.25",
        "manager_state": "idle",
        "worker_environment_exists": False,
        "worker_environment_state": "closed",
        "items_in_queue": 0,
        "items_in_history": 7,
        "running_item_uid": None,
        "queue_stop_pending": False,
        "queue_autostart_enabled": False,
        "pause_pending": False,
        "re_state": None,
        "plan_queue_mode": {"loop": False, "ignore_failures": False},
        "lanes": [{**LANE, **(lane or {})}],
        **changes,
    }


OPEN = {"worker_environment_exists": True, "worker_environment_state": "idle", "re_state": "idle"}


def lines(**changes):
    return describe(make_status(**changes), "tcp://127.0.0.1:60615")


def test_a_closed_environment_names_the_verb_that_opens_it():
    assert "cuelight env open" in lines()["environment"]


def test_an_idle_system_says_nothing_unusual():
    shown = lines(**OPEN, lane={"worker_state": "idle", "answering": True})
    assert shown == {
        "manager": "idle  (RE Manager v0.0.25 at tcp://127.0.0.1:60615)",
        "environment": "idle",
        "queue": "0 items",
        "running": "",
        "RunEngine": "idle",
        "history": "7 items",
        "lanes": "",
    }


def test_a_running_queue_names_the_item_and_every_switch():
    shown = lines(
        **{**OPEN, "re_state": "running"},
        manager_state="executing_queue",
        items_in_queue=3,
        running_item_uid="u1",
        queue_stop_pending=True,
        pause_pending=True,
        plan_queue_mode={"loop": True, "ignore_failures": True},
    )
    assert shown["manager"].startswith("executing queue")
    assert shown["queue"] == "3 items, stops after the running item, loop, ignores failures"
    assert shown["running"] == "item u1"
    assert shown["RunEngine"] == "running, pause pending"


@pytest.mark.parametrize(
    ("lane", "text"),
    [
        ({"condition": "held", "reason": "outcome unknown"}, "default held: outcome unknown"),
        ({"condition": "estopped"}, "default estopped"),
        ({"waiting_for": "the worker to start", "waiting_since": 1.0}, "default waiting for the worker to start since"),
        ({"worker_state": "idle", "answering": False}, "default the worker does not answer"),
    ],
)
def test_what_is_unusual_about_a_lane_is_shown(lane, text):
    assert lines(lane=lane)["lanes"].startswith(text)


def test_a_status_without_lanes_is_shown_too():
    assert lines(lanes=[])["lanes"] == ""
