"""One run of a command: its connection to the manager, and how it shows what came back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from queue_server.cli import render
from queue_server.client import RequestFailedError, RunControl
from queue_server.client.exchange import LONGEST_TIMEOUT_S, check_timeout
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.items import DEFAULT_LANE

REPLY_TIMEOUT_S = 5.0


class CommonOption(NamedTuple):
    """An option that every verb has; ``name`` is a field of Session, a flag takes no value."""

    name: str
    kind: type[bool] | type[str] | type[float]
    flag: str
    metavar: str | None
    help: str


COMMON = (
    CommonOption("json", bool, "--json", None, "Print the reply as one JSON document."),
    CommonOption("field", str, "--field", "A.B", "Print one field of the reply."),
    CommonOption("timeout_s", float, "--timeout", "S", "Seconds to wait for the reply, with --wait for the outcome."),
    CommonOption(
        "control", str, "--control", "ADDR", "Control socket of the manager, or the http(s) address of a gateway."
    ),
    CommonOption("info", str, "--info", "ADDR", "Notices socket of the manager."),
)


@dataclass
class Session:
    """What a verb works with."""

    control: str | None = None
    info: str | None = None
    timeout_s: float | None = None
    json: bool = False
    field: str | None = None

    @cached_property
    def run_control(self) -> RunControl:
        """The connection; opened when it is first needed."""
        timeout_s = REPLY_TIMEOUT_S if self.timeout_s is None else check_timeout(self.timeout_s)
        return RunControl(self.control, self.info, timeout_s=timeout_s)

    def request(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return the reply; parameters that are None are left out.

        Raises:
            RequestFailedError: the manager refused; with ``--json`` its reply was printed.
            RequestTimeoutError: no reply in time.
        """
        given = {name: value for name, value in (params or {}).items() if value is not None}
        try:
            return self.run_control.send_request(method=method, params=given)
        except RequestFailedError as error:
            if self.json:
                render.print_json(error.reply)
            raise

    def wait_for_status(self, predicate: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        """Return the first status for which ``predicate`` holds; without ``--timeout`` wait for ever.

        Raises:
            RequestTimeoutError: ``--timeout`` has passed.
        """
        return self.run_control.wait_for_status(predicate, self.timeout_s or LONGEST_TIMEOUT_S)

    def show(self, reply: Mapping[str, Any], show: Callable[[], None] | None = None) -> None:
        """Print ``reply`` as JSON, a field of it, or what ``show`` prints for people."""
        if self.field is not None:
            value = render.field_in(dict(reply), self.field)
            if value is None and not _has(reply, self.field):
                raise ParameterError(f"The reply has no field '{self.field}'.", field="--field")
            render.print_json(value) if self.json or not isinstance(value, str) else render.print_line(value)
        elif self.json:
            render.print_json(reply)
        elif show is not None:
            show()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if "run_control" in self.__dict__:
            self.run_control.close()


# What the verbs of lanes ask that is the same in all of them.
_OF_ALL_LANES = frozenset({"history_get", "task_result", "task_status"})


@dataclass
class LaneSession(Session):
    """What a verb works with that acts in one lane: requests name it, and a status is what it says of that lane."""

    lane: str | None = None

    @property
    def lane_name(self) -> str:
        """The lane that is meant."""
        return self.lane or DEFAULT_LANE

    def request(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request for the lane and return the reply; parameters that are None are left out."""
        if method == "status":
            return self._narrow(super().request(method, params))
        if self.lane is None or method in _OF_ALL_LANES:
            return super().request(method, params)
        return super().request(method, {**(params or {}), "lane": self.lane})

    def wait_for_status(self, predicate: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        """Return the first status of the lane for which ``predicate`` holds."""
        return self._narrow(super().wait_for_status(lambda status: predicate(self._narrow(status))))

    def _narrow(self, status: Mapping[str, Any]) -> dict[str, Any]:
        if self.lane is None:
            return dict(status)
        names: list[str] = []
        for lane in status.get("lanes", ()):
            if lane["lane"] == self.lane:
                return {**status, **lane, "worker_environment_state": lane["worker_state"], "lanes": [lane]}
            names.append(lane["lane"])
        raise NotFoundError(f"There is no lane {self.lane!r}. Lanes: {names}.")


def _has(reply: Mapping[str, Any], path: str) -> bool:
    parent, _, name = path.rpartition(".")
    container = render.field_in(dict(reply), parent) if parent else reply
    return isinstance(container, Mapping) and name in container
