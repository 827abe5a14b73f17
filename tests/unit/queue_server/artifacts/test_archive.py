"""Archives: the same bytes each time, readable by others, and never whole if an artifact is damaged."""

from __future__ import annotations

import io
import itertools
import stat
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from queue_server.artifacts.archive import stream_tar_gz, stream_zip
from queue_server.artifacts.reader import PIECE_BYTES, DamagedArtifactError
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.records import ManifestEntry
from tests.doubles.virtual_source import VirtualSource

STREAMS = [stream_zip, stream_tar_gz]
FILES = {
    "b/c.npy": bytes(range(256)) * 4000,
    "a.json": b"{}",
    "empty": b"",
    "ä/头.txt": b"text",
    "b/" + "x" * 250: b"1",
}


ROOT = Path(__file__).parents[4]
MEASURE = """
import hashlib, sys, tracemalloc
from queue_server.artifacts import archive
from queue_server.artifacts.reader import PIECE_BYTES
from tests.doubles.virtual_source import VirtualSource

noise = b"".join(hashlib.sha512(str(number).encode()).digest() for number in range(PIECE_BYTES // 64))
source = VirtualSource(noise, 30)
stream = getattr(archive, sys.argv[1])
first = stream(source, [source.entry("what is loaded at the first use")])
next(first)
first.close()
tracemalloc.start()
packed = sum(map(len, stream(source, [source.entry("large"), source.entry("larger")])))
print(packed, tracemalloc.get_traced_memory()[1])
"""


@pytest.fixture
def manifest(put):
    return [ManifestEntry(name=name, artifact=put(content)) for name, content in FILES.items()]


def _unzip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def _untar(data):
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        return {member.name: _read(archive, member) for member in archive if member.isfile()}


def _read(archive, member):
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


@pytest.mark.parametrize(("stream", "unpack"), [(stream_zip, _unzip), (stream_tar_gz, _untar)])
def test_an_archive_has_exactly_the_files_of_the_manifest(stream, unpack, store, manifest):
    found = unpack(b"".join(stream(store, manifest)))
    assert found == FILES
    assert list(found) == sorted(FILES)


@pytest.mark.parametrize("stream", STREAMS)
def test_an_archive_is_the_same_in_any_order_and_at_any_time(stream, store, put, manifest):
    first = b"".join(stream(store, manifest))
    for content in FILES.values():
        put(content)
    assert b"".join(stream(store, iter(manifest[::-1]))) == first


def test_no_member_tells_of_the_host_or_of_the_time(store, manifest):
    with zipfile.ZipFile(io.BytesIO(b"".join(stream_zip(store, manifest)))) as archive:
        shown = {(member.date_time, member.external_attr >> 16, member.create_system) for member in archive.infolist()}
        assert archive.comment == b""
    assert shown == {((1980, 1, 1, 0, 0, 0), 0o600, 3)}
    packed = b"".join(stream_tar_gz(store, manifest))
    # The time of the header of gzip, and its flags: neither a name nor a comment.
    assert packed[3:8] == bytes(5)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = archive.getmembers()
    assert {(each.mtime, each.uid, each.gid, each.uname, each.gname, each.mode) for each in members} == {
        (0, 0, 0, "", "", 0o600)
    }
    assert {stat.S_IFMT(each.mode) or each.type for each in members} == {tarfile.REGTYPE}


@pytest.mark.parametrize(("stream", "unpack"), [(stream_zip, _unzip), (stream_tar_gz, _untar)])
def test_an_archive_may_be_empty(stream, unpack, store):
    assert unpack(b"".join(stream(store, []))) == {}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("names", [["a", "a"], ["a", "a/b"], ["a/b/c", "a/b"], ["a/b/c", "a/b.c", "a"]])
