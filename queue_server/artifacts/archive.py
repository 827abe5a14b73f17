"""Archives of artifacts, made while they are sent: the same manifest gives the same bytes, in a bounded memory.

It stores nothing and does not ask who may read. Members are files only, in the order of their names, with a fixed time,
owner and mode. They are compressed to the same bytes as long as Python and its zlib stay the same.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Final, Protocol

from queue_server.artifacts.names import check_member_name
from queue_server.artifacts.reader import damaged
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.records import ManifestEntry

ZIP_CONTENT_TYPE: Final = "application/zip"
TAR_GZ_CONTENT_TYPE: Final = "application/gzip"

# What is measured hardly shrinks more on a higher level, and takes several times as long.
_LEVEL = 1
# From here on sizes are written with 8 bytes; a file that does not shrink must still fit where 4 are written.
_LARGE_BYTES = 1024**3
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# That of the members of a ZIP archive.
_TAR_MODE = 0o600


class Content(AbstractContextManager["Content"], Protocol):
    """The bytes of one artifact, such as an ``ArtifactReader``."""

    @property
    def size_bytes(self) -> int:
        """How many there are."""
        ...

    def __iter__(self) -> Iterator[bytes]: ...


class Source(Protocol):
    """Where artifacts come from, such as an ``ArtifactStore``."""

    def size(self, artifact_id: str) -> int:
        """Return the length of an artifact in bytes."""
        ...

    def open(self, artifact_id: str) -> Content:
        """Return the bytes of an artifact."""
        ...


def stream_zip(source: Source, manifest: Iterable[ManifestEntry]) -> Generator[bytes, None, None]:
    """Return the pieces of a ZIP archive; each waits for the disk, so that they belong in a thread.

    All is checked that can be checked before the first piece. If an artifact proves damaged while it is read, the
    archive ends in an error and without its directory, so that nobody takes it for whole. Whoever stops before the
    last piece closes the generator, so that no file stays open.

    Raises:
        ParameterError: a name is not acceptable, or not the only one of its kind.
        NotFoundError: an artifact does not exist.
        DamagedArtifactError: an artifact has another length than its record says; or, later, other bytes.
    """
    return _zip_pieces(source, _plan(source, manifest))


def stream_tar_gz(source: Source, manifest: Iterable[ManifestEntry]) -> Generator[bytes, None, None]:
    """Return the pieces of a tar archive that is compressed by gzip; each waits for the disk.

    Raises:
        as ``stream_zip``. An archive that ends in an error has no end of its compressed data.
    """
    return _gzip_pieces(_tar_pieces(source, _plan(source, manifest)))


def _plan(source: Source, manifest: Iterable[ManifestEntry]) -> list[ManifestEntry]:
    entries = sorted(manifest, key=lambda entry: entry.name)
    for entry in entries:
        check_member_name(entry.name)
    _check_unique([entry.name for entry in entries])
    for entry in entries:
        _check_size(entry, source.size(entry.artifact.id))
    return entries


@contextmanager
def _opened(source: Source, entry: ManifestEntry) -> Iterator[Content]:
    with source.open(entry.artifact.id) as content:
        _check_size(entry, content.size_bytes)
        yield content


def _check_size(entry: ManifestEntry, found: int) -> None:
    if found != entry.artifact.size_bytes:
        raise damaged(entry.artifact.id, f"it has {found} bytes instead of {entry.artifact.size_bytes}")


def _check_unique(names: list[str]) -> None:
    known = set[str]()
    for name in names:
        if name in known:
            raise ParameterError(f"Two files of the manifest have the name {name!r}; rename one.", field="name")
        known.add(name)
    for name in names:
        parts = name.split("/")
        for length in range(1, len(parts)):
            if (parent := "/".join(parts[:length])) in known:
                raise ParameterError(
                    f"{parent!r} is a file of the manifest and cannot be the directory of {name!r} too; rename one.",
                    field="name",
                )


class _Outlet:
    """Where ``zipfile`` writes to: what was written can be taken, and there is no way back."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        whole = b"".join(self._written)
        self._written.clear()
        return whole


def _zip_pieces(source: Source, entries: list[ManifestEntry]) -> Generator[bytes, None, None]:
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for entry in entries:
            is_large = entry.artifact.size_bytes >= _LARGE_BYTES
            # A member that is opened by its name has the date 1980-01-01 and the mode 0600.
            with (
                _opened(source, entry) as content,
                archive.open(entry.name, "w", force_zip64=is_large) as member,
            ):
                for piece in content:
                    member.write(piece)
                    if ready := outlet.take():
                        yield ready
    yield outlet.take()


def _tar_pieces(source: Source, entries: list[ManifestEntry]) -> Generator[bytes, None, None]:
    for entry in entries:
        with _opened(source, entry) as content:
            yield _tar_header(entry.name, content.size_bytes)
            yield from content
            yield bytes(-content.size_bytes % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _tar_header(name: str, size_bytes: int) -> bytes:
    header = tarfile.TarInfo(name)
    header.size = size_bytes
    header.mode = _TAR_MODE
    # A new header has the time 0, the owner 0 and no owner's name.
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _gzip_pieces(pieces: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    # The header that zlib writes has neither a time nor a name.
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    with closing(pieces):
        for piece in pieces:
            if ready := compressor.compress(piece):
                yield ready
    yield compressor.flush()
