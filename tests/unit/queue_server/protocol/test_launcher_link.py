"""The lines between manager and launcher: what is written is read again, and anything else is refused."""

from __future__ import annotations

import pytest

from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.launcher_link import (
    EndWorker,
    OpenWorker,
    WatchWorker,
    WorkerGone,
    WorkerRuns,
    read_from_launcher,
    read_to_launcher,
    write_line,
)

ORDERS = [
    OpenWorker(incarnation="w-1", options=["--lane", "default"]),
    WatchWorker(incarnation="w-1"),
    EndWorker(incarnation="w-1"),
]
ANSWERS = [WorkerRuns(pid=12), WorkerGone(cause="exit code 0\nand more")]


@pytest.mark.parametrize("message", ORDERS)
def test_an_order_is_one_line_that_is_read_again(message):
    line = write_line(message)
    assert line.count(b"\n") == 1
    assert read_to_launcher(line) == message


@pytest.mark.parametrize("message", ANSWERS)
def test_an_answer_is_one_line_that_is_read_again(message):
    line = write_line(message)
    assert line.count(b"\n") == 1
    assert read_from_launcher(line) == message


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"", "message"),
        (b"\xff\n", "message"),
        (b"[]\n", "message"),
        (b'{"kind": "launch", "incarnation": "w-1"}\n', "kind|message"),
        (b'{"kind": "open", "incarnation": "w-1"}\n', "options"),
        (b'{"kind": "open", "incarnation": "", "options": []}\n', "incarnation"),
        (b'{"kind": "open", "incarnation": "w-1", "options": [1]}\n', "options.0"),
        (b'{"kind": "open", "incarnation": "w-1", "options": ["' + b"x" * 5000 + b'"]}\n', "options.0"),
        (b'{"kind": "watch", "incarnation": "w-1", "program": "/bin/sh"}\n', "program"),
    ],
)
def test_what_is_no_order_is_refused_with_what_is_wrong(line, named):
    with pytest.raises(EnvelopeError, match=named):
        read_to_launcher(line)


@pytest.mark.parametrize("line", [b"", b"{}\n", b'{"kind": "runs", "pid": 0}\n', b'{"kind": "runs", "pid": "1"}\n'])
def test_what_is_no_answer_is_refused(line):
    with pytest.raises(EnvelopeError):
        read_from_launcher(line)
