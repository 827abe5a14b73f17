"""The routes by which people who are logged in change the password of their local account; nobody else's.

A request is an API key of the caller that opens nothing and lives for an hour: it needs no record of its own.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.auth.desk import BROWSER_NOTE, Account, Desk, KeyWish
from http_gateway.auth.local_accounts import PROVIDER
from http_gateway.auth.membership import desk_of, registration_of
from http_gateway.auth.registration import Registration
from http_gateway.authorize import ANYBODY_KNOWN, UNREAD, address_of
from http_gateway.dialects.flowserv.asking import answer, read_object, read_text
from http_gateway.dialects.flowserv.route import declare
from http_gateway.dialects.flowserv.users import show_user
from http_gateway.errors import CredentialError
from http_gateway.identity import Credential
from http_gateway.link import Caller
from http_gateway.routes import services_of
from queue_server.protocol.errors import ForbiddenError

_NOTE: Final = "Request of a new password"
_LIFE_S: Final = 3600
_LONGEST: Final = 1024


async def request_reset(request: Request, caller: Caller) -> Response:
    """Answer the id with which the caller can set a new password within an hour."""
    wanted = read_text(await read_object(request, frozenset(("username",))), "username", _LONGEST)
    desk, _ = _find_desk(request)
    account = await desk.describe(caller.identity)
    if wanted not in (_local_name(account), caller.identity.user):
        raise ForbiddenError("People change their own passwords only; others are changed by an administrator.")
    _, secret = await desk.make_key(account.person.uuid, KeyWish(_LIFE_S, (), _NOTE), caller.identity)
    response = answer({"requestId": secret})
    response.headers["cache-control"] = "no-store"
    return response


async def reset(request: Request, caller: Caller) -> Response:
    """Set a new password; all logins of the account end."""
    body = await read_object(request, frozenset(("requestId", "password")))
    secret, password = read_text(body, "requestId", _LONGEST), read_text(body, "password", _LONGEST)
    desk, registration = _find_desk(request)
    guard = services_of(request).guard
    identity = await guard.identify(Credential("api_key", secret, "header"), address_of(request))
    if (await desk.find_key(identity)).note != _NOTE:
        raise CredentialError("This is no request of a new password.")
    account = await desk.describe(identity)
    await registration.change_password(_local_name(account), password)
    for session in account.sessions:
        await desk.revoke(identity, session.uuid)
    for key in account.api_keys:
        if key.note in (_NOTE, BROWSER_NOTE):
            await desk.delete_key(identity, key.first_eight)
    return answer(show_user(identity.user))


def _find_desk(request: Request) -> tuple[Desk, Registration]:
    desk, registration = desk_of(request), registration_of(request)
    if not isinstance(desk, Desk) or registration is None:
        raise ForbiddenError("This gateway has no passwords of its own.")
    return desk, registration


def _local_name(account: Account) -> str:
    found = next((each.id for each in account.person.identities if each.provider == PROVIDER), None)
    if found is None:
        raise ForbiddenError("The password of this account is not kept by this gateway.")
    return found


ROUTES = (
    declare("users:pwd:request", ANYBODY_KNOWN, request_reset),
    declare("users:pwd:reset", UNREAD, reset),
)
