"""Requests that fit no declaration: wrong types, missing and extra parameters of every method, from its declaration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from queue_server.protocol.method import Method

EXTRA = "no_such_parameter"
SAMPLES = {"boolean": True, "integer": 1, "number": 1.5, "string": "text", "array": [], "object": {}, "null": None}
VALUES: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [0, -(2**31)],
    "number": [1.5, -1e300],
    "string": ["", "no such word", "x" * 10_000],
    "array": [[], [1, [2]], ["text"] * 1_000],
    "object": [{}, {"a": {"b": 1}}],
    "null": [None],
}


@dataclass(frozen=True)
class WrongRequest:
    """A request, and the field that its refusal must name."""

    method: str
    params: dict[str, Any]
    field: str


def wrong_requests(method: Method) -> Iterator[WrongRequest]:
    """Yield everything that is wrong about the parameters of one method."""
    schema = method.params.model_json_schema()
    fields: dict[str, dict[str, Any]] = schema.get("properties", {})
    required: list[str] = schema.get("required", [])
    fitting = {name: _fit(fields[name]) for name in required}
    for extra in (1, None, {"nested": []}):
        yield WrongRequest(method.name, {**fitting, EXTRA: extra}, EXTRA)
    for name in required:
        yield WrongRequest(method.name, {key: value for key, value in fitting.items() if key != name}, name)
    for name, part in fields.items():
        for value in _misfit(part):
            yield WrongRequest(method.name, {**fitting, name: value}, name)


def _forms(part: dict[str, Any]) -> list[dict[str, Any]]:
    return part.get("anyOf", [part])


def _words(form: dict[str, Any]) -> list[Any]:
    return form.get("enum", [form["const"]] if "const" in form else [])


def _fit(part: dict[str, Any]) -> Any:
    form = _forms(part)[0]
    words = _words(form)
    return words[0] if words else SAMPLES[form.get("type", "string")]


def _misfit(part: dict[str, Any]) -> list[Any]:
    forms = _forms(part)
    accepted = {form["type"] for form in forms if "type" in form and not _words(form)}
    if any("type" not in form and not _words(form) for form in forms):
        return []
    if "number" in accepted:
        accepted.add("integer")
    words = [word for form in forms for word in _words(form)]
    return [value for kind, values in VALUES.items() if kind not in accepted for value in values if value not in words]
