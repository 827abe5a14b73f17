"""The pattern language of permissions and plan annotations: parses one entry and matches one name against it.

It knows neither policies nor device trees. Expressions run on RE2, in a time that grows with the name and the size of
the expression only. Both are bounded, so that no entry makes matching slow: what is matched are names of at most
``LONGEST_NAME`` characters, or whole dotted names of at most ``LONGEST_DOTTED``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import re2  # pyright: ignore[reportMissingTypeStubs]
from msgspec import Struct

from queue_server.access.field_error import show_value
from queue_server.protocol.errors import ParameterError

_RE2: Any = re2  # the library has no types

MAX_PATTERN_LENGTH = 10_000
"""Characters; longer entries are refused before they reach the expression compiler."""
MOST_STEPS = 800
"""Steps of a compiled expression. Each one can cost about 15 ns for each character of a name: 6 ms."""

_READABLE = (("is_readable", True),)
_FLYABLE = (("is_flyable", True),)
_DETECTOR = (("is_readable", True), ("is_movable", False))
_MOTOR = (("is_readable", True), ("is_movable", True))
# The manual's examples use the plural, its reference the singular; both are taken.
_DEVICE_KINDS: Mapping[str, tuple[tuple[str, bool], ...]] = {
    "": (),
    "__READABLE__": _READABLE,
    "__FLYABLE__": _FLYABLE,
    "__DETECTOR__": _DETECTOR,
    "__DETECTORS__": _DETECTOR,
    "__MOTOR__": _MOTOR,
    "__MOTORS__": _MOTOR,
}
_MATCHES_ALL = frozenset({"", ".*", "^.*", ".*$", "^.*$"})


class _TooManyStepsError(Exception):
    """An expression is too large; its argument is the number of steps."""


class Step(Struct, frozen=True):
    """One level of a pattern: the expression for the names of this level, and what becomes of a match."""

    expression: str
    matches: Callable[[str], bool]
    included: bool = True
    whole: bool = False
    """The expression is applied to the rest of the dotted name, on every deeper level."""
    depth: int | None = None
    """Levels that a whole-name expression searches, at least 1; None is all of them."""


class NamePattern(Struct, frozen=True):
    """One entry of a list: a plain name (``path``), or a search (``steps``) for devices with flags."""

    text: str
    path: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    flags: tuple[tuple[str, bool], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the entry names one object, instead of searching."""
        return bool(self.path)

    @property
    def name(self) -> str:
        """The plain name; empty for a search."""
        return ".".join(self.path)

    def matches(self, name: str) -> bool:
        """Tell whether a name without levels (a plan or a function) fits."""
        return name == self.path[0] if self.path else self.steps[0].matches(name)

    def fits(self, device: Mapping[str, Any]) -> bool:
        """Tell whether a device is of the kind that the entry asks for."""
        return all(bool(device.get(flag)) is wanted for flag, wanted in self.flags)


def parse_device_pattern(text: object) -> NamePattern:
    """Parse an entry of a device list.

    Forms: ``name``, ``name.component``, ``:regex``, ``:+regex:-regex:?regex:depth=3``, ``__MOTOR__:regex``.

    Raises:
        ParameterError: the entry is no text, breaks the grammar, or contains a bad regular expression.
    """
    entry = _clean(text)
    if ":" not in entry:
        return NamePattern(entry, path=_split_name(entry))
    kind, *parts = entry.split(":")
    if kind not in _DEVICE_KINDS:
        supported = ", ".join(name for name in _DEVICE_KINDS if name)
        raise ParameterError(
            f"Pattern {show_value(entry)} begins with an unknown kind of devices: use one of {supported}"
        )
    parts, depth = _split_depth(entry, parts)
    last = len(parts) - 1
    steps = tuple(_parse_step(entry, part, is_last=index == last, depth=depth) for index, part in enumerate(parts))
    return NamePattern(entry, steps=steps, flags=_DEVICE_KINDS[kind])


