"""Rules for files that have arrived: verified, stored once, and counted for their item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from http_gateway.dialects.scanhub.answers import Change, complain, say
from http_gateway.dialects.scanhub.effects import DiscardUpload, Effect, ReportUpload, SetTimer, StoreUpload
from http_gateway.dialects.scanhub.endings import settle
from http_gateway.dialects.scanhub.events import UploadBroken, UploadStored, UploadWritten
from http_gateway.dialects.scanhub.model import Failure, Scan, State, Timer, Upload
from http_gateway.dialects.scanhub.rules_upload import FAILED, describe_failure, fail_upload, note_failure
from http_gateway.dialects.scanhub.uploads import (
    StoredFile,
    check_written,
    choose_parameter,
    find_replay,
    result_key,
)
from queue_server.protocol.errors import ParameterError


def take_written(state: State, event: UploadWritten) -> Change:
    """Compare what is on the disk with what was announced, and store it unless that has been done before."""
    upload = state.find_upload(event.upload)
    scan = None if upload is None else state.find(upload.item_uid)
    if upload is None or upload.stage != "verifying" or scan is None:
        return state, ()
    try:
        check_written(upload.file, event.size_bytes, event.sha256)
    except ParameterError as error:
        return fail_upload(state, upload, error.message, event.at)
    sha256 = event.sha256.lower()
    replayed = find_replay(scan.results, upload.file, sha256)
    if replayed is not None:
        return _take_replay(state, scan, upload, replayed, event.at)
    twin = next((other for other in state.uploads if _is_twin(other, upload, sha256)), None)
    if twin is not None:
        # Its result is about to exist, and the answer to it is the answer to this one.
        merged = replace(twin, generation=upload.generation, repeated_as=upload.number)
        return state.with_upload(merged).without_upload(upload.number), (DiscardUpload(upload.number),)
    state = state.with_upload(replace(upload, stage="storing", sha256=sha256))
    parameter = choose_parameter(upload.file, scan.order.parameter)
    key = result_key(scan.item_uid, upload.file, sha256)
    return state, (StoreUpload(upload.number, scan.item_uid, upload.file, sha256, key, parameter),)


def _is_twin(other: Upload, upload: Upload, sha256: str) -> bool:
    is_same = other.item_uid == upload.item_uid and other.file.name == upload.file.name
    return other.stage == "storing" and is_same and other.sha256 == sha256 and other.received == upload.received


def take_stored(state: State, event: UploadStored) -> Change:
    """Count a result of the item."""
    upload = state.find_upload(event.upload)
    scan = None if upload is None else state.find(upload.item_uid)
    if upload is None or upload.stage != "storing" or scan is None:
        return state, ()
    stored = StoredFile(upload.file.name, upload.file.size_bytes, upload.sha256, event.result_id)
    scan = replace(scan, results=(*scan.results, stored))
    waits: tuple[Effect, ...] = ()
    if scan.outcome is None and scan.callback_ended:
        # A device that is still delivering gets the grace anew for what is missing.
        scan = replace(scan, grace_until=event.at + scan.order.upload_grace_s)
        waits = (SetTimer(Timer("grace", scan.item_uid), scan.order.upload_grace_s),)
    state, effects = _count(state, scan, upload, stored, event.at, is_replay=False)
    return state, (*waits, *effects)


def _take_replay(state: State, scan: Scan, upload: Upload, stored: StoredFile, at: float) -> Change:
    state, effects = _count(state, scan, upload, stored, at, is_replay=True)
    return state, (DiscardUpload(upload.number), *effects)


def _count(state: State, scan: Scan, upload: Upload, stored: StoredFile, at: float, *, is_replay: bool) -> Change:
    is_late = scan.outcome == "unknown" and upload.generation > scan.generation
    scan = replace(
        scan,
        failed=tuple(failure for failure in scan.failed if not _replaces(upload, failure)),
        late_results=scan.late_results | {stored.result_id} if is_late else scan.late_results,
    )
    state = state.with_scan(scan).without_upload(upload.number)
    said = say(state, f"The file {stored.name!r} is stored.", stored.result_id)
    state, settled = settle(state, scan.item_uid, at)
    return state, (ReportUpload(scan.item_uid, stored.name, stored.result_id, is_replay), *said, *settled)


def _replaces(upload: Upload, failure: Failure) -> bool:
    return failure.name == upload.file.name and failure.number < max(upload.number, upload.repeated_as)


def take_broken(state: State, event: UploadBroken) -> Change:
    """Note that the sink could not go on; bytes that still come are passed over."""
    upload = state.find_upload(event.upload)
    if upload is None or upload.stage == "draining":
        return state, ()
    if upload.stage != "receiving":
        return fail_upload(state, upload, event.reason, event.at, is_gone=True)
    state = state.with_upload(replace(upload, stage="draining", item_uid=""))
    state, noted = note_failure(state, upload.item_uid, Failure(upload.file.name, event.reason, upload.number))
    state, said = complain(state, FAILED, describe_failure(upload, event.reason))
    state, settled = settle(state, upload.item_uid, event.at)
    return state, (*noted, *said, *settled)


RULES: Mapping[type, Any] = {UploadWritten: take_written, UploadStored: take_stored, UploadBroken: take_broken}
