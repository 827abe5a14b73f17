"""Where people get their credentials: logins, refreshes, logouts, API keys, and what is known about an account."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.auth.accounts import NOT_AUTHORIZED
from http_gateway.auth.api_keys import (
    INHERIT,
    ApiKey,
    add_key,
    delete_key,
    find_owned_key,
    hash_secret,
    list_keys,
    note_session,
    remove_key,
)
from http_gateway.auth.people import Person, find_by_name, find_person, list_people, note_login
from http_gateway.auth.providers import Mode, is_name, mode_of
from http_gateway.auth.scopes import SCOPES
from http_gateway.auth.sessions import (
    Session,
    continue_session,
    drop_oldest,
    list_sessions,
    open_session,
    revoke_session,
)
from http_gateway.auth.standing import Standings
from http_gateway.auth.store import AccountStore
from http_gateway.auth.throttle import LoginThrottle
from http_gateway.auth.tokens import SESSION_EXPIRED, TokenMint
from http_gateway.errors import CredentialError, RouteError
from http_gateway.identity import Credential, Identity
from queue_server.clock import Clock
from queue_server.protocol.errors import CuelightError, NotFoundError, ParameterError

_log = logging.getLogger(__name__)

WRONG_PASSWORD = "Incorrect username or password"
NOT_PROVEN = "Authentication failure"
NO_SESSION = "Sessions does not exist or requester has insufficient permissions"
NO_KEY_GIVEN = "No API key was provided with this request."
NO_SUCH_KEY = "The currently-authenticated user has no such API key."

_UUID = re.compile(r"[0-9a-f]{32}")
_MOST_SESSIONS = 200
_MOST_KEYS = 500
BROWSER_NOTE = "Session of a browser"
_LONGEST_LIFE_S = 100 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Account:
    """A principal with its keys and sessions."""

    person: Person
    api_keys: tuple[ApiKey, ...] = ()
    sessions: tuple[Session, ...] = ()

    @property
    def latest_activity(self) -> float | None:
        """When the account was last used; asking with a token does not count."""
        times = [
            *(identity.latest_login for identity in self.person.identities),
            *(key.latest_activity for key in self.api_keys),
            *(session.refreshed for session in self.sessions),
        ]
        return max((time for time in times if time is not None), default=None)


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What a new API key shall be: its life in seconds (None without end), its scopes (None inherits), a note."""

    life_s: float | None
    scopes: tuple[str, ...] | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """A successful login: who, and the tokens."""

    person: Person
    tokens: dict[str, Any]


