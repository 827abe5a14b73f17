"""A system of real processes for one test, or the demonstration of one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.processes.system import System, copy_startup

ROOT = Path(__file__).parents[2]


@pytest.fixture
def startup(tmp_path):
    """A directory with the light startup code and its journal."""
    return copy_startup(tmp_path / "startup")


@pytest.fixture
def make_system(tmp_path):
    """Make systems on the data directory of this test; all are closed at its end, and nothing may be left of them."""
    made = []

    def make(**settings):
        made.append(System(tmp_path, **settings))
        return made[-1]

    yield make
    for system in made:
        system.close()


@pytest.fixture
def system(make_system, startup):
    """A system that is ready, with the light startup code."""
    return make_system(startup=startup).start()


@pytest.fixture
def client(system):
    """Ask the gateway that the system has then; return what is answered, which must have this status."""

    def ask(verb, path, status=200, headers=None, **values):
        key = (system.data / "api-key").read_text().strip()
        known = {"Authorization": f"ApiKey {key}", **(headers or {})}
        body, query = (values, None) if verb == "POST" else (None, values)
        address = f"{system.ready['http']}/v1{path}"
        answer = httpx.request(verb, address, headers=known, timeout=60, trust_env=False, json=body, params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    return ask


@pytest.fixture
def demonstrate(tmp_path):
    """Start the command ``demo``; what it starts carries the mark of this test."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CUELIGHT_")}
    started = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "queue_server.cli", "demo", "--data", str(tmp_path / "data"), *words],
            cwd=ROOT,
            env={**environ, "TEST_DATA_DIRECTORY": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        # The signal on which it ends what it has started; nobody is told if it has ended already.
        process.terminate()
        process.wait(60)
