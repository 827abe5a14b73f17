"""Reading the fields of exam records from what a client sends; what does not fit is named by its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.exam_records import AcquisitionFields, DagFields, Fields

F = TypeVar("F", bound=Fields)

_MOST_PROBLEMS = 5
_TASK_FIELDS: dict[object, type[AcquisitionFields] | type[DagFields]] = {
    "ACQUISITION": AcquisitionFields,
    "DAG": DagFields,
}


def read_fields(kind: type[F], values: Mapping[str, Any], name: str) -> F:
    """Return the fields in ``values``; ``name`` is the parameter that they came in.

    Raises:
        ParameterError: a field is unknown, missing or wrong; the message names each with its path.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        first = _path(name, problems[0]["loc"])
        sentences = [f"'{_path(name, each['loc'])}': {_reword(each)}" for each in problems[:_MOST_PROBLEMS]]
        raise ParameterError(f"{'; '.join(sentences)}.", field=first) from error


def read_exam_task(values: Mapping[str, Any], name: str) -> AcquisitionFields | DagFields:
    """Return the fields of an exam task of the type that ``values`` say; raises as ``read_fields``."""
    wanted = values.get("task_type")
    kind = _TASK_FIELDS.get(wanted) if isinstance(wanted, str) else None
    if kind is None:
        raise ParameterError(
            f"'{name}.task_type' must be one of {', '.join(map(repr, _TASK_FIELDS))}, not {str(wanted)!r:.60}.",
            field=f"{name}.task_type",
        )
    return read_fields(kind, values, name)


def explain_fields(name: str, *kinds: type[Fields]) -> str:
    """Return a sentence that names the fields of a parameter and what each means, for the documentation."""
    told: dict[str, str] = {}
    for kind in kinds:
        told.update((field, text) for field, text in _tell(kind) if field not in told)
    return f"Fields of `{name}`: {'; '.join(f'`{field}` ({text})' for field, text in told.items())}."


def _tell(kind: type[Fields]) -> Iterator[tuple[str, str]]:
    for field, info in kind.model_fields.items():
        text = (info.description or "").removesuffix(".")
        # Abbreviations stay as they are.
        shown = text if text[1:2].isupper() else f"{text[:1].lower()}{text[1:]}"
        yield field, f"{shown}{', required' if info.is_required() else ''}"


def _path(name: str, location: tuple[int | str, ...]) -> str:
    return ".".join([name, *map(str, location)])


def _reword(problem: Any) -> str:
    known = {"extra_forbidden": "there is no such field", "missing": "it is required"}
    text = str(problem["msg"]).removeprefix("Value error, ")
    return known.get(problem["type"], text[:1].lower() + text[1:])
