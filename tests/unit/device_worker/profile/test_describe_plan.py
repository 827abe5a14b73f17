from __future__ import annotations

import functools
from typing import Any

import pytest
from bluesky import plans
from bluesky.protocols import Readable

from device_worker.profile import DescriptionError
from device_worker.profile.annotation import parameter_annotation_decorator
from device_worker.profile.describe_parameter import Surroundings
from device_worker.profile.describe_plan import describe_plan
from device_worker.profile.errors import AnnotationError

_DEVICE: Any = {"classname": "C", "module": "m", "is_readable": True, "is_movable": False, "is_flyable": False}
AROUND = Surroundings(plans=["count", "scan"], devices={"det1": _DEVICE, "det2": _DEVICE})


def _describe(plan) -> Any:
    description = describe_plan(plan, AROUND)
    return {parameter["name"]: parameter for parameter in description["parameters"]}


def measure(detectors: list[Readable], /, num: int = 1, *rest: float, delay: float | None = None, **md):
    """Measure things.

    Parameters
    ----------
    detectors
        What to read.
    num : int
        How often.
    """
    yield


def test_a_plan_is_described_in_the_documented_form():
    assert describe_plan(measure, AROUND) == {
        "name": "measure",
        "module": __name__,
        "description": "Measure things.",
        "properties": {"is_generator": True},
        "parameters": [
            {
                "name": "detectors",
                "kind": {"name": "POSITIONAL_ONLY", "value": 0},
                "description": "What to read.",
                "annotation": {"type": "list[__READABLE__]"},
                "convert_device_names": True,
            },
            {
                "name": "num",
                "kind": {"name": "POSITIONAL_OR_KEYWORD", "value": 1},
                "description": "How often.",
                "annotation": {"type": "int"},
                "default": "1",
            },
            {
                "name": "rest",
                "kind": {"name": "VAR_POSITIONAL", "value": 2},
                "annotation": {"type": "float"},
            },
            {
                "name": "delay",
                "kind": {"name": "KEYWORD_ONLY", "value": 3},
                "annotation": {"type": "float | None"},
                "default": "None",
            },
            {"name": "md", "kind": {"name": "VAR_KEYWORD", "value": 4}},
        ],
    }


def test_type_hints_that_are_texts_are_described_by_their_types():
    assert _describe(measure)["num"]["annotation"] == {"type": "int"}


def test_the_annotation_comes_before_hints_defaults_and_docstring():
    note = {
        "description": "Annotated.",
        "parameters": {
            "detectors": {
                "description": "Two detectors.",
                "annotation": "typing.List[Detectors]",
                "devices": {"Detectors": ("det2", ":^det")},
            },
            "num": {"default": 5, "min": 1, "max": 10.0, "step": 0.5},
        },
    }
    annotated = parameter_annotation_decorator(note)(measure)
    assert describe_plan(annotated, AROUND).get("description") == "Annotated."
    parameters = _describe(annotated)
    assert parameters["detectors"] == {
        "name": "detectors",
        "kind": {"name": "POSITIONAL_ONLY", "value": 0},
        "description": "Two detectors.",
        "annotation": {"type": "typing.List[Detectors]", "devices": {"Detectors": ["det1", "det2"]}},
    }
    assert parameters["num"] == {
        "name": "num",
        "kind": {"name": "POSITIONAL_OR_KEYWORD", "value": 1},
        "description": "How often.",
        "annotation": {"type": "int"},
        "default": "5",
        "default_defined_in_decorator": True,
        "min": "1",
        "max": "10",
        "step": "0.5",
    }


def _annotate(**note):
    def plan(a=None):
        yield

    return parameter_annotation_decorator({"parameters": {"a": note}})(plan)


