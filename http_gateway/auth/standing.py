"""What a user may do now: the policies of the site and the roles of the account store, asked together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from http_gateway.auth.foreign_roles import ForeignRoles, with_own
from http_gateway.auth.policies import AccessPolicy, BasicAPIAccessControl
from http_gateway.auth.scopes import EVERYBODYS_SCOPES, ROLES


@dataclass(frozen=True, slots=True)
class Standing:
    """The roles and scopes of a user, how data show them, and their user group."""

    roles: frozenset[str]
    scopes: frozenset[str]
    shown: str
    group: str


class Standings:
    """Asks the policies; ``access`` and ``resources`` may be a site's own classes.

    ``foreign`` says what roles written as ``dialect:role`` stand for.
    """

    def __init__(self, access: AccessPolicy, resources: Any, foreign: ForeignRoles | None = None) -> None:
        self._access = access
        self._resources = resources
        self._foreign: ForeignRoles = foreign or {}

    def find(self, user: str, given_roles: Iterable[str] = ()) -> Standing | None:
        """Return the standing of a user who has these roles beside those of the policy, None if they have no access."""
        given = frozenset(role.lower() for role in given_roles)
        if not given and not self._access.is_user_known(user):
            return None
        of_policy = frozenset(self._access.get_user_roles(user))
        roles = with_own(of_policy | given, self._foreign)
        # What the policy's own roles allow, it says itself.
        added = self._scopes_of((roles - of_policy) | given)
        scopes = frozenset(self._access.get_user_scopes(user)) | added | EVERYBODYS_SCOPES
        return Standing(roles, scopes, self._access.get_displayed_user_name(user), self._group_of(user, roles))

    def find_public(self, user: str) -> Standing:
        """Return the standing of somebody without a credential."""
        scopes = frozenset(self._access.get_user_scopes(user))
        roles = frozenset(self._access.get_user_roles(user))
        return Standing(roles, scopes, user, self._group_of(user, roles))

    def _scopes_of(self, roles: frozenset[str]) -> frozenset[str]:
        if isinstance(self._access, BasicAPIAccessControl):
            return self._access.get_role_scopes(roles)
        return frozenset[str]().union(*(ROLES.get(role, frozenset()) for role in roles))

    def _group_of(self, user: str, roles: frozenset[str]) -> str:
        by_roles = getattr(self._resources, "get_group", None)
        return str(by_roles(user, roles) if by_roles is not None else self._resources.get_resource_group(user))
