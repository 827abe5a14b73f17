"""What the files of recorded runs tell of them, for an index that lacks them. It reads the first and the last line."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from queue_server.client.run_location import RUN_PLACE, RunFile, open_run_file
from queue_server.protocol.documents import LONGEST_LINE_BYTES, read_line
from queue_server.protocol.errors import CuelightError, RunFileError

_LONGEST_NAME = 128
_LONGEST_UID = 512
_LARGEST = 2**63 - 1
_MOST_STREAMS = 256
_LONGEST_STOP_BYTES = 1024 * 1024


def scan_runs(data: Path, tell: Callable[[str], object]) -> Iterator[dict[str, Any]]:
    """Yield what the method ``run_add`` takes for each run below a data directory, the oldest months first.

    ``tell`` is given a sentence for each file that is no file of a run.
    """
    for path in sorted((data / "runs").glob("*/*.jsonl")):
        place = path.relative_to(data).as_posix()
        if not RUN_PLACE.fullmatch(place):
            continue
        try:
            with closing(open_run_file(data, {"uid": path.stem, "file": place})) as file:
                yield _describe(file, place)
        except (CuelightError, OSError) as error:
            tell(f"{path} is passed over: {error}")


def _describe(file: RunFile, place: str) -> dict[str, Any]:
    with file.path.open("rb") as stream:
        name, start = _read(stream.readline(LONGEST_LINE_BYTES))
        if name != "start" or not isinstance(start.get("uid"), str):
            raise RunFileError("It does not begin with a start document.")
        last, stop = _read_last(stream)
    known = _map(start.get("cuelight"))
    texts = {name: _text(known.get(name), _LONGEST_UID) for name in ("item_uid", "submission")}
    entry: dict[str, Any] = {
        "uid": start["uid"][:_LONGEST_UID],
        "file": place,
        "time_start": _time(start, os.stat(file.path).st_mtime),
        "scan_id": _whole(start.get("scan_id")),
        "plan_name": _text(start.get("plan_name"), _LONGEST_NAME),
        "lane": _text(known.get("lane"), _LONGEST_NAME),
        "attempt": max(0, _whole(known.get("attempt")) or 0),
        **texts,
    }
    if last == "stop":
        entry["exit_status"] = _text(stop.get("exit_status"), _LONGEST_NAME)
        entry["time_stop"] = _time(stop, entry["time_start"])
        entry["num_events"] = _counts(stop.get("num_events"))
    return entry


def _read(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        return read_line(line)
    except ValueError:
        return "", {}


def _read_last(stream: Any) -> tuple[str, dict[str, Any]]:
    """Return the last line if it is whole and not too long for a stop document."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _LONGEST_STOP_BYTES))
    lines = stream.read(_LONGEST_STOP_BYTES).splitlines()
    return _read(lines[-1]) if lines else ("", {})


def _time(document: Mapping[str, Any], otherwise: float) -> float:
    time = document.get("time")
    return float(time) if isinstance(time, (int, float)) and math.isfinite(time) else otherwise


def _text(value: object, longest: int) -> str:
    return value[:longest] if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST
    return cast("int", value) if is_whole else None


def _counts(value: object) -> dict[str, int]:
    counts = {name: count for name, found in _map(value).items() if (count := _whole(found)) is not None and count >= 0}
    return {name: count for name, count in list(counts.items())[:_MOST_STREAMS] if len(name) <= _LONGEST_NAME}


def _map(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