@pytest.mark.parametrize(
    ("note", "conversions"),
    [
        ({"annotation": "__DEVICE__"}, {"convert_device_names": True}),
        ({"annotation": "list[__PLAN__]"}, {"convert_plan_names": True}),
        ({"annotation": "__PLAN_OR_DEVICE__"}, {"convert_plan_names": True, "convert_device_names": True}),
        ({"annotation": "__CALLABLE__ | None"}, {"eval_expressions": True}),
        ({"annotation": "__MOVABLE__", "convert_device_names": False}, {"convert_device_names": False}),
        ({"annotation": "str", "convert_plan_names": True}, {"convert_plan_names": True}),
        ({"annotation": "__DEVICE__", "devices": {"__DEVICE__": ["det1"]}}, {}),
        ({"annotation": "int"}, {}),
    ],
)
def test_what_becomes_of_names_is_described(note, conversions):
    described = _describe(_annotate(**note))["a"]
    keys = {"convert_plan_names", "convert_device_names", "eval_expressions"}
    assert {key: described[key] for key in keys & described.keys()} == conversions


def test_lists_of_an_annotation_are_described_as_lists():
    note = {"annotation": "Names | Plans", "enums": {"Names": ("b", "a")}, "plans": {"Plans": (":^c", "other")}}
    assert _describe(_annotate(**note))["a"]["annotation"] == {
        "type": "Names | Plans",
        "enums": {"Names": ["b", "a"]},
        "plans": {"Plans": ["count", "other"]},
    }


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ({"annotation": "Unknown"}, "Unknown type name 'Unknown'"),
        ({"annotation": "list["}, "is not the description of a type"),
        ({"annotation": "int", "devices": {"Unused": ["det1"]}}, "the list 'Unused' is not used"),
        ({"annotation": "Bad", "devices": {"Bad": [":("]}}, "bad regular expression"),
        ({"annotation": "Bad", "plans": {"Bad": [":a:b"]}}, "cannot be in a list of plans"),
        ({"min": float("inf")}, "min must be a finite number"),
        ({"default": object()}, "is not a Python literal"),
    ],
)
def test_a_contradictory_annotation_is_reported_with_plan_and_parameter(note, reason):
    with pytest.raises(DescriptionError, match=reason) as caught:
        _describe(_annotate(**note))
    assert "Plan 'plan' cannot be described: parameter 'a'" in str(caught.value)


def test_a_default_in_the_annotation_needs_one_in_the_signature():
    @parameter_annotation_decorator({"parameters": {"a": {"default": 1}}})
    def plan(a):
        yield

    with pytest.raises(DescriptionError, match="but none in the signature"):
        describe_plan(plan, AROUND)


@pytest.mark.parametrize("default", [object(), float("nan"), print, {"a": object()}])
def test_a_default_that_cannot_be_written_is_reported(default):
    def plan(a=default):
        yield

    with pytest.raises(DescriptionError, match="parameter 'a': the default value"):
        describe_plan(plan, AROUND)


def test_an_annotation_replaces_a_default_that_cannot_be_written():
    @parameter_annotation_decorator({"parameters": {"a": {"default": "det1"}}})
    def plan(a=object()):  # noqa: B008
        yield

    assert _describe(plan)["a"]["default"] == "'det1'"


def test_a_plan_without_a_name_is_reported():
    with pytest.raises(DescriptionError, match="has no name"):
        describe_plan(functools.partial(measure, []), AROUND)


def test_a_plan_that_is_not_a_generator_says_so():
    from bluesky.plan_stubs import mv

    assert describe_plan(mv, AROUND)["properties"] == {"is_generator": False}
    assert describe_plan(plans.count, AROUND)["properties"] == {"is_generator": True}


@pytest.mark.parametrize(
    ("declared", "described"),
    [("arguments", "arguments"), (["shutter"], ["shutter"]), (("shutter", "robot"), ["shutter", "robot"]), ([], [])],
)
def test_what_a_plan_declares_about_its_devices_is_described(declared, described):
    assert describe_plan(_declare(claims=declared), AROUND).get("claims") == described


def test_a_plan_that_declares_nothing_is_described_without_claims():
    assert "claims" not in describe_plan(_declare(), AROUND)


@pytest.mark.parametrize("declared", ["everything", "", 5, [1], {"a": 1}])
def test_what_is_no_declaration_is_refused(declared):
    with pytest.raises(AnnotationError, match="claims"):
        _declare(claims=declared)


def _declare(**note):
    @parameter_annotation_decorator(note)
    def plan(a=None):
        yield

    return plan
