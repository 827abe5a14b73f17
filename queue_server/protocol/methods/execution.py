"""Declarations about running something at once, by itself, or not at all: execute, autostart, kernel_interrupt."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from queue_server.protocol.method import LaneLockableParams, LockableParams, Method
from queue_server.protocol.methods.items import ItemReply


class ExecuteParams(LaneLockableParams):
    """One item, and who asks for it."""

    item: dict[str, Any] | None = Field(default=None, description="item_type, name, args, kwargs, meta.")
    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(default=None, max_length=128, description="Group whose permissions apply.")


class AutostartParams(LaneLockableParams):
    """On or off."""

    enable: bool = Field(description="True: the queue starts whenever it has an item that can run.")


class InterruptParams(LockableParams):
    """What to interrupt."""

    interrupt_task: bool = Field(default=False, description="Interrupt a foreground task.")
    interrupt_plan: bool = Field(default=False, description="Interrupt a running plan.")


METHODS = (
    Method(
        name="queue_item_execute",
        summary="Run an item at once, beside the queue; it is run once and never put back.",
        kind="mutation",
        scope="write:execute",
        route=("POST", "/queue/items:execute"),
        params=ExecuteParams,
        result=ItemReply,
        lock="environment",
        refusal="Failed to start execution of the item: ",
    ),
    Method(
        name="queue_autostart",
        summary="Switch autostart; a failure or a request to stop switches it off.",
        kind="mutation",
        scope="write:queue:control",
        route=("POST", "/queue/autostart"),
        params=AutostartParams,
        lock="environment",
    ),
    Method(
        name="kernel_interrupt",
        summary="Interrupt the IPython kernel of the worker; refused, since workers run plain Python.",
        kind="memory",
        scope="write:queue:control",
        route=("POST", "/kernel/interrupt"),
        params=InterruptParams,
        lock="environment",
    ),
)
