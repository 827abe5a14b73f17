"""Who is at the other end of a connection, as its key says it; decides nothing."""

from __future__ import annotations

from msgspec import Struct


class Peer(Struct, frozen=True):
    """One end of a connection.

    ``name`` is that of the owner of its key, and empty where no key tells it; ``scopes`` are the only ones that it
    has, None means all; with ``may_delegate`` it may name the person for whom it asks.
    """

    name: str = ""
    scopes: frozenset[str] | None = None
    may_delegate: bool = False


ANYBODY = Peer()
"""A peer without a key of its own: on a socket that only this host reaches, or with the key that everybody shares."""

DELEGATE = Peer(may_delegate=True)
"""The gateway of this system, which no other user of this host can pretend to be."""
