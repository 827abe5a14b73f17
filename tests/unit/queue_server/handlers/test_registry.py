"""What is loaded before a manager serves, and what afterwards; seen in fresh processes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROBE = """
import json, sys
from queue_server.handlers.registry import HANDLERS, is_loaded, load_rest
from queue_server.protocol.codec import CLIENT_BOUNDS
from queue_server.protocol.methods import METHODS

def tell():
    frames = [json.dumps({"method": name}).encode() for name in names]
    return {name: is_loaded(frame, CLIENT_BOUNDS) for name, frame in zip(names, frames)}

names = json.loads(sys.argv[1])
before, is_complete = tell(), METHODS.is_complete or HANDLERS.is_complete
garbage = is_loaded(b"no request", CLIENT_BOUNDS)
load_rest()
print(json.dumps([is_complete, garbage, before, tell(), METHODS.is_complete and HANDLERS.is_complete]))
"""
# Nothing that shows, runs or stops may wait for anything.
AT_ONCE = ["status", "ping", "queue_get", "queue_item_add", "queue_start", "environment_open", "re_pause", "estop"]
LATER = ["exam_add", "batch_create", "history_get", "nothing_of_that_name"]


@pytest.fixture(scope="module")
def told():
    command = [sys.executable, "-c", PROBE, json.dumps(AT_ONCE + LATER)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def test_what_runs_a_queue_is_loaded_at_once_and_the_rest_is_not(told):
    is_complete, _, before, _, _ = told
    assert not is_complete
    assert before == {**dict.fromkeys(AT_ONCE, True), **dict.fromkeys(LATER, False)}


def test_afterwards_everything_is_loaded(told):
    *_, after, is_complete = told
    assert after == dict.fromkeys(AT_ONCE + LATER, True)
    assert is_complete


def test_what_is_no_request_is_refused_without_loading_anything(told):
    assert told[1] is True
