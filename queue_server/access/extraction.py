"""Which values of an attempt an item wants as its metrics, and which of its files: whether that is said well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from queue_server.access.field_error import FieldError, join_errors, show_value
from queue_server.protocol.items import EXTRACTION_KEYS
from queue_server.protocol.result_schema import Extraction


def check_extraction(item: Mapping[str, Any]) -> None:
    """Check the result schema and the outputs of an item, where it has any.

    Raises:
        ParameterError: one of them is none. ``details["errors"]`` is a list of ``{field, given, accepted}``.
    """
    given = {name: item[name] for name in EXTRACTION_KEYS if name in item}
    try:
        Extraction.model_validate(given)
    except ValidationError as error:
        raise join_errors("The results of the item do not fit", [_find(each) for each in error.errors()]) from None


def _find(error: Any) -> FieldError:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    accepted = str(error["msg"]).removeprefix("Value error, ")
    given = "nothing" if error["type"] == "missing" else show_value(error["input"])
    return FieldError(f"item{path}", given, accepted)
