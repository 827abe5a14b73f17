"""What ``--wait`` waits for: states of the manager, outcomes of items and tasks. Every wait is driven by notices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from queue_server.cli import failures, render
from queue_server.cli.failures import OperationFailedError
from queue_server.cli.history import print_history
from queue_server.cli.session import LaneSession, Session
from queue_server.protocol.items import DEFAULT_LANE

Status = Mapping[str, Any]
# So many items can finish between two looks at the history without being missed.
_HISTORY_PAGE = 1000


def environment_opened(session: LaneSession) -> None:
    """Wait until the environment is open.

    Raises:
        OperationFailedError: it did not open.
    """
    status = session.wait_for_status(lambda status: status["manager_state"] != "creating_environment")
    if not status["worker_environment_exists"]:
        reasons = (lane["reason"] for lane in status.get("lanes", ()) if _is_in(session, lane))
        reason = "; ".join(filter(None, reasons)) or "the manager does not say why"
        raise OperationFailedError(f"The environment did not open: {reason}")
    render.say("The environment is open.")


def environment_gone(session: Session) -> None:
    """Wait until there is no environment.

    Raises:
        OperationFailedError: it could not be closed.
    """
    busy = {"closing_environment", "destroying_environment"}
    status = session.wait_for_status(lambda status: status["manager_state"] not in busy)
    if status["worker_environment_exists"]:
        raise OperationFailedError("The environment is still there; 'cuelight env destroy' ends it by force.")
    render.say("The environment is closed.")


def plan_paused(session: Session) -> None:
    """Wait until the plan is paused or has ended."""
    status = session.wait_for_status(lambda status: not status["pause_pending"] and _is_at_rest(status))
    render.say("The plan is paused." if status["manager_state"] == "paused" else "The plan ended before it paused.")


def plan_resumed(session: Session) -> None:
    """Wait until the plan runs again, or has ended."""
    session.wait_for_status(lambda status: status["manager_state"] != "paused")
    render.say("The plan goes on.")


def plan_ended(session: Session) -> None:
    """Wait until no item runs any more."""
    session.wait_for_status(lambda status: status["running_item_uid"] is None)
    render.say("The plan has ended.")


def queue_ended(session: LaneSession, finished_before: int) -> int:
    """Wait until the queue has stopped; report its items that the history holds beyond ``finished_before`` entries."""
    status = session.wait_for_status(lambda status: status["manager_state"] == "idle")
    count = status["items_in_history"] - finished_before
    items = session.request("history_get", {"limit": count})["items"] if count > 0 else []
    return report(session, [item for item in items if _is_in(session, item)])


def items_ended(session: Session, items: Iterable[Mapping[str, Any]]) -> int:
    """Wait until all of the items, given as they were added, have an outcome, and report them.

    Raises:
        OperationFailedError: one was taken out of the queue before it ran.
    """
    search = OutcomeSearch(session.request, items)
    session.wait_for_status(search.look)
    if search.missing:
        raise OperationFailedError(f"Removed from the queue before it ran: {', '.join(search.missing)}.")
    return report(session, search.found.values())


def task_ended(session: Session, uid: str) -> dict[str, Any]:
    """Wait until a task is no longer running and return what the manager says of it then."""
    search = TaskSearch(session.request, uid)
    session.wait_for_status(search.look)
    return search.reply


class TaskSearch:
    """Looks for the result of a task whenever one has ended; for one waiting command."""

    def __init__(self, request: Callable[[str, Mapping[str, Any]], dict[str, Any]], uid: str) -> None:
        self._request = request
        self._uid = uid
        self._seen: str | None = None
        self.reply: dict[str, Any] = {"status": "running"}

    def look(self, status: Status) -> bool:
        """Look again if a task has ended; return whether this one runs no more."""
        if status["task_results_uid"] != self._seen:
            self._seen = status["task_results_uid"]
            self.reply = self._request("task_result", {"task_uid": self._uid})
        return self.reply["status"] != "running"


class OutcomeSearch:
    """Finds the history entries of some items, in whatever lanes, while these work; for one waiting command.

    ``held`` has the reasons of those that are held at the moment, by uid.
    """

    def __init__(
        self, request: Callable[[str, Mapping[str, Any]], Mapping[str, Any]], items: Iterable[Mapping[str, Any]]
    ) -> None:
        self._request = request
        self._wanted = {item["item_uid"]: item.get("lane", DEFAULT_LANE) for item in items}
        self._seen: tuple[str, str] | None = None
        self.found: dict[str, dict[str, Any]] = {}
        self.missing: list[str] = []
        self.held: dict[str, str] = {}

    def look(self, status: Status) -> bool:
        """Look again if queue or history have changed; return whether no outcome is awaited any more."""
        seen = (status["plan_history_uid"], status["plan_queue_uid"])
        if seen != self._seen:
            self._seen = seen
            self._search()
        return not self._open()

    def _open(self) -> list[str]:
        return [uid for uid in self._wanted if uid not in self.found and uid not in self.missing]

    def _search(self) -> None:
        # The queue first: an item that is not in it can then be in the history or nowhere, never in between.
        waiting: set[str] = set()
        self.held.clear()
        for lane in dict.fromkeys(self._wanted.values()):
            queue = self._request("queue_get", {} if lane == DEFAULT_LANE else {"lane": lane})
            waiting |= {item["item_uid"] for item in (*queue["items"], queue["running_item"]) if item}
            self.held |= {
                item["item_uid"]: item["reason"]
                for item in queue["items"]
                if item.get("state") == "held" and item["item_uid"] in self._wanted
            }
        history = self._request("history_get", {"limit": _HISTORY_PAGE})
        for item in history["items"]:
            if item["item_uid"] in self._wanted:
                self.found[item["item_uid"]] = item
        self.missing = [uid for uid in self._wanted if uid not in self.found and uid not in waiting]


def report(session: Session, items: Iterable[Mapping[str, Any]]) -> int:
    """Print the outcome of finished items; return the exit code of the first that did not end well, else 0."""
    finished = list(items)
    session.show({"success": True, "msg": "", "items": finished}, lambda: print_history(finished))
    return failures.exit_code_after(item["result"]["exit_status"] for item in finished)


def _is_in(session: LaneSession, described: Mapping[str, Any]) -> bool:
    """Whether a lane is that of the session, or an item is in it."""
    return described.get("lane", DEFAULT_LANE) == session.lane_name


def _is_at_rest(status: Status) -> bool:
    return status["manager_state"] in {"paused", "idle"}
