"""Failpoints: off unless asked for twice, each fault at its named instant and on its hit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from queue_server.failpoints import declare, declared, failpoint

PASS = """
import sys
from queue_server.failpoints import failpoint
for name in sys.argv[1:]:
    try:
        print(name, failpoint(name))
    except OSError as error:
        print(name, error.strerror or error.errno, error.errno)
"""


@pytest.fixture
def run():
    """Pass points in a process of its own, with faults asked for; return what came of each."""

    def run(faults, *names, enabled="1"):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CUELIGHT_")}
        environment |= {"CUELIGHT_FAILPOINTS": faults} | ({"CUELIGHT_FAULT_TESTS": enabled} if enabled else {})
        command = [sys.executable, "-c", PASS, *names]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_a_point_passes_when_nothing_is_asked_for():
    assert failpoint("no.such.point") is False


def test_declared_points_are_known_by_name_once():
    declare("test.b", "test.a", "test.b")
    found = [name for name in declared() if name.startswith("test.")]
    assert found == ["test.a", "test.b"]


@pytest.mark.parametrize("enabled", [None, "", "0", "true"])
def test_a_plan_of_faults_alone_changes_nothing(run, enabled):
    answer = run("a=kill", "a", enabled=enabled)
    assert (answer.returncode, answer.stdout) == (0, "a False\n")


def test_each_fault_happens_at_its_own_point(run):
    answer = run("a=drop; b=eio;c=enospc ;d=delay:0.01", "a", "b", "c", "d", "e")
    assert answer.stdout.splitlines() == [
        "a True",
        "b injected at b 5",
        "c injected at c 28",
        "d False",
        "e False",
    ]


def test_a_fault_can_be_kept_for_a_certain_hit(run):
    answer = run("a=drop@3", "a", "a", "b", "a", "a")
    assert answer.stdout.splitlines() == ["a False", "a False", "b False", "a True", "a False"]


def test_a_process_can_be_killed_on_the_spot(run):
    answer = run("b=kill", "a", "b", "c")
    assert answer.returncode == -signal.SIGKILL


def test_a_plan_that_cannot_be_read_is_refused_with_its_text(run):
    answer = run("nonsense", "a")
    assert answer.returncode != 0
    assert "'nonsense' is not of the form name=action[@n]" in answer.stderr
