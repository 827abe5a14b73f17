"""Files that are read in threads: whoever stops reading leaves nothing open."""

from __future__ import annotations

import threading
from contextlib import aclosing

import pytest

from http_gateway.result_files.shelf import Shelf
from queue_server.artifacts.expectation import Expectation
from queue_server.protocol.errors import NotFoundError


@pytest.fixture
def shelf(tmp_path):
    """A shelf without artifacts."""
    shelf = Shelf(tmp_path, 0)
    yield shelf
    shelf.close()


class Pieces:
    """A generator that says when it is closed; ``given`` is how much was taken."""

    def __init__(self):
        self.closed = threading.Event()
        self.given = 0

    def __call__(self):
        """Give pieces without end."""
        try:
            while True:
                self.given += 1
                yield b"x"
        finally:
            self.closed.set()


async def test_whoever_stops_reading_closes_the_file(shelf):
    pieces = Pieces()
    async with aclosing(shelf.flow(pieces())) as flow:
        assert await anext(flow) == b"x"
        assert not pieces.closed.is_set()
    assert pieces.closed.wait(60)
    # Nothing is read ahead.
    assert pieces.given == 1


async def test_what_ends_ends(shelf):
    assert [piece async for piece in shelf.flow(piece for piece in (b"a", b"b"))] == [b"a", b"b"]


async def test_an_error_of_the_disk_arrives(shelf):
    def broken():
        yield b"a"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        [piece async for piece in shelf.flow(broken())]


async def test_the_artifacts_are_opened_when_they_are_first_needed(shelf, tmp_path):
    assert list(tmp_path.iterdir()) == []

    def write(store):
        with store.begin(Expectation()) as writer:
            writer.write(b"abc")
            return writer.commit()

    artifact = await shelf.run(write)
    assert await shelf.run(lambda store: store.size(artifact.id)) == 3
    with pytest.raises(NotFoundError):
        await shelf.run(lambda store: store.size("0" * 64))
