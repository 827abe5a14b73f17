"""What a value must look like: one frozen class per form of type, which accepts a value or says why not.

Shapes compare values with types as they arrive from JSON or msgpack; they convert nothing and know no plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Protocol, cast

from msgspec import Struct

from queue_server.access.field_error import FieldError, show_names, show_value


class Shape(Protocol):
    """The form of a value."""

    @property
    def text(self) -> str:
        """What is accepted, in the words of an error message."""
        ...

    def accepts(self, value: object) -> bool:
        """Tell whether the value has this form."""
        ...

    def explain(self, value: object, place: str) -> Iterator[FieldError]:
        """Yield what is wrong with a value at a place such as ``detectors[2]``; nothing if it is accepted."""
        ...


class Anything(Struct, frozen=True):
    """Any value at all: the type is missing or not understood."""

    text: str = "anything"

    def accepts(self, value: object) -> bool:
        """Accept."""
        return True

    def explain(self, value: object, place: str) -> Iterator[FieldError]:
        """Yield nothing."""
        yield from ()


ANYTHING = Anything()


class Scalar(Struct, frozen=True):
    """A value that is looked at as a whole."""

    text: str
    test: Callable[[object], bool]

    def accepts(self, value: object) -> bool:
        """Apply the test."""
        return self.test(value)

    def explain(self, value: object, place: str) -> Iterator[FieldError]:
        """Yield one finding if the test fails."""
        if not self.test(value):
            yield FieldError(place, show_value(value), self.text)


class Name(Struct, frozen=True):
    """One text out of some names, which may be very many."""

    names: Collection[str]
    label: str = ""

    @property
    def text(self) -> str:
        """The first names, and their number."""
        return f"{self.label}{show_names(self.names)}"

    def accepts(self, value: object) -> bool:
        """Look the text up."""
        return isinstance(value, str) and value in self.names

    def explain(self, value: object, place: str) -> Iterator[FieldError]:
        """Yield one finding if the text is not among the names."""
        if not self.accepts(value):
            yield FieldError(place, show_value(value), self.text)


class Constant(Struct, frozen=True):
    """One of a few values, compared with their types: 1 is neither True nor 1.0."""

    values: tuple[object, ...]

    @property
    def text(self) -> str:
        """The values."""
        shown = [show_value(value) for value in self.values[:8]] + (["..."] if len(self.values) > 8 else [])
        return f"one of {', '.join(shown)}" if len(shown) != 1 else shown[0]

    def accepts(self, value: object) -> bool:
        """Compare with each value."""
        return any(type(value) is type(known) and value == known for known in self.values)

    def explain(self, value: object, place: str) -> Iterator[FieldError]:
        """Yield one finding if no value is equal."""
        if not self.accepts(value):
            yield FieldError(place, show_value(value), self.text)


class Many(Struct, frozen=True):
    """Any number of values of one form. Lists, tuples and sets are one, because JSON has only lists."""

    item: Shape
    keys: bool = False
    """Whether a map is accepted for its keys, as by any loop."""
    letters: bool = False
    """Whether a text is accepted for its letters."""

    @property
    def text(self) -> str:
        """The form of the items."""
        return "a list" if self.item is ANYTHING else f"a list of ({self.item.text})"

    def accepts(self, value: object) -> bool:
        """Accept a collection whose items are all accepted."""
        items = self._items(value)
        return items is not None and all(map(self.item.accepts, items))

    def explain(self, value: object, place: str) -> Iterator[FieldError]:
        """Yield the findings of each item, or one for what is no collection."""
        items = self._items(value)
        if items is None:
            yield FieldError(place, show_value(value), self.text)
            return
        for index, item in enumerate(items):
            if not self.item.accepts(item):
                yield from self.item.explain(item, f"{place}[{index}]")

    def _items(self, value: object) -> Collection[object] | None:
        if (self.keys and isinstance(value, Mapping)) or (self.letters and isinstance(value, str)):
            return cast("Collection[object]", value)
        return list_items(value)


class Fixed(Struct, frozen=True):
    """A tuple: one form for each place."""

    items: tuple[Shape, ...]

    @property
    def text(self) -> str:
        """The forms of the places."""
        return f"a list of exactly {len(self.items)}: ({', '.join(item.text for item in self.items)})"

    def accepts(self, value: object) -> bool:
        """Accept a collection of the right length whose items fit their places."""
        items = list_items(value)
        if items is None or len(items) != len(self.items):
            return False
        return all(shape.accepts(item) for shape, item in zip(self.items, items, strict=True))

    def explain(self, value: object, place: str) -> Iterator[FieldError]:
        """Yield the findings of each place, or one for a wrong length."""
        items = list_items(value)
        if items is None or len(items) != len(self.items):
            yield FieldError(place, show_value(value), self.text)
            return
        for index, (shape, item) in enumerate(zip(self.items, items, strict=True)):
            yield from shape.explain(item, f"{place}[{index}]")


class Table(Struct, frozen=True):
    """A map with keys of one form and values of another."""

    key: Shape
    value: Shape

    @property
    def text(self) -> str:
        """The forms of keys and values."""
        if self.key is ANYTHING and self.value is ANYTHING:
            return "a map"
        return f"a map from ({self.key.text}) to ({self.value.text})"

    def accepts(self, value: object) -> bool:
        """Accept a map whose keys and values are all accepted."""
        if not isinstance(value, Mapping):
            return False
        table = cast("Mapping[object, object]", value)
        return all(map(self.key.accepts, table.keys())) and all(map(self.value.accepts, table.values()))

    def explain(self, value: object, place: str) -> Iterator[FieldError]:
        """Yield the findings of each key and value, or one for what is no map."""
        if not isinstance(value, Mapping):
            yield FieldError(place, show_value(value), self.text)
            return
        for key, item in cast("Mapping[object, object]", value).items():
            inner = f"{place}[{show_value(key)}]"
            yield from self.key.explain(key, f"key of {inner}")
            yield from self.value.explain(item, inner)


class Either(Struct, frozen=True):
    """One of several forms."""

    options: tuple[Shape, ...]

    @property
    def text(self) -> str:
        """The forms."""
        return " or ".join(option.text for option in self.options)

    def accepts(self, value: object) -> bool:
        """Accept what any form accepts."""
        return any(option.accepts(value) for option in self.options)

    def explain(self, value: object, place: str) -> Iterator[FieldError]:
        """Yield what the only form of the same nature finds, or else one finding that names all forms."""
        if self.accepts(value):
            return
        near = [option for option in self.options if isinstance(option, _nature(value))]
        if len(near) == 1:
            yield from near[0].explain(value, place)
        else:
            yield FieldError(place, show_value(value), self.text)


def unite(options: Collection[Shape]) -> Shape:
    """Return the form that accepts what any of the given forms accepts."""
    flat: list[Shape] = []
    for option in options:
        flat.extend(option.options if isinstance(option, Either) else [option])
    if not flat or ANYTHING in flat:
        return ANYTHING
    return flat[0] if len(flat) == 1 else Either(tuple(flat))


def list_items(value: object) -> Collection[object] | None:
    """Return the items of a list, tuple or set; None for everything else."""
    return cast("Collection[object]", value) if isinstance(value, (list, tuple, set, frozenset)) else None


def _nature(value: object) -> tuple[type, ...]:
    if list_items(value) is not None:
        return (Many, Fixed)
    return (Table,) if isinstance(value, Mapping) else ()


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


INT = Scalar("int", _is_int)
FLOAT = Scalar("float", lambda value: isinstance(value, float) or _is_int(value))
TEXT = Scalar("str", lambda value: isinstance(value, str))
BYTES = Scalar("bytes", lambda value: isinstance(value, (bytes, bytearray)))
# Forms send 0 and 1 for a switch, and bluesky-queueserver takes them.
BOOL = Scalar("bool", lambda value: isinstance(value, bool) or (_is_int(value) and value in (0, 1)))
NOTHING = Scalar("None", lambda value: value is None)
HASHABLE = Scalar("a single value (no list, no map)", lambda value: not isinstance(value, (list, dict, set)))
