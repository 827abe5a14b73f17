"""A system with the simulated profile for foreign clients, and the processes in which they run."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from tests.processes.system import System

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="session")
def run_client():
    """Run a program of a foreign client in a process of its own; return what it prints."""

    def run(program, *arguments, seconds=180):
        done = subprocess.run(
            [sys.executable, str(PROGRAMS / program), *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def running_system(tmp_path_factory):
    """Run a system with the simulated profile inside a `with` block; nothing of it may be left afterwards."""

    @contextmanager
    def run(**settings):
        system = System(tmp_path_factory.mktemp("system"), **settings)
        try:
            yield system.start()
        finally:
            system.close()

    return run


@pytest.fixture(scope="session")
def curve_server(tmp_path_factory):
    """The public key of a manager as text, and the file with its private key."""
    public, secret = zmq.curve_keypair()
    file = tmp_path_factory.mktemp("keys") / "server.secret"
    file.write_bytes(secret)
    file.chmod(0o600)
    return public.decode(), file
