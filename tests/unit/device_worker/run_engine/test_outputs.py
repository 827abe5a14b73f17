"""What an attempt has written into its directory becomes artifacts, or stays where it is with the reason."""

from __future__ import annotations

import os

import pytest

from device_worker.run_engine.outputs import METRICS_FILE, Kept, Outputs
from queue_server.artifacts.store import open_artifacts
from queue_server.protocol.items import AttemptKey

KEY = AttemptKey("item", "submission", "default", 2, 1)


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir(mode=0o700)
    return tmp_path / "data"


@pytest.fixture
def lane(data):
    return Outputs(data / "outputs" / "default", data)


@pytest.fixture
def directory(lane):
    return lane.begin(KEY)


def write(directory, **files):
    for name, text in files.items():
        path = directory.open() / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def names(kept):
    assert not kept.remark
    return [entry.name for entry in kept.entries]


def test_nothing_is_made_for_an_attempt_that_writes_nothing(lane, directory, data):
    assert lane.keep(directory, ()) == Kept()
    assert list(data.iterdir()) == []


def test_all_files_become_artifacts_and_the_directory_goes(lane, directory, data):
    write(directory, b="2", a="1", sub__c="3")
    place = directory.path
    assert place == data / "outputs" / "default" / "item.2"
    assert place.stat().st_mode & 0o777 == 0o700
    kept = lane.keep(directory, ())
    assert names(kept) == ["a", "b", "sub/c"]
    found = [open_artifacts(data).locate(entry.artifact.id).read_text() for entry in kept.entries]
    assert found == ["1", "2", "3"]
    assert not place.exists()


def test_of_declared_files_only_those_that_are_there_become_artifacts(lane, directory):
    write(directory, a="1", b="2", sub__c="3")
    assert names(lane.keep(directory, ("sub/c", "a", "missing"))) == ["a", "sub/c"]


def test_links_and_pipes_are_passed_over(lane, directory, tmp_path):
    write(directory, a="1")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    (directory.open() / "link").symlink_to(tmp_path / "secret" / "key")
    (directory.open() / "sub").symlink_to(tmp_path / "secret")
    os.mkfifo(directory.open() / "pipe")
    assert names(lane.keep(directory, ())) == ["a"]
    assert (tmp_path / "secret" / "key").read_text() == "secret"


def test_a_directory_that_another_attempt_has_left_is_not_used_again(lane, directory):
    write(directory, a="1")
    second = lane.begin(KEY)
    assert second.open() != directory.open()
    assert second.open() == second.open()
    assert list(second.open().iterdir()) == []


@pytest.mark.parametrize(("limit", "why"), [({"most_files": 1}, "2 files"), ({"most_bytes": 3}, "4 bytes")])
def test_too_much_stays_where_it_is(data, limit, why):
    lane = Outputs(data / "outputs", data, **limit)
    directory = lane.begin(KEY)
    write(directory, a="12", b="34")
    kept = lane.keep(directory, ())
    assert kept.entries == ()
    assert why in kept.remark
    assert str(directory.path) in kept.remark
    assert sorted(path.name for path in directory.open().iterdir()) == ["a", "b"]


def test_on_another_host_files_stay_where_they_are(tmp_path):
    far = Outputs(tmp_path / "outputs", None)
    directory = far.begin(KEY)
    write(directory, a="1")
    assert "another host" in far.keep(directory, ()).remark
    assert (directory.open() / "a").read_text() == "1"
    assert not far.can_keep()


def test_a_name_that_no_artifact_can_have_is_said(lane, directory):
    (directory.open() / "a\nb").write_text("1")
    assert "control characters" in lane.keep(directory, ()).remark


def test_a_store_that_cannot_be_used_is_said(directory, tmp_path):
    write(directory, a="1")
    lane = Outputs(tmp_path / "outputs", tmp_path / "nothing")
    assert not lane.can_keep()
    kept = lane.keep(directory, ())
    assert (kept.entries, directory.path.exists()) == ((), True)
    assert "are no artifacts" in kept.remark


def test_the_metrics_are_written_beside_the_files(lane, directory):
    directory.write_metrics({"x": 1.5, "name": "ä"})
    assert (directory.path / METRICS_FILE).read_text() == '{\n  "x": 1.5,\n  "name": "ä"\n}\n'


def test_a_file_of_that_name_that_the_plan_has_written_stays(lane, directory):
    write(directory, **{METRICS_FILE: "mine"})
    directory.write_metrics({"x": 1.5})
    assert (directory.path / METRICS_FILE).read_text() == "mine"


def test_without_a_place_nothing_can_be_written():
    with pytest.raises(FileNotFoundError, match="no place for files"):
        Outputs().begin(KEY).open()
