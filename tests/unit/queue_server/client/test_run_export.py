"""Exports of recorded runs: a complete directory or none, with documents, tables and images that others can read."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from queue_server.client.run_export import export_run
from queue_server.client.run_file import read_documents
from queue_server.protocol.errors import ParameterError, RunFileError
from tests.doubles.recorded_runs import descriptor, documents, event, start, write_run


@pytest.fixture
def run(tmp_path):
    """The file of a run."""
    return write_run(tmp_path / "runs" / "run.jsonl", documents(3))


def test_documents_and_tables_are_written(run, tmp_path):
    files = export_run(run, tmp_path / "out", "parquet")
    assert [file.name for file in files] == ["documents.jsonl", "baseline.parquet", "primary.parquet"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(file.name for file in files)
    assert list(read_documents(files[0])) == documents(3)
    assert pq.read_table(files[2]).num_rows == 3
    assert {path.name for path in tmp_path.iterdir()} == {"out", "runs"}


def test_with_csv_images_are_arrays_in_files_of_their_own(run, tmp_path):
    files = export_run(run, tmp_path / "out", "csv")
    assert [file.name for file in files] == ["documents.jsonl", "baseline.csv", "primary.csv", "primary.image.npy"]
    images = np.load(files[3])
    assert images.dtype == np.uint16
    assert images.shape == (3, 2, 3)
    assert images[2].tolist() == [[3, 4, 5], [10, 20, 60_000]]


def test_an_event_without_image_is_zeros(tmp_path):
    given = [start(), descriptor(), event(1, {"image": [[1, 2, 3], [4, 5, 6]]}), event(2, {})]
    files = export_run(write_run(tmp_path / "run.jsonl", given), tmp_path / "out", "csv")
    assert np.load(files[-1]).tolist() == [[[1, 2, 3], [4, 5, 6]], [[0, 0, 0], [0, 0, 0]]]


def test_names_that_are_no_file_names_are_changed_and_kept_apart(tmp_path):
    keys = {"../x": {"dtype": "array"}, "..:x": {"dtype": "array"}}
    given = [
        start(),
        descriptor(keys, name="a/b"),
        event(1, {"../x": [1], "..:x": [2]}),
        descriptor({}, uid="d2", name="a:b"),
    ]
    files = export_run(write_run(tmp_path / "run.jsonl", given), tmp_path / "out", "csv")
    assert [file.relative_to(tmp_path / "out").as_posix() for file in files] == [
        "documents.jsonl",
        "a_b.csv",
        "a_b..._x.npy",
        "a_b..._x-2.npy",
        "a_b-2.csv",
    ]


def test_what_is_there_is_not_touched(run, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(ParameterError, match="exists already"):
        export_run(run, tmp_path / "out", "csv")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_damaged_run_leaves_nothing_behind(tmp_path):
    path = write_run(tmp_path / "run.jsonl", documents(3))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"damage\n", *lines[1:]]))
    with pytest.raises(RunFileError, match="Line 2"):
        export_run(path, tmp_path / "out", "csv")
    assert [each.name for each in tmp_path.iterdir()] == ["run.jsonl"]
