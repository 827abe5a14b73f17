"""How plans and devices are described to clients: the documented maps as types, and their type names.

It describes only. Loading, discovering and checking belong to the worker and to the access rules.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired

from pydantic import ConfigDict, with_config

# pydantic reads a TypedDict before Python 3.12 only in this form; it brings the package itself.
from typing_extensions import TypedDict

Conversion = Literal["plan", "device", "expression"]

CONVERSIONS: Final[dict[str, tuple[Conversion, ...]]] = {
    "__PLAN__": ("plan",),
    "__DEVICE__": ("device",),
    "__PLAN_OR_DEVICE__": ("plan", "device"),
    "__READABLE__": ("device",),
    "__MOVABLE__": ("device",),
    "__FLYABLE__": ("device",),
    "__CALLABLE__": ("expression",),
}
"""Type names that stand for objects of the worker, and what becomes of a string in their place.

A plan or device is given by its name, a callable by the dotted name of a function in the worker's namespace.
"""

ARGUMENTS_ONLY: Final = "arguments"
"""What a plan declares as its claims if it uses no devices but those in its arguments."""

_OPEN = ConfigDict(extra="allow")


@with_config(_OPEN)
class ParameterKind(TypedDict):
    """How a parameter is passed: name and number of the member of Python's ``inspect._ParameterKind``."""

    name: str
    value: int


@with_config(_OPEN)
class ParameterAnnotation(TypedDict):
    """The type of a parameter; the lists name what a type name of their own in ``type`` stands for."""

    type: str
    devices: NotRequired[dict[str, list[str]]]
    plans: NotRequired[dict[str, list[str]]]
    enums: NotRequired[dict[str, list[str]]]


@with_config(_OPEN)
class ParameterDescription(TypedDict):
    """One parameter of a plan; ``default``, ``min``, ``max`` and ``step`` are Python literals as text."""

    name: str
    kind: ParameterKind
    description: NotRequired[str]
    annotation: NotRequired[ParameterAnnotation]
    default: NotRequired[str]
    default_defined_in_decorator: NotRequired[bool]
    min: NotRequired[str]
    max: NotRequired[str]
    step: NotRequired[str]
    convert_plan_names: NotRequired[bool]
    convert_device_names: NotRequired[bool]
    eval_expressions: NotRequired[bool]


@with_config(_OPEN)
class PlanProperties(TypedDict):
    """What is known about a plan as a whole."""

    is_generator: bool


@with_config(_OPEN)
class PlanDescription(TypedDict):
    """One plan; parameters are in the order of its signature.

    ``claims`` are the devices that it uses besides those in its arguments, or the word for none; without it nobody
    knows.
    """

    name: str
    module: NotRequired[str]
    description: NotRequired[str]
    properties: PlanProperties
    parameters: list[ParameterDescription]
    claims: NotRequired[Literal["arguments"] | list[str]]


@with_config(_OPEN)
class DeviceDescription(TypedDict):
    """One device or component; ``excluded`` marks one that is shown only for the sake of its components."""

    classname: str
    module: str
    is_readable: bool
    is_movable: bool
    is_flyable: bool
    components: NotRequired[dict[str, DeviceDescription]]
    excluded: NotRequired[bool]


PlanDescriptions = dict[str, PlanDescription]
DeviceDescriptions = dict[str, DeviceDescription]
