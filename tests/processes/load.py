"""Mixed load on one manager: items are added, changed and executed, and a ledger notes what was acknowledged."""

from __future__ import annotations

import random
from functools import partial
from itertools import count
from typing import Any

from tests.processes.ledger import Expected, Ledger, Operation, Seen, label_of
from tests.processes.requester import USER, ManagerGoneError, Reply, Requester

MOST_WAITING = 25


class Load:
    """Sends bursts of requests, as many clients at once would; ``executes`` lets the queue run meanwhile.

    While items are executed, requests are such that their effect does not depend on how far the queue is.
    """

    def __init__(self, requester: Requester, ledger: Ledger, chance: random.Random) -> None:
        self.requester = requester
        self._ledger = ledger
        self._chance = chance
        self._numbers = count()
        self._posted: list[Operation] = []
        self._posted_numbers: list[int] = []
        self._replies: dict[int, Reply] = {}

    def burst(self, *, executes: bool) -> None:
        """Send some requests without waiting in between, then note what was answered."""
        self.post(executes=executes)
        self.collect()

    def post(self, *, executes: bool = False, most: int = 4) -> None:
        """Send up to ``most`` requests."""
        free = [label for label in self._ledger.expected.order if label in self._ledger.uids]
        self._chance.shuffle(free)
        kinds = [self._add, self._add, self._batch, self._update, self._replace, self._move, self._remove]
        if not executes:
            kinds += [self._add_in_front, self._move_in_front, self._add_before, self._move_before, self._clear]
        if len(free) > MOST_WAITING:
            kinds = [self._remove]
        chosen = self._chance.choices(kinds, k=self._chance.randint(1, most))
        self._post([operation for make in chosen if (operation := make(free)) is not None])

    def await_replies(self, number: int) -> None:
        """Wait until ``number`` of the requests have been answered, or all of them."""
        number = min(number, len(self._posted))
        while len(self._replies) < number:
            open_numbers = [each for each in self._posted_numbers if each not in self._replies]
            self._replies |= self.requester.collect(open_numbers[: number - len(self._replies)])

    def collect(self) -> int:
        """Note what was answered and return how much; raise ManagerGoneError if it was not everything."""
        open_numbers = [number for number in self._posted_numbers if number not in self._replies]
        self._replies |= self.requester.collect(open_numbers)
        self._ledger.note(self._posted, [self._replies.get(number) for number in self._posted_numbers])
        if len(self._replies) < len(self._posted):
            raise ManagerGoneError
        return len(self._replies)

    def keep_running(self) -> None:
        """Start the queue if it stands; take a failed item out before, or it would fail again and again."""
        if self.requester.status()["manager_state"] != "idle":
            return
        queue = self.requester.do("queue_get")["items"]
        if queue and "result" in queue[0]:
            label, uid = label_of(queue[0]), queue[0]["item_uid"]
            remove = Operation("queue_item_remove", {"uid": uid}, lambda old: old.remove([label]), tells_item=False)
            self._post([remove])
            self.collect()
        self.requester.ask("queue_start")

    def _post(self, operations: list[Operation]) -> None:
        self._posted, self._replies = operations, {}
        self._posted_numbers = [self.requester.post(each.method, **each.params) for each in operations]

    # --- the requests ------------------------------------------------------------------------------------------

    def _plan(self, label: str, revision: int = 0) -> dict[str, Any]:
        name = "fail" if label.startswith("f") else "quick"
        return {"item_type": "plan", "name": name, "kwargs": {"label": label, "revision": revision}}

    def _label(self) -> str:
        return f"{self._chance.choice('qqqqqf')}{next(self._numbers)}"

    def _add(self, _: list[str]) -> Operation:
        label = self._label()
        return Operation("queue_item_add", {"item": self._plan(label), **USER}, lambda old: old.add([label]))

    def _batch(self, _: list[str]) -> Operation:
        labels = [self._label() for _ in range(3)]
        params = {"items": [self._plan(label) for label in labels], **USER}
        return Operation("queue_item_add_batch", params, lambda old: old.add(labels))

    def _add_before(self, free: list[str]) -> Operation | None:
        if not free:
            return None
        label, other = self._label(), free.pop()
        params = {"item": self._plan(label), "before_uid": self._ledger.uids[other], **USER}
        return Operation("queue_item_add", params, lambda old: old.add([label], before=other))

    def _add_in_front(self, _: list[str]) -> Operation:
        label = self._label()
        params = {"item": self._plan(label), "pos": "front", **USER}
        return Operation("queue_item_add", params, partial(_add_first, label))

    def _update(self, free: list[str], **options: Any) -> Operation | None:
        if not free:
            return None
        label = free.pop()
        revision = self._ledger.expected.revisions[label] + 1
        item = {**self._plan(label, revision), "item_uid": self._ledger.uids[label]}
        params = {"item": item, **options, **USER}
        return Operation("queue_item_update", params, lambda old: old.revise(label, revision), about=label)

    def _replace(self, free: list[str]) -> Operation | None:
        return self._update(free, replace=True)

    def _move(self, free: list[str]) -> Operation | None:
        if not free:
            return None
        label = free.pop()
        params = {"uid": self._ledger.uids[label], "pos_dest": "back"}
        return Operation("queue_item_move", params, lambda old: old.move(label), about=label)

    def _move_in_front(self, free: list[str]) -> Operation | None:
        if not free:
            return None
        label = free.pop()
        params = {"uid": self._ledger.uids[label], "pos_dest": "front"}
        return Operation("queue_item_move", params, partial(_move_first, label), about=label)

    def _move_before(self, free: list[str]) -> Operation | None:
        if len(free) < 2:
            return None
        label, other = free.pop(), free.pop()
        params = {"uid": self._ledger.uids[label], "before_uid": self._ledger.uids[other]}
        return Operation("queue_item_move", params, lambda old: old.move(label, before=other), about=label)

    def _remove(self, free: list[str]) -> Operation | None:
        if not free:
            return None
        label = free.pop()
        params = {"uid": self._ledger.uids[label]}
        return Operation("queue_item_remove", params, lambda old: old.remove([label]), about=label)

    def _clear(self, free: list[str]) -> Operation:
        free.clear()
        return Operation("queue_clear", {}, Expected.clear, tells_item=False)


def _add_first(label: str, old: Expected) -> Expected:
    return old.add([label], before=old.order[0] if old.order else None)


def _move_first(label: str, old: Expected) -> Expected:
    return old if old.order[:1] == (label,) else old.move(label, before=old.order[0] if old.order else None)


def look(requester: Requester) -> Seen:
    """Stop the queue, wait until nothing runs, and return what the manager tells."""
    status = requester.status()
    if status["manager_state"] not in ("idle", "initializing"):
        requester.ask("queue_stop")
    requester.wait_for(lambda status: status["manager_state"] == "idle", "idle")
    reply = requester.do("queue_get")
    return Seen(reply["items"], [reply["running_item"]] if reply["running_item"] else [], requester.history())
