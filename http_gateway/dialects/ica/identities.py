"""Ids that clients expect for what has a name here: UUIDs made from the names, the same in every process for ever."""

from __future__ import annotations

from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

_NAMESPACE: Final = uuid5(NAMESPACE_URL, "urn:cuelight:ica")


def _name(kind: str, name: str) -> str:
    return str(uuid5(_NAMESPACE, f"{kind}/{name}"))


def user_id(user: str) -> str:
    """Return the id of a user."""
    return _name("user", user)


def pipeline_id(workflow: str) -> str:
    """Return the id of a workflow as a pipeline."""
    return _name("pipeline", workflow)


def job_id(batch: str) -> str:
    """Return the id of the job that has created a batch."""
    return _name("job", batch)


TENANT_ID: Final = _name("tenant", "cuelight")
STORAGE_ID: Final = _name("storage", "cuelight")
TENANT_NAME: Final = "cuelight"
STORAGE_NAME: Final = "cuelight"


def is_uuid(text: str) -> bool:
    """Return whether a text is a UUID in the form with hyphens."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
