"""Sessions of browsers, made with a credential: a page sends its key once, and from then on the cookie counts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.auth.membership import desk_of
from http_gateway.authorize import ANYBODY_KNOWN
from http_gateway.cookies import clear_cookies, set_cookies
from http_gateway.credentials import NATIVE_RULES, find_credential
from http_gateway.identity import Credential
from http_gateway.link import Caller
from http_gateway.media import answer, describe_answer
from http_gateway.routes import Route, services_of

_NO_STORE = {"Cache-Control": "no-store"}


async def begin(request: Request, caller: Caller) -> Response:
    """Answer how long the session lasts, with its cookies."""
    secret, life_s = await desk_of(request).begin_cookie(caller.identity, _credential_of(request))
    response = answer(request, {"user": caller.identity.user, "valid_s": life_s}, _NO_STORE)
    set_cookies(request, response, secret, life_s)
    return response


async def end(request: Request, caller: Caller) -> Response:
    """End the session, and take the cookies away."""
    await desk_of(request).log_out(_credential_of(request))
    response = answer(request, {}, _NO_STORE)
    clear_cookies(request, response)
    return response


def _credential_of(request: Request) -> Credential:
    return find_credential(request, NATIVE_RULES, query_keys=services_of(request).settings.query_keys)


_BEGUN = {
    "type": "object",
    "required": ["user", "valid_s"],
    "properties": {
        "user": {"type": "string", "description": "For whom the cookie is."},
        "valid_s": {"type": "integer", "description": "How long it is valid, in seconds."},
    },
}
ROUTES = (
    Route(
        verb="POST",
        path="/session",
        scope=ANYBODY_KNOWN,
        handler=begin,
        summary="Begin the session of a browser: sets the cookies that stand for the credential sent.",
        document=describe_answer(_BEGUN),
    ),
    Route(
        verb="DELETE",
        path="/session",
        scope=ANYBODY_KNOWN,
        handler=end,
        summary="End the session of a browser, or of an access token.",
        document=describe_answer({"type": "object"}),
    ),
)
