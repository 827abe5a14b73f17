"""The declaration of a 0MQ method: everything that dispatcher, routes, CLI and reference derive from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import DEFAULT_LANE

Kind = Literal["memory", "read", "mutation", "motion"]
Scope = Literal[
    "read:status",
    "read:queue",
    "read:history",
    "read:resources",
    "read:config",
    "read:monitor",
    "write:queue:edit",
    "write:queue:control",
    "write:manager:control",
    "write:plan:control",
    "write:history:edit",
    "write:manager:stop",
    "write:execute",
    "write:config",
    "write:permissions",
    "write:scripts",
    "write:testing",
    "write:lock",
    "read:lock",
    "estop",
    "write:estop",
    "read:exams",
    "write:exams",
    "read:devices",
    "write:devices",
    "read:workflows",
    "write:workflows",
    "read:batches",
    "write:batches",
    "read:artifacts",
    "write:artifacts",
    "gateway",
]
EVERYBODYS_SCOPE: Scope = "estop"
"""What nobody who is identified lacks, whatever a key is limited to: anybody may stop a machine."""
GATEWAY_SCOPE: Scope = "gateway"
"""What a gateway has in its own name, and no person through it: such methods have no route."""
LockedPart = Literal["environment", "queue"]
Verb = Literal["GET", "POST"]


class Params(BaseModel):
    """The parameters of one method: unknown names are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class NoParams(Params):
    """The method takes no parameters."""


SECRET_FIELDS = frozenset({"lock_key", "device_token", "token_sha256"})
"""Parameters whose values no message shows."""


class LockableParams(Params):
    """Parameters of a method that a lock can forbid."""

    lock_key: str | None = Field(default=None, min_length=1, description="Key of the lock, if one is set.")


class LaneParams(Params):
    """Parameters of a method that acts in one lane, and in no other."""

    lane: str | None = Field(
        default=None, min_length=1, max_length=128, description=f"Lane to act in; without it the lane {DEFAULT_LANE}."
    )


class LaneLockableParams(LockableParams, LaneParams):
    """Parameters of a method that acts in one lane, and that a lock can forbid."""


@dataclass(frozen=True, slots=True)
class Done:
    """A reply without further fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One 0MQ method.

    ``kind`` says what the method touches: ``memory`` is answered from the state in memory, ``read`` reads the
    store, ``mutation`` changes it and is answered after the commit, ``motion`` controls a running plan and is
    ordered at once, while only its record waits for the store. ``example`` has parameters that are well formed.
    ``told_once`` are fields of the reply that are kept nowhere, so that a repetition cannot have them again.
    ``patience_s`` is how long whoever asks should wait at least before it takes the manager for silent.
    """

    name: str
    summary: str
    kind: Kind
    scope: Scope
    route: tuple[Verb, str]
    params: type[Params] = NoParams
    result: type[Any] = Done
    lock: LockedPart | None = None
    refusal: str = "Error: "
    bare: bool = False
    notes: str = ""
    example: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    told_once: tuple[str, ...] = ()
    patience_s: float = 0.0

    def parse(self, values: dict[str, Any]) -> Params:
        """Return checked parameters.

        Raises:
            ParameterError: a parameter is unknown, missing or of a wrong type; the message names it.
        """
        fields = field_names(self.params)
        if not values.keys() <= fields:
            unknown = [name for name in values if name not in fields]
            raise ParameterError(
                f"API request contains unsupported parameters: {', '.join(map(repr, unknown))}. "
                f"Supported parameters: {list(self.params.model_fields)}",
                field=str(unknown[0]),
            )
        try:
            return self.params.model_validate(values)
        except ValidationError as error:
            raise _explain(error) from error

    @property
    def changes(self) -> bool:
        """Whether it has an effect, so that a repetition needs an idempotency key."""
        return self.kind in ("mutation", "motion") or (self.kind == "memory" and self.route[0] == "POST")

    @property
    def is_for_gateways(self) -> bool:
        """Whether only a gateway may call it, and nobody over HTTP."""
        return self.scope == GATEWAY_SCOPE

    @property
    def failure_fields(self) -> dict[str, Any]:
        """The fields of a refusal: those of the reply, each with its empty value."""
        return fields_of(self.result())


@cache
def field_names(params: type[Params]) -> frozenset[str]:
    """Return the names of parameters; asking pydantic for them costs more than the look into the set."""
    return frozenset(params.model_fields)


def fields_of(result: object) -> dict[str, Any]:
    """Return the fields of a result by name, without copying their values."""
    declared = dataclasses.fields(result)  # type: ignore[arg-type]
    return {field.name: getattr(result, field.name) for field in declared}


def collect(*groups: tuple[Method, ...]) -> dict[str, Method]:
    """Return the declarations by name.

    Raises:
        ValueError: two declarations share a name or a route.
    """
    methods = [method for group in groups for method in group]
    _refuse_twice([method.name for method in methods], "method")
    _refuse_twice([" ".join(method.route) for method in methods], "route")
    return {method.name: method for method in methods}


def _refuse_twice(names: list[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"declared twice as {what}: {twice}")


def _explain(error: ValidationError) -> ParameterError:
    problems = error.errors(include_url=False, include_context=False)
    # Every form that a union accepts is a problem of its own; to a person they are one.
    texts: dict[str, list[str]] = {}
    given: dict[str, object] = {}
    for problem in problems:
        field = str(problem["loc"][0]) if problem["loc"] else "params"
        known = texts.setdefault(field, [])
        if problem["msg"] not in known:
            known.append(problem["msg"])
        given.setdefault(field, problem["input"])
    accepted = {field: _join(known) for field, known in texts.items()}
    sentences = [f"'{field}': {_reword(field, text, given[field])}" for field, text in accepted.items()]
    return ParameterError(
        f"Incorrect parameters: {'; '.join(sentences[:5])}",
        field=next(iter(texts)),
        details={"fields": [{"field": field, "accepted": text} for field, text in accepted.items()]},
    )


def _join(texts: list[str]) -> str:
    first, *others = texts
    return " or ".join((f"{first[:1].lower()}{first[1:]}", *(text.removeprefix("Input should be ") for text in others)))


def _reword(field: str, text: str, given: object) -> str:
    if text == "field required":
        return "is required"
    if field in SECRET_FIELDS:
        return text
    shown = repr(given)
    return f"{text}, not {shown if len(shown) <= 80 else shown[:77] + '...'}"
