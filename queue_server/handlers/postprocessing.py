"""The post-processing of workflows: queued when other results are ranked, and once for all that come while it waits."""

from __future__ import annotations

import logging

from msgspec import Struct

from queue_server.engine.postprocessing import fill_item, find_ranked
from queue_server.engine.turn import Turn
from queue_server.handlers.context import Desk, TurnContext
from queue_server.handlers.new_items import make_item
from queue_server.handlers.submitting import Piece, choose_step_lane, queue_pieces
from queue_server.protocol.errors import CuelightError, StorageError
from queue_server.protocol.items import Origin
from queue_server.protocol.methods.items import ItemBatchParams
from queue_server.protocol.rankings import PostprocessingRun, RankedRun
from queue_server.protocol.submissions import Submission
from queue_server.protocol.workflows import Postprocessing, Workflow

_log = logging.getLogger(__name__)

METHOD = "workflow_postprocessing"
"""Under which name the event log has it."""

_NOBODY = "workflows"
"""Who asks where the workflow comes from a file."""


class Postprocessor(Struct, frozen=True):
    """Queues the post-processing of a workflow, unless one waits already or has worked on the same results."""

    desk: Desk

    def __call__(self, turn: Turn, workflow: Workflow) -> None:
        """Queue it; a refusal is logged, for whoever has brought the results cannot help it."""
        postprocessing = workflow.fields.postprocessing
        if postprocessing is None or _is_waiting(turn, workflow):
            return
        newest = turn.tx.newest_postprocessing(workflow.id)
        ranked = find_ranked(turn.tx, workflow)
        if not ranked or (newest is not None and list(newest.ranked) == ranked):
            return
        try:
            with turn.entry():
                self._queue(turn, workflow, postprocessing, ranked)
        except StorageError:
            raise
        except CuelightError as error:
            _log.error("The post-processing of the workflow %s cannot be queued: %s", workflow.id, error.message)
            turn.record(f"{METHOD}_refused", data={"workflow_id": workflow.id, "reason": error.message})

    def _queue(self, turn: Turn, workflow: Workflow, postprocessing: Postprocessing, ranked: list[RankedRun]) -> None:
        user = workflow.creator or _NOBODY
        origin = Origin(user=user, group=workflow.user_group)
        context = TurnContext(self.desk, origin, turn, METHOD)
        content = fill_item(turn.tx, postprocessing, ranked)
        own = choose_step_lane(context, content, workflow.fields.lane)
        item = make_item(own, content, user, workflow.user_group)
        submission = Submission(
            uid=item.submission,
            lane=item.lane,
            creator=user,
            created=float(turn.now),
            workflow=workflow.id,
            version=workflow.version,
            content={"request": {"postprocessing": True}},
        )
        run = PostprocessingRun(workflow.id, submission.uid, tuple(ranked))
        queue_pieces(
            context, [Piece([item], submission)], ItemBatchParams(), note=lambda: turn.tx.add_postprocessing(run)
        )


def _is_waiting(turn: Turn, workflow: Workflow) -> bool:
    newest = turn.tx.newest_postprocessing(workflow.id)
    living = [] if newest is None else turn.tx.living(newest.submission)
    return any(item.state != "running" for item in living)
