"""The values of an item, whichever of the forms of input it has, as arguments of a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from http_gateway.dialects.ica.request_models import (
    CwlJsonInput,
    DataInput,
    FormField,
    FormGroupEntry,
    FormValues,
    Parameter,
    StructuredInput,
)
from http_gateway.dialects.ica.strict_json import read_json
from http_gateway.errors import BodyError

T = TypeVar("T")


@dataclass(slots=True)
class Values:
    """Arguments by name, where each stands within its item, and what is wrong.

    ``is_everything`` tells that the input says nothing beyond the arguments.
    """

    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    places: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    is_everything: bool = True

    def add(self, name: str, value: object, place: str) -> None:
        """Add an argument; a name has one value."""
        if name in self.arguments:
            self.problems.append((place, f"{name!r} has a value already, at {self.places[name]}"))
            return
        self.arguments[name] = value
        self.places[name] = place


def present(values: Iterable[T | None] | None) -> Sequence[T]:
    """Return the elements of a list that may be absent, without those that are null."""
    return [each for each in values if each is not None] if values else ()


def read_codes(values: Values, given: StructuredInput) -> None:
    """Add what stands under the codes of parameters."""
    for number, each in enumerate(given.inputs):
        data = _read_data(each)
        values.is_everything = values.is_everything and each.mounts is None and each.external_data is None
        if data:
            values.add(each.parameter_code, _one_or_all(data), f"analysisInput.inputs[{number}]")
    for number, parameter in enumerate(given.parameters or ()):
        if parameter is not None:
            _add_parameter(values, parameter, f"analysisInput.parameters[{number}]")
    for number, reference in enumerate(given.reference_data_parameters or ()):
        if reference is not None and reference.parameter_code and reference.reference_data_id is not None:
            place = f"analysisInput.referenceDataParameters[{number}]"
            values.add(reference.parameter_code, reference.reference_data_id, place)


def _add_parameter(values: Values, parameter: Parameter, place: str) -> None:
    if parameter.value is not None and parameter.multi_value is not None:
        values.problems.append((place, "has either 'value' or 'multiValue'"))
    elif parameter.value is not None:
        values.add(parameter.code, parameter.value, place)
    elif parameter.multi_value is not None:
        values.add(parameter.code, present(parameter.multi_value), place)


def _one_or_all(values: Sequence[str]) -> str | Sequence[str]:
    # Where a parameter is a list, the manager reads a single text as a list of one.
    return values[0] if len(values) == 1 else values


def _read_data(given: DataInput) -> Sequence[str]:
    ids = given.data_ids or []
    # A mount usually says where one of the ids is to be found.
    mounted = [mount.data_id for mount in present(given.mounts) if mount.data_id not in ids]
    return [*ids, *mounted, *(each.url for each in present(given.external_data))]


def read_object(values: Values, given: CwlJsonInput) -> None:
    """Add the keys of the object of JSON that stands in a text."""
    place = "analysisInput.inputJson"
    values.is_everything = given.data_ids is None and given.mounts is None and given.external_data is None
    try:
        found = read_json(given.input_json, "The text")
    except BodyError as error:
        values.problems.append((place, error.message))
        return
    if not isinstance(found, dict):
        values.problems.append((place, "must be an object of JSON"))
        return
    for name, value in cast("dict[str, Any]", found).items():
        if value is not None:
            values.add(name, value, place)


def read_form(values: Values, given: FormValues) -> None:
    """Add the fields and groups of a form."""
    values.is_everything = given.groups is None and not any(_has_places(each) for each in present(given.fields))
    for number, each in enumerate(given.fields or ()):
        texts = _read_field(each) if each is not None else ()
        if each is not None and texts:
            values.add(each.id, _one_or_all(texts), f"inputFormValues.fields[{number}]")
    for number, group in enumerate(given.groups or ()):
        records = [_read_record(entry) for entry in present(group.values)] if group is not None else ()
        if group is not None and records:
            values.add(group.id, records, f"inputFormValues.groups[{number}]")


def _has_places(given: FormField) -> bool:
    return given.external_data_values is not None or any(each.mount_path for each in present(given.data_values))


def _read_record(entry: FormGroupEntry) -> dict[str, Any]:
    filled = {each.id: _read_field(each) for each in present(entry.values)}
    return {name: _one_or_all(texts) for name, texts in filled.items() if texts}


def _read_field(given: FormField) -> Sequence[str]:
    data = [each.data_id for each in present(given.data_values)]
    elsewhere = [each.url for each in present(given.external_data_values)]
    samples = [*present(given.sample_values), *present(given.run_sample_values)]
    return [*present(given.values), *data, *elsewhere, *samples]
