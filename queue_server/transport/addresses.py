"""Where the sockets of a manager are, as its supervisor and its clients are told. Binds nothing."""

from __future__ import annotations

from msgspec import Struct


class Addresses(Struct, frozen=True):
    """Where the sockets are bound."""

    control: str
    info: str
    documents: str
