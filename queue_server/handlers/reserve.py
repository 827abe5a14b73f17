"""What is still done while the disk is full, out of the room kept for it: what ends work or access, or frees room."""

from __future__ import annotations

from collections.abc import Callable

from queue_server.protocol.errors import RefusedError, StorageFullError
from queue_server.protocol.method import Method

RELIEVING = frozenset(
    {
        "queue_stop",
        "queue_item_remove",
        "queue_item_remove_batch",
        "queue_item_hold",
        "queue_clear",
        "history_clear",
        "environment_close",
        "environment_destroy",
        "estop",
        "estop_reset",
        "lock",
        "unlock",
        "manager_stop",
        "device_revoke_token",
        "artifact_unregister",
    }
)


class NoRoomError(RefusedError):
    """The disk of the data directory is full; nothing was changed."""

    code = StorageFullError.code
    http_status = StorageFullError.http_status
    exit_code = StorageFullError.exit_code


def require_room(method: Method, has_room: Callable[[], bool]) -> None:
    """Refuse a change that takes room while there is none.

    Raises:
        NoRoomError: the disk is full; nothing was changed.
    """
    if method.kind == "mutation" and method.name not in RELIEVING and not has_room():
        raise NoRoomError(
            "The disk of the data directory is full: free some space, then repeat the request. Until then only what "
            "ends work or frees room is done, such as queue_stop and queue_item_remove."
        )
