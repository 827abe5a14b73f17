"""The index of runs inside a turn: a damaged row is told and keeps no worker from being acknowledged."""

from __future__ import annotations

import logging

import pytest

from queue_server.core.model import Attempt
from queue_server.engine.recordings import is_listed, note
from queue_server.protocol.errors import CuelightError, StorageFullError
from queue_server.protocol.items import AttemptKey, Run
from queue_server.protocol.run_reports import RunClosed, RunOpened

KEY = AttemptKey("item-1", "s-1", "default", 1, 1)
CLOSED = RunClosed(number=1, attempt=KEY, run_uid="a", exit_status="success")


class Failing:
    """A transaction that fails at its index."""

    def __init__(self, error):
        self._error = error

    def close_recording(self, uid, attempt, end):
        raise self._error


def test_a_damaged_row_is_told_and_passed_over(caplog):
    with caplog.at_level(logging.ERROR):
        note(Failing(CuelightError("the row is damaged")), CLOSED, 5.0)  # pyright: ignore[reportArgumentType]
    assert "the row is damaged" in caplog.text


def test_a_store_that_is_full_is_another_matter():
    with pytest.raises(StorageFullError):
        note(Failing(StorageFullError("full")), CLOSED, 5.0)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("uid", "is_known"), [("a", True), ("b", False)])
def test_only_runs_that_the_attempt_lists_are_written(uid, is_known):
    attempt = Attempt(KEY, time_start=1.0, runs=(Run("a"),))
    assert is_listed(attempt, RunOpened(number=1, attempt=KEY, run_uid=uid)) is is_known
    assert not is_listed(None, RunOpened(number=1, attempt=KEY, run_uid=uid))
