"""Logging: on standard output for people, and as console notices for clients."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import pytest

from queue_server.logs import Complaints, NoticeHandler

LOG = logging.getLogger("complaints")

SCRIPT = """
import logging
from queue_server import logs
logs.configure()
logging.getLogger("queue_server.some.room").info("The queue is %s", "empty")
logging.getLogger("queue_server").debug("not shown")
"""


@pytest.fixture
def logger():
    logger = logging.getLogger("queue_server.test_logs")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield logger
    logger.setLevel(logging.NOTSET)
    logger.propagate = True
    for handler in list(logger.handlers):
        logger.removeHandler(handler)


def test_everything_goes_to_standard_output_and_nothing_to_standard_error():
    answer = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert answer.stderr == ""
    [line] = answer.stdout.splitlines()
    assert line.startswith("[I ")
    assert line.endswith(" queue_server.some.room] The queue is empty")


def test_a_record_is_published_with_its_time_as_one_line(logger):
    published = []
    logger.addHandler(NoticeHandler(lambda time, text: published.append((time, text))))
    logger.warning("The worker of lane %s does not answer", "default")
    [(time, text)] = published
    assert time > 0
    assert text.startswith("[W ")
    assert text.endswith("queue_server.test_logs] The worker of lane default does not answer\n")


def test_a_traceback_is_part_of_what_is_published(logger):
    published = []
    logger.addHandler(NoticeHandler(lambda _, text: published.append(text)))
    try:
        raise ZeroDivisionError("inside")
    except ZeroDivisionError:
        logger.exception("It failed")
    assert "ZeroDivisionError: inside" in published[0]


def test_a_record_that_cannot_be_formatted_harms_nobody(capsys):
    published = []
    handler = NoticeHandler(lambda _, text: published.append(text))
    handler.handle(logging.makeLogRecord({"msg": "%d", "args": ("not a number",)}))
    assert "Logging error" in capsys.readouterr().err
    assert published == []


async def test_what_comes_too_soon_is_counted_and_told_with_the_next_one(caplog):
    complaints = Complaints(LOG, interval_s=0.05)
    for number in range(5):
        complaints.tell("refused: %d", number)
    assert caplog.messages == ["refused: 0"]
    due = asyncio.Event()
    asyncio.get_running_loop().call_later(0.06, due.set)
    await due.wait()
    complaints.tell("refused: %d", 5)
    assert caplog.messages == ["refused: 0", "refused: 5 (4 more like this before)"]