def test_names_that_cannot_stand_side_by_side_are_refused_before_the_first_byte(names, stream, store, put):
    artifact = put(b"1")
    with pytest.raises(ParameterError, match="rename one"):
        stream(store, [ManifestEntry(name=name, artifact=artifact) for name in names])


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("name", ["/etc/passwd", "../a", "a/../../b", "a\\..\\b", "a//b", "a\0", "a\nb", "."])
def test_hostile_names_are_refused_before_the_first_byte(name, stream, store, put):
    with pytest.raises(ParameterError):
        stream(store, [ManifestEntry(name=name, artifact=put(b"1"))])


@pytest.mark.parametrize("stream", STREAMS)
def test_a_missing_artifact_is_told_before_the_first_byte(stream, store, manifest):
    store.remove(manifest[0].artifact.id)
    with pytest.raises(NotFoundError, match=manifest[0].artifact.id):
        stream(store, manifest)


@pytest.mark.parametrize("stream", STREAMS)
def test_an_artifact_of_another_length_is_told_before_the_first_byte(stream, store, manifest, file_of):
    file_of(manifest[0].artifact).write_bytes(b"short")
    with pytest.raises(DamagedArtifactError, match="5 bytes instead of 1024000"):
        stream(store, manifest)


@pytest.mark.parametrize("kind", [(stream_zip, _unzip), (stream_tar_gz, _untar)])
@pytest.mark.parametrize(("change", "told"), [("a byte", "with the SHA-256"), ("the length", "instead of 1024000")])
def test_an_archive_with_a_damaged_artifact_is_never_whole(change, told, kind, store, manifest, file_of):
    stream, unpack = kind
    pieces = stream(store, manifest)
    file = file_of(manifest[0].artifact)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + (b"!" if change == "a byte" else b""))
    given = []
    with pytest.raises(DamagedArtifactError, match=f"{manifest[0].artifact.id}.*{told}"):
        given.extend(pieces)
    with pytest.raises((zipfile.BadZipFile, EOFError, tarfile.ReadError)):
        unpack(b"".join(given))


@pytest.mark.parametrize("stream", STREAMS)
def test_whoever_stops_reading_leaves_no_file_open(stream, put):
    """A client that disconnects: the gateway closes the iterator."""
    source = VirtualSource(b"x" * PIECE_BYTES, 40)
    pieces = stream(source, [source.entry("large")])
    next(pieces)
    assert source.open_files == 1
    pieces.close()
    assert source.open_files == 0


@pytest.mark.parametrize("stream", STREAMS)
def test_the_memory_is_bounded_by_pieces_and_not_by_files(stream):
    # In a process of its own: here any thread that an earlier test has left counts too.
    call = [sys.executable, "-c", MEASURE, stream.__name__]
    told = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    packed, peak = map(int, told.split())
    assert packed > 15_000_000
    assert peak < 3_000_000


def test_a_tar_archive_states_sizes_of_more_than_8_gib():
    """Only the header is asked for: the octal field of the format ends at 8 GiB."""
    source = VirtualSource(bytes(PIECE_BYTES), 9 * 1024**3 // PIECE_BYTES)
    pieces = stream_tar_gz(source, [source.entry("large")])
    inflater, start = zlib.decompressobj(16 + zlib.MAX_WBITS), b""
    while len(start) < 4 * tarfile.BLOCKSIZE:
        start += inflater.decompress(next(pieces))
    pieces.close()
    with tarfile.open(fileobj=io.BytesIO(start), mode="r|") as archive:
        [first] = itertools.islice(archive, 1)
    assert first.size == 9 * 1024**3


def test_the_header_of_a_large_member_of_a_zip_archive_has_sizes_of_8_bytes():
    source = VirtualSource(bytes(PIECE_BYTES), 5 * 1024**3 // PIECE_BYTES)
    pieces = stream_zip(source, [source.entry("large")])
    start = next(pieces)
    pieces.close()
    # Version 4.5 is needed to unpack it, and its name is followed by the extra field 1.
    assert start[4:6] == (45).to_bytes(2, "little")
    assert start[30 + len("large") :][:2] == (1).to_bytes(2, "little")