def parse_name_pattern(text: object) -> NamePattern:
    """Parse an entry of a plan or function list: ``name`` or ``:regex``; neither has levels.

    Raises:
        ParameterError: the entry is no text, has several levels or a device kind, or a bad expression.
    """
    pattern = parse_device_pattern(text)
    if max(len(pattern.path), len(pattern.steps)) > 1:
        raise ParameterError(f"Pattern {show_value(pattern.text)} has several levels: plans and functions have none")
    if pattern.flags:
        raise ParameterError(f"Pattern {show_value(pattern.text)} names a device kind: plans and functions have none")
    return pattern


def _clean(text: object) -> str:
    if not isinstance(text, str):
        raise ParameterError(f"Pattern {show_value(text)} is not a text")
    entry = text.replace(" ", "")
    if not entry:
        raise ParameterError(f"Pattern {show_value(text)} is empty")
    if len(entry) > MAX_PATTERN_LENGTH:
        raise ParameterError(f"Pattern {show_value(entry)} is longer than {MAX_PATTERN_LENGTH} characters")
    return entry


def _split_name(entry: str) -> tuple[str, ...]:
    parts = tuple(entry.split("."))
    # Members of a device vector are numbered, so only the first part must be an identifier of its own.
    if not parts[0].isidentifier() or not all(f"_{part}".isidentifier() and part for part in parts):
        raise ParameterError(f"Pattern {show_value(entry)} is not a name; a regular expression begins with ':'")
    return parts


def _split_depth(entry: str, parts: list[str]) -> tuple[list[str], int | None]:
    whole = next((index for index, part in enumerate(parts) if part.startswith("?")), None)
    if whole is None or whole == len(parts) - 1:
        return parts, None
    if whole < len(parts) - 2 or not parts[-1].startswith("depth="):
        raise ParameterError(f"Pattern {show_value(entry)}: only ':depth=N' may follow the whole-name expression ':?'")
    digits = parts[-1].removeprefix("depth=")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 6 and int(digits) >= 1):
        raise ParameterError(f"Pattern {show_value(entry)}: the depth must be a whole number from 1 to 999999")
    return parts[:-1], int(digits)


def _parse_step(entry: str, part: str, *, is_last: bool, depth: int | None) -> Step:
    expression = part[1:] if part[:1] in ("+", "-", "?") else part
    if not expression:
        raise ParameterError(f"Pattern {show_value(entry)} has an empty level")
    return Step(
        expression=expression,
        matches=_compile(entry, expression),
        included=is_last or not part.startswith("-"),
        whole=part.startswith("?"),
        depth=depth if part.startswith("?") else None,
    )


def _compile(entry: str, expression: str) -> Callable[[str], bool]:
    if expression in _MATCHES_ALL:
        return lambda _name: True
    try:
        search = _compile_search(expression)
    except _TooManyStepsError as error:
        raise ParameterError(
            f"Pattern {show_value(entry)} would be slow to match: it stands for {error.args[0]} steps, and at most "
            f"{MOST_STEPS} are accepted. Write '*' or '+' instead of counted repetitions such as '{{0,30}}', and "
            "alternatives as entries of their own"
        ) from error
    except ValueError as error:
        raise ParameterError(
            f"Pattern {show_value(entry)} contains a bad regular expression: {error} "
            "(RE2 syntax: no look-around, no back-references)"
        ) from error
    # Bytes spare the library the conversion of offsets, which costs more than the search.
    return lambda name: search(name.encode("utf-8", "surrogatepass")) is not None


@lru_cache(maxsize=256)
def _compile_search(expression: str) -> Callable[[bytes], object]:
    options = _RE2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        compiled = _RE2.compile(expression.encode(), options)
    except _RE2.error as error:
        reason = error.args[0]
        raise ValueError(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from error
    if compiled.programsize > MOST_STEPS:
        raise _TooManyStepsError(compiled.programsize)
    return compiled.search
