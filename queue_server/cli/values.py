"""How words of the command line become values and items. Pure: reads no file and talks to nobody."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from queue_server.protocol.errors import ParameterError

_KEYWORD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_BRACKETS = ("[", "{", "(")


def read_value(text: str) -> Any:
    """Return the value that a word stands for: JSON, else a Python literal, else the word itself.

    Raises:
        ParameterError: the word begins like a list, map or tuple and is none; names in it lack their quotes.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        pass
    try:
        return _plain(ast.literal_eval(text))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if text.lstrip().startswith(_BRACKETS):
        raise ParameterError(
            f"{text!r} is neither JSON nor a Python literal; put the names in it between quotes.", field=text
        )
    return text


def read_keyword(text: str) -> tuple[str, Any] | None:
    """Return name and value of a word such as ``num=5``, or None if it is of another form."""
    match = _KEYWORD.fullmatch(text)
    return None if match is None else (match[1], read_value(match[2]))


def read_keywords(words: Iterable[str]) -> dict[str, Any]:
    """Return the values of words of the form ``name=value``.

    Raises:
        ParameterError: a word is of another form, or a name occurs twice.
    """
    values: dict[str, Any] = {}
    for word in words:
        pair = read_keyword(word)
        if pair is None:
            raise ParameterError(f"{word!r} is not of the form name=value.", field=word)
        _store(values, pair)
    return values


def read_call(words: Sequence[str], devices: Sequence[str] = ()) -> tuple[list[Any], dict[str, Any]]:
    """Return positional and keyword arguments of a plan; ``devices`` become its first argument.

    Raises:
        ParameterError: a positional argument follows a keyword, or a keyword occurs twice.
    """
    names = [name for text in devices for name in text.split(",") if name]
    args: list[Any] = [names] if names else []
    kwargs: dict[str, Any] = {}
    for word in words:
        pair = read_keyword(word)
        if pair is not None:
            _store(kwargs, pair)
        elif kwargs:
            raise ParameterError(f"{word!r} stands behind a keyword argument; put it before the first one.", field=word)
        else:
            args.append(read_value(word))
    return args, kwargs


def item_of(content: object, source: str) -> dict[str, Any]:
    """Return one item from the content of a file; without ``item_type`` it is a plan.

    Raises:
        ParameterError: the content is not a map with a name.
    """
    if isinstance(content, dict) and isinstance(content.get("item"), dict):
        content = cast("dict[str, Any]", content["item"])
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise ParameterError(
            f"{source} is not an item: it must be a map with at least 'name', for example "
            "{name: count, args: [[det1]], kwargs: {num: 5}}.",
            field=source,
        )
    return {"item_type": "plan", **cast("dict[str, Any]", content)}


def items_of(content: object, source: str) -> list[dict[str, Any]]:
    """Return the items from the content of a file: a list, or a map that holds it as ``items``.

    Raises:
        ParameterError: there is no list, it is empty, or a member is not an item.
    """
    if isinstance(content, dict):
        content = cast("dict[str, Any]", content).get("items")
    if not isinstance(content, list) or not content:
        raise ParameterError(f"{source} holds no list of items.", field=source)
    members = cast("list[object]", content)
    return [item_of(member, f"{source}, item {number}") for number, member in enumerate(members, start=1)]


def describe_call(item: Mapping[str, Any]) -> str:
    """Return an item as a line of Python, devices without quotes: ``scan([det1], motor1, 0, 10, num=5)``."""
    args = [_show(value) for value in item.get("args") or ()]
    kwargs = [f"{name}={_show(value)}" for name, value in (item.get("kwargs") or {}).items()]
    return f"{item.get('name', '?')}({', '.join([*args, *kwargs])})"


def _show(value: object) -> str:
    if isinstance(value, str):
        return value if value.isidentifier() else repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_show(member) for member in cast("Sequence[object]", value)) + "]"
    if isinstance(value, dict):
        members = cast("dict[object, object]", value).items()
        return "{" + ", ".join(f"{name}: {_show(member)}" for name, member in members) + "}"
    return repr(value)


def _store(values: dict[str, Any], pair: tuple[str, Any]) -> None:
    name, value = pair
    if name in values:
        raise ParameterError(f"'{name}' is given twice.", field=name)
    values[name] = value


def _plain(value: object) -> object:
    """Return a literal in the form in which it crosses the wire; ValueError if it cannot."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, set)):
        return [_plain(member) for member in cast("Iterable[object]", value)]
    if isinstance(value, dict):
        return {str(name): _plain(member) for name, member in cast("dict[object, object]", value).items()}
    raise ValueError("not a plain value")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
