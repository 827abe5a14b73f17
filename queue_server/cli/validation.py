"""The verb ``validate``: would these items be accepted? Nothing is added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, cast

import typer

from queue_server.cli import render
from queue_server.cli.files import read_document
from queue_server.cli.options import DEFAULT_GROUP, UserGroup
from queue_server.cli.session import LaneSession
from queue_server.cli.values import item_of, items_of
from queue_server.protocol.errors import ParameterError


def validate(
    session: LaneSession,
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON with items or one item, or - for stdin.")],
    group: UserGroup = DEFAULT_GROUP,
) -> int:
    """Check items without adding them: every wrong field is named. Exit code 1 if one would be refused."""
    source = file.removeprefix("@")
    items = _read_items(source)
    reply = session.request("item_validate", {"items": items, "user_group": group})
    session.show(reply, lambda: _print_verdicts(items, reply["results"]))
    return 0 if reply["valid"] else ParameterError.exit_code


def _read_items(source: str) -> list[dict[str, Any]]:
    content = read_document(source)
    is_one = isinstance(content, dict) and not isinstance(cast("dict[str, Any]", content).get("items"), list)
    return [item_of(content, source)] if is_one else items_of(content, source)


def _print_verdicts(items: list[dict[str, Any]], verdicts: Iterable[Mapping[str, Any]]) -> None:
    refused = [number for number, verdict in enumerate(verdicts, start=1) if not verdict["valid"]]
    rows = [
        (
            str(number),
            str(items[number - 1]["name"]),
            *(str(error[part] or "") for part in ("field", "given", "accepted")),
        )
        for number, verdict in enumerate(verdicts, start=1)
        for error in verdict["errors"]
    ]
    if rows:
        render.print_table(("ITEM", "PLAN", "FIELD", "GIVEN", "ACCEPTED"), rows)
    count = len(items)
    render.say(f"{len(refused)} of {count} items would be refused." if refused else f"All {count} items are valid.")
