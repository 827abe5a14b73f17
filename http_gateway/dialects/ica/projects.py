"""Which projects there are for a caller: those of the settings, and the caller's own user group."""

from __future__ import annotations

from http_gateway.dialects.ica.settings import IcaSettings
from http_gateway.identity import Identity
from queue_server.protocol.errors import ForbiddenError, NotFoundError


def require_project(settings: IcaSettings, project: str, identity: Identity) -> None:
    """Refuse a project that the caller cannot use.

    Raises:
        NotFoundError: there is none of this id.
        ForbiddenError: it is not the caller's.
    """
    listed = settings.projects.get(project)
    if listed is None:
        if not identity.group or project != identity.group:
            raise NotFoundError(f"There is no project {project[:100]!r}.")
        return
    if not listed.admits(identity.user, identity.group):
        raise ForbiddenError(f"You have no permission in the project {project!r}.")
