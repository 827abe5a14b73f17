"""Handlers of the methods that run something at once, or let the queue start by itself."""

from __future__ import annotations

import logging

from queue_server.core.events import AutostartSet, ExecuteRequested
from queue_server.handlers.context import MemoryContext, TurnContext
from queue_server.handlers.graph_lane import choose_lane
from queue_server.handlers.group import group
from queue_server.handlers.new_items import begin_exam_tasks, make_item, require_user
from queue_server.protocol.errors import CuelightError, StateError
from queue_server.protocol.items import FRONT, Item
from queue_server.protocol.method import Done
from queue_server.protocol.methods.execution import AutostartParams, ExecuteParams, InterruptParams
from queue_server.protocol.methods.items import ItemReply

_log = logging.getLogger(__name__)


def execute_item(context: TurnContext, params: ExecuteParams) -> ItemReply:
    """Run an item at once."""
    _log.info("Starting immediate execution of an item ...")
    turn = context.turn
    try:
        group_name = require_user(params.user, params.user_group)
        context = choose_lane(context, params.lane, [params.item])
        item = make_item(context, params.item, str(params.user), group_name)
        size = turn.state.lane(context.lane).size
        if item.kind != "instruction":
            content = {**item.content, "properties": {"immediate_execution": True}}
            turn.tx.insert([Item(item.uid, item.lane, item.submission, content)], FRONT)
            begin_exam_tasks(context, [item])
        turn.apply(ExecuteRequested(context.lane, item.name if item.kind == "instruction" else ""))
    except CuelightError as error:
        raise error.with_fields(item=params.item) from error
    context.record(item_uid=item.uid, name=item.name)
    return ItemReply(item.shown(), size)


def set_autostart(context: TurnContext, params: AutostartParams) -> Done:
    """Switch autostart."""
    _log.info("Autostart is switched %s", "on" if params.enable else "off")
    context.turn.apply(AutostartSet(context.lane, params.enable))
    context.record(enable=params.enable)
    return Done()


def interrupt_kernel(_: MemoryContext, __: InterruptParams) -> Done:
    """Refuse: there is no kernel.

    Raises:
        StateError: always.
    """
    raise StateError(
        "The worker runs plain Python and has no IPython kernel to interrupt; "
        "use re_pause and re_abort for a plan, environment_destroy as the last resort."
    )


GROUP = group(
    turn={"queue_item_execute": execute_item, "queue_autostart": set_autostart},
    memory={"kernel_interrupt": interrupt_kernel},
)
