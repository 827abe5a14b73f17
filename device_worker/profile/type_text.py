"""Types as clients read them: writes a type hint as text, reads such a text back, never evaluates code."""

from __future__ import annotations

import ast
import builtins
import collections.abc
import enum
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any

import bluesky.protocols
from bluesky import protocols

_ROOTS: Mapping[str, Any] = {
    "typing": typing,
    "collections": collections,
    "bluesky": bluesky,
    "enum": enum,
    "NoneType": NoneType,
}
_HINT_ROOTS = ("typing", "collections", "bluesky", "NoneType")

_PROTOCOL_TYPES: Mapping[str, str] = {
    "Readable": "__READABLE__",
    "Movable": "__MOVABLE__",
    "NamedMovable": "__MOVABLE__",
    "Flyable": "__FLYABLE__",
    **dict.fromkeys(
        (
            "Checkable",
            "Configurable",
            "Locatable",
            "Pausable",
            "Stageable",
            "Stoppable",
            "Subscribable",
            "Triggerable",
        ),
        "__DEVICE__",
    ),
}
_SUBSTITUTES: Mapping[str, str] = {
    "typing.Callable": "__CALLABLE__",
    "collections.abc.Callable": "__CALLABLE__",
    **{f"{protocols.__name__}.{name}": token for name, token in _PROTOCOL_TYPES.items()},
}
_BARE_ITERABLE = "collections.abc.Iterable"
_CLASS_REPR = re.compile(r"<class '(.+)'>")


class TypeTextError(ValueError):
    """A text is not the description of a type."""


def render_hint(hint: Any) -> str | None:
    """Return a type hint as text; None if a client could not make anything of it.

    Only Python's own types, ``typing``, ``collections`` and ``bluesky`` are written. Protocols of Bluesky
    become ``__READABLE__``, ``__MOVABLE__``, ``__FLYABLE__`` or ``__DEVICE__``, callables ``__CALLABLE__``.
    """
    is_class = isinstance(hint, type) and repr(hint).startswith("<")
    if is_class and hint.__name__ in _PROTOCOL_TYPES:
        return _PROTOCOL_TYPES[hint.__name__]
    text = _CLASS_REPR.sub(r"\1", repr(hint)) if is_class else repr(hint)
    try:
        tree = _parse(text)
        if _TypeReader({name: _ROOTS[name] for name in _HINT_ROOTS}).visit(tree) != hint:
            return None
    except TypeTextError:
        return None
    if is_class:
        return f"{text}[typing.Any]" if text == _BARE_ITERABLE else text
    return ast.unparse(_Substitution().visit(tree))


def read_type(text: str, names: Mapping[str, Any]) -> Any:
    """Return the type that a text describes; ``names`` are type names that it may use besides Python's.

    Raises:
        TypeTextError: the text is malformed or uses an unknown name.
    """
    return _TypeReader({**_ROOTS, **names}).visit(_parse(text))


def resolve_hint(function: Callable[..., Any], hint: Any) -> Any:
    """Return a hint of a function; a hint that is text is replaced by its type, or by ``Parameter.empty``.

    A text has no type where it names what is imported for type checkers alone.
    """
    if not isinstance(hint, str):
        return hint

    def carrier() -> None: ...

    carrier.__annotations__ = {"hint": hint}
    try:
        return typing.get_type_hints(carrier, _globals_of(function), include_extras=True)["hint"]
    except (NameError, AttributeError, SyntaxError, TypeError):
        return inspect.Parameter.empty


def _globals_of(function: Callable[..., Any]) -> dict[str, Any]:
    return getattr(inspect.unwrap(function), "__globals__", {})


def list_type_names(text: str) -> frozenset[str]:
    """Return the names that a type is built of; of a dotted name the last part.

    Raises:
        TypeTextError: the text is malformed.
    """
    names: set[str] = set()
    for node in ast.walk(_parse(text)):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Constant):
            names.add(type(node.value).__name__)
    return frozenset(names)


def _parse(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise TypeTextError(f"{text!r} is not the description of a type") from error


class _TypeReader(ast.NodeVisitor):
    """Builds the type that an expression describes: names, subscripts, alternatives, constants; no calls."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id in self._names:
            return self._names[node.id]
        if isinstance(getattr(builtins, node.id, None), type):
            return getattr(builtins, node.id)
        raise TypeTextError(f"Unknown type name {node.id!r}")

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        owner = self.visit(node.value)
        found = None if node.attr.startswith("_") else getattr(owner, node.attr, None)
        # What a module imports for its own use is no part of it.
        strays = inspect.ismodule(found) and not found.__name__.startswith(f"{owner.__name__}.")
        if found is None or strays:
            raise TypeTextError(f"Unknown type name {ast.unparse(node)!r}")
        return found

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        generic, parameters = self.visit(node.value), self.visit(node.slice)
        try:
            return generic[parameters]
        except TypeError as error:
            raise TypeTextError(f"{ast.unparse(node)!r} is not a type: {error}") from error

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        if not isinstance(node.op, ast.BitOr):
            return self.generic_visit(node)
        left, right = self.visit(node.left), self.visit(node.right)
        try:
            return left | right
        except TypeError as error:
            raise TypeTextError(f"{ast.unparse(node)!r} is not a type: {error}") from error

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        return tuple(self.visit(element) for element in node.elts)

    def visit_List(self, node: ast.List) -> Any:
        return [self.visit(element) for element in node.elts]

    def visit_Constant(self, node: ast.Constant) -> Any:
        return node.value

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        try:
            return ast.literal_eval(node)
        except ValueError:
            return self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> Any:
        raise TypeTextError(f"{ast.unparse(node)!r} cannot be part of a type")


class _Substitution(ast.NodeTransformer):
    """Replaces types that a client does not have by the names that stand for them."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        substitute = _SUBSTITUTES.get(ast.unparse(node.value))
        if substitute is not None:
            return ast.Name(substitute, ast.Load())
        node.slice = self.visit(node.slice)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        dotted = ast.unparse(node)
        if dotted == _BARE_ITERABLE:
            return _parse(f"{_BARE_ITERABLE}[typing.Any]")
        return ast.Name(_SUBSTITUTES[dotted], ast.Load()) if dotted in _SUBSTITUTES else node
