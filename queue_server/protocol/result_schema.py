"""Result schemas: which values of an attempt are its metrics, and how attempts are ordered by them. It reads nothing.

A column has one source: a place in a JSON or YAML file that the attempt has written, a field of the events of a run,
or a place in the stop document of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, model_validator

from queue_server.protocol.records import MAX_MEMBER_BYTES

MOST_COLUMNS: Final = 64
LONGEST_TEXT: Final = 1_024
"""Characters of a metric that is a text."""
LONGEST_EXTRACTION_ERROR: Final = 2_000
PRIMARY: Final = "primary"
"""The stream of a field that names none."""

DataType = Literal["int", "float", "string"]
Statistic = Literal["max", "min", "mean", "sum", "last", "first", "std", "com", "fwhm", "peak", "count"]
"""What is taken of a field: ``std`` is that of the population; ``peak`` is the position of the maximum along ``over``,
``com`` the centre of mass and ``fwhm`` the full width at half maximum of the field above its minimum."""

CURVES: Final[frozenset[Statistic]] = frozenset(("com", "fwhm", "peak"))
"""Statistics of a field over another one."""

Metric = (
    Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
    | StrictFloat
    | Annotated[StrictStr, Field(max_length=LONGEST_TEXT)]
)
Metrics = Annotated[dict[Annotated[str, Field(max_length=128)], Metric], Field(max_length=MOST_COLUMNS)]
"""Values by the names of columns; a column without a value is left out."""


def check_relative_path(path: str) -> str:
    """Return the name of a file below the directory of an attempt, such as ``results/fit.json``.

    Raises:
        ValueError: it leads out of the directory, or no file can be called so.
    """
    if not 1 <= len(path.encode(errors="surrogatepass")) <= MAX_MEMBER_BYTES:
        raise ValueError(f"the name of a file has 1 to {MAX_MEMBER_BYTES} bytes of UTF-8")
    has_control = any(ord(each) < 0x20 or 0x7F <= ord(each) < 0xA0 or 0xD800 <= ord(each) < 0xE000 for each in path)
    if has_control or {"", ".", ".."} & set(path.split("/")):
        raise ValueError(
            f"{path!r}: give a relative path with slashes between its parts, without '.', '..' and control characters"
        )
    return path


def _check_keys(path: str) -> str:
    if "" in path.split("/"):
        raise ValueError(f"{path!r}: give keys with slashes between them, such as 'fit/width'")
    return path


RelativePath = Annotated[str, AfterValidator(check_relative_path)]
KeyPath = Annotated[str, Field(min_length=1, max_length=1_024), AfterValidator(_check_keys)]
ColumnName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
_Name = Annotated[str, Field(min_length=1, max_length=256)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Column(_Part):
    """One metric: its name, its type, and where its value comes from."""

    name: ColumnName = Field(description="Name: 1 to 128 letters, digits, '_', '.' or '-'.")
    label: _Name = Field(default="", description="What people read; the name if left out.")
    dtype: DataType = Field(description="Type; an int takes whole numbers only.")
    required: bool = Field(default=True, description="Whether an attempt without this value has no metrics at all.")
    path: KeyPath | None = Field(
        default=None, description="Keys with slashes between them: the place in the result file. Lists have indices."
    )
    field: _Name | None = Field(default=None, description="A field of the events of a run.")
    stream: _Name | None = Field(default=None, description="The stream of the field; 'primary' if it is left out.")
    statistic: Statistic | None = Field(default=None, description="What is taken of the field; 'last' if left out.")
    over: _Name | None = Field(default=None, description="For com, fwhm and peak: the field along the axis.")
    stop: KeyPath | None = Field(
        default=None, description="Keys with slashes between them: the place in the stop document of the last run."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        values = dict(cast("Mapping[str, Any]", given))
        if values.get("label") is None and isinstance(values.get("name"), str):
            values["label"] = values["name"]
        if values.get("field") is not None:
            values["stream"] = PRIMARY if values.get("stream") is None else values["stream"]
            values["statistic"] = "last" if values.get("statistic") is None else values["statistic"]
        return values

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        given = [name for name in ("path", "field", "stop") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"the column {self.name!r} needs exactly one of 'path', 'field' and 'stop', and has {given}"
            )
        if self.field is None and (stray := [each for each in ("stream", "statistic", "over") if getattr(self, each)]):
            raise ValueError(f"the column {self.name!r} has no 'field', which {stray[0]!r} belongs to")
        if (self.statistic in CURVES) != (self.over is not None):
            raise ValueError(
                f"the column {self.name!r}: the statistics com, fwhm and peak need the field of the axis in 'over', "
                "and no other takes one"
            )
        return self


class Ordering(_Part):
    """A column to order by."""

    name: ColumnName = Field(description="The column.")
    descending: bool = Field(default=True, description="Whether the largest value comes first.")


class ResultSchema(_Part):
    """Which values of an attempt are its metrics, and in which order attempts are ranked by them."""

    file: RelativePath | None = Field(
        default=None, description="The JSON or YAML file with the values of the columns that have a path."
    )
    columns: Annotated[tuple[Column, ...], Field(max_length=MOST_COLUMNS, strict=False)] = Field(
        description="The metrics, in the order in which people see them."
    )
    order_by: Annotated[tuple[Ordering, ...], Field(max_length=MOST_COLUMNS, strict=False)] = Field(
        default=(), description="The order of a ranking; without it the first column decides, largest values first."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        """In a schema with a file, a column that says nothing of its source is found there under its name."""
        if not isinstance(given, Mapping):
            return given
        values = dict(cast("Mapping[str, Any]", given))
        columns = values.get("columns")
        if values.get("file") is not None and isinstance(columns, list | tuple):
            values["columns"] = [_place(column) for column in cast("list[Any]", columns)]
        return values

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.columns:
            raise ValueError("a schema needs at least one column")
        for what in ("name", "label"):
            given = [getattr(column, what) for column in self.columns]
            if doubled := next((each for each in given if given.count(each) > 1), None):
                raise ValueError(f"two columns have the {what} {doubled!r}")
        if self.file is None and (column := next((each for each in self.columns if each.path is not None), None)):
            raise ValueError(f"the column {column.name!r} has a 'path', but the schema names no 'file'")
        ordered = [each.name for each in self.order_by]
        if unknown := set(ordered) - {column.name for column in self.columns}:
            raise ValueError(f"'order_by' names {min(unknown)!r}, which is no column")
        if len(set(ordered)) != len(ordered):
            raise ValueError("'order_by' names a column twice")
        return self

    @property
    def default_order(self) -> tuple[Ordering, ...]:
        """How attempts are ordered where nobody says how."""
        return self.order_by or (Ordering(name=self.columns[0].name),)

    def column(self, name: str) -> Column | None:
        """Return the column of that name; None if there is none."""
        return next((column for column in self.columns if column.name == name), None)

    def plain(self) -> dict[str, Any]:
        """Return the schema as values of JSON, without what is not given; reading that gives the same schema."""
        return self.model_dump(mode="json", exclude_none=True)


def _place(column: Any) -> Any:
    if not isinstance(column, Mapping):
        return column
    values = dict(cast("Mapping[str, Any]", column))
    if all(values.get(source) is None for source in ("path", "field", "stop")) and "name" in values:
        values["path"] = values["name"]
    return values


class Extraction(_Part):
    """What is to be taken of an attempt: metrics by a schema, and of its files only those that are declared."""

    result_schema: ResultSchema | None = None
    outputs: Annotated[tuple[RelativePath, ...], Field(max_length=1_000, strict=False)] = ()
