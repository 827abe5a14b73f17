"""Parameter sweeps: a few lists of values that stand for many sets of them. It counts them before it makes them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, Final, cast

from queue_server.protocol.errors import ParameterError

KINDS: Final = ("grid", "zip", "list")
MOST_SWEPT = 64
"""How many parameters one sweep may vary."""

_FIELDS = ("kind", "parameters", "points", "base")
_RANGE = ("start", "stop", "num")
_ARGUMENT = re.compile(r"args\[([0-9]{1,3})\]")

Point = dict[str, Any]


def expand(sweep: Mapping[str, Any], most: int) -> list[Point]:
    """Return the sets of values that a sweep stands for, in order.

    Args:
        sweep: ``kind`` is ``grid`` (every combination, the last parameter varies fastest), ``zip`` (the first value
            of each parameter, the second of each, and so on) or ``list`` (the maps in ``points``). ``parameters``
            has for each name a list of values, or ``{start, stop, num}`` for so many numbers at equal distances,
            both ends included.
        most: how many sets there may be.

    Raises:
        ParameterError: it is of another form, it is empty, or it stands for too many sets; the message names the place.
    """
    _refuse_unknown(sweep)
    kind = sweep.get("kind", "grid")
    if kind not in KINDS:
        raise _refuse("sweep.kind", f"must be one of {', '.join(KINDS)}, not {kind!r}")
    if kind == "list":
        return _read_points(sweep, most)
    if sweep.get("points") is not None:
        raise _refuse("sweep.points", "belong to a sweep of kind 'list'; give 'parameters'")
    parameters = _read_parameters(sweep.get("parameters"), most)
    count = math.prod(map(len, parameters.values())) if kind == "grid" else _common_length(parameters)
    _check_count("sweep.parameters", count, most)
    combine = cast("Callable[..., Iterator[tuple[Any, ...]]]", product if kind == "grid" else zip)
    return [dict(zip(parameters, values, strict=True)) for values in combine(*parameters.values())]


def apply_point(base: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item with the values of a point: ``args[2]`` is the third argument by position, other names are kwargs.

    Raises:
        ParameterError: the item has no argument at such a position, or its args or kwargs have a wrong form.
    """
    args, kwargs = base.get("args", []), base.get("kwargs", {})
    if not isinstance(args, (list, tuple)):
        raise _refuse("sweep.base.args", "must be a list")
    if not isinstance(kwargs, Mapping):
        raise _refuse("sweep.base.kwargs", "must be a map")
    new_args, new_kwargs = list(cast("Sequence[Any]", args)), dict(cast("Mapping[str, Any]", kwargs))
    for name, value in point.items():
        position = _ARGUMENT.fullmatch(name)
        if position is None:
            new_kwargs[name] = value
        elif int(position[1]) < len(new_args):
            new_args[int(position[1])] = value
        else:
            raise _refuse(
                f"sweep.parameters.{name}",
                f"is not among the arguments of the base, of which there are {len(new_args)}",
            )
    return {**base, "args": new_args, "kwargs": new_kwargs}


def _refuse_unknown(sweep: Mapping[str, Any]) -> None:
    unknown = next((name for name in sweep if name not in _FIELDS), None)
    if unknown is not None:
        raise _refuse(f"sweep.{unknown}", f"is not known here; a sweep has {', '.join(_FIELDS)}")


def _read_parameters(given: object, most: int) -> dict[str, Sequence[Any]]:
    if not isinstance(given, Mapping) or not given:
        raise _refuse("sweep.parameters", "must be a map from names to values, with at least one name")
    named = cast("Mapping[object, object]", given)
    if len(named) > MOST_SWEPT:
        raise _refuse("sweep.parameters", f"may have at most {MOST_SWEPT} names, not {len(named)}")
    return {str(name): _read_values(f"sweep.parameters.{name}", values, most) for name, values in named.items()}


def _read_values(field: str, given: object, most: int) -> Sequence[Any]:
    if isinstance(given, Mapping):
        return _read_range(field, cast("Mapping[str, Any]", given), most)
    if not isinstance(given, (list, tuple)) or not given:
        raise _refuse(field, "must be a list of values that is not empty, or a map of start, stop and num")
    return cast("Sequence[Any]", given)


def _read_range(field: str, given: Mapping[str, Any], most: int) -> list[float | int]:
    if set(given) != set(_RANGE):
        raise _refuse(field, "must have start, stop and num, and nothing else")
    start, stop = (_read_number(f"{field}.{name}", given[name]) for name in ("start", "stop"))
    num = given["num"]
    if not isinstance(num, int) or isinstance(num, bool) or num < 1:
        raise _refuse(f"{field}.num", "must be a whole number from 1 on")
    _check_count(field, num, most)
    return _space(start, stop, num)


def _space(start: float, stop: float, num: int) -> list[float | int]:
    """Return numbers at equal distances; whole ones if both ends and the distance are whole."""
    if num == 1:
        return [start]
    if isinstance(start, int) and isinstance(stop, int) and (stop - start) % (num - 1) == 0:
        return [start + (stop - start) // (num - 1) * index for index in range(num)]
    # Halves, because the way between the ends may be longer than the largest number; and never beyond an end, which
    # may be the limit of a device.
    low, high, half, way = min(start, stop), max(start, stop), start / 2, stop / 2 - start / 2
    between = [min(max(2 * (half + way * (index / (num - 1))), low), high) for index in range(1, num - 1)]
    return [float(value) for value in (start, *between, stop)]


def _read_number(field: str, given: object) -> float | int:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not _is_finite(given):
        raise _refuse(field, "must be a finite number")
    return given


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _common_length(parameters: Mapping[str, Sequence[Any]]) -> int:
    lengths = {name: len(values) for name, values in parameters.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} has {length}" for name, length in islice(lengths.items(), 5))
        raise _refuse("sweep.parameters", f"of a sweep of kind 'zip' must all have as many values: {shown}")
    return next(iter(lengths.values()))


def _read_points(sweep: Mapping[str, Any], most: int) -> list[Point]:
    if sweep.get("parameters") is not None:
        raise _refuse("sweep.parameters", "do not belong to a sweep of kind 'list'; give 'points'")
    points = sweep.get("points")
    if not isinstance(points, (list, tuple)) or not points:
        raise _refuse("sweep.points", "must be a list of maps from names to values that is not empty")
    members = cast("Sequence[object]", points)
    _check_count("sweep.points", len(members), most)
    for index, point in enumerate(members):
        is_named = isinstance(point, dict) and all(isinstance(name, str) for name in cast("dict[object, Any]", point))
        if not is_named:
            raise _refuse(f"sweep.points[{index}]", "must be a map from names to values")
    return [dict(cast("Mapping[str, Any]", point)) for point in members]


def _check_count(field: str, count: int, most: int) -> None:
    if count > most:
        raise _refuse(field, f"stand for {count:,} items; a batch has at most {most:,}")


def _refuse(field: str, text: str) -> ParameterError:
    return ParameterError(f"'{field}' {text}.", field=field)
