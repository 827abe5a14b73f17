"""Reading artifacts: from a damaged one nobody gets all."""

from __future__ import annotations

import hashlib
from io import FileIO

import pytest

from queue_server.artifacts.reader import PIECE_BYTES, ArtifactReader, DamagedArtifactError

CONTENT = bytes(range(256)) * 1024 * 3 + b"end"
BYTES = len(CONTENT)


@pytest.fixture
def artifact(put):
    return put(CONTENT)


def _read(store, artifact):
    """Return the pieces that were given before the error."""
    given = []
    with store.open(artifact.id) as reader, pytest.raises(DamagedArtifactError) as caught:
        given.extend(reader)
    assert artifact.id in str(caught.value)
    assert caught.value.details == {"artifact_id": artifact.id}
    return given


def test_pieces_are_of_one_size_and_the_last_is_what_is_left(store, artifact):
    with store.open(artifact.id) as reader:
        assert [len(piece) for piece in reader] == [PIECE_BYTES] * 3 + [3]
        assert reader.size_bytes == BYTES


def test_a_reader_can_be_read_again(store, artifact):
    with store.open(artifact.id) as reader:
        assert b"".join(reader) == b"".join(reader) == CONTENT


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 0), (0, 1), (5, PIECE_BYTES + 5), (PIECE_BYTES, BYTES), (BYTES - 1, BYTES), (0, BYTES)]
)
def test_a_part_is_what_lies_between_two_places(store, artifact, start, stop):
    with store.open(artifact.id) as reader:
        assert b"".join(reader.part(start, stop)) == CONTENT[start:stop]


def test_a_part_that_is_not_there_is_damage(store, artifact):
    with store.open(artifact.id) as reader, pytest.raises(DamagedArtifactError):
        list(reader.part(BYTES - 1, BYTES + 1))


def test_several_readers_of_one_artifact_are_independent(store, artifact):
    with store.open(artifact.id) as first, store.open(artifact.id) as second:
        pieces = iter(first)
        start = next(pieces)
        assert b"".join(second) == CONTENT
        assert start + b"".join(pieces) == CONTENT


@pytest.mark.parametrize("at", [0, 1, PIECE_BYTES, BYTES - 1])
def test_from_an_artifact_with_a_damaged_byte_nobody_gets_the_last_piece(at, store, artifact, file_of):
    damaged = bytearray(CONTENT)
    damaged[at] ^= 1
    file_of(artifact).write_bytes(damaged)
    assert len(_read(store, artifact)) == 3
    with pytest.raises(DamagedArtifactError, match=hashlib.sha256(damaged).hexdigest()):
        store.verify(artifact.id)


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, BYTES - 1])
def test_from_an_artifact_that_was_cut_off_nobody_gets_the_last_piece(size, store, artifact, file_of):
    file_of(artifact).write_bytes(CONTENT[:size])
    assert sum(map(len, _read(store, artifact))) <= max(0, size - 1)
    with pytest.raises(DamagedArtifactError, match=f"it has {size} bytes"):
        store.verify(artifact.id)


def test_from_an_artifact_that_was_extended_nobody_gets_the_last_piece(store, artifact, file_of):
    file_of(artifact).write_bytes(CONTENT + b"x")
    assert sum(map(len, _read(store, artifact))) < BYTES


def test_a_file_that_grows_while_it_is_read_is_damaged(store, artifact, file_of):
    with store.open(artifact.id) as reader:
        pieces = iter(reader)
        next(pieces)
        with file_of(artifact).open("ab") as file:
            file.write(bytes(PIECE_BYTES))
        with pytest.raises(DamagedArtifactError, match="grows"):
            list(pieces)


def test_what_cannot_be_read_is_damaged(artifact, file_of):
    """A disk that fails to read; a file that is open for writing only fails as well."""
    reader = ArtifactReader(artifact.id, FileIO(file_of(artifact), "a"))
    with reader, pytest.raises(DamagedArtifactError, match="cannot be read at byte 0: Bad file"):
        reader.check()


def test_an_artifact_that_is_removed_can_be_read_to_its_end(store, artifact):
    with store.open(artifact.id) as reader:
        pieces = iter(reader)
        start = next(pieces)
        store.remove(artifact.id)
        assert start + b"".join(pieces) == CONTENT
