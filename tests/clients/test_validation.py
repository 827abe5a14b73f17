"""Checking items and permissions, side by side with bluesky-queueserver: the same is accepted and refused.

The other side runs in a process of its own. Where Cuelight differs on purpose, the table says why, and a difference
that has gone fails like one that has come.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from inspect import Parameter
from typing import Any

import pytest

from queue_server.access import Catalog, Policy, validate_item
from queue_server.protocol.errors import ParameterError
from tests.cases import each

OTHER_SIDE = """
import copy, json, os, sys, types, yaml
sys.modules.setdefault("pandas", types.ModuleType("pandas"))  # imported for spreadsheets, which are not read here
import bluesky_queueserver
from bluesky_queueserver.manager import conversions, profile_ops

def expand(plans, devices):
    names = set(plans)
    return {
        name: profile_ops._expand_plan_description(plan, existing_devices=devices, existing_plans=names)
        for name, plan in plans.items()
    }

def judge(case):
    plans = expand(case["plans"], case["devices"])
    plans = profile_ops._filter_allowed_plans(allowed_plans=plans, allowed_devices=case["devices"])
    accepted, _ = profile_ops.validate_plan(case["item"], allowed_plans=plans, allowed_devices=case["devices"])
    return accepted

folder = os.path.join(os.path.dirname(bluesky_queueserver.__file__), "profile_collection_sim")
with open(os.path.join(folder, "existing_plans_and_devices.yaml")) as stream:
    existing = yaml.safe_load(stream)
with open(os.path.join(folder, "user_group_permissions.yaml")) as stream:
    written = yaml.safe_load(stream)

def allow(permissions):
    plans, devices = profile_ops.load_allowed_plans_and_devices(
        existing_plans=existing["existing_plans"],
        existing_devices=existing["existing_devices"],
        user_group_permissions=permissions,
    )
    reduced = {group: conversions.simplify_plan_descriptions(some) for group, some in plans.items()}
    return {"plans": plans, "devices": devices, "reduced": reduced}

request = json.load(sys.stdin)
reply = {
    "judgements": [judge(case) for case in request["cases"]],
    "existing": existing,
    "written": written,
    "allowed": [allow(permissions or copy.deepcopy(written)) for permissions in request["permissions"]],
}
json.dump(reply, sys.stdout)
"""

FLAGS = {"is_readable": True, "is_movable": False, "is_flyable": False, "classname": "Sim", "module": "sim"}
DEVICES = {
    "det1": {**FLAGS, "components": {"val": FLAGS}},
    "det2": FLAGS,
    "motor": {**FLAGS, "is_movable": True},
}


@dataclass(frozen=True)
class Case:
    """One value for a parameter of one type; ``differs`` is the reason for another judgement than the other side's."""

    annotation: str | None
    value: Any
    differs: str = ""
    kind: str = "POSITIONAL_OR_KEYWORD"
    lists: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def plans(self):
        parameter = {"name": "x", "kind": {"name": self.kind, "value": int(getattr(Parameter, self.kind))}}
        if self.annotation is not None:
            parameter["annotation"] = {"type": self.annotation, **self.lists}
        described = {"name": "p", "properties": {}, "parameters": [{**parameter, **self.more}]}
        return {"p": described, "count": {"name": "count", "properties": {}, "parameters": []}}

    @property
    def item(self):
        item = {"item_type": "plan", "name": "p"}
        if self.kind == "VAR_POSITIONAL":
            return {**item, "args": self.value}
        return {**item, "kwargs": self.value} if self.kind == "VAR_KEYWORD" else {**item, "args": [self.value]}


@dataclass(frozen=True)
class Call:
    """One call of a plan with the signature ``(a, b=1, *, c=2)``."""

    item: dict[str, Any]
    differs: str = ""

    @property
    def plans(self):
        kinds = {"a": ("POSITIONAL_OR_KEYWORD", None), "b": ("POSITIONAL_OR_KEYWORD", "1"), "c": ("KEYWORD_ONLY", "2")}
        parameters = [
            {"name": name, "kind": {"name": kind, "value": int(getattr(Parameter, kind))}}
            | ({"default": default} if default else {})
            for name, (kind, default) in kinds.items()
        ]
        return {"p": {"name": "p", "properties": {}, "parameters": parameters}}


