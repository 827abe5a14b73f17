"""Arguments of runs, which files and records have in a form of their own."""

from __future__ import annotations

import pytest

from http_gateway.dialects.flowserv.arguments import read_arguments, show_arguments
from queue_server.protocol.errors import ParameterError
from tests.doubles.flowserv_manager import PARAMETERS

NESTED = [
    {"name": "files", "dtype": "list", "item": {"name": "one", "dtype": "file"}},
    {"name": "who", "dtype": "record", "fields": [{"name": "photo", "dtype": "file"}, {"name": "age", "dtype": "int"}]},
]
PLAIN = {"files": [{"file_id": "a"}, {"file_id": "b", "target": "x"}], "who": {"photo": {"file_id": "c"}, "age": 5}}
SHOWN = [
    {
        "name": "files",
        "value": [
            {"type": "$file", "value": {"fileId": "a"}},
            {"type": "$file", "value": {"fileId": "b", "targetPath": "x"}},
        ],
    },
    {
        "name": "who",
        "value": [
            {"name": "photo", "value": {"type": "$file", "value": {"fileId": "c"}}},
            {"name": "age", "value": 5},
        ],
    },
]


def test_files_are_found_in_lists_and_records():
    assert read_arguments(SHOWN, NESTED) == PLAIN
    assert show_arguments(PLAIN, NESTED) == SHOWN


def test_files_are_shown_however_they_are_kept():
    shown = show_arguments({"mask": "abc"}, PARAMETERS)
    assert shown == [{"name": "mask", "value": {"type": "$file", "value": {"fileId": "abc"}}}]
    by_content = {"artifact_id": "0" * 64, "target": "t"}
    assert show_arguments({"mask": by_content}, PARAMETERS)[0]["value"]["value"]["fileId"] == "0" * 64
    assert show_arguments({"mask": None, "gone": {"a": 1}}, PARAMETERS)[1]["value"] == {"a": 1}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (None, "arguments"),
        ([None], "arguments[0]"),
        ([{"name": 1, "value": 1}], "arguments[0]"),
        ([{"name": "a", "value": 1}, {"name": "a", "value": 2}], "arguments[1].name"),
        ([{"name": "mask", "value": "abc"}], "arguments[0].value"),
        ([{"name": "mask", "value": {"type": "$file"}}], "arguments[0].value"),
        ([{"name": "mask", "value": {"type": "$file", "value": {}}}], "arguments[0].value"),
        ([{"name": "mask", "value": {"type": "$file", "value": {"fileId": "a", "x": 1}}}], "arguments[0].value"),
        (
            [{"name": "mask", "value": {"type": "$file", "value": {"fileId": "a", "targetPath": 1}}}],
            "arguments[0].value",
        ),
        ([{"name": "limits", "value": [{"name": "low"}]}], "arguments[0].value[0]"),
    ],
)
def test_what_is_no_list_of_arguments_is_refused_by_its_place(given, field):
    with pytest.raises(ParameterError) as caught:
        read_arguments(given, PARAMETERS)
    assert caught.value.field == field
