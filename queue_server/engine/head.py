"""Whether the head of a queue may begin: what it comes after, what it needs from that, and what it claims.

It looks into the state and the store as they are in the middle of a turn, and changes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from queue_server.core.after import Predecessor, judge
from queue_server.core.claims import claims_of, find_holders
from queue_server.core.model import Awaited, Claims, State
from queue_server.engine.inputs import fill_inputs
from queue_server.protocol.items import Item
from queue_server.storage.base import Transaction

FindDevices = Callable[[Item], Collection[str] | None]


class Head:
    """The head of a queue, judged once: what it claims, what it waits for, and what keeps it from ever beginning."""

    def __init__(self, tx: Transaction, state: State, find_devices: FindDevices) -> None:
        self._tx = tx
        self._state = state
        self._find_devices = find_devices
        self.claims: Claims = None
        self.awaited: tuple[Awaited, ...] = ()
        self.obstacle = ""

    def may_begin(self, item: Item) -> bool:
        """Whether the item may begin now; if not, it waits for others or has an obstacle."""
        if item.content.get("after") and not self._has_what_it_comes_after(item):
            return False
        self.claims = claims_of(self._state, item, self._find_devices(item))
        return not find_holders(self._state, item.lane, self.claims)

    def _has_what_it_comes_after(self, item: Item) -> bool:
        verdict = judge(self._state, item.lane, self._predecessors(item))
        self.awaited, self.obstacle = verdict.awaited, verdict.obstacle
        if not self.awaited and not self.obstacle:
            self.obstacle = fill_inputs(self._tx, item).obstacle
        return not self.awaited and not self.obstacle

    def _predecessors(self, item: Item) -> Iterator[Predecessor]:
        for uid in item.content["after"]:
            yield find_predecessor(self._tx, uid)


def find_predecessor(tx: Transaction, uid: str) -> Predecessor:
    """Return what the store knows of an item, and of the copies that failure and retry have made of it."""
    item = tx.item(uid)
    # The first item of a submission, by whose uid that is called, may have a copy under another uid.
    submission = uid if item is None else item.submission
    if tx.completed(submission) is not None:
        return Predecessor(uid, is_completed=True)
    entry = None if item is None or item.state != "finished" else tx.history_entry(uid)
    outcome = "" if entry is None else str(entry.result.get("exit_status", ""))
    return Predecessor(uid, living=tuple(tx.living(submission)), outcome=outcome)
