"""The handler that takes edits of the queue back: exactly, or not at all."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from queue_server.core.edits import UNDONE, Edit, Stretch, decode_edit
from queue_server.engine import exam_progress
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.selection import release_lane
from queue_server.protocol.errors import RefusedError, StateError
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import BACK, Item, Place
from queue_server.protocol.methods.undo import MOST_EDITS_BACK, Undone, UndoParams

_log = logging.getLogger(__name__)

_PAGE = 50
_MOST_UIDS_SHOWN = 100


class _Past(Struct):
    """What is known of the edits that are newer than the one that is looked at."""

    undone: set[int] = field(default_factory=set[int])
    changed: dict[str, EventRecord] = field(default_factory=dict[str, EventRecord])
    # Items that were held before they were taken out of the queue or changed: they may have held up the lane.
    freed: list[Item] = field(default_factory=list[Item])


def undo_edits(context: TurnContext, params: UndoParams) -> Undone:
    """Take the latest edits back, the newest first, all of them or none."""
    past, taken, touched = _Past(), list[EventRecord](), dict[str, None]()
    shown: list[dict[str, Any]] = []
    size = context.turn.state.lane(context.lane).size
    for event in _edits(context, past):
        edit = decode_edit(context.turn.tx.undo_of(event.seq))
        if params.edits_of is not None and event.origin.user != params.edits_of:
            past.changed.update(dict.fromkeys(edit.touched - past.changed.keys(), event))
            continue
        _Undo(context, event, edit, past).perform()
        taken.append(event)
        touched.update(dict.fromkeys(sorted(edit.touched)))
        shown.append(_show(event, edit))
        if len(taken) == params.steps:
            break
    else:
        raise StateError(_describe_end(len(taken), params))
    added = context.turn.tx.count_queue(context.lane) - size
    uids = list(touched)
    context.edit(UNDONE, added, undone=[event.seq for event in taken], item_uids=uids[:_MOST_UIDS_SHOWN])
    for item in past.freed:
        release_lane(context, item)
    _log.info("Took %d edits of the queue back", len(taken))
    return Undone(shown, context.turn.state.lane(context.lane).size, context.queue_uid())


def _edits(context: TurnContext, past: _Past) -> Iterator[EventRecord]:
    """Yield the edits of the lane that stand, newest first."""
    before, left = None, MOST_EDITS_BACK
    while left > 0:
        page = context.turn.tx.edits(before, min(_PAGE, left))
        for event in page:
            undone = event.data.get("undone")
            if undone is not None:
                past.undone.update(undone)
            elif event.seq not in past.undone and event.lane == context.lane:
                yield event
        if not page:
            return
        before, left = page[-1].seq, left - len(page)


def _describe_end(found: int, params: UndoParams) -> str:
    whose = "" if params.edits_of is None else f" of {params.edits_of!r}"
    known = f"among the last {MOST_EDITS_BACK:,} edits"
    if not found:
        return f"There is no edit{whose} to undo {known}."
    return f"Only {found} of {params.steps} edits{whose} can be undone {known}; nothing was done. Ask for fewer steps."


def _show(event: EventRecord, edit: Edit) -> dict[str, Any]:
    uids = sorted(edit.touched)
    return {
        "seq": event.seq,
        "kind": event.kind,
        "time": event.time,
        "user": event.origin.user,
        "name": str(event.data.get("name", "")),
        "items": len(uids),
        "item_uids": uids[:_MOST_UIDS_SHOWN],
    }


class _Undo:
    """Takes one edit back, or refuses with the reason."""

    def __init__(self, context: TurnContext, event: EventRecord, edit: Edit, past: _Past) -> None:
        self._tx = context.turn.tx
        self._now = context.turn.now
        self._most = context.desk.limits.max_queue_items
        self._lane = context.lane
        self._event = event
        self._edit = edit
        self._past = past

    def perform(self) -> None:
        edit = self._edit
        for uid in sorted(edit.touched & self._past.changed.keys()):
            later = self._past.changed[uid]
            who = f" by {later.origin.user}" if later.origin.user else ""
            raise self._refusal(f"the item {uid!r} was changed since by event {later.seq} ({later.kind}{who})", uid)
        if edit.change == "added":
            for uid in edit.uids:
                self._past.freed.append(self._require(uid))
                exam_progress.note_removal(self._tx, self._past.freed[-1], self._now)
            self._tx.remove(edit.uids)
        elif edit.change == "removed":
            self._put_back()
        elif edit.change == "moved":
            self._move_back()
        elif edit.change == "replaced":
            for uid, old in zip(edit.uids, edit.items, strict=True):
                self._past.freed.append(self._require(uid))
                self._replace(self._past.freed[-1], old)
        else:
            raise self._refusal("it was too large to be remembered")

    def _put_back(self) -> None:
        items = {item.uid: item for item in self._edit.items}
        size = self._tx.count_queue(self._lane)
        if size + len(items) > self._most:
            raise self._refusal(f"the queue has {size} items, and at most {self._most} are accepted")
        for uid in items:
            if self._tx.item(uid) is not None:
                raise self._refusal(f"the item {uid!r} exists again", uid)
        for stretch in self._edit.stretches:
            self._tx.insert([items[uid] for uid in stretch.uids], self._place_of(stretch))
        for item in items.values():
            exam_progress.note_waiting(self._tx, item, self._now)

    def _move_back(self) -> None:
        for uid in self._edit.uids:
            self._require(uid)
        for stretch in self._edit.stretches:
            place = self._place_of(stretch)
            for uid in stretch.uids:
                self._tx.move(uid, place)
                place = Place(after_uid=uid)

    def _replace(self, present: Item, old: Item) -> None:
        if present.uid != old.uid and self._tx.item(old.uid) is not None:
            raise self._refusal(f"the item {old.uid!r} exists again", old.uid)
        self._tx.replace(present.uid, old)
        exam_progress.note_replacement(self._tx, present, old, self._now)

    def _require(self, uid: str) -> Item:
        """Return an item that must still be in the queue."""
        item = self._tx.item(uid)
        if item is None or item.state not in ("queued", "held"):
            raise self._refusal(f"the item {uid!r} {_fate_of(item)}", uid)
        return item

    def _place_of(self, stretch: Stretch) -> Place:
        """Return where a stretch stood, by a neighbour that stands where it did."""
        for neighbour, place in (
            (stretch.follows, Place(after_uid=stretch.follows)),
            (stretch.precedes, Place(before_uid=stretch.precedes)),
        ):
            if neighbour is not None and neighbour not in self._past.changed and self._is_queued(neighbour):
                return place
        others = self._tx.count_queue(self._lane) - (len(stretch.uids) if self._edit.change == "moved" else 0)
        if others == 0:
            return BACK
        uid = stretch.uids[0]
        gone = [name for name in (stretch.follows, stretch.precedes) if name is not None]
        why = (
            f"its neighbours have started, or were changed, since: {', '.join(gone)}" if gone else "others stand there"
        )
        raise self._refusal(f"the place of the item {uid!r} cannot be told any more; {why}", uid)

    def _is_queued(self, uid: str) -> bool:
        return self._tx.index_of(uid) is not None

    def _refusal(self, reason: str, uid: str = "") -> RefusedError:
        event = self._event
        details = {"seq": event.seq, "kind": event.kind, "item_uid": uid}
        return StateError(f"Event {event.seq} ({event.kind}) cannot be undone: {reason}.", details=details)


def _fate_of(item: Item | None) -> str:
    return "is not in the queue any more" if item is None else "has started since"


GROUP = group(turn={"queue_undo": undo_edits})
