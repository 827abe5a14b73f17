"""Rankings: how clients ask for them, and how flowserv shows them. The order itself comes from the manager."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from http_gateway.dialects.flowserv.attempts import name_run
from http_gateway.dialects.flowserv.times import put_in_order, show_time
from http_gateway.dialects.flowserv.workflow_documents import serve_postprocessing
from queue_server.protocol.errors import ParameterError

_DIRECTIONS: Mapping[str, bool] = {"": True, "DESC": True, "ASC": False}
_FLAGS: Mapping[str, bool] = {"true": True, "1": True, "": True, "false": False, "0": False, "none": False}


def read_order(text: str | None) -> list[dict[str, Any]] | None:
    """Return the columns and directions of ``orderBy``; None for the default order.

    Raises:
        ParameterError: a direction is neither ASC nor DESC.
    """
    found: list[dict[str, Any]] = []
    for element in (text or "").split(","):
        name, _, direction = element.strip().partition(":")
        if not element.strip():
            continue
        descending = _DIRECTIONS.get(direction.upper())
        if descending is None or not name:
            raise ParameterError(
                f"{element!r} is no order; write COLUMN, COLUMN:ASC or COLUMN:DESC, with commas between them.",
                field="orderBy",
            )
        found.append({"name": name, "descending": descending})
    return found or None


def read_include_all(text: str | None) -> bool:
    """Return what ``includeAll`` says, which clients write as Python does.

    Raises:
        ParameterError: it is no truth value.
    """
    found = _FLAGS.get("false" if text is None else text.lower())
    if found is None:
        raise ParameterError(f"includeAll must be True, False or None, not {str(text)[:80]!r}.", field="includeAll")
    return found


def show_ranking(
    workflow_id: str,
    columns: Iterable[Mapping[str, Any]],
    ranking: Iterable[Mapping[str, Any]],
    postprocessing: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return a ranking; entries are in their order and have the values that they have."""
    schema = [{name: each[name] for name in ("name", "label", "dtype")} for each in columns]
    return {
        "schema": schema,
        "ranking": [_show_entry(entry, schema) for entry in ranking],
        **serve_postprocessing(workflow_id, postprocessing),
    }


def _show_entry(entry: Mapping[str, Any], schema: list[dict[str, Any]]) -> dict[str, Any]:
    times = put_in_order(entry["time_created"], entry["time_start"], entry["time_stop"])
    created, started, finished = map(show_time, times)
    # What was not started for a group stands for itself, and so does its entry.
    group = entry["group"] or {"id": entry["submission_id"], "name": entry["submission_id"]}
    values = ((column["name"], entry["values"].get(column["name"])) for column in schema)
    return {
        "run": {
            "id": name_run(entry["submission_id"], entry["attempt"]),
            "createdAt": created,
            "startedAt": started,
            "finishedAt": finished,
        },
        "group": {"id": group["id"], "name": group["name"]},
        "results": [{"name": name, "value": value} for name, value in values if _is_shown(value)],
    }


def _is_shown(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))
