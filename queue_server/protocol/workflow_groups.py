"""Groups of users of a workflow, and the files that they have given to it. It knows no store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, field

from queue_server.protocol.submissions import ResultFile

GROUP_ID_PATTERN: Final = r"^[A-Za-z0-9_]{1,32}$"
LONGEST_GROUP_NAME: Final = 512
MOST_MEMBERS: Final = 1_000
MOST_GROUP_FILES: Final = 1_000

GroupFile = ResultFile
"""A file of a group has what a file of a result has, with a random id as well."""


class Group(Struct, frozen=True):
    """Users who submit one workflow together; the owner is a member. ``created`` is in seconds since 1970-01-01 UTC.

    ``parameters`` are declarations that the group has beside those of the workflow, and ``config`` is whatever its
    users keep there; Cuelight uses neither.
    """

    id: str
    name: str
    workflow: str
    owner: str
    members: tuple[str, ...]
    created: float
    parameters: Sequence[Mapping[str, Any]] = ()
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def shown(self, files: Sequence[GroupFile]) -> dict[str, Any]:
        """Return the map that clients see."""
        return {
            "id": self.id,
            "name": self.name,
            "workflow_id": self.workflow,
            "owner": self.owner,
            "members": list(self.members),
            "parameters": [dict(each) for each in self.parameters],
            "config": dict(self.config),
            "created": self.created,
            "files": [file.shown() for file in files],
        }
