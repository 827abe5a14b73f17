"""Builders of descriptions, policies and catalogs in the documented structure."""

from __future__ import annotations

from inspect import Parameter

import pytest

from queue_server.access import Catalog, Policy


@pytest.fixture
def describe_device():
    """Build the description of a device: readable unless told otherwise, with components by keyword."""

    def build(*, readable=True, movable=False, flyable=False, **components):
        description = {
            "classname": "Simulated",
            "module": "simulated.devices",
            "is_readable": readable,
            "is_movable": movable,
            "is_flyable": flyable,
        }
        return {**description, "components": components} if components else description

    return build


@pytest.fixture
def describe_parameter():
    """Build the description of a parameter; a type, name lists and further keys are optional."""

    def build(name, annotation=None, *, kind="POSITIONAL_OR_KEYWORD", lists=None, **more):
        described = {"name": name, "kind": {"name": kind, "value": int(getattr(Parameter, kind))}, **more}
        if annotation is not None:
            described["annotation"] = {"type": annotation, **(lists or {})}
        return described

    return build


@pytest.fixture
def describe_plan():
    """Build the description of a plan out of descriptions of its parameters."""

    def build(name, *parameters, **more):
        return {
            "name": name,
            "module": "simulated.plans",
            "properties": {"is_generator": True},
            "parameters": list(parameters),
            **more,
        }

    return build


@pytest.fixture
def write_policy():
    """Build a policy whose root group allows everything, and whose group ``users`` has the given lists."""

    def build(**lists):
        everything = {"allowed_plans": [None], "allowed_devices": [None], "allowed_functions": [None]}
        return Policy.from_mapping({"user_groups": {"root": everything, "users": lists}})

    return build


@pytest.fixture
def beamline(describe_device):
    """A small tree of devices: two detectors, a motor, a stage with nested axes, and a private device."""
    axis = describe_device(movable=True, velocity=describe_device(movable=True))
    return {
        "det1": describe_device(val=describe_device()),
        "det2": describe_device(),
        "motor": axis,
        "flyer": describe_device(readable=False, flyable=True),
        "stage": describe_device(mtrs=describe_device(x=axis, y=axis), dets=describe_device(a=describe_device())),
        "_spare": describe_device(val=describe_device()),
    }


@pytest.fixture
def make_catalog(beamline):
    """Build a catalog of some plans and the beamline under a policy, by default the built-in one."""

    def build(*plans, devices=beamline, policy=None):
        return Catalog.build({plan["name"]: plan for plan in plans}, devices, policy or Policy.default())

    return build
