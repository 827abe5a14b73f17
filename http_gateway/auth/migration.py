"""Brings the tables of the account database to their present form, step by step; each step stands in migrations."""

from __future__ import annotations

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from queue_server.protocol.errors import StorageError


def migrate(connection: Connection) -> None:
    """Make the steps that are missing, inside the transaction of ``connection``.

    Raises:
        StorageError: a step is recorded that is not known here.
        SQLAlchemyError: a step has failed.
    """
    with as_file(files("http_gateway.auth") / "migrations") as steps:
        config = Config()
        config.set_main_option("script_location", str(steps))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StorageError(f"The account database was written by another version: {error}") from error
