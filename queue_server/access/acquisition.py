"""Checks an acquisition, which is a scan that a remote device carries out, before it is queued. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from queue_server.access.catalog import Catalog
from queue_server.access.field_error import FieldError, join_errors, show_value
from queue_server.protocol.acquisitions import Acquisition
from queue_server.protocol.items import ACQUISITION

LONGEST_NAME = 256


def validate_acquisition(item: Mapping[str, Any], catalog: Catalog, group: str, *, is_remote: bool) -> None:
    """Check an item for a lane that is remote, or an acquisition for any lane.

    Raises:
        ParameterError: the group is unknown, the lane executes no such items, or an argument does not fit.
            ``details["errors"]`` is a list of ``{field, given, accepted}``.
    """
    catalog.for_group(group)
    label, kind, name, kwargs = (
        "The acquisition does not fit",
        item.get("item_type"),
        item.get("name"),
        item.get("kwargs", {}),
    )
    if not is_remote:
        accepted = "the lane of a device that connects by itself (lane)"
        raise join_errors(label, [FieldError("item.item_type", show_value(kind), accepted)])
    if kind != ACQUISITION:
        accepted = f"{ACQUISITION!r}: this is the lane of a device"
        raise join_errors("The item does not fit its lane", [FieldError("item.item_type", show_value(kind), accepted)])
    findings = _find_wrong(kwargs)
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
        accepted = f"a text of 1 to {LONGEST_NAME} characters that people recognise the scan by"
        findings.insert(0, FieldError("item.name", show_value(name), accepted))
    if item.get("args"):
        findings.append(FieldError("item.args", show_value(item["args"]), "nothing: give arguments by name, in kwargs"))
    if findings:
        raise join_errors(label, findings)


def _find_wrong(kwargs: object) -> list[FieldError]:
    try:
        Acquisition.model_validate(kwargs)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        return [FieldError(_path(each["loc"]), show_value(each["input"]), _accepted(each["msg"])) for each in problems]
    given = cast("Mapping[str, Any]", kwargs)
    if (given.get("sequence_id") is None) == (given.get("sequence") is None):
        shown = "neither" if given.get("sequence") is None else "both"
        return [FieldError("item.kwargs.sequence_id", shown, "either 'sequence_id' or 'sequence'")]
    return []


def _path(place: tuple[int | str, ...]) -> str:
    return ".".join(("item", "kwargs", *map(str, place)))


def _accepted(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"
