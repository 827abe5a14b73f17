"""What a manager has acknowledged, against what it tells after its death and restart: the criterion K.

K: no acknowledged operation is lost, none is done twice, and every item is in exactly one state. An operation without
an answer may have been done or not; since a manager takes the requests of one client in their order, those that were
done are the first ones of the unanswered.

Every item has a label of its own, which its copies share; so the copies of a failed or looped item are one chain with
at most one living end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

Reply = dict[str, Any]


class Expected(Struct, frozen=True):
    """The queue as it must be, apart from items that were executed."""

    order: tuple[str, ...] = ()
    revisions: dict[str, int] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    cleared: frozenset[str] = frozenset()

    def add(self, labels: Sequence[str], before: str | None = None) -> Expected:
        """Put new items before another one, or at the back."""
        if before is not None and before not in self.order:
            return self
        revisions = self.revisions | dict.fromkeys(labels, 0)
        return replace(self, order=_insert(self.order, labels, before), revisions=revisions)

    def remove(self, labels: Iterable[str]) -> Expected:
        """Take items out for good, and the living ends of their chains too."""
        removed = set(labels)
        order = tuple(label for label in self.order if label not in removed)
        return replace(self, order=order, gone=self.gone | removed)

    def clear(self) -> Expected:
        """Take everything out that waits; what ran at that moment, and is told nowhere, may leave a copy yet."""
        return replace(self.remove(self.order), cleared=self.cleared | set(self.order))

    def move(self, label: str, before: str | None = None) -> Expected:
        """Move an item before another one, or to the back."""
        if label not in self.order or (before is not None and before not in self.order):
            return self
        rest = tuple(each for each in self.order if each != label)
        return replace(self, order=_insert(rest, [label], before))

    def revise(self, label: str, revision: int) -> Expected:
        """Change an item."""
        return replace(self, revisions=self.revisions | {label: revision}) if label in self.order else self


def _insert(order: tuple[str, ...], labels: Sequence[str], before: str | None) -> tuple[str, ...]:
    at = len(order) if before is None else order.index(before)
    return (*order[:at], *labels, *order[at:])


Change = Callable[[Expected], Expected]


@dataclass(frozen=True)
class Operation:
    """A request, what it changes if it succeeds, and the items that it is about."""

    method: str
    params: dict[str, Any]
    change: Change
    about: str = ""
    tells_item: bool = True


@dataclass(frozen=True)
class Seen:
    """What a manager tells: its queue, its running item and its history."""

    queue: list[Reply]
    running: list[Reply]
    history: list[Reply]

    @property
    def everything(self) -> list[Reply]:
        """All items."""
        return [*self.history, *self.running, *self.queue]

    @property
    def executed(self) -> dict[str, str]:
        """The outcome of the last attempt of every label that has been executed."""
        return {label_of(item): item["result"]["exit_status"] for item in self.history}

    @property
    def living(self) -> Counter[str]:
        """How many items of each label are queued, held or running."""
        return Counter(label_of(item) for item in (*self.queue, *self.running))


def label_of(item: Reply) -> str:
    """Return the label that an item shares with its copies."""
    return item["kwargs"]["label"]


class Ledger:
    """Keep it over many deaths of one data directory."""

    def __init__(self) -> None:
        self.expected = Expected()
        self.uids: dict[str, str] = {}
        self.acknowledged = 0
        self._unanswered: list[Operation] = []

    def note(self, operations: Sequence[Operation], replies: Sequence[Reply | None]) -> None:
        """Note what became of operations that were sent in this order; None stands for no answer."""
        for operation, reply in zip(operations, replies, strict=True):
            if reply is None:
                self._unanswered.append(operation)
            elif reply["success"]:
                assert not self._unanswered, "a request was answered before an earlier one"
                self.acknowledged += 1
                self.expected = operation.change(self.expected)
                items = reply.get("items") or ([reply["item"]] if operation.tells_item else [])
                self.uids |= {label_of(item): item["item_uid"] for item in items}

    def check(self, seen: Seen, *, loops: bool, journal: Sequence[Reply]) -> None:
        """Fail unless ``seen`` is what the acknowledged and perhaps some of the unanswered operations have made."""
        self._check_states(seen)
        check_starts(seen, journal)
        complaints: list[str] = []
        for number in range(len(self._unanswered) + 1):
            expected = self._after(self._unanswered[:number], seen)
            complaint = differences(expected, seen, loops=loops)
            if not complaint:
                return
            complaints.append(f"with {number} unanswered operations: {complaint}")
        raise AssertionError("K is violated\n" + "\n".join(complaints))

    def _check_states(self, seen: Seen) -> None:
        twice = [uid for uid, number in Counter(item["item_uid"] for item in seen.everything).items() if number > 1]
        assert not twice, f"items in two places: {twice}"
        several = [label for label, number in seen.living.items() if number > 1]
        assert not several, f"more than one living item: {several}"

    def _after(self, operations: Sequence[Operation], seen: Seen) -> Expected:
        expected = self.expected
        begun = seen.executed.keys() | {label_of(item) for item in seen.running}
        for operation in operations:
            # What had been executed meanwhile is not in the queue any more, so that the request was refused.
            if operation.about not in begun:
                expected = operation.change(expected)
        return expected


def differences(expected: Expected, seen: Seen, *, loops: bool) -> str:
    """Return how ``seen`` differs from ``expected``; an empty text if it does not."""
    executed, living = seen.executed, seen.living
    known = set(expected.order)
    begun = executed.keys() | {label_of(item) for item in seen.running}
    waiting = [item for item in seen.queue if label_of(item) not in begun]
    order = [label_of(item) for item in waiting]
    if order != [label for label in expected.order if label not in begun]:
        return f"order {order}, expected {expected.order} without {sorted(begun)}"
    if strange := begun - known - expected.gone:
        return f"executed, but never added: {strange}"
    for item in waiting:
        if item["kwargs"].get("revision", 0) != expected.revisions[label_of(item)]:
            return f"{item} should have revision {expected.revisions[label_of(item)]}"
    for label, outcome in executed.items():
        returns = loops or outcome not in ("completed", "stopped")
        allowed = {int(returns and label not in expected.gone), int(returns and label in expected.cleared)}
        if living[label] not in allowed:
            return f"{label} ended as {outcome} and has {living[label]} living items"
    return ""


def check_starts(seen: Seen, journal: Sequence[Reply]) -> None:
    """Fail if an attempt has begun twice, or if what has begun and what is recorded differ."""
    starts = Counter((entry["submission"], entry["attempt"]) for entry in journal)
    twice = [attempt for attempt, number in starts.items() if number > 1]
    assert not twice, f"attempts that began twice: {twice}"
    begun = {entry["item_uid"] for entry in journal}
    recorded = {item["item_uid"] for item in (*seen.history, *seen.running)}
    assert begun <= recorded, f"begun, but not recorded: {begun - recorded}"
    ended = {item["item_uid"] for item in seen.history if item["result"]["run_uids"]}
    assert ended <= begun, f"recorded with runs, but never begun: {ended - begun}"
