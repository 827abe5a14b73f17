"""Policies: which roles and scopes a user has, how the user is shown, and to which user group they belong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from http_gateway.auth.scopes import PUBLIC_USER, ROLES, SINGLE_USER

PRIMARY = "primary"
Words = str | Sequence[str]


class AccessPolicy(Protocol):
    """What every policy of API access answers; a site's own class has the same methods."""

    def is_user_known(self, username: str) -> bool:
        """Whether the user may log in."""
        ...

    def get_user_roles(self, username: str) -> Iterable[str]:
        """The roles of a user."""
        ...

    def get_user_scopes(self, username: str) -> Iterable[str]:
        """The scopes of a user."""
        ...

    def get_displayed_user_name(self, username: str) -> str:
        """The user as data show them."""
        ...


class BasicAPIAccessControl:
    """Knows roles, and only the users of the single-user and the anonymous mode.

    ``roles`` changes the scopes of roles: ``scopes_set``, ``scopes_add``, ``scopes_remove``, in this order. A role that
    is null has no access; new roles are allowed.
    """

    def __init__(self, *, roles: Mapping[str, Mapping[str, Words] | None] | None = None) -> None:
        self._roles: dict[str, frozenset[str]] = dict(ROLES)
        for name, changes in (roles or {}).items():
            known = self._roles.get(name.lower(), frozenset())
            self._roles[name.lower()] = _change(name, known, changes)
        self._users: dict[str, UserEntry] = {
            name: UserEntry(frozenset({name.lower()})) for name in (SINGLE_USER, PUBLIC_USER)
        }

    def is_user_known(self, username: str) -> bool:
        """Return whether the user may log in."""
        return username in self._users

    def get_user_roles(self, username: str) -> frozenset[str]:
        """Return the roles of a user, none if the user is unknown."""
        return self._entry(username).roles

    def get_user_scopes(self, username: str) -> frozenset[str]:
        """Return the scopes of a user, none if the user is unknown."""
        return self.get_role_scopes(self._entry(username).roles)

    def get_role_scopes(self, roles: Iterable[str]) -> frozenset[str]:
        """Return what these roles allow together; an unknown role allows nothing."""
        return frozenset[str]().union(*(self._roles.get(role.lower(), frozenset()) for role in roles))

    def get_displayed_user_name(self, username: str) -> str:
        """Return the user as ``jdoe``, ``jdoe <mail>``, ``jdoe "Name"`` or ``jdoe "Name <mail>"``."""
        entry = self._entry(username)
        if entry.name:
            return f'{username} "{entry.name} <{entry.email}>"' if entry.email else f'{username} "{entry.name}"'
        return f"{username} <{entry.email}>" if entry.email else username

    def get_user_info(self, username: str) -> dict[str, Any]:
        """Return roles, scopes and name of a user."""
        return {
            "roles": self.get_user_roles(username),
            "scopes": self.get_user_scopes(username),
            "displayed_name": self.get_displayed_user_name(username),
        }

    def _entry(self, username: str) -> UserEntry:
        return self._users.get(username, _NOBODY)


@dataclass(frozen=True, slots=True)
class UserEntry:
    """What a policy knows of one user."""

    roles: frozenset[str]
    name: str = ""
    email: str = ""


_NOBODY = UserEntry(frozenset())


class DictionaryAPIAccessControl(BasicAPIAccessControl):
    """Knows the users of the configuration: name to ``roles``, ``displayed_name`` and ``email``."""

    def __init__(
        self,
        *,
        roles: Mapping[str, Mapping[str, Words] | None] | None = None,
        users: Mapping[str, Mapping[str, Any] | None] | None = None,
    ) -> None:
        super().__init__(roles=roles)
        for name, entry in (users or {}).items():
            self._users[str(name)] = _read_user(str(name), entry)


class DefaultResourceAccessControl:
    """Gives everybody one user group."""

    def __init__(self, *, default_group: str | None = None) -> None:
        self._default = default_group or PRIMARY

    def get_resource_group(self, username: str) -> str:
        """Return the user group of a user."""
        return self._default


class MappedResourceAccessControl(DefaultResourceAccessControl):
    """Gives a user the group of the first entry that fits: the user's own, then that of a role in the order written."""

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        roles: Mapping[str, str] | None = None,
        default_group: str | None = None,
    ) -> None:
        super().__init__(default_group=default_group)
        self._users = dict(users or {})
        self._roles = {name.lower(): group for name, group in (roles or {}).items()}

    def get_group(self, username: str, roles: Iterable[str]) -> str:
        """Return the user group of a user with these roles."""
        if username in self._users:
            return self._users[username]
        had = {role.lower() for role in roles}
        return next((group for role, group in self._roles.items() if role in had), self._default)


def _change(name: str, known: frozenset[str], changes: Mapping[str, Words] | None) -> frozenset[str]:
    if changes is None:
        return frozenset()
    unknown = sorted(set(changes) - {"scopes_set", "scopes_add", "scopes_remove"})
    if unknown:
        raise ValueError(f"role {name!r} has unknown keys {unknown}; use scopes_set, scopes_add, scopes_remove")
    scopes = read_words(changes["scopes_set"]) if "scopes_set" in changes else known
    return (scopes | read_words(changes.get("scopes_add", ()))) - read_words(changes.get("scopes_remove", ()))


def read_words(value: Words | None) -> frozenset[str]:
    """Return a word or a list of words in lower case.

    Raises:
        ValueError: it is neither.
    """
    words = [value] if isinstance(value, str) else list(value or ())
    if not all(isinstance(word, str) for word in cast("list[object]", words)):
        raise ValueError(f"a list of words is needed, not {words!r}")
    return frozenset(word.lower() for word in words)


def _read_user(name: str, entry: Mapping[str, Any] | None) -> UserEntry:
    values = dict(entry or {})
    unknown = sorted(set(values) - {"roles", "displayed_name", "email"})
    if unknown:
        raise ValueError(f"user {name!r} has unknown keys {unknown}; use roles, displayed_name, email")
    return UserEntry(
        read_words(values.get("roles")), str(values.get("displayed_name") or ""), str(values.get("email") or "")
    )
