"""Which metadata clients may read."""

from __future__ import annotations

import pytest

from queue_server.access.metadata_keys import EVERYTHING, MetadataKeys

VALUES = {"scan_id": 3, "proposal": {"id": 7, "people": {"pi": "Ada", "n": 2}, "notes": {}}, "empty": {}}


@pytest.mark.parametrize(
    ("paths", "selected"),
    [
        (["/"], VALUES),
        (["/scan_id", "/"], VALUES),
        (["/scan_id"], {"scan_id": 3}),
        (["/scan_id/"], {"scan_id": 3}),
        (["/proposal"], {"proposal": VALUES["proposal"]}),
        (["/proposal/people/pi", "/empty"], {"proposal": {"people": {"pi": "Ada"}}, "empty": {}}),
        (["/proposal/notes"], {"proposal": {"notes": {}}}),
        (["/people", "/prop", "/scan_id/more"], {}),
        ([], {}),
    ],
)
def test_a_path_stands_for_all_below_it_and_what_is_empty_is_left_out(paths, selected):
    assert MetadataKeys.parse(paths).select(VALUES) == selected


def test_without_a_word_everything_may_be_read():
    assert EVERYTHING.select(VALUES) == VALUES


def test_what_is_selected_from_is_not_changed():
    MetadataKeys.parse(["/proposal/id"]).select(VALUES)
    assert VALUES["proposal"] == {"id": 7, "people": {"pi": "Ada", "n": 2}, "notes": {}}
