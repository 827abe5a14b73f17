"""The routes of users: logins by name and password, and who there is. Tokens are told at a login only."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.auth.desk import BROWSER_NOTE, WRONG_PASSWORD, Desk
from http_gateway.auth.membership import desk_of, registration_of
from http_gateway.auth.registration import Registration
from http_gateway.authorize import ANYBODY_KNOWN, UNREAD, address_of
from http_gateway.credentials import find_credential
from http_gateway.dialects.flowserv.admission import READ
from http_gateway.dialects.flowserv.asking import answer, read_object
from http_gateway.dialects.flowserv.face import FACE
from http_gateway.dialects.flowserv.route import declare
from http_gateway.errors import CredentialError, RouteError
from http_gateway.identity import Credential, Identity
from http_gateway.link import Caller
from http_gateway.routes import services_of
from queue_server.protocol.errors import ForbiddenError, ParameterError

_LOGIN: Final = frozenset(("username", "password"))
_REGISTRATION: Final = _LOGIN | {"verify"}
_LONGEST_FIELD: Final = 1024
_MAY_ACTIVATE: Final = "admin:apikeys"


async def list_users(request: Request, caller: Caller) -> Response:
    """List everybody who has access."""
    desk = desk_of(request)
    names = await desk.list_names() if isinstance(desk, Desk) else [caller.identity.user]
    return answer({"users": [show_user(name) for name in names]})


async def tell_self(request: Request, caller: Caller) -> Response:
    """Answer who the owner of the token is."""
    return answer(show_user(caller.identity.user))


async def log_in(request: Request, caller: Caller) -> Response:
    """Answer the token of a new login; others of the same user go on."""
    body = await read_object(request, _LOGIN)
    username, password = _read_field(body, "username"), _read_field(body, "password")
    desk = desk_of(request)
    if isinstance(desk, Desk):
        token, identity = await _open(request, desk, username, password)
    else:
        # The one user has no password but the key.
        token, identity = password, await _identify(request, Credential("api_key", password, "header"))
    response = answer({**show_user(identity.user), "token": token})
    response.headers["cache-control"] = "no-store"
    return response


async def log_out(request: Request, caller: Caller) -> Response:
    """End the login whose token this is; other logins and keys that were made otherwise go on."""
    desk, credential = desk_of(request), find_credential(request, FACE.rules)
    if isinstance(desk, Desk):
        if credential.kind == "api_key" and (await desk.find_key(caller.identity)).note == BROWSER_NOTE:
            # It is what a browser has as its cookie, and ends in the same way.
            credential = Credential("api_key", credential.secret, "cookie")
        await desk.log_out(credential)
    return answer(show_user(caller.identity.user))


async def register_user(request: Request, caller: Caller) -> Response:
    """Make an account, where the site lets people do that themselves."""
    registration, roles = _find_registration(request)
    body = await read_object(request, _REGISTRATION)
    username, password, verify = _read_field(body, "username"), _read_field(body, "password"), body.get("verify")
    if not isinstance(verify, bool | None):
        raise ParameterError("'verify' must be true or false.", field="verify")
    await registration.add(username, password, () if verify else roles, address_of(request))
    return answer(show_user(username), 201)


async def activate_user(request: Request, caller: Caller) -> Response:
    """Let somebody in whose registration was to be verified."""
    name = _read_field(await read_object(request, frozenset(("id",))), "id")
    registration, roles = _find_registration(request)
    await registration.activate(name, roles)
    return answer(show_user(name))


def show_user(name: str) -> dict[str, str]:
    """Return a user; the name by which data and groups know them is their id too."""
    return {"id": name, "username": name}


def _find_registration(request: Request) -> tuple[Registration, tuple[str, ...]]:
    roles = services_of(request).settings.flowserv.registration_roles
    registration = registration_of(request)
    if not roles or registration is None:
        raise ForbiddenError("Accounts are made by an administrator (cuelight user add).")
    return registration, roles


def _read_field(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value or len(value) > _LONGEST_FIELD:
        raise ParameterError(f"{name!r} must be text of 1 to {_LONGEST_FIELD} characters.", field=name)
    return value


async def _open(request: Request, desk: Desk, username: str, password: str) -> tuple[str, Identity]:
    settings = services_of(request).settings
    for provider in settings.authentication.providers:
        try:
            login = await desk.log_in(provider.provider, username, password, address_of(request))
        except RouteError:
            # It takes no passwords; the first one that does decides.
            continue
        access = Credential("token", str(login.tokens["access_token"]), "header")
        identity = await _identify(request, access)
        # These clients cannot renew the short token of the session.
        token, _ = await desk.make_cookie_key(login.person, settings.flowserv.token_s)
        await desk.log_out(access)
        return token, identity
    raise CredentialError(WRONG_PASSWORD)


async def _identify(request: Request, credential: Credential) -> Identity:
    return await services_of(request).guard.identify(credential, address_of(request))


ROUTES = (
    declare("users:list", READ, list_users),
    declare("users:whoami", ANYBODY_KNOWN, tell_self),
    declare("users:register", UNREAD, register_user),
    declare("users:activate", _MAY_ACTIVATE, activate_user),
    declare("users:login", UNREAD, log_in),
    declare("users:logout", ANYBODY_KNOWN, log_out),
)
