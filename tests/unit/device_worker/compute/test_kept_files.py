"""Files of graphs as artifacts: what was written is kept by its content, inputs are found by their ids."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import numpy as np
import pytest

from device_worker.compute import InputArray, InputFile, graph
from device_worker.compute.kept_files import MOST_LISTED, FileKeeper
from device_worker.compute.output_files import write_output
from queue_server.artifacts.store import open_artifacts
from queue_server.protocol.errors import ParameterError, StorageError
from queue_server.protocol.items import AttemptKey

KEY = AttemptKey("8f0c-a", "submission", "compute", 2, 1)


@graph
def stack(frames: list[InputArray], dark: InputFile | None = None):
    """Stack frames."""


@pytest.fixture
def keeper(tmp_path):
    return FileKeeper(tmp_path, tmp_path / "graphs" / "compute")


@pytest.fixture
def directory(keeper):
    directory = keeper.directory_of(KEY)
    (directory / "parts").mkdir(parents=True)
    return directory


@pytest.fixture
def store(tmp_path, keeper):
    return open_artifacts(tmp_path)


def put(store, content):
    with store.begin() as writer:
        writer.write(content)
        return writer.commit().id


def test_each_attempt_has_a_directory_that_no_uid_leads_out_of(keeper, tmp_path):
    root = tmp_path / "graphs" / "compute"
    assert keeper.directory_of(KEY) == root / "8f0c-a.2"
    found = {keeper.directory_of(replace(KEY, item_uid=uid)) for uid in ("../../x", "/etc/x", "a/b", "", "a" * 500)}
    assert len(found) == 5
    assert {directory.parent for directory in found} == {root}


def test_files_become_artifacts_and_stay_visible_under_their_names(keeper, directory, store):
    kept = write_output(directory / "parts" / "1.npy", "parts/1.npy", np.arange(3), "intermediate")
    result = write_output(directory / "sum.json", "sum.json", {"sum": 3}, "result")
    (directory / "manifest.json").write_text("{}")
    entries = keeper.keep(directory, (kept, result))
    assert [entry.name for entry in entries] == ["sum.json", "parts/1.npy", "manifest.json"]
    assert entries[0].artifact.content_type == "application/json"
    for entry in entries:
        store.verify(entry.artifact.id)
        path = directory / entry.name
        assert path.is_symlink()
        assert not os.readlink(path).startswith("/")
        content = path.read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (entry.artifact.id, entry.artifact.size_bytes)


def test_of_very_many_files_the_results_and_the_list_of_all_are_named(keeper, directory):
    files = [
        write_output(directory / f"{number}.txt", f"{number}.txt", str(number), "intermediate")
        for number in range(MOST_LISTED)
    ]
    files.append(write_output(directory / "last.txt", "last.txt", "", "result"))
    (directory / "manifest.json").write_text("{}")
    names = [entry.name for entry in keeper.keep(directory, files)]
    assert (len(names), names[0], names[-1]) == (MOST_LISTED, "last.txt", "manifest.json")


@pytest.mark.parametrize("change", [lambda path: path.unlink(), lambda path: path.write_text("other")])
def test_a_file_that_is_not_what_was_written_is_not_kept(keeper, directory, store, change):
    entry = write_output(directory / "sum.json", "sum.json", {"sum": 3}, "result")
    change(directory / "sum.json")
    with pytest.raises((StorageError, ParameterError)):
        keeper.keep(directory, (entry,))
    assert list(store.ids()) == []


def test_inputs_are_found_by_the_ids_of_artifacts(keeper, store):
    one, two = put(store, b"one"), put(store, b"two")
    found = keeper.find_inputs(stack, {"frames": [one, two], "dark": one, "size": 3})
    assert set(found) == {"frames", "dark"}
    assert [path.read_bytes() for path in (*found["frames"], found["dark"])] == [b"one", b"two", b"one"]
    assert keeper.find_inputs(stack, {"frames": []}) == {"frames": []}


def test_an_input_that_is_no_sound_artifact_is_refused_by_its_name(keeper, store, tmp_path):
    damaged = put(store, b"sound")
    path = store.locate(damaged)
    path.chmod(0o600)
    path.write_bytes(b"other")
    for given, said in (
        ("/etc/passwd", "not the id"),
        ("0" * 64, "no artifact"),
        (damaged, "damaged"),
        (5, "not the id"),
    ):
        with pytest.raises(ParameterError, match="Input 'dark'") as caught:
            keeper.find_inputs(stack, {"dark": given})
        assert said in caught.value.message
        assert caught.value.field == "dark"
