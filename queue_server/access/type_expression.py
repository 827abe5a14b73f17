"""Reads the type of a parameter, written as Python text, into a shape; nothing is evaluated.

The vocabulary is closed. What is not in it accepts anything, because a plan may use types of any library.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from queue_server.access.shapes import (
    ANYTHING,
    BOOL,
    BYTES,
    FLOAT,
    HASHABLE,
    INT,
    NOTHING,
    TEXT,
    Constant,
    Fixed,
    Many,
    Shape,
    Table,
    unite,
)

MAX_TYPE_LENGTH = 10_000
"""Characters; a longer type accepts anything."""
MAX_TYPE_DEPTH = 20
"""Levels of brackets; what is deeper accepts anything."""

_PROTOCOL_PREFIX = "bluesky.protocols."
_PREFIXES = ("typing.", "typing_extensions.", "collections.abc.", "collections.", "builtins.", "types.")

_Build = Callable[[Sequence[Shape]], Shape]


def _build_list(items: Sequence[Shape]) -> Shape:
    return Many(_first(items))


def _build_iterable(items: Sequence[Shape]) -> Shape:
    return Many(_first(items), keys=True)


def _build_sequence(items: Sequence[Shape]) -> Shape:
    item = _first(items)
    return Many(item, letters=item is ANYTHING)


def _build_table(items: Sequence[Shape]) -> Shape:
    return Table(items[0], items[1]) if len(items) == 2 else Table(ANYTHING, ANYTHING)


def _first(items: Sequence[Shape]) -> Shape:
    return items[0] if len(items) == 1 else ANYTHING


_PLAIN: Mapping[str, Shape] = {
    "int": INT,
    "float": FLOAT,
    "bool": BOOL,
    "str": TEXT,
    "bytes": BYTES,
    "None": NOTHING,
    "NoneType": NOTHING,
    "Hashable": HASHABLE,
    "Text": TEXT,
    # A function is passed by its name, which the worker looks up.
    "Callable": TEXT,
}
_GENERIC: Mapping[str, _Build] = {
    **dict.fromkeys(("list", "List", "set", "Set", "frozenset", "FrozenSet", "deque", "Deque"), _build_list),
    **dict.fromkeys(("AbstractSet", "MutableSet", "MutableSequence"), _build_list),
    **dict.fromkeys(("Sequence", "Reversible"), _build_sequence),
    **dict.fromkeys(("Iterable", "Collection", "Container"), _build_iterable),
    **dict.fromkeys(("dict", "Dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict"), _build_table),
    "Union": unite,
    "Optional": lambda items: unite([*items, NOTHING]),
    # Only the first argument is a type; the others are remarks.
    "Annotated": lambda items: items[0],
}


def parse_type(text: str, names: Mapping[str, Shape] = MappingProxyType({})) -> Shape:
    """Return the shape that a type text stands for.

    Args:
        text: for example ``typing.List[float] | None``.
        names: further types and what they stand for; they win over built-in types of the same name.
    """
    return _Reader(names).read(text, MAX_TYPE_DEPTH)


class _Reader:
    """Turns syntax into shapes, with the names of one parameter."""

    def __init__(self, names: Mapping[str, Shape]) -> None:
        self._names = names

    def read(self, text: str, depth: int) -> Shape:
        if len(text) > MAX_TYPE_LENGTH:
            return ANYTHING
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ANYTHING
        return self._shape(tree.body, depth)

    def _shape(self, node: ast.expr, depth: int) -> Shape:
        if depth <= 0:
            return ANYTHING
        match node:
            case ast.Name() | ast.Attribute():
                return self._bare(_dotted(node))
            case ast.Subscript():
                return self._subscript(node, depth - 1)
            case ast.BinOp(op=ast.BitOr()):
                return unite([self._shape(part, depth - 1) for part in _alternatives(node)])
            case ast.Constant(value=None):
                return NOTHING
            case ast.Constant(value=str(text)):
                return self.read(text, depth - 1)
            case _:
                return ANYTHING

    def _bare(self, name: str) -> Shape:
        if name in self._names:
            return self._names[name]
        if name.startswith(_PROTOCOL_PREFIX):
            return self._names.get(_protocol_type(name), TEXT)
        simple = _simple(name)
        if simple in _PLAIN:
            return _PLAIN[simple]
        if simple in ("tuple", "Tuple"):
            return Many(ANYTHING)
        build = _GENERIC.get(simple)
        return build([]) if build and simple not in ("Union", "Optional", "Annotated") else ANYTHING

    def _subscript(self, node: ast.Subscript, depth: int) -> Shape:
        name = _simple(_dotted(node.value))
        arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name in ("tuple", "Tuple"):
            return self._tuple(arguments, depth)
        if name == "Literal":
            return _literal(arguments)
        if name in _PLAIN:
            return _PLAIN[name]
        build = _GENERIC.get(name)
        if build is None or not arguments:
            return ANYTHING
        return build([self._shape(argument, depth) for argument in arguments])

    def _tuple(self, arguments: Sequence[ast.expr], depth: int) -> Shape:
        if len(arguments) == 2 and isinstance(arguments[1], ast.Constant) and arguments[1].value is ...:
            return Many(self._shape(arguments[0], depth))
        return Fixed(tuple(self._shape(argument, depth) for argument in arguments))


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _simple(name: str) -> str:
    prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
    return name[len(prefix) :]


def _protocol_type(name: str) -> str:
    kinds = {
        "Readable": "__READABLE__",
        "Movable": "__MOVABLE__",
        "NamedMovable": "__MOVABLE__",
        "Flyable": "__FLYABLE__",
    }
    return kinds.get(name.removeprefix(_PROTOCOL_PREFIX), "__DEVICE__")


def _alternatives(node: ast.expr) -> list[ast.expr]:
    # ``a | b | c`` leans to the left; walking it in a loop keeps long unions from counting as deep ones.
    parts: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _literal(arguments: Sequence[ast.expr]) -> Shape:
    try:
        return Constant(tuple(ast.literal_eval(argument) for argument in arguments))
    except (ValueError, TypeError, RecursionError, MemoryError):
        return ANYTHING
