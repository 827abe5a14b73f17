"""The two cookies of a browser: the key that scripts cannot read, and the token by which our pages prove themselves."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import CSRF_COOKIE
from http_gateway.credentials import API_KEY_COOKIE


def set_cookies(request: Request, response: Response, secret: str, life_s: int) -> None:
    """Give a browser a key for ``life_s`` seconds."""
    is_secure = _is_secure(request)
    response.set_cookie(API_KEY_COOKIE, secret, max_age=life_s, httponly=True, secure=is_secure, samesite="lax")
    # Scripts of our own pages read this one and send it back in a header, which other sites' pages cannot.
    response.set_cookie(
        CSRF_COOKIE, secrets.token_urlsafe(32), max_age=life_s, httponly=False, secure=is_secure, samesite="lax"
    )


def clear_cookies(request: Request, response: Response) -> None:
    """Take them away."""
    for name in (API_KEY_COOKIE, CSRF_COOKIE):
        response.delete_cookie(name, secure=_is_secure(request), samesite="lax")


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"
