"""Providers of identities at another site, OpenID Connect and SAML. They say who somebody is, not what they may do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, cast
from urllib.parse import urlencode

import httpx
import jwt
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from http_gateway.auth.classes import need
from http_gateway.auth.providers import Mode
from http_gateway.bounded import bounded
from queue_server.protocol.errors import ParameterError

_log = logging.getLogger(__name__)

_COOKIE = "cuelight_login"
_LOGIN_LIFE_S = 600
_TIMEOUT_S = 10
_MOST_FORM_BYTES = 1024**2
_ASYMMETRIC = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "EdDSA"})


class OIDCAuthenticator:
    """Asks an OpenID provider by its code flow, with state, nonce and proof key (PKCE).

    A login begins at ``/login`` of the provider's routes. What has to be remembered until the browser is back is kept
    in a signed cookie of that browser, so that any process of the gateway can finish the login.

    Args:
        client_id: name of the gateway at the provider; identity tokens must be made for it.
        options: ``client_secret``, ``redirect_uri`` (that of ``/code``), ``public_keys`` (as JWK), ``token_uri``,
            ``authorization_endpoint``, ``confirmation_message``; and of our own ``algorithms``, ``issuer``,
            ``username_claim``, ``scope``.
    """

    mode: ClassVar[Mode] = Mode.external

    def __init__(self, client_id: str, **options: Any) -> None:
        self._client_id = client_id
        self._options = _read_options(options)
        self._keys = [_read_key(key, self._options["algorithms"]) for key in self._options["public_keys"]]
        if not self._keys:
            raise ValueError("public_keys is empty")
        self.confirmation_message = str(self._options["confirmation_message"])
        self._cookie_key = hashlib.sha256(b"cuelight login" + self._options["client_secret"].encode()).digest()

    async def begin(self, request: Request) -> Response:
        """Return what sends a browser to the provider."""
        verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._options["redirect_uri"],
            "scope": self._options["scope"],
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._options["authorization_endpoint"]
        separator = "&" if "?" in endpoint else "?"
        response = RedirectResponse(f"{endpoint}{separator}{urlencode(query)}", 302)
        kept = jwt.encode({"state": state, "nonce": nonce, "verifier": verifier}, self._cookie_key, "HS256")
        response.set_cookie(
            _COOKIE, kept, max_age=_LOGIN_LIFE_S, httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
        return response

    async def authenticate(self, request: Request) -> str | None:
        """Return the name that the provider vouches for, None if the login was not begun here or is not proven."""
        kept = self._read_kept(request)
        code = request.query_params.get("code", "")
        if kept is None or not code:
            return None
        if not hmac.compare_digest(request.query_params.get("state", "").encode(), kept["state"].encode()):
            _log.warning("A login came back with a state that was not given out.")
            return None
        token = await self._exchange(code, kept["verifier"])
        claims = self._verify(token) if token else None
        if claims is None or not hmac.compare_digest(str(claims.get("nonce", "")), kept["nonce"]):
            return None
        name = claims.get(self._options["username_claim"])
        return name if isinstance(name, str) and name else None

    def _read_kept(self, request: Request) -> dict[str, str] | None:
        try:
            return jwt.decode(request.cookies.get(_COOKIE, ""), self._cookie_key, algorithms=["HS256"])
        except jwt.InvalidTokenError:
            return None

    async def _exchange(self, code: str, verifier: str) -> str | None:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._options["redirect_uri"],
            "client_id": self._client_id,
            "code_verifier": verifier,
        }
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
                answer = await client.post(
                    self._options["token_uri"], data=form, auth=(self._client_id, self._options["client_secret"])
                )
            token = cast("object", answer.json().get("id_token")) if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            _log.warning("The identity provider cannot be asked (%s).", type(error).__name__)
            return None
        if not isinstance(token, str):
            _log.warning("The identity provider refused a code (status %d).", answer.status_code)
            return None
        return token

    def _verify(self, token: str) -> dict[str, Any] | None:
        try:
            named = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError:
            return None
        for key in self._keys:
            if named is not None and key.key_id is not None and named != key.key_id:
                continue
            try:
                return jwt.decode(
                    token,
                    key,
                    # The algorithm is that of the configured key, never what the token says.
                    algorithms=[key.algorithm_name],
                    audience=self._client_id,
                    issuer=self._options["issuer"],
                    options={"require": ["exp", "aud"]},
                    leeway=30,
                )
            except jwt.InvalidTokenError as error:
                _log.warning("An identity token was refused (%s).", type(error).__name__)
        return None


class SAMLAuthenticator:
    """Asks a SAML identity provider; ``attribute_name`` is the attribute that holds the name."""

    mode: ClassVar[Mode] = Mode.external

    def __init__(self, saml_settings: Mapping[str, Any], attribute_name: str, confirmation_message: str = "") -> None:
        self._settings = dict(saml_settings)
        self._attribute = attribute_name
        self._auth = need("onelogin.saml2.auth", "saml", "SAMLAuthenticator").OneLogin_Saml2_Auth
        self._failures = _find_failures()
        self._check_settings()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="saml")
        self.confirmation_message = confirmation_message

    async def begin(self, request: Request) -> Response:
        """Return what sends a browser to the provider."""
        facts = _describe(request, {})
        url = await self._run(lambda: str(self._auth(facts, self._settings).login()))
        return RedirectResponse(url, 302)

    async def authenticate(self, request: Request) -> str | None:
        """Return the name that the provider vouches for, None if nothing is proven."""
        form = await bounded(request, _MOST_FORM_BYTES).form(max_files=0, max_fields=16)
        facts = _describe(request, {name: value for name, value in form.items() if isinstance(value, str)})
        return await self._run(lambda: self._read(facts))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check_settings(self) -> None:
        if self._settings.get("strict") is False:
            raise ValueError("'strict' must not be false: responses would not be checked")
        read = need("onelogin.saml2.settings", "saml", "SAMLAuthenticator").OneLogin_Saml2_Settings
        try:
            read(self._settings)
        except self._failures as error:
            raise ValueError(str(error)) from error

    def _read(self, facts: dict[str, Any]) -> str | None:
        auth = self._auth(facts, self._settings)
        try:
            auth.process_response()
        except self._failures as error:
            _log.warning("A SAML response was refused (%s).", type(error).__name__)
            return None
        if auth.get_errors() or not auth.is_authenticated():
            _log.warning("A SAML response was refused: %s", ", ".join(auth.get_errors()) or "not authenticated")
            return None
        values: list[Any] = auth.get_attributes().get(self._attribute) or []
        return str(values[0]) if len(values) == 1 else None

    async def _run(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _find_failures() -> tuple[type[Exception], ...]:
    errors = need("onelogin.saml2.errors", "saml", "SAMLAuthenticator")
    parsing = need("lxml.etree", "saml", "SAMLAuthenticator")
    return (errors.OneLogin_Saml2_Error, errors.OneLogin_Saml2_ValidationError, parsing.LxmlError, ValueError)


def _describe(request: Request, form: dict[str, str]) -> dict[str, Any]:
    url = request.url
    return {
        "https": "on" if url.scheme == "https" else "off",
        "http_host": url.netloc,
        "script_name": url.path,
        "get_data": dict(request.query_params),
        "post_data": form,
    }


_NEEDED = ("client_secret", "redirect_uri", "public_keys", "token_uri", "authorization_endpoint")
_DEFAULTS: Mapping[str, Any] = {
    "algorithms": ["RS256", "ES256"],
    "issuer": None,
    "username_claim": "sub",
    "scope": "openid",
    "confirmation_message": "",
}


def _read_options(given: Mapping[str, Any]) -> dict[str, Any]:
    unknown, missing = sorted(set(given) - set(_DEFAULTS) - set(_NEEDED)), sorted(set(_NEEDED) - set(given))
    if unknown or missing:
        raise ValueError(f"unknown arguments: {unknown}; missing arguments: {missing}")
    options = {**_DEFAULTS, **given}
    refused = sorted(set(options["algorithms"]) - _ASYMMETRIC)
    if refused:
        raise ValueError(f"the algorithms {refused} are not offered; use some of {sorted(_ASYMMETRIC)}")
    if not options["client_secret"]:
        raise ValueError("client_secret is empty")
    return options


def _read_key(key: Mapping[str, Any], algorithms: Sequence[str]) -> jwt.PyJWK:
    need("cryptography", "oidc", "OIDCAuthenticator")
    try:
        read = jwt.PyJWK(dict(key))
    except jwt.PyJWTError as error:
        raise ParameterError(f"One of the public_keys is no key: {error}", field="public_keys") from error
    if read.algorithm_name not in algorithms:
        raise ValueError(f"a key is for {read.algorithm_name}, which is none of {list(algorithms)}")
    return read
