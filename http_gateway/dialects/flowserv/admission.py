"""Who may see what: workflows and downloads are open to all unless a site says otherwise, groups to their members."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request

from http_gateway.authorize import require
from http_gateway.dialects.flowserv.asking import call
from http_gateway.errors import ScopeError
from http_gateway.link import Caller
from http_gateway.routes import services_of
from queue_server.protocol.errors import ForbiddenError

READ: Final = "read:workflows"
WRITE: Final = "write:workflows"
_OPENED = frozenset({READ, "read:artifacts"})


def admit_reader(request: Request, caller: Caller) -> Caller:
    """Return as whom workflows and rankings are asked for.

    Raises:
        ScopeError: the caller may not see them.
    """
    return _admit(caller, is_open=services_of(request).settings.flowserv.public)


def admit_download(request: Request, caller: Caller) -> Caller:
    """Return as whom files are asked for.

    Raises:
        ScopeError: the caller may not have them.
    """
    return _admit(caller, is_open=has_open_downloads(request))


def has_open_downloads(request: Request) -> bool:
    """Return whether files need no token."""
    return services_of(request).settings.flowserv.downloads == "public"


def _admit(caller: Caller, *, is_open: bool) -> Caller:
    identity = caller.identity
    if not identity.is_anonymous:
        require(identity, READ)
        return caller
    if not is_open:
        raise ScopeError([READ], identity.scopes, anonymous=True)
    return replace(caller, identity=replace(identity, scopes=_OPENED))


async def find_own_group(request: Request, caller: Caller, group_id: str) -> dict[str, Any]:
    """Return a group of which the caller is a member.

    Raises:
        ForbiddenError: the caller is none.
        CuelightError: as ``call``.
    """
    group: dict[str, Any] = (await call(request, caller, "workflow_group_get", group_id=group_id))["group"]
    if not is_member(group, caller):
        raise ForbiddenError("Only members of the group may do this.")
    return group


def is_member(group: dict[str, Any], caller: Caller) -> bool:
    """Return whether the caller belongs to a group; its owner does."""
    return caller.identity.user in (group["owner"], *group["members"])
