"""Multi-user mode: whose credential it is, looked up at every request, so that what is revoked is revoked at once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from sqlalchemy import Connection, select

from http_gateway.auth.api_keys import ApiKey, find_key, find_owned_key, hash_secret
from http_gateway.auth.people import Person, find_person
from http_gateway.auth.scopes import EVERYBODYS_SCOPES, PUBLIC_USER
from http_gateway.auth.sessions import find_session
from http_gateway.auth.standing import Standing, Standings
from http_gateway.auth.store import AccountStore
from http_gateway.auth.tokens import BAD_TOKEN, EXPIRED, Claims, TokenMint
from http_gateway.auth.upkeep import Upkeep
from http_gateway.errors import CredentialError, ExpiredError
from http_gateway.identity import Credential, Identity
from queue_server.clock import Clock

BAD_KEY = "Invalid API key"
NOT_AUTHORIZED = "User is not authorized to access the server"
_MOST_BAD = 8192


class MultiUser:
    """Knows API keys and access tokens; ``allow_anonymous`` admits callers without any credential."""

    def __init__(
        self,
        store: AccountStore,
        mint: TokenMint,
        standings: Standings,
        upkeep: Upkeep,
        clock: Clock,
        *,
        allow_anonymous: bool = False,
    ) -> None:
        self._store = store
        self._mint = mint
        self._standings = standings
        self._upkeep = upkeep
        self._clock = clock
        self._allow_anonymous = allow_anonymous
        # Hashes of secrets that are wrong for ever: no key is made with a secret that somebody has tried before.
        self._bad: OrderedDict[str, None] = OrderedDict()

    async def identify(self, credential: Credential) -> Identity:
        """Return whose credential it is; the anonymous identity for none.

        Raises:
            ExpiredError: an access token has expired.
            CredentialError: it is unknown or revoked, or its owner has no access any more.
            StorageError: the database cannot be used.
        """
        if credential.kind == "none":
            return self._nobody()
        known = hash_secret(credential.secret)
        if known in self._bad:
            self._bad.move_to_end(known)
            raise CredentialError(BAD_KEY if credential.kind == "api_key" else BAD_TOKEN)
        if credential.kind == "api_key":
            return await self._identify_key(known)
        return await self._identify_token(credential.secret, known)

    async def renew(self, identity: Identity) -> Identity:
        """Return who an identity is now; that of a key for one connection lives on with the session that made it.

        Raises:
            CredentialError: the key or session was revoked or has expired, or its owner has no access any more.
            StorageError: the database cannot be used.
        """
        if identity.is_anonymous:
            return self._nobody()
        now = self._clock.wall()
        if identity.expires is not None and now >= identity.expires:
            raise ExpiredError(EXPIRED)
        person, key = await self._store.read(lambda connection: _find_holder(connection, identity, now))
        if person is None:
            raise CredentialError("The key or the session of this connection was revoked or has expired.")
        standing = self._find_standing(person)
        if identity.credential.startswith("session "):
            limit = standing.scopes
        else:
            # The key that is gone has left its limits behind.
            limit = _limits_of(key, standing) if key is not None else identity.scopes
        return replace(
            identity, user=standing.shown, group=standing.group, scopes=standing.scopes & limit, roles=standing.roles
        )

    async def check(self) -> None:
        """Return if the database answers.

        Raises:
            StorageError: it does not.
        """
        await self._store.read(lambda connection: connection.scalar(select(1)))

    def _nobody(self) -> Identity:
        standing = self._standings.find_public(PUBLIC_USER)
        scopes = standing.scopes if self._allow_anonymous else frozenset[str]()
        return Identity(PUBLIC_USER, standing.group, scopes, standing.roles, is_anonymous=True)

    async def _identify_key(self, known: str) -> Identity:
        def look_up(connection: Connection) -> tuple[ApiKey | None, Person | None]:
            key = find_key(connection, known)
            return key, find_person(connection, key.principal) if key is not None else None

        now = self._clock.wall()
        key, person = await self._store.read(look_up)
        if key is None or person is None or not key.lives(now):
            self._remember_bad(known)
            raise CredentialError(BAD_KEY)
        standing = self._find_standing(person)
        self._upkeep.note_use(known, now)
        identity = _identity_of(person, standing, standing.scopes & _limits_of(key, standing), f"key {key.first_eight}")
        if key.session is None or not key.is_for_one_connection:
            return identity
        return replace(identity, issuer=f"session {key.session}")

    async def _identify_token(self, token: str, known: str) -> Identity:
        try:
            claims = self._mint.read(token, "access")
        except ExpiredError:
            raise
        except CredentialError:
            self._remember_bad(known)
            raise
        person = await self._store.read(lambda connection: self._find_owner(connection, claims))
        if person is None:
            self._remember_bad(known)
            raise CredentialError(BAD_TOKEN)
        standing = self._find_standing(person)
        identity = _identity_of(person, standing, standing.scopes, f"session {claims.session}")
        return replace(identity, expires=claims.expires)

    def _find_owner(self, connection: Connection, claims: Claims) -> Person | None:
        session = find_session(connection, claims.session)
        if session is None or session.principal != claims.principal or not session.lives(self._clock.wall()):
            return None
        return find_person(connection, session.principal)

    def _find_standing(self, person: Person) -> Standing:
        standing = self._standings.find(person.name, person.roles)
        if standing is None:
            raise CredentialError(NOT_AUTHORIZED)
        return standing

    def _remember_bad(self, known: str) -> None:
        self._bad[known] = None
        while len(self._bad) > _MOST_BAD:
            self._bad.popitem(last=False)


def _find_holder(connection: Connection, identity: Identity, now: float) -> tuple[Person | None, ApiKey | None]:
    principal = identity.principal or ""
    for name in filter(None, (identity.credential, identity.issuer)):
        kind, _, name_of = name.partition(" ")
        if kind == "key":
            key = find_owned_key(connection, principal, name_of)
            if key is not None and key.lives(now):
                return find_person(connection, principal), key
        else:
            session = find_session(connection, name_of)
            if session is not None and session.principal == principal and session.lives(now):
                return find_person(connection, principal), None
    return None, None


def _limits_of(key: ApiKey, standing: Standing) -> frozenset[str]:
    return standing.scopes if key.inherits else frozenset(key.scopes) | EVERYBODYS_SCOPES


def _identity_of(person: Person, standing: Standing, scopes: frozenset[str], credential: str) -> Identity:
    return Identity(standing.shown, standing.group, scopes, standing.roles, person.uuid, credential)
