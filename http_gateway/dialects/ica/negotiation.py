"""Versions of the interface: which one a client accepts, and whether a body is of the one that is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum

from starlette.requests import Request

from http_gateway.dialects.ica.errors import AcceptError, MediaTypeError

_PROBLEM_ALONE = frozenset({"application/problem+json"})
_ANY = frozenset({"*/*", "application/*"})


class Version(IntEnum):
    """A version of the interface; the higher is the newer."""

    V3 = 3
    V4 = 4

    @property
    def media_type(self) -> str:
        """The type of its bodies."""
        return f"application/vnd.illumina.v{self.value}+json"


def choose_version(request: Request, served: Sequence[Version]) -> Version:
    """Return the version of the answer: the newest that the header Accept names, the newest of all without a wish.

    Raises:
        AcceptError: none of those served is accepted.
    """
    given = ",".join(request.headers.getlist("accept"))
    if not given.strip():
        return max(served)
    accepted = frozenset(_accepted_in(given))
    named = [version for version in served if version.media_type in accepted]
    # Clients that are made from the published description name the type of errors, and nothing else.
    if not named and (accepted & _ANY or accepted == _PROBLEM_ALONE):
        return max(served)
    if not named:
        raise AcceptError
    return max(named)


def _accepted_in(header: str) -> Iterator[str]:
    for element in header.lower().split(","):
        kind, *parameters = (part.strip() for part in element.split(";"))
        if kind and not any(_is_zero(parameter) for parameter in parameters):
            yield kind


def _is_zero(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    whole, _, rest = value.strip().partition(".")
    return name.strip() == "q" and whole == "0" and not rest.strip("0")


def require_version(request: Request, version: Version) -> None:
    """Refuse a body that is not of this version.

    Raises:
        MediaTypeError: it is of another type, or of none.
    """
    given = request.headers.getlist("content-type")
    kinds = {each.partition(";")[0].strip().lower() for each in given}
    if kinds != {version.media_type}:
        raise MediaTypeError(f"The body must be of the content type {version.media_type}.")
