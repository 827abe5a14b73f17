"""The queue of a lane as rows: positions with gaps, so that an item finds a place between two others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import orjson

from queue_server.protocol.errors import ConflictError
from queue_server.protocol.items import Item, Place
from queue_server.storage import admission, content
from queue_server.storage.checksums import row_sum
from queue_server.storage.database import Rows
from queue_server.storage.shown_base import ShownQueue
from queue_server.storage.shown_text import show, write_piece
from queue_server.storage.sql import Row, as_item_rows, read_item, read_items, statement

# Between neighbours at the back and at the front: 24 halvings until a lane is numbered anew, and room for 10^11
# items before 64 bits end.
GAP = 1 << 24
BEFORE_ALL, BEHIND_ALL = -(1 << 63), (1 << 63) - 1
NOBODY = ""

INSERT_ITEMS = statement("insert_items")
SELECT_ITEM = statement("select_item")
SELECT_QUEUE = statement("select_queue")
SELECT_FROM_FRONT = statement("select_from_front")
SELECT_FROM_BACK = statement("select_from_back")
SELECT_PLACE = statement("select_place")
SELECT_POSITIONS_AT = statement("select_positions_at")
SELECT_POSITION_BEFORE = statement("select_position_before")
SELECT_POSITION_AFTER = statement("select_position_after")
SELECT_ORDER = statement("select_order")
UPDATE_POSITION = statement("update_position")
REPLACE_ITEM = statement("replace_item")
DELETE_ITEMS = statement("delete_items")
CLEAR_QUEUE = statement("clear_queue")
SET_HELD = statement("set_held")
SET_ALL_HELD = statement("set_all_held")
COUNT_QUEUE = statement("count_queue")
COUNT_BEFORE = statement("count_before")

Gap = tuple[int | None, int | None]


class QueueRows(Rows):
    """The part of a transaction that works on queues; the promises are those of the port."""

    def insert(self, items: Sequence[Item], place: Place) -> None:
        """Put items into their queue side by side."""
        admission.check_batch(items)
        if not items:
            return
        encoded = [content.encode(item.content) for item in items]
        positions = self._positions(items[0].lane, len(items), place, NOBODY)
        rows = [
            (item.uid, item.lane, item.submission, item.state, position, item.attempt, item.reason, text)
            for item, position, text in zip(items, positions, encoded, strict=True)
        ]
        self._insert_all([(*row, row_sum("items", *row, None, None)) for row in rows])

    def _insert_all(self, rows: list[Row]) -> None:
        try:
            if len(rows) == 1:
                # One row is inserted as a whole or not at all without a savepoint.
                self._database.rows(INSERT_ITEMS, rows[0])
            else:
                with self._database.savepoint():
                    self._database.insert_together(INSERT_ITEMS, rows)
        except ConflictError as error:
            existing = next((row[0] for row in rows if self._database.rows(SELECT_ITEM, row[:1])), None)
            if existing is None:
                raise
            raise admission.taken(existing) from error

    def move(self, uid: str, place: Place) -> None:
        """Move an item of a queue."""
        lane, _ = self._place_of(uid)
        if uid in (place.before_uid, place.after_uid):
            return
        [position] = self._positions(lane, 1, place, uid)
        self._database.rows(UPDATE_POSITION, (position, uid))

    def replace(self, uid: str, item: Item) -> None:
        """Put an item at the place of another one."""
        lane, _ = self._place_of(uid)
        admission.check_successor(item, lane)
        text = content.encode(item.content)
        if item.uid != uid and self._database.rows(SELECT_ITEM, (item.uid,)):
            raise admission.taken(item.uid)
        values = (item.uid, item.submission, item.state, item.attempt, item.reason, text, uid)
        self._database.rows(REPLACE_ITEM, values)

    def remove(self, uids: Sequence[str]) -> None:
        """Take items out of their queue."""
        self._require_queued(uids)
        self._database.rows(DELETE_ITEMS, (orjson.dumps(uids).decode(),))

    def set_all_held(self, uids: Sequence[str], reason: str | None) -> None:
        """Hold or release items of queues."""
        self._require_queued(uids)
        state = "queued" if reason is None else "held"
        self._database.rows(SET_ALL_HELD, (state, reason or "", orjson.dumps(uids).decode()))

    def _require_queued(self, uids: Sequence[str]) -> None:
        named: set[str] = set()
        for uid in uids:
            if uid in named or self._database.row(SELECT_PLACE, (uid,)) is None:
                raise admission.not_in_queue(uid)
            named.add(uid)

    def clear(self, lane: str) -> int:
        """Empty the queue of a lane."""
        return self._database.change(CLEAR_QUEUE, (lane,))

    def set_held(self, uid: str, reason: str | None) -> None:
        """Hold or release an item of a queue."""
        state = "queued" if reason is None else "held"
        if not self._database.change(SET_HELD, (state, reason or "", uid)):
            raise admission.not_in_queue(uid)

    def item(self, uid: str) -> Item | None:
        """Return an item in any state."""
        found = self._database.row(SELECT_ITEM, (uid,))
        return None if found is None else read_item(found)

    def item_at(self, lane: str, index: int) -> Item | None:
        """Return the item at an index of the queue."""
        text, offset = (SELECT_FROM_FRONT, index) if index >= 0 else (SELECT_FROM_BACK, -1 - index)
        found = self._database.row(text, (lane, offset))
        return None if found is None else read_item(found)

    def index_of(self, uid: str) -> int | None:
        """Return the index of an item in its queue."""
        place = self._database.row(SELECT_PLACE, (uid,))
        if place is None:
            return None
        [(count,)] = self._database.rows(COUNT_BEFORE, place)
        return count

    def queue(self, lane: str, *, limit: int | None = None, after_uid: str | None = None) -> list[Item]:
        """Return a part of the queue in order."""
        return read_items(as_item_rows(self._queue_rows(lane, limit, after_uid)))

    def shown_queue(self, lane: str, *, limit: int | None = None, after_uid: str | None = None) -> ShownQueue:
        """Return a part of the queue as clients see it."""
        rows = self._queue_rows(lane, limit, after_uid)
        texts = [show(row[7], row[1], row[3], row[6]) for row in rows]
        piece = write_piece(texts, lambda: [item.shown() for item in read_items(as_item_rows(rows))])
        return ShownQueue(piece, rows[-1][0] if rows else "")

    def _queue_rows(self, lane: str, limit: int | None, after_uid: str | None) -> list[Row]:
        behind = BEFORE_ALL if after_uid is None else self._neighbour(lane, after_uid)
        at_most = -1 if limit is None else max(limit, 0)
        return self._database.sound_rows("items", SELECT_QUEUE, (lane, behind, at_most))

    def count_queue(self, lane: str) -> int:
        """Return the size of the queue."""
        [(count,)] = self._database.rows(COUNT_QUEUE, (lane,))
        return count

    def _place_of(self, uid: str) -> Row:
        place = self._database.row(SELECT_PLACE, (uid,))
        if place is None:
            raise admission.not_in_queue(uid)
        return place

    def _neighbour(self, lane: str, uid: str) -> int:
        place = self._database.row(SELECT_PLACE, (uid,))
        if place is None or place[0] != lane:
            raise admission.not_in_queue(uid, lane)
        return place[1]

    def _positions(self, lane: str, count: int, place: Place, moving: str) -> range:
        """Return free positions at a place, as if the item ``moving`` were not in the queue."""
        low, high = self._gap(lane, place, moving)
        if low is not None and high is not None and high - low <= count:
            self._number_anew(lane)
            low, high = self._gap(lane, place, moving)
        return _spread(low, high, count)

    def _gap(self, lane: str, place: Place, moving: str) -> Gap:
        """Return the positions between which a place lies; None where the queue ends."""
        if place.before_uid is not None:
            high = self._neighbour(lane, place.before_uid)
            [(low,)] = self._database.rows(SELECT_POSITION_BEFORE, (lane, high, moving))
            return low, high
        if place.after_uid is not None:
            low = self._neighbour(lane, place.after_uid)
            [(high,)] = self._database.rows(SELECT_POSITION_AFTER, (lane, low, moving))
            return low, high
        return self._gap_at(lane, place.position, moving)

    def _gap_at(self, lane: str, index: int | Literal["front", "back"], moving: str) -> Gap:
        if index == "back":
            [(last,)] = self._database.rows(SELECT_POSITION_BEFORE, (lane, BEHIND_ALL, moving))
            return last, None
        if index == "front":
            [(first,)] = self._database.rows(SELECT_POSITION_AFTER, (lane, BEFORE_ALL, moving))
            return None, first
        size = self.count_queue(lane) - (moving != NOBODY)
        admission.check_index(index, size)
        around = [row[0] for row in self._database.rows(SELECT_POSITIONS_AT, (lane, moving, max(index - 1, 0)))]
        if index == 0:
            return None, around[0] if around else None
        return around[0], around[1] if len(around) > 1 else None

    def _number_anew(self, lane: str) -> None:
        """Give all items of a lane new positions with full gaps, beside the old ones so that none is taken twice."""
        order = self._database.rows(SELECT_ORDER, (lane,))
        first, last = order[0][1], order[-1][1]
        start = last + GAP if abs(last) < abs(first) else first - GAP * len(order)
        self._database.change_many(
            UPDATE_POSITION, ((start + GAP * number, uid) for number, (uid, _) in enumerate(order))
        )


def _spread(low: int | None, high: int | None, count: int) -> range:
    if low is not None and high is not None:
        step = (high - low) // (count + 1)
        return range(low + step, low + step * count + 1, step)
    if low is not None:
        return range(low + GAP, low + GAP * count + 1, GAP)
    if high is not None:
        return range(high - GAP * count, high, GAP)
    return range(0, GAP * count, GAP)
