from __future__ import annotations

import collections
import collections.abc
import enum
import inspect
import pathlib
import typing
from typing import Any, Literal, Optional, Union

import pytest
from bluesky.protocols import Flyable, Movable, NamedMovable, Readable, Stageable

from device_worker.profile.type_text import (
    TypeTextError,
    list_type_names,
    read_type,
    render_hint,
    resolve_hint,
)


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "int"),
        (None, "None"),
        (type(None), "NoneType"),
        (Any, "typing.Any"),
        (list[int], "list[int]"),
        (typing.List[float], "typing.List[float]"),  # noqa: UP006
        (int | None, "int | None"),
        (Optional[int], "typing.Optional[int]"),  # noqa: UP045
        (Union[int, str], "typing.Union[int, str]"),  # noqa: UP007
        (dict[str, Any] | None, "dict[str, typing.Any] | None"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Literal["a", -1, None], "typing.Literal['a', -1, None]"),
        (collections.abc.Iterable, "collections.abc.Iterable[typing.Any]"),
        (list[collections.abc.Iterable], "list[collections.abc.Iterable[typing.Any]]"),
        (collections.OrderedDict, "collections.OrderedDict"),
        (collections.abc.Sequence[int], "collections.abc.Sequence[int]"),
    ],
)
def test_types_of_python_are_written_as_python_prints_them(hint, text):
    assert render_hint(hint) == text


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (Readable, "__READABLE__"),
        (collections.abc.Sequence[Readable], "collections.abc.Sequence[__READABLE__]"),
        (Movable | Any, "__MOVABLE__ | typing.Any"),
        (dict[str, NamedMovable], "dict[str, __MOVABLE__]"),
        (Movable[float] | None, "typing.Optional[__MOVABLE__]"),
        (list[Flyable], "list[__FLYABLE__]"),
        (Optional[Stageable], "typing.Optional[__DEVICE__]"),  # noqa: UP045
        (typing.Callable[[Readable, int], Any], "__CALLABLE__"),
        (collections.abc.Callable[..., int] | None, "__CALLABLE__ | None"),
    ],
)
def test_protocols_and_callables_become_names_that_clients_know(hint, text):
    assert render_hint(hint) == text


@pytest.mark.parametrize(
    "hint",
    [
        Colour,
        pathlib.Path,
        list[pathlib.Path],
        collections.abc.Callable[[pathlib.Path], int],
        print,
        typing.TypeVar("T"),
    ],
)
def test_a_type_that_clients_do_not_have_is_not_written(hint):
    assert render_hint(hint) is None


def test_a_text_is_read_back_as_the_type():
    assert read_type("typing.List[int]", {}) == typing.List[int]  # noqa: UP006
    assert read_type("dict[str, Motors] | None", {"Motors": Colour}) == dict[str, Colour] | None
    assert read_type("typing.Literal['a', -1]", {}) == Literal["a", -1]
    assert read_type("collections.abc.Callable[[int], str]", {}) == collections.abc.Callable[[int], str]


@pytest.mark.parametrize(
    "text",
    [
        "Unknown",
        "typing.Unknown",
        "typing.__builtins__",
        "list[",
        "",
        "print",
        "open('/etc/passwd')",
        "[].append(1)",
        "__import__('os')",
        "typing.sys.modules",
        "int + 1",
        "int[str]",
        "lambda: 1",
        "f'{int}'",
        "-'a'",
        "1 | 2 | 'a'",
    ],
)
def test_a_text_that_is_no_type_is_refused_and_nothing_is_called(text):
    with pytest.raises(TypeTextError):
        read_type(text, {})


def test_the_names_in_a_type_are_listed():
    assert list_type_names("typing.Union[Motors, dict[str, __READABLE__], None, typing.Literal['x']]") == {
        *("typing", "Union", "Motors", "dict", "str", "__READABLE__", "NoneType", "Literal"),
    }
    with pytest.raises(TypeTextError):
        list_type_names("list[")


def function(a: int, b: Missing | None) -> None:  # noqa: F821  # pyright: ignore[reportUndefinedVariable]
    """Have hints that are texts, because of the import at the top of this file."""


def test_a_hint_that_is_a_text_is_resolved_where_its_type_exists():
    parameters = inspect.signature(function).parameters
    assert parameters["a"].annotation == "int"
    assert resolve_hint(function, parameters["a"].annotation) is int
    assert resolve_hint(function, parameters["b"].annotation) is inspect.Parameter.empty
    assert resolve_hint(function, "list[Colour]") == list[Colour]
    assert resolve_hint(function, "not a type") is inspect.Parameter.empty
    assert resolve_hint(function, float) is float
