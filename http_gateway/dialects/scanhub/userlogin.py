"""The routes of logins: a name and a password for a token, its end, and who its owner is. Keeps no token itself."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.auth.desk import BROWSER_NOTE, WRONG_PASSWORD, Desk
from http_gateway.auth.foreign_roles import show_role
from http_gateway.auth.membership import desk_of
from http_gateway.authorize import ANYBODY_KNOWN, UNREAD, address_of
from http_gateway.credentials import find_credential
from http_gateway.dialects.scanhub.exam_calls import answer
from http_gateway.dialects.scanhub.exam_enums import UserRole
from http_gateway.dialects.scanhub.exam_models import LoginOut, UserOut
from http_gateway.dialects.scanhub.face import RULES
from http_gateway.dialects.scanhub.forms import reading_form
from http_gateway.errors import CredentialError, RouteError
from http_gateway.identity import Credential, Identity
from http_gateway.link import Caller
from http_gateway.routes import Route, services_of

PREFIX: Final = "/userlogin"
_MOST_FORM_BYTES: Final = 64 * 1024
_LONGEST_FIELD: Final = 1024


async def log_in(request: Request, caller: Caller) -> Response:
    """Answer the token of a new login; others of the same user go on."""
    async with reading_form(request, most_bytes=_MOST_FORM_BYTES) as form:
        username, password = form.text("username"), form.text("password")
    if not username or not password or max(len(username), len(password)) > _LONGEST_FIELD:
        raise CredentialError(WRONG_PASSWORD)
    desk = desk_of(request)
    if isinstance(desk, Desk):
        token, identity = await _open(request, desk, username, password)
    else:
        # The one user has no password but the key.
        token, identity = password, await _identify(request, Credential("api_key", password, "header"))
    told = LoginOut(access_token=token, **_show(request, identity).model_dump())
    response = answer(told.model_dump(mode="json"))
    response.headers["cache-control"] = "no-store"
    return response


async def log_out(request: Request, caller: Caller) -> Response:
    """End the login whose token this is; other logins and keys that were made otherwise go on."""
    desk, credential = desk_of(request), find_credential(request, RULES)
    if isinstance(desk, Desk):
        if credential.kind == "api_key" and (await desk.find_key(caller.identity)).note == BROWSER_NOTE:
            # It is what a browser has as its cookie, and ends in the same way.
            credential = Credential("api_key", credential.secret, "cookie")
        await desk.log_out(credential)
    return answer({})


async def get_current_user(request: Request, caller: Caller) -> Response:
    """Answer who the owner of the token is, without any token."""
    return answer(_show(request, caller.identity).model_dump(mode="json"))


async def _open(request: Request, desk: Desk, username: str, password: str) -> tuple[str, Identity]:
    """Return a token that lives as long as the login of a browser: these clients cannot renew shorter ones."""
    for provider in services_of(request).settings.authentication.providers:
        try:
            login = await desk.log_in(provider.provider, username, password, address_of(request))
        except RouteError:
            # It takes no passwords; the first one that does decides.
            continue
        access = Credential("token", str(login.tokens["access_token"]), "header")
        identity = await _identify(request, access)
        token, _ = await desk.make_cookie_key(login.person)
        await desk.log_out(access)
        return token, identity
    raise CredentialError("No provider of this gateway takes passwords; use an API key as the token.")


async def _identify(request: Request, credential: Credential) -> Identity:
    return await services_of(request).guard.identify(credential, address_of(request))


def _show(request: Request, identity: Identity) -> UserOut:
    known = services_of(request).settings.api_access.foreign_roles
    role = show_role("scanhub", identity.roles, known)
    if role not in frozenset(UserRole):
        # The site has no such role for this user, and clients know no others.
        role = UserRole.ADMIN if "write:permissions" in identity.scopes else UserRole.MEDICAL
    # The accounts of this gateway have a name to log in with and no other.
    return UserOut(username=identity.user, first_name="", last_name="", email=None, role=UserRole(role))


ROUTES = (
    Route(
        verb="POST",
        path=f"{PREFIX}/login",
        scope=UNREAD,
        handler=log_in,
        summary="Log in with a name and a password.",
    ),
    Route(verb="POST", path=f"{PREFIX}/logout", scope=ANYBODY_KNOWN, handler=log_out, summary="End this login."),
    Route(
        verb="GET",
        path=f"{PREFIX}/getcurrentuser",
        scope=ANYBODY_KNOWN,
        handler=get_current_user,
        summary="The owner of the token.",
    ),
)
