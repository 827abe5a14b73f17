"""The creation of a batch: every item is checked, then all of them are queued and followed together, or none is."""

from __future__ import annotations

import gc
import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from queue_server.access.arguments import check_arguments
from queue_server.handlers.after import Earlier
from queue_server.handlers.batch_entries import Entry, Findings, read_entries
from queue_server.handlers.batch_lanes import choose_own_lane
from queue_server.handlers.context import TurnContext
from queue_server.handlers.further import Further
from queue_server.handlers.items import ADDED_HELD
from queue_server.handlers.new_items import make_item, require_user
from queue_server.handlers.submitting import Order, Piece, make_items, queue_pieces
from queue_server.protocol.batches import Batch, item_ids, submission_uids
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import Item
from queue_server.protocol.listing import Roll
from queue_server.protocol.methods.batches import BatchCreated, BatchCreateParams
from queue_server.protocol.methods.items import ItemBatchParams
from queue_server.protocol.submissions import Submission
from queue_server.protocol.workflows import Workflow

_log = logging.getLogger(__name__)

CHECKED_AT_ONCE = 500
"""How many items are checked in one turn: a fraction of the time in which a manager must show that it lives."""

_OWN = frozenset(("item_uid", "user", "user_group"))


def create_batch(context: TurnContext, params: BatchCreateParams) -> BatchCreated | Further:
    """Create a batch; a large one is checked in parts, with turns of others between, and queued in the last of them."""
    group_name = require_user(params.user, params.user_group)
    findings = Findings()
    count, entries = read_entries(params, context.desk.limits.max_batch_items, findings)
    order = Order(str(params.user), group_name, params.lane, params.held)
    maker = _Maker(
        context, order, findings, count, entries, context.turn.chance.identifier(), params.project, context.turn.now
    )
    return _Creation(params, maker, _revisions_of(context)).go_on(context)


def _revisions_of(context: TurnContext) -> tuple[int, ...]:
    """Return what changes when a check may come to something else."""
    known = context.turn.state.revisions
    return known.plans_existing, known.devices_existing, known.plans_allowed, known.devices_allowed


class _Creation(Struct, frozen=True):
    """A batch on its way through one or several turns; nothing is written before the last one."""

    params: BatchCreateParams
    maker: _Maker
    revisions: tuple[int, ...]

    def go_on(self, context: TurnContext) -> BatchCreated | Further:
        """Check a part of what is left, and queue everything once nothing is."""
        if _revisions_of(context) != self.revisions:
            return create_batch(context, self.params)
        with _without_collector():
            if not self.maker.make_some(context, CHECKED_AT_ONCE):
                return Further(self.go_on)
            self.maker.findings.refuse()
            if _lacks_predecessor(context, self.maker.pieces):
                return create_batch(context, self.params)
            return self._queue(context)

    def _queue(self, context: TurnContext) -> BatchCreated:
        params, pieces = self.params, self.maker.pieces
        batch = _describe(context, params, self.maker)
        context.turn.tx.add_batch(batch)
        queue_pieces(context, pieces, ItemBatchParams(pos=params.pos), batch.id)
        context.turn.remarks.append(
            lambda: _log.info("Batch created: batch_id=%s name=%s items=%d", batch.id, batch.name, batch.size)
        )
        return BatchCreated(
            batch.shown({"held" if params.held else "queued": batch.size}), Roll(_show_ids(piece) for piece in pieces)
        )


def _show_ids(piece: Piece) -> dict[str, str]:
    submission = piece.submission
    return {"item_id": submission.identity, "submission_id": submission.uid, "item_uid": piece.items[-1].uid}


def _lacks_predecessor(context: TurnContext, pieces: Sequence[Piece]) -> bool:
    """Whether an item was to come after one that has gone since it was checked."""
    items = [item for piece in pieces for item in piece.items]
    named = {uid for item in items for uid in item.content.get("after", ())} - {item.uid for item in items}
    return any(context.turn.tx.item(uid) is None for uid in named)


