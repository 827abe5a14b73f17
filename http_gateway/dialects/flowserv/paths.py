"""The routes of flowserv as its clients know them: id, verb and pattern. Data, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PATTERNS: Final[Mapping[str, tuple[str, str]]] = {
    "service": ("GET", ""),
    "workflows:list": ("GET", "workflows"),
    "workflows:get": ("GET", "workflows/{workflowId}"),
    "leaderboard": ("GET", "workflows/{workflowId}/leaderboard?orderBy={orderBy}&includeAll={includeAll}"),
    "workflows:download:archive": ("GET", "workflows/{workflowId}/downloads/archive"),
    "workflows:download:file": ("GET", "workflows/{workflowId}/downloads/files/{fileId}"),
    "workflows:groups": ("GET", "workflows/{workflowId}/groups"),
    "groups:list": ("GET", "groups"),
    "groups:create": ("POST", "workflows/{workflowId}/groups"),
    "groups:get": ("GET", "groups/{userGroupId}"),
    "groups:update": ("POST", "groups/{userGroupId}"),
    "groups:delete": ("DELETE", "groups/{userGroupId}"),
    "groups:runs": ("GET", "groups/{userGroupId}/runs?state={state}"),
    "runs:start": ("POST", "groups/{userGroupId}/runs"),
    "runs:get": ("GET", "runs/{runId}"),
    "runs:cancel": ("PUT", "runs/{runId}"),
    "runs:delete": ("DELETE", "runs/{runId}"),
    "runs:download:archive": ("GET", "runs/{runId}/downloads/archive"),
    "runs:download:file": ("GET", "runs/{runId}/downloads/files/{fileId}"),
    "files:list": ("GET", "uploads/{userGroupId}/files"),
    "files:upload": ("POST", "uploads/{userGroupId}/files"),
    "files:download": ("GET", "uploads/{userGroupId}/files/{fileId}"),
    "files:delete": ("DELETE", "uploads/{userGroupId}/files/{fileId}"),
    "users:list": ("GET", "users"),
    "users:whoami": ("GET", "users/whoami"),
    "users:register": ("POST", "users/register"),
    "users:activate": ("POST", "users/activate"),
    "users:login": ("POST", "users/login"),
    "users:logout": ("POST", "users/logout"),
    "users:pwd:request": ("POST", "users/password/request"),
    "users:pwd:reset": ("POST", "users/password/reset"),
}
"""By route id: the verb, and the pattern behind the base path. Clients have these patterns built in."""
