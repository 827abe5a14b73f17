"""The work of a transaction on the tables in memory, the same as that of the statements on rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from queue_server.protocol.errors import ConflictError, StorageError
from queue_server.protocol.event_log import EventFilter, EventPart, EventRecord
from queue_server.protocol.item_filter import ItemFilter
from queue_server.protocol.items import AttemptKey, Item, Place, Result, Run
from queue_server.storage import admission, content
from queue_server.storage.base import (
    BlockedAtHead,
    Claim,
    HeldAtHead,
    HistoryEntry,
    HistoryPart,
    InstructionAtHead,
    NextItem,
    Phase,
    RunningItem,
    StoredReply,
)
from queue_server.storage.search import plan_range, plan_search, take_part
from queue_server.storage.tables import StoredAttempt, StoredEvent, StoredItem, Tables


class MemoryRows:
    """The base of what works on the tables, inside a transaction."""

    def __init__(self, tables: Tables) -> None:
        self._open_tables: Tables | None = tables

    @property
    def _tables(self) -> Tables:
        if self._open_tables is None:
            raise StorageError("The transaction has ended: nothing can be done outside of one.")
        return self._open_tables

    def end(self) -> None:
        """Refuse everything from now on."""
        self._open_tables = None


class QueueTables(MemoryRows):
    """The part of a transaction that works on queues; the promises are those of the port."""

    def insert(self, items: Sequence[Item], place: Place) -> None:
        """Put items into their queue side by side."""
        admission.check_batch(items)
        if not items:
            return
        stored = [StoredItem.of(item) for item in items]
        lane, tables = items[0].lane, self._tables
        order = self._order(lane)
        index = self._index(lane, order, place)
        for item in items:
            if item.uid in tables.items:
                raise admission.taken(item.uid)
        for new in stored:
            tables.put(tables.items, new.item.uid, new)
        tables.put(tables.orders, lane, (*order[:index], *(item.uid for item in items), *order[index:]))

    def move(self, uid: str, place: Place) -> None:
        """Move an item of a queue."""
        lane = self._queued(uid).item.lane
        if uid in (place.before_uid, place.after_uid):
            return
        others = tuple(other for other in self._order(lane) if other != uid)
        index = self._index(lane, others, place)
        self._tables.put(self._tables.orders, lane, (*others[:index], uid, *others[index:]))

    def replace(self, uid: str, item: Item) -> None:
        """Put an item at the place of another one."""
        tables, lane = self._tables, self._queued(uid).item.lane
        admission.check_successor(item, lane)
        stored = StoredItem.of(item)
        if item.uid != uid and item.uid in tables.items:
            raise admission.taken(item.uid)
        tables.drop(tables.items, uid)
        tables.put(tables.items, item.uid, stored)
        order = tuple(item.uid if other == uid else other for other in self._order(lane))
        tables.put(tables.orders, lane, order)

    def remove(self, uids: Sequence[str]) -> None:
        """Take items out of their queue."""
        mark = self._tables.mark()
        for uid in uids:
            if not self._is_queued(uid):
                self._tables.undo_to(mark)
                raise admission.not_in_queue(uid)
            self._take_out(uid)
            self._tables.drop(self._tables.items, uid)

    def clear(self, lane: str) -> int:
        """Empty the queue of a lane."""
        order = self._order(lane)
        for uid in order:
            self._tables.drop(self._tables.items, uid)
        self._tables.put(self._tables.orders, lane, ())
        return len(order)

    def set_held(self, uid: str, reason: str | None) -> None:
        """Hold or release an item of a queue."""
        stored = self._queued(uid)
        item = replace(stored.item, state="queued" if reason is None else "held", reason=reason or "")
        self._tables.put(self._tables.items, uid, replace(stored, item=item))

    def set_all_held(self, uids: Sequence[str], reason: str | None) -> None:
        """Hold or release items of queues."""
        mark, named = self._tables.mark(), set[str]()
        for uid in uids:
            if uid in named or not self._is_queued(uid):
                self._tables.undo_to(mark)
                raise admission.not_in_queue(uid)
            self.set_held(uid, reason)
            named.add(uid)

    def item(self, uid: str) -> Item | None:
        """Return an item in any state."""
        stored = self._tables.items.get(uid)
        return None if stored is None else stored.read()

    def item_at(self, lane: str, index: int) -> Item | None:
        """Return the item at an index of the queue."""
        order = self._order(lane)
        return self._tables.items[order[index]].read() if -len(order) <= index < len(order) else None

    def index_of(self, uid: str) -> int | None:
        """Return the index of an item in its queue."""
        return self._order(self._tables.items[uid].item.lane).index(uid) if self._is_queued(uid) else None

    def neighbours(self, uid: str) -> tuple[str | None, str | None]:
        """Return who stands before and behind an item of a queue."""
        order = (None, *self._order(self._queued(uid).item.lane), None)
        place = order.index(uid)
        return order[place - 1], order[place + 1]

    def queue(self, lane: str, *, limit: int | None = None, after_uid: str | None = None) -> list[Item]:
        """Return a part of the queue in order."""
        order = self._order(lane)
        start = 0 if after_uid is None else self._neighbour(lane, order, after_uid) + 1
        stop = None if limit is None else start + max(limit, 0)
        return [self._tables.items[uid].read() for uid in order[start:stop]]

    def count_queue(self, lane: str) -> int:
        """Return the size of the queue."""
        return len(self._order(lane))

    def _order(self, lane: str) -> tuple[str, ...]:
        return self._tables.orders.get(lane, ())

    def _is_queued(self, uid: str) -> bool:
        stored = self._tables.items.get(uid)
        return stored is not None and stored.item.state in admission.QUEUE_STATES

    def _queued(self, uid: str) -> StoredItem:
        if not self._is_queued(uid):
            raise admission.not_in_queue(uid)
        return self._tables.items[uid]

    def _take_out(self, uid: str) -> None:
        lane = self._tables.items[uid].item.lane
        others = tuple(other for other in self._order(lane) if other != uid)
        self._tables.put(self._tables.orders, lane, others)

    def _index(self, lane: str, order: tuple[str, ...], place: Place) -> int:
        if place.before_uid is not None:
            return self._neighbour(lane, order, place.before_uid)
        if place.after_uid is not None:
            return self._neighbour(lane, order, place.after_uid) + 1
        if place.position == "front":
            return 0
        if place.position == "back":
            return len(order)
        admission.check_index(place.position, len(order))
        return place.position

    def _neighbour(self, lane: str, order: tuple[str, ...], uid: str) -> int:
        if uid not in order:
            raise admission.not_in_queue(uid, lane)
        return order.index(uid)


class AttemptTables(QueueTables):
    """The part of a transaction that works on attempts; the promises are those of the port."""

    def claim_next(
        self, lane: str, epoch: int, time: float, may_begin: Callable[[Item], bool] | None = None
    ) -> NextItem:
        """Open an attempt for the head of the queue."""
        if lane in self._tables.attempts:
            raise ConflictError(f"An attempt is open in lane {lane} already.")
        item = self.item_at(lane, 0)
        if item is None:
            return None
        if item.state == "held":
            return HeldAtHead(item)
        if item.kind == "instruction":
            return InstructionAtHead(item)
        if may_begin is not None and not may_begin(item):
            return BlockedAtHead(item)
        return self._open(item, epoch, time)

    def _open(self, item: Item, epoch: int, time: float) -> Claim:
        tables = self._tables
        number = tables.last_attempts.get(item.submission, 0) + 1
        key = AttemptKey(item.uid, item.submission, item.lane, number, epoch)
        running = replace(item, state="running", attempt=number)
        self._take_out(item.uid)
        tables.put(tables.items, item.uid, StoredItem.of(running))
        tables.put(tables.last_attempts, item.submission, number)
        tables.put(tables.attempts, item.lane, StoredAttempt(key, "dispatched", time))
        return Claim(running, key)

    def set_phase(self, attempt: AttemptKey, phase: Phase) -> None:
        """Record how far an open attempt is."""
        admission.check_phase(phase)
        self._put_attempt(replace(self._opened(attempt), phase=phase))

    def open_run(self, attempt: AttemptKey, run: Run) -> None:
        """Record a run of an open attempt."""
        known = self._opened(attempt)
        if run.uid not in {other.uid for other in known.runs}:
            self._put_attempt(replace(known, runs=(*known.runs, run)))

    def close_run(self, attempt: AttemptKey, run_uid: str, exit_status: str) -> None:
        """Record the end of a run of an open attempt."""
        known = self._opened(attempt)
        if run_uid not in {run.uid for run in known.runs}:
            raise admission.no_such_run(attempt, run_uid)
        runs = tuple(run.closed(exit_status) if run.uid == run_uid else run for run in known.runs)
        self._put_attempt(replace(known, runs=runs))

    def finish(self, attempt: AttemptKey, result: Result) -> Item:
        """End an open attempt."""
        self._opened(attempt)
        text = content.encode(result.shown())
        tables = self._tables
        number = tables.count("history")
        stored = tables.items[attempt.item_uid]
        finished = replace(stored, item=replace(stored.item, state="finished"), number=number, result=text)
        tables.put(tables.items, attempt.item_uid, finished)
        tables.put(tables.history, number, attempt.item_uid)
        tables.drop(tables.attempts, attempt.lane)
        return finished.read()

    def running(self) -> list[RunningItem]:
        """Return the items whose attempts are open, by lane."""
        tables = self._tables
        return [
            attempt.read(tables.items[attempt.key.item_uid].read()) for _, attempt in sorted(tables.attempts.items())
        ]

    def _opened(self, attempt: AttemptKey) -> StoredAttempt:
        known = self._tables.attempts.get(attempt.lane)
        if known is None or known.key != attempt:
            raise admission.not_open(attempt)
        return known

    def _put_attempt(self, attempt: StoredAttempt) -> None:
        self._tables.put(self._tables.attempts, attempt.key.lane, attempt)


class RecordTables(MemoryRows):
    """The part of a transaction that works on records; the promises are those of the port."""

    def history(self, *, limit: int | None = None, before: int | None = None) -> list[HistoryEntry]:
        """Return the newest finished items below a number, in order of finishing."""
        numbers = [number for number in sorted(self._tables.history) if before is None or number < before]
        first = 0 if limit is None else max(len(numbers) - max(limit, 0), 0)
        return [self._tables.items[self._tables.history[number]].read_entry() for number in numbers[first:]]

    def history_entry(self, uid: str) -> HistoryEntry | None:
        """Return a finished item."""
        stored = self._tables.items.get(uid)
        return None if stored is None or stored.item.state != "finished" else stored.read_entry()

    def change_result(self, uid: str, result: Mapping[str, Any]) -> None:
        """Write what is known now of how a finished item ended."""
        tables = self._tables
        stored = tables.items.get(uid)
        text = content.encode(result)
        if stored is None or stored.item.state != "finished":
            raise admission.not_in_history(uid)
        tables.put(tables.items, uid, replace(stored, result=text))

    def count_history(self) -> int:
        """Return the number of finished items."""
        return len(self._tables.history)

    def find_history(self, wanted: ItemFilter, *, limit: int, before: int | None = None) -> HistoryPart:
        """Return a part of the finished items that fit."""
        search = plan_search(wanted, limit)
        entries = reversed(self.history(before=before))
        known = [entry for entry in entries if search.looked_up.fits(entry.item, entry.result)]
        examined = known[: search.at_most]
        return take_part(examined, wanted, limit, search.at_most)

    def trim_history(self, keep: int) -> int:
        """Keep only the newest entries."""
        numbers = sorted(self._tables.history)
        return self._trim(numbers[: max(len(numbers) - max(keep, 0), 0)])

    def trim_history_to(self, uid: str) -> int:
        """Remove the entries up to the one of an item."""
        stored = self._tables.items.get(uid)
        if stored is None or stored.item.state != "finished":
            raise admission.not_in_history(uid)
        return self._trim([number for number in self._tables.history if number <= stored.number])

    def _trim(self, numbers: list[int]) -> int:
        tables = self._tables
        for number in numbers:
            tables.drop(tables.items, tables.history[number])
            tables.drop(tables.history, number)
        # The number of an attempt must not be given again as long as its submission has items.
        alive = {stored.item.submission for stored in tables.items.values()} | set(tables.submissions)
        for submission in set(tables.last_attempts) - alive:
            tables.drop(tables.last_attempts, submission)
        return len(numbers)

    def append_event(self, event: EventRecord) -> int:
        """Append to the event log."""
        seq = self.last_seq() + 1
        self._tables.put(self._tables.events, seq, StoredEvent.of(event, seq))
        return seq

    def events(self, since: int, limit: int) -> list[EventRecord]:
        """Return the events behind a sequence number."""
        first, last = max(since, 0) + 1, self.last_seq()
        return [self._tables.events[seq].read() for seq in range(first, min(first + max(limit, 0), last + 1))]

    def find_events(
        self, wanted: EventFilter, *, limit: int, since: int = 0, before: int | None = None, newest_first: bool = False
    ) -> EventPart:
        """Return a part of the events that fit."""
        searched = plan_range(since, before, self.last_seq(), newest_first=newest_first)
        events = self.events(searched.low - 1, searched.high - searched.low + 1)
        found = [event for event in (reversed(events) if newest_first else events) if wanted.fits(event)]
        return searched.part(found[:limit], limit)

    def edits(self, before: int | None, limit: int) -> list[EventRecord]:
        """Return the newest edits, newest first."""
        stored = self._tables.events
        seqs = [seq for seq in stored if stored[seq].event.undo and (before is None or seq < before)]
        return [stored[seq].read() for seq in sorted(seqs, reverse=True)[:limit]]

    def undo_of(self, seq: int) -> str:
        """Return what takes an edit back."""
        stored = self._tables.events.get(seq)
        return "" if stored is None else stored.event.undo

    def last_seq(self) -> int:
        """Return the sequence number of the newest event."""
        return len(self._tables.events)

    def load(self, name: str) -> bytes | None:
        """Return a saved value."""
        return self._tables.documents.get(name)

    def save(self, name: str, value: bytes) -> None:
        """Save a value."""
        self._tables.put(self._tables.documents, name, value)

    def stored_reply(self, key: str) -> StoredReply | None:
        """Return a finished answer."""
        return self._tables.replies.get(key)

    def store_reply(self, key: str, reply: StoredReply, time: float) -> None:
        """Keep a finished answer."""
        if key in self._tables.replies:
            raise admission.answered(key)
        self._tables.put(self._tables.replies, key, reply)
        self._tables.put(self._tables.reply_times, key, time)

    def forget_replies(self, *, before: float, keep: int, most: int) -> None:
        """Forget the oldest answers."""
        times = self._tables.reply_times
        too_many = len(times) - keep
        for place, (key, time) in enumerate(list(times.items())[:most]):
            if time < before or place < too_many:
                self._tables.drop(times, key)
                self._tables.drop(self._tables.replies, key)