@contextmanager
def _without_collector() -> Generator[None]:
    """Put the search for cycles off: again and again it would look through all items made so far, and find nothing."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _describe(context: TurnContext, params: BatchCreateParams, maker: _Maker) -> Batch:
    workflows = {piece.submission.workflow for piece in maker.pieces}
    return Batch(
        id=maker.batch_id,
        name=params.name,
        project=params.project,
        owner=context.origin.user or str(params.user),
        workflow=(workflows.pop() if len(workflows) == 1 else None) or "",
        lane=maker.pieces[0].submission.lane,
        size=len(maker.pieces),
        created=float(maker.created),
    )


class _Maker(Struct):
    """Makes submissions of what is asked for, and notes what cannot be done."""

    context: TurnContext
    order: Order
    findings: Findings
    count: int
    entries: Iterator[Entry | None]
    batch_id: str
    project: str
    created: float
    pieces: list[Piece] = field(default_factory=list[Piece])
    known: _Known = field(default_factory=lambda: _Known())

    def make_some(self, context: TurnContext, most: int) -> bool:
        """Make a part of those that are left, without those that cannot be made; return whether none is left."""
        self.context = context
        known = self.known
        if not known.uids:
            known.uids, known.identities = (
                submission_uids(self.batch_id, self.count),
                item_ids(self.batch_id, self.count),
            )
        for entry in islice(self.entries, most):
            piece = None if entry is None else self._try(entry, len(known.earlier.uids))
            known.earlier.note(None if piece is None else piece.items[-1])
            if piece is not None:
                self.pieces.append(piece)
            if self.findings.is_full:
                return True
        return len(known.earlier.uids) == self.count

    def _try(self, entry: Entry, ordinal: int) -> Piece | None:
        try:
            return self._make(entry, ordinal)
        except ParameterError as error:
            self.findings.note(entry.place, error)
            return None

    def _make(self, entry: Entry, ordinal: int) -> Piece:
        uid = self.known.uids[ordinal]
        content: dict[str, Any] = {}
        if entry.item is not None:
            workflow = None
            items = [self._make_single(entry.item, uid)]
            # Whoever tries it once more finds it here, also when the history has gone.
            content["item"] = {name: value for name, value in items[0].content.items() if name not in _OWN}
            arguments = entry.arguments
        else:
            workflow, arguments, items = self._fill(entry, uid)
            if len(items) > 1:
                content["steps"] = [item.uid for item in items[:-1]]
        said = {"arguments": arguments, "tags": entry.tags, "request": entry.request, "project": self.project}
        content |= {name: value for name, value in said.items() if value}
        submission = Submission(
            uid=uid,
            lane=items[-1].lane,
            creator=self.order.user,
            created=float(self.created),
            workflow=None if workflow is None else workflow.id,
            version=0 if workflow is None else workflow.version,
            batch=self.batch_id,
            ordinal=ordinal,
            identity=self.known.identities[ordinal],
            reference=entry.reference,
            content=content,
        )
        return Piece(items, submission)

    def _make_single(self, content: Mapping[str, Any], uid: str) -> Item:
        order = self.order
        own = choose_own_lane(self.context, order.lane, content)
        if content.get("item_type") == "instruction":
            raise ParameterError(
                "Instructions have no outcome, so that they are no items of a batch: add them to the queue.",
                field="item.item_type",
            )
        item = make_item(own, content, order.user, order.user_group, uid=uid, earlier=self.known.earlier)
        return replace(item, state="held", reason=ADDED_HELD) if order.held else item

    def _fill(self, entry: Entry, uid: str) -> tuple[Workflow, Mapping[str, Any], list[Item]]:
        workflow = self._find(str(entry.workflow))
        values = check_arguments(workflow.fields, entry.arguments, casts=entry.casts)
        items = make_items(self.context, workflow.fields, values, self.order)
        last = items[-1]
        items[-1] = replace(last, uid=uid, submission=uid, content={**last.content, "item_uid": uid})
        return workflow, values, items

    def _find(self, identity: str) -> Workflow:
        workflows = self.known.workflows
        if identity not in workflows:
            workflows[identity] = self.context.turn.tx.workflow(identity)
        found = workflows[identity]
        if found is None:
            raise ParameterError(f"There is no workflow {identity!r}.", field="workflow_id")
        return found


class _Known(Struct):
    """What a maker has found out so far: the ids to give, the items before, and the workflows by their ids."""

    uids: list[str] = field(default_factory=list[str])
    identities: list[str] = field(default_factory=list[str])
    earlier: Earlier = field(default_factory=Earlier)
    workflows: dict[str, Workflow | None] = field(default_factory=dict[str, "Workflow | None"])
