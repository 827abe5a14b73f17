"""A real worker process, and a ROUTER socket in the manager's place.

Most tests share one process, since a worker takes a second or two to start; items never share a key.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from queue_server.protocol.worker_link import EnvironmentOpened
from tests.doubles.router import Router
from tests.doubles.worker_process import Plan, Worker


def make_directory():
    # Paths of ipc sockets are short.
    return Path(tempfile.mkdtemp(prefix="cuelight"))


@pytest.fixture
def directory():
    """A directory of a test's own."""
    path = make_directory()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def go(tmp_path):
    """The file that plans wait for; it does not exist yet."""
    return tmp_path / "go"


@pytest.fixture
def router(directory):
    """The manager's end for a worker of the test's own."""
    with Router(f"ipc://{directory}/link") as router:
        yield router


@pytest.fixture
def worker(directory, router):
    """A worker of the test's own, its environment open."""
    with Worker(directory) as worker:
        router.wait_for(EnvironmentOpened)
        yield worker


@pytest.fixture(scope="module")
def shared():
    """A worker that the tests of a module share, its environment open, and the manager's end of its link."""
    directory = make_directory()
    with Router(f"ipc://{directory}/link") as router, Worker(directory) as worker:
        router.wait_for(EnvironmentOpened)
        yield router, worker
    shutil.rmtree(directory)


@pytest.fixture
def worker_log(shared):
    """The log file of the shared worker."""
    return shared[1].log


@pytest.fixture
def new_plan(shared):
    """Makes plans for the shared worker, which must be idle again at the end of the test."""
    router, _ = shared
    router.messages.clear()
    yield lambda **options: Plan(router, **options)
    assert Plan(router).order("count", ["det1"]).finished().outcome == "completed"
