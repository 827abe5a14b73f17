"""Arguments of a workflow: whether they fit its parameters, and the values that stand for them.

It looks at values alone; which files a group of users has is told to it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from msgspec import Struct, field

from queue_server.access.field_error import FieldError, join_errors, show_path, show_value
from queue_server.protocol.workflow_parameters import Parameter, ParameterType
from queue_server.protocol.workflows import WorkflowFields

Files = Mapping[str, str]
"""The artifact ids of the files that may be named, by the ids of the files."""

NO_FILES: Final[Files] = {}

_LABEL: Final = "The arguments do not fit the workflow"
_ARTIFACT = re.compile(r"[0-9a-f]{64}")
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WORDS: Final[Mapping[str, bool]] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_FILE_KEYS: Final = frozenset({"file_id", "artifact_id", "target"})
_LEAST, _MOST = -(2**63), 2**63 - 1


class _UnfitError(Exception):
    """A value does not fit; the text says what would."""


class CheckedArguments(Struct):
    """The values of parameters, defaults included, and what is wrong with those that were given."""

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    errors: list[FieldError] = field(default_factory=list[FieldError])


def read_arguments(
    workflow: WorkflowFields,
    given: Mapping[str, object],
    *,
    files: Files = NO_FILES,
    casts: bool = False,
    path: str = "arguments",
) -> CheckedArguments:
    """Return the values with which a workflow is filled, and everything that is wrong with them.

    Args:
        workflow: what it declares.
        given: values by the names of parameters; None is as good as nothing.
        files: the files that may be named.
        casts: whether texts stand for numbers and truth values too, and a single value for a list of one.
        path: where the arguments stand, for the findings.
    """
    reader = _Reader(files, casts)
    more: dict[str, Any] = {}
    if workflow.accepts_more:
        more = {name: value for name, value in given.items() if workflow.parameter(name) is None}
        given = {name: value for name, value in given.items() if name not in more}
    values = reader.read_all(workflow.parameters, given, path)
    return CheckedArguments({**values, **more}, reader.errors)


def check_arguments(
    workflow: WorkflowFields, given: Mapping[str, object], *, files: Files = NO_FILES, casts: bool = False
) -> dict[str, Any]:
    """Return the values with which a workflow is filled.

    Raises:
        ParameterError: a value is unknown, missing or does not fit. ``details["errors"]`` is a list of ``{field,
            given, accepted}``.
    """
    checked = read_arguments(workflow, given, files=files, casts=casts)
    if checked.errors:
        raise join_errors(_LABEL, checked.errors)
    return checked.values


def explain_value(parameter: Parameter, value: object, path: str) -> list[FieldError]:
    """Return what is wrong with a value of a parameter; nothing if it fits. Any file may be named."""
    reader = _Reader(None, casts=False)
    reader.read(parameter, value, path)
    return reader.errors


class _Reader:
    """Reads values of parameters and notes what is wrong with them; without ``files`` any file may be named."""

    def __init__(self, files: Files | None, casts: bool) -> None:
        self._files = files
        self._casts = casts
        self._readers: dict[ParameterType, Callable[[Parameter, Any, str], Any]] = {
            "actor": self._read_actor,
            "bool": self._read_bool,
            "file": self._read_file,
            "float": self._read_float,
            "int": self._read_int,
            "list": self._read_list,
            "record": self._read_record,
            "select": self._read_choice,
            "string": self._read_text,
        }
        self.errors: list[FieldError] = []

    def read_all(self, parameters: Iterable[Parameter], given: Mapping[str, object], path: str) -> dict[str, Any]:
        declared = {parameter.name: parameter for parameter in parameters}
        for name in given:
            if name not in declared:
                known = ", ".join(map(show_path, list(declared)[:8])) or "no arguments at all"
                self.errors.append(FieldError(f"{path}.{show_path(name)}", "an argument", known))
        values: dict[str, Any] = {}
        for name, parameter in declared.items():
            value = given.get(name)
            if value is None:
                # A default is read as well: that of a list may have entries with defaults.
                value = parameter.default
            if value is not None:
                values[name] = self.read(parameter, value, f"{path}.{name}")
            elif parameter.is_required:
                self.errors.append(FieldError(f"{path}.{name}", "nothing", describe(parameter)))
        return values

    def read(self, parameter: Parameter, value: object, path: str) -> Any:
        """Return a value as it is filled in; None, and a finding, if it does not fit."""
        try:
            return self._readers[parameter.dtype](parameter, value, path)
        except _UnfitError as error:
            self.errors.append(FieldError(path, show_value(value), str(error) or describe(parameter)))
            return None

    def _read_actor(self, _: Parameter, value: Any, __: str) -> Any:
        if not isinstance(value, str | dict) or not value:
            raise _UnfitError
        return cast("object", value)

    def _read_bool(self, _: Parameter, value: Any, __: str) -> bool:
        if self._casts and isinstance(value, str):
            value = _WORDS.get(value.strip().lower())
        if not isinstance(value, bool):
            raise _UnfitError
        return value

    def _read_int(self, parameter: Parameter, value: Any, _: str) -> int:
        if self._casts and isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
            value = int(value)
        if self._casts and isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not _LEAST <= value <= _MOST:
            raise _UnfitError
        return _require_within(parameter, value)

    def _read_float(self, parameter: Parameter, value: Any, _: str) -> float:
        if self._casts and isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _UnfitError
        try:
            number = float(value)
        except OverflowError as error:
            raise _UnfitError from error
        if not math.isfinite(number):
            raise _UnfitError
        return _require_within(parameter, number)

    def _read_text(self, _: Parameter, value: Any, __: str) -> str:
        if not isinstance(value, str):
            raise _UnfitError
        return value

    def _read_choice(self, parameter: Parameter, value: Any, _: str) -> Any:
        for choice in parameter.values or ():
            is_same = value == choice.value and isinstance(value, bool) == isinstance(choice.value, bool)
            if is_same or (self._casts and isinstance(value, str) and value.strip() == _text_of(choice.value)):
                return choice.value
        raise _UnfitError

    def _read_list(self, parameter: Parameter, value: Any, path: str) -> list[Any]:
        if self._casts and not isinstance(value, list | tuple):
            value = [value]
        if not isinstance(value, list | tuple) or parameter.item is None:
            raise _UnfitError
        item = parameter.item
        return [self.read(item, each, f"{path}[{at}]") for at, each in enumerate(cast("list[Any]", value))]

    def _read_record(self, parameter: Parameter, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _UnfitError
        return self.read_all(parameter.fields or (), cast("dict[str, object]", value), path)

    def _read_file(self, parameter: Parameter, value: Any, path: str) -> dict[str, Any]:
        given = {"file_id": value} if isinstance(value, str) else value
        if not isinstance(given, dict):
            raise _UnfitError
        named = cast("dict[str, Any]", given)
        if named.keys() - _FILE_KEYS:
            raise _UnfitError
        read = {"artifact_id": self._find_artifact(named)}
        target = named.get("target") or parameter.target
        if target is not None and not isinstance(target, str):
            raise _UnfitError(f"a path as text at {path}.target")
        return {**read, **{key: each for key, each in (("file_id", named.get("file_id")), ("target", target)) if each}}

    def _find_artifact(self, named: Mapping[str, Any]) -> str:
        file, artifact = named.get("file_id"), named.get("artifact_id")
        if file is None:
            if not isinstance(artifact, str) or not _ARTIFACT.fullmatch(artifact):
                raise _UnfitError
            return artifact
        if self._files is None:
            return artifact or "0" * 64
        if not isinstance(file, str) or file not in self._files:
            raise _UnfitError("the id of a file of the group")
        return self._files[file]


def _require_within(parameter: Parameter, value: Any) -> Any:
    low, high = parameter.minimum, parameter.maximum
    above, below = parameter.exclusive_minimum, parameter.exclusive_maximum
    is_within = (low is None or value >= low) and (high is None or value <= high)
    if not is_within or (above is not None and value <= above) or (below is not None and value >= below):
        raise _UnfitError
    return value


def _text_of(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_FORMS: Final[Mapping[ParameterType, str]] = {
    "actor": "a text or a map",
    "bool": "true or false",
    "file": "the id of a file of the group, or a map of 'file_id' or 'artifact_id' and optionally 'target'",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "record": "a map",
    "string": "a text",
}


def describe(parameter: Parameter) -> str:
    """Return in words what fits a parameter."""
    if parameter.dtype == "select":
        values = [show_value(choice.value) for choice in parameter.values or ()]
        return f"one of {', '.join(values[:8])}{', ...' if len(values) > 8 else ''}"
    limits = (
        ("of at least", parameter.minimum),
        ("above", parameter.exclusive_minimum),
        ("of at most", parameter.maximum),
        ("below", parameter.exclusive_maximum),
    )
    told = " and ".join(f"{words} {limit}" for words, limit in limits if limit is not None)
    return f"{_FORMS[parameter.dtype]}{f' {told}' if told else ''}"
