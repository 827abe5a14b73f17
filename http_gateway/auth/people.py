"""Who has an account: principals, the identities by which providers know them, and roles given to them here."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from http_gateway.auth.tables import IDENTITIES, PRINCIPALS, ROLES

Kind = Literal["user", "service"]
SERVICE_PROVIDER = "service"


@dataclass(frozen=True, slots=True)
class ProvenIdentity:
    """How one provider knows a principal; ``latest_login`` is in seconds since 1970, None before the first."""

    id: str
    provider: str
    latest_login: float | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A principal: a person or a service."""

    uuid: str
    kind: Kind
    identities: tuple[ProvenIdentity, ...]
    roles: frozenset[str]

    @property
    def name(self) -> str:
        """The name under which policies know them."""
        return self.identities[0].id if self.identities else self.uuid


def find_person(connection: Connection, principal: str) -> Person | None:
    """Return the principal with this uuid (32 hexadecimal digits)."""
    kind = connection.scalar(select(PRINCIPALS.c.type).where(PRINCIPALS.c.uuid == principal))
    if kind is None:
        return None
    columns = (IDENTITIES.c.id, IDENTITIES.c.provider, IDENTITIES.c.latest_login)
    rows = connection.execute(
        select(*columns).where(IDENTITIES.c.principal == principal).order_by(IDENTITIES.c.provider, IDENTITIES.c.id)
    )
    roles = connection.scalars(select(ROLES.c.role).where(ROLES.c.principal == principal))
    return Person(principal, kind, tuple(ProvenIdentity(*row) for row in rows), frozenset(roles))


def find_by_name(connection: Connection, provider: str, name: str) -> Person | None:
    """Return the principal whom a provider knows by this name."""
    known = (IDENTITIES.c.provider == provider) & (IDENTITIES.c.id == name)
    principal = connection.scalar(select(IDENTITIES.c.principal).where(known))
    return find_person(connection, principal) if principal is not None else None


def list_people(connection: Connection) -> list[Person]:
    """Return all principals, the oldest first."""
    uuids = connection.scalars(select(PRINCIPALS.c.uuid).order_by(PRINCIPALS.c.created, PRINCIPALS.c.uuid)).all()
    return [person for uuid in uuids if (person := find_person(connection, uuid)) is not None]


def add_person(connection: Connection, identity: ProvenIdentity, now: float, kind: Kind = "user") -> Person:
    """Add a principal with one identity."""
    principal = uuid.uuid4().hex
    connection.execute(insert(PRINCIPALS).values(uuid=principal, type=kind, created=now))
    connection.execute(
        insert(IDENTITIES).values(
            provider=identity.provider, id=identity.id, principal=principal, latest_login=identity.latest_login
        )
    )
    return Person(principal, kind, (identity,), frozenset())


def note_login(connection: Connection, provider: str, name: str, now: float) -> Person:
    """Return the principal who has just proven an identity, made at the first time."""
    identity = ProvenIdentity(name, provider, now)
    person = find_by_name(connection, provider, name)
    if person is None:
        return add_person(connection, identity, now)
    known = (IDENTITIES.c.provider == provider) & (IDENTITIES.c.id == name)
    connection.execute(update(IDENTITIES).where(known).values(latest_login=now))
    return person


def remove_person(connection: Connection, principal: str) -> bool:
    """Remove a principal with all sessions and keys; return whether there was one."""
    return connection.execute(delete(PRINCIPALS).where(PRINCIPALS.c.uuid == principal)).rowcount > 0


def set_roles(connection: Connection, principal: str, roles: frozenset[str]) -> None:
    """Give a principal exactly these roles, beside those that the policy gives."""
    connection.execute(delete(ROLES).where(ROLES.c.principal == principal))
    if roles:
        connection.execute(insert(ROLES), [{"principal": principal, "role": role} for role in sorted(roles)])
