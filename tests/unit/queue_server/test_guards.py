"""Nobody may speak for somebody else without the right to delegate."""

from __future__ import annotations

import pytest

from queue_server.guards import refuse_origin
from queue_server.protocol.envelope import Request
from queue_server.protocol.errors import ForbiddenError


def test_a_request_without_an_origin_passes():
    refuse_origin(Request("status"))


@pytest.mark.parametrize("origin", [{}, {"user": "ada", "scopes": ["write:queue:edit"]}])
def test_a_request_with_an_origin_is_forbidden(origin):
    with pytest.raises(ForbiddenError, match="'origin' is accepted only"):
        refuse_origin(Request("status", origin=origin))
