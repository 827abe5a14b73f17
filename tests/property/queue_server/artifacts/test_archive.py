"""Archives: whatever the manifest, what is unpacked is what was stored, under exactly those names."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_server.artifacts.archive import stream_tar_gz, stream_zip
from queue_server.artifacts.store import open_artifacts
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.records import ManifestEntry
from tests.faults.places import place_in_memory
from tests.faults.tiers import rounds

# A record refuses halves of surrogates itself.
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20) | st.text(
    st.sampled_from("ab./\\ä"), min_size=1, max_size=8
)
MANIFESTS = st.lists(st.tuples(NAMES, st.binary(max_size=2000)), max_size=6)


@pytest.fixture(scope="module")
def store():
    with place_in_memory() as root:
        yield open_artifacts(root, reserve_bytes=0)


def _entry(store, name, content):
    with store.begin() as writer:
        writer.write(content)
        return ManifestEntry(name=name, artifact=writer.commit())


def _unpacked(directory):
    found = [path for path in directory.rglob("*") if path.is_file()]
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}


def _extract_zip(data, directory):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        archive.extractall(directory)


def _extract_tar(data, directory):
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        archive.extractall(directory, filter="data")


@pytest.mark.parametrize(("stream", "extract"), [(stream_zip, _extract_zip), (stream_tar_gz, _extract_tar)])
@settings(max_examples=rounds(30, 60))
@given(files=MANIFESTS)
def test_an_archive_is_refused_or_unpacks_to_its_manifest(stream, extract, store, files):
    entries = [_entry(store, name, content) for name, content in files]
    try:
        pieces = stream(store, entries)
    except ParameterError:
        return
    data = b"".join(pieces)
    assert data == b"".join(stream(store, entries[::-1]))
    with place_in_memory() as place:
        directory = Path(place, "below")
        directory.mkdir()
        extract(data, directory)
        assert _unpacked(directory) == dict(files)
        assert os.listdir(place) == ["below"]


@settings(max_examples=rounds(30, 60))
@given(files=MANIFESTS)
def test_both_kinds_of_archive_refuse_the_same(store, files):
    entries = [_entry(store, name, content) for name, content in files]
    refused = []
    for stream in (stream_zip, stream_tar_gz):
        try:
            stream(store, entries)
        except ParameterError as error:
            refused.append(error.message)
    assert len(set(refused)) <= 1
    assert len(refused) in (0, 2)
