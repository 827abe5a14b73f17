"""The first form: principals, identities, roles, sessions, API keys and local accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "principals",
        sa.Column("uuid", sa.String(32), primary_key=True),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    op.create_table(
        "identities",
        sa.Column("provider", sa.String(255), primary_key=True),
        sa.Column("id", sa.String(255), primary_key=True),
        _owner(),
        sa.Column("latest_login", sa.Double),
    )
    op.create_index("identities_of_principal", "identities", ["principal"])
    op.create_table("roles", _owner(primary_key=True), sa.Column("role", sa.String(255), primary_key=True))
    op.create_table(
        "local_accounts",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    _make_credentials()


def _make_credentials() -> None:
    op.create_table(
        "sessions",
        sa.Column("uuid", sa.String(32), primary_key=True),
        _owner(),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("refreshed", sa.Double, nullable=False),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sa.Column("refresh_id", sa.String(32), nullable=False),
        sa.Column("previous_refresh_id", sa.String(32)),
        sa.Column("rotated", sa.Double),
    )
    op.create_index("sessions_of_principal", "sessions", ["principal"])
    op.create_table(
        "api_keys",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("first_eight", sa.String(8), nullable=False),
        _owner(),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double),
        sa.Column("note", sa.String(255)),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("latest_activity", sa.Double),
    )
    op.create_index("api_keys_of_principal", "api_keys", ["principal"])


def _owner(*, primary_key: bool = False) -> sa.Column[str]:
    target = sa.ForeignKey("principals.uuid", ondelete="CASCADE")
    return sa.Column("principal", sa.String(32), target, primary_key=primary_key, nullable=False)