def same(annotation, *values, **more):
    return [Case(annotation, value, **more) for value in values]


def differs(reason, annotation, *values, **more):
    return [Case(annotation, value, differs=reason, **more) for value in values]


CHECKED_NAMES = "the name of a device or plan must be one that the group may use"
INNER_VALUES = "values inside maps are checked like all others"
SWITCH = "a switch is not a number"
UNKNOWN = "a type that is not known accepts anything, instead of making the plan unusable"
ANY_ORDER = "the order of a union does not matter"
BY_NAME = "a function is passed by its name"
FLAT = "groups of positional arguments may be given as the plan takes them"
LENIENT = "an annotation that cannot be understood in full does not make the plan unusable"
NOT_A_NUMBER = "what is not a number is in no range"
SPREAD = "a text or a map is not taken apart into positional arguments"

ANY = "typing.Any"
GROUPS = "tuple[__MOVABLE__ | typing.Any, list[typing.Any]]"
LISTED = {"devices": {"D": ["det1", "nothing", ":^motor$"]}, "enums": {"E": ["red", "green"]}}
UNION_OF_LISTS = {"devices": {"A": ["det1"], "B": ["motor"]}}
RANGE = {"min": "0", "max": "10"}

CASES = [
    *same(None, 1, "a", [1], {"a": None}, None),
    *same("int", 5, -5, 5.0, "5", True, None, [5]),
    *same("float", 5, 5.5, "5", None, [5.5]),
    *differs(SWITCH, "float", True),
    *same("bool", True, False, 1, 0, 2, "true", 1.0, None),
    *same("str", "a", "", 5, None, ["a"]),
    *same("int | float", 5, 5.5, True, "5"),
    *same("float | str", 5, "5", None),
    *same("int | str", 5, "a", 5.0, True),
    *same("float | None", 5, None, "a"),
    *same("typing.Optional[int]", 5, None, "a"),
    *same("typing.List[int]", [1], [], [1.0], ["1"], "1", {"a": 1}, [True], [[1]], None),
    *same("typing.List[float]", [1, 2.5], ["a"]),
    *differs(SWITCH, "typing.List[float]", [True]),
    *same("list", [1, "a"], "a", {"a": 1}, 5),
    *same("list[typing.Any]", [1, "a"], "a"),
    *same("dict", {"a": 1}, [1], "a"),
    *same("dict[str, int]", {"a": 1}, {}, {"a": "x"}, [["a", 1]], None),
    *differs(INNER_VALUES, "dict[str, int]", {"a": "5"}, {"a": 1.0}),
    *same("dict[int, int]", {"1": 1}),
    *same("dict[str, typing.Any] | None", {"a": [1]}, None, "a", [1]),
    *same("tuple[int, str]", [1, "a"], [1], [1, "a", 2], ["a", 1], "ab"),
    *same("tuple[int, ...]", [1, 2], [], ["a"]),
    *same("tuple", [1, "a"], "ab", 5),
    *same("set[int]", [1, 2], ["a"], 5),
    *same("collections.abc.Sequence[str]", ["a"], "a", {"a": 1}, [1], 5),
    *same("collections.abc.Sequence[typing.Any]", ["a"], "a", {"a": 1}, 5),
    *same("collections.abc.Sequence", ["a"], "a", 5),
    *same("collections.abc.Iterable[typing.Any]", ["a"], "a", {"a": 1}, 5),
    *same("collections.abc.Iterable[float]", [1, 2.5], ["a"], "a"),
    *same("collections.abc.Iterable[typing.Any] | bool | None", [1], True, None),
    *same("collections.abc.Mapping[str, int]", {"a": 1}, {"a": "x"}, [1]),
    *same("collections.abc.Hashable | None", "a", 5, None, [1], {"a": 1}),
    *same("typing.Union[str, typing.Iterable[str]]", "a", ["a"], [1], 5),
    *same("typing.Union[typing.Iterable[str], str]", ["a"], [1]),
    *differs(ANY_ORDER, "typing.Union[typing.Iterable[str], str]", "a"),
    *same("typing.Literal['a', 1]", "a", 1, True, "b", 1.0),
    *same("typing.Annotated[int, 5]", 5, "a"),
    *same(ANY, "a", [1], None),
    *same("object", "a", 1),
    *same("NoneType", None, 1),
    *differs(LENIENT, "None", None),
    *same("__CALLABLE__", "module.function", 5),
    *differs(BY_NAME, "typing.Callable", "function"),
    *same("__READABLE__", "det1", "det1.val", 5, None, ["det1"]),
    *differs(CHECKED_NAMES, "__READABLE__", "nothing", "det1.nothing"),
    *same("collections.abc.Sequence[__READABLE__]", ["det1", "motor"], [], "det1", [5]),
    *differs(CHECKED_NAMES, "collections.abc.Sequence[__READABLE__]", ["det1", "nothing"]),
    *same("list[__DEVICE__]", ["nothing"], more={"convert_device_names": False}),
    *same("__MOVABLE__ | typing.Any", "motor", "nothing", 5, [1]),
    *same("__PLAN__", "count", 5),
    *differs(CHECKED_NAMES, "__PLAN__", "nothing"),
    *same("__PLAN_OR_DEVICE__", "count", "det1", 5),
    *same("typing.List[D] | E", ["det1"], ["motor"], ["det2"], ["nothing"], "red", "blue", [], 5, lists=LISTED),
    *same("typing.Union[typing.List[A], typing.List[B]]", ["det1"], ["motor"], ["det1", "motor"], lists=UNION_OF_LISTS),
    *same("P", "p", "count", "nothing", "det1", lists={"plans": {"P": [":.*", "nothing"]}}),
    *same("E", "a", lists={"enums": {"E": []}}),
    *same("typing.List[E]", [], ["a"], lists={"enums": {"E": []}}),
    *same("__READABLE__", "det1", "motor", lists={"devices": {"__READABLE__": ["det1"]}}),
    *differs(LENIENT, "int", 5, lists={"enums": {"E": ["a"]}}),
    *differs(UNKNOWN, "numpy.ndarray", [1]),
    *differs(UNKNOWN, "datetime.date", "2026-01-01"),
    *differs(UNKNOWN, "complex", 1),
    *differs("it is a list of which only the length is not known", "collections.abc.Collection[int]", [1]),
    *same("float", [1, 2.5], ["a"], [], [None], kind="VAR_POSITIONAL"),
    *same(GROUPS, [["motor", [1, 2]]], [["motor", 5]], [["motor"]], [], kind="VAR_POSITIONAL"),
    *differs(FLAT, GROUPS, ["motor", [1, 2]], kind="VAR_POSITIONAL"),
    *same("float", {"a": 1}, {"a": "x"}, {}, {"a": None}, kind="VAR_KEYWORD"),
    *differs(INNER_VALUES, "float", {"a": "5"}, {"a": True}, kind="VAR_KEYWORD"),
    *same("typing.List[float]", [0, 10], [11], [-0.5], [[11]], more=RANGE),
    *same(ANY, 5, 11, [11], {"a": [11]}, "11", None, [1, {"a": 5}], more=RANGE),
    *same("float", 5, -1, more={"min": "0"}),
    *same("float", 5, 11, more={"max": "10"}),
    *same("float", 5, more={"max": "much"}),
    *differs(NOT_A_NUMBER, "float", float("nan"), more=RANGE),
    *same("int", 5, "a", more={"default": "'text'"}),
    *differs(LENIENT, "int", 5, more={"default": "nan"}),
    Call({"args": [1]}),
    Call({"args": [1, 2]}),
    Call({"args": [1, 2, 3]}),
    Call({"args": [1], "kwargs": {"c": 5}}),
    Call({"args": [1], "kwargs": {"a": 5}}),
    Call({"args": [1], "kwargs": {"d": 5}}),
    Call({"kwargs": {"a": 1}}),
    Call({"kwargs": {"b": 1}}),
    Call({}),
    Call({"args": None}),
    Call({"args": [1], "kwargs": None}),
    Call({"args": [1], "kwargs": [1]}),
    Call({"args": "a"}, differs=SPREAD),
    Call({"args": {"a": 1}}, differs=SPREAD),
    Call({"args": [1], "meta": {}}),
    Call({"args": [1], "meta": [{}, {"a": 1}]}),
    Call({"args": [1], "meta": [1]}),
    Call({"args": [1], "meta": 5}),
    Call({"args": [1], "meta": None}),
    Call({"args": [1], "name": "nothing"}),
    Call({"args": [1], "name": ["p"]}),
]

