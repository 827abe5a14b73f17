"""Roles that the users of foreign protocols know, and what they mean here. Decides about nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

ForeignRoles = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By dialect and foreign role: the roles of our own that it stands for."""


def with_own(roles: Iterable[str], known: ForeignRoles) -> frozenset[str]:
    """Return roles, with what those written as ``dialect:role`` stand for added; an unknown one adds nothing."""
    found = set(roles)
    for role in tuple(found):
        dialect, _, name = role.lower().partition(":")
        found.update(known.get(dialect, {}).get(name, ()))
    return frozenset(found)


def show_role(dialect: str, roles: Iterable[str], known: ForeignRoles) -> str | None:
    """Return the one role under which a user with these roles is shown in a dialect.

    That is the one given as ``dialect:role``; otherwise the first of those known whose own roles the user has all.
    None if there is no such role.
    """
    had, names = frozenset(role.lower() for role in roles), known.get(dialect, {})
    given = next((name for name in names if f"{dialect}:{name}" in had), None)
    return given or next((name for name, own in names.items() if own and had.issuperset(own)), None)
