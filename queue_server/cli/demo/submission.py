"""One submission over several lanes, followed until every item of it has ended. It starts no system."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from queue_server.cli.demo.board import Board, make_board
from queue_server.cli.demo.plans import USER, is_expected
from queue_server.cli.failures import OperationFailedError
from queue_server.cli.waiting import OutcomeSearch
from queue_server.client import RunControl
from queue_server.client.notices import PROGRESS_TOPIC, STATUS_TOPIC, Notice

# The manager repeats its status each second, so that longer silence means that it is gone.
_SILENCE_S = 10.0
_PATIENCE_S = 180.0


def run_submission(
    run_control: RunControl, items: list[dict[str, Any]], lane: str, check: Callable[[], None]
) -> list[dict[str, Any]]:
    """Add items in one batch, start a lane, and return those that have ended as the history shows them, in order.

    It returns as soon as one of them has not ended as it should, because the others then wait for ever. ``check`` is
    called again and again, and raises if waiting is of no use any more.

    Raises:
        RequestFailedError: an item was refused; then none was added.
        OperationFailedError: they take too long, or somebody has removed or held one of them.
    """
    with run_control.notices([STATUS_TOPIC, PROGRESS_TOPIC]) as notices:
        added = run_control.send_request(method="queue_item_add_batch", params={"items": items, **USER})["items"]
        run_control.send_request(method="queue_start", params={"lane": lane})
        search = OutcomeSearch(lambda method, params: run_control.send_request(method=method, params=params), added)
        with make_board(added) as board:
            follower = _Follower(board, search)
            deadline = time.monotonic() + _PATIENCE_S
            status = run_control.send_request(method="status")
            while not follower.look(status):
                check()
                if time.monotonic() > deadline:
                    raise OperationFailedError(f"Not all items have ended after {_PATIENCE_S:g} s: {_rest(status)}")
                notice = notices.receive(_SILENCE_S)
                told = run_control.send_request(method="status") if notice is None else follower.take(notice)
                status = told or status
    return [search.found[item["item_uid"]] for item in added if item["item_uid"] in search.found]


class _Follower:
    """Shows on a board what notices tell and what the history has."""

    def __init__(self, board: Board, search: OutcomeSearch) -> None:
        self._board = board
        self._search = search
        self._shown: set[str] = set()

    def take(self, notice: Notice) -> dict[str, Any] | None:
        """Show a notice of progress; return the status that another one has."""
        if notice.topic == PROGRESS_TOPIC:
            payload = notice.payload
            self._board.advance(payload["item_uid"], payload["points"], payload["total"])
        return notice.status

    def look(self, status: Mapping[str, Any]) -> bool:
        """Show what has ended; return whether nothing is to be awaited any more.

        Raises:
            OperationFailedError: an item is neither in its queue nor in the history, or held.
        """
        is_over = self._search.look(status)
        if self._search.missing:
            raise OperationFailedError("Somebody removed items of the demonstration from their queues.")
        for uid, item in self._search.found.items():
            if uid not in self._shown:
                self._shown.add(uid)
                self._board.finish(item)
        if not all(map(is_expected, self._search.found.values())):
            return True
        for uid, reason in self._search.held.items():
            raise OperationFailedError(f"The item {uid} is held: {reason}")
        return is_over


def _rest(status: Mapping[str, Any]) -> str:
    states = [f"{lane['lane']} is {lane['manager_state']}" for lane in status["lanes"] if lane["items_in_queue"]]
    return ", ".join(states) or "their queues are empty"
