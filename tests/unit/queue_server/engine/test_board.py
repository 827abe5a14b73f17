"""The status board: renewed exactly when the content changes."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from queue_server.clock import ManualClock
from queue_server.core.model import State
from queue_server.engine.board import StatusBoard
from queue_server.protocol.status import DOCUMENTED_KEYS

INSTANCE = "12345678-1234-4234-8234-123456789abc"
STATE = State(epoch=1, phase="serving")


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def shown():
    return []


@pytest.fixture
def board(clock, shown):
    return StatusBoard(INSTANCE, "RE Manager test", clock, shown.append)


def test_nothing_is_shown_before_the_first_state(board):
    with pytest.raises(LookupError):
        _ = board.status


def test_every_documented_key_is_there(board):
    board.update(STATE)
    assert set(DOCUMENTED_KEYS) <= set(board.status)
    assert board.status["msg"] == "RE Manager test"


def test_the_same_content_keeps_its_time_and_its_uid_and_is_not_shown_again(board, clock, shown):
    board.update(STATE)
    first = board.status
    clock.advance(60)
    board.update(replace(STATE))
    assert board.status is first
    assert shown == [first]


def test_other_content_gets_the_time_of_the_change_and_another_uid(board, clock, shown):
    board.update(STATE)
    clock.advance(60)
    board.update(replace(STATE, history_size=1))
    first, second = shown
    assert second["status_uid"] != first["status_uid"]
    assert second["time"] == datetime.fromtimestamp(clock.wall()).isoformat()  # noqa: DTZ006 - local, as documented
    assert "+" not in second["time"]


def test_content_that_comes_back_gets_a_uid_of_its_own(board, shown):
    for size in (0, 1, 0):
        board.update(replace(STATE, history_size=size))
    assert len({status["status_uid"] for status in shown}) == 3


def test_another_epoch_never_repeats_a_uid(clock):
    uids = []
    for epoch in (1, 2):
        board = StatusBoard(INSTANCE, "RE Manager test", clock, lambda _: None)
        board.update(replace(STATE, epoch=epoch))
        uids.append(board.status["status_uid"])
    assert len(set(uids)) == 2


def test_a_repetition_shows_the_same_status(board, shown):
    board.repeat()
    assert shown == []
    board.update(STATE)
    board.repeat()
    assert shown[0] is shown[1]


def test_of_two_statuses_the_newer_has_the_greater_revision(board, shown):
    for size in (0, 1, 0):
        board.update(replace(STATE, history_size=size))
    assert [status["revision"] for status in shown] == [1, 2, 3]
