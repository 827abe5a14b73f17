"""Logging in, tokens and API keys: what both forms of ``RunControl`` offer over HTTP. Sends nothing itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic
from urllib.parse import quote

from queue_server.client.caller import R
from queue_server.client.gateway import Gateway, require_gateway
from queue_server.client.http_exchange import HttpRequest, own_request
from queue_server.client.http_steps import Steps, ask, ask_as_key, log_in, log_out, renew
from queue_server.client.http_tokens import check_api_key
from queue_server.protocol.errors import ParameterError

AUTH = "/api/auth"
LOGIN_TIMEOUT_S = 60.0
TIMEOUT_S = 30.0


class Accounts(ABC, Generic[R]):
    """The account at a gateway. Over 0MQ each of these raises HTTPOnlyError, which is a ValueError."""

    _gateway: Gateway | None

    @abstractmethod
    def _run(self, steps: Steps[dict[str, Any]]) -> R:
        """Take the steps and return the reply."""

    def login(self, username: str, password: str, provider: str) -> R:
        """Log in with a password; later requests carry the tokens, which are kept in memory only.

        Args:
            username: name of the account; blanks around it do not count.
            password: blanks around it do not count.
            provider: name of the login provider, such as ``local``.

        Returns:
            ``access_token``, ``refresh_token``, ``expires_in``, ``refresh_token_expires_in`` (seconds), ``token_type``.

        Raises:
            HTTPAccessError: user or password is wrong.
        """
        wallet = require_gateway(self._gateway, "login").wallet
        name = provider.strip("/").removesuffix("/token")
        if not name:
            raise ParameterError("'provider' is empty.", field="provider")
        form = {"username": username.strip(), "password": password.strip()}
        path = f"{AUTH}/provider/{quote(name, safe='')}/token"
        return self._run(log_in(wallet, own_request("POST", path, None, form, LOGIN_TIMEOUT_S)))

    def session_refresh(self, *, refresh_token: str | None = None) -> R:
        """Fetch new tokens; by default for the refresh token of the last login.

        Raises:
            HTTPAccessError: the session has ended, or there is none.
        """
        wallet = require_gateway(self._gateway, "session_refresh").wallet
        return self._run(renew(wallet, refresh_token))

    def session_revoke(self, session_uid: str) -> R:
        """End a session of the account."""
        wallet = require_gateway(self._gateway, "session_revoke").wallet
        return self._run(ask(_request("DELETE", f"/session/revoke/{quote(session_uid, safe='')}"), wallet))

    def logout(self) -> R:
        """Log out; key and tokens are forgotten."""
        wallet = require_gateway(self._gateway, "logout").wallet
        return self._run(log_out(wallet, _request("POST", "/logout")))

    def whoami(self) -> R:
        """Return whose credential the requests carry."""
        wallet = require_gateway(self._gateway, "whoami").wallet
        return self._run(ask(_request("GET", "/whoami"), wallet))

    def api_scopes(self) -> R:
        """Return ``roles`` and ``scopes`` of the credential."""
        wallet = require_gateway(self._gateway, "api_scopes").wallet
        return self._run(ask(_request("GET", "/scopes"), wallet))

    def apikey_new(
        self,
        *,
        expires_in: float | None,
        scopes: Sequence[str] | None = None,
        note: str | None = None,
        principal_uid: str | None = None,
    ) -> R:
        """Make an API key; its ``secret`` is shown this once.

        Args:
            expires_in: its life in seconds, above 0; None for a key that does not expire.
            scopes: what it may do, at most what the account may; by default the same.
            note: what it is for.
            principal_uid: for another account, which needs the scope ``admin:apikeys``.
        """
        wallet = require_gateway(self._gateway, "apikey_new").wallet
        body: dict[str, Any] = {"expires_in": expires_in}
        if scopes is not None:
            body["scopes"] = list(scopes)
        if note is not None:
            body["note"] = note
        path = "/apikey" if principal_uid is None else f"/principal/{quote(principal_uid, safe='')}/apikey"
        return self._run(ask(_request("POST", path, body), wallet))

    def apikey_info(self, *, api_key: str | None = None) -> R:
        """Return what is known of an API key; by default of the one that the requests carry."""
        wallet = require_gateway(self._gateway, "apikey_info").wallet
        request = _request("GET", "/apikey")
        if api_key is None:
            return self._run(ask(request, wallet))
        return self._run(ask_as_key(request, check_api_key(api_key, "api_key")))

    def apikey_delete(self, *, first_eight: str) -> R:
        """Delete an API key of the account, named by its first eight digits."""
        wallet = require_gateway(self._gateway, "apikey_delete").wallet
        return self._run(ask(_request("DELETE", "/apikey", {"first_eight": first_eight}), wallet))

    def set_authorization_key(
        self, api_key: str | None = None, *, token: str | None = None, refresh_token: str | None = None
    ) -> None:
        """Use an API key, or tokens of an earlier login, from now on; without any of them, no credential.

        Raises:
            ParameterError: there are both a key and a token.
        """
        wallet = require_gateway(self._gateway, "set_authorization_key").wallet
        if api_key is not None and (token is not None or refresh_token is not None):
            raise ParameterError("Give either 'api_key' or tokens.", field="api_key")
        if api_key is not None:
            wallet.keep_key(api_key)
        elif token is None and refresh_token is None:
            wallet.empty()
        else:
            wallet.keep_tokens(token, refresh_token)


def _request(verb: str, path: str, values: Mapping[str, Any] | None = None) -> HttpRequest:
    return own_request(verb, f"{AUTH}{path}", values, None, TIMEOUT_S)
