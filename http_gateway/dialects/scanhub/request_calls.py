"""The requests of the client functions as values, and what their answers mean. Sends nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, cast

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from http_gateway.dialects.scanhub.exam_models import (
    AcquisitionTaskOut,
    BaseAcquisitionTask,
    BaseDAGTask,
    BaseTaskOfAnyType,
    DAGTaskOut,
    ResultOut,
    SetResult,
    TaskOut,
)
from http_gateway.dialects.scanhub.request_errors import (
    InvalidRequestError,
    RecordMissingError,
    ServiceMissingError,
    TokenError,
    error_for,
)

T = TypeVar("T")

Id = str | uuid.UUID
Payload = BaseModel | Mapping[str, Any]
"""A model of ``exam_models``, or anything with the same fields."""
AnyTask = AcquisitionTaskOut | DAGTaskOut

EXAM_PATH: Final = "/api/v1/exam"
_KEY = "Idempotency-Key"
_LONGEST_DETAIL = 2_000

_TASK: TypeAdapter[AnyTask] = TypeAdapter(TaskOut)
_GIVEN_TASK: TypeAdapter[BaseAcquisitionTask | BaseDAGTask] = TypeAdapter(BaseTaskOfAnyType)
_RESULT = TypeAdapter(ResultOut)
_GIVEN_RESULT = TypeAdapter(SetResult)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where exam records are."""

    task: str
    result: str
    exam: str

    @classmethod
    def below(cls, base_url: str) -> Addresses:
        """Return those of the gateway at an address."""
        exam = f"{base_url.rstrip('/')}{EXAM_PATH}"
        return cls(f"{exam}/task", f"{exam}/result", exam)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    verb: str
    url: str
    token: str = field(repr=False)
    read: Callable[[Any], T]
    expects: int = 200
    body: bytes | None = None
    further: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def headers(self) -> dict[str, str]:
        """The headers to send.

        Raises:
            TokenError: the token cannot be one.
        """
        if not self.token or not all("!" <= each <= "~" for each in self.token):
            raise TokenError("The access token is empty, or has characters that no token has.")
        kind = {} if self.body is None else {"Content-Type": "application/json"}
        return {"Authorization": f"Bearer {self.token}", **kind, **self.further}

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again where it is not known whether it was carried out."""
        return self.verb in ("GET", "PUT") or _KEY in self.further

    def take(self, status: int, data: bytes) -> T:
        """Return what an answer says.

        Raises:
            ExamRequestError: it is a refusal, or makes no sense.
        """
        if status >= 400:
            raise error_for(status, _detail_in(data))
        if status != self.expects:
            raise ServiceMissingError(f"{self.verb} {self.url} was answered with {status} in place of {self.expects}.")
        try:
            return self.read(orjson.loads(data))
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise ServiceMissingError(f"The answer to {self.verb} {self.url} is no record of an exam.") from error


def get_task(addresses: Addresses, task_id: Id, token: str) -> Call[AnyTask]:
    """Return the request for a task."""
    return Call(verb="GET", url=f"{addresses.task}/{_read_id(task_id)}", token=token, read=_read_task)


def set_task(
    addresses: Addresses, task_id: Id, payload: Payload, token: str, if_version: int | None = None
) -> Call[AnyTask]:
    """Return the request that changes a task."""
    return Call(
        verb="PUT",
        url=f"{addresses.task}/{_read_id(task_id)}",
        token=token,
        read=_read_task,
        body=_write(payload, _GIVEN_TASK),
        further=_conditions(if_version),
    )


def create_blank_result(addresses: Addresses, task_id: Id, token: str, key: str | None = None) -> Call[ResultOut]:
    """Return the request for a new result."""
    return Call(
        verb="POST",
        url=f"{addresses.result}?task_id={_read_id(task_id)}",
        token=token,
        read=_RESULT.validate_python,
        expects=201,
        further={} if key is None else {_KEY: key},
    )


def set_result(
    addresses: Addresses, result_id: Id, payload: Payload, token: str, if_version: int | None = None
) -> Call[ResultOut]:
    """Return the request that says what a result is."""
    return Call(
        verb="PUT",
        url=f"{addresses.result}/{_read_id(result_id)}",
        token=token,
        read=_RESULT.validate_python,
        body=_write(payload, _GIVEN_RESULT),
        further=_conditions(if_version),
    )


def get_result(addresses: Addresses, result_id: Id, token: str) -> Call[ResultOut]:
    """Return the request for a result."""
    return Call(verb="GET", url=f"{addresses.result}/{_read_id(result_id)}", token=token, read=_RESULT.validate_python)


def get_exam_id(addresses: Addresses, workflow_id: Id, token: str) -> Call[str]:
    """Return the request for the exam of a workflow."""
    return Call(verb="GET", url=f"{addresses.exam}/workflow/{_read_id(workflow_id)}", token=token, read=_read_exam_id)


def _read_id(given: Id) -> str:
    """Return an id as it stands in an address; what is none would be another address."""
    try:
        return str(uuid.UUID(str(given)))
    except ValueError as error:
        raise InvalidRequestError(f"{str(given)!r:.80} is no UUID.") from error


def _write(payload: Payload, form: TypeAdapter[Any]) -> bytes:
    """Return the body with what a client has given, if it has this form."""
    try:
        given = payload.model_dump(mode="json") if isinstance(payload, BaseModel) else payload
        values: BaseModel = form.validate_python(given)
        return orjson.dumps(values.model_dump(mode="json", exclude_unset=True))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        told = [f"'{'.'.join(map(str, each['loc'])) or 'payload'}': {each['msg']}" for each in problems[:5]]
        raise InvalidRequestError(f"{'; '.join(told)}.") from error
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"The payload cannot be written as JSON: {error}.") from error


def _conditions(if_version: int | None) -> dict[str, str]:
    if if_version is None:
        return {}
    # Without a key a repetition of what was carried out would be based on an old version.
    return {"If-Match": f'"{if_version}"', _KEY: uuid.uuid4().hex}


def _read_task(answer: Any) -> AnyTask:
    kind = cast("dict[str, Any]", answer).get("task_type") if isinstance(answer, dict) else None
    if isinstance(kind, str) and kind not in ("ACQUISITION", "DAG"):
        raise InvalidRequestError(f"The task has a type that is not known here: {kind!r:.80}.")
    return _TASK.validate_python(answer)


def _read_exam_id(answer: Any) -> str:
    if not isinstance(answer, dict) or "exam_id" not in answer:
        raise ServiceMissingError("The answer is no workflow.")
    exam_id: Any = cast("dict[str, Any]", answer)["exam_id"]
    if exam_id is None:
        raise RecordMissingError("The workflow belongs to no exam.")
    return str(exam_id)


def _detail_in(data: bytes) -> Any:
    try:
        answer: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return data[:_LONGEST_DETAIL].decode(errors="replace")
    return cast("dict[str, Any]", answer).get("detail", answer) if isinstance(answer, dict) else answer
