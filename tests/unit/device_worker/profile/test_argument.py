from __future__ import annotations

from typing import Any

import pytest

from device_worker.profile import AllowedNames, ItemResolutionError
from device_worker.profile.argument import ArgumentRule, convert_argument
from device_worker.profile.names import NameResolver

_DEVICE: Any = {"classname": "C", "module": "m", "is_readable": True, "is_movable": False, "is_flyable": False}


def _fit():
    return None


DET, MOTOR, COUNT = object(), object(), object()
RESOLVER = NameResolver(
    {"det": DET, "motor": MOTOR, "count": COUNT, "fit": _fit, "hidden": object()},
    AllowedNames({"count": {}}, {"det": _DEVICE, "motor": _DEVICE}),
)


def _convert(value, **description):
    described: Any = {"name": "p", "kind": {"name": "KEYWORD_ONLY", "value": 3}, **description}
    return convert_argument(value, ArgumentRule.from_description(described), RESOLVER)


def test_without_an_annotation_every_name_becomes_its_object_and_other_texts_stay():
    value = ["det", ("motor", 5, None), {"det": "count", "x": [1.5, "text", "hidden"]}]
    assert _convert(value) == [DET, (MOTOR, 5, None), {"det": COUNT, "x": [1.5, "text", "hidden"]}]
    assert value[0] == "det", "the item itself is not changed"


@pytest.mark.parametrize("kind", ["int", "str", "typing.Any", "list[float] | None", "typing.Literal['det']"])
def test_a_type_without_devices_leaves_texts_alone(kind):
    assert _convert(["det", "count"], annotation={"type": kind}) == ["det", "count"]


def test_the_flags_decide_what_may_be_named():
    assert _convert(["det", "count"], convert_device_names=False) == ["det", COUNT]
    assert _convert(["det", "count"], convert_plan_names=False) == [DET, "count"]
    text = {"type": "str"}
    assert _convert(["det", "count"], annotation=text, convert_device_names=True) == [DET, "count"]
    assert _convert(["det", "count"], annotation=text, convert_plan_names=True) == ["det", COUNT]


def test_listed_names_alone_become_objects():
    annotation = {"type": "typing.List[Any_]", "devices": {"Any_": ["det", "gone"]}, "plans": {"P": ["count"]}}
    assert _convert(["det", "count"], annotation=annotation) == [DET, COUNT]


@pytest.mark.parametrize("text", ["motor", "gone", "nonsense", ""])
def test_a_text_outside_the_list_is_refused_with_the_parameter_and_the_choice(text):
    annotation = {"type": "typing.List[Detectors]", "devices": {"Detectors": ["det", "gone"]}}
    with pytest.raises(ItemResolutionError, match="give one of det, gone") as caught:
        _convert([text], annotation=annotation)
    assert caught.value.parameter == "p"


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("collections.abc.Sequence[__READABLE__]", "device"),
        ("__MOVABLE__ | None", "device"),
        ("typing.Union[typing.List[__DEVICE__], __DEVICE__]", "device"),
        ("tuple[__MOVABLE__, float]", "device"),
        ("dict[int, __FLYABLE__]", "device"),
    ],
)
def test_a_name_of_no_device_is_refused_where_only_devices_make_sense(kind, word):
    with pytest.raises(ItemResolutionError, match=f"'missing' is not the name of a {word}"):
        _convert({"x": ["missing"]}, annotation={"type": kind}, convert_device_names=True)


@pytest.mark.parametrize(
    "kind",
    [
        "__MOVABLE__ | typing.Any",
        "typing.Union[str, __DEVICE__]",
        "dict[str, __READABLE__]",
        "__DEVICE__ | typing.Literal['missing']",
        "list[__DEVICE__ | object]",
        "list[",
    ],
)
def test_a_text_passes_where_the_type_may_accept_one(kind):
    assert _convert(["missing", "det"], annotation={"type": kind}, convert_device_names=True) == ["missing", DET]


def test_values_of_an_enumeration_pass_and_others_do_not():
    annotation = {
        "type": "typing.Union[Names, Motors]",
        "enums": {"Names": ["up", "det"]},
        "devices": {"Motors": ["motor"]},
    }
    assert _convert(["up", "det", "motor"], annotation=annotation) == ["up", "det", MOTOR]
    with pytest.raises(ItemResolutionError):
        _convert("down", annotation=annotation)


def test_functions_are_found_by_name_and_missing_ones_refused():
    described = {"annotation": {"type": "__CALLABLE__ | None"}, "eval_expressions": True}
    assert _convert(["fit", None], **described) == [_fit, None]
    with pytest.raises(ItemResolutionError, match="'__import__' is not the name of a function"):
        _convert("__import__", **described)


def test_a_plan_or_device_is_named_in_the_complaint_as_either():
    described = {
        "annotation": {"type": "__PLAN_OR_DEVICE__"},
        "convert_plan_names": True,
        "convert_device_names": True,
    }
    assert _convert(["det", "count"], **described) == [DET, COUNT]
    with pytest.raises(ItemResolutionError, match="a plan or device of this environment"):
        _convert("fit", **described)


def test_a_long_list_is_cut_in_the_complaint():
    names = [f"m{number:02}" for number in range(30)]
    with pytest.raises(ItemResolutionError, match=r"m00, m01.* and 10 more"):
        _convert("x", annotation={"type": "M", "devices": {"M": names}})


def test_bytes_and_numbers_are_returned_as_they_are():
    assert _convert([b"det", 5, 1.5, None, True]) == [b"det", 5, 1.5, None, True]
