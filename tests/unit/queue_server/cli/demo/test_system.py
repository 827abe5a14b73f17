"""Why the system of a demonstration has not started, as its log says."""

from __future__ import annotations

import pytest

from queue_server.cli.demo.system import PortTakenError, explain_failed_start

READY = "[I 2026-11-21 14:56:36.912 queue_server.app] The manager is ready: control tcp://127.0.0.1:42441"
TAKEN = "[E 2026-11-21 14:56:38.766 queue_server.keeper] the gateway: [Errno 98] cannot listen: Address already in use"
STOPPED = "[I 2026-11-21 14:56:38.767 queue_server.engine.shutdown] The manager is asked to stop"


def test_a_port_that_was_taken_is_recognised_although_others_end_after_it():
    error = explain_failed_start(f"{READY}\n{TAKEN}\n{STOPPED}")
    assert isinstance(error, PortTakenError)
    assert error.message == f"Cuelight did not start: {TAKEN}"


@pytest.mark.parametrize(("log", "words"), [(f"{READY}\n{STOPPED}\n", STOPPED), ("", "it said nothing")])
def test_anything_else_is_told_with_the_last_words(log, words):
    error = explain_failed_start(log)
    assert not isinstance(error, PortTakenError)
    assert error.message == f"Cuelight did not start: {words}"
