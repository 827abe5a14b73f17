"""Arguments of workflows are values that fit the declared parameters, or are told apart with their places."""

from __future__ import annotations

from math import inf, nan

import pytest

from queue_server.access.arguments import check_arguments, describe, read_arguments
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.workflow_parameters import Parameter
from queue_server.protocol.workflows import read_workflow

ID = "a" * 64
FILES = {"f1": ID}
NUMBERS = {"name": "p", "dtype": "int", "minimum": 1, "exclusive_maximum": 5}
SELECT = {"name": "p", "dtype": "select", "values": [{"name": "a", "value": 1}, {"name": "b", "value": "two"}]}
RECORD = {
    "name": "p",
    "dtype": "record",
    "fields": [{"name": "x", "dtype": "int"}, {"name": "y", "dtype": "float", "default": 0.5}],
}
LIST = {"name": "p", "dtype": "list", "item": {"name": "e", "dtype": "int", "maximum": 9}}


def make(*parameters):
    return read_workflow({"id": "w", "plan": {"item_type": "plan", "name": "count"}, "parameters": list(parameters)})


def of(dtype, **more):
    return {"name": "p", "dtype": dtype, **more}


@pytest.mark.parametrize(
    ("parameter", "value", "read"),
    [
        (of("string"), "", ""),
        (of("bool"), False, False),
        (of("float"), 3, 3.0),
        (of("float"), -1e300, -1e300),
        (NUMBERS, 1, 1),
        (NUMBERS, 4, 4),
        (SELECT, 1, 1),
        (SELECT, "two", "two"),
        (LIST, [], []),
        (LIST, (1, 9), [1, 9]),
        (RECORD, {"x": 1}, {"x": 1, "y": 0.5}),
        (of("actor"), {"image": "python"}, {"image": "python"}),
        (of("actor"), "python", "python"),
        (of("file"), "f1", {"artifact_id": ID, "file_id": "f1"}),
        (of("file", target="in.csv"), {"file_id": "f1"}, {"artifact_id": ID, "file_id": "f1", "target": "in.csv"}),
        (of("file"), {"artifact_id": ID, "target": "x"}, {"artifact_id": ID, "target": "x"}),
    ],
)
def test_a_value_that_fits_is_read(parameter, value, read):
    values = check_arguments(make(parameter), {"p": value}, files=FILES)
    assert values == {"p": read}
    assert type(values["p"]) is type(read)


@pytest.mark.parametrize(
    ("parameter", "value", "field"),
    [
        (of("string"), 1, "arguments.p"),
        (of("bool"), 1, "arguments.p"),
        (of("bool"), "true", "arguments.p"),
        (of("int"), 1.0, "arguments.p"),
        (of("int"), True, "arguments.p"),
        (of("int"), "1", "arguments.p"),
        (of("int"), 2**63, "arguments.p"),
        (of("float"), nan, "arguments.p"),
        (of("float"), inf, "arguments.p"),
        (of("float"), 10**400, "arguments.p"),
        (of("float"), True, "arguments.p"),
        (NUMBERS, 0, "arguments.p"),
        (NUMBERS, 5, "arguments.p"),
        (SELECT, True, "arguments.p"),
        (SELECT, "1", "arguments.p"),
        (LIST, 1, "arguments.p"),
        (LIST, [1, 10], "arguments.p[1]"),
        (RECORD, {"x": "1"}, "arguments.p.x"),
        (RECORD, {}, "arguments.p.x"),
        (RECORD, {"x": 1, "z": 1}, "arguments.p.z"),
        (RECORD, [], "arguments.p"),
        (of("actor"), {}, "arguments.p"),
        (of("actor"), 1, "arguments.p"),
        (of("file"), "f2", "arguments.p"),
        (of("file"), {"artifact_id": "abc"}, "arguments.p"),
        (of("file"), {"file_id": ["f1"]}, "arguments.p"),
        (of("file"), {"file_id": "f1", "more": 1}, "arguments.p"),
        (of("file"), {"file_id": "f1", "target": 1}, "arguments.p"),
        (of("file"), 1, "arguments.p"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_at_its_place(parameter, value, field):
    with pytest.raises(ParameterError) as caught:
        check_arguments(make(parameter), {"p": value}, files=FILES)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("parameter", "value", "read"),
    [
        (of("int"), " 7 ", 7),
        (of("int"), "-7", -7),
        (of("int"), 7.0, 7),
        (of("float"), "1e-3", 0.001),
        (of("float"), ".5", 0.5),
        (of("bool"), "True", True),
        (of("bool"), "no", False),
        (SELECT, "1", 1),
        (LIST, "3", [3]),
        (LIST, ["1", "2"], [1, 2]),
        (RECORD, {"x": "4"}, {"x": 4, "y": 0.5}),
        (of("string"), "7", "7"),
    ],
)
def test_texts_are_cast_where_that_is_asked_for(parameter, value, read):
    assert check_arguments(make(parameter), {"p": value}, casts=True) == {"p": read}


@pytest.mark.parametrize(
    ("dtype", "text"), [("int", "1.5"), ("int", "0x1"), ("int", ""), ("float", "nan"), ("float", "inf"), ("bool", "on")]
)
def test_a_text_that_is_no_such_value_stays_wrong(dtype, text):
    with pytest.raises(ParameterError):
        check_arguments(make(of(dtype)), {"p": text}, casts=True)


def test_defaults_stand_for_what_is_missing_and_null_is_missing():
    workflow = make(of("int", default=3), {"name": "q", "dtype": "string", "is_required": False})
    for given in ({}, {"p": None, "q": None}):
        assert check_arguments(workflow, given) == {"p": 3}


def test_everything_that_is_wrong_is_told():
    checked = read_arguments(
        make(of("int"), {"name": "q", "dtype": "bool"}), {"p": "x", "r": 1}, path="items[3].arguments"
    )
    assert [error.field for error in checked.errors] == [
        "items[3].arguments.r",
        "items[3].arguments.p",
        "items[3].arguments.q",
    ]


def test_what_fits_is_told_in_words():
    told = describe(Parameter.model_validate(NUMBERS))
    assert told == "a whole number of at least 1 and below 5"
    assert describe(Parameter.model_validate(SELECT)) == "one of 1, 'two'"
