"""The annotation decorator: descriptions that startup code attaches to a plan. It interprets none of them."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError

from device_worker.profile.errors import AnnotationError

P = ParamSpec("P")
R = TypeVar("R")

# The name is that of bluesky-queueserver, so that plans decorated with either package are understood by both.
_ATTRIBUTE = "_custom_parameter_annotation_"

_TypeName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_Names = list[StrictStr] | tuple[StrictStr, ...]
_NameLists = dict[_TypeName, _Names] | None
_Number = StrictInt | StrictFloat


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ParameterNote(_Part):
    """What is said about one parameter; it overrides type hint, default value and docstring."""

    description: StrictStr | None = None
    annotation: StrictStr | None = Field(
        default=None, description="Type as text, built of Python's types and of the names in the lists."
    )
    devices: _NameLists = Field(
        default=None, description="Type names, and the devices or patterns that they stand for."
    )
    plans: _NameLists = Field(default=None, description="Type names, and the plans or patterns that they stand for.")
    enums: _NameLists = Field(default=None, description="Type names, and the texts that they stand for.")
    default: Any = None
    min: _Number | None = Field(default=None, description="Lowest number that may occur in the value.")
    max: _Number | None = Field(default=None, description="Highest number that may occur in the value.")
    step: _Number | None = Field(default=None, description="Step for input fields; not checked.")
    convert_plan_names: StrictBool | None = None
    convert_device_names: StrictBool | None = None


class PlanNote(_Part):
    """What is said about a plan; all parts are optional."""

    description: StrictStr | None = None
    parameters: dict[str, ParameterNote] = {}
    claims: Literal["arguments"] | _Names | None = Field(
        default=None,
        description="Devices that the plan uses besides those in its arguments; arguments if there are none.",
    )


def parameter_annotation_decorator(annotation: Mapping[str, Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Attach descriptions, types, defaults and limits to a plan, for clients that cannot read its code.

    Args:
        annotation: ``description``, ``claims`` and ``parameters``; for each parameter any of ``description``,
            ``annotation`` (a type as text), ``devices``, ``plans`` and ``enums`` (type names and what they stand
            for), ``default``, ``min``, ``max``, ``step``, ``convert_plan_names``, ``convert_device_names``.

    Raises:
        AnnotationError: a key or a type of value is unknown, or the plan has no such parameter.
    """
    note = copy.deepcopy(dict(annotation))
    _read_note(note, "The annotation")

    def decorate(plan: Callable[P, R]) -> Callable[P, R]:
        _check_parameters(note, plan)
        wrapped = _wrap(plan)
        setattr(wrapped, _ATTRIBUTE, note)
        return wrapped

    return decorate


def find_note(plan: Callable[..., Any]) -> PlanNote:
    """Return what a decorator of this package or of bluesky-queueserver attached to a plan, or an empty note.

    Raises:
        AnnotationError: what is attached is not understood.
    """
    attached = getattr(plan, _ATTRIBUTE, None)
    return _read_note(attached, f"The annotation of {plan.__name__!r}") if attached else PlanNote()


def _read_note(annotation: object, subject: str) -> PlanNote:
    try:
        return PlanNote.model_validate(annotation)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'it'}: {problem['msg']}" for problem in error.errors()
        )
        raise AnnotationError(f"{subject} is not understood: {problems}") from error


def _check_parameters(note: Mapping[str, Any], plan: Callable[..., Any]) -> None:
    known = inspect.signature(plan).parameters
    unknown = _list(name for name in note.get("parameters", {}) if name not in known)
    if unknown:
        raise AnnotationError(
            f"The annotation describes {unknown}, but {plan.__name__!r} has the parameters {_list(known)}"
        )


def _list(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _wrap(plan: Callable[P, R]) -> Callable[P, R]:
    # A function of its own, so that a plan of another package can be annotated without changing it there.
    if inspect.isgeneratorfunction(plan):

        @functools.wraps(plan)
        def generate(*args: P.args, **kwargs: P.kwargs) -> Any:
            return (yield from plan(*args, **kwargs))

        return generate

    @functools.wraps(plan)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return plan(*args, **kwargs)

    return call
