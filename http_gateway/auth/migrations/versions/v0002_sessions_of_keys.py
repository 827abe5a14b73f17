"""The session with whose token a key was made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; of older keys it is not known."""
    op.add_column("api_keys", sa.Column("session", sa.String(32)))
