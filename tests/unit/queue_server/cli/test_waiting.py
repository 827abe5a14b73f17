import pytest

from queue_server.cli.waiting import OutcomeSearch, TaskSearch


class Records:
    """Queue and history as a manager tells them; ``status`` changes its uids with them."""

    def __init__(self):
        self.queue, self.running, self.history, self.asked = [], None, [], []
        self.held = {}

    def request(self, method, params):
        """Answer a request."""
        self.asked.append(method)
        if method == "queue_get":
            return {"items": [self._show(uid) for uid in self.queue], "running_item": self._running()}
        return {"items": [{"item_uid": uid, "result": {"exit_status": "completed"}} for uid in self.history]}

    @property
    def status(self):
        """As much of a status as a search looks at."""
        return {"plan_queue_uid": str([self.queue, self.running]), "plan_history_uid": str(self.history)}

    def _show(self, uid):
        return {"item_uid": uid} | ({"state": "held", "reason": self.held[uid]} if uid in self.held else {})

    def _running(self):
        return {"item_uid": self.running} if self.running else {}


@pytest.fixture
def records():
    """An empty manager."""
    return Records()


def items(*uids):
    """Return items as they were added."""
    return [{"item_uid": uid} for uid in uids]


def test_a_search_ends_when_every_item_has_an_outcome(records):
    records.queue = ["a", "b"]
    search = OutcomeSearch(records.request, items("a", "b"))
    assert not search.look(records.status)
    records.queue, records.running = ["b"], "a"
    assert not search.look(records.status)
    records.queue, records.running, records.history = [], "b", ["old", "a"]
    assert not search.look(records.status)
    assert list(search.found) == ["a"]
    records.running, records.history = None, ["old", "a", "b"]
    assert search.look(records.status)
    assert list(search.found) == ["a", "b"]
    assert search.missing == []


def test_an_item_that_is_nowhere_is_missing_and_no_longer_awaited(records):
    records.queue = ["a"]
    search = OutcomeSearch(records.request, items("a"))
    assert not search.look(records.status)
    records.queue = []
    assert search.look(records.status)
    assert search.missing == ["a"]


def test_nothing_is_asked_while_nothing_changes(records):
    records.queue = ["a"]
    search = OutcomeSearch(records.request, items("a"))
    for _ in range(3):
        search.look(records.status)
    assert records.asked == ["queue_get", "history_get"]


def test_the_queue_is_read_before_the_history(records):
    """An item moves from the queue to the history; read the other way round it could be missed in both."""
    OutcomeSearch(records.request, items("a")).look(records.status)
    assert records.asked == ["queue_get", "history_get"]


def test_items_are_looked_for_in_their_own_lanes():
    asked = []
    waiting = {"default": "a", "b": "b"}

    def request(method, params):
        asked.append((method, dict(params)))
        lane = params.get("lane", "default")
        return {"items": [{"item_uid": waiting[lane]}] if method == "queue_get" else [], "running_item": {}}

    search = OutcomeSearch(request, [*items("a"), {"item_uid": "b", "lane": "b"}])
    assert not search.look({"plan_queue_uid": "q", "plan_history_uid": "h"})
    assert asked == [("queue_get", {}), ("queue_get", {"lane": "b"}), ("history_get", {"limit": 1000})]
    assert search.missing == []


def test_what_is_held_is_told_with_its_reason_as_long_as_it_is(records):
    records.queue = ["a", "b"]
    search = OutcomeSearch(records.request, items("a"))
    records.held = {"a": "its input is missing", "b": "held by a person"}
    assert not search.look(records.status)
    assert search.held == {"a": "its input is missing"}
    records.held, records.queue = {}, ["b", "a"]
    assert not search.look(records.status)
    assert search.held == {}


def test_a_task_is_asked_for_only_when_one_has_ended():
    answers = [{"status": "running"}, {"status": "completed", "result": {}}]
    asked = []

    def request(method, params):
        asked.append((method, params))
        return answers.pop(0)

    search = TaskSearch(request, "t1")
    assert not search.look({"task_results_uid": "r1"})
    assert not search.look({"task_results_uid": "r1"})
    assert search.look({"task_results_uid": "r2"})
    assert search.reply == {"status": "completed", "result": {}}
    assert asked == [("task_result", {"task_uid": "t1"})] * 2
