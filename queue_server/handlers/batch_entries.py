"""What is asked for in a batch, read item by item: the items themselves, or those for which a sweep stands.

It notes every place that is wrong, and looks at no plan and no workflow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from msgspec import Struct, field
from msgspec.structs import asdict

from queue_server.access.field_error import MAX_ERRORS, FieldError, show_value
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.methods.batches import BatchCreateParams
from queue_server.protocol.sweeps import Point, apply_point, expand

LONGEST_REFERENCE: Final = 255
MOST_TAGS: Final = 1_000
LONGEST_TAG: Final = 1_000

_SHOWN: Final = 8


class Entry(Struct, frozen=True):
    """One item of a batch as it is asked for: ``item`` as it is, or ``arguments`` of a workflow."""

    place: str
    item: Mapping[str, Any] | None
    workflow: str | None
    arguments: Mapping[str, Any]
    reference: str = ""
    tags: Sequence[str] = ()
    request: Mapping[str, Any] | None = None
    casts: bool = False


class Findings(Struct):
    """What is wrong with a batch, by places."""

    errors: list[FieldError] = field(default_factory=list[FieldError])
    sentences: list[str] = field(default_factory=list[str])

    @property
    def is_full(self) -> bool:
        """Whether there are as many as one refusal tells."""
        return len(self.errors) > MAX_ERRORS

    def note(self, place: str, error: ParameterError) -> None:
        """Note what an error says of an item; ``place`` is where that stands."""
        known = error.details.get("errors")
        if not isinstance(known, list) or not known:
            path = place if error.field is None else _join(place, error.field)
            self._add(FieldError(path, "", error.message), f"{path}: {error.message}")
            return
        for each in cast("list[dict[str, str]]", known):
            found = FieldError(_join(place, each["field"]), each["given"], each["accepted"])
            self._add(found, str(found))

    def note_value(self, path: str, given: object, accepted: str) -> None:
        """Note that a value does not fit."""
        found = FieldError(path, show_value(given), accepted)
        self._add(found, str(found))

    def refuse(self) -> None:
        """Refuse the batch if something is wrong with it.

        Raises:
            ParameterError: it lists the places, at most 100; ``details["errors"]`` has them as maps of field, given
                and accepted.
        """
        if not self.errors:
            return
        hidden = len(self.sentences) - _SHOWN
        tail = "; and more" if self.is_full else f"; and {hidden} more" if hidden > 0 else ""
        raise ParameterError(
            f"nothing was created. {'; '.join(self.sentences[:_SHOWN])}{tail}",
            field=self.errors[0].field,
            details={"errors": [asdict(error) for error in self.errors[:MAX_ERRORS]], "more": self.is_full},
        )

    def _add(self, error: FieldError, sentence: str) -> None:
        if not self.is_full:
            self.errors.append(error)
            self.sentences.append(sentence)


def _join(place: str, field: str) -> str:
    # The arguments of a plan are named as the plan names them.
    is_path = field.startswith(("item", "arguments", "workflow_id", "lane"))
    return f"{place}.{field}" if is_path else f"{place}.item.{field}"


def read_entries(params: BatchCreateParams, most: int, findings: Findings) -> tuple[int, Iterator[Entry | None]]:
    """Return how many items are asked for, and each in its turn; None for one of a wrong form, which is noted.

    Raises:
        ParameterError: there are none, or more than ``most``, or it is not clear which.
    """
    if (params.items is None) == (params.sweep is None):
        raise ParameterError("Give either 'items' or 'sweep'.", field="items")
    if params.sweep is not None:
        points = expand(params.sweep, most)
        return len(points), _sweep(params.sweep, points, params.workflow_id)
    items = cast("list[object]", params.items)
    if not 1 <= len(items) <= most:
        raise ParameterError(f"A batch has 1 to {most:,} items, not {len(items):,}.", field="items")
    return len(items), (
        _read_entry(given, f"items[{index}]", params.workflow_id, findings) for index, given in enumerate(items)
    )


def _sweep(sweep: Mapping[str, Any], points: Sequence[Point], workflow: str | None) -> Iterator[Entry]:
    base = sweep.get("base", {} if workflow is not None else None)
    if not isinstance(base, Mapping):
        what = "the arguments of the workflow that all have in common" if workflow is not None else "an item"
        raise ParameterError(f"'sweep.base' must be a map: {what}.", field="sweep.base")
    common = cast("Mapping[str, Any]", base)
    for index, point in enumerate(points):
        if workflow is not None:
            yield Entry(f"items[{index}]", None, workflow, {**common, **point})
        else:
            yield Entry(f"items[{index}]", apply_point(common, point), None, point)


def _read_entry(given: object, place: str, workflow: str | None, findings: Findings) -> Entry | None:
    if not isinstance(given, dict):
        findings.note_value(place, given, f"a map with some of {', '.join(_FORMS)}")
        return None
    values = cast("dict[str, Any]", given)
    wrong = list(_find_wrong(values, workflow))
    for path, value, accepted in wrong:
        findings.note_value(f"{place}{path}", value, accepted)
    if wrong:
        return None
    item = values.get("item")
    return Entry(
        place,
        item,
        None if item is not None else values.get("workflow_id") or workflow,
        values.get("arguments") or {},
        values.get("reference") or "",
        values.get("tags") or (),
        values.get("request"),
        bool(values.get("cast")),
    )


def _find_wrong(values: dict[str, Any], workflow: str | None) -> Iterator[tuple[str, object, str]]:
    """Yield path, value, and what is accepted there, for every key of an item that is wrong."""
    for name, value in values.items():
        form = _FORMS.get(name)
        if form is None:
            yield f".{name}", "an unknown key", f"one of {', '.join(_FORMS)}"
        elif value is not None and not form.fits(value):
            yield f".{name}", value, form.text
    if values.get("item") is not None:
        if values.get("workflow_id") is not None or values.get("arguments") is not None:
            yield ".item", "an item", "nothing, where there are arguments of a workflow"
    elif values.get("workflow_id") is None and workflow is None:
        yield "", "neither", "'item', or 'arguments' with 'workflow_id'"


def _are_tags(given: object) -> bool:
    if not isinstance(given, (list, tuple)) or len(cast("Sequence[object]", given)) > MOST_TAGS:
        return False
    return all(isinstance(tag, str) and len(tag) <= LONGEST_TAG for tag in cast("Sequence[object]", given))


class _Form(Struct, frozen=True):
    """What a key of an item may have as its value."""

    text: str
    fits: Callable[[Any], bool]


_MAP: Final = _Form("a map", lambda value: isinstance(value, dict))
_FORMS: Final[Mapping[str, _Form]] = {
    "item": _MAP,
    "arguments": _MAP,
    "workflow_id": _Form("the id of a workflow", lambda value: isinstance(value, str) and 1 <= len(value) <= 128),
    "reference": _Form(
        f"a text of at most {LONGEST_REFERENCE} characters",
        lambda value: isinstance(value, str) and len(value) <= LONGEST_REFERENCE,
    ),
    "tags": _Form(f"a list of at most {MOST_TAGS} texts of at most {LONGEST_TAG} characters each", _are_tags),
    "request": _MAP,
    "cast": _Form("true or false", lambda value: isinstance(value, bool)),
}