class Desk:
    """Serves the accounts of a database; ``providers`` are authenticators, a site's own ones among them."""

    def __init__(
        self,
        store: AccountStore,
        mint: TokenMint,
        standings: Standings,
        providers: Mapping[str, Any],
        clock: Clock,
        longest_key_life_s: int | None = None,
    ) -> None:
        self._store = store
        self._mint = mint
        self._standings = standings
        self._providers = providers
        self._clock = clock
        self._throttle = LoginThrottle(clock)
        self._longest_key_life_s = longest_key_life_s

    async def log_in(self, provider: str, username: str, password: str, address: str) -> Login:
        """Open a session for a name and a password.

        Raises:
            RouteError: there is no such provider with passwords.
            CredentialError: the password is wrong, or the user has no access.
            ThrottledError: too many attempts failed.
        """
        authenticator = self._find_provider(provider, Mode.password)
        account = f"{provider}/{username}"
        self._throttle.check(account, address)
        # Until it is known better: of many attempts at once, no more shall pass than of as many in turn.
        self._throttle.fail(account, address)
        try:
            name = await authenticator.authenticate(username, password) if is_name(username) else None
        except CuelightError:
            # Nobody has looked at the password.
            self._throttle.withdraw(account, address)
            raise
        if not name:
            # Without the name: some people type their password there.
            _log.warning("A login at %s from %s failed", provider, address)
            raise CredentialError(WRONG_PASSWORD)
        self._throttle.succeed(account, address)
        return await self._open(provider, str(name), address)

    async def begin(self, provider: str, request: Request) -> Response:
        """Return what sends a browser to an external provider.

        Raises:
            RouteError: there is no such provider, or its logins do not begin here.
        """
        begin = getattr(self._find_provider(provider, Mode.external), "begin", None)
        if begin is None:
            raise RouteError("Not Found")
        return cast("Response", await begin(request))

    async def exchange(self, provider: str, request: Request, address: str) -> str:
        """Return a refresh token for what an external provider has sent.

        Raises:
            RouteError: there is no such external provider.
            CredentialError: it proves nothing, or the user has no access.
        """
        authenticator = self._find_provider(provider, Mode.external)
        name = await authenticator.authenticate(request)
        if not name or not is_name(str(name)):
            _log.warning("A login at %s from %s failed", provider, address)
            raise CredentialError(NOT_PROVEN)
        login = await self._open(provider, str(name), address)
        return str(login.tokens["refresh_token"])

    async def refresh(self, token: str) -> dict[str, Any]:
        """Return new tokens for a refresh token.

        Raises:
            CredentialError: it does not continue a session, or the user has no access any more.
        """
        claims, now = self._mint.read(token, "refresh"), self._clock.wall()

        def renew(connection: Connection) -> tuple[Session, Person] | None:
            session = continue_session(connection, claims.session, claims.token_id, now)
            person = find_person(connection, session.principal) if session is not None else None
            return (session, person) if session is not None and person is not None else None

        renewed = await self._store.write(renew)
        if renewed is None:
            raise CredentialError(SESSION_EXPIRED)
        session, person = renewed
        return self._mint.make_pair(person, session, self._scopes_of(person))

    async def revoke(self, identity: Identity, session: str) -> None:
        """End a session of the caller.

        Raises:
            NotFoundError: there is none of this id.
        """
        wanted, owner = read_uuid(session), identity.principal
        if wanted is None or owner is None:
            raise NotFoundError(NO_SESSION)
        if not await self._store.write(lambda connection: revoke_session(connection, wanted, owner)):
            raise NotFoundError(NO_SESSION)
        _log.info("%s revoked the session %s", identity.user, wanted)

    async def log_out(self, credential: Credential) -> None:
        """End the session of an access token, even an expired one, or remove the key of a cookie; else do nothing."""
        if credential.kind == "token":
            try:
                claims = self._mint.read(credential.secret, "access", ignore_expiry=True)
            except CredentialError:
                return
            await self._store.write(lambda connection: revoke_session(connection, claims.session, claims.principal))
        elif credential.carrier == "cookie":
            known = hash_secret(credential.secret)
            await self._store.write(lambda connection: remove_key(connection, known))

    async def find_account(self, principal: str) -> Account:
        """Return an account.

        Raises:
            NotFoundError: there is none of this id.
        """
        wanted = read_uuid(principal)
        account = await self._store.read(lambda connection: _read_account(connection, wanted)) if wanted else None
        if account is None:
            raise NotFoundError(f"There is no principal {principal!r}.")
        return account

    async def describe(self, identity: Identity) -> Account:
        """Return the account of the caller."""
        return await self.find_account(identity.principal or "")

    async def list_accounts(self) -> list[Account]:
        """Return all accounts, the oldest first."""

        def read(connection: Connection) -> list[Account]:
            return [_gather(connection, person) for person in list_people(connection)]

        return await self._store.read(read)

    async def list_names(self) -> list[str]:
        """Return everybody who has access, as data show them, in alphabetical order."""
        known = [self._standings.find(each.name, each.roles) for each in await self._store.read(list_people)]
        return sorted({standing.shown for standing in known if standing is not None})

    async def find_key(self, identity: Identity) -> ApiKey:
        """Return the API key with which the caller asks.

        Raises:
            CredentialError: the caller uses none.
        """
        key = await self._store.read(lambda connection: _find_used_key(connection, identity))
        if key is None:
            raise CredentialError(NO_KEY_GIVEN)
        return key

    async def make_key(self, owner: str, wish: KeyWish, maker: Identity) -> tuple[ApiKey, str]:
        """Make an API key; return it and its secret. A key made with a key is not wider and lives no longer.

        Raises:
            NotFoundError: there is no such owner.
            ParameterError: the life or the scopes cannot be had.
        """
        principal, now = read_uuid(owner) or "", self._clock.wall()
        self._check_life(wish.life_s)

        def make(connection: Connection) -> tuple[ApiKey, str]:
            person = find_person(connection, principal)
            if person is None:
                raise NotFoundError(f"There is no principal {owner!r}.")
            if len(list_keys(connection, principal)) >= _MOST_KEYS:
                raise ParameterError(f"There are {_MOST_KEYS} API keys already; delete some.", field="apikey")
            source = _find_used_key(connection, maker)
            scopes = _choose_scopes(wish, self._scopes_of(person), source)
            life_s = wish.life_s
            if source is not None and source.expires is not None:
                left_s = source.expires - now
                life_s = left_s if life_s is None else min(life_s, left_s)
            made = add_key(connection, principal, scopes, now=now, life_s=life_s, note=wish.note)
            kind, _, session = maker.credential.partition(" ")
            if kind == "session" and principal == maker.principal:
                note_session(connection, made[0].hash, session)
            return made

        key, secret = await self._store.write(make)
        _log.info("%s made the API key %s for %s", maker.user, key.first_eight, principal)
        return key, secret

    async def make_cookie_key(self, person: Person, life_s: int | None = None) -> tuple[str, int]:
        """Return an API key for the cookie of a browser, and its life in seconds; by default that of a login."""
        now, life_s = self._clock.wall(), life_s or self._mint.lifetimes.refresh_s

        def make(connection: Connection) -> tuple[ApiKey, str]:
            return add_key(connection, person.uuid, [INHERIT], now=now, life_s=life_s, note=BROWSER_NOTE)

        _, secret = await self._store.write(make)
        return secret, life_s

    async def begin_cookie(self, identity: Identity, credential: Credential) -> tuple[str, int]:
        """Return a new API key for the cookie of a browser, and its life in seconds; it can do what the caller can.

        Raises:
            ParameterError: the caller has too many keys already.
        """
        most_s = self._mint.lifetimes.refresh_s
        life_s = most_s if self._longest_key_life_s is None else min(most_s, self._longest_key_life_s)
        key, secret = await self.make_key(identity.principal or "", KeyWish(life_s, None, BROWSER_NOTE), identity)
        left_s = life_s if key.expires is None else int(key.expires - self._clock.wall())
        return secret, max(1, left_s)

    async def delete_key(self, identity: Identity, first_eight: str) -> None:
        """Remove an API key of the caller.

        Raises:
            NotFoundError: the caller has no such key.
        """
        owner = identity.principal or ""
        if not await self._store.write(lambda connection: delete_key(connection, owner, first_eight)):
            raise NotFoundError(NO_SUCH_KEY)
        _log.info("%s deleted the API key %s", identity.user, first_eight)

    async def _open(self, provider: str, name: str, address: str) -> Login:
        now, lifetimes = self._clock.wall(), self._mint.lifetimes

        def open_(connection: Connection) -> tuple[Person, Session] | None:
            known = find_by_name(connection, provider, name)
            if self._standings.find(name, known.roles if known is not None else ()) is None:
                return None
            person = note_login(connection, provider, name, now)
            drop_oldest(connection, person.uuid, _MOST_SESSIONS - 1)
            return person, open_session(connection, person.uuid, now, lifetimes.session_s)

        opened = await self._store.write(open_)
        if opened is None:
            _log.warning("%s of %s has no access (from %s)", name, provider, address)
            raise CredentialError(NOT_AUTHORIZED)
        person, session = opened
        _log.info("%s logged in at %s from %s", name, provider, address)
        return Login(person, self._mint.make_pair(person, session, self._scopes_of(person)))

    def _find_provider(self, name: str, mode: Mode) -> Any:
        provider = self._providers.get(name)
        if provider is None or mode_of(provider) is not mode:
            raise RouteError("Not Found")
        return provider

    def _scopes_of(self, person: Person) -> frozenset[str]:
        standing = self._standings.find(person.name, person.roles)
        if standing is None:
            raise CredentialError(NOT_AUTHORIZED)
        return standing.scopes

    def _check_life(self, life_s: float | None) -> None:
        most_s = self._longest_key_life_s
        if life_s is not None and not 0 < life_s <= _LONGEST_LIFE_S:
            raise ParameterError(
                "'expires_in' must be a number of seconds greater than 0, or null.", field="expires_in"
            )
        if most_s is not None and (life_s is None or life_s > most_s):
            raise ParameterError(f"'expires_in' may be {most_s} seconds at most here.", field="expires_in")


