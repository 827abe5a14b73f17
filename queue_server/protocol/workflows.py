"""Workflows: named templates of work with parameters, and what becomes of them once the parameters have values.

It knows no store and no plan: whether a filled step can be executed is told by those who queue it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self, cast

from msgspec import Struct
from pydantic import Field, ValidationError, field_validator, model_validator

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.result_schema import RelativePath, ResultSchema
from queue_server.protocol.workflow_parameters import (
    MOST_PARAMETERS,
    Declared,
    Parameter,
    ParameterGroup,
)
from queue_server.protocol.workflow_references import fill_references

MOST_STEPS: Final = 64
MOST_OUTPUTS: Final = 1_000
LONGEST_WORKFLOW_BYTES: Final = 1024 * 1024
DEFAULT_USER_GROUP: Final = "primary"
"""The user group of workflows whose author says none."""
WORKFLOW_ID_PATTERN: Final = r"^[A-Za-z0-9_.-]{1,128}$"

SUBMISSIONS: Final = "submissions"
"""What the item of a post-processing may refer to beside the names of files: the ids of the submissions."""

Step = dict[str, Any]
"""An item as it is added to a queue, with references in the place of values."""
WorkflowOrigin = Literal["file", "request"]

WorkflowId = Annotated[str, Field(pattern=WORKFLOW_ID_PATTERN)]
_Name = Annotated[str, Field(min_length=1, max_length=512)]
_Text = Annotated[str, Field(max_length=65_536)]


class Output(Declared):
    """A file that is kept of a submission."""

    source: RelativePath = Field(description="Relative path below the directory of the attempt.")
    key: RelativePath = Field(description="Name under which people find it; the path if left out.")
    title: str | None = Field(default=None, max_length=512, description="Title that people read.")
    caption: str | None = Field(default=None, max_length=4_096, description="What it shows.")
    widget: str | None = Field(default=None, max_length=512, description="How a page presents it.")
    format: dict[str, Any] | None = Field(default=None, description="How that is set up.")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        values = dict(cast("Mapping[str, Any]", given))
        if values.get("key") is None and "source" in values:
            values["key"] = values["source"]
        return values


class Postprocessing(Declared):
    """The item that works on the files of all ranked submissions, the best one of each group."""

    item: Step = Field(description="A graph or a plan; $[[NAME]] is the list of all files NAME.")
    files: tuple[RelativePath, ...] = Field(
        strict=False, min_length=1, max_length=64, description="Names of files that it takes of each submission."
    )

    @field_validator("files")
    @classmethod
    def _check_files(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        odd = next((name for name in files if set("?:[]$") & set(name)), None)
        if odd is not None:
            raise ValueError(f"{odd!r}: a file that is referred to by its name has none of the characters ? : [ ] $")
        return files


class WorkflowFields(Declared):
    """What a workflow says, as it is written by its author."""

    id: WorkflowId = Field(description="Id: 1 to 128 letters, digits, '_', '.' or '-'.")
    name: _Name = Field(description="What people read; the id if left out.")
    description: _Text | None = Field(default=None, description="What it does.")
    instructions: _Text | None = Field(default=None, description="What users have to know.")
    lane: str | None = Field(
        default=None, min_length=1, max_length=128, description="Lane of its steps that name none of their own."
    )
    steps: tuple[Step, ...] = Field(
        strict=False,
        min_length=1,
        max_length=MOST_STEPS,
        description="Items as queue_item_add takes them, each after the one before; a single one may be called 'plan'.",
    )
    parameters: tuple[Parameter, ...] = Field(
        default=(), strict=False, max_length=MOST_PARAMETERS, description="What its users choose."
    )
    accepts_more: bool = Field(
        default=False, description="Arguments that are no parameters are kept with the submission, not refused."
    )
    parameter_groups: tuple[ParameterGroup, ...] = Field(
        default=(), strict=False, max_length=MOST_PARAMETERS, description="Parameters that are shown together."
    )
    result_schema: ResultSchema | None = Field(default=None, description="The metrics of its submissions.")
    outputs: tuple[Output, ...] = Field(
        default=(), strict=False, max_length=MOST_OUTPUTS, description="The files that are kept; without any, all."
    )
    postprocessing: Postprocessing | None = Field(
        default=None, description="What is done with the files of all ranked submissions."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        values = dict(cast("Mapping[str, Any]", given))
        if values.get("name") is None and "id" in values:
            values["name"] = values["id"]
        if "plan" in values and "steps" not in values:
            values["steps"] = [values.pop("plan")]
        for group in ("parameters", "parameter_groups"):
            if isinstance(values.get(group), list):
                values[group] = list(_number(values[group]))
        return values

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter of that name, or None."""
        return next((each for each in self.parameters if each.name == name), None)


