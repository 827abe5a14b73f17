"""The rule by which one parameter turns names into objects, and its application to a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from device_worker.profile.errors import ItemResolutionError
from device_worker.profile.names import NameResolver
from device_worker.profile.type_text import TypeTextError, list_type_names
from queue_server.protocol.descriptions import CONVERSIONS, ParameterAnnotation, ParameterDescription

_NEVER_TEXT = frozenset(
    {
        *("typing", "collections", "abc", "enum"),
        *("bool", "int", "float", "complex", "NoneType", "None", "ellipsis"),
        *("list", "tuple", "set", "frozenset", "List", "Tuple", "Set", "FrozenSet"),
        *("dict", "Dict", "Mapping", "MutableMapping"),
        *("Optional", "Union", "Sequence", "MutableSequence", "Iterable", "Collection", "Iterator"),
    }
)
"""Parts of types under which no plain text is a value. Everything else might accept one."""

_SHOWN_NAMES = 20
"""Names of a list that an error message shows."""


@dataclass(frozen=True, slots=True)
class ArgumentRule:
    """What a text may stand for in the value of a parameter.

    Attributes:
        name: the parameter.
        listed: names of plans and devices that the annotation lists.
        plans: any plan may be named.
        devices: any device may be named.
        functions: a function of the namespace may be named.
        texts: texts that are values of their own; None is any text.
    """

    name: str
    listed: frozenset[str] = frozenset()
    plans: bool = False
    devices: bool = False
    functions: bool = False
    texts: frozenset[str] | None = None

    @classmethod
    def from_description(cls, description: ParameterDescription) -> Self:
        """Return the rule for a described parameter; without an annotation any plan or device may be named."""
        annotation = description.get("annotation")
        everything = annotation is None
        plans = description.get("convert_plan_names")
        devices = description.get("convert_device_names")
        listed = _listed(annotation, "plans", plans) | _listed(annotation, "devices", devices)
        return cls(
            name=description["name"],
            listed=listed,
            plans=everything if plans is None else plans,
            devices=everything if devices is None else devices,
            functions=description.get("eval_expressions", False),
            texts=None if annotation is None or False in (plans, devices) else _find_texts(annotation),
        )

    @property
    def converts(self) -> bool:
        """Whether any text can become an object."""
        return bool(self.listed) or self.plans or self.devices or self.functions


def convert_argument(value: Any, rule: ArgumentRule, resolver: NameResolver) -> Any:
    """Return a value with objects in place of names, in lists, tuples and the values of maps alike.

    Raises:
        ItemResolutionError: a text names nothing, where only names make sense.
    """
    return _convert(value, rule, resolver) if rule.converts else value


def _convert(value: Any, rule: ArgumentRule, resolver: NameResolver) -> Any:
    if isinstance(value, str):
        return _convert_text(value, rule, resolver)
    if isinstance(value, (list, tuple)):
        return type(value)([_convert(part, rule, resolver) for part in value])
    if isinstance(value, dict):
        return {key: _convert(part, rule, resolver) for key, part in value.items()}
    return value


def _convert_text(text: str, rule: ArgumentRule, resolver: NameResolver) -> Any:
    named = text in rule.listed
    if ((named or rule.plans) and resolver.has_plan(text)) or ((named or rule.devices) and resolver.has_device(text)):
        return resolver.find_object(text)
    if rule.functions:
        function = resolver.find_callable(text)
        if function is not None:
            return function
    if rule.texts is not None and text not in rule.texts:
        raise ItemResolutionError(f"{text!r} {_complain(rule)}", rule.name)
    return text


def _complain(rule: ArgumentRule) -> str:
    possible = {"plan": rule.plans, "device": rule.devices, "function": rule.functions}
    kinds = " or ".join(kind for kind, wanted in possible.items() if wanted)
    if kinds:
        return f"is not the name of a {kinds} of this environment that may be used"
    known = sorted(rule.listed)
    rest = f" and {len(known) - _SHOWN_NAMES} more" if len(known) > _SHOWN_NAMES else ""
    return f"may not be used here: give one of {', '.join(known[:_SHOWN_NAMES])}{rest}"


def _listed(annotation: ParameterAnnotation | None, section: str, convert: bool | None) -> frozenset[str]:
    lists = cast("Mapping[str, list[str]]", (annotation or {}).get(section, {}))
    return frozenset(name for names in lists.values() for name in names if convert is not False)


def _find_texts(annotation: ParameterAnnotation) -> frozenset[str] | None:
    """Return the texts that are values in themselves; None if the type may accept any text."""
    enums = annotation.get("enums", {})
    named = {*annotation.get("plans", {}), *annotation.get("devices", {}), *enums, *CONVERSIONS}
    try:
        parts = list_type_names(annotation["type"]) - named
    except TypeTextError:
        return None
    if parts - _NEVER_TEXT:
        return None
    return frozenset(text for texts in enums.values() for text in texts)
