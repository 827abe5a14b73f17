"""From the body that creates a batch to the items that the manager is asked for, and from its places back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from http_gateway.dialects.ica.errors import ContentError, refuse_places
from http_gateway.dialects.ica.input_values import Values, present, read_codes, read_form, read_object
from http_gateway.dialects.ica.request_models import BATCH_REQUEST, ITEMS, CwlItem, CwlJsonInput, Item, NextflowItem

_OURS = re.compile(r"items\[(\d+)\](?:\.arguments\.(.+)|\.(\w+))?")
_FIELDS: Final = {"workflow_id": "pipelineId", "reference": "userReference", "tags": "tags"}
_INPUTS: Final = {"cwlItems": "analysisInput", "nextflowItems": "analysisInput", "nextflowJsonItems": "inputFormValues"}
# What pydantic puts into the place of an error for the form of a union that was chosen.
_CHOICES: Final = ("STRUCTURED", "JSON")

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The items of a batch as the manager takes them, and in the same order those of the body with their places."""

    items: list[dict[str, Any]]
    sources: list[tuple[str, int, Any]] = field(repr=False)

    def place_of(self, ours: str) -> str:
        """Return where in the body stands what the manager calls ``ours``, such as ``items[3].arguments.x``."""
        found = _OURS.match(ours)
        if found is None or int(found[1]) >= len(self.sources):
            return ours
        argument, field_name = found[2], found[3]
        name, number, given = self.sources[int(found[1])]
        if argument is not None:
            return f"{name}[{number}].{_find_argument(name, given, argument)}"
        return f"{name}[{number}].{_FIELDS[field_name]}" if field_name in _FIELDS else f"{name}[{number}]"


def _find_argument(name: str, given: Any, path: str) -> str:
    known = _values_of(ITEMS[name].validate_python(given)).places
    # Names may have dots, as paths have; odd ones are quoted.
    fitting = [each for each in known if path in (each, repr(each)) or path.startswith((f"{each}.", f"{each}["))]
    return known[max(fitting, key=len)] if fitting else f"{_INPUTS[name]}.{path}"


def read_items(body: Any, most_items: int) -> Wanted:
    """Return what a body asks for.

    Raises:
        ContentError: something is wrong with it; all places are named, or as many as one answer lists.
    """
    try:
        BATCH_REQUEST.validate_python(body)
    except ValidationError as error:
        raise refuse_places((place or "body", text) for place, text in _problems_of(error)) from None
    sources = [(name, number, given) for name in ITEMS for number, given in enumerate(body.get(name) or ())]
    if not 0 < len(sources) <= most_items:
        text = f"a batch has 1 to {most_items} items, not {len(sources)}"
        raise ContentError(f"The request is refused: {text}.", dict.fromkeys(ITEMS, text))
    wanted = Wanted([], sources)
    problems: list[tuple[str, str]] = []
    # One by one, so that no more than one item is in memory as an object with all its parts.
    for name, number, given in sources:
        wrong = _read_item(wanted, name, given)
        problems += ((f"{name}[{number}]{f'.{where}' if where else ''}", text) for where, text in wrong)
    if problems:
        raise refuse_places(problems)
    return wanted


def _read_item(wanted: Wanted, name: str, given: Any) -> Iterable[tuple[str, str]]:
    """Add an item to those that are wanted; return what is wrong with it."""
    try:
        item = ITEMS[name].validate_python(given)
    except ValidationError as error:
        return _problems_of(error)
    values = _values_of(item)
    if values.is_everything:
        # It stands in the arguments, and messages have a limit.
        given = {key: value for key, value in given.items() if key != _INPUTS[name]}
    wanted.items.append(_item_of(item, values.arguments, {"kind": name, "item": given}))
    return values.problems


def _problems_of(error: ValidationError) -> Iterator[tuple[str, str]]:
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        yield _write_place(each["loc"]), "is not a known field" if each["type"] == "extra_forbidden" else each["msg"]


def _write_place(place: Place) -> str:
    text = ""
    for before, part in zip(("", *place), place, strict=False):
        if isinstance(part, int):
            text += f"[{part}]"
        elif not (before == "analysisInput" and part in _CHOICES):
            text += f".{part}" if text else part
    return text


def _item_of(item: Item, arguments: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    tags = item.tags
    words = () if tags is None else (tags.technical_tags, tags.user_tags, tags.reference_tags)
    return {
        "workflow_id": item.pipeline_id,
        "reference": item.user_reference,
        "tags": [word for each in words for word in present(each)],
        "request": request,
        "arguments": arguments,
        # All values of this protocol are texts.
        "cast": True,
    }


def _values_of(item: Item) -> Values:
    values = Values()
    if not isinstance(item, (CwlItem, NextflowItem)):
        read_form(values, item.input_form_values)
    elif isinstance(item.analysis_input, CwlJsonInput):
        read_object(values, item.analysis_input)
    else:
        read_codes(values, item.analysis_input)
    return values
