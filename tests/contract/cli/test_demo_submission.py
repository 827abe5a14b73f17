"""The submission of the demonstration with a scanner, followed over several lanes to its end."""

from __future__ import annotations

import pytest

from queue_server.cli.demo.submission import run_submission
from queue_server.cli.failures import OperationFailedError
from queue_server.client import RunControl
from queue_server.protocol.notices import PROGRESS_TOPIC, STATUS_TOPIC

SCAN = {"item_type": "acquisition", "name": "acquire", "item_uid": "u1", "lane": "mr"}
GRAPH = {"item_type": "dag", "name": "reconstruct", "item_uid": "u2", "lane": "compute"}
SENT = [{"item_type": "acquisition", "name": "acquire"}, {"item_type": "dag", "name": "reconstruct"}]


def ended(item, outcome="completed"):
    return {**item, "result": {"exit_status": outcome, "points": 11, "msg": "", "traceback": ""}}


class Lanes:
    """What a manager tells of two items; it changes after the first look, and says so."""

    def __init__(self, cuelight):
        self.manager = cuelight.manager
        self.requests = cuelight.requests
        self.waiting, self.history = [SCAN, GRAPH], []
        self._change, self._progress, self._turn = None, [], 0
        cuelight.answer("queue_item_add_batch", {"items": [SCAN, GRAPH]})
        cuelight.answer("queue_get", lambda params: {"items": self._in_lane(params["lane"]), "running_item": {}})
        cuelight.answer("history_get", self._tell_history)
        cuelight.answer("status", lambda _: self._status())

    def go_on(self, change, *progress):
        """Let this happen after notices of progress."""
        self._change, self._progress = change, progress

    def _in_lane(self, lane):
        return [item for item in self.waiting if item["lane"] == lane]

    def _status(self):
        return {"plan_queue_uid": str(self._turn), "plan_history_uid": str(self._turn), "lanes": []}

    def _tell_history(self, _):
        known = self.history
        if self._change is not None:
            self._change()
            self._change, self._turn = None, 1
            for _ in range(2):
                self.manager.await_subscriber()
            for each in self._progress:
                self.manager.publish(PROGRESS_TOPIC, each)
            self.manager.publish(STATUS_TOPIC, {"time": 1.0, "msg": {"status": self._status()}})
        return {"items": known}


@pytest.fixture
def lanes(cuelight):
    return Lanes(cuelight)


@pytest.fixture
def submit(lanes):
    def submit(check=lambda: None):
        with RunControl(lanes.manager.control, lanes.manager.info) as run_control:
            return run_submission(run_control, SENT, "compute", check)

    return submit


def test_both_items_are_followed_to_their_ends(lanes, submit, capsys):
    def finish():
        lanes.waiting, lanes.history = [], [ended(GRAPH), ended(SCAN)]

    percent = {"item_uid": "u1", "points": 3, "total": 100}
    nodes = {"item_uid": "u2", "points": 0, "total": 11}
    lanes.go_on(finish, percent, {**percent, "points": 4}, nodes)
    items = submit()
    assert [item["item_uid"] for item in items] == ["u1", "u2"]
    asked = [(name, params) for name, params in lanes.requests if name in ("queue_item_add_batch", "queue_start")]
    assert [name for name, _ in asked] == ["queue_item_add_batch", "queue_start"]
    assert (asked[0][1]["items"], asked[1][1]) == (SENT, {"lane": "compute"})
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["acquire     started", "reconstruct started, 11 nodes"]
    assert sorted(out[2:]) == ["acquire     completed", "reconstruct completed after 11 nodes"]


def test_what_fails_ends_the_wait_for_what_comes_after_it(lanes, submit):
    def fail():
        lanes.waiting, lanes.history = [GRAPH], [ended(SCAN, "failed")]

    lanes.go_on(fail)
    assert [item["item_uid"] for item in submit()] == ["u1"]


def test_an_item_that_is_held_ends_the_wait_with_its_reason(lanes, submit):
    def hold():
        lanes.waiting = [{**GRAPH, "state": "held", "reason": "its input is missing"}]
        lanes.history = [ended(SCAN)]

    lanes.go_on(hold)
    with pytest.raises(OperationFailedError, match="The item u2 is held: its input is missing"):
        submit()


def test_an_item_that_somebody_removes_ends_the_wait(lanes, submit):
    def remove():
        lanes.waiting = [SCAN]

    lanes.go_on(remove)
    with pytest.raises(OperationFailedError, match="Somebody removed items"):
        submit()


def test_waiting_ends_when_it_is_of_no_use(submit):
    def check():
        raise OperationFailedError("The simulated scanner has ended")

    with pytest.raises(OperationFailedError, match="has ended"):
        submit(check)