DEVICE_PATTERNS = [
    "sim_bundle_A",
    "sim_bundle_A.mtrs.x",
    "sim_bundle_A.nothing.x",
    ":^sim",
    ":^sim:^mt:^x$",
    ":-^sim:^mt:^x$",
    ":-^sim:-^mt:-^x$",
    ":+^sim:-^mt:^x$",
    ":?^sim_bundle_A.*x$",
    ":^sim_bundle_A$:?.*x$",
    ":+^sim_bundle_A$:?.*x$:depth=2",
    ":?.*:depth=1",
    ":?.*:depth=2",
    "__MOTOR__:?.*",
    "__DETECTOR__:^sim:?.*:depth=3",
    "__READABLE__:.*",
    "__FLYABLE__:?.*",
    ": ^det : ?.*",
]
PLAN_PATTERNS = ["count", ":^count", ":scan$", ":.*", ":?^rel", ":-^move", "nothing", None]


def write(**lists):
    everything = {"allowed_plans": [None], "allowed_devices": [None]}
    return {"user_groups": {"root": everything, "users": lists}}


PERMISSIONS = [
    None,  # stands for the permissions that come with the simulated profile
    *(write(allowed_devices=[pattern]) for pattern in DEVICE_PATTERNS),
    *(write(allowed_devices=[None], forbidden_devices=[pattern], allowed_plans=[None]) for pattern in DEVICE_PATTERNS),
    *(write(allowed_plans=[pattern]) for pattern in PLAN_PATTERNS),
    *(write(allowed_plans=[None], forbidden_plans=[pattern]) for pattern in PLAN_PATTERNS),
    write(allowed_devices=[":^det", ":^sim:?.*"], forbidden_devices=[":^det[3-5]$", "sim_bundle_A.mtrs"]),
    write(allowed_devices=[], allowed_plans=[]),
    write(),
    write(allowed_devices=[None, ":^det"], forbidden_devices=[None, ":^det"]),
]


