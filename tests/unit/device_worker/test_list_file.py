"""The list file follows the lists of an environment, and is left alone while it says the same."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from device_worker.list_file import LONG_ENTRIES, ListFile, write_list
from queue_server.protocol.list_file import MOST_YAML_BYTES, parse_lists

PLANS: dict[str, Any] = {"count": {"name": "count", "properties": {"is_generator": True}, "parameters": []}}
DEVICES: dict[str, Any] = {"det": {"classname": "Det", "is_readable": True}}
# Written as another program would: other order, other style, a reference.
FOREIGN = """# By another program.
existing_devices: {det: {is_readable: true, classname: Det}}
existing_plans:
  count:
    properties: &p
      is_generator: true
    parameters: []
    name: count
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lists.yaml"


def read(path):
    """Return plans and devices of a list file."""
    content = yaml.safe_load(path.read_bytes())
    assert set(content) == {"existing_plans", "existing_devices"}
    return content["existing_plans"], content["existing_devices"]


def test_a_missing_file_is_written(path):
    ListFile(path).note_opened(PLANS, DEVICES)
    assert read(path) == (PLANS, DEVICES)


def test_a_file_that_says_the_same_in_other_words_is_not_touched(path):
    path.write_text(FOREIGN)
    before = path.stat()
    ListFile(path, "always").note_opened(PLANS, DEVICES)
    ListFile(path, "always").note_changed(PLANS, DEVICES)
    assert path.read_text() == FOREIGN
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    "content", ["", "- a list", "existing_plans: {", "existing_plans: {}", "!!python/name:os.system"]
)
def test_a_file_that_says_something_else_or_nothing_is_replaced(path, content):
    path.write_text(content)
    ListFile(path).note_opened(PLANS, DEVICES)
    assert read(path) == (PLANS, DEVICES)


def test_empty_lists_may_be_missing_in_the_file(path):
    path.write_text("existing_plans:\n")
    ListFile(path).note_opened({}, {})
    assert path.read_text() == "existing_plans:\n"


def test_changes_are_written_only_where_that_is_wanted(path):
    ListFile(path, "environment_open").note_changed(PLANS, DEVICES)
    assert not path.exists()
    ListFile(path, "always").note_changed(PLANS, DEVICES)
    assert read(path) == (PLANS, DEVICES)


@pytest.mark.parametrize("named", ["missing/lists.yaml", "."])
def test_a_file_that_cannot_be_written_is_said_and_stops_nothing(tmp_path, named, caplog):
    ListFile(tmp_path / named).note_opened(PLANS, DEVICES)
    assert "cannot be written" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_what_yaml_cannot_say_leaves_the_file_that_is_there(path, caplog):
    path.write_text("old: content")
    ListFile(path).note_opened({"count": {"name": object()}}, {})
    assert path.read_text() == "old: content"
    assert "cannot be written" in caplog.text


def test_a_link_stays_a_link_and_the_mode_stays_the_mode(path, tmp_path):
    real = tmp_path / "real.yaml"
    real.write_text("")
    real.chmod(0o640)
    path.symlink_to(real)
    write_list(path, PLANS, DEVICES)
    assert path.is_symlink()
    assert read(real) == (PLANS, DEVICES)
    assert real.stat().st_mode & 0o777 == 0o640


def test_equal_parts_are_written_out_in_full(path):
    shared: Any = {"name": "x", "description": "é"}
    write_list(path, {"a": shared, "b": shared}, {})
    text = path.read_text(encoding="utf-8")
    assert "&" not in text
    assert "é" in text
    assert read(path) == ({"a": shared, "b": shared}, {})


def test_long_lists_have_the_compact_form_and_are_known_again(path):
    devices = {f"det{number}": DEVICES["det"] for number in range(LONG_ENTRIES)}
    ListFile(path).note_opened(PLANS, devices)
    content = parse_lists(path.read_bytes())
    assert content == {"existing_plans": PLANS, "existing_devices": devices}
    before = path.stat().st_mtime_ns
    ListFile(path).note_opened(PLANS, devices)
    assert path.stat().st_mtime_ns == before


def test_a_file_that_would_take_too_long_to_read_is_written_in_the_form_that_does_not(path):
    path.write_text(FOREIGN + "# " + "x" * MOST_YAML_BYTES)
    ListFile(path).note_opened(PLANS, DEVICES)
    assert path.stat().st_size < 1000
