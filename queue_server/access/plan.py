"""A plan description made ready for checking arguments: compiled once, used for every item of the plan.

It checks values against the description; whether the plan may be used at all is decided elsewhere.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

from msgspec import Struct

from queue_server.access.field_error import FieldError, show_path, show_value
from queue_server.access.shapes import ANYTHING, TEXT, Fixed, Name, Shape, list_items, unite
from queue_server.access.signature import Kind, Signature, Slot
from queue_server.access.type_expression import parse_type
from queue_server.protocol.descriptions import CONVERSIONS, Conversion
from queue_server.protocol.errors import ParameterError


class Limits(Struct, frozen=True):
    """The closed range for every number in a value, at any depth of lists and maps."""

    lowest: float = -math.inf
    highest: float = math.inf

    @property
    def text(self) -> str:
        """The range in words."""
        if self.lowest == -math.inf:
            return f"at most {self.highest:g}"
        return f"at least {self.lowest:g}" if self.highest == math.inf else f"{self.lowest:g} to {self.highest:g}"

    def explain(self, value: object, place: str) -> Iterator[FieldError]:
        """Yield one finding for each number outside the range; what is no number is not looked at."""
        waiting: deque[tuple[str, object]] = deque([(place, value)])
        while waiting:
            where, current = waiting.popleft()
            if isinstance(current, (int, float)):
                if not self.lowest <= current <= self.highest:
                    yield FieldError(where, show_value(current), self.text)
            elif isinstance(current, Mapping):
                table = cast("Mapping[object, object]", current)
                waiting.extend((f"{where}[{show_value(key)}]", item) for key, item in table.items())
            else:
                items = list_items(current) or ()
                waiting.extend((f"{where}[{index}]", item) for index, item in enumerate(items))


class Parameter(Struct, frozen=True):
    """What one parameter of a plan accepts."""

    slot: Slot
    shape: Shape
    limits: Limits | None

    def explain(self, value: object) -> Iterator[FieldError]:
        """Yield what is wrong with the bound value."""
        if self.slot.kind is Kind.VAR_POSITIONAL:
            yield from self._explain_rest(cast("tuple[object, ...]", value))
        elif self.slot.kind is Kind.VAR_KEYWORD:
            for key, item in cast("Mapping[str, object]", value).items():
                yield from self._explain_value(self.shape, item, show_path(key))
        else:
            yield from self._explain_value(self.shape, value, self.slot.name)

    def _explain_value(self, shape: Shape, value: object, place: str) -> Iterator[FieldError]:
        if not shape.accepts(value):
            yield from shape.explain(value, place)
        elif self.limits:
            yield from self.limits.explain(value, place)

    def _explain_rest(self, values: tuple[object, ...]) -> Iterator[FieldError]:
        name, shape = self.slot.name, self.shape
        # Plans such as list_scan annotate *args with the tuple that repeats in it, though it is given flat.
        if isinstance(shape, Fixed) and shape.items and not all(map(shape.accepts, values)):
            if len(values) % len(shape.items):
                yield FieldError(name, f"{len(values)} values", f"groups of {len(shape.items)} values: {shape.text}")
                return
            shapes: Sequence[Shape] = shape.items * (len(values) // len(shape.items))
        else:
            shapes = (shape,) * len(values)
        for index, (one, value) in enumerate(zip(shapes, values, strict=True)):
            yield from self._explain_value(one, value, f"{name}[{index}]")


class Names:
    """The names that a group may use, and an index of each name list in its plan descriptions."""

    def __init__(self, devices: Collection[str] = (), plans: Collection[str] = ()) -> None:
        self.devices = devices
        self.plans = plans
        # By identity, because plans share long lists. The list is kept, or another could take its identity.
        self._indexes: dict[int, tuple[Collection[object], Collection[str]]] = {}

    def index(self, members: Collection[object]) -> Collection[str]:
        """Return the members of a list as texts, in their order, quick to search."""
        known = self._indexes.get(id(members))
        if known is None:
            known = self._indexes[id(members)] = (members, dict.fromkeys(str(member) for member in members))
        return known[1]


class CompiledPlan(Struct, frozen=True):
    """A plan that knows what its arguments must look like."""

    name: str
    signature: Signature
    parameters: Mapping[str, Parameter]

    @classmethod
    def compile(cls, description: Mapping[str, Any], names: Names) -> CompiledPlan:
        """Compile a description whose lists of names are expanded to what the group may use.

        Raises:
            ParameterError: the description cannot be used, for example because a limit is no number.
        """
        name = str(description.get("name", ""))
        entries: object = description.get("parameters", [])
        if not isinstance(entries, (list, tuple)):
            raise _unusable(name, "its parameters are not a list")
        compiler = _Compiler(name, names)
        parameters = [compiler.compile(entry) for entry in cast("Sequence[object]", entries)]
        by_name = {parameter.slot.name: parameter for parameter in parameters}
        if len(by_name) != len(parameters):
            raise _unusable(name, "two of its parameters have the same name")
        return cls(name, Signature.of([parameter.slot for parameter in parameters]), by_name)

    def explain(self, args: Sequence[object], kwargs: Mapping[str, object]) -> Iterator[FieldError]:
        """Yield everything that is wrong with the arguments of one call."""
        binding = self.signature.bind(args, kwargs)
        yield from binding.errors
        for name, value in binding.values.items():
            yield from self.parameters[name].explain(value)


class _Compiler:
    """Compiles the parameters of one plan."""

    def __init__(self, plan: str, names: Names) -> None:
        self._plan = plan
        self._names = names
        self._plan_name = Name(names.plans, "a plan: ")
        self._device_name = Name(names.devices, "a device: ")

    def compile(self, entry: object) -> Parameter:
        if not isinstance(entry, Mapping):
            raise _unusable(self._plan, f"the parameter {show_value(entry)} is not a map")
        described = cast("Mapping[str, Any]", entry)
        name: object = described.get("name")
        if not isinstance(name, str) or not name.isidentifier():
            raise _unusable(self._plan, f"{show_value(name)} is not the name of a parameter")
        slot = Slot(name, self._kind(name, described), required="default" not in described)
        return Parameter(slot, self._shape(described), self._limits(name, described))

    def _kind(self, name: str, described: Mapping[str, Any]) -> Kind:
        kind: object = described.get("kind")
        number = cast("Mapping[str, object]", kind).get("value") if isinstance(kind, Mapping) else None
        try:
            return Kind(cast(int, number))
        except ValueError as error:
            raise _unusable(self._plan, f"parameter {name!r} has the unknown kind {show_value(number)}") from error

    def _limits(self, name: str, described: Mapping[str, Any]) -> Limits | None:
        lowest = self._limit(name, described, "min", -math.inf)
        highest = self._limit(name, described, "max", math.inf)
        return None if lowest == -math.inf and highest == math.inf else Limits(lowest, highest)

    def _limit(self, name: str, described: Mapping[str, Any], key: str, default: float) -> float:
        given: object = described.get(key)
        if given is None:
            return default
        # An unreadable limit refuses the plan: to ignore it would let a motor run past it.
        try:
            limit = float(cast(str, given))
        except (ValueError, TypeError, OverflowError):
            limit = math.nan
        if math.isnan(limit):
            raise _unusable(self._plan, f"{key!r} of parameter {name!r} is {show_value(given)}, which is no number")
        return limit

    def _shape(self, described: Mapping[str, Any]) -> Shape:
        annotation: object = described.get("annotation")
        if not isinstance(annotation, Mapping):
            return ANYTHING
        annotation = cast("Mapping[str, object]", annotation)
        text = annotation.get("type")
        if not isinstance(text, str):
            return ANYTHING
        return parse_type(text, self._built_in(described) | self._listed(annotation))

    def _built_in(self, described: Mapping[str, Any]) -> dict[str, Shape]:
        # Where names stay texts (convert_..._names: false) they need not belong to an object.
        shapes: dict[Conversion, Shape] = {
            "plan": TEXT if described.get("convert_plan_names") is False else self._plan_name,
            "device": TEXT if described.get("convert_device_names") is False else self._device_name,
            "expression": TEXT,
        }
        return {name: unite([shapes[kind] for kind in kinds]) for name, kinds in CONVERSIONS.items()}

    def _listed(self, annotation: Mapping[str, object]) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {}
        for section in ("devices", "plans", "enums"):
            lists = annotation.get(section)
            if isinstance(lists, Mapping):
                for name, members in cast("Mapping[str, object]", lists).items():
                    shapes[name] = Name(self._names.index(list_items(members) or ()))
        return shapes


def _unusable(plan: str, reason: str) -> ParameterError:
    return ParameterError(
        f"The description of plan {show_value(plan)} cannot be used: {reason}. "
        "Correct the plan or its annotation, then open the environment again",
        field="item.name",
    )
