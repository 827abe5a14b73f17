"""What is wrong with one argument of an item, and how several such findings become one error."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from reprlib import Repr

from msgspec import Struct
from msgspec.structs import asdict

from queue_server.protocol.errors import ParameterError

MAX_ERRORS = 100
"""Findings that one error carries; the sentence itself shows the first few."""
_SHOWN_ERRORS = 8
_SHOWN_NAMES = 5


class _ShortRepr(Repr):
    """The representation of a value, bounded in width, length and depth."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60
        self.maxlong = 40
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 4
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        """Return the digits, or for a number too long to print its size."""
        return super().repr_int(x, level) if x.bit_length() < 4096 else f"<number of {x.bit_length()} bits>"


_SHORT = _ShortRepr()


class FieldError(Struct, frozen=True):
    """One finding: the argument (with the path into it), what was given, and what is accepted."""

    field: str
    given: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.field}: given {self.given}, accepted {self.accepted}"


def show_value(value: object) -> str:
    """Return a short text for a value of any size."""
    return _SHORT.repr(value)


def show_path(name: object) -> str:
    """Return the name of an argument as it may appear in a path; odd names are quoted and shortened."""
    plain = isinstance(name, str) and len(name) <= 60 and name.replace(".", "_").isidentifier()
    return str(name) if plain else show_value(name)


def show_names(names: Collection[str]) -> str:
    """Return ``one of a, b, c``: never more than a few names, but always how many there are."""
    if not names:
        return "nothing (no name is allowed here)"
    first = ", ".join(show_path(name) for name in islice(names, _SHOWN_NAMES))
    return f"one of {first}" if len(names) <= _SHOWN_NAMES else f"one of {first}, ... ({len(names)} names)"


def join_errors(label: str, errors: Iterable[FieldError]) -> ParameterError:
    """Return one error for at least one finding: a sentence with the first few, and all of them as its details."""
    kept = list(islice(errors, MAX_ERRORS + 1))
    more = len(kept) > MAX_ERRORS
    kept = kept[:MAX_ERRORS]
    return ParameterError(
        f"{label}: {_list_findings(kept, more=more)}",
        field=kept[0].field,
        details={"errors": [asdict(error) for error in kept], "more": more},
    )


def _list_findings(errors: Sequence[FieldError], *, more: bool) -> str:
    hidden = len(errors) - _SHOWN_ERRORS
    tail = "; and more" if more else f"; and {hidden} more" if hidden > 0 else ""
    return "; ".join(str(error) for error in errors[:_SHOWN_ERRORS]) + tail
