"""Declarations about the worker environment: open, close, destroy."""

from __future__ import annotations

from queue_server.protocol.method import LaneLockableParams, Method

METHODS = (
    Method(
        name="environment_open",
        summary="Start the worker and load the startup code; the end shows in the status.",
        kind="mutation",
        scope="write:manager:control",
        route=("POST", "/environment/open"),
        params=LaneLockableParams,
        lock="environment",
        refusal="",
    ),
    Method(
        name="environment_close",
        summary="Close the environment in order; refused while an item runs.",
        kind="mutation",
        scope="write:manager:control",
        route=("POST", "/environment/close"),
        params=LaneLockableParams,
        lock="environment",
        refusal="",
    ),
    Method(
        name="environment_destroy",
        summary="Kill the worker process; a running plan is lost. The last resort.",
        kind="mutation",
        scope="write:manager:control",
        route=("POST", "/environment/destroy"),
        params=LaneLockableParams,
        lock="environment",
        refusal="",
    ),
)
