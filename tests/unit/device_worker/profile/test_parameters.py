from __future__ import annotations

import enum

import pytest
from ophyd import Component, Device, Signal
from ophyd.sim import SynAxis

from device_worker.profile import (
    AllowedNames,
    ItemResolutionError,
    Profile,
    StartupSource,
    describe_profile,
    resolve_plan,
)
from device_worker.profile.annotation import parameter_annotation_decorator
from device_worker.profile.parameters import merge_metadata


class Stage(Device):
    x = Component(SynAxis, name="x")
    counter = Component(Signal, value=0)


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


def free(first, *rest, named=None, **more):
    yield "free", first, rest, named, more


def only(first, /, second=2, *, third=3):
    yield


def mode_scan(mode: Mode, others: dict[str, list[Mode]] | None = None):
    yield


@parameter_annotation_decorator(
    {
        "parameters": {
            "motors": {"annotation": "typing.List[Motors]", "devices": {"Motors": ["motor", "stage.x"]}},
            "default": {"annotation": "Motors", "devices": {"Motors": ["motor"]}, "default": "motor"},
            "inner": {"annotation": "__PLAN__", "default": "only"},
            "names": {"annotation": "Names", "enums": {"Names": ["motor"]}, "default": "motor"},
        }
    }
)
def annotated(motors, default=None, *, inner=None, names=None, untouched=()):
    yield


@pytest.fixture(scope="module")
def namespace():
    return {
        "motor": SynAxis(name="motor"),
        "stage": Stage(name="stage"),
        **{plan.__name__: plan for plan in (free, only, mode_scan, annotated)},
    }


class Resolver:
    """Resolves plans of one profile by name and arguments."""

    def __init__(self, namespace):
        self.profile = Profile(StartupSource("sim"), dict(namespace))
        self.descriptions = describe_profile(self.profile)

    def __call__(self, name, *args, allowed=None, **kwargs):
        item = {"item_type": "plan", "name": name, "args": list(args), "kwargs": kwargs}
        return resolve_plan(item, self.profile, self.descriptions, allowed)


@pytest.fixture
def resolve(namespace):
    return Resolver(namespace)


def test_arguments_are_bound_and_names_replaced_wherever_they_stand(resolve, namespace):
    plan = resolve("free", ["motor"], {"a": "stage.x"}, "text", named="stage.counter", extra=("motor",))
    motor, stage = namespace["motor"], namespace["stage"]
    assert plan.function is free
    assert plan.args == ([motor], {"a": stage.x}, "text")
    assert plan.kwargs == {"named": stage.counter, "extra": (motor,)}
    assert next(plan.start()) == ("free", [motor], ({"a": stage.x}, "text"), stage.counter, {"extra": (motor,)})


def test_the_item_itself_is_not_changed(resolve):
    item = {"name": "free", "args": [["motor"]], "kwargs": {"named": {"x": "motor"}}, "meta": [{"a": 1}]}
    copy = {"name": "free", "args": [["motor"]], "kwargs": {"named": {"x": "motor"}}, "meta": [{"a": 1}]}
    resolve_plan(item, resolve.profile, resolve.descriptions)
    assert item == copy


@pytest.mark.parametrize("item", [{"args": None, "kwargs": None, "meta": None}, {}])
def test_absent_parts_of_an_item_are_empty(resolve, item):
    plan = resolve_plan({"name": "free", **item, "args": ["x"]}, resolve.profile, resolve.descriptions)
    assert (plan.args, plan.kwargs, plan.metadata) == (("x",), {}, {})


def test_defaults_of_the_annotation_are_resolved_by_its_lists(resolve, namespace):
    plan = resolve("annotated", ["stage.x"])
    bound = (*plan.args, *plan.kwargs.values())
    assert bound == ([namespace["stage"].x], namespace["motor"], only, "motor")
    assert "untouched" not in plan.kwargs


def test_an_argument_wins_over_the_default_of_the_annotation(resolve):
    assert resolve("annotated", ["motor"], inner="free").kwargs["inner"] is free


