from __future__ import annotations

from typing import Any

import pytest

from device_worker.profile import AnnotationError
from device_worker.profile.name_pattern import expand_devices, expand_plans


def _device(kind="", **components):
    flags = {"is_readable": "r" in kind, "is_movable": "m" in kind, "is_flyable": "f" in kind}
    device = {"classname": "C", "module": "m", **flags}
    return {**device, "components": components} if components else device


DEVICES: Any = {
    "det1": _device("r", val=_device("r")),
    "det2": _device("r", val=_device("r")),
    "motor": _device("rm", velocity=_device("rm")),
    "flyer": _device("f"),
    "stage": _device("r", x=_device("rm", val=_device("r")), y=_device("rm", val=_device("r"))),
    "hidden": {**_device("r"), "excluded": True},
}
PLANS = ["count", "scan", "rel_scan", "_inner"]


@pytest.mark.parametrize(
    ("entries", "names"),
    [
        (["det1"], ["det1"]),
        (["nowhere.val"], ["nowhere.val"]),
        ([], []),
        ([":^det"], ["det1", "det2"]),
        ([":^det$"], []),
        ([": ^ det 1 $"], ["det1"]),
        ([":^det:val"], ["det1", "det1.val", "det2", "det2.val"]),
        ([":-^det:val"], ["det1.val", "det2.val"]),
        ([":+^det:+val"], ["det1", "det1.val", "det2", "det2.val"]),
        ([":-^det:-val"], ["det1.val", "det2.val"]),
        ([":-^stage:-x:val"], ["stage.x.val"]),
        ([":?val$"], ["det1.val", "det2.val", "stage.x.val", "stage.y.val"]),
        ([":?^stage.*val$:depth=2"], []),
        ([":?^stage.*val$:depth=3"], ["stage.x.val", "stage.y.val"]),
        ([":?.*:depth=1"], ["det1", "det2", "flyer", "motor", "stage"]),
        ([":^stage$:?.*:depth=1"], ["stage", "stage.x", "stage.y"]),
        ([":-^stage$:?^x"], ["stage.x", "stage.x.val"]),
        (["__MOTOR__:.*"], ["motor"]),
        (["__MOTOR__:?.*"], ["motor", "motor.velocity", "stage.x", "stage.y"]),
        (["__DETECTOR__:.*"], ["det1", "det2", "stage"]),
        (["__READABLE__:^(det1|flyer)"], ["det1"]),
        (["__FLYABLE__:.*"], ["flyer"]),
        ([":hidden"], []),
        (["det1", ":^det1", "det1"], ["det1"]),
    ],
)
def test_entries_of_a_device_list_are_expanded(entries, names):
    assert expand_devices(entries, DEVICES) == names


@pytest.mark.parametrize(
    ("entries", "names"),
    [
        (["count", "missing"], ["count", "missing"]),
        ([":scan$"], ["rel_scan", "scan"]),
        ([":^_"], ["_inner"]),
        ([":?scan", ":-count"], ["count", "rel_scan", "scan"]),
    ],
)
def test_entries_of_a_plan_list_are_expanded(entries, names):
    assert expand_plans(entries, PLANS) == names


def test_names_are_sorted_without_regard_to_case():
    assert expand_devices(["b", "A", "a", "C", "B"], {}) == ["A", "a", "B", "b", "C"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("", "is not a name"),
        ("det 1!", "is not a name"),
        ("a..b", "is not a name"),
        ("a.", "is not a name"),
        ("1a", "is not a name"),
        (":", "empty level"),
        (":a::b", "empty level"),
        (":+", "empty level"),
        (":a(", "bad regular expression"),
        ("__KNOB__:a", "unknown type"),
        (":?a:b", "only ':depth=N'"),
        (":?a:b:depth=2", "only ':depth=N'"),
        (":?a:depth=0", "only ':depth=N'"),
        (":?a:depth=x", "only ':depth=N'"),
    ],
)
def test_a_malformed_entry_is_refused_with_the_entry_and_the_reason(entry, message):
    with pytest.raises(AnnotationError, match=message) as caught:
        expand_devices([entry], DEVICES)
    assert repr(entry) in str(caught.value)


@pytest.mark.parametrize("entry", ["a.b", ":a:b", "__MOTOR__:a", ":?a:depth=2"])
def test_what_only_devices_have_is_refused_in_a_list_of_plans(entry):
    with pytest.raises(AnnotationError, match="cannot be in a list of plans"):
        expand_plans([entry], PLANS)
