"""How words of ``qserver`` become values, and which files it reads. Talks to nobody."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from queue_server.protocol.errors import ParameterError


def read_value(text: str) -> Any:
    """Return the value that ``text`` stands for: JSON, else a Python literal.

    Raises:
        ValueError: it is neither, or has parts that cannot be sent.
    """
    try:
        return _plain(json.loads(text, parse_constant=_refuse_constant))
    except (ValueError, RecursionError):
        pass
    try:
        return _plain(ast.literal_eval(text.strip()))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError("neither JSON nor a Python literal") from error


def read_map(text: str, what: str) -> dict[str, Any]:
    """Return the map that ``text`` stands for.

    Raises:
        ParameterError: it stands for none; the message says what a map looks like.
    """
    example = """'{"name": "count", "args": [["det1", "det2"]], "kwargs": {"num": 10}}'"""
    try:
        value = read_value(text)
    except ValueError as error:
        raise ParameterError(
            f"The {what} {text!r} is {error}. Write it like {example}, in quotes of the shell.", field=what
        ) from error
    if not isinstance(value, dict):
        raise ParameterError(f"The {what} must be a map like {example}, not {text!r}.", field=what)
    return cast("dict[str, Any]", value)


def read_text(path: str, what: str) -> str:
    """Return the content of a text file in UTF-8.

    Raises:
        ParameterError: it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ParameterError(f"The {what} cannot be read from {path!r}: {error}.", field=what) from error


def read_yaml(path: str, what: str) -> object:
    """Return the value in a YAML file; whether it is what is asked for, the manager says.

    Raises:
        ParameterError: the file cannot be read, is not YAML, or holds what cannot be sent.
    """
    import yaml

    try:
        return _plain(yaml.safe_load(read_text(path, what)))
    except yaml.YAMLError as error:
        raise ParameterError(f"The {what} in {path!r} are not YAML: {error}", field=what) from error
    except ValueError as error:
        raise ParameterError(f"The {what} in {path!r} cannot be used: {error}.", field=what) from error


def _plain(value: object) -> object:
    """Return a value in the form in which it crosses the wire; ValueError if it has none."""
    if isinstance(value, float) and not math.isfinite(value):
        # In a JSON message it would become null, which means something else.
        raise ValueError("a number is too large")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, set)):
        return [_plain(member) for member in cast("Iterable[object]", value)]
    if isinstance(value, dict):
        return {str(name): _plain(member) for name, member in cast("Mapping[object, object]", value).items()}
    raise ValueError(f"a {type(value).__name__} cannot be sent")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
