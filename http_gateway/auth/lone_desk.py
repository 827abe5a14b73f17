"""The desk of the single-user mode: there are no accounts, and every question about them gets a sensible answer."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.auth.api_keys import ApiKey
from http_gateway.auth.desk import NO_KEY_GIVEN, NO_SESSION, NO_SUCH_KEY, Account, KeyWish, Login
from http_gateway.auth.people import Person
from http_gateway.auth.settings import DAY_S
from http_gateway.auth.tokens import BAD_TOKEN
from http_gateway.errors import CredentialError, RouteError
from http_gateway.identity import Credential, Identity
from queue_server.protocol.errors import NotFoundError, ParameterError

_NAMESPACE = uuid.UUID("6f0c2f8e-7d0b-4f43-9c54-0f0b7a1f6f7e")
_COOKIE_LIFE_S = 7 * DAY_S
_REASON = (
    "The gateway has one user with one API key, which is kept in a file. Further keys need accounts: configure a "
    "provider in 'authentication.providers'."
)


class LoneDesk:
    """Serves the one user."""

    async def log_in(self, provider: str, username: str, password: str, address: str) -> Login:
        """Refuse: there is no provider."""
        raise RouteError("Not Found")

    async def begin(self, provider: str, request: Request) -> Response:
        """Refuse: there is no provider."""
        raise RouteError("Not Found")

    async def exchange(self, provider: str, request: Request, address: str) -> str:
        """Refuse: there is no provider."""
        raise RouteError("Not Found")

    async def refresh(self, token: str) -> dict[str, Any]:
        """Refuse: no token was ever given out."""
        raise CredentialError(BAD_TOKEN)

    async def revoke(self, identity: Identity, session: str) -> None:
        """Refuse: there are no sessions."""
        raise NotFoundError(NO_SESSION)

    async def log_out(self, credential: Credential) -> None:
        """Do nothing: the key stays valid."""

    async def find_account(self, principal: str) -> Account:
        """Refuse: there are no accounts."""
        raise NotFoundError(f"There is no principal {principal!r}.")

    async def describe(self, identity: Identity) -> Account:
        """Return the one user, always with the same uuid."""
        return Account(Person(uuid.uuid5(_NAMESPACE, identity.user).hex, "user", (), identity.roles))

    async def list_accounts(self) -> list[Account]:
        """Return none: the one user has no account."""
        return []

    async def find_key(self, identity: Identity) -> ApiKey:
        """Refuse: of the one key nothing is told."""
        if identity.is_anonymous:
            raise CredentialError(NO_KEY_GIVEN)
        raise ParameterError(_REASON, field="apikey")

    async def make_key(self, owner: str, wish: KeyWish, maker: Identity) -> tuple[ApiKey, str]:
        """Refuse."""
        raise ParameterError(_REASON, field="apikey")

    async def make_cookie_key(self, person: Person) -> tuple[str, int]:
        """Refuse."""
        raise ParameterError(_REASON, field="cookie")

    async def begin_cookie(self, identity: Identity, credential: Credential) -> tuple[str, int]:
        """Return the one key, which has just been sent, for the cookie of a browser, and its life in seconds.

        Raises:
            ParameterError: it was not sent in a header.
        """
        if credential.kind != "api_key" or credential.carrier != "header":
            raise ParameterError("Send the API key in a header, such as 'Authorization: ApiKey <key>'.", field="cookie")
        return credential.secret, _COOKIE_LIFE_S

    async def delete_key(self, identity: Identity, first_eight: str) -> None:
        """Refuse: there is no such key."""
        raise NotFoundError(NO_SUCH_KEY)
