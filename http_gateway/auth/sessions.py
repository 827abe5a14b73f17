"""Sessions: what a login opens, a refresh continues and a logout ends."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, insert, select, update

from http_gateway.auth.tables import SESSIONS

GRACE_S = 60
"""How long the previous refresh token stays valid: two threads of a client may refresh at once."""


@dataclass(frozen=True, slots=True)
class Session:
    """One login; ``refresh_id`` is the id of the only refresh token that continues it, beside the one before.

    Times are seconds since 1970.
    """

    uuid: str
    principal: str
    created: float
    expires: float
    refreshed: float
    revoked: bool
    refresh_id: str
    previous_refresh_id: str | None = None
    rotated: float | None = None

    def lives(self, now: float) -> bool:
        """Whether it can still be used."""
        return not self.revoked and now < self.expires

    def accepts_previous(self, refresh_id: str, now: float) -> bool:
        """Whether this is the token before the present one, still within its last minute."""
        return refresh_id == self.previous_refresh_id and self.rotated is not None and now < self.rotated + GRACE_S


def open_session(connection: Connection, principal: str, now: float, max_age_s: int) -> Session:
    """Open a session."""
    session = Session(uuid.uuid4().hex, principal, now, now + max_age_s, now, False, uuid.uuid4().hex)
    connection.execute(
        insert(SESSIONS).values(
            uuid=session.uuid,
            principal=principal,
            created=now,
            expires=session.expires,
            refreshed=now,
            revoked=False,
            refresh_id=session.refresh_id,
        )
    )
    return session


def find_session(connection: Connection, session: str) -> Session | None:
    """Return the session with this uuid."""
    row = connection.execute(select(*_COLUMNS).where(SESSIONS.c.uuid == session)).first()
    return Session(*row) if row is not None else None


def list_sessions(connection: Connection, principal: str) -> list[Session]:
    """Return the sessions of a principal, the oldest first."""
    chosen = select(*_COLUMNS).where(SESSIONS.c.principal == principal)
    return [Session(*row) for row in connection.execute(chosen.order_by(SESSIONS.c.created, SESSIONS.c.uuid))]


def continue_session(connection: Connection, session: str, refresh_id: str, now: float) -> Session | None:
    """Return the session with its next refresh id, or None if this one does not continue it.

    An id that was used up earlier has been copied by somebody: it ends the session.
    """
    known = find_session(connection, session)
    if known is None or not known.lives(now):
        return None
    if known.accepts_previous(refresh_id, now):
        return known
    if refresh_id != known.refresh_id:
        revoke_session(connection, session)
        return None
    changes = {"refresh_id": uuid.uuid4().hex, "previous_refresh_id": refresh_id, "rotated": now, "refreshed": now}
    connection.execute(update(SESSIONS).where(SESSIONS.c.uuid == session).values(**changes))
    return replace(known, **changes)


def revoke_session(connection: Connection, session: str, principal: str | None = None) -> bool:
    """End a session, if it belongs to the principal (if one is given); return whether there is such a session."""
    chosen = SESSIONS.c.uuid == session
    if principal is not None:
        chosen &= SESSIONS.c.principal == principal
    return connection.execute(update(SESSIONS).where(chosen).values(revoked=True)).rowcount > 0


def drop_oldest(connection: Connection, principal: str, keep: int) -> None:
    """Remove all sessions of a principal but the ``keep`` newest ones."""
    newest = select(SESSIONS.c.uuid).where(SESSIONS.c.principal == principal)
    kept = connection.scalars(newest.order_by(SESSIONS.c.refreshed.desc()).limit(keep)).all()
    if len(kept) == keep:
        chosen = (SESSIONS.c.principal == principal) & SESSIONS.c.uuid.not_in(kept)
        connection.execute(delete(SESSIONS).where(chosen))


def purge_sessions(connection: Connection, now: float) -> int:
    """Remove what has expired; return how many."""
    return connection.execute(delete(SESSIONS).where(SESSIONS.c.expires <= now)).rowcount


_COLUMNS = (
    SESSIONS.c.uuid,
    SESSIONS.c.principal,
    SESSIONS.c.created,
    SESSIONS.c.expires,
    SESSIONS.c.refreshed,
    SESSIONS.c.revoked,
    SESSIONS.c.refresh_id,
    SESSIONS.c.previous_refresh_id,
    SESSIONS.c.rotated,
)
