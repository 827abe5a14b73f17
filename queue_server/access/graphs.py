"""Processing graphs as a lane describes them: whether the parameters of an item fit the JSON Schema of its graph.

Descriptions come from startup code, parameters from clients: no parameter makes a check slow, and nothing is fetched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, cast

import re2  # pyright: ignore[reportMissingTypeStubs]

from queue_server.access.field_error import MAX_ERRORS, FieldError, show_path, show_value
from queue_server.protocol.errors import ParameterError

Graphs = Mapping[str, Mapping[str, Any]]
"""Descriptions by name: ``dag_id``, ``description``, ``parameters`` (a JSON Schema) and ``inputs``."""

_RE2: Any = re2  # the library has no types


class CompiledGraph:
    """A graph, ready for checking parameters."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Take the JSON Schema of the parameters.

        Raises:
            ParameterError: it refers to something outside.
        """
        _require_own_definitions(schema)
        self._checker = load_checker()(schema)

    def explain(self, parameters: Mapping[str, object]) -> list[FieldError]:
        """Return what is wrong with parameters, at most as much as an error carries; nothing if they fit.

        Raises:
            ParameterError: the description cannot be used.
        """
        try:
            found: list[Any] = list(islice(self._checker.iter_errors(parameters), MAX_ERRORS + 1))
        except _unusable() as error:
            raise ParameterError(f"The description of the graph cannot be used: {error}", field="item.name") from error
        return [finding for each in found for finding in self._translate(each)]

    def _translate(self, error: Any) -> Iterator[FieldError]:
        where = [show_path(part) for part in error.absolute_path]
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            # The library tells each missing name by itself, and does not say which one it means.
            name = next(name for name in missing if error.message.startswith(repr(name)))
            yield FieldError(_join([*where, show_path(name)]), "nothing", "a value")
        elif error.validator == "additionalProperties" and isinstance(error.validator_value, bool):
            known = error.schema.get("properties", {})
            for name in islice((name for name in error.instance if name not in known), MAX_ERRORS):
                yield FieldError(_join([*where, show_path(name)]), show_value(error.instance[name]), _list(known))
        else:
            accepted = _describe(error.validator, error.validator_value)
            yield FieldError(_join(where), show_value(error.instance), accepted)


def _require_own_definitions(schema: Mapping[str, Any]) -> None:
    known = {f"#/$defs/{name}" for name in schema.get("$defs", ())}
    waiting: list[object] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            parts = cast("Mapping[str, object]", part)
            reference = parts.get("$ref")
            if isinstance(reference, str) and reference not in known:
                raise ParameterError(
                    f"The description of the graph cannot be used: it has no definition {show_value(reference)}",
                    field="item.name",
                )
            waiting += parts.values()
        elif isinstance(part, list):
            waiting += cast("list[object]", part)


def _join(parts: Sequence[str]) -> str:
    return ".".join(parts) or "item.kwargs"


def _list(known: Mapping[str, object]) -> str:
    return f"no such parameter; the graph has {', '.join(known) or 'none'}"


_CONDITIONS: Mapping[str, str] = {
    "type": "a value of type {}",
    "enum": "one of {}",
    "const": "{}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "a text that matches {}",
    "minItems": "at least {} elements",
    "maxItems": "at most {} elements",
    "uniqueItems": "elements that differ",
}


def _describe(keyword: str, value: object) -> str:
    if keyword == "type":
        return _CONDITIONS["type"].format(value if isinstance(value, str) else " or ".join(cast("list[str]", value)))
    if keyword in ("anyOf", "oneOf"):
        types = [str(option.get("type", "")) for option in cast("list[Mapping[str, object]]", value)]
        if all(types):
            return _CONDITIONS["type"].format(" or ".join(types))
    if keyword in _CONDITIONS:
        return _CONDITIONS[keyword].format(show_value(value))
    return f"what {keyword} of the description says: {show_value(value)}"


@cache
def load_checker() -> Callable[[Mapping[str, Any]], Any]:
    """Return what makes a checker of a schema; the first call loads a library, which takes a while."""
    import jsonschema

    library: Any = jsonschema
    basis: Any = library.Draft202012Validator
    # Numbers as the worker takes them: 1.0 is no whole number, and there is no infinity.
    types: Any = basis.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    further: Any = basis.VALIDATORS["additionalProperties"]

    def check_additional(checker: Any, wanted: Any, value: Any, schema: Mapping[str, Any]) -> Any:
        return () if "patternProperties" in schema else further(checker, wanted, value, schema)

    # Python's own expressions, and the comparison of all elements with one another, could take for ever.
    limited: dict[str, Any] = {
        "pattern": _check_pattern,
        "uniqueItems": _check_unique,
        "patternProperties": _leave_to_worker,
        "additionalProperties": check_additional,
    }
    kind: Any = library.validators.extend(basis, validators=limited, type_checker=types)
    # With a registry, nothing is fetched.
    return lambda schema: kind(schema, registry=library.validators.SPECIFICATIONS)


@cache
def _unusable() -> tuple[type[Exception], ...]:
    """Return what the library raises over a schema that cannot be used."""
    from jsonschema.exceptions import SchemaError, UnknownType

    return SchemaError, UnknownType


def _mismatch(message: str) -> Exception:
    from jsonschema.exceptions import ValidationError

    return ValidationError(message)


def _is_integer(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: object, value: object) -> bool:
    return _is_integer(None, value) or (isinstance(value, float) and math.isfinite(value))


def _check_pattern(_: Any, pattern: str, value: object, __: object) -> Iterator[Exception]:
    if not isinstance(value, str):
        return
    expression = _compile(pattern)
    # What RE2 does not know, such as looking ahead, is checked by the worker.
    if expression is not None and not expression.search(value):
        yield _mismatch(f"{show_value(value)} does not match {show_value(pattern)}")


@cache
def _compile(pattern: str) -> Any:
    options = _RE2.Options()
    options.log_errors = False
    try:
        return _RE2.compile(pattern, options=options)
    except _RE2.error:
        return None


def _check_unique(_: Any, wanted: bool, value: object, __: object) -> Iterator[Exception]:
    if not wanted or not isinstance(value, list):
        return
    elements = cast("list[object]", value)
    if len({json.dumps(each, sort_keys=True, default=repr) for each in elements}) < len(elements):
        yield _mismatch("there are equal elements")


def _leave_to_worker(*_: object) -> tuple[Exception, ...]:
    return ()
