"""What clients see of items and of entries of the history, made from the JSON that is stored of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.written_list import Piece, TextPiece, ValuePiece
from queue_server.storage import content


def show(text: str, lane: str, state: str, reason: str, result: str = "") -> str:
    """Return what ``shown()`` returns of an item, or of an entry of the history if there is a result, as JSON."""
    if lane == DEFAULT_LANE and state != "held":
        return content.extend(text, {"result": result}) if result else text
    more: dict[str, str] = {}
    if lane != DEFAULT_LANE:
        more["lane"] = orjson.dumps(lane).decode()
    if state == "held":
        more |= {"state": '"held"', "hold_reason": orjson.dumps(reason).decode()}
    if result:
        more["result"] = result
    return content.extend(text, more)


def write_piece(texts: list[str], read: Callable[[], list[dict[str, Any]]]) -> Piece:
    """Return entries that ``show`` has written as a piece of a list; ``read`` is asked if text does not do."""
    joined = ",".join(texts)
    return ValuePiece(read()) if content.is_extended(joined) else TextPiece(len(texts), joined.encode())