@pytest.fixture(scope="module")
def other_side():
    """Ask the other side about all cases and permissions at once."""
    cases = [
        {"plans": case.plans, "devices": DEVICES, "item": {"item_type": "plan", "name": "p", **case.item}}
        for case in CASES
    ]
    request = json.dumps({"cases": cases, "permissions": PERMISSIONS})
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OTHER_SIDE],
        input=request,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def accepts(case):
    """Tell whether Cuelight accepts an item, with descriptions that have made the same way through JSON."""
    plans, item = json.loads(json.dumps([case.plans, {"item_type": "plan", "name": "p", **case.item}]))
    try:
        validate_item(item, Catalog.build(plans, DEVICES, Policy.default()), "primary")
    except ParameterError:
        return False
    return True


def show(case):
    return f"{case.annotation}: {case.value!r}" if isinstance(case, Case) else repr(case.item)


@each("number", range(len(CASES)), lambda number: show(CASES[number]))
def test_an_item_is_judged_as_by_the_other_side_or_differently_on_purpose(other_side, number):
    case = CASES[number]
    assert (accepts(case) != other_side["judgements"][number]) is bool(case.differs)


@each("number", range(len(PERMISSIONS)), lambda number: repr(PERMISSIONS[number])[-70:])
def test_permissions_allow_the_same_plans_and_devices(other_side, number):
    policy = Policy.from_mapping(PERMISSIONS[number] or other_side["written"])
    existing = other_side["existing"]
    catalog = Catalog.build(existing["existing_plans"], existing["existing_devices"], policy)
    allowed = other_side["allowed"][number]
    assert list(policy.groups) == list(allowed["plans"])
    for group in policy.groups:
        assert catalog.devices_allowed(group) == allowed["devices"][group]
        assert catalog.plans_allowed(group) == allowed["plans"][group]
        assert json.loads(json.dumps(catalog.plans_allowed_reduced(group))) == allowed["reduced"][group]
