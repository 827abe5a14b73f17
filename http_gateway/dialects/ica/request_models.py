"""The forms of the body that creates a batch. They check shapes; what the values mean is decided elsewhere.

Unknown fields are refused, so that a misspelt one is not lost in silence; null counts as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

T = TypeVar("T")

_Some = list[T | None] | None
"""A list that may be left out, and between whose elements there may be nulls."""
_Uuid = Annotated[str, Field(pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
_Reference = Annotated[str, Field(min_length=1, max_length=255, pattern="^[a-zA-Z0-9 _-]*(/[a-zA-Z0-9 _-]+)*$")]


class _Form(BaseModel):
    """An object of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)


class Tags(_Form):
    """Words about an item."""

    technical_tags: _Some[str] = None
    user_tags: _Some[str] = None
    reference_tags: _Some[str] = None


class Logs(_Form):
    """Where logs would go."""

    logs_folder_id: str | None = None
    logs_folder_path: str | None = None


class OutputMapping(_Form):
    """Where a file of the results would go."""

    source_path: str
    target_project_id: str
    target_path: str
    type: Literal["FILE", "FOLDER"] | None = None
    action_on_exist: Literal["OVERWRITE", "RENAME", "SKIP"] | None = None


class Mount(_Form):
    """A piece of data, and where it would be found."""

    data_id: str
    mount_path: str


class ExternalData(_Form):
    """Data elsewhere."""

    url: str
    type: str
    mount_path: str | None = None
    s3_details: dict[str, Any] | None = Field(default=None, alias="s3Details")
    basespace_details: dict[str, Any] | None = None


class DataInput(_Form):
    """The data for one parameter."""

    parameter_code: str
    data_ids: list[str] | None = None
    mounts: _Some[Mount] = None
    external_data: _Some[ExternalData] = None


class Parameter(_Form):
    """The value of one parameter, or its values."""

    code: str
    value: str | None = None
    multi_value: _Some[str] = None


class ReferenceData(_Form):
    """The reference data for one parameter."""

    parameter_code: str | None = None
    reference_data_id: _Uuid | None = None


class StructuredInput(_Form):
    """Values by the codes of parameters."""

    inputs: list[DataInput]
    parameters: _Some[Parameter] = None
    reference_data_parameters: _Some[ReferenceData] = None


class CwlStructuredInput(StructuredInput):
    """The same, with its kind."""

    object_type: Literal["STRUCTURED"]


class CwlJsonInput(_Form):
    """Values as an object of JSON within a text."""

    object_type: Literal["JSON"]
    input_json: str
    data_ids: list[str] | None = None
    mounts: _Some[Mount] = None
    external_data: _Some[ExternalData] = None


class FormData(_Form):
    """A piece of data in a field of a form."""

    data_id: str
    mount_path: str | None = None


class FormField(_Form):
    """The values of one field of a form."""

    id: str
    values: _Some[str] = None
    data_values: _Some[FormData] = None
    external_data_values: _Some[ExternalData] = None
    sample_values: _Some[_Uuid] = None
    run_sample_values: _Some[_Uuid] = None


class FormGroupEntry(_Form):
    """One filling of a group of fields."""

    values: _Some[FormField] = None


class FormGroup(_Form):
    """A group of fields, filled in any number of times."""

    id: str
    values: _Some[FormGroupEntry] = None


class FormValues(_Form):
    """A form that is filled in."""

    fields: _Some[FormField] = None
    groups: _Some[FormGroup] = None


class _Item(_Form):
    user_reference: _Reference
    pipeline_id: Annotated[str, Field(min_length=1, max_length=128)]
    tags: Tags | None = None
    analysis_storage_id: _Uuid | None = None
    output_parent_folder_id: str | None = None
    logs: Logs | None = None
    analysis_output: _Some[OutputMapping] = None


class CwlItem(_Item):
    """An analysis with values by codes, or as JSON."""

    analysis_input: Annotated[CwlStructuredInput | CwlJsonInput, Field(discriminator="object_type")]
    activation_code_detail_id: _Uuid | None = None


class NextflowItem(_Item):
    """An analysis with values by codes."""

    analysis_input: StructuredInput
    activation_code_detail_id: _Uuid | None = None


class NextflowJsonItem(_Item):
    """An analysis with a form that is filled in."""

    input_form_values: FormValues


Item = CwlItem | NextflowItem | NextflowJsonItem


class BatchRequest(_Form):
    """The analyses of a batch, in three lists; their order is that of the lists. Each is read on its own."""

    cwl_items: list[Any] | None = None
    nextflow_items: list[Any] | None = None
    nextflow_json_items: list[Any] | None = None


BATCH_REQUEST = TypeAdapter(BatchRequest)
ITEMS: Mapping[str, TypeAdapter[Item]] = {
    "cwlItems": TypeAdapter(CwlItem),
    "nextflowItems": TypeAdapter(NextflowItem),
    "nextflowJsonItems": TypeAdapter(NextflowJsonItem),
}
"""The forms of items, by the lists in which they stand in a body, in the order of the batch."""
