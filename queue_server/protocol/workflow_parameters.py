"""Parameters of workflows: how they are declared. What values fit them is told elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_PARAMETERS: Final = 256
MOST_CHOICES: Final = 1_000
DEEPEST_PARAMETER: Final = 8
"""How deep lists and records may be declared within one another."""

ParameterType = Literal["actor", "bool", "file", "float", "int", "list", "record", "select", "string"]
NUMBERS: Final[frozenset[ParameterType]] = frozenset(("int", "float"))
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
_Text = Annotated[str, Field(max_length=4_096)]
_Label = Annotated[str, Field(max_length=512)]
_Number = int | Annotated[float, Field(allow_inf_nan=False)]
_Scalar = bool | int | Annotated[float, Field(allow_inf_nan=False)] | Annotated[str, Field(max_length=4_096)]

LOWER: Final = ("minimum", "exclusive_minimum")
UPPER: Final = ("maximum", "exclusive_maximum")
_BELONGING: Final[Mapping[str, frozenset[ParameterType]]] = {
    **dict.fromkeys((*LOWER, *UPPER, "units"), NUMBERS),
    "values": frozenset(("select",)),
    "target": frozenset(("file",)),
    "item": frozenset(("list",)),
    "fields": frozenset(("record",)),
}
"""Declarations that only parameters of some types have."""
_NEEDED: Final[Mapping[ParameterType, str]] = {"select": "values", "list": "item", "record": "fields"}


class Declared(BaseModel):
    """The base of what a workflow consists of: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    def plain(self) -> dict[str, Any]:
        """Return it as values of JSON, without what is not given; reading that gives the same."""
        given = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: _plain(value) for name, value in given if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        # A result schema has a form of its own, too.
        return value.plain() if isinstance(value, Declared) else value.model_dump(mode="json", exclude_none=True)
    return [_plain(each) for each in cast("tuple[Any, ...]", value)] if isinstance(value, tuple) else value


class Choice(Declared):
    """One value of a selection."""

    name: _Label = Field(min_length=1, description="What people read.")
    value: _Scalar = Field(description="The value.")
    is_default: bool = Field(default=False, description="Whether it is taken where no value is given.")


class Parameter(Declared):
    """One parameter of a workflow."""

    name: ParameterName = Field(description="Name: 1 to 128 letters, digits, '_', '.' or '-'.")
    dtype: ParameterType = Field(description="Type of its values.")
    index: int = Field(default=0, ge=0, lt=2**31, description="Order in which people see the parameters.")
    is_required: bool = Field(
        default=True, description="Whether a value must be given; by default where there is no default value."
    )
    label: _Label | None = Field(default=None, description="What people read; the name if left out.")
    help: _Text | None = Field(default=None, description="What it is for.")
    group: ParameterName | None = Field(default=None, description="The parameter group that it is shown in.")
    minimum: _Number | None = Field(default=None, description="Least value of a number.")
    maximum: _Number | None = Field(default=None, description="Largest value of a number.")
    exclusive_minimum: _Number | None = Field(default=None, description="What a number must be above.")
    exclusive_maximum: _Number | None = Field(default=None, description="What a number must be below.")
    units: _Label | None = Field(default=None, description="Unit of a number.")
    values: tuple[Choice, ...] | None = Field(
        default=None, strict=False, min_length=1, max_length=MOST_CHOICES, description="What can be selected."
    )
    target: _Text | None = Field(default=None, min_length=1, description="Where a file is expected, as a path.")
    item: Parameter | None = Field(default=None, description="What each entry of a list is.")
    fields: tuple[Parameter, ...] | None = Field(
        default=None, strict=False, min_length=1, max_length=MOST_PARAMETERS, description="The fields of a record."
    )
    default: Any = Field(default=None, description="The value where none is given.")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        values = dict(cast("Mapping[str, Any]", given))
        if values.get("default") is None and (chosen := _choice_by_default(values.get("values"))) is not None:
            values["default"] = chosen
        if values.get("is_required") is None:
            values["is_required"] = values.get("default") is None
        return values

    @model_validator(mode="after")
    def _check_belonging(self) -> Parameter:
        for name, types in _BELONGING.items():
            if getattr(self, name) is not None and self.dtype not in types:
                raise ValueError(f"'{name}' belongs to {' and '.join(sorted(types))}, and the type is {self.dtype}")
        needed = _NEEDED.get(self.dtype)
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"the type {self.dtype} needs '{needed}'")
        return self

    @property
    def title(self) -> str:
        """What people read."""
        return self.label or self.name

    def below(self) -> Iterator[tuple[str, Parameter]]:
        """Yield the parameters within this one, each with its path behind that of this one."""
        if self.item is not None:
            yield ".item", self.item
        for index, field in enumerate(self.fields or ()):
            yield f".fields[{index}]", field


def _choice_by_default(values: Any) -> Any:
    if not isinstance(values, list | tuple):
        return None
    for each in cast("list[Any]", values):
        if isinstance(each, Mapping) and cast("Mapping[str, Any]", each).get("is_default") is True:
            return cast("Mapping[str, Any]", each).get("value")
    return None


class ParameterGroup(Declared):
    """Parameters that are shown together."""

    name: ParameterName = Field(description="Name by which parameters refer to it.")
    title: _Label = Field(description="What people read.")
    index: int = Field(default=0, ge=0, lt=2**31, description="Order in which people see the groups.")