def read_uuid(text: str) -> str | None:
    """Return the 32 hexadecimal digits of a uuid with or without dashes, None if it is none."""
    digits = text.replace("-", "").lower()
    return digits if _UUID.fullmatch(digits) else None


def _read_account(connection: Connection, principal: str) -> Account | None:
    person = find_person(connection, principal)
    return _gather(connection, person) if person is not None else None


def _gather(connection: Connection, person: Person) -> Account:
    keys, sessions = list_keys(connection, person.uuid), list_sessions(connection, person.uuid)
    return Account(person, tuple(keys), tuple(sessions))


def _find_used_key(connection: Connection, identity: Identity) -> ApiKey | None:
    kind, _, first_eight = identity.credential.partition(" ")
    if kind != "key" or identity.principal is None:
        return None
    return find_owned_key(connection, identity.principal, first_eight)


def _choose_scopes(wish: KeyWish, owned: frozenset[str], source: ApiKey | None) -> list[str]:
    narrow = frozenset(source.scopes) if source is not None and not source.inherits else None
    if wish.scopes is None or INHERIT in wish.scopes:
        return [INHERIT] if narrow is None else sorted(narrow)
    allowed = owned if narrow is None else owned & narrow
    wanted = sorted(set(wish.scopes))
    if not allowed.issuperset(wanted):
        # This sentence is matched by clients of bluesky-httpserver.
        raise ParameterError(
            f"Requested scopes {wanted} must be a subset of the allowed principal's scopes {sorted(allowed & SCOPES)}.",
            field="scopes",
        )
    return wanted
