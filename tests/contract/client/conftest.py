"""Both forms of RunControl behind one face, and a manager that answers from a table."""

from __future__ import annotations

import asyncio
import threading

import pytest

from queue_server.client import asynchronous, blocking
from tests.doubles.table_manager import TableManager

PATIENCE_S = 60.0


class BlockingFace:
    """The blocking RunControl, called from threads so that tests can await it."""

    module = blocking

    def __init__(self, *arguments, **options):
        self.run_control = blocking.RunControl(*arguments, **options)

    async def __call__(self, name, *arguments, **options):
        """Call a method of RunControl."""
        return await asyncio.to_thread(getattr(self.run_control, name), *arguments, **options)

    async def receive(self, notices, timeout_s=60):
        """Return the next notice."""
        return await asyncio.to_thread(notices.receive, timeout_s)

    async def first(self, notices, kind, count):
        """Return the first notices of a kind, by iteration."""
        loop = asyncio.get_running_loop()
        found = loop.create_future()

        def iterate():
            values = self._first(notices, kind, count)
            loop.call_soon_threadsafe(found.set_result, values)

        # A thread of the loop would be waited for at its end, also if nothing ever comes.
        threading.Thread(target=iterate, daemon=True).start()
        return await asyncio.wait_for(found, PATIENCE_S)

    async def end(self, notices):
        """Close a subscription."""
        await asyncio.to_thread(notices.close)

    @staticmethod
    def _first(notices, kind, count):
        iterator = getattr(notices, kind)() if kind else iter(notices)
        return [next(iterator) for _ in range(count)]


class AsynchronousFace:
    """The asynchronous RunControl."""

    module = asynchronous

    def __init__(self, *arguments, **options):
        self.run_control = asynchronous.RunControl(*arguments, **options)

    async def __call__(self, name, *arguments, **options):
        """Call a method of RunControl."""
        return await getattr(self.run_control, name)(*arguments, **options)

    async def receive(self, notices, timeout_s=60):
        """Return the next notice."""
        return await notices.receive(timeout_s)

    async def first(self, notices, kind, count):
        """Return the first notices of a kind, by iteration."""
        iterator = getattr(notices, kind)() if kind else aiter(notices)
        return [await anext(iterator) for _ in range(count)]

    async def end(self, notices):
        """Close a subscription."""
        await notices.close()


@pytest.fixture
def manager():
    """A manager that answers from a table."""
    manager = TableManager()
    yield manager
    manager.stop()


@pytest.fixture
def start_manager():
    """Start further managers; all are stopped at the end."""
    started = []

    def start(**options):
        started.append(TableManager(**options))
        return started[-1]

    yield start
    for manager in started:
        manager.stop()


@pytest.fixture(params=[BlockingFace, AsynchronousFace], ids=["blocking", "asynchronous"])
def face(request):
    """The form of RunControl under test."""
    return request.param


@pytest.fixture
async def connect(face, manager):
    """Make clients of the manager; all are closed at the end."""
    made = []

    def make(control=None, info=None, **options):
        client = face(control or manager.control, info or manager.info, **{"timeout_s": 60, **options})
        made.append(client)
        return client

    yield make
    for client in made:
        await client("close")
