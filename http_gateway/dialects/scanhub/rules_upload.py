"""Rules for uploads that come in: a header and the bytes after it, of which only the number passes here."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from http_gateway.dialects.scanhub.answers import Change, complain
from http_gateway.dialects.scanhub.effects import (
    AppendUpload,
    CancelTimer,
    DiscardUpload,
    Effect,
    FinishUpload,
    OpenUpload,
    ReportUploadFailed,
    SetTimer,
)
from http_gateway.dialects.scanhub.endings import advance, settle
from http_gateway.dialects.scanhub.frames import FileTransfer
from http_gateway.dialects.scanhub.model import Failure, Scan, State, Timer, Upload
from http_gateway.dialects.scanhub.ownership import find_owner
from http_gateway.dialects.scanhub.uploads import File, read_header, read_name
from queue_server.protocol.errors import ParameterError

_REFUSED: Final = "upload_refused"
FAILED: Final = "upload_failed"
_SURPLUS: Final = "further files"


def announce(state: State, header: FileTransfer, at: float) -> Change:
    """Take the header of an upload; one that is refused is drained, so that its bytes are not taken for others."""
    state, dropped = drop_incoming(state, at, "another upload began before it was complete")
    scan = find_owner(state, header.task_id, header.user_access_token)
    if scan is None:
        change = _refuse(state, header, None, "The token is not that of an item of this device, or has expired.", at)
    else:
        try:
            file = read_header(header, state.limits.upload_bytes)
            _check_count(state, scan)
        except ParameterError as error:
            change = _refuse(state, header, scan, error.message, at)
        else:
            change = _accept(state, scan, file, at)
    return change[0], (*dropped, *change[1])


def _check_count(state: State, scan: Scan) -> None:
    if len(state.uploads) >= state.limits.uploads_in_check:
        raise ParameterError(f"{len(state.uploads)} uploads are still being checked; send the file again later.")
    if len(scan.results) + len(scan.failed) >= state.limits.uploads_per_item:
        raise ParameterError(f"An item has at most {state.limits.uploads_per_item} files.")


def _refuse(state: State, header: FileTransfer, scan: Scan | None, reason: str, at: float) -> Change:
    file = File(read_name(header), "NOT_SET", header.size_bytes, None)
    uid = "" if scan is None else scan.item_uid
    number = state.next_upload
    state, effects = _add(state, "", file, at, is_refused=True)
    if header.size_bytes == 0:
        state, effects = state.without_upload(number), ()
    state, noted = note_failure(state, uid, Failure(file.name, reason, number))
    state, said = complain(state, _REFUSED, reason)
    state, settled = settle(state, uid, at)
    return state, (*effects, *noted, *said, *settled)


def _accept(state: State, scan: Scan, file: File, at: float) -> Change:
    state, effects = _add(state, scan.item_uid, file, at, is_refused=False)
    moved: tuple[Effect, ...] = ()
    # Before the first BUSY the scan is not acknowledged, whatever arrives.
    if scan.outcome is None and scan.phase in ("acknowledged", "running"):
        state, moved = advance(state, scan, "uploading")
    if file.size_bytes > 0:
        return state, (*effects, *moved)
    state, finished = receive_bytes(state, 0, at)
    return state, (*effects, *moved, *finished)


def _add(state: State, item_uid: str, file: File, at: float, *, is_refused: bool) -> Change:
    number = state.next_upload
    generation = state.generation
    upload = Upload(number, generation, item_uid, file, "draining" if is_refused else "receiving", last_at=at)
    state = replace(state, uploads=(*state.uploads, upload), next_upload=number + 1)
    timer = SetTimer(Timer("upload_idle", str(number)), state.limits.upload_idle_s)
    return state, (timer,) if is_refused else (OpenUpload(number, item_uid, file), timer)


def receive_bytes(state: State, size_bytes: int, at: float) -> Change:
    """Count a binary frame: part of the upload that is coming in, or a stray."""
    upload = state.incoming
    if upload is None:
        return _stray(state)
    upload = replace(upload, received=upload.received + size_bytes, last_at=at)
    state = state.with_upload(upload)
    if upload.stage == "draining":
        return _drain(state, upload)
    if upload.received > upload.file.size_bytes:
        # What still follows belongs to it, and has been answered with this.
        state = state.with_connection(is_stray_run=True)
        reason = f"more than the {upload.file.size_bytes} bytes that were announced arrived"
        return fail_upload(state, upload, reason, at)
    effects: tuple[Effect, ...] = (AppendUpload(upload.number, size_bytes),) if size_bytes else ()
    if upload.received < upload.file.size_bytes:
        return state, effects
    state = state.with_upload(replace(upload, stage="verifying"))
    return state, (*effects, _no_idle(upload), FinishUpload(upload.number))


def _stray(state: State) -> Change:
    if state.connection is None or state.connection.is_stray_run:
        return state, ()
    state = state.with_connection(is_stray_run=True)
    return complain(state, "stray_bytes", "Binary frames belong to an upload; send a file-transfer frame first.")


def _drain(state: State, upload: Upload) -> Change:
    if upload.received < upload.file.size_bytes:
        return state, ()
    return state.without_upload(upload.number), (_no_idle(upload),)


def _no_idle(upload: Upload) -> CancelTimer:
    return CancelTimer(Timer("upload_idle", str(upload.number)))


def drop_incoming(state: State, at: float, reason: str) -> Change:
    """End the upload whose bytes are awaited, if there is one."""
    upload = state.incoming
    if upload is None:
        return state, ()
    if upload.stage == "draining":
        return state.without_upload(upload.number), (_no_idle(upload),)
    return fail_upload(state, upload, reason, at)


def fail_upload(state: State, upload: Upload, reason: str, at: float, *, is_gone: bool = False) -> Change:
    """End an upload without a result; ``is_gone`` if the sink has already removed what there was of it."""
    effects: list[Effect] = [_no_idle(upload)] if upload.is_incoming else []
    if not is_gone:
        effects.append(DiscardUpload(upload.number))
    state, noted = note_failure(
        state.without_upload(upload.number),
        upload.item_uid,
        Failure(upload.file.name, reason, max(upload.number, upload.repeated_as)),
    )
    state, said = complain(state, FAILED, describe_failure(upload, reason))
    state, settled = settle(state, upload.item_uid, at)
    return state, (*effects, *noted, *said, *settled)


def describe_failure(upload: Upload, reason: str) -> str:
    """Return the sentence for the device."""
    return f"The upload of {upload.file.name!r} failed: {reason.removesuffix('.')}."


def note_failure(state: State, item_uid: str, failure: Failure) -> Change:
    """Keep that a file was announced and is not there: only one that is announced later can replace it."""
    scan = state.find(item_uid)
    if scan is None:
        return state, ()
    if len(scan.results) + len(scan.failed) >= state.limits.uploads_per_item:
        failure = replace(failure, name=_SURPLUS)
    earlier = next((each for each in scan.failed if each.name == failure.name), failure)
    kept = replace(failure, number=max(failure.number, earlier.number))
    others = tuple(each for each in scan.failed if each.name != failure.name)
    state = state.with_scan(replace(scan, failed=(*others, kept)))
    return state, (ReportUploadFailed(item_uid, failure.name, failure.reason),)