def test_values_become_members_of_the_enumerations_in_the_type_hints(resolve):
    plan = resolve("mode_scan", "fast", others={"a": ["slow", "unknown"]})
    assert plan.args == (Mode.FAST, {"a": [Mode.SLOW, "unknown"]})


@pytest.mark.parametrize(
    ("args", "kwargs", "reason"),
    [
        ((), {}, "missing a required .*argument: 'first'"),
        ((1, 2, 3), {}, "too many positional arguments"),
        ((1,), {"fourth": 4}, "unexpected keyword argument 'fourth'"),
        ((1, 2), {"second": 2}, "multiple values for argument 'second'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_with_the_plan(resolve, args, kwargs, reason):
    with pytest.raises(ItemResolutionError, match=f"do not fit plan 'only': .*{reason}"):
        resolve("only", *args, **kwargs)


def test_a_name_that_is_not_accepted_is_refused_with_plan_and_parameter(resolve):
    with pytest.raises(ItemResolutionError, match="Plan 'annotated', parameter 'motors': 'stage'") as caught:
        resolve("annotated", ["motor", "stage"])
    assert caught.value.parameter == "motors"


@pytest.mark.parametrize("name", ["missing", "motor", "print", "__builtins__", ""])
def test_a_name_that_is_no_plan_is_refused(resolve, name):
    with pytest.raises(ItemResolutionError, match="does not exist in this environment, or is not allowed"):
        resolve(name)


@pytest.mark.parametrize(
    "item",
    [
        {"item_type": "instruction", "name": "queue_stop"},
        {"name": None},
        {},
        {"name": "free", "args": "motor"},
        {"name": "free", "args": {"a": 1}},
        {"name": "free", "kwargs": [1]},
        {"name": "free", "kwargs": {1: 2}},
        {"name": "free", "args": [1], "meta": 5},
    ],
)
def test_a_malformed_item_is_refused(resolve, item):
    with pytest.raises(ItemResolutionError):
        resolve_plan(item, resolve.profile, resolve.descriptions)


def test_what_the_group_may_not_use_is_not_resolved(resolve, namespace):
    described = resolve.descriptions
    allowed = AllowedNames({"free": described.plans["free"]}, {"motor": described.devices["motor"]})
    assert resolve("free", ["motor", "stage", "stage.x", "only"], allowed=allowed).args == (
        [namespace["motor"], "stage", "stage.x", "only"],
    )
    with pytest.raises(ItemResolutionError, match="or is not allowed"):
        resolve("only", 1, allowed=allowed)


def test_objects_are_taken_from_the_namespace_as_it_is_now(resolve):
    replacement = SynAxis(name="motor")
    resolve.profile.namespace["motor"] = replacement
    assert resolve("free", "motor").args == (replacement,)


def test_a_plan_that_lost_a_described_parameter_is_refused(resolve):
    def only(first):
        yield first

    resolve.profile.namespace["only"] = only
    with pytest.raises(ItemResolutionError, match="was redefined and has no parameter 'second'"):
        resolve("only", 1)


def test_a_component_that_vanished_is_reported_with_the_parameter(resolve):
    resolve.profile.namespace["stage"] = SynAxis(name="stage")
    with pytest.raises(ItemResolutionError, match=r"Plan 'free', parameter 'first': 'stage.counter'"):
        resolve("free", "stage.counter")


@pytest.mark.parametrize(
    ("metadata", "merged"),
    [
        (None, {}),
        ({}, {}),
        ([], {}),
        ({"a": 1}, {"a": 1}),
        ([{"a": 1, "b": 1}, {"b": 2, "c": 2}], {"a": 1, "b": 1, "c": 2}),
    ],
)
def test_of_several_maps_of_metadata_the_earlier_ones_win(metadata, merged):
    assert merge_metadata(metadata) == merged


@pytest.mark.parametrize("metadata", [5, "text", [1], [{"a": 1}, "text"]])
def test_metadata_that_are_no_maps_are_refused(metadata):
    with pytest.raises(ItemResolutionError, match="'meta' must be a map or a list of maps"):
        merge_metadata(metadata)
