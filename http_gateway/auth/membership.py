"""Puts the parts of the accounts together as the settings say: one user with one key, or accounts in a database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import HTTPConnection

from http_gateway.auth.accounts import MultiUser
from http_gateway.auth.classes import build
from http_gateway.auth.desk import Desk
from http_gateway.auth.lone_desk import LoneDesk
from http_gateway.auth.providers import Closable, DummyAuthenticator, LocalAuthenticator, NeedsStore, mode_of
from http_gateway.auth.registration import Registration
from http_gateway.auth.settings import AccountSettings, AuthenticationSettings
from http_gateway.auth.single_user import SingleUser, check_key, keep_key, read_key
from http_gateway.auth.standing import Standings
from http_gateway.auth.store import open_store
from http_gateway.auth.tokens import Lifetimes, TokenMint, find_keys
from http_gateway.auth.upkeep import Upkeep
from queue_server.clock import Clock
from queue_server.protocol.errors import ParameterError

_log = logging.getLogger(__name__)

AnyDesk = Desk | LoneDesk
BackgroundTask = Callable[[], Awaitable[None]]
_SHORT_SECRET = 32


class Settings(Protocol):
    """What is needed of the settings of a gateway."""

    @property
    def data(self) -> Path:
        """Directory for everything that is kept."""
        ...

    @property
    def api_key_file(self) -> Path | None:
        """File with the single-user key."""
        ...

    @property
    def allow_anonymous(self) -> bool:
        """Whether callers without credential are admitted."""
        ...


@dataclass(frozen=True, slots=True)
class Membership:
    """Who answers whose credential it is, and who gives credentials out."""

    accounts: SingleUser | MultiUser
    desk: AnyDesk
    registration: Registration | None = None


def desk_of(connection: HTTPConnection) -> AnyDesk:
    """Return the desk of the application."""
    desk: AnyDesk = connection.app.state.desk
    return desk


def registration_of(connection: HTTPConnection) -> Registration | None:
    """Return where people make local accounts for themselves; None where there are no local accounts."""
    registration: Registration | None = getattr(connection.app.state, "registration", None)
    return registration


class Founder:
    """Builds what the configuration names at once, so that a mistake stops the start, and opens it later."""

    def __init__(self, settings: AccountSettings, site: Settings, clock: Clock) -> None:
        self._settings = settings
        self._site = site
        self._clock = clock
        self._access = _build_policy("api_access", settings.api_access)
        self._resources = _build_policy("resource_access", settings.resource_access)
        self.providers = _build_providers(settings.authentication)
        self._standings = Standings(self._access, self._resources, settings.api_access.foreign_roles)
        self._key = "" if self.providers else _find_key(settings.authentication, site)

    async def open(self, stack: AsyncExitStack) -> Membership:
        """Open what is needed; the stack closes it.

        Raises:
            ParameterError: a secret or the address of the database cannot be used.
            StorageError: the database cannot be used.
        """
        self._start_tasks(stack)
        for provider in self.providers.values():
            if isinstance(provider, Closable):
                stack.callback(provider.close)
        allowed = self._site.allow_anonymous or self._settings.authentication.allow_anonymous_access
        if not self.providers:
            return Membership(SingleUser(self._key, allow_anonymous=allowed, standings=self._standings), LoneDesk())
        return await self._open_accounts(stack, allowed)

    async def _open_accounts(self, stack: AsyncExitStack, allow_anonymous: bool) -> Membership:
        given, clock = self._settings.authentication, self._clock
        store = await asyncio.to_thread(open_store, self._settings.database, self._site.data)
        stack.push_async_callback(asyncio.to_thread, store.close)
        keys = await asyncio.to_thread(find_keys, given, self._site.data)
        if any(len(key) < _SHORT_SECRET for key in keys):
            _log.warning("A secret key is shorter than %d characters; tokens can be forged by guessing", _SHORT_SECRET)
        lifetimes = Lifetimes(given.access_token_max_age, given.refresh_token_max_age, given.session_max_age)
        mint = TokenMint(keys, lifetimes, clock)
        for provider in self.providers.values():
            if isinstance(provider, NeedsStore):
                provider.use_store(store)
        upkeep = Upkeep(store, clock)
        upkeep.start()
        stack.push_async_callback(upkeep.close)
        accounts = MultiUser(store, mint, self._standings, upkeep, clock, allow_anonymous=allow_anonymous)
        desk = Desk(store, mint, self._standings, self.providers, clock, given.api_key_max_age)
        has_local = any(isinstance(provider, LocalAuthenticator) for provider in self.providers.values())
        return Membership(accounts, desk, Registration(store, self._standings, clock) if has_local else None)

    def _start_tasks(self, stack: AsyncExitStack) -> None:
        works: list[BackgroundTask] = []
        for owner in (*self.providers.values(), self._access, self._resources):
            works += getattr(owner, "background_tasks", [])
        if not works:
            return
        tasks = [asyncio.ensure_future(work()) for work in works]

        async def end() -> None:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    _log.error("A background task of a provider or policy failed", exc_info=outcome)

        stack.push_async_callback(end)


def _build_providers(settings: AuthenticationSettings) -> Mapping[str, Any]:
    providers: dict[str, Any] = {}
    for given in settings.providers:
        field = f"authentication.providers.{given.provider}"
        provider = build(given.authenticator, given.args.get_secret_value(), field)
        mode_of(provider)
        if isinstance(provider, DummyAuthenticator) and not settings.allow_dummy:
            raise ParameterError(
                "DummyAuthenticator accepts everybody with any password. It is for tests only, where "
                "'authentication.allow_dummy' is set.",
                field=field,
            )
        providers[given.provider] = provider
    return providers


def _build_policy(field: str, given: Any) -> Any:
    return build(given.policy, given.args.get_secret_value(), field)


def _find_key(settings: AuthenticationSettings, site: Settings) -> str:
    if settings.single_user_api_key is not None:
        return check_key(settings.single_user_api_key.get_secret_value())
    if site.api_key_file is not None:
        return read_key(site.api_key_file)
    key, is_new = keep_key(site.data)
    if is_new:
        _log.warning("The API key of the gateway is %s (kept in %s)", key, site.data / "api-key")
    return key
