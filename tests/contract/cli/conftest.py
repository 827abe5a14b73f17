"""The command against a manager that knows the declarations: what does not fit them is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from queue_server.cli.main import run
from queue_server.protocol.envelope import refuse, succeed
from queue_server.protocol.errors import CuelightError
from queue_server.protocol.method import fields_of
from queue_server.protocol.methods import METHODS
from queue_server.protocol.notices import STATUS_TOPIC
from tests.doubles.table_manager import TableManager


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass
class Bench:
    """A manager, and the command that talks to it."""

    manager: TableManager
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words):
        """Run the command."""
        code = run(words)
        captured = self.capture.readouterr()
        return Ended(code, captured.out, captured.err)

    @property
    def requests(self):
        """What the manager was asked."""
        return self.manager.requests

    def answer(self, method, reply):
        """Let the manager answer with the fields of ``reply``, or with what it returns for the parameters."""
        self.manager.answers[method] = _checked(METHODS[method], reply)

    def go_through(self, *statuses):
        """Let the manager answer the first status; the others follow as notices."""
        first, *rest = statuses
        rest = iter(rest)
        pending = [True]

        def answer(_):
            if pending:
                pending.clear()
                self.manager.await_subscriber()
                for status in rest:
                    self.manager.publish(STATUS_TOPIC, {"time": 1.0, "msg": {"status": status}})
            return first

        self.answer("status", answer)


def _checked(method, reply: Any):
    def answer(params):
        try:
            method.parse(params)
        except CuelightError as error:
            return refuse(error, method.failure_fields)
        fields: Any = reply(params) if callable(reply) else reply
        if method.bare or "success" in fields:
            return fields
        return succeed({**fields_of(method.result()), **fields})

    return answer


@pytest.fixture
def cuelight(capsys, monkeypatch):
    """Run the command against a manager that accepts everything that is declared."""
    for name in ("CUELIGHT_READY_FILE", "CUELIGHT_LOCK_KEY", "CUELIGHT_USER_GROUP", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    manager = TableManager()
    monkeypatch.setenv("CUELIGHT_CONTROL", manager.control)
    monkeypatch.setenv("CUELIGHT_INFO", manager.info)
    monkeypatch.setenv("CUELIGHT_USER", "anna")
    bench = Bench(manager, capsys)
    for name in METHODS:
        bench.answer(name, {})
    yield bench
    manager.stop()
