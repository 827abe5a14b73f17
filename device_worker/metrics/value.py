"""Values as metrics: cast to the type of a column, and found by keys in nested values. It reads no file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from queue_server.protocol.result_schema import LONGEST_TEXT, DataType

_LONGEST_SHOWN = 80
_LARGEST = 2**63


class MissingValueError(Exception):
    """There is no value; the message says what is not there."""


class UnfitValueError(Exception):
    """There is a value, but it cannot be a metric of the type that is wanted; the message says why."""


def read_scalar(value: Any) -> int | float | str:
    """Return a number or a text as Python has it; numpy's scalars, and arrays without a dimension, become such.

    Raises:
        MissingValueError: it is null.
        UnfitValueError: it is anything else, also a Boolean; an error in the place of a value is raised itself.
    """
    if type(value) is float:
        # What nearly all values of events are.
        return value
    if isinstance(value, UnfitValueError):
        raise value
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if value is None:
        raise MissingValueError("the value is null")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnfitValueError(f"{_describe(value)} is neither a number nor a text")
    return value


def read_number(value: Any) -> int | float:
    """Return a number, which may be infinite or not a number; whole numbers of more than 64 bits lose digits.

    Raises:
        MissingValueError: it is null.
        UnfitValueError: it is anything else, or beyond all floating-point numbers.
    """
    scalar = read_scalar(value)
    if type(scalar) is float:
        return scalar
    if isinstance(scalar, str):
        raise UnfitValueError(f"{_describe(scalar)} is no number")
    try:
        return float(scalar) if abs(scalar) >= _LARGEST else scalar
    except OverflowError as error:
        raise UnfitValueError(f"{_describe(scalar)} is too large for a number") from error


def is_finite(value: float | str) -> bool:
    """Whether it is anything but infinity or not a number."""
    return not isinstance(value, float) or math.isfinite(value)


def cast_value(value: Any, dtype: DataType) -> int | float | str:
    """Return a finite value as the type of its column.

    A whole number of any kind becomes an ``int``, every number a ``float``, and a number or a text a ``string``.

    Raises:
        MissingValueError: it is null.
        UnfitValueError: it has no such form, or is too large or too long.
    """
    if dtype == "string":
        return _to_text(read_scalar(value))
    number = read_number(value)
    return float(number) if dtype == "float" else _to_whole(number)


def _to_whole(number: float) -> int:
    if not math.isfinite(number) or int(number) != number:
        raise UnfitValueError(f"{number!r} is not a whole number")
    if not -_LARGEST <= number < _LARGEST:
        raise UnfitValueError(f"{number!r} has more than 64 bits")
    return int(number)


def _to_text(scalar: float | str) -> str:
    try:
        text = str(scalar)
    except ValueError as error:
        # Whole numbers of thousands of digits have no text.
        raise UnfitValueError(f"{_describe(scalar)} is too long for a text") from error
    if len(text) > LONGEST_TEXT:
        raise UnfitValueError(f"the text has {len(text)} characters, and a metric at most {LONGEST_TEXT}")
    if any(0xD800 <= ord(each) < 0xE000 for each in text):
        raise UnfitValueError("the text has characters that are half of one, and cannot be written as UTF-8")
    return text


def find_value(source: Any, path: str) -> Any:
    """Return the value in nested maps and lists to which the keys of ``path`` lead; lists count from 0.

    Raises:
        MissingValueError: a key is not there.
    """
    keys = path.split("/")
    for number, key in enumerate(keys):
        try:
            source = _enter(source, key)
        except (KeyError, IndexError) as error:
            raise MissingValueError(f"there is no {'/'.join(keys[: number + 1])!r}") from error
    return source


def _enter(source: Any, key: str) -> Any:
    if isinstance(source, Mapping):
        return cast("Mapping[str, Any]", source)[key]
    is_list = isinstance(source, Sequence | np.ndarray) and not isinstance(source, str | bytes)
    if not is_list or not (key.isascii() and key.isdigit()):
        raise KeyError(key)
    return cast("Sequence[Any]", source)[int(key[:18])]


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if not isinstance(value, int | float | str):
        # Code of a profile decides what other objects say of themselves, and whether they fail.
        return f"a value of type {type(value).__name__}"
    try:
        text = repr(value)
    except ValueError:
        # Whole numbers of thousands of digits have no text.
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
