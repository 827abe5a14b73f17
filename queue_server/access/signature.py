"""The parameters of a plan, and how given arguments are bound to them, as Python binds a call.

Binding finds every mistake instead of the first one; it looks at no value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

from msgspec import Struct, field

from queue_server.access.field_error import FieldError, show_names, show_path, show_value


class Kind(IntEnum):
    """How a parameter takes arguments; the numbers are those of ``inspect`` and of plan descriptions."""

    POSITIONAL_ONLY = 0
    POSITIONAL_OR_KEYWORD = 1
    VAR_POSITIONAL = 2
    KEYWORD_ONLY = 3
    VAR_KEYWORD = 4


class Slot(Struct, frozen=True):
    """One parameter, as far as binding needs it."""

    name: str
    kind: Kind
    required: bool


class Binding(Struct):
    """What each parameter receives: a value, a tuple of values (``*args``) or a map (``**kwargs``)."""

    values: dict[str, object] = field(default_factory=dict[str, object])
    errors: list[FieldError] = field(default_factory=list[FieldError])


class Signature(Struct, frozen=True):
    """The parameters of one plan, sorted by how they take arguments."""

    positional: tuple[Slot, ...]
    keyword: Mapping[str, Slot]
    required: tuple[Slot, ...]
    rest: str | None
    """The parameter that takes further positional arguments."""
    rest_by_name: str | None
    """The parameter that takes unknown keyword arguments."""

    @classmethod
    def of(cls, slots: Sequence[Slot]) -> Signature:
        """Sort parameters that are given in the order of the plan's signature."""
        by_position = tuple(slot for slot in slots if slot.kind <= Kind.POSITIONAL_OR_KEYWORD)
        named = (Kind.POSITIONAL_OR_KEYWORD, Kind.KEYWORD_ONLY)
        single = (*by_position, *(slot for slot in slots if slot.kind is Kind.KEYWORD_ONLY))
        return cls(
            positional=by_position,
            keyword={slot.name: slot for slot in slots if slot.kind in named},
            required=tuple(slot for slot in single if slot.required),
            rest=next((slot.name for slot in slots if slot.kind is Kind.VAR_POSITIONAL), None),
            rest_by_name=next((slot.name for slot in slots if slot.kind is Kind.VAR_KEYWORD), None),
        )

    def bind(self, args: Sequence[object], kwargs: Mapping[str, object]) -> Binding:
        """Distribute arguments; mistakes are collected, and what they concern is left unbound."""
        binding = Binding()
        self._bind_positions(args, binding)
        self._bind_names(kwargs, binding)
        for slot in self.required:
            if slot.name not in binding.values:
                binding.errors.append(FieldError(slot.name, "nothing", "a value, because the parameter has no default"))
        return binding

    def _bind_positions(self, args: Sequence[object], binding: Binding) -> None:
        binding.values.update((slot.name, value) for slot, value in zip(self.positional, args, strict=False))
        surplus = args[len(self.positional) :]
        if not surplus:
            return
        if self.rest is not None:
            binding.values[self.rest] = tuple(surplus)
            return
        accepted = f"at most {len(self.positional)} positional arguments"
        binding.errors.append(FieldError("args", f"{len(args)} positional arguments", accepted))

    def _bind_names(self, kwargs: Mapping[str, object], binding: Binding) -> None:
        surplus: dict[str, object] = {}
        for name, value in kwargs.items():
            if name not in self.keyword:
                surplus[name] = value
            elif name in binding.values:
                binding.errors.append(FieldError(name, "two values, by position and by name", "one value"))
            else:
                binding.values[name] = value
        if self.rest_by_name is not None:
            if surplus:
                binding.values[self.rest_by_name] = surplus
            return
        binding.errors.extend(self._refuse_name(name, value) for name, value in surplus.items())

    def _refuse_name(self, name: str, value: object) -> FieldError:
        if any(slot.name == name for slot in self.positional):
            return FieldError(name, "a value by name", "a value by position only")
        return FieldError(show_path(name), f"{show_value(value)} for an unknown parameter", show_names(self.keyword))
