"""What must hold in every state of a device session: checked after every step under test."""

from __future__ import annotations

from http_gateway.dialects.scanhub.model import Connection, Scan, State


def violations(state: State) -> list[str]:
    """Return a sentence for every rule that ``state`` breaks; an empty list if it breaks none."""
    uids = [scan.item_uid for scan in (state.scan, *state.ended) if scan is not None]
    numbers = [upload.number for upload in state.uploads]
    incoming = [upload for upload in state.uploads if upload.is_incoming]
    rules = {
        "an item is known twice": len(set(uids)) != len(uids),
        "an upload is known twice": len(set(numbers)) != len(numbers),
        "two uploads come in at once": len(incoming) > 1,
        "an upload comes in without a connection": bool(incoming) and state.connection is None,
        "an upload comes in for another connection": any(each.generation != state.generation for each in incoming),
        "an upload belongs to an item that is not known": any(
            upload.item_uid and state.find(upload.item_uid) is None for upload in state.uploads
        ),
        "the connection is not the newest": state.connection is not None
        and state.connection.generation != state.generation,
        "more is remembered than the limit": len(state.ended) > state.limits.remembered_items + len(state.uploads) + 1,
        "an ended item has no outcome": any(scan.outcome is None for scan in state.ended),
    }
    found = [text for text, broken in rules.items() if broken]
    return found + (_scan_violations(state.scan, state.connection) if state.scan is not None else [])


def _scan_violations(scan: Scan, connection: Connection | None) -> list[str]:
    is_at_device = scan.phase != "recording" and not scan.callback_ended
    rules = {
        "an active item has an outcome": scan.outcome is not None,
        "the callback has ended before it began": scan.callback_ended and scan.phase in ("recording", "dispatched"),
        "nothing ends the wait for uploads": scan.callback_ended and scan.grace_until is None,
        "an item is active on a connection that is gone": not scan.callback_ended
        and (connection is None or connection.generation != scan.generation),
        "the device is talked to while it scans": is_at_device and connection is not None and not connection.is_quiet,
        "progress is no percentage": not 0 <= scan.progress <= 100,
    }
    return [text for text, broken in rules.items() if broken]
