from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from device_worker.profile import AllowedNames, ItemResolutionError
from device_worker.profile.names import NameResolver

_DEVICE: Any = {"classname": "C", "module": "m", "is_readable": True, "is_movable": False, "is_flyable": False}


class Broken:
    @property
    def bad(self):
        raise TimeoutError("no answer")


def _function():
    return 5


NAMESPACE = {
    "count": _function,
    "stage": SimpleNamespace(x=SimpleNamespace(val=7)),
    "broken": Broken(),
    "tools": SimpleNamespace(fit=_function, number=5, _private=_function),
    "_secret": _function,
}
_STAGE: Any = {**_DEVICE, "excluded": True, "components": {"x": {**_DEVICE, "components": {"val": _DEVICE}}}}
_DEVICES: Any = {
    "stage": _STAGE,
    "broken": {**_DEVICE, "components": {"bad": _DEVICE}},
    "gone_device": _DEVICE,
}
RESOLVER = NameResolver(NAMESPACE, AllowedNames({"count", "gone"}, _DEVICES))


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("stage.x", True),
        ("stage.x.val", True),
        ("broken", True),
        ("stage", False),
        ("stage.y", False),
        ("stage.x.val.deeper", False),
        ("gone_device", False),
        ("count", False),
        ("", False),
        ("stage.", False),
        (".x", False),
    ],
)
def test_a_device_may_be_named_if_it_is_allowed_and_exists(name, allowed):
    assert RESOLVER.has_device(name) is allowed


def test_a_plan_may_be_named_if_it_is_allowed_and_exists():
    assert RESOLVER.has_plan("count")
    assert not RESOLVER.has_plan("gone")
    assert not RESOLVER.has_plan("tools")


def test_a_dotted_name_leads_to_a_component():
    assert RESOLVER.find_object("stage.x.val") == 7
    assert RESOLVER.find_object("count") is _function


def test_a_component_that_cannot_be_reached_is_reported():
    with pytest.raises(ItemResolutionError, match=r"'broken.bad' cannot be reached: no answer"):
        RESOLVER.find_object("broken.bad")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tools.fit", True),
        ("count", True),
        ("tools.number", False),
        ("tools._private", False),
        ("_secret", False),
        ("tools.__class__", False),
        ("print", False),
        ("tools.fit()", False),
        ("tools.missing", False),
        ("broken.bad", False),
        ("1 + 1", False),
        ("", False),
    ],
)
def test_only_public_functions_of_the_namespace_are_found(name, found):
    assert (RESOLVER.find_callable(name) is _function) is found
    assert (RESOLVER.find_callable(name) is not None) is found
