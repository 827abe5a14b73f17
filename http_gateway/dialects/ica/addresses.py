"""What all routes of this dialect read of a request's address, and the form of what they answer."""

from __future__ import annotations

from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.ica import identities
from http_gateway.dialects.ica.errors import refuse_places
from http_gateway.dialects.ica.negotiation import Version
from http_gateway.dialects.ica.projects import require_project
from http_gateway.link import Caller
from http_gateway.routes import services_of

PATH: Final = "/api/projects/{projectId}/analysisCreationBatch"
READ: Final = "read:batches"
WRITE: Final = "write:batches"


def project_of(request: Request, caller: Caller) -> str:
    """Return the project in the path.

    Raises:
        NotFoundError: there is none of this id.
        ForbiddenError: the caller has no permission in it.
    """
    project = str(request.path_params["projectId"])
    require_project(services_of(request).settings.ica, project, caller.identity)
    return project


def path_ids(request: Request, *names: str) -> list[str]:
    """Return ids in the path, in lower case.

    Raises:
        ContentError: one of them is no UUID.
    """
    given = {name: str(request.path_params[name]) for name in names}
    wrong = [(name, "must be a UUID") for name, text in given.items() if not identities.is_uuid(text)]
    if wrong:
        raise refuse_places(wrong)
    return [text.lower() for text in given.values()]


def answer(content: Any, version: Version, status: int = 200) -> Response:
    """Return an answer of this version."""
    return Response(orjson.dumps(content), status, {"Vary": "Accept"}, media_type=version.media_type)
