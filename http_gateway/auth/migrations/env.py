"""Runs the steps on the connection that the store has opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from http_gateway.auth.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
context.run_migrations()
