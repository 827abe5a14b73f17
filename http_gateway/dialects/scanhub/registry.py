"""What the gateway asks the manager in the name of a device. It translates, and keeps nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, cast

from http_gateway.auth.secret_texts import digest_of
from http_gateway.dialects.scanhub.uploads import File
from http_gateway.errors import CredentialError
from http_gateway.identity import Identity
from http_gateway.link import Caller, Conditions, ManagerLink
from http_gateway.problem import problem_in
from queue_server.protocol.errors import CommunicationError, RefusedError, WrongCredentialError
from queue_server.protocol.exam_files import directory_of, list_artifacts
from queue_server.protocol.methods import METHODS
from queue_server.protocol.records import Artifact

# Each of these is shown to a person, and so are the scopes of what devices need.
_USER: Final = "device"
_LATER: Final = (HTTPStatus.TOO_MANY_REQUESTS,)
# No person waits, and a scan that cannot be prepared has failed: many that begin at once must not fail for that.
_PATIENCE_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Admission:
    """A device that has proved who it is, on a connection with this generation."""

    device_id: str
    generation: int
    address: str


@dataclass(frozen=True, slots=True)
class Product:
    """A verified file of an item with all that is stored beside it, by the names of the files."""

    task_id: str
    workflow_id: str | None
    device_id: str
    item_uid: str
    file: File
    key: str
    artifacts: dict[str, Artifact] = field(default_factory=dict[str, Artifact])

    def as_result(self) -> dict[str, Any]:
        """Return the fields of its result."""
        artifacts = list_artifacts(self.artifacts)
        meta = {"device_id": self.device_id, "item_uid": self.item_uid, "artifacts": artifacts}
        return {"type": self.file.type, "files": list(self.artifacts), "meta": meta}


class Registry:
    """The manager's records of devices, sequences and results, as devices need them."""

    def __init__(self, link: ManagerLink) -> None:
        self._link = link

    async def connect(self, device_id: str, token: str, address: str) -> Admission:
        """Return the admission of a device that shows this token.

        Raises:
            CredentialError: there is no such device, or the token is not its own.
            CommunicationError: the manager cannot say it now.
        """
        params = {"device_id": device_id, "token_sha256": digest_of(token).hex(), "address": address[:256]}
        try:
            reply = await self._call("device_connect", params)
        except RefusedError as error:
            if error.details.get("code") != WrongCredentialError.code:
                raise CommunicationError(f"The manager lets no device in: {error.message}") from error
            raise CredentialError("The credentials of the device are refused.") from error
        return Admission(device_id, int(reply["generation"]), address)

    async def describe(
        self, device_id: str, generation: int, details: dict[str, str], parameter: dict[str, Any] | None
    ) -> None:
        """Tell what a device says of itself.

        Raises:
            CommunicationError: the manager cannot be asked now.
            RefusedError: the manager does not take it.
        """
        params = {"device_id": device_id, "generation": generation, "details": details, "parameter": parameter}
        await self._call("device_describe", params)

    async def parameter_of(self, device_id: str) -> dict[str, Any]:
        """Return the parameters that hold for a device now.

        Raises:
            as ``describe``.
        """
        device = (await self._call("device_get", {"device_id": device_id}))["device"]
        told = device.get("registered_parameter") if device.get("parameter") is None else device["parameter"]
        return cast("dict[str, Any]", told or {})

    async def sequence_of(self, sequence_id: str) -> dict[str, Any]:
        """Return a sequence with its files.

        Raises:
            as ``describe``.
        """
        reply = await self._call("exam_sequence_get", {"sequence_id": sequence_id, "files": True})
        return cast("dict[str, Any]", reply["sequence"])

    async def add_result(self, product: Product) -> str:
        """Return the id of the result of a verified file: the same one however often it is asked.

        Raises:
            as ``describe``.
        """
        params = {"task_id": product.task_id, "result": product.as_result()}
        result_id = str((await self._call("exam_result_add", params, product.key))["result"]["id"])
        directory = directory_of(product.workflow_id, product.task_id, result_id)
        named = {"result_id": result_id, "result": {"directory": directory}}
        await self._call("exam_result_update", named, f"{product.key}-directory")
        return result_id

    async def _call(self, method: str, params: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        conditions = Conditions(idempotency_key=key)
        reply = await self._link.call(method, params, _caller_of(method), conditions, timeout_s=_PATIENCE_S)
        if reply.get("success"):
            return reply
        problem = problem_in(reply)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR or problem.status in _LATER:
            raise CommunicationError(problem.text)
        raise RefusedError(problem.text, details={"code": problem.code})


def _caller_of(method: str) -> Caller:
    declared = METHODS.get(method)
    scopes: frozenset[str] = frozenset() if declared is None else frozenset((declared.scope,))
    return Caller(Identity(_USER, "", scopes))