def _number(entries: list[Any]) -> Iterator[Any]:
    """Yield declarations, with their order where they do not say it."""
    for index, entry in enumerate(entries):
        if isinstance(entry, Mapping) and cast("Mapping[str, Any]", entry).get("index") is None:
            yield {**cast("Mapping[str, Any]", entry), "index": index}
        else:
            yield entry


class Workflow(Struct, frozen=True):
    """One version of a workflow: what it says, who has written it down, and when (seconds since 1970-01-01 UTC).

    Its post-processing may do what ``user_group`` may.
    """

    fields: WorkflowFields
    version: int
    creator: str
    created: float
    origin: WorkflowOrigin = "request"
    user_group: str = DEFAULT_USER_GROUP

    @property
    def id(self) -> str:
        """The id, which all versions have."""
        return self.fields.id

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see."""
        empty = {"description": "", "instructions": "", "lane": None, "result_schema": None, "postprocessing": None}
        return {
            **empty,
            **self.fields.plain(),
            "version": self.version,
            "created": self.created,
            "creator": self.creator,
            "origin": self.origin,
        }

    def renewed(
        self,
        fields: WorkflowFields,
        creator: str,
        created: float,
        origin: WorkflowOrigin,
        user_group: str = DEFAULT_USER_GROUP,
    ) -> Self:
        """Return the version that follows this one."""
        return type(self)(fields, self.version + 1, creator, created, origin, user_group)


_MOST_PROBLEMS: Final = 5


def read_workflow(values: object, name: str = "workflow") -> WorkflowFields:
    """Return what a workflow says; ``name`` is where it stands.

    Raises:
        ParameterError: a key is unknown, missing or wrong; the message names each by its path.
    """
    try:
        return WorkflowFields.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        sentences = [f"'{_join(name, each['loc'])}': {_reword(each)}" for each in problems[:_MOST_PROBLEMS]]
        raise ParameterError("; ".join(sentences) + ".", field=_join(name, problems[0]["loc"])) from error


def _join(name: str, location: tuple[int | str, ...]) -> str:
    return name + "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in location)


def _reword(problem: Any) -> str:
    known = {"extra_forbidden": "there is no such key", "missing": "it is required"}
    text = str(problem["msg"]).removeprefix("Value error, ")
    return known.get(problem["type"], text[:1].lower() + text[1:])


def fill(workflow: WorkflowFields, arguments: Mapping[str, object]) -> list[Step]:
    """Return the steps of a workflow as items to be queued: arguments stand in the place of references.

    Each comes after the one before, unless it says what it comes after; an index means a step of this list.

    Args:
        workflow: its references name its parameters.
        arguments: values that fit, those of files as maps with ``artifact_id``, defaults included.
    """
    files = {each.name for each in workflow.parameters if each.dtype == "file"}
    values = {name: _artifact_id(value) if name in files else value for name, value in arguments.items()}
    filled = [cast("Step", fill_references(step, values)) for step in workflow.steps]
    before: int | None = None
    for index, step in enumerate(filled):
        if step.get("item_type") == "instruction":
            continue
        if before is not None:
            step.setdefault("after", [before])
        before = index
    return filled


def _artifact_id(value: object) -> object:
    return cast("Mapping[str, object]", value)["artifact_id"] if isinstance(value, Mapping) else value
