"""A client of the tests: plain JSON over the control socket, with a deadline for every answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import zmq

from tests.processes.waiting import PATIENCE_S, Deadline

Reply = dict[str, Any]
USER = {"user": "Somebody", "user_group": "primary"}


class ManagerGoneError(Exception):
    """The manager has ended and left a request unanswered."""


class Requester:
    """Asks one manager; survives its restart at the same address, as any ZeroMQ client does.

    Where ``is_gone`` tells that the process has ended for good, nobody waits for its answers.
    """

    def __init__(self, control: str, info: str, is_gone: Callable[[], bool] = lambda: False) -> None:
        # One context for all: ending it would wait for sockets that a failed test has left open.
        self._context = zmq.Context.instance()
        self._address = control
        self._control = self._connect(zmq.DEALER, control)
        self._info = self._connect(zmq.SUB, info)
        self._info.subscribe("QS_Info")
        self._numbers = count(1)
        self._is_gone = is_gone

    def _connect(self, kind: int, address: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.RECONNECT_IVL, 10)
        socket.connect(address)
        return socket

    def close(self) -> None:
        """Close the sockets."""
        self._control.close()
        self._info.close()

    def post(self, method: str, **params: Any) -> int:
        """Send a request without waiting; return its number."""
        number = next(self._numbers)
        self._control.send(json.dumps({"method": method, "params": params, "id": number}).encode())
        return number

    def collect(self, numbers: list[int], seconds: float = PATIENCE_S) -> dict[int, Reply]:
        """Return the replies to posted requests: all of them, or those that came before the manager was gone."""
        replies: dict[int, Reply] = {}
        deadline = Deadline(seconds)
        while len(replies) < len(numbers):
            is_gone = self._is_gone()
            # What a process has sent before it died arrives a moment later.
            if self._control.poll(50 if is_gone else min(20, int(deadline.left_s * 1000))):
                reply = json.loads(self._control.recv())
                # The reply of a status has no number, as its documented form demands.
                replies[reply.get("id", numbers[-1])] = reply
            elif is_gone:
                return replies
            else:
                deadline.check(f"replies to {len(numbers)} requests")
        return replies

    def ask(self, method: str, *, timeout_s: float = PATIENCE_S, **params: Any) -> Reply:
        """Return the reply, whatever it says; raise TimeoutError or ManagerGoneError if none comes."""
        number = self.post(method, **params)
        try:
            replies = self.collect([number], timeout_s)
        except TimeoutError:
            # A reply that comes later must not be taken for the reply to another request.
            self._control.close()
            self._control = self._connect(zmq.DEALER, self._address)
            raise
        if number not in replies:
            raise ManagerGoneError(method)
        replies[number].pop("id", None)
        return replies[number]

    def do(self, method: str, **params: Any) -> Reply:
        """Return the reply of a request that must succeed."""
        reply = self.ask(method, **params)
        assert reply["success"], f"{method}: {reply['msg']}"
        return reply

    def be_refused(self, method: str, **params: Any) -> str:
        """Return the message of a request that must be refused."""
        reply = self.ask(method, **params)
        assert not reply["success"], f"{method} should have been refused: {reply}"
        return reply["msg"]

    def status(self, seconds: float = PATIENCE_S) -> Reply:
        """Return the status, also from a manager that is just being restarted."""
        deadline = Deadline(seconds)
        while True:
            try:
                # What is sent at the moment at which a manager dies is lost, so that it must be repeated.
                return self.ask("status", timeout_s=max(0.05, min(0.2, deadline.left_s)))
            except TimeoutError:
                deadline.check("status")

    def wait_for(self, condition: Callable[[Reply], Any], what: str, seconds: float = PATIENCE_S) -> Reply:
        """Return the first status that meets ``condition``; each published change is looked at."""
        deadline = Deadline(seconds)
        while True:
            self._skip_notices()
            status = self.status(deadline.left_s)
            if condition(status):
                return status
            deadline.check(f"{what} (now {status['manager_state']}, {status['lanes']})")
            self._info.poll(min(int(deadline.left_s * 1000), 500))

    def wait_for_state(self, state: str, seconds: float = PATIENCE_S) -> Reply:
        """Wait until the manager is in ``state``."""
        return self.wait_for(lambda status: status["manager_state"] == state, state, seconds)

    def _skip_notices(self) -> None:
        while self._info.poll(0):
            self._info.recv_multipart()

    # --- what nearly every journey does -----------------------------------------------------------------------

    def open(self) -> Reply:
        """Open the environment and wait for it."""
        self.do("environment_open")
        return self.wait_for(lambda status: status["worker_environment_state"] == "idle", "open environment")

    def add(self, name: str, *args: Any, **kwargs: Any) -> str:
        """Add a plan at the back; return its uid."""
        item = {"item_type": "plan", "name": name, "args": list(args), "kwargs": kwargs}
        return self.do("queue_item_add", item=item, **USER)["item"]["item_uid"]

    def queue(self) -> list[Reply]:
        """Return the items of the queue."""
        return self.do("queue_get")["items"]

    def history(self) -> list[Reply]:
        """Return the finished items."""
        return self.do("history_get")["items"]

    def wait_for_runs(self, number: int = 1, seconds: float = PATIENCE_S) -> list[Reply]:
        """Return the runs of the running plan once there are as many."""
        runs: list[Reply] = []

        def enough(_: Reply) -> bool:
            runs[:] = self.do("re_runs")["run_list"]
            return len(runs) >= number

        self.wait_for(enough, f"{number} run(s)", seconds)
        return runs
