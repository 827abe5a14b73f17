"""What an acquisition asks of a scanner, from the content of its item: the start frame, and what its session must know.

It reads no file and asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from http_gateway.dialects.scanhub.model import Order
from http_gateway.dialects.scanhub.scan_tokens import ScanToken
from http_gateway.dialects.scanhub.start_frame import (
    Plan,
    Scanning,
    Sequence,
    Task,
    build_start,
    measure_start,
    render_start,
)
from queue_server.protocol.acquisitions import OWN_FIELD_OF_VIEW, Acquisition
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.exam_records import read_id
from queue_server.protocol.items import ACQUISITION

_SEQUENCE_KEYS = tuple(Sequence.model_fields)

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Content:
    """The content of an item for a scanner, read: its uid, its name, who wants it, and its arguments."""

    item_uid: str
    name: str
    creator: str
    acquisition: Acquisition

    @property
    def task_id(self) -> str:
        """The exam task that the item does; one that was made for it has its uid."""
        return self.acquisition.task_id or self.item_uid


@dataclass(frozen=True, slots=True)
class Prepared:
    """An acquisition that is ready to be sent: the order for the session, and the text of the start frame."""

    order: Order
    start: str = field(repr=False)


def read_content(content: Mapping[str, Any]) -> Content:
    """Return what the content of an item asks for.

    Raises:
        ParameterError: it is no acquisition, or an argument has a wrong form; the message names it.
    """
    kind = content.get("item_type")
    if kind != ACQUISITION:
        raise ParameterError(f"A scanner takes items of the type {ACQUISITION!r}, not {kind!r}.", field="item_type")
    acquisition = _read(Acquisition, content.get("kwargs") or {}, "kwargs")
    if acquisition.sequence is None and acquisition.sequence_id is None:
        raise ParameterError("An acquisition needs 'sequence' or 'sequence_id'.", field="kwargs.sequence")
    try:
        uid = read_id(str(content["item_uid"]))
    except ValueError as error:
        raise ParameterError(f"The uid of an item for a scanner must be a UUID: {error}.", field="item_uid") from None
    return Content(uid, str(content.get("name") or ""), str(content.get("user") or ""), acquisition)


def read_sequence(given: Mapping[str, Any], content: Content, now: datetime) -> Sequence:
    """Return a sequence as scanners take it, from a record, or from an object that may lack all but its file.

    Raises:
        ParameterError: it has no file, or a value has a wrong form; the message names it.
    """
    told = {
        "_id": given.get("id") or content.acquisition.sequence_id or content.item_uid,
        "name": content.name,
        "description": "",
        "sequence_type": "",
        "created_at": given.get("datetime_created") or now,
        "updated_at": given.get("datetime_updated"),
        "xml_file": content.acquisition.header_xml,
    }
    own = {name: given[name] for name in ("_id", *_SEQUENCE_KEYS) if name != "id" and given.get(name) is not None}
    return _read(Sequence, told | own, "sequence")


def prepare(
    content: Content, sequence: Sequence, device: Mapping[str, Any], token: tuple[str, ScanToken], now: datetime
) -> Prepared:
    """Return the acquisition as it goes out; ``device`` are the parameters that hold for the device."""
    wanted = content.acquisition
    text, kept = token
    parameter = {**device, **(wanted.device_parameter or {})}
    task = Task(
        name=content.name,
        description=wanted.description,
        destination=wanted.destination,
        creator=content.creator,
        created=now,
        sequence_id=sequence.id,
        workflow_id=wanted.workflow_id,
        device_id=kept.device_id,
        calibration=list(wanted.calibration),
    )
    scanning = Scanning(
        limits=wanted.acquisition_limits,
        sequence=sequence,
        parameter=wanted.acquisition_parameter or OWN_FIELD_OF_VIEW,
        device_parameter=parameter,
        plan=Plan(item_uid=content.item_uid),
        mrd_header=wanted.header_xml,
    )
    start = render_start(build_start(task, scanning, text))
    order = Order(
        item_uid=content.item_uid,
        token_digest=kept.digest,
        start_bytes=measure_start(start),
        expected_uploads=wanted.expected_uploads,
        upload_grace_s=wanted.upload_grace_s,
        scan_timeout_s=wanted.scan_timeout_s,
        parameter=parameter,
    )
    return Prepared(order, start)


def moment_of(seconds: float) -> datetime:
    """Return a time that is given in seconds since 1970-01-01 UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def _read(model: type[M], value: Any, place: str) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join((place, *map(str, problem["loc"])))
        raise ParameterError(f"'{path}': {problem['msg']}.", field=path) from None
