"""What stands between a well-formed request and its handler: whose word is accepted for whom."""

from __future__ import annotations

from queue_server.protocol.envelope import Request
from queue_server.protocol.errors import ForbiddenError


def refuse_origin(request: Request) -> None:
    """Refuse a request that speaks for somebody else.

    Raises:
        ForbiddenError: the request has an ``origin``, which only a peer with the right to delegate may set, and no
            peer has been given that right.
    """
    if request.origin is not None:
        raise ForbiddenError("'origin' is accepted only from a peer with the right to delegate; leave it out.")
