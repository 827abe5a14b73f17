"""The tables of the account database. Times are seconds since 1970-01-01 UTC; identifiers are 32 hexadecimal digits."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Double, ForeignKey, Index, MetaData, String, Table

METADATA = MetaData()


def _owner() -> Column[str]:
    return Column("principal", String(32), ForeignKey("principals.uuid", ondelete="CASCADE"), nullable=False)


PRINCIPALS = Table(
    "principals",
    METADATA,
    Column("uuid", String(32), primary_key=True),
    Column("type", String(16), nullable=False),
    Column("created", Double, nullable=False),
)

IDENTITIES = Table(
    "identities",
    METADATA,
    Column("provider", String(255), primary_key=True),
    Column("id", String(255), primary_key=True),
    _owner(),
    Column("latest_login", Double),
    Index("identities_of_principal", "principal"),
)

ROLES = Table(
    "roles",
    METADATA,
    Column("principal", String(32), ForeignKey("principals.uuid", ondelete="CASCADE"), primary_key=True),
    Column("role", String(255), primary_key=True),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("uuid", String(32), primary_key=True),
    _owner(),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("refreshed", Double, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
    Column("refresh_id", String(32), nullable=False),
    Column("previous_refresh_id", String(32)),
    Column("rotated", Double),
    Index("sessions_of_principal", "principal"),
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("first_eight", String(8), nullable=False),
    _owner(),
    Column("created", Double, nullable=False),
    Column("expires", Double),
    Column("note", String(255)),
    Column("scopes", JSON, nullable=False),
    Column("latest_activity", Double),
    Column("session", String(32)),
    Index("api_keys_of_principal", "principal"),
)

LOCAL_ACCOUNTS = Table(
    "local_accounts",
    METADATA,
    Column("name", String(255), primary_key=True),
    Column("password_hash", String(255), nullable=False),
    Column("created", Double, nullable=False),
)
