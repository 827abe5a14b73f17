"""The variable parts of ``qserver`` commands: what may stand behind the fixed words, and which parameters it gives.

A part takes words from the front and leaves the others to the next part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from queue_server.compat.qserver_values import read_map, read_text, read_value, read_yaml
from queue_server.protocol.errors import ParameterError

Words = Sequence[str]
Values = dict[str, Any]
Reader = Callable[[Words], tuple[Values, Words]]

_ENDS = ("front", "back")
_NEIGHBOURS = ("before", "after")
_INSTRUCTIONS = {"queue-stop": "queue_stop"}
LOCKABLE = ("environment", "queue", "all")


class Part(Struct, frozen=True):
    """One variable part.

    Attributes:
        usage: how it is written, such as ``UID`` or ``[background]``.
        read: takes at least one word and returns the parameters, and the words that it did not take.
        optional: whether it may be missing.
    """

    usage: str
    read: Reader
    optional: bool = False


def word(usage: str, name: str) -> Part:
    """Return a part of one word that is passed on as the parameter ``name``."""
    return Part(usage, lambda words: ({name: words[0]}, words[1:]))


def choice(name: str, *allowed: str) -> Part:
    """Return an optional part of one word, one of ``allowed``, passed on as the parameter ``name``."""

    def read(words: Words) -> tuple[Values, Words]:
        if words[0] not in allowed:
            raise ParameterError(f"{words[0]!r} is not possible here; choose {_any_of(allowed)}.", field=words[0])
        return {name: words[0]}, words[1:]

    return Part(f"[{'|'.join(allowed)}]", read, optional=True)


def flags(meanings: Mapping[str, Values]) -> Part:
    """Return an optional part of any number of words, in any order; each stands for the parameters in ``meanings``."""

    def read(words: Words) -> tuple[Values, Words]:
        values: Values = {}
        for given in words:
            if given not in meanings:
                raise ParameterError(f"{given!r} is not possible here; choose {_any_of(meanings)}.", field=given)
            values |= meanings[given]
        return values, ()

    return Part(" ".join(f"[{flag}]" for flag in meanings), read, optional=True)


def note(name: str) -> Part:
    """Return an optional part of one word of text, which must not be mistaken for a second scope of a lock."""

    def read(words: Words) -> tuple[Values, Words]:
        if words[0] in LOCKABLE:
            raise ParameterError("One lock is set at a time: environment, queue, or all for both.", field=words[0])
        return {name: words[0]}, words[1:]

    return Part("[NOTE]", read, optional=True)


def plan(item_type: str = "plan") -> Part:
    """Return a part that is a plan or function: a map as JSON or Python literal."""
    return Part(f"'{item_type.upper()}'", lambda words: ({"item": _map_item(item_type, words[0])}, words[1:]))


def instruction() -> Part:
    """Return a part that names an instruction of the queue."""
    return Part("INSTRUCTION", lambda words: ({"item": _instruction_item(words[0])}, words[1:]))


def known_item(part: Part) -> Part:
    """Return a part that is a UID, followed by what takes the place of the item with this UID."""

    def read(words: Words) -> tuple[Values, Words]:
        if len(words) < 2:
            raise ParameterError(f"{part.usage} is missing behind the UID {words[0]!r}.", field=part.usage)
        values, rest = part.read(words[1:])
        return {"item": {**values["item"], "item_uid": words[0]}}, rest

    return Part(f"UID {part.usage}", read)


def source(*, optional: bool = False) -> Part:
    """Return a part that says which item is meant: an end of the queue, a position, or a UID."""
    return Part("[front|back|POS|UID]" if optional else "front|back|POS|UID", _read_source, optional)


def place() -> Part:
    """Return an optional part that says where in the queue; what is no place is left to the next part."""

    def read(words: Words) -> tuple[Values, Words]:
        position = _position(words[0])
        if position is not None:
            return {"pos": position}, words[1:]
        return _read_neighbour(words) if words[0] in _NEIGHBOURS else ({}, words)

    return Part("[front|back|POS|before UID|after UID]", read, optional=True)


def destination() -> Part:
    """Return a part that says where an item shall go."""

    def read(words: Words) -> tuple[Values, Words]:
        position = _position(words[0])
        if position is not None:
            return {"pos_dest": position}, words[1:]
        if words[0] in _NEIGHBOURS:
            return _read_neighbour(words)
        raise ParameterError(
            f"{words[0]!r} is no place: use front, back, a position, before UID or after UID.", field=words[0]
        )

    return Part("front|back|POS|before UID|after UID", read)


def size_or_uid() -> Part:
    """Return an optional part that is how many items of the history remain, or the UID of the oldest that remains."""

    def read(words: Words) -> tuple[Values, Words]:
        size = _integer(words[0])
        return ({"item_uid": words[0]} if size is None else {"size": size}), words[1:]

    return Part("[SIZE|UID]", read, optional=True)


def mode() -> Part:
    """Return an optional part of names and values; a value that is neither JSON nor a literal stays a word."""

    def read(words: Words) -> tuple[Values, Words]:
        if len(words) % 2:
            raise ParameterError(f"{words[-1]!r} has no value; write pairs such as: loop True.", field=words[-1])
        pairs = zip(words[::2], words[1::2], strict=True)
        return {"mode": {name: _value_or_word(text) for name, text in pairs}}, ()

    return Part("[loop True|False] [ignore_failures True|False]", read, optional=True)


def script() -> Part:
    """Return a part that names a file with a script."""
    return Part("FILE", lambda words: ({"script": read_text(words[0], "script")}, words[1:]))


def permissions() -> Part:
    """Return a part that names a YAML file with the permissions of user groups."""

    def read(words: Words) -> tuple[Values, Words]:
        return {"user_group_permissions": read_yaml(words[0], "permissions of user groups")}, words[1:]

    return Part("FILE", read)


def _read_source(words: Words) -> tuple[Values, Words]:
    position = _position(words[0])
    return ({"uid": words[0]} if position is None else {"pos": position}), words[1:]


def _read_neighbour(words: Words) -> tuple[Values, Words]:
    if len(words) < 2:
        raise ParameterError(f"The UID is missing behind {words[0]!r}.", field=words[0])
    return {f"{words[0]}_uid": words[1]}, words[2:]


def _position(text: str) -> str | int | None:
    return text if text in _ENDS else _integer(text)


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _value_or_word(text: str) -> Any:
    try:
        return read_value(text)
    except ValueError:
        return text


def _map_item(item_type: str, text: str) -> Values:
    return {**read_map(text, item_type), "item_type": item_type}


def _instruction_item(text: str) -> Values:
    if text not in _INSTRUCTIONS:
        raise ParameterError(f"There is no instruction {text!r}; there is {_any_of(_INSTRUCTIONS)}.", field=text)
    return {"name": _INSTRUCTIONS[text], "item_type": "instruction"}


def _any_of(words: Iterable[str]) -> str:
    return " or ".join(words)
