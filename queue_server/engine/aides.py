"""Whom a turn asks for what neither the state nor the store knows: which devices a plan uses, what may be executed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from queue_server.protocol.items import Item
from queue_server.protocol.workflows import Workflow

if TYPE_CHECKING:
    from queue_server.engine.head import FindDevices
    from queue_server.engine.turn import Turn

Postprocess = Callable[["Turn", Workflow], None]


def _nobody_knows(_: Item) -> None:
    return None


def _nobody_does(_: Turn, __: Workflow) -> None:
    return None


class Aides(Struct, frozen=True):
    """Those who are asked.

    ``find_devices`` tells which devices of its lane the plan of an item uses; None where nobody knows.
    ``postprocess`` queues the post-processing of a workflow whose ranked results have changed.
    """

    find_devices: FindDevices = _nobody_knows
    postprocess: Postprocess = _nobody_does


NOBODY = Aides()
