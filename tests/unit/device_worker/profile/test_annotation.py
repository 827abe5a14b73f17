from __future__ import annotations

import inspect

import pytest

from device_worker.profile import AnnotationError
from device_worker.profile.annotation import find_note, parameter_annotation_decorator


def plan(a, b=1):
    """Have a docstring."""
    yield a
    return b


_NOTE = {
    "description": "Text.",
    "parameters": {
        "a": {"annotation": "Names", "enums": {"Names": ("x", "y")}, "min": 1, "max": 2.5, "step": 0.1},
        "b": {"default": ["z"], "convert_plan_names": True, "convert_device_names": False, "description": "B."},
    },
}


def test_the_note_is_found_on_the_decorated_plan_alone():
    decorated = parameter_annotation_decorator(_NOTE)(plan)
    note = find_note(decorated)
    assert note.description == "Text."
    assert note.parameters["a"].enums == {"Names": ("x", "y")}
    assert note.parameters["b"].default == ["z"]
    assert find_note(plan).parameters == {}


def test_the_decorated_plan_behaves_as_before():
    decorated = parameter_annotation_decorator(_NOTE)(plan)
    assert inspect.isgeneratorfunction(decorated)
    assert inspect.signature(decorated) == inspect.signature(plan)
    assert (decorated.__name__, decorated.__doc__) == (plan.__name__, plan.__doc__)
    generator = decorated(5)
    assert next(generator) == 5
    with pytest.raises(StopIteration) as stopped:
        next(generator)
    assert stopped.value.value == 1


def test_a_function_that_is_no_generator_stays_one():
    decorated = parameter_annotation_decorator({"description": "Text."})(lambda a: a + 1)
    assert decorated(1) == 2
    assert not inspect.isgeneratorfunction(decorated)


def test_a_later_change_of_the_map_has_no_effect():
    note = {"description": "before"}
    decorated = parameter_annotation_decorator(note)(plan)
    note["description"] = "after"
    assert find_note(decorated).description == "before"


def test_the_attribute_has_the_name_that_other_packages_use():
    assert vars(parameter_annotation_decorator(_NOTE)(plan))["_custom_parameter_annotation_"] == _NOTE


@pytest.mark.parametrize(
    ("note", "place"),
    [
        ({"summary": "x"}, "summary"),
        ({"description": 5}, "description"),
        ({"parameters": {"a": {"type": "int"}}}, "parameters.a.type"),
        ({"parameters": {"a": {"annotation": int}}}, "parameters.a.annotation"),
        ({"parameters": {"a": {"devices": {"Motors": "m1"}}}}, "parameters.a.devices.Motors"),
        ({"parameters": {"a": {"devices": {"Motors": [1]}}}}, "parameters.a.devices.Motors"),
        ({"parameters": {"a": {"plans": {"no name": []}}}}, "parameters.a.plans"),
        ({"parameters": {"a": {"min": "1"}}}, "parameters.a.min"),
        ({"parameters": {"a": {"step": True}}}, "parameters.a.step"),
        ({"parameters": {"a": {"convert_plan_names": 1}}}, "parameters.a.convert_plan_names"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(note, place):
    with pytest.raises(AnnotationError, match="not understood") as caught:
        parameter_annotation_decorator(note)
    assert place in str(caught.value)


def test_a_parameter_that_the_plan_does_not_have_is_refused_with_those_it_has():
    with pytest.raises(AnnotationError, match=r"describes 'c', but 'plan' has the parameters 'a', 'b'"):
        parameter_annotation_decorator({"parameters": {"c": {}}})(plan)


def test_a_foreign_note_that_is_not_understood_is_refused_with_the_plan():
    def strange():
        yield

    vars(strange)["_custom_parameter_annotation_"] = {"colour": "red"}
    with pytest.raises(AnnotationError, match="annotation of 'strange'"):
        find_note(strange)
