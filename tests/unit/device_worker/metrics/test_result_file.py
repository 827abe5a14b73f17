"""A result file is read as what its name says, if it is a small file of the attempt's own."""

from __future__ import annotations

import pytest

from device_worker.metrics.result_file import MOST_BYTES, read_result_file
from device_worker.metrics.value import MissingValueError, UnfitValueError


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.json", '{"a": [1, 2.5]}'),
        ("sub/r.JSON", '{"a": [1, 2.5]}'),
        ("r.yaml", "a: [1, 2.5]\n"),
        ("r", "a: [1, 2.5]"),
    ],
)
def test_a_file_is_json_or_yaml(tmp_path, name, text):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert read_result_file(tmp_path, name) == {"a": [1, 2.5]}


def test_a_file_that_is_not_there_is_missing(tmp_path):
    for directory in (tmp_path, None):
        with pytest.raises(MissingValueError, match=r"no file 'r\.json'"):
            read_result_file(directory, "r.json")


def test_a_directory_and_links_are_no_files(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "d").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "r.json").write_text("{}")
    (tmp_path / "out" / "link").symlink_to(tmp_path / "secret" / "r.json")
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "secret")
    for name in ("d", "link", "sub/r.json"):
        with pytest.raises(MissingValueError):
            read_result_file(tmp_path / "out", name)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("r.json", b"{", "cannot be read"),
        ("r.json", b"\xff", "cannot be read"),
        ("r.yaml", b"a: [", "cannot be read"),
        ("r.yaml", b"a: !!python/object/apply:os.system ['true']", "cannot be read"),
        ("r.json", b"[" * 100_000, "cannot be read"),
        ("r.json", b" " * (MOST_BYTES + 1), "may have"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, name, content, why):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnfitValueError, match=why):
        read_result_file(tmp_path, name)
